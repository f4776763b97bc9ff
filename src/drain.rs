//! The stop signal. Whoever owns it begins it once; everybody else watches.

use tokio::sync::watch;

/// Tells everybody to finish.
#[derive(Debug)]
pub struct Drainer(watch::Sender<bool>);

/// Hears it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Drain(watch::Receiver<bool>);

/// A stop signal and its watcher.
#[must_use]
pub fn channel() -> (Drainer, Drain) {
    let (sender, receiver) = watch::channel(false);
    (Drainer(sender), Drain(receiver))
}

impl Drainer {
    /// From now on everybody finishes.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Drain {
    /// Whether it has begun.
    #[must_use]
    pub fn begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it begins (or when whoever could begin it is gone).
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        let _ = receiver.wait_for(|begun| *begun).await;
    }
}
