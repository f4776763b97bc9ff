//! football-data.org, version 4: `api.football-data.org/v4/matches`, `/competitions/{code}/matches`, `/matches/{id}`;
//! polled with a key. Lists that were kept of version 2 are read too. Scores are whole numbers, null = unknown; every
//! match has a `lastUpdated` in UTC, so reports are stamped with it.
//!
//! A payload is `{"matches":[…]}` or one match. Topics are `soccer/competition-code/match-id` (`soccer/pl/538050`).
//!
//! - **`fullTime` of a shoot-out holds the shoot-out's goals** (documented): the score is regular time and extra time.
//! - **While a match is in play nothing says which half**: the period is said in extra time and shoot-outs only.
//! - **Whom an own goal counts for is not documented**: it carries no side.

mod wire;

use std::collections::BTreeMap;

use serde_json::Value;

use super::lists::{self, List};
use super::{Adapter, Decoded, read};
use crate::Game;
use crate::game::{Clock, ClockMode, Incident, Period, PeriodKind, Score, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use wire::{Card, Competition, Goal, Match, Tally, Team};

const LISTS: [List; 2] = [List::of::<Goal>("/goals"), List::of::<Card>("/bookings")];

/// The adapter `football-data`.
pub(super) struct FootballData;

impl Adapter for FootballData {
    fn name(&self) -> &'static str {
        "football-data"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let Value::Object(mut payload) = read::json(payload)? else {
            return Err(Invalid::new("", "a JSON object is expected"));
        };
        if payload.contains_key("utcDate") {
            return Ok(lists::each(vec![(String::new(), Value::Object(payload))], &LISTS, |one| game(None, one)));
        }
        let Some(Value::Array(matches)) = payload.remove("matches") else {
            return Err(Invalid::new("/matches", "neither matches nor one match"));
        };
        let competition: Option<Competition> = match payload.remove("competition") {
            None => None,
            Some(named) => read::typed(named).map_err(|fault| read::below("/competition", fault))?,
        };
        Ok(lists::each(read::items("/matches", matches), &LISTS, |one| game(competition.as_ref(), one)))
    }
}

static STATUSES: [(&str, Status); 12] = [
    ("SCHEDULED", Status::Scheduled),
    ("TIMED", Status::Scheduled),
    ("IN_PLAY", Status::Live),
    ("LIVE", Status::Live),
    ("EXTRA_TIME", Status::Live),
    ("PENALTY_SHOOTOUT", Status::Live),
    ("PAUSED", Status::Break),
    ("FINISHED", Status::Final),
    ("SUSPENDED", Status::Suspended),
    ("POSTPONED", Status::Postponed),
    ("CANCELLED", Status::Cancelled),
    ("AWARDED", Status::Awarded),
];

fn game(competition: Option<&Competition>, one: Value) -> Result<Report, Invalid> {
    let one: Match = read::typed(one)?;
    let competition = one.competition.as_ref().or(competition);
    let code = competition.and_then(|competition| competition.code.as_deref().or(competition.id.as_deref()));
    let code = code.and_then(slug).ok_or_else(|| Invalid::new("/competition/code", "a match without a competition"))?;
    let topic = read::topic("soccer", &code, one.id.as_deref(), "/id")?;
    let (status, status_reason) = status(&one);
    let side = |team: &Team, pick: fn(&Tally) -> Option<i64>| {
        read::team(team.name.clone(), team.tla.clone(), score(&one.score, pick))
    };
    let game = Game {
        sport: Some("soccer".to_owned()),
        competition: Some(crate::game::Competition {
            id: Some(code),
            name: competition.and_then(|competition| competition.name.clone()),
            round: one.matchday.clone().or_else(|| one.group.clone()).or_else(|| one.stage.clone()),
        }),
        start: one.utc_date.as_deref().and_then(read::instant),
        status: Some(status),
        status_reason,
        period: period(one.status.as_deref()),
        clock: clock(&one).filter(|_| matches!(status, Status::Live | Status::Break)),
        competitors: read::sides(side(&one.home_team, |tally| tally.home), side(&one.away_team, |tally| tally.away)),
        incidents: incidents(&one),
        info: read::scalars([
            ("venue", one.venue.clone().map(Value::from)),
            ("attendance", one.attendance.filter(|viewers| *viewers > 0).map(Value::from)),
        ]),
        ..Game::default()
    };
    let event_at = one.last_updated.as_deref().and_then(read::millis);
    Ok(Report { event_at, ..read::image(topic, game) })
}

/// Where it stands; of a match that is over, also how it was decided.
fn status(one: &Match) -> (Status, Option<String>) {
    let word = one.status.as_deref();
    match STATUSES.iter().find(|(known, _)| Some(*known) == word) {
        Some((_, Status::Final)) => (Status::Final, one.score.duration.clone().filter(|how| how != "REGULAR")),
        Some((_, status)) => (*status, None),
        None => (Status::Unknown, word.map(str::to_owned)),
    }
}

