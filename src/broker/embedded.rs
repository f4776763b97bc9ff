//! The embedded engine: one redb file (or the same in memory), one writer's thread, group commit.
//!
//! What is answered was fsynced before, so the epoch stays across restarts: nobody saw more than there is.
//!
//! - `tables`: what is kept, row by row.
//! - `store`: the file, and how to go on after the disk refused.
//! - `batch`: one transaction: the contract's checks, the writes, the trims.
//! - `ids`: which ids were applied.
//! - `writer`: the thread that does all transactions.
//! - `tail`, `follow`: followers are cursors.
//!
//! It does not know other processes: the file is locked, so leases live in memory and end with the process.

mod batch;
mod follow;
mod ids;
mod store;
mod tables;
mod tail;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use feeds::Topic;
use parking_lot::{Mutex, MutexGuard, RwLock};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};

use self::batch::{Announced, Batch, Noted, Written};
use self::ids::{IDS, Index};
use self::store::{Store, unreadable};
use self::tables::State;
use self::tail::Tail;
use self::writer::{Ask, Job, Reply};
use super::{Bounds, Broker, BrokerError, Draft, Event, Followed, Heard, Outcome, Publication, Reading};
use crate::wire::{FeedStatus, Position};

/// The file in the engine's directory.
const FILE: &str = "log.redb";

/// The embedded engine. Dropping it finishes what is queued, then closes the file.
pub struct EmbeddedBroker {
    shared: Arc<Shared>,
    leases: Mutex<HashMap<String, Lease>>,
    /// `None` once it is being dropped.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

struct Lease {
    holder: String,
    until: Instant,
}

/// What publishers, followers and the writer share.
struct Shared {
    store: Store,
    bounds: Bounds,
    epoch: Arc<str>,
    ids: RwLock<Index>,
    clock: Clock,
    /// The newest committed offset.
    head: watch::Sender<u64>,
    tail: Mutex<Tail>,
}

impl EmbeddedBroker {
    /// An engine in memory: gone when it is dropped.
    ///
    /// # Errors
    /// None that are known.
    pub fn memory(bounds: Bounds) -> Result<EmbeddedBroker, BrokerError> {
        EmbeddedBroker::on(Arc::new(InMemoryBackend::new()), bounds)
    }

    /// An engine in a directory, which is created when it is not there.
    ///
    /// # Errors
    /// When the file in it cannot be written, is none of ours, or another process has it open.
    pub fn open(dir: &Path, bounds: Bounds) -> Result<EmbeddedBroker, BrokerError> {
        let file = dir.join(FILE);
        EmbeddedBroker::on(Arc::new(store::file(&file)?), bounds)
            .map_err(|error| BrokerError::Broken(format!("{}: {error}", file.display())))
    }

