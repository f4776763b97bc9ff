//! What engines are given and give back: a game as it is held, a change that asks for its place, a change at its place, and
//! what is remembered beside them. How they are stored is each engine's own.

use std::collections::BTreeMap;

use feeds::{Document, Topic};
use serde::{Deserialize, Serialize};

use crate::wire::{FeedStatus, Position};

/// A game as the log holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its topic.
    pub game: Topic,
    /// Its version after the last publication.
    pub version: u64,
    /// The last version that changed the score detail.
    pub score_version: u64,
    /// The log offset of its last publication.
    pub offset: u64,
    /// When that was, by the log's clock; ms.
    pub at: i64,
    /// A tombstone: the game was removed; the document is its last.
    pub removed: bool,
    /// What the publisher keeps with it.
    #[serde(flatten)]
    pub body: RecordBody,
}

impl Record {
    /// The version a compare-and-set is made against: 0 when the game is not there.
    #[must_use]
    pub fn held_version(&self) -> u64 {
        if self.removed { 0 } else { self.version }
    }
}

/// The publisher's part of a [`Record`]: the engine stores it as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordBody {
    /// The whole document.
    pub document: Document,
    /// Topics the game has left, and when (log or acceptance clock, ms): tombstones of topics.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<Topic, i64>,
    /// The provider that leads this game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// Since when, where another led it before; acceptance clock, ms; 0 = it began the game.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub led_since: i64,
    /// What a desk has set: the fields that nobody else changes.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub pins: Document,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A change that asks for its place in the log.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The game.
    pub game: Topic,
    /// The version it was made from; 0 = the game is not there.
    pub expected: u64,
    /// What happens to it.
    pub event: Event,
    /// The game as it is afterwards (on removal: as it last was).
    pub record: RecordBody,
    /// Who says so.
    pub provider: String,
    /// The report's id and the hash of its body, when it has one.
    pub key: Option<Key>,
    /// The report's stamps.
    pub stamp: Stamp,
    /// The provider's image, to be kept beside the game.
    pub image: Option<Document>,
}

/// A provider's id of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The id.
    pub id: String,
    /// Tells the same body from another: first 16 bytes of its SHA-256, in hex.
    pub hash: String,
}

/// What a log entry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// A game changed (or began: base 0).
    Update(Update),
    /// A game was removed; these topics covered it.
    Removed {
        /// The topics that covered it.
        topics: Vec<Topic>,
    },
    /// A feed is live, stale or down.
    Feed {
        /// The provider.
        feed: String,
        /// How it stands.
        status: FeedStatus,
    },
}

/// A game's change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// From the document before to the one after; at base 0 the whole document.
    pub patch: Document,
    /// And back.
    pub undo: Document,
    /// The topics that cover the game afterwards.
    pub topics: Vec<Topic>,
    /// Those of them that did not cover it before; at base 0 all, and left empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entered: Vec<Topic>,
    /// Those that covered it before and do no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Topic>,
    /// Whether the score detail changed.
    pub score: bool,
    /// Whether a capped connection is told at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// Who reported it.
    pub provider: String,
    /// When it happened, by the provider's clock; ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_at: Option<i64>,
    /// When ingest took it; ms.
    pub accepted_at: i64,
}

/// A change at its place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    /// The format it was written in.
    pub format: u32,
    /// Its place.
    pub position: Position,
    /// When it was stored, by the log's clock, which never falls; ms.
    pub at: i64,
    /// The game; `None` for a feed's status.
    pub game: Option<Topic>,
    /// The version before; 0 = the game was not there.
    pub base: u64,
    /// The version after. A game's first is the offset of its first publication.
    pub version: u64,
    /// The version that last changed the score detail, before this one.
    pub score_base: u64,
    /// And after it.
    pub score_version: u64,
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
}

impl Publication {
    /// Every topic it concerns: those that cover the game before or after.
    pub fn routing(&self) -> impl Iterator<Item = &Topic> {
        let (topics, left): (&[Topic], &[Topic]) = match &self.event {
            Event::Update(update) => (&update.topics, &update.left),
            Event::Removed { topics } => (topics, &[]),
            Event::Feed { .. } => (&[], &[]),
        };
        topics.iter().chain(left)
    }
}

/// A provider's own order of its reports on one game.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// By its clock, ms. Equal is not older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_at: Option<i64>,
    /// By its count. Equal is older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
}

impl Stamp {
    /// Whether a report with the stamp `new` is older than one with this stamp, and so outdated.
    #[must_use]
    pub fn outdates(&self, new: &Stamp) -> bool {
        let older_time = matches!((self.event_at, new.event_at), (Some(held), Some(new)) if new < held);
        let older_count = matches!((self.seq, new.seq), (Some(held), Some(new)) if new <= held);
        older_time || older_count
    }

    /// The newer of each.
    #[must_use]
    pub fn newest(self, other: Stamp) -> Stamp {
        Stamp { event_at: self.event_at.max(other.event_at), seq: self.seq.max(other.seq) }
    }
}

/// What an applied report is answered, now and whenever it comes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The game's version.
    pub version: u64,
    /// The place in the log.
    pub position: Position,
    /// The hash of the body it answered ([`Key::hash`]); empty when the report had no id.
    #[serde(default)]
    pub hash: String,
}

/// A report that was accepted and changed nothing.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The game.
    pub game: Topic,
    /// Who said it.
    pub provider: String,
    /// Its stamps.
    pub stamp: Stamp,
    /// Its image, when it was one.
    pub image: Option<Document>,
}
