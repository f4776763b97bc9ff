//! One change of a cricket stream.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{competition, topic};
use crate::Game;
use crate::game::{Competitor, CompetitorKind, Period, PeriodKind, Score, Status};
use crate::provider::read::{self, int, or_default, text};
use crate::report::{Invalid, Report};
use crate::topic::slug;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    #[serde(default, deserialize_with = "text")]
    event_id: Option<String>,
    fixture_info: Option<Fixture>,
    match_stats: Option<Stats>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fixture {
    /// ms since the Unix epoch.
    #[serde(default, deserialize_with = "int")]
    expected_start_time: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    fixture_status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    event_description: Option<String>,
    /// What happens on the field this second.
    #[serde(default, deserialize_with = "text")]
    event_status: Option<String>,
    #[serde(default, deserialize_with = "int")]
    max_overs: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(default, deserialize_with = "int")]
    current_innings: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    innings_stats: Vec<Innings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Innings {
    #[serde(default, deserialize_with = "int")]
    innings_num: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    batting_team: Option<String>,
    #[serde(default, deserialize_with = "text")]
    bowling_team: Option<String>,
    #[serde(default, deserialize_with = "int")]
    innings_runs: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    innings_wickets: Option<i64>,
    /// `"12.5"`: overs and balls, no fraction.
    #[serde(default, deserialize_with = "text")]
    innings_overs: Option<String>,
}

pub(super) fn report(change: Value) -> Result<Report, Invalid> {
    let change: Change = read::typed(change)?;
    let topic = topic(Some("4"), change.event_id.as_deref())?;
    let fixture = change.fixture_info.as_ref();
    let (status, status_reason) = status(fixture.and_then(|fixture| fixture.fixture_status.as_deref()));
    let start = fixture.and_then(|fixture| fixture.expected_start_time).and_then(instant);
    let batting = change.match_stats.as_ref().and_then(|stats| stats.current_innings);
    let said = fixture.and_then(|fixture| fixture.event_status.clone());
    let game = Game {
        sport: Some("cricket".to_owned()),
        competition: Some(competition()),
        start,
        status: fixture.and(Some(status)),
        status_reason,
        period: batting.and_then(|number| u32::try_from(number).ok()).map(|number| Period {
            number: Some(number),
            kind: Some(PeriodKind::Innings),
            ..Period::default()
        }),
        competitors: change.match_stats.as_ref().map(competitors).unwrap_or_default(),
        situation: read::scalars([("field", said.map(Value::from))]),
        info: read::scalars([
            ("event", fixture.and_then(|fixture| fixture.event_description.clone()).map(Value::from)),
            ("overs", fixture.and_then(|fixture| fixture.max_overs).map(Value::from)),
        ]),
        ..Game::default()
    };
    let whole = change.match_stats.is_some() && change.fixture_info.is_some();
    Ok(if whole { read::image(topic, game) } else { read::patch(topic, game) })
}

fn instant(ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(ms).ok().filter(|_| ms > 0).map(|instant| instant.to_string())
}

fn status(word: Option<&str>) -> (Status, Option<String>) {
    match word.unwrap_or_default() {
        "NOT_STARTED" | "PRE_MATCH" => (Status::Scheduled, None),
        "IN_RUNNING" => (Status::Live, None),
        "COMPLETED" | "FINISHED" => (Status::Ended, None),
        "ABANDONED" => (Status::Abandoned, None),
        _ => (Status::Unknown, word.map(str::to_owned)),
    }
}

/// The sides in the order of the first innings.
fn competitors(stats: &Stats) -> BTreeMap<String, Competitor> {
    let mut innings: Vec<&Innings> = stats.innings_stats.iter().collect();
    innings.sort_by_key(|innings| innings.innings_num);
    let Some(first) = innings.first() else { return BTreeMap::new() };
    let teams = [("home", &first.batting_team), ("away", &first.bowling_team)];
    teams.into_iter().map(|(key, team)| (key.to_owned(), competitor(team.as_deref(), &innings))).collect()
}

fn competitor(team: Option<&str>, innings: &[&Innings]) -> Competitor {
    let own = || innings.iter().filter(|one| team.is_some() && one.batting_team.as_deref() == team);
    let runs = |one: &&&Innings| one.innings_runs.filter(|runs| (0..10_000).contains(runs));
    let part = |one: &&Innings| {
        let number = one.innings_num.filter(|number| (1..=99).contains(number))?;
        Some((number.to_string(), runs(&one)?))
    };
    let score = own().next_back().map(|last| Score {
        total: own().map(|one| runs(&one)).sum(),
        parts: own().filter_map(part).collect(),
        wickets: last.innings_wickets,
        balls: last.innings_overs.as_deref().and_then(balls),
        ..Score::default()
    });
    Competitor {
        kind: Some(CompetitorKind::Team),
        name: team.map(str::to_owned),
        team: team.and_then(slug),
        score,
        ..Competitor::default()
    }
}

/// `12.5` are 77 balls, `20` are 120.
fn balls(overs: &str) -> Option<i64> {
    let (overs, balls) = overs.split_once('.').unwrap_or((overs, "0"));
    let small = |text: &str| text.parse::<u16>().ok().map(i64::from);
    Some(small(overs)? * 6 + small(balls).filter(|balls| *balls <= 6)?)
}
