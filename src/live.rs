//! A setting that may change while the service runs. Whoever uses it reads it where it is used, and holds on to what it read
//! for as long as that takes: a request, a connection, a command.

use std::sync::Arc;

use parking_lot::RwLock;

/// A value that is exchanged as a whole.
#[derive(Debug, Default)]
pub struct Live<T>(RwLock<Arc<T>>);

impl<T> Live<T> {
    /// Begins with this value.
    pub fn new(value: T) -> Live<T> {
        Live(RwLock::new(Arc::new(value)))
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read())
    }

    /// From now on it is this one.
    pub fn set(&self, value: T) {
        *self.0.write() = Arc::new(value);
    }
}
