//! Goals and penalties: a landing lists them by period, the scores of a day list the goals, a
//! play-by-play everything. `eventId` names an event but is not in order, `sortOrder` is.

use std::collections::BTreeMap;

use super::shootout;
use super::wire::{Goal, Match, Penalty, PeriodDescriptor, Play, Player, whole};
use crate::game::{Incident, IncidentStatus};
use crate::provider::read;

pub(super) fn incidents(one: &Match) -> BTreeMap<String, Incident> {
    let summary = &one.summary;
    let by_period =
        summary.scoring.iter().flat_map(|part| part.goals.iter().map(move |goal| (part.period.as_ref(), goal)));
    let of_day = one.goals.iter().map(|goal| (goal.period_descriptor.as_ref(), goal));
    let (deciding, goals): (Vec<_>, Vec<_>) =
        by_period.chain(of_day).partition(|(period, _)| period.is_some_and(PeriodDescriptor::is_shootout));
    let goals = goals.into_iter().map(|(period, goal)| goal_of(one, period.and_then(|period| period.number), goal));
    let parts = summary.penalties.iter();
    let penalties = parts.flat_map(|part| part.penalties.iter().map(move |penalty| (part.number(), penalty)));
    let penalties = penalties.map(|(period, penalty)| penalty_of(one, period, penalty));
    let names: BTreeMap<&str, String> = one.roster.iter().filter_map(named).collect();
    let kicks = shootout::kicks(one, &names, deciding.into_iter().map(|(_, goal)| goal));
    let plays = one.plays.iter().filter_map(|play| play_of(one, &names, play));
    read::unique(goals.chain(penalties).chain(kicks).chain(plays))
}

/// Seconds into the game, as far as periods of 20 minutes go.
pub(super) fn into_the_game(period: Option<i64>, time: Option<&str>) -> Option<i64> {
    let period = period.filter(|period| (1..=99).contains(period))?;
    Some((period - 1) * 1200 + time.and_then(read::reading)? / 1000)
}

/// The minute of play.
pub(super) fn minute(period: Option<i64>, time: Option<&str>) -> Option<u32> {
    read::count(into_the_game(period, time).map(|seconds| seconds / 60))
}

pub(super) fn side_of(one: &Match, abbrev: Option<&str>) -> Option<String> {
    let is = |team: &super::wire::Team| abbrev.is_some() && team.abbrev.as_deref() == abbrev;
    match (is(&one.home_team), is(&one.away_team)) {
        (true, false) => Some("home".to_owned()),
        (false, true) => Some("away".to_owned()),
        _ => None,
    }
}

/// A goal that the score does not know yet, or no longer.
fn standing(one: &Match, home: Option<i64>, away: Option<i64>) -> Option<IncidentStatus> {
    let beyond = |goals: Option<i64>, score: Option<i64>| goals.zip(score).is_some_and(|(goals, score)| goals > score);
    let is_beyond = beyond(home, one.home_team.score) || beyond(away, one.away_team.score);
    is_beyond.then_some(IncidentStatus::Provisional)
}

fn timed(period: Option<i64>, time: Option<&str>) -> Incident {
    Incident {
        order: into_the_game(period, time),
        period: read::count(period),
        minute: minute(period, time),
        ..Incident::default()
    }
}

fn goal_of(one: &Match, period: Option<i64>, goal: &Goal) -> (String, Incident) {
    let period = period.or(goal.period);
    let team = goal.team.as_deref();
    let number = period.map(|period| period.to_string());
    let words = || read::incident_id([Some("goal"), number.as_deref(), goal.time.as_deref(), team]);
    let id = goal.event.as_ref().map_or_else(words, |event| read::incident_id([Some("e"), Some(event)]));
    let incident = Incident {
        kind: Some("goal".to_owned()),
        status: standing(one, goal.home_score, goal.away_score),
        side: side_of(one, team),
        athlete: whole(&goal.first_name, &goal.last_name).or_else(|| goal.name.clone()),
        other: goal.assists.first().and_then(|player| player.name.clone()),
        detail: goal.strength.clone().filter(|strength| !strength.eq_ignore_ascii_case("ev")),
        ..timed(period, goal.time.as_deref())
    };
    (id, incident)
}

fn penalty_of(one: &Match, period: Option<i64>, penalty: &Penalty) -> (String, Incident) {
    let number = period.map(|period| period.to_string());
    let (time, team, what) = (penalty.time.as_deref(), penalty.team.as_deref(), penalty.what.as_deref());
    let id = read::incident_id([Some("penalty"), number.as_deref(), time, team, what]);
    let incident = Incident {
        kind: Some("penalty".to_owned()),
        side: side_of(one, team),
        athlete: penalty.player.clone(),
        other: penalty.drawn_by.clone(),
        detail: penalty.what.clone(),
        ..timed(period, time)
    };
    (id, incident)
}

fn named(player: &Player) -> Option<(&str, String)> {
    Some((player.id.as_deref()?, player.name()?))
}

/// The side of the team that a play belongs to.
pub(super) fn owner(one: &Match, play: &Play) -> Option<String> {
    let is = |team: &super::wire::Team| play.details.team.is_some() && team.id == play.details.team;
    match (is(&one.home_team), is(&one.away_team)) {
        (true, false) => Some("home".to_owned()),
        (false, true) => Some("away".to_owned()),
        _ => None,
    }
}

/// Of some 300 plays, those that are news.
fn play_of(one: &Match, names: &BTreeMap<&str, String>, play: &Play) -> Option<(String, Incident)> {
    let details = &play.details;
    let shootout = play.period.as_ref().is_some_and(PeriodDescriptor::is_shootout);
    let (kind, who) = match play.kind.as_deref()? {
        "goal" if !shootout => ("goal", &details.scorer),
        "penalty" => ("penalty", &details.penalized),
        "period-end" => ("period_end", &None),
        _ => return None,
    };
    let name = |id: &Option<String>| id.as_deref().and_then(|id| names.get(id)).cloned();
    let period = play.period.as_ref().and_then(|period| period.number);
    let timed = timed(period, play.time.as_deref());
    let incident = Incident {
        // Nor has a shoot-out a minute.
        minute: timed.minute.filter(|_| !shootout),
        order: play.order.or(timed.order),
        kind: Some(kind.to_owned()),
        status: if kind == "goal" { standing(one, details.home_score, details.away_score) } else { None },
        side: owner(one, play),
        athlete: name(who),
        other: name(if kind == "goal" { &details.assist } else { &details.drawn_by }),
        detail: details.what.clone().filter(|_| kind == "penalty"),
        ..timed
    };
    Some((read::incident_id([Some("e"), play.event.as_deref()]), incident))
}
