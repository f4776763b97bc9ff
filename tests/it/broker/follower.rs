//! A follower that holds the broker to its word: a small replica, built only from what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use feeds::{Document, Topic, document};
use scoreline::broker::{Broker, Event, Followed, Publication, Record, RecordBody};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::words::game;

/// Hangs must fail, not hang.
const HANGS: Duration = Duration::from_secs(30);

/// What a follower knows.
pub(crate) struct Follower {
    told: mpsc::Receiver<Followed>,
    task: JoinHandle<()>,
    loading: bool,
    /// How often it was told to load.
    pub(crate) loads: u32,
    pub(crate) epoch: Arc<str>,
    pub(crate) records: BTreeMap<Topic, Record>,
    /// Recent and published since it loaded last.
    pub(crate) log: Vec<Arc<Publication>>,
    /// The newest offset.
    pub(crate) head: u64,
    pub(crate) horizon: u64,
    /// The log's clock as last told.
    pub(crate) now: i64,
    /// Offsets of entries that could not be read.
    pub(crate) unreadable: Vec<u64>,
}

/// A follower that has just loaded.
pub(crate) async fn loaded(broker: &Arc<dyn Broker>) -> Follower {
    let mut follower = Follower::of(broker, 64);
    follower.until(0).await;
    follower
}

impl Follower {
    /// Follows with room for `capacity` messages that were not received yet.
    pub(crate) fn of(broker: &Arc<dyn Broker>, capacity: usize) -> Follower {
        let (tell, told) = mpsc::channel(capacity);
        let broker = broker.clone();
        let task = tokio::spawn(async move { broker.follow(tell).await });
        Follower {
            told,
            task,
            loading: true,
            loads: 0,
            epoch: "".into(),
            records: BTreeMap::new(),
            log: Vec::new(),
            head: 0,
            horizon: 0,
            now: 0,
            unreadable: Vec::new(),
        }
    }

    /// Drops the receiver and waits until the broker has let go.
    pub(crate) async fn stop(self) {
        drop(self.told);
        timeout(HANGS, self.task).await.expect("a dropped receiver ends the follower").unwrap();
    }

    /// Receives until it has loaded and knows everything up to `offset`.
    pub(crate) async fn until(&mut self, offset: u64) {
        // What is told each second would keep it waiting for ever.
        let told = async {
            while self.loading || self.head < offset {
                self.next().await;
            }
        };
        timeout(2 * HANGS, told).await.expect("it is told up to there");
    }

    /// Receives and checks the next message.
    pub(crate) async fn next(&mut self) -> Followed {
        let told = timeout(HANGS, self.told.recv()).await.expect("a message in time").expect("follow goes on");
        match told.clone() {
            Followed::Loading { epoch } => self.load(epoch),
            Followed::Record(record) => {
                assert!(self.loading);
                let doubled = self.records.insert(record.game.clone(), *record);
                assert!(doubled.is_none(), "{doubled:?} came twice");
            }
            Followed::Recent(publication) => {
                assert!(self.loading);
                if let Some(last) = self.log.last() {
                    assert_eq!(publication.position.offset, last.position.offset + 1);
                    assert!(publication.at >= last.at);
                }
                self.log.push(publication);
            }
            Followed::Loaded { head, now, horizon } => self.loaded(head, now, horizon),
            Followed::Published(publication) => self.published(publication),
            Followed::Filled => assert!(!self.loading),
            Followed::Unreadable { offset, record } => {
                assert_eq!((self.loading, offset), (false, self.head + 1));
                self.head = offset;
                self.unreadable.push(offset);
                self.records.extend(record.map(|record| (record.game.clone(), *record)));
            }
            Followed::Checked { now } => {
                assert!(!self.loading);
                self.tick(now);
            }
            Followed::Away => {}
        }
        told
    }

    /// The document of a game that is there.
    pub(crate) fn document(&self, name: &str) -> Option<Document> {
        let record = self.records.get(&game(name)).filter(|record| !record.removed)?;
        Some(record.body.document.clone())
    }

    fn load(&mut self, epoch: Arc<str>) {
        if self.epoch != epoch {
            // Another history, which may be shorter.
            (self.head, self.horizon, self.now) = (0, 0, 0);
        }
        (self.loading, self.epoch) = (true, epoch);
        self.loads += 1;
        self.records.clear();
        self.log.clear();
    }

    fn loaded(&mut self, head: u64, now: i64, horizon: u64) {
        assert!(self.loading);
        assert!(self.log.last().is_none_or(|last| last.position.offset == head));
        assert!(self.records.values().all(|record| record.offset <= head));
        assert!(head >= self.head && horizon >= self.horizon && horizon <= head);
        (self.loading, self.head, self.horizon) = (false, head, horizon);
        self.tick(now);
    }

    fn tick(&mut self, now: i64) {
        assert!(now >= self.now && self.log.last().is_none_or(|last| now >= last.at));
        self.now = now;
    }

    /// Applies a publication, which must join.
    fn published(&mut self, publication: Arc<Publication>) {
        let Publication { ref position, at, ref game, base, version, score_base, score_version, ref event, .. } =
            *publication;
        assert_eq!((self.loading, position.offset), (false, self.head + 1));
        assert_eq!(position.epoch, self.epoch);
        assert!(self.log.last().is_none_or(|last| at >= last.at));
        self.head = position.offset;
        if let Some(game) = game {
            let held = self.records.get(game);
            assert_eq!(base, held.map_or(0, Record::held_version));
            assert!(base == 0 || held.is_some_and(|held| held.score_version == score_base));
            assert_eq!(version, if base == 0 { position.offset } else { base + 1 });
            let before = held.filter(|_| base > 0).map(|held| held.body.document.clone()).unwrap_or_default();
            let record = Record {
                game: game.clone(),
                version,
                score_version,
                offset: position.offset,
                at,
                removed: matches!(event, Event::Removed { .. }),
                body: RecordBody { document: after(before, event), ..RecordBody::default() },
            };
            self.records.insert(game.clone(), record);
        }
        self.log.push(publication);
    }
}

/// The document after an event, whose way back must lead back.
fn after(before: Document, event: &Event) -> Document {
    let Event::Update(update) = event else { return before };
    let mut after = before.clone();
    document::apply(&mut after, &update.patch);
    let mut back = after.clone();
    document::apply(&mut back, &update.undo);
    assert_eq!(back, before);
    after
}
