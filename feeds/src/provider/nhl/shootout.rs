//! The kicks of a shoot-out, which have no minute. A landing lists them, the scores of a day and older schedules only the one
//! that decided, a play-by-play has them among its plays. A kick is named by who took it: that alone all of them say.

use std::collections::BTreeMap;

use super::goals::{owner, side_of};
use super::wire::{Goal, Kick, Match, PeriodDescriptor, Play, whole};
use crate::game::Incident;
use crate::provider::read;

/// The kicks of a game, from whichever list has them; `deciding` are the goals of that part.
pub(super) fn kicks<'a>(
    one: &Match,
    names: &BTreeMap<&str, String>,
    deciding: impl Iterator<Item = &'a Goal>,
) -> Vec<(String, Incident)> {
    let listed: Vec<&Kick> = one.summary.shootout.iter().collect();
    let mut plays: Vec<&Play> = one.plays.iter().filter(|play| is_kick(play)).collect();
    plays.sort_by_key(|play| play.order);
    match (&listed[..], &plays[..]) {
        ([], []) => (1..).zip(deciding).map(|(number, goal)| kick_of_goal(one, number, goal)).collect(),
        ([], _) => (1..).zip(plays).map(|(number, play)| kick_of_play(one, names, number, play)).collect(),
        (listed, _) => listed.iter().map(|kick| kick_of(one, kick)).collect(),
    }
}

/// The id and type of a kick: by a player's id, else the number of the kick.
pub(super) fn kick(player: Option<&str>, number: i64, scored: bool) -> (String, Incident) {
    let detail = if scored { "scored" } else { "missed" };
    let incident =
        Incident { kind: Some("shootout".to_owned()), detail: Some(detail.to_owned()), ..Incident::default() };
    (read::incident_id([Some("shootout"), Some(player.unwrap_or(&number.to_string()))]), incident)
}

/// After everything that was played.
fn order(number: i64) -> Option<i64> {
    Some(1_000_000_i64.saturating_add(number))
}

fn kick_of(one: &Match, told: &Kick) -> (String, Incident) {
    let number = told.sequence.unwrap_or(0);
    let (id, incident) = kick(told.player.as_deref(), number, told.result.as_deref() == Some("goal"));
    let athlete = whole(&told.first_name, &told.last_name);
    (id, Incident { order: order(number), side: side_of(one, told.team.as_deref()), athlete, ..incident })
}

fn kick_of_goal(one: &Match, number: i64, goal: &Goal) -> (String, Incident) {
    let (id, incident) = kick(goal.player.as_deref(), number, true);
    let athlete = whole(&goal.first_name, &goal.last_name).or_else(|| goal.name.clone());
    (id, Incident { order: order(number), side: side_of(one, goal.team.as_deref()), athlete, ..incident })
}

fn kick_of_play(one: &Match, names: &BTreeMap<&str, String>, number: i64, play: &Play) -> (String, Incident) {
    let player = play.details.scorer.as_deref().or(play.details.shooter.as_deref());
    let (id, incident) = kick(player, number, play.kind.as_deref() == Some("goal"));
    let athlete = player.and_then(|player| names.get(player)).cloned();
    (id, Incident { order: order(number), side: owner(one, play), athlete, ..incident })
}

fn is_kick(play: &Play) -> bool {
    play.period.as_ref().is_some_and(PeriodDescriptor::is_shootout)
        && matches!(play.kind.as_deref(), Some("goal" | "shot-on-goal" | "missed-shot" | "failed-shot-attempt"))
}
