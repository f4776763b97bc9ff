//! The NHL's shapes of today, as far as they are read.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::provider::items::{Item, Items};
use crate::provider::read::{self, int, localized, or_default, text};
use crate::report::Invalid;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Match {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) game_type: Option<String>,
    #[serde(rename = "startTimeUTC", deserialize_with = "text")]
    pub(super) start_utc: Option<String>,
    #[serde(rename = "gameState", deserialize_with = "text")]
    pub(super) state: Option<String>,
    #[serde(rename = "gameScheduleState", deserialize_with = "text")]
    pub(super) schedule_state: Option<String>,
    #[serde(rename = "periodDescriptor")]
    pub(super) period: Option<PeriodDescriptor>,
    pub(super) clock: Option<Clock>,
    pub(super) situation: Option<Situation>,
    #[serde(rename = "gameOutcome")]
    pub(super) outcome: Option<Outcome>,
    #[serde(deserialize_with = "localized")]
    pub(super) venue: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) venue_location: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) home_team: Team,
    #[serde(deserialize_with = "or_default")]
    pub(super) away_team: Team,
    /// A landing's.
    #[serde(deserialize_with = "or_default")]
    pub(super) summary: Summary,
    /// The scores of a day have them here.
    pub(super) goals: Items<Goal>,
    /// A play-by-play's.
    pub(super) plays: Items<Play>,
    #[serde(rename = "rosterSpots")]
    pub(super) roster: Items<Player>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PeriodDescriptor {
    #[serde(deserialize_with = "int")]
    pub(super) number: Option<i64>,
    /// `REG`, `OT`, `SO`.
    #[serde(rename = "periodType", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(rename = "maxRegulationPeriods", deserialize_with = "int")]
    pub(super) regular: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Clock {
    #[serde(rename = "timeRemaining", deserialize_with = "text")]
    pub(super) remaining: Option<String>,
    #[serde(rename = "secondsRemaining", deserialize_with = "int")]
    pub(super) seconds: Option<i64>,
    pub(super) running: Option<bool>,
    #[serde(rename = "inIntermission", deserialize_with = "or_default")]
    pub(super) intermission: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Situation {
    pub(super) home_team: Option<Strength>,
    pub(super) away_team: Option<Strength>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Strength {
    /// `PP`, `EN`.
    #[serde(rename = "situationDescriptions", deserialize_with = "or_default")]
    pub(super) descriptions: Vec<String>,
    #[serde(deserialize_with = "int")]
    pub(super) strength: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outcome {
    #[serde(rename = "lastPeriodType", deserialize_with = "text")]
    pub(super) last_period: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Team {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) common_name: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) name: Option<String>,
    #[serde(rename = "placeName", deserialize_with = "localized")]
    pub(super) place: Option<String>,
    /// A scoreboard has this alone.
    #[serde(rename = "placeNameWithPreposition", deserialize_with = "localized")]
    pub(super) of_place: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) abbrev: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) score: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) scoring: Items<Part>,
    pub(super) penalties: Items<Part>,
    pub(super) shootout: Items<Kick>,
}

/// What a period saw.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    #[serde(rename = "periodDescriptor")]
    pub(super) period: Option<PeriodDescriptor>,
    pub(super) goals: Items<Goal>,
    pub(super) penalties: Items<Penalty>,
}

impl Item for Part {
    const VITAL: &'static [&'static str] = &["/periodDescriptor", "/goals", "/penalties"];
}

impl Part {
    pub(super) fn number(&self) -> Option<i64> {
        self.period.as_ref()?.number
    }
}

impl Match {
    /// What of its lists could not be read.
    pub(super) fn refused(&self) -> Vec<Invalid> {
        let Summary { scoring, penalties, shootout } = &self.summary;
        let parts = [("/summary/scoring", scoring), ("/summary/penalties", penalties)];
        let parts = parts.into_iter().flat_map(|(list, parts)| {
            let within = parts.placed().flat_map(move |(place, part)| {
                let at = format!("{list}/{}", place - 1);
                let goals = part.goals.refused(&format!("{at}/goals")).collect::<Vec<_>>();
                goals.into_iter().chain(part.penalties.refused(&format!("{at}/penalties")).collect::<Vec<_>>())
            });
            parts.refused(list).chain(within)
        });
        let lists = [shootout.refused("/summary/shootout").collect::<Vec<_>>(), self.goals.refused("/goals").collect()];
        let plays = self.plays.refused("/plays").chain(self.roster.refused("/rosterSpots"));
        parts.chain(lists.into_iter().flatten()).chain(plays).collect()
    }
}

