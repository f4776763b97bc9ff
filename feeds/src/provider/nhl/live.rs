//! `statsapi.web.nhl.com/api/v1/game/{id}/feed/live`, closed in 2023: it says what the schedule does, in other places.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::legacy;
use crate::provider::read::{self, text};
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
    // What is not there is not said; what is another thing would read as taken back.
    for (_, there) in PLACES {
        for (end, _) in there.match_indices('/').skip(1) {
            let within = feed.pointer(&there[..end]);
            if within.is_some_and(|within| !within.is_object() && !within.is_null()) {
                return Err(Invalid::new(&there[..end], "an object is expected"));
            }
        }
    }
    let mut game = json!({ "teams": { "home": {}, "away": {} } });
    for (here, there) in PLACES {
        let (parent, name) = here.rsplit_once('/').unwrap_or_default();
        if let (Some(Value::Object(parent)), Some(value)) = (game.pointer_mut(parent), feed.pointer(there)) {
            parent.insert(name.to_owned(), value.clone());
        }
    }
    game["linescore"] = feed.pointer("/liveData/linescore").cloned().unwrap_or_default();
    game["scoringPlays"] = plays(&feed)?.into();
    let moved = |fault: Invalid| Invalid::new(there(&fault.pointer), fault.detail);
    let (report, refused) = legacy::read(game).map_err(moved)?;
    Ok((report, refused.into_iter().map(moved).collect()))
}

/// What tells which plays count.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Plays {
    scoring_plays: Option<Vec<Option<usize>>>,
    all_plays: Option<Vec<Option<Play>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Play {
    about: Option<About>,
    result: Option<Outcome>,
}

#[derive(Deserialize)]
struct About {
    #[serde(rename = "periodType", default, deserialize_with = "text")]
    period: Option<String>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "eventTypeId", default, deserialize_with = "text")]
    kind: Option<String>,
}

/// The plays that a schedule lists, and a shoot-out's kicks.
fn plays(feed: &Value) -> Result<Vec<Value>, Invalid> {
    const AT: &str = "/liveData/plays";
    let told = feed.pointer(AT).cloned().unwrap_or_default();
    let told: Option<Plays> = read::typed(told).map_err(|fault| read::below(AT, fault))?;
    let Plays { scoring_plays, all_plays } = told.unwrap_or_default();
    let scoring: HashSet<usize> = scoring_plays.into_iter().flatten().flatten().collect();
    let kinds = all_plays.into_iter().flatten().enumerate();
    let plays = feed.pointer("/liveData/plays/allPlays").and_then(Value::as_array).into_iter().flatten();
    let counting =
        plays.zip(kinds).filter(|(_, (i, kind))| scoring.contains(i) || kind.as_ref().is_some_and(Play::is_kick));
    Ok(counting.map(|(play, _)| play.clone()).collect())
}

impl Play {
    fn is_kick(&self) -> bool {
        let period = self.about.as_ref().and_then(|about| about.period.as_deref());
        let kind = self.result.as_ref().and_then(|result| result.kind.as_deref());
        period == Some("SHOOTOUT") && matches!(kind, Some("GOAL" | "SHOT" | "MISSED_SHOT" | "FAILED_SHOT_ATTEMPT"))
    }
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
