//! The shape of Sportradar's push messages, as far as it is read.

use serde::Deserialize;

use crate::provider::read::{self, int, text};

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) payload: Payload,
    pub(super) metadata: Metadata,
}

#[derive(Deserialize)]
pub(super) struct Payload {
    pub(super) game: Game,
    pub(super) event: Event,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    #[serde(default, deserialize_with = "text")]
    pub(super) league: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) operation: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Game {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) status: Option<String>,
    /// The league's own id.
    #[serde(default, deserialize_with = "text")]
    pub(super) reference: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) scheduled: Option<String>,
    pub(super) home: Team,
    pub(super) away: Team,
}

#[derive(Deserialize)]
pub(super) struct Team {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) market: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) alias: Option<String>,
    #[serde(default, deserialize_with = "int")]
    points: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    runs: Option<i64>,
}

impl Team {
    pub(super) fn points(&self) -> Option<i64> {
        self.points.or(self.runs)
    }
}

#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "event_type", default, deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "int")]
    pub(super) sequence: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    pub(super) clock: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) clock_decimal: Option<String>,
    #[serde(default, deserialize_with = "text")]
    updated: Option<String>,
    #[serde(default, deserialize_with = "text")]
    deleted: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) description: Option<String>,
    pub(super) period: Option<Period>,
    pub(super) attribution: Option<Attribution>,
}

impl Event {
    /// When this revision was made, ms; a second is the provider's resolution.
    pub(super) fn revised(&self) -> Option<i64> {
        self.deleted.as_deref().or(self.updated.as_deref()).and_then(read::millis)
    }

    pub(super) fn is_in_shootout(&self) -> bool {
        self.period.as_ref().is_some_and(|period| period.kind.as_deref() == Some("shootout"))
    }
}

#[derive(Deserialize)]
pub(super) struct Period {
    #[serde(default, deserialize_with = "int")]
    pub(super) number: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) sequence: Option<i64>,
    #[serde(rename = "type", default, deserialize_with = "text")]
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Attribution {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
}