    /// An engine on any medium that redb can use.
    ///
    /// # Errors
    /// When the medium does not hold a log, or cannot be written.
    pub fn on(medium: Arc<dyn StorageBackend>, bounds: Bounds) -> Result<EmbeddedBroker, BrokerError> {
        let broken = |error: &dyn std::fmt::Display| BrokerError::Broken(error.to_string());
        let store = Store::open(medium).map_err(|error| broken(&error))?;
        let State { epoch, head, at, .. } = prepare(&store, &bounds).map_err(|error| broken(&error))?;
        let ids = RwLock::new(reread(&Index::default(), &store)?);
        let (head, tail) = (watch::Sender::new(head), Mutex::default());
        let shared = Arc::new(Shared { store, bounds, epoch, ids, clock: Clock::from(at), head, tail });
        let (jobs, waiting) = mpsc::channel(writer::WAITING);
        let theirs = shared.clone();
        let writer = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer::run(&theirs, waiting))
            .map_err(|error| broken(&error))?;
        Ok(EmbeddedBroker { shared, leases: Mutex::default(), jobs: Some(jobs), writer: Some(writer) })
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, BrokerError> {
        let gone = || BrokerError::Away("the log's writer is gone".into());
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { ask, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// What a directory holds for an engine, in words; it is only looked at.
///
/// # Errors
/// When there could be none: what is in the way is no directory, no file that may be read, or no log.
pub(super) fn look(dir: &Path) -> Result<String, BrokerError> {
    /// How every file of redb begins.
    const MAGIC: &[u8] = b"redb";
    let file = dir.join(FILE);
    let broken = |place: &Path, why: &dyn std::fmt::Display| BrokerError::Broken(format!("{}: {why}", place.display()));
    if !file.exists() {
        let is_there = |place: &&Path| place.exists() || place.as_os_str().is_empty();
        return match dir.ancestors().find(is_there).filter(|place| place.is_file()) {
            Some(place) => Err(broken(place, &"it is a file, and a directory is needed")),
            None => Ok("has no log yet: serve begins one".to_owned()),
        };
    }
    let mut begin = Vec::new();
    let read = File::open(&file).and_then(|held| held.take(MAGIC.len() as u64).read_to_end(&mut begin));
    read.map_err(|error| broken(&file, &error))?;
    match begin.is_empty() || begin == MAGIC {
        true => Ok(format!("has a log of {} bytes", file.metadata().map_or(0, |held| held.len()))),
        false => Err(broken(&file, &"it is no log")),
    }
}

/// Makes the tables where they are missing, and reads the state.
fn prepare(store: &Store, bounds: &Bounds) -> Result<State, redb::Error> {
    let txn = store.begin_write().map_err(|error| redb::Error::Corrupted(error.to_string()))?;
    let index = Index::default();
    let batch = Batch::open(&txn, &index, bounds, 0)?;
    let state = batch.state().clone();
    batch.finish(0)?;
    txn.commit()?;
    Ok(state)
}

fn reread(index: &Index, store: &Store) -> Result<Index, BrokerError> {
    let view = store.begin_read()?;
    let read = || index.reread(&view.open_table(IDS)?);
    read().map_err(unreadable)
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.jobs = None;
        // Ended by a panic, it has said so on stderr.
        let _ = self.writer.take().map(JoinHandle::join);
    }
}

#[async_trait]
impl Broker for EmbeddedBroker {
    async fn read(&self, game: &Topic, provider: &str, id: Option<&str>) -> Result<Reading, BrokerError> {
        // On this thread: tens of µs, most of it parsing the document; also from a file, whose pages are in memory.
        self.shared.read(game, provider, id)
    }

    async fn publish(&self, draft: Draft) -> Result<Outcome, BrokerError> {
        let Draft { game, expected, event, record, provider, key, stamp, image } = draft;
        let (event_json, body) = (json(&event), json(&record));
        let image = image.as_ref().map(json);
        let written = Written { game, expected, event, event_json, body, provider, key, stamp, image };
        match self.ask(Ask::Publish(Box::new(written))).await? {
            Reply::Published(outcome) => Ok(outcome),
            Reply::Announced(_) | Reply::Heard => unreachable!("a draft is answered by its outcome"),
        }
    }

    async fn announce(&self, feed: &str, status: FeedStatus) -> Result<Position, BrokerError> {
        let event = Event::Feed { feed: feed.to_owned(), status };
        let event_json = json(&event);
        match self.ask(Ask::Announce(Announced { event, event_json })).await? {
            Reply::Announced(position) => Ok(position),
            Reply::Published(_) | Reply::Heard => unreachable!("an announcement is answered by its place"),
        }
    }

    async fn heard(&self, heard: Heard) -> Result<(), BrokerError> {
        let Heard { game, provider, stamp, image } = heard;
        let image = image.as_ref().map(json);
        self.ask(Ask::Heard(Noted { game, provider, stamp, image })).await.map(drop)
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, BrokerError> {
        let mut leases = self.leases.lock();
        let now = Instant::now();
        leases.retain(|_, lease| lease.until > now);
        let ours = leases.get(name).is_none_or(|lease| lease.holder == holder);
        if ours {
            leases.insert(name.to_owned(), Lease { holder: holder.to_owned(), until: now + ttl });
        }
        Ok(ours)
    }

    async fn follow(&self, tell: mpsc::Sender<Followed>) {
        follow::follow(&self.shared, tell).await;
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        if self.jobs.as_ref().is_none_or(mpsc::Sender::is_closed) {
            return Err(BrokerError::Away("the log's writer is gone".into()));
        }
        self.shared.store.begin_read().map(drop)
    }
}

impl Shared {
    fn read(&self, game: &Topic, provider: &str, id: Option<&str>) -> Result<Reading, BrokerError> {
        let view = self.store.begin_read()?;
        let read = || {
            let said = (game.as_str(), provider);
            let record = view.open_table(tables::GAMES)?.get(said.0)?;
            let image = view.open_table(tables::IMAGES)?.get(said)?;
            let ids = view.open_table(IDS)?;
            let oldest = self.clock.now() - self.bounds.id_ms;
            let answer = |id| self.ids.read().answer(&ids, (provider, id), oldest, &self.epoch);
            Ok(Reading {
                record: record.map(|row| tables::record(game.as_str(), row.value())).transpose()?,
                stamp: tables::stamp(&view.open_table(tables::STAMPS)?, said)?,
                image: image.map(|row| tables::image(row.value())).transpose()?,
                answer: id.map(answer).transpose()?.flatten(),
            })
        };
        read().map_err(unreadable)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock()
    }

    /// Tells the followers what was committed.
    fn tell(&self, published: Vec<(Arc<Publication>, usize)>) {
        let Some(head) = published.last().map(|(last, _)| last.position.offset) else { return };
        let mut tail = self.tail();
        published.into_iter().for_each(|(publication, bytes)| tail.push(publication, bytes));
        drop(tail);
        self.head.send_replace(head);
    }

    /// Opens the store again; gives the head that is found there. Followers are told of what is beyond the last one told,
    /// a commit whose outcome was not known.
    fn reopen(&self) -> Result<u64, BrokerError> {
        self.store.reopen();
        let head = follow::place(&self.store.begin_read()?)?.head;
        let ids = reread(&self.ids.read(), &self.store)?;
        *self.ids.write() = ids;
        self.head.send_replace(head);
        Ok(head)
    }
}

/// The log's clock, in ms: wall time that never falls, nor stands still. Where that was set back, it goes on from where it
/// was, a little slower, until wall time has caught up: who watches with a delay must not wait for that.
struct Clock(Mutex<Led>);

/// When wall time was ahead last, and what it was.
struct Led {
    wall: i64,
    when: Instant,
}

impl Clock {
    fn from(wall: i64) -> Clock {
        Clock(Mutex::new(Led { wall, when: Instant::now() }))
    }

    fn now(&self) -> i64 {
        let ms = |time: u128| i64::try_from(time).unwrap_or(i64::MAX);
        let wall = ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis());
        let mut led = self.0.lock();
        let own = led.wall.saturating_add(ms(led.when.elapsed().as_millis() * 99 / 100));
        if wall >= own {
            *led = Led { wall, when: Instant::now() };
        }
        wall.max(own)
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("trees with text keys are JSON")
}