impl PeriodDescriptor {
    pub(super) fn is_shootout(&self) -> bool {
        self.kind.as_deref() == Some("SO")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Goal {
    /// Absent in older landings.
    #[serde(rename = "eventId", deserialize_with = "text")]
    pub(super) event: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) period: Option<i64>,
    /// In the scores of a day.
    pub(super) period_descriptor: Option<PeriodDescriptor>,
    #[serde(rename = "playerId", deserialize_with = "text")]
    pub(super) player: Option<String>,
    #[serde(rename = "timeInPeriod", deserialize_with = "text")]
    pub(super) time: Option<String>,
    #[serde(rename = "teamAbbrev", deserialize_with = "localized")]
    pub(super) team: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) first_name: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) last_name: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) name: Option<String>,
    /// `ev`, `pp`, `sh`.
    #[serde(deserialize_with = "text")]
    pub(super) strength: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) home_score: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) away_score: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) assists: Vec<Assist>,
}

impl Item for Goal {
    const VITAL: &'static [&'static str] =
        &["/eventId", "/period", "/periodDescriptor", "/playerId", "/timeInPeriod", "/teamAbbrev"];

    fn vital(item: &Value) -> &'static [&'static str] {
        let is_numbered = item.get("eventId").is_some_and(|id| !id.is_null());
        if is_numbered { &["/eventId", "/periodDescriptor/periodType", "/playerId"] } else { Self::VITAL }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Assist {
    #[serde(deserialize_with = "localized")]
    pub(super) name: Option<String>,
}

/// A name; since 2025 a player with his first and his last one.
fn person<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(input)?;
    match value.get("firstName").or(value.get("lastName")) {
        Some(_) => Player::deserialize(value).map(|player| player.name()),
        None => localized(value),
    }
    .map_err(D::Error::custom)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Penalty {
    #[serde(rename = "timeInPeriod", deserialize_with = "text")]
    pub(super) time: Option<String>,
    #[serde(rename = "teamAbbrev", deserialize_with = "localized")]
    pub(super) team: Option<String>,
    #[serde(rename = "committedByPlayer", deserialize_with = "person")]
    pub(super) player: Option<String>,
    #[serde(rename = "drawnBy", deserialize_with = "person")]
    pub(super) drawn_by: Option<String>,
    #[serde(rename = "descKey", deserialize_with = "text")]
    pub(super) what: Option<String>,
}

impl Item for Penalty {
    const VITAL: &'static [&'static str] = &["/timeInPeriod", "/teamAbbrev", "/descKey"];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kick {
    #[serde(deserialize_with = "int")]
    pub(super) sequence: Option<i64>,
    #[serde(rename = "playerId", deserialize_with = "text")]
    pub(super) player: Option<String>,
    #[serde(rename = "teamAbbrev", deserialize_with = "localized")]
    pub(super) team: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) first_name: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) last_name: Option<String>,
    /// `goal`, `save`, `miss`.
    #[serde(deserialize_with = "text")]
    pub(super) result: Option<String>,
}

impl Item for Kick {
    const VITAL: &'static [&'static str] = &["/sequence", "/playerId", "/result"];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Play {
    #[serde(rename = "eventId", deserialize_with = "text")]
    pub(super) event: Option<String>,
    #[serde(rename = "sortOrder", deserialize_with = "int")]
    pub(super) order: Option<i64>,
    #[serde(rename = "typeDescKey", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(rename = "periodDescriptor")]
    pub(super) period: Option<PeriodDescriptor>,
    #[serde(rename = "timeInPeriod", deserialize_with = "text")]
    pub(super) time: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) details: Details,
}

impl Item for Play {
    const VITAL: &'static [&'static str] = &[
        "/eventId",
        "/typeDescKey",
        "/periodDescriptor/number",
        "/periodDescriptor/periodType",
        "/details/scoringPlayerId",
        "/details/shootingPlayerId",
    ];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Details {
    #[serde(rename = "eventOwnerTeamId", deserialize_with = "text")]
    pub(super) team: Option<String>,
    #[serde(rename = "scoringPlayerId", deserialize_with = "text")]
    pub(super) scorer: Option<String>,
    /// Who did not score.
    #[serde(rename = "shootingPlayerId", deserialize_with = "text")]
    pub(super) shooter: Option<String>,
    #[serde(rename = "assist1PlayerId", deserialize_with = "text")]
    pub(super) assist: Option<String>,
    #[serde(rename = "committedByPlayerId", deserialize_with = "text")]
    pub(super) penalized: Option<String>,
    #[serde(rename = "drawnByPlayerId", deserialize_with = "text")]
    pub(super) drawn_by: Option<String>,
    #[serde(rename = "descKey", deserialize_with = "text")]
    pub(super) what: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) home_score: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) away_score: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Player {
    #[serde(rename = "playerId", deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) first_name: Option<String>,
    #[serde(deserialize_with = "localized")]
    pub(super) last_name: Option<String>,
}

impl Item for Player {
    const VITAL: &'static [&'static str] = &[];
}

impl Player {
    pub(super) fn name(&self) -> Option<String> {
        whole(&self.first_name, &self.last_name)
    }
}

/// First and last name.
pub(super) fn whole(first: &Option<String>, last: &Option<String>) -> Option<String> {
    let name = [first, last].map(|name| name.as_deref().unwrap_or_default()).join(" ");
    Some(read::cut(name.trim()).to_owned()).filter(|name| !name.is_empty())
}
