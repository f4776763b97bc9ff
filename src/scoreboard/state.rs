//! The replica itself: games, topic index, ring; and how a publication changes them. One thread writes.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use feeds::Topic;

use super::entry::{Encodings, Entry, Shown, weigh};
use super::index::TopicIndex;
use super::ring::{Mark, Ring, RingBounds};
use crate::broker::{Event, Publication, Record, RecordBody, Update};
use crate::wire::FeedStatus;

/// Everything a gateway knows of the log.
#[derive(Debug)]
pub(super) struct State {
    pub(super) epoch: Arc<str>,
    /// Counts the histories: another number means that cursors of before are void.
    pub(super) generation: u64,
    pub(super) head: u64,
    /// The greatest offset of a tombstone that was dropped.
    pub(super) horizon: u64,
    pub(super) games: HashMap<Topic, Arc<Shown>>,
    pub(super) topics: HashMap<Topic, TopicIndex>,
    pub(super) ring: Ring,
    /// What each feed was last said to be, and before, with the offset: oldest first.
    pub(super) feeds: BTreeMap<String, Vec<(u64, FeedStatus)>>,
    /// The log's clock (ms) at an instant of ours.
    pub(super) clock: (i64, Instant),
    pub(super) loaded: bool,
    bounds: RingBounds,
}

impl State {
    pub(super) fn new(epoch: Arc<str>, generation: u64, bounds: RingBounds) -> State {
        State {
            epoch,
            generation,
            head: 0,
            horizon: 0,
            games: HashMap::new(),
            topics: HashMap::new(),
            ring: Ring::default(),
            feeds: BTreeMap::new(),
            clock: (0, Instant::now()),
            loaded: false,
            bounds,
        }
    }

    /// Takes a game as the log holds it, in place of what is held.
    pub(super) fn load(&mut self, record: Record) {
        let left = record.body.left.clone();
        let shown = Arc::new(Shown::new(record));
        let (offset, at) = (shown.offset, shown.at);
        let before = self.games.insert(shown.game.clone(), shown.clone());
        let held = before.as_ref().map_or(0, |held| held.offset);
        for topic in before.iter().flat_map(|held| &held.topics) {
            self.index(topic).left(&shown.game, held, offset, at);
        }
        for topic in &shown.topics {
            match shown.removed {
                true => self.index(topic).left(&shown.game, held, offset, at),
                false => self.index(topic).covers(&shown.game, held, offset),
            }
        }
        // When exactly it left is not kept; the offset of its last change is late enough for every cursor.
        for topic in left.keys().filter(|topic| !shown.topics.contains(topic)) {
            self.index(topic).left(&shown.game, held, offset, at);
        }
    }

    /// Takes a publication that the loaded games already contain. `last` holds the offset of each game's newest so far.
    pub(super) fn recall(&mut self, publication: Arc<Publication>, last: &mut HashMap<Topic, u64>) {
        let offset = publication.position.offset;
        if self.ring.is_new() && offset > 1 {
            // When the one before it was stored is not known, but that it was there by then: what is held begins after it.
            self.ring.restart(Mark { at: publication.at, offset });
            self.hear_feed(&publication);
            last.extend(publication.game.clone().map(|game| (game, offset)));
            return;
        }
        // Where the one before is not held it is at or before the floor, which is all that a reader needs to know.
        let prev = publication.game.clone().and_then(|game| last.insert(game, offset)).unwrap_or(self.ring.floor());
        self.hear_feed(&publication);
        let weight = weight(&publication);
        self.push(publication, prev, weight, None);
    }

    /// All is recalled, up to `head`: finds what was stored when before that, and the games whose former life is not known
    /// any more.
    pub(super) fn recalled(&mut self, head: u64) {
        let mut marks: Vec<_> = self.games.values().map(|game| Mark { at: game.at, offset: game.offset }).collect();
        marks.sort_unstable_by_key(|mark| mark.offset);
        if self.ring.is_new() && head > 0 {
            let at = marks.last().map_or(0, |newest| newest.at);
            self.ring.restart(Mark { at, offset: head });
        }
        self.ring.remember(marks);
        for entry in self.ring.after(self.ring.floor()) {
            let Some(game) = &entry.publication.game else { continue };
            if !matches!(entry.publication.event, Event::Removed { .. }) {
                continue;
            }
            if let Some(shown) = self.games.get(game).filter(|shown| shown.removed && shown.offset == entry.offset()) {
                // The tombstone has the last document.
                let _ = entry.last.set(Arc::new(shown.alive(&entry.publication, entry.prev)));
                continue;
            }
            let mut lost = self.ring.get(entry.prev);
            while let Some(entry) = lost {
                entry.lost.store(true, Ordering::Relaxed);
                lost = self.ring.get(entry.prev);
            }
        }
    }

