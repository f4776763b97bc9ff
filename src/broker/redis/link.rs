//! The connection that all publishers share: their commands are pipelined on it. Lost, it is opened again by whoever
//! needs it next; those who come meanwhile wait for that one try.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{PushInfo, PushKind, RedisResult};
use parking_lot::Mutex;

use super::finder::{Finder, fault, lost};
use crate::broker::BrokerError;

/// After a failed try, everybody fails for this long without one.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Link {
    finder: Arc<Finder>,
    held: Arc<Mutex<Held>>,
    /// Who opens it.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    /// Which connection it is: an error of an earlier one says nothing about it.
    number: u64,
    connection: Option<MultiplexedConnection>,
    /// Why the last try failed.
    failed: Option<(Instant, BrokerError)>,
}

impl Held {
    fn forget(&mut self, number: u64) {
        if self.number == number {
            self.connection = None;
        }
    }
}

impl Link {
    pub(super) fn new(finder: Arc<Finder>) -> Link {
        Link { finder, held: Arc::default(), opening: tokio::sync::Mutex::default() }
    }

    /// Does something with the connection, once: whether it was done is not known after every error.
    ///
    /// # Errors
    /// Why it could not be done, or may not have been.
    pub(super) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, BrokerError> {
        self.numbered(work).await.map(|(_, done)| done)
    }

    /// The same, and which connection it was.
    ///
    /// # Errors
    /// As [`Link::run`].
    pub(super) async fn numbered<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<(u64, T), BrokerError> {
        let (number, connection) = self.connection().await?;
        Ok((number, self.on((number, connection), work).await?))
    }

    /// Does something with this connection and no other.
    ///
    /// # Errors
    /// As [`Link::run`]; and when that connection is gone.
    pub(super) async fn same<T>(
        &self,
        number: u64,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, BrokerError> {
        let held = self.held().filter(|held| held.0 == number);
        self.on(held.ok_or_else(|| BrokerError::Away("the connection ended".to_owned()))?, work).await
    }

    async fn on<T>(
        &self,
        (number, mut connection): (u64, MultiplexedConnection),
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, BrokerError> {
        work(&mut connection).await.map_err(|error| {
            if lost(&error) {
                self.held.lock().forget(number);
            }
            fault(error)
        })
    }

    /// Opens another connection the next time.
    pub(super) fn forget(&self) {
        self.held.lock().connection = None;
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), BrokerError> {
        if let Some(held) = self.held() {
            return Ok(held);
        }
        let came = Instant::now();
        let _turn = self.opening.lock().await;
        if let Some(held) = self.held() {
            return Ok(held);
        }
        let number = {
            let mut held = self.held.lock();
            if let Some((when, why)) = held.failed.as_ref().filter(|(when, _)| *when + PAUSE > came) {
                tracing::debug!(ago = ?when.elapsed(), "not tried again yet");
                return Err(why.clone());
            }
            held.number += 1;
            held.number
        };
        // A connection that ends while nothing is asked must not be found out by the next publisher.
        let theirs = Arc::downgrade(&self.held);
        let opened = self.finder.open(move |push: PushInfo| -> Result<(), ()> {
            if let (PushKind::Disconnection, Some(held)) = (push.kind, theirs.upgrade()) {
                held.lock().forget(number);
            }
            Ok(())
        });
        let opened = opened.await;
        let mut held = self.held.lock();
        match opened {
            Ok((connection, _)) => {
                (held.connection, held.failed) = (Some(connection.clone()), None);
                Ok((number, connection))
            }
            Err(why) => {
                held.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    fn held(&self) -> Option<(u64, MultiplexedConnection)> {
        let held = self.held.lock();
        held.connection.clone().map(|connection| (held.number, connection))
    }
}
