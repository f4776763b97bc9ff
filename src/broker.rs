//! The log engine: the seam between what is said (ingest) and what is shown (the scoreboard).
//!
//! # The contract every engine keeps
//!
//! - **One order.** Each accepted change becomes one [`Publication`] at the next offset: 1, 2, 3, … without a hole, for
//!   the whole service. `at` never falls, and the log's clock never stands still.
//! - **Compare and set.** [`Broker::publish`] stores only what was made from the version that is held; else it answers
//!   [`Outcome::Conflict`], and nothing is changed.
//! - **All or nothing.** Log entry, game, remembered id and provider's stamp are written together or not at all.
//! - **Answered means stored**, at the engine's durability. An error means unknown: say it again with the same id.
//! - **Once.** An id that was applied within its window answers what it answered the first time, before every other check.
//! - **Followers see everything.** [`Broker::follow`] tells what is held, then every publication in order, each once; what
//!   it cannot tell without a hole it starts over with [`Followed::Loading`].
//! - **Epochs.** Whenever history may be shorter than what somebody already saw, the epoch's name changes. Offsets go on.
//!
//! An engine does not know documents' meaning, topics' coverage, sessions or providers' rights.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use feeds::{Document, Topic};
use tokio::sync::mpsc;

use crate::wire::{FeedStatus, Position};

pub mod embedded;
mod record;
pub mod redis;

pub use record::{Answer, Draft, Event, Heard, Key, Publication, Record, RecordBody, Stamp, Update};

/// The format that this build writes into the log. A follower counts what it cannot read and reads the game again.
pub const FORMAT: u32 = 1;

/// A log engine. See the module's contract.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What the engine holds that bears on one report: the game, the provider's last word on it, and the remembered
    /// answer to the report's id. One round trip.
    async fn read(&self, game: &Topic, provider: &str, id: Option<&str>) -> Result<Reading, BrokerError>;

    /// Appends one change. Checks in this order, and writes last: known id, outdated stamp, version.
    async fn publish(&self, draft: Draft) -> Result<Outcome, BrokerError>;

    /// Appends a feed's new status, which every connection is told.
    async fn announce(&self, feed: &str, status: FeedStatus) -> Result<Position, BrokerError>;

    /// Remembers a report that was accepted but changed nothing: the provider's stamp and image.
    async fn heard(&self, heard: Heard) -> Result<(), BrokerError>;

    /// Waits until what was read is kept as surely as what [`Broker::publish`] answers: who is told that something is there
    /// already is told no less. Most engines read nothing else.
    async fn settled(&self) -> Result<(), BrokerError> {
        Ok(())
    }

    /// Takes or renews a named lease for `ttl`; false when another holds it.
    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, BrokerError>;

    /// Tells the log to `tell`, from now until the receiver is dropped; mends its own connection.
    async fn follow(&self, tell: mpsc::Sender<Followed>);

    /// Whether the engine answers.
    async fn ready(&self) -> Result<(), BrokerError>;

    /// Says that the process `name` is here and `said` this of itself (JSON); gives all that were here in the last seconds,
    /// with what they said. For people who look; nothing depends on it.
    async fn meet(&self, name: &str, said: &str) -> Result<Vec<(String, String)>, BrokerError> {
        Ok(vec![(name.to_owned(), said.to_owned())])
    }
}

/// What [`Broker::read`] found.
#[derive(Debug, Default)]
pub struct Reading {
    /// The game, also when it was removed less than the tombstone's time ago.
    pub record: Option<Record>,
    /// The provider's newest accepted stamp on this game.
    pub stamp: Stamp,
    /// The provider's last image of this game.
    pub image: Option<Document>,
    /// The answer its id got when it was applied.
    pub answer: Option<Answer>,
}

/// What became of a [`Draft`].
#[derive(Debug)]
pub enum Outcome {
    /// It is in the log.
    Published(Answer),
    /// Its id was applied before, with the same body.
    Replayed(Answer),
    /// Its id was applied before, with another body.
    IdReused,
    /// The provider already said something newer.
    Outdated,
    /// The game is at another version.
    Conflict,
    /// The game is new, and there are as many as there may be.
    Full,
}