    /// Applies the next publication.
    pub(super) fn apply(&mut self, publication: Arc<Publication>) {
        let weight = weight(&publication);
        let offset = publication.position.offset;
        let mut prev = 0;
        let mut last = None;
        if let Some(game) = &publication.game {
            let held = self.games.remove(game);
            prev = held.as_ref().map_or(0, |held| held.offset);
            let shown = match &publication.event {
                Event::Update(update) => Some(self.update(&publication, update, game, held)),
                Event::Removed { .. } => {
                    last.clone_from(&held);
                    held.map(|held| self.removed(&publication, &held))
                }
                Event::Feed { .. } => held,
            };
            if let Some(shown) = shown {
                self.games.insert(game.clone(), shown);
            }
        }
        self.hear_feed(&publication);
        self.head = offset;
        self.push(publication, prev, weight, last);
    }

    fn hear_feed(&mut self, publication: &Publication) {
        let Event::Feed { feed, status } = &publication.event else { return };
        let said = self.feeds.entry(feed.clone()).or_default();
        said.push((publication.position.offset, *status));
        // One before the ring's begin is enough for the longest delay.
        let floor = self.ring.floor();
        let old = said.iter().take_while(|said| said.0 <= floor).count();
        said.drain(..old.saturating_sub(1));
    }

    fn update(
        &mut self,
        publication: &Publication,
        update: &Update,
        game: &Topic,
        held: Option<Arc<Shown>>,
    ) -> Arc<Shown> {
        let (offset, at) = (publication.position.offset, publication.at);
        let before = held.as_ref().map_or(0, |held| held.offset);
        for topic in &update.topics {
            self.index(topic).covers(game, before, offset);
        }
        for topic in &update.left {
            self.index(topic).left(game, before, offset, at);
        }
        let mut document = match held {
            Some(held) if publication.base > 0 => {
                Arc::try_unwrap(held).map_or_else(|held| held.document.clone(), |held| held.document)
            }
            _ => feeds::Document::new(),
        };
        feeds::document::apply(&mut document, &update.patch);
        Arc::new(Shown {
            game: game.clone(),
            version: publication.version,
            score_version: publication.score_version,
            offset,
            at,
            removed: false,
            document,
            topics: update.topics.clone(),
            encodings: Encodings::default(),
            spans: parking_lot::Mutex::default(),
        })
    }

    fn removed(&mut self, publication: &Publication, held: &Shown) -> Arc<Shown> {
        let (offset, at) = (publication.position.offset, publication.at);
        for topic in &held.topics {
            self.index(topic).left(&held.game, held.offset, offset, at);
        }
        Arc::new(Shown::new(Record {
            game: held.game.clone(),
            version: publication.version,
            score_version: publication.score_version,
            offset,
            at,
            removed: true,
            body: RecordBody { document: held.document.clone(), ..RecordBody::default() },
        }))
    }

    fn push(&mut self, publication: Arc<Publication>, prev: u64, weight: usize, last: Option<Arc<Shown>>) {
        let entry = Entry {
            publication,
            prev,
            arrived: Instant::now(),
            encodings: Encodings::default(),
            weight,
            last: last.map(OnceLock::from).unwrap_or_default(),
            lost: AtomicBool::new(false),
            before: OnceLock::new(),
        };
        self.ring.push(Arc::new(entry), self.bounds);
    }

    /// Passes over an entry that cannot be read: history begins anew after it, and its game is taken as it is held.
    pub(super) fn skip(&mut self, offset: u64, record: Option<Record>) {
        self.head = offset;
        let (at, instant) = self.clock;
        self.ring.restart(Mark { at: at + i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX), offset });
        if let Some(record) = record {
            self.load(record);
        }
    }

    /// Drops tombstones older than `before` (ms).
    pub(super) fn forget(&mut self, before: i64) {
        let dropped = self.topics.values_mut().map(|index| index.forget(before)).max().unwrap_or(0);
        self.horizon = self.horizon.max(dropped);
        self.topics.retain(|_, index| !index.is_empty());
        self.games.retain(|_, shown| !shown.removed || shown.at >= before);
    }

    fn index(&mut self, topic: &Topic) -> &mut TopicIndex {
        if !self.topics.contains_key(topic) {
            self.topics.insert(topic.clone(), TopicIndex::default());
        }
        self.topics.get_mut(topic).expect("it was put there just now")
    }
}

fn weight(publication: &Publication) -> usize {
    const ENTRY: usize = 1_024;
    match &publication.event {
        Event::Update(update) => ENTRY + weigh(&update.patch) + weigh(&update.undo),
        Event::Removed { .. } | Event::Feed { .. } => ENTRY,
    }
}
