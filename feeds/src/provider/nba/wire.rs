//! The NBA's shapes, as far as they are read.

use serde::Deserialize;

use crate::provider::items::Item;
use crate::provider::read::{int, or_default, text};

/// A game on the scoreboard, or of a box score.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Match {
    #[serde(rename = "gameId", deserialize_with = "text")]
    pub(super) id: Option<String>,
    /// 1 before, 2 in play, 3 over.
    #[serde(rename = "gameStatus", deserialize_with = "int")]
    pub(super) status: Option<i64>,
    /// `Q2 07:15`, `Halftime`, `Final/OT`.
    #[serde(rename = "gameStatusText", deserialize_with = "text")]
    pub(super) status_text: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) period: Option<i64>,
    #[serde(rename = "gameClock", deserialize_with = "text")]
    pub(super) clock: Option<String>,
    #[serde(rename = "gameTimeUTC", deserialize_with = "text")]
    pub(super) start_utc: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) regulation_periods: Option<i64>,
    #[serde(rename = "poRoundDesc", deserialize_with = "text")]
    pub(super) round: Option<String>,
    #[serde(rename = "seriesGameNumber", deserialize_with = "text")]
    pub(super) series_game: Option<String>,
    #[serde(rename = "seriesText", deserialize_with = "text")]
    pub(super) series: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) attendance: Option<i64>,
    pub(super) arena: Option<Arena>,
    #[serde(deserialize_with = "or_default")]
    pub(super) home_team: Team,
    #[serde(deserialize_with = "or_default")]
    pub(super) away_team: Team,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Arena {
    #[serde(rename = "arenaName", deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(rename = "arenaCity", deserialize_with = "text")]
    pub(super) city: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    #[serde(rename = "teamCity", deserialize_with = "text")]
    pub(super) city: Option<String>,
    #[serde(rename = "teamName", deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(rename = "teamTricode", deserialize_with = "text")]
    pub(super) tricode: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) score: Option<i64>,
    /// `"1"`, `"0"`.
    #[serde(rename = "inBonus", deserialize_with = "text")]
    pub(super) in_bonus: Option<String>,
    #[serde(rename = "timeoutsRemaining", deserialize_with = "int")]
    pub(super) timeouts: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    pub(super) periods: Vec<PeriodScore>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PeriodScore {
    #[serde(rename = "period", deserialize_with = "int")]
    pub(super) number: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) score: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plays {
    #[serde(rename = "gameId", deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) actions: Vec<Action>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Action {
    #[serde(rename = "actionNumber", deserialize_with = "int")]
    pub(super) number: Option<i64>,
    #[serde(rename = "orderNumber", deserialize_with = "int")]
    pub(super) order: Option<i64>,
    #[serde(rename = "actionType", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(rename = "subType", deserialize_with = "text")]
    pub(super) sub_kind: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) period: Option<i64>,
    #[serde(deserialize_with = "text")]
    pub(super) clock: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) score_home: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) score_away: Option<i64>,
    #[serde(rename = "playerNameI", deserialize_with = "text")]
    pub(super) player: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) description: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) edited: Option<String>,
}

impl Item for Action {
    const VITAL: &'static [&'static str] =
        &["/actionNumber", "/orderNumber", "/actionType", "/subType", "/scoreHome", "/scoreAway"];
}