/// What a follower is told, in this order: `Loading`, `Record`* and `Recent`* , `Loaded`, then `Published`* with `Checked`
/// in between; `Away` whenever the engine cannot be reached; `Loading` again whenever the follower must start over.
#[derive(Debug, Clone)]
pub enum Followed {
    /// The log was opened. What was told before is void: all of it when the epoch is another, else the games are told
    /// again and what is missing between the last publication and the first `Recent` was trimmed.
    Loading {
        /// The epoch.
        epoch: Arc<str>,
    },
    /// A game (or the tombstone of one) as it is held.
    Record(Box<Record>),
    /// A publication of the recent history, oldest first, dense up to the head of `Loaded`.
    Recent(Arc<Publication>),
    /// All is told up to this offset.
    Loaded {
        /// The newest offset.
        head: u64,
        /// The log's clock; ms.
        now: i64,
        /// The greatest offset of a tombstone that was dropped; 0 = none was. Positions before it cannot be honoured.
        horizon: u64,
    },
    /// The next publication: offset = last + 1.
    Published(Arc<Publication>),
    /// Publications that did not come by themselves were read from the log; they were told before this.
    Filled,
    /// An entry this build cannot read, and the game it speaks of as it is held now (`None`: it is no longer held).
    Unreadable {
        /// Its offset = last + 1.
        offset: u64,
        /// The game.
        record: Option<Box<Record>>,
    },
    /// The engine was asked where it stands (each second): the head was told already.
    Checked {
        /// The log's clock; ms.
        now: i64,
    },
    /// The engine cannot be reached.
    Away,
}

/// Why an engine could not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BrokerError {
    /// Not reached, or its answer did not come: whether it was done is unknown.
    #[error("the broker is not reached: {0}")]
    Away(String),
    /// It refuses writes (disk full, read-only, out of memory): not done.
    #[error("the broker refuses: {0}")]
    Refused(String),
    /// What it holds cannot be read, or a setting does not fit.
    #[error("the broker is not usable: {0}")]
    Broken(String),
}

/// Bounds of an engine.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// How long the recent publications are kept; ms.
    pub recent_ms: i64,
    /// And how many bytes of them at most.
    pub recent_bytes: u64,
    /// How long an applied id is remembered; ms.
    pub id_ms: i64,
    /// And how many ids at most.
    pub ids: u64,
    /// How long a removed game's tombstone is kept; ms.
    pub tombstone_ms: i64,
    /// Games at most, with the tombstones.
    pub games: u64,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            recent_ms: 330_000,
            recent_bytes: 256 << 20,
            id_ms: 2 * 3_600_000,
            ids: 1_000_000,
            tombstone_ms: 24 * 3_600_000,
            games: 100_000,
        }
    }
}

/// The URLs that [`connect`] understands, for messages.
pub const URLS: &str = "memory:, embedded:DIR, redis://…, rediss://…, redis+sentinel://…, redis+cluster://…";

/// A broker's URL without user and password.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let place = rest.split(['/', '?']).next().unwrap_or(rest);
            let hidden = place.rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[hidden..])
        }
        None => url.to_owned(),
    }
}

/// Opens the engine that a broker URL names.
///
/// # Errors
/// When the URL is of no known form, or the engine cannot be opened.
pub async fn connect(url: &str, bounds: Bounds) -> Result<Arc<dyn Broker>, BrokerError> {
    match url.split_once(':') {
        Some(("memory", "")) => Ok(Arc::new(embedded::EmbeddedBroker::memory(bounds)?)),
        Some(("embedded", dir)) if !dir.is_empty() => {
            Ok(Arc::new(embedded::EmbeddedBroker::open(std::path::Path::new(dir), bounds)?))
        }
        Some((scheme, _)) if scheme.starts_with("redis") => {
            Ok(Arc::new(self::redis::RedisBroker::open(url, bounds).await?))
        }
        _ => Err(unknown(url)),
    }
}

/// Looks whether the engine that a broker URL names could be opened, and changes nothing there; what is there, in words.
///
/// # Errors
/// As [`connect`], as far as looking tells.
pub async fn look(url: &str, bounds: Bounds) -> Result<String, BrokerError> {
    match url.split_once(':') {
        Some(("memory", "")) => Ok("keeps nothing".to_owned()),
        Some(("embedded", dir)) if !dir.is_empty() => embedded::look(std::path::Path::new(dir)),
        Some((scheme, _)) if scheme.starts_with("redis") => {
            self::redis::look(url, bounds).await.map(|()| "answers".to_owned())
        }
        _ => Err(unknown(url)),
    }
}

fn unknown(url: &str) -> BrokerError {
    BrokerError::Broken(format!("broker URL {url:?}: known are {URLS}"))
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("redis://user:p%40ss@10.0.0.1:6379/2?wait=1", "redis://10.0.0.1:6379/2?wait=1"),
            ("redis+sentinel://:secret@a:1,b:2/main", "redis+sentinel://a:1,b:2/main"),
            ("redis://a:6379/0?ca=/etc/x@y.pem", "redis://a:6379/0?ca=/etc/x@y.pem"),
            ("embedded:/var/lib/a@b", "embedded:/var/lib/a@b"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}
