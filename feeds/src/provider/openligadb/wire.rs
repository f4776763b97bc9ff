//! OpenLigaDB's shape in both spellings, as far as it is read.

use serde::Deserialize;

use crate::provider::items::Item;
use crate::provider::read::{int, or_default, text};

#[derive(Debug, Deserialize)]
pub(super) struct Match {
    #[serde(rename = "matchID", alias = "MatchID", default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "matchDateTimeUTC", alias = "MatchDateTimeUTC", default, deserialize_with = "text")]
    pub(super) start_utc: Option<String>,
    #[serde(rename = "leagueShortcut", alias = "LeagueShortcut", default, deserialize_with = "text")]
    pub(super) league_shortcut: Option<String>,
    #[serde(rename = "leagueId", alias = "LeagueId", default, deserialize_with = "text")]
    pub(super) league_id: Option<String>,
    #[serde(rename = "leagueName", alias = "LeagueName", default, deserialize_with = "text")]
    pub(super) league_name: Option<String>,
    #[serde(alias = "Group")]
    pub(super) group: Option<Group>,
    #[serde(alias = "Team1")]
    pub(super) team1: Team,
    #[serde(alias = "Team2")]
    pub(super) team2: Team,
    #[serde(rename = "matchIsFinished", alias = "MatchIsFinished", default, deserialize_with = "or_default")]
    pub(super) finished: bool,
    #[serde(rename = "matchResults", alias = "MatchResults", default, deserialize_with = "or_default")]
    pub(super) results: Vec<MatchResult>,
    #[serde(alias = "Goals", default, deserialize_with = "or_default")]
    pub(super) goals: Vec<Goal>,
    #[serde(alias = "Location")]
    pub(super) location: Option<Location>,
    #[serde(rename = "numberOfViewers", alias = "NumberOfViewers", default, deserialize_with = "int")]
    pub(super) viewers: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Group {
    #[serde(rename = "groupName", alias = "GroupName", default, deserialize_with = "text")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Team {
    #[serde(rename = "teamName", alias = "TeamName", default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(rename = "shortName", alias = "ShortName", default, deserialize_with = "text")]
    pub(super) short_name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MatchResult {
    /// 1 half-time, 2 end; others are the league's own.
    #[serde(rename = "resultTypeID", alias = "ResultTypeID", default, deserialize_with = "int")]
    kind: Option<i64>,
    /// Newer rows: `AfterExtraTime`; `Unknown` where the league says none.
    #[serde(rename = "resultTypeKind", alias = "ResultTypeKind", default, deserialize_with = "text")]
    word: Option<String>,
    #[serde(rename = "resultName", alias = "ResultName", default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(rename = "pointsTeam1", alias = "PointsTeam1", default, deserialize_with = "int")]
    pub(super) team1: Option<i64>,
    #[serde(rename = "pointsTeam2", alias = "PointsTeam2", default, deserialize_with = "int")]
    pub(super) team2: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Goal {
    #[serde(rename = "goalID", alias = "GoalID", default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    /// The running score after this goal.
    #[serde(rename = "scoreTeam1", alias = "ScoreTeam1", default, deserialize_with = "int")]
    pub(super) team1: Option<i64>,
    #[serde(rename = "scoreTeam2", alias = "ScoreTeam2", default, deserialize_with = "int")]
    pub(super) team2: Option<i64>,
    #[serde(rename = "matchMinute", alias = "MatchMinute", default, deserialize_with = "int")]
    pub(super) minute: Option<i64>,
    #[serde(rename = "goalGetterName", alias = "GoalGetterName", default, deserialize_with = "text")]
    pub(super) athlete: Option<String>,
    #[serde(rename = "isPenalty", alias = "IsPenalty", default, deserialize_with = "or_default")]
    pub(super) penalty: bool,
    #[serde(rename = "isOwnGoal", alias = "IsOwnGoal", default, deserialize_with = "or_default")]
    pub(super) own_goal: bool,
    #[serde(alias = "Comment", default, deserialize_with = "text")]
    pub(super) comment: Option<String>,
}

impl Item for Goal {
    const VITAL: &'static [&'static str] =
        &["/goalID", "/GoalID", "/scoreTeam1", "/scoreTeam2", "/ScoreTeam1", "/ScoreTeam2"];
}

#[derive(Debug, Deserialize)]
pub(super) struct Location {
    #[serde(rename = "locationStadium", alias = "LocationStadium", default, deserialize_with = "text")]
    pub(super) stadium: Option<String>,
    #[serde(rename = "locationCity", alias = "LocationCity", default, deserialize_with = "text")]
    pub(super) city: Option<String>,
}

/// A score of both teams, where both are said; -1 stands for none.
fn both(team1: Option<i64>, team2: Option<i64>) -> Option<[i64; 2]> {
    Some([team1.filter(|goals| *goals >= 0)?, team2.filter(|goals| *goals >= 0)?])
}

/// After what a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    HalfTime,
    /// Regular time; the end, where nothing more was played.
    End,
    ExtraTime,
    Penalties,
    /// The league's own.
    Other,
}

impl MatchResult {
    /// By the word, the number, and the league's name for it, in this order.
    pub(super) fn after(&self) -> After {
        match (self.word.as_deref(), self.kind) {
            (Some("HalfTime"), _) => After::HalfTime,
            (Some("After90Minutes"), _) => After::End,
            (Some("AfterExtraTime"), _) => After::ExtraTime,
            (Some("AfterPenalties"), _) => After::Penalties,
            (_, Some(1)) => After::HalfTime,
            (_, Some(2)) => After::End,
            _ => self.after_by_name(),
        }
    }

    fn after_by_name(&self) -> After {
        let name = self.name.as_deref().unwrap_or_default().to_lowercase();
        let says = |words: [&str; 2]| words.into_iter().any(|word| name.contains(word));
        match () {
            () if says(["elfmeter", "penalty"]) => After::Penalties,
            () if says(["verlängerung", "verlaengerung"]) => After::ExtraTime,
            () => After::Other,
        }
    }

    pub(super) fn score(&self) -> Option<[i64; 2]> {
        both(self.team1, self.team2)
    }
}

impl Goal {
    pub(super) fn running(&self) -> Option<[i64; 2]> {
        both(self.team1, self.team2)
    }
}
