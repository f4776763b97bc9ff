//! The replica of the log that every gateway holds: all live games and the recent publications. Snapshots, resumes,
//! reconnecting herds and slow readers are answered from here; no broker call is ever made for a subscriber.
//!
//! One task writes ([`Writer`]); shards and handlers read through a [`View`], for microseconds. What they
//! take out of it is immutable and shared. The scoreboard knows no sessions and no sockets.

mod changes;
mod entry;
mod index;
mod ring;
mod state;
mod view;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::Topic;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, watch};

pub use changes::Change;
pub use entry::{Encodings, Entry, Shown};
pub use ring::RingBounds;
use state::State;
pub use view::{Catchup, Span, View};

use crate::broker::Followed;

/// How the scoreboard is kept.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Bounds of the recent publications.
    pub recent: RingBounds,
    /// How long removals are remembered; ms.
    pub tombstone_ms: i64,
    /// How long the broker may be away before clients are told.
    pub grace: Duration,
}

/// How near the truth the scoreboard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Not loaded yet.
    Loading,
    /// It follows the log.
    Live,
    /// The broker is away for longer than the grace: what is shown may be old.
    Away,
}

/// The shared scoreboard.
pub struct Scoreboard {
    state: RwLock<State>,
    settings: Settings,
    wakers: Mutex<Vec<Waker>>,
    head: watch::Sender<u64>,
    liveness: watch::Sender<Liveness>,
}

type Waker = Box<dyn Fn() + Send + Sync>;

impl Scoreboard {
    /// An empty scoreboard, to be filled by its [`Writer`].
    #[must_use]
    pub fn new(settings: Settings) -> Arc<Scoreboard> {
        Arc::new(Scoreboard {
            state: RwLock::new(State::new("".into(), 0, settings.recent)),
            settings,
            wakers: Mutex::default(),
            head: watch::Sender::new(0),
            liveness: watch::Sender::new(Liveness::Loading),
        })
    }

    /// This moment of it. Hold it briefly: the log waits meanwhile.
    pub fn view(&self) -> View<'_> {
        let state = self.state.read();
        View { head: state.head, state }
    }

    /// Calls `wake` whenever there is something new; it must not block.
    pub fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.wakers.lock().push(Box::new(wake));
    }

    /// Follows the head, for those who wait on an async task.
    #[must_use]
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Follows the liveness.
    #[must_use]
    pub fn liveness(&self) -> watch::Receiver<Liveness> {
        self.liveness.subscribe()
    }

    /// The one that writes it.
    #[must_use]
    pub fn writer(self: &Arc<Self>) -> Writer {
        Writer { board: self.clone(), loading: None, away: Away::default() }
    }
}

/// Applies what the broker tells. There is one to a scoreboard.
pub struct Writer {
    board: Arc<Scoreboard>,
    loading: Option<Loading>,
    away: Away,
}

impl Writer {
    /// Follows the broker until it stops telling. `hear` gets all that is told, before
    /// it is taken.
    pub async fn follow(mut self, mut told: mpsc::Receiver<Followed>, mut hear: impl FnMut(&Followed) + Send) {
        const BATCH: usize = 256;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let deadline = self.away.deadline(self.board.settings.grace);
            tokio::select! {
                taken = told.recv_many(&mut batch, BATCH) => if taken == 0 { return },
                () = tokio::time::sleep_until(deadline.into()), if self.away.waiting() => self.away.told = true,
            }
            for event in batch.drain(..) {
                hear(&event);
                self.take(event);
            }
            self.wake();
        }
    }

    /// Applies one thing the broker tells. Nobody is woken: see [`Writer::wake`].
    pub fn take(&mut self, event: Followed) {
        self.away.hear(&event);
        let Writer { board, loading, .. } = self;
        match event {
            Followed::Loading { epoch } => {
                let held = board.state.read();
                let rolled = held.loaded && held.epoch != epoch;
                let state = State::new(epoch, held.generation + u64::from(rolled), board.settings.recent);
                *loading = Some(Loading { state, last: HashMap::new() });
            }
            Followed::Record(record) => match loading {
                Some(next) => next.state.load(*record),
                None => board.state.write().load(*record),
            },
            Followed::Recent(publication) => {
                if let Some(next) = loading {
                    next.state.recall(publication, &mut next.last);
                }
            }
            Followed::Loaded { head, now, horizon } => {
                if let Some(Loading { state: mut next, .. }) = loading.take() {
                    next.recalled(head);
                    (next.head, next.horizon, next.clock, next.loaded) = (head, horizon, (now, Instant::now()), true);
                    *board.state.write() = next;
                }
            }
            Followed::Published(publication) => board.state.write().apply(publication),
            Followed::Unreadable { offset, record } => board.state.write().skip(offset, record.map(|record| *record)),
            Followed::Checked { now } => {
                let mut state = board.state.write();
                state.clock = (now, Instant::now());
                state.forget(now - board.settings.tombstone_ms);
            }
            Followed::Filled | Followed::Away => {}
        }
    }

    /// Wakes everybody who waits for something new.
    pub fn wake(&self) {
        let board = &self.board;
        let (head, loaded) = {
            let state = board.state.read();
            (state.head, state.loaded)
        };
        let liveness = match (loaded, self.away.told) {
            (false, _) => Liveness::Loading,
            (true, true) => Liveness::Away,
            (true, false) => Liveness::Live,
        };
        board.head.send_replace(head);
        board.liveness.send_if_modified(|held| std::mem::replace(held, liveness) != liveness);
        for wake in board.wakers.lock().iter() {
            wake();
        }
    }
}

/// A scoreboard that is being filled beside the one that serves.
struct Loading {
    state: State,
    /// The newest recent publication of each game so far.
    last: HashMap<Topic, u64>,
}

/// Since when the broker is away, and whether clients were told.
#[derive(Default)]
struct Away {
    /// When it was last heard. A server that hangs is found out seconds later; the grace runs from here.
    heard: Option<Instant>,
    since: Option<Instant>,
    told: bool,
}

impl Away {
    fn hear(&mut self, event: &Followed) {
        match event {
            Followed::Away => self.since = self.since.or(self.heard).or_else(|| Some(Instant::now())),
            Followed::Loaded { .. } | Followed::Published(_) | Followed::Checked { .. } => {
                *self = Away { heard: Some(Instant::now()), ..Away::default() };
            }
            _ => {}
        }
    }

    fn waiting(&self) -> bool {
        self.since.is_some() && !self.told
    }

    fn deadline(&self, grace: Duration) -> Instant {
        self.since.unwrap_or_else(Instant::now) + grace
    }
}
