//! What the actors write down, and the games that they play.

use std::sync::Arc;

use serde_json::Value;

pub(super) const PUBLISHERS: usize = 8;
/// Games of one publisher, which alone publishes on them: a competition.
pub(super) const EACH: usize = 50;
pub(super) const GAMES: usize = PUBLISHERS * EACH;

/// What only the full detail has.
const FULL_ONLY: [&str; 3] = ["incidents", "situation", "info"];

/// A game's name; its number is what journals hold.
pub(super) fn name(game: usize) -> String {
    format!("soccer/soak.{}/g{}", game / EACH, game % EACH)
}

/// And back.
pub(super) fn number(name: &str) -> usize {
    let (competition, game) = name.strip_prefix("soccer/soak.").and_then(|rest| rest.split_once("/g")).expect("ours");
    competition.parse::<usize>().unwrap() * EACH + game.parse::<usize>().unwrap()
}

/// Tells documents apart: of the whole, or of the score detail of it.
pub(super) fn crc(document: &Value, score: bool) -> u32 {
    let mut crc = flate2::Crc::new();
    for (key, value) in document.as_object().expect("a document is an object") {
        if !(score && FULL_ONLY.contains(&key.as_str())) {
            crc.update(format!("{key}={value};").as_bytes());
        }
    }
    crc.sum()
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) game: usize,
    pub(super) base: u64,
    pub(super) version: u64,
    pub(super) removed: bool,
    /// Which report of its publisher it says it is.
    pub(super) report: u64,
    /// Of the document after it, in both details.
    pub(super) full: u32,
    pub(super) score: u32,
}

/// An answer that a publisher got.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ack {
    pub(super) game: usize,
    pub(super) report: u64,
    pub(super) version: u64,
    pub(super) offset: u64,
}

/// Games by their numbers, ascending.
pub(super) type Games = Arc<[usize]>;

/// What a subscriber was told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// A connection began.
    Connected,
    /// What is held of these games counts no more.
    Reset { games: Games },
    /// The load of these games began; `since`: from which offset it is resumed, `None` = told anew.
    Loading { games: Games, since: Option<u64> },
    /// And ended: of these games everything up to this offset was told.
    Loaded { games: Games, at: u64 },
    /// Of all games everything up to this offset was told.
    Reached { at: u64 },
    /// The whole game, and the document as it is held then.
    State { game: usize, version: u64, crc: u32 },
    /// A change, and the document as it is held after it.
    Update { game: usize, base: u64, version: u64, crc: u32 },
    /// A game is gone.
    Removed { game: usize },
    /// A game was held and is not among the states of a load that ends.
    Dropped { game: usize },
}

/// A subscriber's journal.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    /// Which games it follows.
    pub(super) games: Games,
    pub(super) score: bool,
    pub(super) heard: Vec<Heard>,
    /// Connections that it ended itself.
    pub(super) cuts: u64,
}
