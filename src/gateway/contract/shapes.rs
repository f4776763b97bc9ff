//! The shapes of answers and reports, for their schemas alone: elsewhere they are written and read piece by piece, and
//! tests hold real answers to what is said here.

#![allow(dead_code)] // nothing of it is ever made

use std::collections::BTreeMap;

use feeds::{Game, Topic};
use schemars::JsonSchema;

use crate::wire::{ErrorCode, Message, Patch, Position};

/// What one provider says of one game at one moment: a patch, or an image.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Report {
    /// The game, as sport/competition/game.
    game: Topic,
    /// A merge patch (RFC 7396) on the game.
    patch: Option<Patch>,
    /// All that the provider says of the game now.
    image: Option<Game>,
    /// The provider's own id of this report: applied once, answered alike ever after.
    #[schemars(length(min = 1, max = 200))]
    id: Option<String>,
    /// When it happened, by the provider's clock; ms since the Unix epoch. An older one than before is refused.
    event_at: Option<i64>,
    /// The provider's own count, in place of or beside event_at.
    seq: Option<i64>,
    /// Apply only when the game is at this version; 0 = must not exist.
    if_version: Option<u64>,
}

/// What became of a report.
#[derive(JsonSchema)]
pub(super) struct ReportResult {
    /// The game, where it could be read.
    game: Option<Topic>,
    /// Whether it is in the log.
    applied: bool,
    /// Why it is not.
    reason: Option<Reason>,
    /// The game's version.
    version: Option<u64>,
    /// Its place in the log.
    position: Option<Position>,
    /// Its id was applied before; this is the answer it got then.
    replayed: Option<bool>,
    /// More, for a person.
    detail: Option<String>,
    /// The field at fault, from the report's root (RFC 6901).
    pointer: Option<String>,
}

/// Why a report was not applied.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Reason {
    /// It says what is held already.
    Unchanged,
    /// Its provider said something newer before.
    Outdated,
    /// Another provider leads the game.
    NotLeading,
    /// The game is not at if_version.
    Conflict,
    /// It cannot be read, or makes no valid game.
    Invalid,
    /// The key does not cover the game.
    Forbidden,
    /// Its id was applied before with another body.
    IdReused,
    /// The broker cannot take it now.
    Unavailable,
}

/// What became of several, in their order.
#[derive(JsonSchema)]
pub(super) struct Results {
    /// One a report.
    results: Vec<ReportResult>,
}

/// An error (RFC 9457).
#[derive(JsonSchema)]
pub(super) struct Problem {
    /// about:blank: the status says what kind it is.
    r#type: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong, for a person.
    detail: String,
    /// What is wrong, for a program.
    code: ErrorCode,
    /// The field at fault, from the body's root (RFC 6901).
    pointer: Option<String>,
    /// Of a single report: its game.
    game: Option<Topic>,
    /// Of a single report: false.
    applied: Option<bool>,
    /// Of a single report: why.
    reason: Option<Reason>,
    /// Of a single report: the held version, where that is why.
    version: Option<u64>,
}

/// A game as it is held.
#[derive(JsonSchema)]
struct Held {
    /// Its version.
    version: u64,
    /// The document.
    state: Game,
}

/// Games by their topics; null = removed since the position that was asked from.
#[derive(JsonSchema)]
pub(super) struct Games {
    /// Up to where this is.
    position: Position,
    /// By topic.
    games: BTreeMap<String, HeldOrNull>,
    /// Whether there are more: ask again from the position.
    more: bool,
}

/// A game, or null.
struct HeldOrNull;

impl JsonSchema for HeldOrNull {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeldOrNull".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // `oneOf`: this null is meant.
        schemars::json_schema!({ "oneOf": [generator.subschema_for::<Held>(), { "const": null }] })
    }
}

/// One game.
#[derive(JsonSchema)]
pub(super) struct HeldGame {
    /// Its topic.
    game: Topic,
    /// Its version.
    version: u64,
    /// Up to where this is.
    position: Position,
    /// The document.
    state: Game,
}

/// What is still kept of a game's past, oldest first.
#[derive(JsonSchema)]
pub(super) struct History {
    /// Its publications.
    publications: Vec<Past>,
    /// Whether there are more, after the last one's position.
    more: bool,
}

/// One publication.
#[derive(JsonSchema)]
struct Past {
    /// Its place in the log.
    position: Position,
    /// The version before.
    base: u64,
    /// The version it made.
    version: u64,
    /// What it changed; absent when it removed the game.
    patch: Option<Patch>,
    /// Whether it removed the game.
    removed: Option<bool>,
    /// When it was accepted; ms since the Unix epoch.
    at: i64,
}

/// A long poll's answer.
#[derive(JsonSchema)]
pub(super) struct PollAnswer {
    /// Where the next poll goes on.
    position: String,
    /// What there is.
    messages: Vec<Message<'static>>,
    /// Whether this load goes on: ask again at once.
    more: bool,
}
