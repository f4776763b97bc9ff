//! openfootball's `football.json`: a season's fixtures and results as one document, open data (CC0), by hand and days late.
//! Today's list `matches`, and the older `rounds[].matches`. Topics are `soccer/<the document's name>/<round and teams>`
//! (`soccer/english-premier-league-2025-26/matchday-1-liverpool-fc-afc-bournemouth`).
//!
//! - **No ids.** Round and teams name a match: its date moves. A second match of the same name is refused, not mixed up.
//! - **Local times without a zone**, except where `time` names its offset (`13:00 UTC-6`): only that is a start; else date
//!   and time are passed on as they stand.
//! - **A result is the only status**, beside a word where a match is not played. A fixture without one is `unknown`: next
//!   week's, and last week's that nobody wrote down, look the same.
//! - **Older seasons write scores as fields**, `score1` and `score2` with `i` (half-time), `et` and `p` behind.
//! - **`score.ft` is after 90 minutes, `et` after 120, `p` the shoot-out**, which is never in the total.
//! - **Goals carry no ids**: minute, name and side make one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::items::Item;
use super::lists::{self, List};
use super::{Adapter, Decoded, read};
use crate::game::{Competition, Competitor, CompetitorKind, Incident, Score, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};
use read::{int, or_default, text};

const LISTS: [List; 2] = [List::of::<Goal>("/goals1"), List::of::<Goal>("/goals2")];

/// The adapter `openfootball`.
pub(super) struct OpenFootball;

#[derive(Deserialize)]
struct Season {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    matches: Vec<Value>,
    #[serde(default, deserialize_with = "or_default")]
    rounds: Vec<Round>,
}

#[derive(Deserialize)]
struct Round {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    matches: Vec<Value>,
}

#[derive(Deserialize)]
struct Match {
    #[serde(default, deserialize_with = "text")]
    round: Option<String>,
    #[serde(default, deserialize_with = "text")]
    date: Option<String>,
    #[serde(default, deserialize_with = "text")]
    time: Option<String>,
    team1: Team,
    team2: Team,
    #[serde(default, deserialize_with = "or_default")]
    score: Scores,
    #[serde(default, deserialize_with = "text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    group: Option<String>,
    #[serde(default, deserialize_with = "text")]
    ground: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    goals1: Vec<Goal>,
    #[serde(default, deserialize_with = "or_default")]
    goals2: Vec<Goal>,
}

/// A name, or an object with name and code.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Team {
    name: String,
    code: Option<String>,
}

impl TryFrom<Value> for Team {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Team, Self::Error> {
        let (name, code) = match &value {
            Value::String(name) => (Some(name.as_str()), None),
            value => (value["name"].as_str(), value["code"].as_str()),
        };
        let name = name.map(str::trim).filter(|name| slug(name).is_some()).ok_or("a team without a name")?;
        Ok(Team { name: read::cut(name).to_owned(), code: code.map(|code| read::cut(code).to_owned()) })
    }
}

#[derive(Default, Deserialize)]
struct Scores {
    ht: Option<[i64; 2]>,
    ft: Option<[i64; 2]>,
    et: Option<[i64; 2]>,
    p: Option<[i64; 2]>,
}

/// What stood in place of `score`.
#[derive(Deserialize)]
struct OlderScores {
    #[serde(default, deserialize_with = "int")]
    score1: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    score2: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    score1i: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    score2i: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    score1et: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    score2et: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    score1p: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    score2p: Option<i64>,
}

impl OlderScores {
    fn scores(&self) -> Scores {
        let pair = |team1: Option<i64>, team2: Option<i64>| Some([team1?, team2?]);
        Scores {
            ht: pair(self.score1i, self.score2i),
            ft: pair(self.score1, self.score2),
            et: pair(self.score1et, self.score2et),
            p: pair(self.score1p, self.score2p),
        }
    }
}

#[derive(Deserialize)]
struct Goal {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    /// `61`, and in later documents `"90+4"`.
    #[serde(default, deserialize_with = "text")]
    minute: Option<String>,
    #[serde(default, deserialize_with = "int")]
    offset: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    penalty: bool,
    #[serde(default, deserialize_with = "or_default")]
    owngoal: bool,
}

impl Item for Goal {
    const VITAL: &'static [&'static str] = &["/name", "/minute", "/offset"];
}

impl Adapter for OpenFootball {
    fn name(&self) -> &'static str {
        "openfootball"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let season: Season = read::typed(read::object(payload)?)?;
        let name = season.name.unwrap_or_default();
        let competition = slug(&name).ok_or_else(|| Invalid::new("/name", "a document without a name"))?;
        let listed = season.matches.into_iter().enumerate().map(|(i, one)| (format!("/matches/{i}"), None, one));
        let rounds = season.rounds.into_iter().enumerate().flat_map(|(r, round)| {
            let matches = round.matches.into_iter().enumerate();
            matches.map(move |(i, one)| (format!("/rounds/{r}/matches/{i}"), round.name.clone(), one))
        });
        let (mut decoded, mut seen) = (Decoded::default(), BTreeSet::new());
        for (pointer, round, mut one) in listed.chain(rounds).collect::<Vec<_>>() {
            decoded.refused.extend(lists::mend(&pointer, &mut one, &LISTS));
            let report = game(one, round, &competition, &name);
            match report.map_err(|fault| read::below(&pointer, fault)) {
                Ok(report) if !seen.insert(report.game.clone()) => {
                    let detail = format!("a second match of round and teams {}", report.game);
                    decoded.refused.push(Invalid::new(pointer, detail));
                }
                Ok(report) => decoded.reports.push(report),
                Err(fault) => decoded.refused.push(fault),
            }
        }
        Ok(decoded)
    }
}

