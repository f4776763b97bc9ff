//! Goals, penalties and shoot-out kicks: a landing lists them by period, the scores of a day list the goals, a
//! play-by-play everything. `eventId` names an event but is not in order, `sortOrder` is.

use std::collections::BTreeMap;

use super::wire::{Goal, Kick, Match, Penalty, Play, Player};
use crate::game::{Incident, IncidentStatus};
use crate::provider::read;

pub(super) fn incidents(one: &Match) -> BTreeMap<String, Incident> {
    let summary = &one.summary;
    let by_period = summary.scoring.iter().flat_map(|part| part.goals.iter().map(move |goal| (part.number(), goal)));
    let of_day = one.goals.iter().map(|goal| (goal.period, goal));
    let goals = by_period.chain(of_day).map(|(period, goal)| goal_of(one, period, goal));
    let parts = summary.penalties.iter();
    let penalties = parts.flat_map(|part| part.penalties.iter().map(move |penalty| (part.number(), penalty)));
    let penalties = penalties.map(|(period, penalty)| penalty_of(one, period, penalty));
    let kicks = summary.shootout.iter().map(|kick| kick_of(one, kick));
    let names: BTreeMap<&str, String> = one.roster.iter().filter_map(named).collect();
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

fn side_of(one: &Match, abbrev: Option<&str>) -> Option<String> {
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
    let whole = [&goal.first_name, &goal.last_name].map(|name| name.as_deref().unwrap_or_default()).join(" ");
    let athlete = Some(read::cut(whole.trim()).to_owned()).filter(|name| !name.is_empty());
    let incident = Incident {
        kind: Some("goal".to_owned()),
        status: standing(one, goal.home_score, goal.away_score),
        side: side_of(one, team),
        athlete: athlete.or_else(|| goal.name.clone()),
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

fn kick_of(one: &Match, kick: &Kick) -> (String, Incident) {
    let number = kick.sequence.unwrap_or(0);
    let name = [&kick.first_name, &kick.last_name].map(|name| name.as_deref().unwrap_or_default()).join(" ");
    let incident = Incident {
        // After everything that was played.
        order: Some(1_000_000_i64.saturating_add(number)),
        kind: Some("shootout".to_owned()),
        detail: Some(if kick.result.as_deref() == Some("goal") { "scored" } else { "missed" }.to_owned()),
        side: side_of(one, kick.team.as_deref()),
        athlete: Some(read::cut(name.trim()).to_owned()).filter(|name| !name.is_empty()),
        ..Incident::default()
    };
    (read::incident_id([Some("shootout"), Some(&number.to_string())]), incident)
}

fn named(player: &Player) -> Option<(&str, String)> {
    let name = [&player.first_name, &player.last_name].map(|name| name.as_deref().unwrap_or_default()).join(" ");
    Some((player.id.as_deref()?, read::cut(name.trim()).to_owned()))
}

/// Of some 300 plays, those that are news.
fn play_of(one: &Match, names: &BTreeMap<&str, String>, play: &Play) -> Option<(String, Incident)> {
    let details = &play.details;
    let (kind, who) = match play.kind.as_deref()? {
        "goal" => ("goal", &details.scorer),
        "penalty" => ("penalty", &details.penalized),
        "period-end" => ("period_end", &None),
        _ => return None,
    };
    let name = |id: &Option<String>| id.as_deref().and_then(|id| names.get(id)).cloned();
    let period = play.period.as_ref().and_then(|period| period.number);
    let is = |team: &super::wire::Team| details.team.is_some() && team.id == details.team;
    let side = match (is(&one.home_team), is(&one.away_team)) {
        (true, false) => Some("home".to_owned()),
        (false, true) => Some("away".to_owned()),
        _ => None,
    };
    let timed = timed(period, play.time.as_deref());
    let incident = Incident {
        order: play.order.or(timed.order),
        kind: Some(kind.to_owned()),
        status: if kind == "goal" { standing(one, details.home_score, details.away_score) } else { None },
        side,
        athlete: name(who),
        other: name(if kind == "goal" { &details.assist } else { &details.drawn_by }),
        detail: details.what.clone().filter(|_| kind == "penalty"),
        ..timed
    };
    Some((read::incident_id([Some("e"), play.event.as_deref()]), incident))
}
