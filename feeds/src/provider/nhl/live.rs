//! `statsapi.web.nhl.com/api/v1/game/{id}/feed/live`, closed in 2023: it says what the schedule does, in other places.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::legacy;
use crate::report::{Invalid, Report};

/// Where a schedule has what a feed has.
const PLACES: [(&str, &str); 8] = [
    ("/gamePk", "/gamePk"),
    ("/gameDate", "/gameData/datetime/dateTime"),
    ("/status", "/gameData/status"),
    ("/venue", "/gameData/venue"),
    ("/teams/home/team", "/gameData/teams/home"),
    ("/teams/home/score", "/liveData/linescore/teams/home/goals"),
    ("/teams/away/team", "/gameData/teams/away"),
    ("/teams/away/score", "/liveData/linescore/teams/away/goals"),
];

pub(super) fn read(feed: Value) -> Result<(Report, Vec<Invalid>), Invalid> {
    let mut game = json!({ "teams": { "home": {}, "away": {} } });
    for (here, there) in PLACES {
        let (parent, name) = here.rsplit_once('/').unwrap_or_default();
        if let (Some(Value::Object(parent)), Some(value)) = (game.pointer_mut(parent), feed.pointer(there)) {
            parent.insert(name.to_owned(), value.clone());
        }
    }
    game["linescore"] = feed.pointer("/liveData/linescore").cloned().unwrap_or_default();
    game["scoringPlays"] = plays(&feed).cloned().collect();
    let moved = |fault: Invalid| Invalid::new(there(&fault.pointer), fault.detail);
    let (report, refused) = legacy::read(game).map_err(moved)?;
    Ok((report, refused.into_iter().map(moved).collect()))
}

/// The plays that a schedule lists, and a shoot-out's kicks.
fn plays(feed: &Value) -> impl Iterator<Item = &Value> {
    let list = |pointer| feed.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let scoring: HashSet<u64> = list("/liveData/plays/scoringPlays").iter().filter_map(Value::as_u64).collect();
    let plays = list("/liveData/plays/allPlays").iter().enumerate();
    plays.filter(move |(i, play)| scoring.contains(&(*i as u64)) || is_kick(play)).map(|(_, play)| play)
}

fn is_kick(play: &Value) -> bool {
    let word = |pointer| play.pointer(pointer).and_then(Value::as_str);
    word("/about/periodType") == Some("SHOOTOUT")
        && matches!(word("/result/eventTypeId"), Some("GOAL" | "SHOT" | "MISSED_SHOT" | "FAILED_SHOT_ATTEMPT"))
}

/// Where in a feed the fault is. A play's number is another there.
fn there(pointer: &str) -> String {
    let moved = PLACES.iter().find_map(|(here, there)| Some(format!("{there}{}", pointer.strip_prefix(here)?)));
    match moved {
        Some(moved) => moved,
        None if pointer.starts_with("/scoringPlays") => "/liveData/plays/allPlays".to_owned(),
        None => format!("/liveData{pointer}"),
    }
}