fn game(one: Value, round: Option<String>, competition: &str, name: &str) -> Result<Report, Invalid> {
    let older = one.get("score").is_none().then(|| read::typed::<OlderScores>(one.clone())).transpose()?;
    let mut one: Match = read::typed(one)?;
    one.score = older.map_or(one.score, |older| older.scores());
    let round = one.round.clone().or(round);
    let segment = read::segment([round.as_deref().unwrap_or_default(), &one.team1.name, &one.team2.name]);
    let topic = segment.map(|segment| format!("soccer/{competition}/{segment}"));
    let topic: Topic =
        topic.and_then(|topic| topic.parse().ok()).ok_or_else(|| Invalid::new("", "round and teams name no game"))?;
    let start = start(&one);
    let (date, time) = if start.is_some() { (None, None) } else { (one.date.clone(), one.time.clone()) };
    let (status, status_reason) = status(&one);
    let side = |team: &Team, side: usize| competitor(team, score(&one.score, side));
    let game = Game {
        sport: Some("soccer".to_owned()),
        competition: Some(Competition {
            id: Some(topic.competition().to_owned()),
            name: Some(read::cut(name).to_owned()),
            round,
        }),
        start,
        status: Some(status),
        status_reason,
        competitors: [("home", side(&one.team1, 0)), ("away", side(&one.team2, 1))]
            .map(|(key, side)| (key.to_owned(), side))
            .into(),
        incidents: goals(&one),
        info: read::scalars([
            ("date", date.map(Value::from)),
            ("time", time.map(Value::from)),
            ("group", one.group.clone().map(Value::from)),
            ("venue", one.ground.clone().map(Value::from)),
        ]),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

/// `2026-06-11` and `13:00 UTC-6`; without the offset nobody knows the instant.
fn start(one: &Match) -> Option<String> {
    let (time, offset) = one.time.as_deref()?.split_once(" UTC")?;
    let (sign, hours) = offset.split_at_checked(1)?;
    let hours: u8 = hours.parse().ok()?;
    read::instant(&format!("{}T{time}:00{sign}{hours:02}:00", one.date.as_deref()?))
}

fn status(one: &Match) -> (Status, Option<String>) {
    match one.status.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("postponed") => (Status::Postponed, None),
        Some("cancelled" | "canceled") => (Status::Cancelled, None),
        Some("abandoned") => (Status::Abandoned, None),
        Some("suspended") => (Status::Suspended, None),
        Some("awarded") => (Status::Awarded, None),
        Some(_) => (Status::Unknown, one.status.clone()),
        None if one.score.p.is_some() => (Status::Final, Some("after penalties".to_owned())),
        None if one.score.et.is_some() => (Status::Final, Some("after extra time".to_owned())),
        None if one.score.ft.is_some() => (Status::Final, None),
        None => (Status::Unknown, None),
    }
}

fn competitor(team: &Team, score: Option<Score>) -> Competitor {
    Competitor {
        kind: Some(CompetitorKind::Team),
        name: Some(team.name.clone()),
        abbr: team.code.clone(),
        team: slug(&team.name),
        score,
        ..Competitor::default()
    }
}

fn score(scores: &Scores, side: usize) -> Option<Score> {
    let plain = |score: Option<[i64; 2]>| score.map(|score| score[side]).filter(|goals| (0..1_000).contains(goals));
    let total = plain(scores.et).or(plain(scores.ft))?;
    let parts = plain(scores.ht).map(|goals| ("1".to_owned(), goals));
    Some(Score {
        total: Some(total),
        parts: parts.into_iter().collect(),
        shootout: plain(scores.p),
        ..Score::default()
    })
}

/// The lists are by the side that a goal counts for, own goals too.
fn goals(one: &Match) -> BTreeMap<String, Incident> {
    let mut goals = BTreeMap::new();
    for (side, list) in [("home", &one.goals1), ("away", &one.goals2)] {
        for goal in list {
            let (minute, added) = minute(goal);
            let athlete = goal.name.as_deref().and_then(slug).unwrap_or_default();
            let id = format!("{side}-{}-{}-{athlete}", minute.unwrap_or(0), added.unwrap_or(0));
            let detail = if goal.owngoal { Some("own_goal") } else { goal.penalty.then_some("penalty") };
            let incident = Incident {
                order: minute.map(|minute| i64::from(minute) * 100 + i64::from(added.unwrap_or(0))),
                kind: Some("goal".to_owned()),
                side: Some(side.to_owned()),
                athlete: goal.name.clone(),
                minute,
                added_min: added,
                detail: detail.map(str::to_owned),
                ..Incident::default()
            };
            goals.insert(read::key(&id).to_owned(), incident);
        }
    }
    goals
}

fn minute(goal: &Goal) -> (Option<u32>, Option<u32>) {
    let text = goal.minute.as_deref().unwrap_or_default();
    let (base, added) = text.split_once('+').map_or((text, None), |(base, added)| (base, Some(added)));
    let small = |text: &str| text.trim().parse::<u32>().ok().filter(|minute| *minute < 1_000);
    let offset = goal.offset.and_then(|offset| u32::try_from(offset).ok()).filter(|offset| (1..100).contains(offset));
    (small(base), added.and_then(small).or(offset))
}
