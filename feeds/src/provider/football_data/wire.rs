//! football-data.org's shape, as far as it is read.

use serde::Deserialize;

use crate::provider::items::Item;
use crate::provider::read::{int, or_default, text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Match {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    pub(super) competition: Option<Competition>,
    #[serde(deserialize_with = "text")]
    pub(super) utc_date: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) status: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) minute: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) matchday: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) stage: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) group: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) last_updated: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) venue: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) attendance: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) home_team: Team,
    #[serde(deserialize_with = "or_default")]
    pub(super) away_team: Team,
    #[serde(deserialize_with = "or_default")]
    pub(super) score: Score,
    #[serde(deserialize_with = "or_default")]
    pub(super) goals: Vec<Goal>,
    #[serde(deserialize_with = "or_default")]
    pub(super) bookings: Vec<Card>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Competition {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    /// `PL`.
    #[serde(deserialize_with = "text")]
    pub(super) code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) tla: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Score {
    /// `REGULAR`, `EXTRA_TIME`, `PENALTY_SHOOTOUT`.
    #[serde(deserialize_with = "text")]
    pub(super) duration: Option<String>,
    pub(super) full_time: Option<Tally>,
    pub(super) half_time: Option<Tally>,
    pub(super) regular_time: Option<Tally>,
    pub(super) extra_time: Option<Tally>,
    pub(super) penalties: Option<Tally>,
}

/// Version 2 called the sides `homeTeam` and `awayTeam`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    #[serde(alias = "homeTeam", deserialize_with = "int")]
    pub(super) home: Option<i64>,
    #[serde(alias = "awayTeam", deserialize_with = "int")]
    pub(super) away: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Goal {
    #[serde(deserialize_with = "int")]
    pub(super) minute: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) injury_time: Option<i64>,
    /// `REGULAR`, `OWN`, `PENALTY`.
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    pub(super) team: Option<Team>,
    pub(super) scorer: Option<Person>,
    pub(super) assist: Option<Person>,
}

impl Item for Goal {
    const VITAL: &'static [&'static str] = &["/minute", "/injuryTime", "/team/id", "/type"];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Card {
    #[serde(deserialize_with = "int")]
    pub(super) minute: Option<i64>,
    pub(super) team: Option<Team>,
    pub(super) player: Option<Person>,
    /// `YELLOW`, `YELLOW_RED`, `RED`.
    #[serde(deserialize_with = "text")]
    pub(super) card: Option<String>,
}

impl Item for Card {
    const VITAL: &'static [&'static str] = &["/minute", "/team/id", "/player/id", "/card"];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Person {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
}