fn period(status: Option<&str>) -> Option<Period> {
    let kind = match status? {
        "EXTRA_TIME" => PeriodKind::Extra,
        "PENALTY_SHOOTOUT" => PeriodKind::Shootout,
        _ => return None,
    };
    Some(Period { kind: Some(kind), ..Period::default() })
}

/// `minute` is a number, or a text with the added minute beside it; `injuryTime` is how much was announced.
fn clock(one: &Match) -> Option<Clock> {
    let minute = one.minute.as_deref().and_then(read::minute)?;
    let ms = i64::from(minute.base) * 60_000;
    Some(Clock { mode: Some(ClockMode::Up), ms: Some(ms), added_min: minute.added, ..Clock::default() })
}

fn score(told: &wire::Score, pick: fn(&Tally) -> Option<i64>) -> Score {
    let of = |tally: &Option<Tally>| tally.as_ref().and_then(pick);
    let shootout = of(&told.penalties);
    let total = match told.duration.as_deref() {
        Some("PENALTY_SHOOTOUT") => match (of(&told.regular_time), of(&told.full_time), shootout) {
            (Some(regular), _, _) => Some(regular.saturating_add(of(&told.extra_time).unwrap_or(0))),
            (None, Some(all), Some(shootout)) => Some(all.saturating_sub(shootout)),
            (None, _, _) => None,
        },
        _ => of(&told.full_time),
    };
    Score { total, parts: read::parts([(Some(1), of(&told.half_time))]), shootout, ..Score::default() }
}

/// Goals and cards, where the plan includes them. They have no ids: see [`read::incident_id`].
fn incidents(one: &Match) -> BTreeMap<String, Incident> {
    let mut goals: Vec<&Goal> = one.goals.iter().collect();
    // Equal ones are numbered by who they name, not by the list's order.
    goals.sort_by_key(|goal| goal.scorer.as_ref().and_then(|person| person.id.clone()));
    let goals = goals.into_iter().map(|goal| goal_of(one, goal));
    let cards = one.bookings.iter().map(|card| card_of(one, card));
    read::unique(goals.chain(cards))
}

fn goal_of(one: &Match, goal: &Goal) -> (String, Incident) {
    let team = goal.team.as_ref().and_then(|team| team.id.as_deref());
    let own = goal.kind.as_deref() == Some("OWN");
    let incident = Incident {
        kind: Some("goal".to_owned()),
        detail: match goal.kind.as_deref() {
            Some("OWN") => Some("own_goal".to_owned()),
            Some("PENALTY") => Some("penalty".to_owned()),
            _ => None,
        },
        side: side_of(one, team).filter(|_| !own),
        athlete: goal.scorer.as_ref().and_then(|person| person.name.clone()),
        other: goal.assist.as_ref().and_then(|person| person.name.clone()),
        ..timed(goal.minute, goal.injury_time)
    };
    let when = when(goal.minute, goal.injury_time);
    // Not by the scorer, who may be named later.
    (read::incident_id([Some("goal"), team, when.as_deref()]), incident)
}

fn card_of(one: &Match, card: &Card) -> (String, Incident) {
    let team = card.team.as_ref().and_then(|team| team.id.as_deref());
    let detail = match card.card.as_deref() {
        Some("YELLOW_RED") => Some("second_yellow".to_owned()),
        Some(colour) => slug(colour),
        None => None,
    };
    let player = card.player.as_ref().and_then(|person| person.id.as_deref());
    let when = when(card.minute, None);
    let id = read::incident_id([Some("card"), detail.as_deref(), team, player, when.as_deref()]);
    let incident = Incident {
        kind: Some("card".to_owned()),
        detail,
        side: side_of(one, team),
        athlete: card.player.as_ref().and_then(|person| person.name.clone()),
        ..timed(card.minute, None)
    };
    (id, incident)
}

fn when(minute: Option<i64>, added: Option<i64>) -> Option<String> {
    Some(added.map_or(minute?.to_string(), |added| format!("{}.{added}", minute.unwrap_or(0))))
}

fn timed(minute: Option<i64>, added: Option<i64>) -> Incident {
    let (minute, added_min) = (read::count(minute), read::count(added));
    let order = minute.map(|minute| i64::from(minute) * 100 + i64::from(added_min.unwrap_or(0).min(99)));
    Incident { order, minute, added_min, ..Incident::default() }
}

fn side_of(one: &Match, team: Option<&str>) -> Option<String> {
    let is = |side: &Team| team.is_some() && side.id.as_deref() == team;
    match (is(&one.home_team), is(&one.away_team)) {
        (true, false) => Some("home".to_owned()),
        (false, true) => Some("away".to_owned()),
        _ => None,
    }
}
