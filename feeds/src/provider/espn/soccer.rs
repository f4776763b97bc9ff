//! Soccer's key events. ESPN lists them without ids, so an id is made of what an event *is*, never of its place in the
//! list: goals by side and minute, so that a scorer named or changed later amends the goal; everything else by athlete
//! too, because two cards of one side in one minute are common. What is equal in all of that gets a counter.

use super::period::{self, Rules};
use super::sides::side_of;
use super::wire::{Competition, Detail};
use crate::Game;
use crate::game::{ClockMode, Incident, PeriodKind};
use crate::provider::read::{Minute, incident_id, minute, unique};
use crate::topic::slug;

pub(super) static RULES: Rules =
    Rules { kind: PeriodKind::Half, of: 2, clock: Some(ClockMode::Up), period: period::soccer, fill: incidents };

fn incidents(competition: &Competition, game: &mut Game) {
    // The kicks of a shoot-out share one minute: only the list tells their order.
    let mut kicks = 0..;
    let numbered =
        competition.details.iter().map(|detail| (detail, kicks.by_ref().take(detail.shootout.into()).next()));
    let mut details: Vec<(&Detail, Option<usize>)> = numbered.collect();
    details.sort_by_key(|(detail, _)| (seconds(detail), athlete_id(detail).map(str::to_owned)));
    let named = details.into_iter().map(|(detail, kick)| (name(detail), incident(competition, detail, kick)));
    game.incidents = unique(named);
}

fn name(detail: &Detail) -> String {
    let team = detail.team.as_ref().and_then(|team| team.id.as_deref());
    let athlete = athlete_id(detail).filter(|_| kind(detail).0 != "goal");
    let Minute { base, added } = shown(detail).unwrap_or(Minute { base: 0, added: None });
    let when = added.map_or(base.to_string(), |added| format!("{base}.{added}"));
    let (kind, more) = kind(detail);
    // A yellow card and the red one that it leads to come in the same minute. Which red card is a second yellow one a
    // summary does not say.
    let more =
        if kind == "card" { more.as_deref().map(|more| if more == "yellow" { more } else { "red" }) } else { None };
    let kind = kind.as_str();
    incident_id([Some(kind), more, team, athlete, Some(&when)])
}

fn incident(competition: &Competition, detail: &Detail, kick: Option<usize>) -> Incident {
    let minute = shown(detail);
    let (kind, more) = kind(detail);
    Incident {
        order: Some(order(detail, kick)),
        kind: Some(kind),
        detail: more,
        // ESPN lists an own goal under the side that it counts for.
        side: side_of(competition, detail.team.as_ref().and_then(|team| team.id.as_deref())),
        athlete: detail.athlete().and_then(|athlete| athlete.name.clone()),
        minute: minute.map(|minute| minute.base),
        added_min: minute.and_then(|minute| minute.added),
        text: detail.kind.text.clone(),
        ..Incident::default()
    }
}

/// Type and detail.
fn kind(detail: &Detail) -> (String, Option<String>) {
    let (kind, more) = match detail {
        Detail { shootout: true, scoring: true, .. } => ("shootout", Some("scored")),
        Detail { shootout: true, .. } => ("shootout", Some("missed")),
        Detail { scoring: true, own_goal: true, .. } => ("goal", Some("own_goal")),
        Detail { scoring: true, penalty: true, .. } => ("goal", Some("penalty")),
        Detail { scoring: true, .. } => ("goal", None),
        Detail { red_card: true, yellow_card: true, .. } => ("card", Some("second_yellow")),
        Detail { red_card: true, .. } => ("card", Some("red")),
        Detail { yellow_card: true, .. } => ("card", Some("yellow")),
        Detail { penalty: true, .. } => ("penalty", Some("missed")),
        // What nobody here knows keeps ESPN's word.
        _ => return (other(detail), None),
    };
    (kind.to_owned(), more.map(str::to_owned))
}

fn other(detail: &Detail) -> String {
    let word = detail.kind.text.as_deref().and_then(slug).map(|word| word.replace('-', "_"));
    word.unwrap_or_else(|| "other".to_owned())
}

fn shown(detail: &Detail) -> Option<Minute> {
    detail.clock.display.as_deref().and_then(minute)
}

fn athlete_id(detail: &Detail) -> Option<&str> {
    detail.athlete()?.id.as_deref()
}

fn seconds(detail: &Detail) -> i64 {
    let told = detail.clock.value.filter(|seconds| (0.0..86_400.0).contains(seconds)).map(|seconds| seconds as i64);
    told.or_else(|| shown(detail).map(|minute| i64::from(minute.base) * 60)).unwrap_or(0)
}

/// By the clock, not by the list, so that an event that vanishes moves no other: seconds, then the added minute (the
/// seconds stand still in added time), then the kick.
fn order(detail: &Detail, kick: Option<usize>) -> i64 {
    let added = shown(detail).and_then(|minute| minute.added).unwrap_or(0);
    let kick = kick.map_or(0, |kick| 1 + kick as i64);
    seconds(detail) * 100 + i64::from(added.min(50)) + kick
}
