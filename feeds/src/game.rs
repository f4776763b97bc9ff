//! The schema of a game's document as types: what adapters fill in and [`validate`] holds every document to.
//!
//! Every field is optional, because a patch may create a game with any part of it. Field order is of no meaning: a
//! [`Document`] sorts its keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Document;

mod rules;
mod words;

pub use rules::{MAX_COMPETITORS, MAX_INFO_KEYS, MAX_KEY_BYTES, MAX_SCORE_TEXT_BYTES, MAX_TEXT_BYTES, validate};
pub(crate) use rules::{validate_counts, validate_fields};
pub use words::nearest;

/// A game, race or tournament: section 3 of the contract.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Game {
    /// First segment of the game's topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sport: Option<String>,
    /// What it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub competition: Option<Competition>,
    /// Scheduled start, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Why, in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// The part of the game that is played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The game clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Who plays: `home` and `away`, or `1` … `N`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub competitors: BTreeMap<String, Competitor>,
    /// What only this moment knows (downs, bases, server, a running review); free objects and scalars.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub situation: Document,
    /// Key events by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub incidents: BTreeMap<String, Incident>,
    /// Free scalars: venue, referee, aggregate, leg; at most 32.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub info: Document,
    /// The last thing taken back; set by the service alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction: Option<Document>,
    /// The provider that leads this game; set by the service alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
}

/// What a game is a part of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Competition {
    /// Second segment of the game's topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Round, matchday, week: free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<String>,
}

/// Where a game stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not begun.
    Scheduled,
    /// Being played.
    Live,
    /// Between two periods.
    Break,
    /// Stopped for now (weather, crowd), expected to go on.
    Interrupted,
    /// Stopped, to go on another time.
    Suspended,
    /// Moved to another day before it began.
    Postponed,
    /// Will not be played.
    Cancelled,
    /// Stopped for good.
    Abandoned,
    /// Decided without play.
    Awarded,
    /// Over, not yet official.
    Ended,
    /// Over, official.
    Final,
    /// The provider does not say, or says what nobody knows.
    Unknown,
}

impl Status {
    /// Whether nothing more is to come but corrections.
    #[must_use]
    pub fn is_over(self) -> bool {
        use Status::{Abandoned, Awarded, Cancelled, Ended, Final};
        matches!(self, Cancelled | Abandoned | Awarded | Ended | Final)
    }
}

/// The part of the game that is played.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// 1, 2, 3, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// What it is called in this sport.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<PeriodKind>,
    /// How many there are in regular play.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// Baseball: which half of the inning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half: Option<Half>,
    /// The provider's own words for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What a period is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the words explain themselves
pub enum PeriodKind {
    Half,
    Quarter,
    Period,
    Inning,
    Innings,
    Set,
    Round,
    Lap,
    Race,
    Extra,
    Overtime,
    Shootout,
}

/// Half of a baseball inning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Half {
    Top,
    Bottom,
}

/// The game clock: `ms` held at the instant `at`; the client ticks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Which way it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ClockMode>,
    /// Whether it runs; absent = the provider does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// Its reading, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<i64>,
    /// When it read so, ms since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// Soccer: minutes into added time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_min: Option<u32>,
}

/// Which way a clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ClockMode {
    Up,
    Down,
}

/// One side, or one of a field of many.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Competitor {
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<CompetitorKind>,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A short form, three letters mostly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abbr: Option<String>,
    /// The segment of its team topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Where it stands in the game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<CompetitorStatus>,
    /// Its score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
}

/// What a competitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum CompetitorKind {
    Team,
    Athlete,
    Pair,
}

/// Where a competitor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum CompetitorStatus {
    Active,
    Out,
    Retired,
    Disqualified,
    Withdrawn,
}

/// A score, with what the sport has. Free values are a number or a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// The score that counts: goals, points, runs; in golf to par.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// By period number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, i64>,
    /// Penalty or shoot-out goals, never in the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shootout: Option<i64>,
    /// Sets won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sets: Option<i64>,
    /// Cricket: wickets lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wickets: Option<i64>,
    /// Cricket: balls faced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balls: Option<i64>,
    /// Tennis: the game score, `"40"`, `"AD"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = ["number", "string"]))]
    pub points: Option<Value>,
    /// Baseball: hits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hits: Option<i64>,
    /// Baseball: errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<i64>,
    /// Golf: strokes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strokes: Option<i64>,
    /// Place in the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<i64>,
    /// Behind the leader, `"+1.204"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = ["number", "string"]))]
    pub gap: Option<Value>,
    /// Laps done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub laps: Option<i64>,
    /// Golf: holes played, `"F"` when through.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = ["number", "string"]))]
    pub thru: Option<Value>,
    /// The score as the provider writes it, where numbers do not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// A key event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Orders the incidents of a game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<i64>,
    /// `goal`, `card`, `wicket`, `review`, `substitution`, `period_end`, …: a lower-case word.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How sure it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<IncidentStatus>,
    /// The competitor's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub athlete: Option<String>,
    /// Who helped, came on, or suffered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// The period's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<u32>,
    /// The minute of play.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute: Option<u32>,
    /// Minutes into added time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_min: Option<u32>,
    /// More of the type: `yellow`, `red`, `penalty`, `own_goal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// In the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The provider's revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<i64>,
    /// The incident that changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// How sure an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    /// Reported, may be looked at again.
    Provisional,
    /// Stands.
    Confirmed,
    /// Came back or changed after it was taken back.
    Amended,
    /// Taken back. Stays in the document.
    Void,
}

impl Game {
    /// The game as a document, without what is not said.
    #[must_use]
    pub fn into_document(self) -> Document {
        match serde_json::to_value(self) {
            Ok(Value::Object(document)) => document,
            _ => Document::new(),
        }
    }
}
