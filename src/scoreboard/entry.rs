//! The two immutable things every thread shares: a publication in the ring, and a game as it stands. Both carry their
//! encodings, made at most once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use feeds::{Document, Topic};
use parking_lot::Mutex;

use crate::broker::{Event, Publication, Record, RecordBody};
use crate::wire::{Detail, Variant};

/// Encodings by variant, each made by whoever needs it first.
#[derive(Debug, Default)]
pub struct Encodings([OnceLock<Bytes>; Variant::COUNT]);

impl Encodings {
    /// The encoding of a variant; `encode` runs at most once for it.
    pub fn get(&self, variant: Variant, encode: impl FnOnce() -> Bytes) -> &Bytes {
        self.0[variant.index()].get_or_init(encode)
    }
}

/// A publication in the recent ring.
#[derive(Debug)]
pub struct Entry {
    /// What was published.
    pub publication: Arc<Publication>,
    /// The offset of the game's publication before this one; 0 = none that is known.
    pub prev: u64,
    /// When this gateway got it.
    pub arrived: Instant,
    /// The encodings of its live message.
    pub encodings: Encodings,
    /// What it weighs in the ring, about; bytes.
    pub(super) weight: usize,
    /// On removal: the game as it last was, which a delayed viewer still sees.
    pub(super) last: OnceLock<Arc<Shown>>,
    /// The game as it was then cannot be told any more: see [`Entry::is_lost`].
    pub(super) lost: AtomicBool,
    /// The game as it was before this entry, once somebody asked for it.
    pub(super) before: OnceLock<Arc<Shown>>,
}

impl Entry {
    /// Its offset.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.publication.position.offset
    }

    /// What it weighs, about; bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether a subscriber of this detail is told of it.
    #[must_use]
    pub fn touches(&self, detail: Detail) -> bool {
        match &self.publication.event {
            Event::Update(update) => detail == Detail::Full || update.score || self.publication.base == 0,
            Event::Removed { .. } | Event::Feed { .. } => true,
        }
    }

    /// Whether the game as it was then cannot be told any more: it was removed and came back, and this gateway has begun
    /// since. Of such an entry only departures are told; the game itself from its new beginning.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether a capped subscriber is told at once.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        match &self.publication.event {
            Event::Update(update) => update.urgent,
            Event::Removed { .. } | Event::Feed { .. } => false,
        }
    }

    /// Whether the game enters or leaves a topic by it, without beginning or ending.
    #[must_use]
    pub fn moves(&self) -> bool {
        matches!(&self.publication.event, Event::Update(update) if !(update.entered.is_empty() && update.left.is_empty()))
    }

    /// Whether the game leaves a topic by it.
    #[must_use]
    pub fn departs(&self) -> bool {
        match &self.publication.event {
            Event::Update(update) => !update.left.is_empty(),
            Event::Removed { .. } => true,
            Event::Feed { .. } => false,
        }
    }

    /// The topics that covered the game before it.
    pub fn topics_before(&self) -> impl Iterator<Item = &Topic> {
        let entered: &[Topic] = match &self.publication.event {
            Event::Update(update) if self.publication.base == 0 => &update.topics,
            Event::Update(update) => &update.entered,
            Event::Removed { .. } | Event::Feed { .. } => &[],
        };
        self.publication.routing().filter(move |topic| !entered.contains(topic))
    }

    /// The topics that cover the game after it.
    pub fn topics_after(&self) -> impl Iterator<Item = &Topic> + Clone {
        let topics: &[Topic] = match &self.publication.event {
            Event::Update(update) => &update.topics,
            Event::Removed { .. } | Event::Feed { .. } => &[],
        };
        topics.iter()
    }

    /// Whether it begins a game (or begins it again).
    #[must_use]
    pub fn begins(&self) -> bool {
        self.publication.base == 0 && matches!(self.publication.event, Event::Update(_))
    }
}

/// A game as it stands (or, removed, as it last stood).
#[derive(Debug)]
pub struct Shown {
    /// The game.
    pub game: Topic,
    /// Its version.
    pub version: u64,
    /// The version that last changed the score detail.
    pub score_version: u64,
    /// The offset of its last publication.
    pub offset: u64,
    /// When that was, by the log's clock; ms.
    pub at: i64,
    /// Whether it was removed: then it is a tombstone.
    pub removed: bool,
    /// The whole document.
    pub document: Document,
    /// The topics that cover it.
    pub topics: Vec<Topic>,
    /// The encodings of its state message.
    pub encodings: Encodings,
    /// The encodings of updates that span from an earlier version to this one; the herd behind shares them.
    pub(super) spans: Mutex<Vec<(u64, Variant, Bytes)>>,
}

impl Shown {
    pub(super) fn new(record: Record) -> Shown {
        let topics = feeds::document::routing_topics(&record.game, &record.body.document);
        Shown {
            game: record.game,
            version: record.version,
            score_version: record.score_version,
            offset: record.offset,
            at: record.at,
            removed: record.removed,
            document: record.body.document,
            topics,
            encodings: Encodings::default(),
            spans: Mutex::default(),
        }
    }

    /// The game as removed at an offset.
    pub(super) fn tombstone(&self, offset: u64) -> Shown {
        self.again(offset, (self.version, self.score_version), true)
    }

    /// The removed game as it was before its removal.
    pub(super) fn alive(&self, removal: &Publication, offset: u64) -> Shown {
        self.again(offset, (removal.base, removal.score_base), false)
    }

    fn again(&self, offset: u64, (version, score_version): (u64, u64), removed: bool) -> Shown {
        let body = RecordBody { document: self.document.clone(), ..RecordBody::default() };
        let (game, at) = (self.game.clone(), self.at);
        Shown::new(Record { game, version, score_version, offset, at, removed, body })
    }

    /// The provider that leads it.
    #[must_use]
    pub fn feed(&self) -> Option<&str> {
        self.document.get("feed").and_then(serde_json::Value::as_str)
    }

    /// The text of its status.
    #[must_use]
    pub fn status(&self) -> &str {
        self.document.get("status").and_then(serde_json::Value::as_str).unwrap_or("unknown")
    }

    /// About what its document weighs; bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        weigh(&self.document)
    }

    /// The encoding of the update from version `base` to this one; made once while few bases are asked for.
    pub fn span(&self, base: u64, variant: Variant, encode: impl FnOnce() -> Bytes) -> Bytes {
        const KEPT: usize = 16;
        if let Some((.., bytes)) = self.spans.lock().iter().find(|span| (span.0, span.1) == (base, variant)) {
            return bytes.clone();
        }
        let bytes = encode();
        let mut spans = self.spans.lock();
        if spans.len() < KEPT {
            spans.push((base, variant, bytes.clone()));
        }
        bytes
    }
}

/// About what a document weighs in memory; bytes.
pub(super) fn weigh(document: &Document) -> usize {
    document
        .iter()
        .map(|(key, value)| {
            key.len()
                + 48
                + match value {
                    serde_json::Value::Object(inner) => weigh(inner),
                    serde_json::Value::String(text) => text.len(),
                    _ => 0,
                }
        })
        .sum()
}
