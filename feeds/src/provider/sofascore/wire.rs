//! Sofascore's shape, as far as it is read.

use serde::Deserialize;

use crate::provider::read::{int, or_default, text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) tournament: Tournament,
    #[serde(rename = "roundInfo")]
    pub(super) round: Option<Round>,
    #[serde(deserialize_with = "or_default")]
    pub(super) status: Status,
    #[serde(deserialize_with = "or_default")]
    pub(super) home_team: Team,
    #[serde(deserialize_with = "or_default")]
    pub(super) away_team: Team,
    #[serde(deserialize_with = "or_default")]
    pub(super) home_score: Score,
    #[serde(deserialize_with = "or_default")]
    pub(super) away_score: Score,
    pub(super) time: Option<Time>,
    pub(super) changes: Option<Changes>,
    #[serde(rename = "varInProgress")]
    pub(super) var: Option<Var>,
    /// Seconds since the Unix epoch.
    #[serde(rename = "startTimestamp", deserialize_with = "int")]
    pub(super) start: Option<i64>,
    /// `period2`, `overtime`, `penalties`.
    #[serde(deserialize_with = "text")]
    pub(super) last_period: Option<String>,
    pub(super) venue: Option<Venue>,
    #[serde(deserialize_with = "int")]
    pub(super) home_red_cards: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) away_red_cards: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tournament {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) slug: Option<String>,
    #[serde(rename = "uniqueTournament")]
    pub(super) unique: Option<Named>,
    pub(super) category: Option<Category>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) slug: Option<String>,
}

/// A country, or a continent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Category {
    #[serde(deserialize_with = "text")]
    pub(super) slug: Option<String>,
    pub(super) sport: Option<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Round {
    #[serde(rename = "round", deserialize_with = "text")]
    pub(super) number: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    #[serde(deserialize_with = "int")]
    pub(super) code: Option<i64>,
    #[serde(deserialize_with = "text")]
    pub(super) description: Option<String>,
    /// The coarse word: `inprogress`.
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(rename = "nameCode", deserialize_with = "text")]
    pub(super) code: Option<String>,
    #[serde(rename = "type", deserialize_with = "int")]
    pub(super) kind: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Score {
    /// With the shoot-out's goals.
    #[serde(deserialize_with = "int")]
    pub(super) current: Option<i64>,
    /// Without them.
    #[serde(deserialize_with = "int")]
    pub(super) display: Option<i64>,
    #[serde(deserialize_with = "int")]
    period1: Option<i64>,
    #[serde(deserialize_with = "int")]
    period2: Option<i64>,
    #[serde(deserialize_with = "int")]
    period3: Option<i64>,
    #[serde(deserialize_with = "int")]
    period4: Option<i64>,
    #[serde(deserialize_with = "int")]
    period5: Option<i64>,
    #[serde(deserialize_with = "int")]
    period6: Option<i64>,
    #[serde(deserialize_with = "int")]
    period7: Option<i64>,
    #[serde(deserialize_with = "int")]
    period8: Option<i64>,
    #[serde(deserialize_with = "int")]
    period9: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) penalties: Option<i64>,
    /// Tennis: `40`, `A`.
    #[serde(deserialize_with = "text")]
    pub(super) point: Option<String>,
}

impl Score {
    /// By period, from the first; an inning more has no name of its own.
    pub(super) fn periods(&self) -> [Option<i64>; 9] {
        let Score { period1, period2, period3, period4, period5, period6, period7, period8, period9, .. } = *self;
        [period1, period2, period3, period4, period5, period6, period7, period8, period9]
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Time {
    /// Seconds since the Unix epoch.
    #[serde(rename = "currentPeriodStartTimestamp", deserialize_with = "int")]
    pub(super) period_start: Option<i64>,
    /// What the clock read then, s.
    #[serde(deserialize_with = "int")]
    pub(super) initial: Option<i64>,
    #[serde(rename = "injuryTime1", deserialize_with = "int")]
    pub(super) injury_time1: Option<i64>,
    #[serde(rename = "injuryTime2", deserialize_with = "int")]
    pub(super) injury_time2: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Changes {
    /// Seconds since the Unix epoch.
    #[serde(rename = "changeTimestamp", deserialize_with = "int")]
    pub(super) timestamp: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Var {
    #[serde(rename = "homeTeam")]
    pub(super) home: Option<bool>,
    #[serde(rename = "awayTeam")]
    pub(super) away: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Venue {
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    pub(super) city: Option<Named>,
}
