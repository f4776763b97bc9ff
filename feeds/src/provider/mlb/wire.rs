//! StatsAPI's shapes, as far as they are read: some hundred of GUMBO's ten thousand values.

use serde::Deserialize;

use crate::provider::items::Item;
use crate::provider::read::{int, or_default, text};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Feed {
    #[serde(rename = "gamePk", deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "metaData", deserialize_with = "or_default")]
    pub(super) meta: Meta,
    #[serde(rename = "gameData", deserialize_with = "or_default")]
    pub(super) data: GameData,
    #[serde(rename = "liveData", deserialize_with = "or_default")]
    pub(super) live: Live,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    #[serde(rename = "timeStamp", deserialize_with = "text")]
    pub(super) time_stamp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GameData {
    #[serde(deserialize_with = "or_default")]
    pub(super) game: About,
    #[serde(deserialize_with = "or_default")]
    pub(super) datetime: Times,
    #[serde(deserialize_with = "or_default")]
    pub(super) status: Told,
    #[serde(deserialize_with = "or_default")]
    pub(super) teams: Sides<Team>,
    pub(super) venue: Option<Venue>,
    #[serde(rename = "gameInfo", deserialize_with = "or_default")]
    pub(super) info: Crowd,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct About {
    #[serde(deserialize_with = "text")]
    pub(super) pk: Option<String>,
    #[serde(rename = "doubleHeader", deserialize_with = "text")]
    pub(super) double_header: Option<String>,
    #[serde(rename = "gameNumber", deserialize_with = "int")]
    pub(super) number: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Times {
    #[serde(rename = "dateTime", deserialize_with = "text")]
    pub(super) start: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    #[serde(rename = "codedGameState", deserialize_with = "text")]
    coded: Option<String>,
    #[serde(rename = "statusCode", deserialize_with = "text")]
    code: Option<String>,
    #[serde(rename = "detailedState", deserialize_with = "text")]
    pub(super) detailed: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) reason: Option<String>,
    #[serde(rename = "startTimeTBD", deserialize_with = "or_default")]
    pub(super) start_unknown: bool,
}

impl Told {
    /// From the most telling to the least: both letters, the first; older documents have that only as the start of
    /// `statusCode`.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        let letter = self.coded.as_deref().or_else(|| self.code.as_deref()?.get(..1));
        self.code.as_deref().into_iter().chain(letter)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound = "T: serde::Deserialize<'de> + Default")]
pub(super) struct Sides<T> {
    #[serde(deserialize_with = "or_default")]
    pub(super) home: T,
    #[serde(deserialize_with = "or_default")]
    pub(super) away: T,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) abbreviation: Option<String>,
    pub(super) sport: Option<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Venue {
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    pub(super) location: Option<Location>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Location {
    #[serde(deserialize_with = "text")]
    pub(super) city: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Crowd {
    #[serde(deserialize_with = "int")]
    pub(super) attendance: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Live {
    #[serde(deserialize_with = "or_default")]
    pub(super) linescore: Linescore,
    #[serde(deserialize_with = "or_default")]
    pub(super) plays: Plays,
    #[serde(deserialize_with = "or_default")]
    pub(super) decisions: Decisions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Decisions {
    pub(super) winner: Option<Person>,
    pub(super) loser: Option<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Linescore {
    #[serde(rename = "currentInning", deserialize_with = "int")]
    pub(super) inning: Option<i64>,
    /// `Top`, `Middle`, `Bottom`, `End`.
    #[serde(rename = "inningState", deserialize_with = "text")]
    pub(super) state: Option<String>,
    #[serde(rename = "isTopInning")]
    pub(super) is_top: Option<bool>,
    #[serde(rename = "scheduledInnings", deserialize_with = "int")]
    pub(super) scheduled: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) innings: Vec<Inning>,
    #[serde(deserialize_with = "or_default")]
    pub(super) teams: Sides<Tally>,
    #[serde(deserialize_with = "or_default")]
    pub(super) offense: Offense,
    #[serde(deserialize_with = "or_default")]
    pub(super) defense: Defense,
    #[serde(deserialize_with = "int")]
    pub(super) balls: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) strikes: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) outs: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Inning {
    #[serde(rename = "num", deserialize_with = "int")]
    pub(super) number: Option<i64>,
    #[serde(flatten)]
    pub(super) sides: Sides<Tally>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    /// Missing: not batted yet.
    #[serde(deserialize_with = "int")]
    pub(super) runs: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) hits: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) errors: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Offense {
    pub(super) batter: Option<Person>,
    pub(super) first: Option<Person>,
    pub(super) second: Option<Person>,
    pub(super) third: Option<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Defense {
    pub(super) pitcher: Option<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Person {
    #[serde(rename = "fullName", deserialize_with = "text")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plays {
    #[serde(rename = "allPlays", deserialize_with = "or_default")]
    pub(super) all: Vec<Play>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Play {
    #[serde(rename = "atBatIndex", deserialize_with = "int")]
    pub(super) at_bat: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) about: PlayAbout,
    #[serde(deserialize_with = "or_default")]
    pub(super) result: Outcome,
    #[serde(deserialize_with = "or_default")]
    pub(super) matchup: Matchup,
    #[serde(rename = "reviewDetails")]
    pub(super) review: Option<Review>,
}

impl Item for Play {
    const VITAL: &'static [&'static str] =
        &["/atBatIndex", "/about/atBatIndex", "/about/isScoringPlay", "/about/isComplete", "/reviewDetails"];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PlayAbout {
    #[serde(rename = "atBatIndex", deserialize_with = "int")]
    pub(super) at_bat: Option<i64>,
    /// `top`, `bottom`.
    #[serde(rename = "halfInning", deserialize_with = "text")]
    pub(super) half: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) inning: Option<i64>,
    #[serde(rename = "isComplete", deserialize_with = "or_default")]
    pub(super) complete: bool,
    #[serde(rename = "isScoringPlay", deserialize_with = "or_default")]
    pub(super) scoring: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Outcome {
    /// `home_run`.
    #[serde(rename = "eventType", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Matchup {
    pub(super) batter: Option<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Review {
    #[serde(rename = "isOverturned", deserialize_with = "or_default")]
    pub(super) overturned: bool,
    #[serde(rename = "inProgress", deserialize_with = "or_default")]
    pub(super) running: bool,
}

/// A game of a schedule.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Scheduled {
    #[serde(rename = "gamePk", deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "gameDate", deserialize_with = "text")]
    pub(super) date: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) status: Told,
    #[serde(deserialize_with = "or_default")]
    pub(super) teams: Sides<ScheduledSide>,
    pub(super) linescore: Option<Linescore>,
    pub(super) venue: Option<Venue>,
    #[serde(rename = "doubleHeader", deserialize_with = "text")]
    pub(super) double_header: Option<String>,
    #[serde(rename = "gameNumber", deserialize_with = "int")]
    pub(super) number: Option<i64>,
    #[serde(rename = "seriesDescription", deserialize_with = "text")]
    pub(super) series: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScheduledSide {
    #[serde(deserialize_with = "int")]
    pub(super) score: Option<i64>,
    pub(super) team: Option<Team>,
}
