//! The registry of adapters: one file each below `provider/`, one line each here.
//!
//! An adapter turns what a provider *says* into [`Report`]s in the canonical words of [`crate::game`]. It is a plain
//! function: bytes in, reports out; no socket, no clock, no memory of the payload before. So any process may take any
//! payload, and a capture on disk is a complete test.
//!
//! What an adapter owes:
//! - **An image a game**: all that this payload says of the game. What vanished since the last payload is found by
//!   ingest, which compares images; an adapter never guesses at it.
//! - **Nothing invented**: a field that the payload does not say stays out. Fillers (a 0-0 before kick-off) are not said.
//! - **Stable names**: the same game has the same topic and the same incident has the same id in every payload, whatever
//!   the order of the list it came in.
//! - **One bad game costs one game**: it goes to [`Decoded::refused`] with a pointer into the payload, the rest counts.
//!
//! `feeds/README.md` shows how to add one.

mod api_football;
mod betfair;
mod cricsheet;
mod espn;
pub mod f1;
mod football_data;
mod goalserve;
pub mod golden;
mod items;
mod jq;
mod lists;
mod mlb;
mod nba;
mod nhl;
mod openfootball;
mod openligadb;
mod opta;
mod read;
mod sofascore;
mod sportradar;
mod tennis;
mod xml;

use std::time::Duration;

use crate::report::{Invalid, Report};
pub use jq::Jq;

/// One provider's format: bytes in, reports out. It holds no state, so any process may take any payload.
pub trait Adapter: Send + Sync {
    /// The name in `/v1/feeds/<name>` and in the config.
    fn name(&self) -> &str;

    /// Reads one payload.
    ///
    /// # Errors
    /// When nothing of it can be read; the pointer says where.
    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid>;

    /// What a connection to this provider keeps, where its messages are parts of a whole; `None` where each is a payload.
    fn assembler(&self) -> Option<Box<dyn Assembler>> {
        None
    }
}

impl Adapter for &dyn Adapter {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        (**self).decode(payload)
    }

    fn assembler(&self) -> Option<Box<dyn Assembler>> {
        (**self).assembler()
    }
}

/// What lives with a connection whose messages are parts: it holds what they build on, and makes payloads that the
/// adapter decodes. Pure as well: it asks for nothing, whoever holds the connection does.
pub trait Assembler: Send {
    /// Takes one message as it came: a whole document, or a part of it. Answers the payload as it stands now; `None`
    /// where the message says nothing of a game (a heartbeat).
    ///
    /// # Errors
    /// When the message does not fit what is held. Then nothing is held any more, and a whole document is to be asked for.
    fn take(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Resync>;

    /// From where the provider is to go on, in its own words (MLB's time code); `None` = ask for the whole.
    fn resume(&self) -> Option<String> {
        None
    }

    /// What is said on a connection that is a WebSocket; nothing, where the provider speaks unasked.
    fn talk(&self) -> Talk {
        Talk::default()
    }

    /// How long the provider asks to wait before the next request, where it says so.
    fn pace(&self) -> Option<Duration> {
        None
    }
}

/// What is said to a provider over a WebSocket: text messages, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Talk {
    /// First, in this order: a greeting, what is subscribed to.
    pub opening: Vec<String>,
    /// Now and then, so that the provider knows that somebody is there; at least every 15 s.
    pub alive: Option<String>,
}

/// A message does not fit what an assembler holds: the whole document is needed again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}; the whole document is needed")]
pub struct Resync {
    /// What does not fit, for a person and the log.
    pub detail: String,
}

impl Resync {
    /// A reason to start over.
    pub fn new(detail: impl Into<String>) -> Resync {
        Resync { detail: detail.into() }
    }
}

/// What a payload holds: what could be read counts, also where a part of it could not.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// One report a game.
    pub reports: Vec<Report>,
    /// The parts that could not be read, each with a pointer into the payload; see [`Decoded::refuse`].
    pub refused: Vec<Invalid>,
}

/// Parts of a payload that are told one by one to be broken.
pub const MAX_REFUSED: usize = 100;

impl Decoded {
    /// Tells a part that could not be read. Beyond [`MAX_REFUSED`] one more only says that there are more: a payload that is
    /// broken all over is not answered with many times its size.
    pub fn refuse(&mut self, fault: Invalid) {
        match self.refused.len() {
            0..MAX_REFUSED => self.refused.push(fault),
            MAX_REFUSED => self.refused.push(Invalid::new("", "more parts cannot be read than are told")),
            _ => {}
        }
    }
}

#[rustfmt::skip] // one line each
static ADAPTERS: &[&dyn Adapter] = &[
    &api_football::ApiFootball,
    &betfair::Betfair,
    &cricsheet::Cricsheet,
    &espn::Espn,
    &f1::F1,
    &football_data::FootballData,
    &goalserve::GoalServe,
    &mlb::Mlb,
    &nba::Nba,
    &nhl::Nhl,
    &openfootball::OpenFootball,
    &openligadb::OpenLigaDb,
    &opta::Opta,
    &sofascore::Sofascore,
    &sportradar::Sportradar,
    &tennis::TennisSlamPbp,
];

/// Finds an adapter by its name.
#[must_use]
pub fn adapter(name: &str) -> Option<&'static dyn Adapter> {
    adapters().iter().copied().find(|adapter| adapter.name() == name)
}

/// Every adapter there is.
#[must_use]
pub fn adapters() -> &'static [&'static dyn Adapter] {
    ADAPTERS
}
