//! Cricket: one competition of two teams. The score is a text, `125/3 (16/20 ov, target 156)`, and beside it an innings a
//! line: of both teams for each innings, of which only `isBatting` counts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::league::Place;
use super::matches;
use super::wire::{Competition, Head, Team};
use crate::game::{Competitor, Period, PeriodKind, Score, Status};
use crate::provider::read::{self, int, or_default, short, text};
use crate::report::{Invalid, Report};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Side {
    #[serde(rename = "homeAway", deserialize_with = "text")]
    home_away: Option<String>,
    team: Option<Team>,
    #[serde(deserialize_with = "text")]
    score: Option<String>,
    #[serde(deserialize_with = "or_default")]
    linescores: Vec<Innings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Innings {
    /// Newer payloads say the innings' number here, older ones in `value`.
    #[serde(deserialize_with = "int")]
    period: Option<i64>,
    #[serde(deserialize_with = "int")]
    value: Option<i64>,
    #[serde(deserialize_with = "int")]
    runs: Option<i64>,
    #[serde(deserialize_with = "int")]
    wickets: Option<i64>,
    /// 16.4 = 16 overs and 4 balls.
    #[serde(deserialize_with = "text")]
    overs: Option<String>,
    #[serde(deserialize_with = "or_default")]
    is_batting: bool,
    #[serde(deserialize_with = "int")]
    is_current: Option<i64>,
}

/// The image of a match.
pub(super) fn read(place: &Place, head: &Head, competition: Value) -> Result<Report, Invalid> {
    let competition: Competition<Side> = read::typed(competition)?;
    let topic = read::topic(&place.sport, &place.league, competition.id.as_deref().or(head.id.as_deref()), "/id")?;
    let told = matches::told(head, &competition);
    let mut game = matches::begin(place, head, &competition, &told);
    let begun = matches::begun(&game, &told);
    game.competitors = sides(&competition, begun)?;
    if begun {
        game.period = read::count(told.period).filter(|innings| (1..=20).contains(innings)).map(|innings| Period {
            number: Some(innings),
            kind: Some(PeriodKind::Innings),
            ..Period::default()
        });
    }
    // Also where nobody knows ESPN's word, of what is not over.
    let unknown = game.status == Some(Status::Unknown) && told.kind.state.as_deref() == Some("in");
    if unknown || matches!(game.status, Some(Status::Live | Status::Break | Status::Interrupted)) {
        let bats =
            |side: &&Side| side.linescores.iter().any(|innings| innings.is_batting && innings.is_current == Some(1));
        let target = competition.competitors.iter().find_map(|side| target(side.score.as_deref()?));
        game.situation = read::scalars([
            (
                "batting",
                competition.competitors.iter().find(bats).and_then(|side| side.home_away.clone()).map(Value::from),
            ),
            ("target", target.map(Value::from)),
            ("summary", told.summary.clone().map(Value::from)),
        ]);
    } else if begun && game.status_reason.is_none() {
        // Who won by how much.
        game.status_reason = told.summary.clone();
    }
    Ok(read::image(topic, game))
}

fn sides(competition: &Competition<Side>, begun: bool) -> Result<BTreeMap<String, Competitor>, Invalid> {
    let mut sides = BTreeMap::new();
    for (i, side) in competition.competitors.iter().enumerate() {
        let fault = |detail: &str| Err(Invalid::new(format!("/competitors/{i}/homeAway"), detail));
        let Some(key @ ("home" | "away")) = side.home_away.as_deref() else { return fault("neither home nor away") };
        let team = side.team.as_ref();
        let name = team.and_then(|team| team.display_name.clone().or_else(|| team.name.clone()));
        let score = if begun { score(side) } else { Score::default() };
        let team = read::team(name, team.and_then(|team| team.abbreviation.clone()), score);
        if sides.insert(key.to_owned(), team).is_some() {
            return fault("a side named twice");
        }
    }
    Ok(sides)
}

/// Runs of all innings a side has batted; wickets and balls of the last.
fn score(side: &Side) -> Score {
    let batted: Vec<&Innings> = side.linescores.iter().filter(|innings| innings.is_batting).collect();
    let last = batted.last();
    let runs: Vec<i64> = batted.iter().filter_map(|innings| innings.runs).collect();
    Score {
        total: (!runs.is_empty()).then(|| runs.iter().fold(0_i64, |sum, runs| sum.saturating_add(*runs))),
        wickets: last.and_then(|innings| innings.wickets),
        balls: last.and_then(|innings| balls(innings.overs.as_deref()?)),
        parts: read::parts(batted.iter().map(|innings| (innings.period.or(innings.value), innings.runs))),
        display: side.score.as_deref().map(|score| short(score).to_owned()),
        ..Score::default()
    }
}

/// Balls of `16.4` overs: 16 of six balls, and 4.
fn balls(overs: &str) -> Option<i64> {
    let (overs, balls) = overs.split_once('.').unwrap_or((overs, "0"));
    let (overs, balls): (u32, u32) = (overs.parse().ok()?, balls.parse().ok().filter(|balls| *balls < 6)?);
    Some(i64::from(overs) * 6 + i64::from(balls))
}

/// What the side that bats last needs: `target 156` in its score.
fn target(score: &str) -> Option<u32> {
    let (_, rest) = score.split_once("target ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overs_count_by_six() {
        for (overs, expected) in
            [("16.4", Some(100)), ("20", Some(120)), ("0.1", Some(1)), ("16.7", None), ("x", None), ("16.", None)]
        {
            assert_eq!(balls(overs), expected, "{overs}");
        }
    }

    #[test]
    fn the_target_stands_in_the_score() {
        assert_eq!(target("125/3 (16/20 ov, target 156)"), Some(156));
        assert_eq!(target("155/6"), None);
        assert_eq!(target("target "), None);
    }
}
