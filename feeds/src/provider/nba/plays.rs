//! The play-by-play: some 600 actions a game, of which the ends of periods, changes of the lead, reviews and ejections
//! are incidents; every basket would be too many.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::wire::{Action, Plays};
use super::{clock, period, place};
use crate::Game;
use crate::game::{Competition, Competitor, Incident, Score, Status};
use crate::provider::lists::List;
use crate::provider::read;
use crate::report::{Invalid, Report};

/// The last action's score is the game's.
pub(super) const LISTS: [List; 1] = [List::of::<Action>("/actions")];

pub(super) fn read(one: Value) -> Result<Report, Invalid> {
    let Plays { id, mut actions } = read::typed(one)?;
    let (league, topic) = place(id.as_deref(), None)?;
    // By what the league orders them by; an action without it comes where its number says.
    actions.sort_by_key(|action| action.order.or_else(|| action.number.map(|number| number.saturating_mul(10_000))));
    let last = actions.last();
    let side = |score: Option<i64>| {
        let score = Score { total: score, ..Score::default() };
        Competitor { score: score.total.is_some().then_some(score), ..Competitor::default() }
    };
    let mut competitors =
        read::sides(side(last.and_then(|action| action.score_home)), side(last.and_then(|action| action.score_away)));
    competitors.retain(|_, side| side.score.is_some());
    let game = Game {
        sport: Some("basketball".to_owned()),
        competition: Some(Competition { id: Some(league.to_owned()), ..Competition::default() }),
        status: Some(status(last)),
        period: last.and_then(|action| action.period).and_then(|number| period(number, None)),
        clock: last.and_then(|action| action.clock.as_deref()).and_then(clock),
        competitors,
        incidents: incidents(&actions),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

/// What the last action says of the game.
fn status(last: Option<&Action>) -> Status {
    match last.map(|action| (action.kind.as_deref(), action.sub_kind.as_deref())) {
        None => Status::Unknown,
        Some((Some("game"), Some("end"))) => Status::Ended,
        Some((Some("period"), Some("end"))) => Status::Break,
        Some(_) => Status::Live,
    }
}

fn incidents(actions: &[Action]) -> BTreeMap<String, Incident> {
    let mut leads = None;
    let mut incidents = BTreeMap::new();
    for action in actions {
        let lead = lead(action);
        let changed = lead.is_some() && leads.is_some() && lead != leads;
        leads = lead.or(leads);
        let kind = match (action.kind.as_deref(), action.sub_kind.as_deref()) {
            (Some("period"), Some("end")) => "period_end",
            (Some("instantreplay"), _) => "review",
            (Some("ejection"), _) => "ejection",
            _ if changed => "lead_change",
            _ => continue,
        };
        let Some(number) = action.number else { continue };
        let side = lead.filter(|_| kind == "lead_change").map(str::to_owned);
        incidents.insert(format!("a{number}"), Incident { side, ..incident(kind, action) });
    }
    incidents
}

/// Who leads after an action; nobody when they are level.
fn lead(action: &Action) -> Option<&'static str> {
    match action.score_home?.cmp(&action.score_away?) {
        Ordering::Greater => Some("home"),
        Ordering::Less => Some("away"),
        Ordering::Equal => None,
    }
}

fn incident(kind: &str, action: &Action) -> Incident {
    let score = action.score_home.zip(action.score_away).map(|(home, away)| format!("{home}-{away}"));
    Incident {
        order: action.order,
        kind: Some(kind.to_owned()),
        athlete: action.player.clone(),
        period: read::count(action.period),
        detail: score,
        text: action.description.clone(),
        // When it was last edited, s: grows with each edit.
        rev: action.edited.as_deref().and_then(read::millis).map(|ms| ms / 1000),
        ..Incident::default()
    }
}
