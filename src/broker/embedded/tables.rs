//! The tables: what the engine's file holds, and rows to and from the contract's types. (`ids` has one more.)
//!
//! Columns that the engine itself decides by are typed; what it only carries (events, documents, images) is JSON as text,
//! so that a check of versions parses nothing.

use std::sync::Arc;

use feeds::Document;
use redb::{ReadableTable, TableDefinition};

use crate::broker::{Publication, Record, Stamp};
use crate::wire::Position;

const EPOCH_LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const EPOCH_LEN: usize = 8;

pub(super) type Pair = (&'static str, &'static str);

/// One row: epoch, head (newest offset), its `at`, bytes of the log's events, greatest offset of a dropped tombstone.
pub(super) const STATE: TableDefinition<(), StateRow> = TableDefinition::new("state");
pub(super) type StateRow = (&'static str, u64, i64, u64, u64);

/// The recent publications, by offset: format, at, game, base, version, score base, score version, event as JSON.
pub(super) const LOG: TableDefinition<u64, LogRow> = TableDefinition::new("log");
pub(super) type LogRow = (u32, i64, Option<&'static str>, u64, u64, u64, u64, &'static [u8]);

/// Games and tombstones, by topic: version, score version, offset, at, removed, body as JSON.
pub(super) const GAMES: TableDefinition<&str, GameRow> = TableDefinition::new("games");
pub(super) type GameRow = (u64, u64, u64, i64, bool, &'static [u8]);

/// Providers' newest accepted stamps, by game and provider: `event_at`, `seq`.
pub(super) const STAMPS: TableDefinition<Pair, StampRow> = TableDefinition::new("stamps");
pub(super) type StampRow = (Option<i64>, Option<i64>);

/// Providers' last images, by game and provider, as JSON. Apart from the stamps, which change with every report.
pub(super) const IMAGES: TableDefinition<Pair, &[u8]> = TableDefinition::new("images");

/// Removals in the order they happened, by offset: at, game.
pub(super) const REMOVALS: TableDefinition<u64, (i64, &str)> = TableDefinition::new("removals");

/// The state row.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) epoch: Arc<str>,
    pub(super) head: u64,
    pub(super) at: i64,
    pub(super) log_bytes: u64,
    pub(super) horizon: u64,
}

impl State {
    /// Of a database that was just created: a new stretch of history.
    pub(super) fn fresh() -> State {
        let letter = |_| char::from(*fastrand::choice(EPOCH_LETTERS).expect("there are letters"));
        let epoch: String = (0..EPOCH_LEN).map(letter).collect();
        State { epoch: epoch.into(), head: 0, at: 0, log_bytes: 0, horizon: 0 }
    }

    /// `None` in a database that was just created.
    pub(super) fn read(table: &impl ReadableTable<(), StateRow>) -> Result<Option<State>, redb::Error> {
        Ok(table.get(())?.map(|row| {
            let (epoch, head, at, log_bytes, horizon) = row.value();
            State { epoch: epoch.into(), head, at, log_bytes, horizon }
        }))
    }
}

/// Reads the log's row at `offset`.
pub(super) fn publication(
    epoch: &Arc<str>,
    offset: u64,
    row: <LogRow as redb::Value>::SelfType<'_>,
) -> Result<Publication, redb::Error> {
    let (format, at, game, base, version, score_base, score_version, event) = row;
    let game = game.map(str::parse).transpose().map_err(|error| corrupted(&error))?;
    let event = serde_json::from_slice(event).map_err(|error| corrupted(&error))?;
    let position = Position { epoch: epoch.clone(), offset };
    Ok(Publication { format, position, at, game, base, version, score_base, score_version, event })
}

/// Reads a game's row.
pub(super) fn record(game: &str, row: <GameRow as redb::Value>::SelfType<'_>) -> Result<Record, redb::Error> {
    let (version, score_version, offset, at, removed, body) = row;
    let game = game.parse().map_err(|error| corrupted(&error))?;
    let body = serde_json::from_slice(body).map_err(|error| corrupted(&error))?;
    Ok(Record { game, version, score_version, offset, at, removed, body })
}

/// Reads an image.
pub(super) fn image(json: &[u8]) -> Result<Document, redb::Error> {
    serde_json::from_slice(json).map_err(|error| corrupted(&error))
}

/// The provider's newest accepted stamp; nothing when it said nothing.
pub(super) fn stamp(table: &impl ReadableTable<Pair, StampRow>, key: (&str, &str)) -> Result<Stamp, redb::Error> {
    let row = table.get(key)?;
    Ok(row.map_or(Stamp::default(), |row| {
        let (event_at, seq) = row.value();
        Stamp { event_at, seq }
    }))
}

fn corrupted(error: &dyn std::fmt::Display) -> redb::Error {
    redb::Error::Corrupted(error.to_string())
}
