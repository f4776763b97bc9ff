//! Fan-out: shards that own their connections' outlets and bring them what the scoreboard holds.
//!
//! A shard is a cursor into the recent ring plus a wake-up. There is no queue of updates per connection: who does not read
//! costs its cursor and one partly written frame, and is caught up by `since` when it reads again.

mod audience;
mod conn;
mod frame;
mod groups;
mod hear;
mod identify;
mod live;
mod outlet;
mod poll;
mod rest;
mod serve;
mod shard;
mod sweep;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

pub use audience::Audience;
pub use outlet::{ClientEnd, Outlet};
pub use poll::{Answer, Poll, Step};

use crate::auth::{Access, Denied, Seat, Tokens};
use crate::codec;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::scoreboard::Scoreboard;
use crate::session;
use crate::wire::{Detail, ErrorReply, Form, Options};
use shard::{Handle, Shard};

/// How connections are served.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The gateway's name in `hello`.
    pub gateway: String,
    /// Silence after which a heartbeat is sent; a client that acknowledges nothing for twice as long is closed.
    pub heartbeat: Duration,
    /// Bounds of a session.
    pub session: session::Limits,
    /// Bounds of a client's message.
    pub message: codec::Limits,
    /// Commands a connection may send per second, and at once.
    pub commands: (u32, u32),
    /// What is asked of subscribers; `None`: nothing.
    pub tokens: Option<Arc<Tokens>>,
    /// How long a connection without a token has to say one.
    pub token_time: Duration,
}

/// Who comes.
#[derive(Debug)]
pub enum Admission {
    /// One who may see this; its place among those of its subject, where they are counted.
    Granted(Arc<Access>, Option<Seat>),
    /// One who has yet to say a token, by the command `auth`.
    Awaited,
    /// One who may not, and hears why on the connection: a browser is told nothing else.
    Refused(Denied),
}

/// A connection whose handshake is done.
pub struct Arrival {
    /// Where its bytes go: a plain socket after its 101, or the channel to whoever carries them on.
    pub outlet: Outlet,
    /// What the client already sent behind its handshake.
    pub read_ahead: Vec<u8>,
    /// How it wants its messages.
    pub form: Form,
    /// How it wants to be served.
    pub options: Options,
    /// Who it is.
    pub admission: Admission,
    /// The subscription of the URL.
    pub subscribe: Option<Subscribe>,
    /// Its place under the connection limit, given back when it is dropped.
    pub permit: Box<dyn Any + Send>,
}

/// A subscription by URL: id 0.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// Topics as the client wrote them.
    pub topics: Vec<String>,
    /// The detail.
    pub detail: Detail,
    /// Where the client left off.
    pub since: Option<String>,
}

/// The shards.
pub struct Fanout {
    shards: Vec<Handle>,
    board: Arc<Scoreboard>,
    metrics: Arc<Metrics>,
    settings: Arc<Live<Settings>>,
    next: AtomicUsize,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    lost: Arc<Notify>,
}

/// Rings when it is dropped, be it by a panic, unless it was switched off.
struct Alarm(Option<Arc<Notify>>);

impl Alarm {
    fn silence(mut self) {
        self.0 = None;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(lost) = &self.0 {
            lost.notify_one();
        }
    }
}

impl Fanout {
    /// Starts `count` shards over a scoreboard.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub fn start(
        count: usize,
        board: &Arc<Scoreboard>,
        metrics: &Arc<Metrics>,
        settings: &Arc<Live<Settings>>,
    ) -> std::io::Result<Arc<Fanout>> {
        let lost = Arc::new(Notify::new());
        let mut shards = Vec::new();
        let mut threads = Vec::new();
        for number in 0..count.max(1) {
            let (shard, handle) = Shard::new(board.clone(), metrics.clone(), settings.clone())?;
            let thread = std::thread::Builder::new().name(format!("shard-{number}"));
            let alarm = Alarm(Some(Arc::clone(&lost)));
            threads.push(thread.spawn(move || match shard.run() {
                Ok(()) => alarm.silence(),
                Err(error) => tracing::error!(%error, "a shard's event queue failed"),
            })?);
            let waker = handle.clone();
            board.on_change(move || waker.log_moved());
            shards.push(handle);
        }
        let (board, metrics, settings) = (Arc::clone(board), Arc::clone(metrics), Arc::clone(settings));
        let (next, threads) = (AtomicUsize::new(0), Mutex::new(threads));
        Ok(Arc::new(Fanout { shards, board, metrics, settings, next, threads, lost }))
    }

    /// Waits until a shard is lost: by a fault of ours, for nothing that clients do may end one. Its connections are cut,
    /// and who is handed to it is served by nobody, so the process must not go on.
    pub async fn lost(&self) {
        self.lost.notified().await;
    }

    /// How many topics a connection may have.
    #[must_use]
    pub fn most_topics(&self) -> usize {
        self.settings.get().session.topics
    }

    /// Whether a subscription can be taken at all.
    ///
    /// # Errors
    /// When a topic or the position is malformed, the token does not cover a topic, or there are too many.
    pub fn check(&self, subscribe: &Subscribe, access: &Arc<Access>) -> Result<(), ErrorReply> {
        let Subscribe { topics, detail, since } = subscribe;
        let mut session = session::Session::new(Options::default(), Arc::clone(access));
        session.subscribe(0, topics, *detail, since.as_deref(), &self.settings.get().session)
    }

    /// Hands a connection to the next shard. When the shard's door is full the connection is dropped (and its client
    /// comes again): false.
    pub fn adopt(&self, arrival: Arrival) -> bool {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        self.shards[next].adopt(arrival)
    }

    /// Sends everybody away, spread over the window; who comes meanwhile is sent away at once.
    pub fn drain(&self, window: Duration) {
        for shard in &self.shards {
            shard.drain(window);
        }
    }

    /// Ends the shards once nobody is left; nobody comes any more.
    pub async fn end(&self) {
        for shard in &self.shards {
            shard.end();
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joined.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_that_panics_rings_and_one_that_was_told_to_end_does_not() {
        let lost = Arc::new(Notify::new());
        let quiet = Alarm(Some(Arc::clone(&lost)));
        std::thread::spawn(move || quiet.silence()).join().unwrap();
        let rings = || tokio::time::timeout(Duration::from_millis(20), lost.notified());
        assert!(rings().await.is_err());
        let alarm = Alarm(Some(Arc::clone(&lost)));
        let panicked = std::thread::spawn(move || {
            let _alarm = alarm;
            panic!("on purpose");
        });
        assert!(panicked.join().is_err() && rings().await.is_ok());
    }
}
