//! ESPN's scoreboards: `site.api.espn.com/apis/site/v2/sports/{sport}/{league}/scoreboard`, undocumented, polled.
//!
//! A payload is `{"leagues":[…],"events":[…]}`, the same without `leagues`, one event alone, or a [`summary`]. Topics are
//! `sport/league-slug/event-id` (`soccer/eng.1/740898`). ESPN says no sequence, no document time, no ids of key events
//! and not whether a clock runs; corrections are silent: values change and items vanish.
//!
//! One file an idea: [`wire`] is ESPN's shape, [`league`] tells which sport and league an event belongs to, [`matches`]
//! reads an event of two sides, and below it [`status`], [`clock`], [`period`], [`sides`], [`soccer`], [`situation`].
//! What is no match of two teams has a file of its own, [`cricket`], [`tennis`], [`golf`], [`mma`], [`racing`]; a tournament's
//! matches, a night's bouts and a weekend's sessions are games each, under the ids of their competitions.

mod clock;
mod cricket;
mod golf;
mod league;
mod matches;
mod mma;
mod period;
mod racing;
mod sides;
mod situation;
mod soccer;
mod status;
mod summary;
mod tennis;
mod wire;

use serde_json::Value;

use super::read;
use super::{Adapter, Decoded};
use crate::report::Invalid;
use league::Shape;
use wire::{Head, League};

/// The adapter `espn`.
pub(super) struct Espn;

impl Adapter for Espn {
    fn name(&self) -> &'static str {
        "espn"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let scoreboard = Scoreboard::open(read::json(payload)?)?;
        let mut decoded = Decoded::default();
        for (pointer, event) in scoreboard.events {
            match games(&scoreboard.leagues, event) {
                Ok(Decoded { reports, refused }) => {
                    decoded.reports.extend(reports);
                    refused.into_iter().for_each(|fault| decoded.refuse(read::below(&pointer, fault)));
                }
                Err(fault) => decoded.refuse(read::below(&pointer, fault)),
            }
        }
        Ok(decoded)
    }
}

/// The leagues that a payload names, and its events with their pointers.
struct Scoreboard {
    leagues: Vec<League>,
    events: Vec<(String, Value)>,
}

impl Scoreboard {
    fn open(payload: Value) -> Result<Scoreboard, Invalid> {
        let Value::Object(mut scoreboard) = payload else {
            return Err(Invalid::new("", "a scoreboard is a JSON object"));
        };
        if scoreboard.contains_key("competitions") {
            return Ok(Scoreboard { leagues: Vec::new(), events: vec![(String::new(), Value::Object(scoreboard))] });
        }
        let Some(Value::Array(events)) = scoreboard.remove("events") else {
            let Some((leagues, event)) = summary::open(scoreboard)? else {
                return Err(Invalid::new("/events", "no scoreboard: neither events nor competitions"));
            };
            return Ok(Scoreboard { leagues, events: vec![("/header".to_owned(), event)] });
        };
        let leagues: Option<Vec<League>> = match scoreboard.remove("leagues") {
            None => None,
            Some(leagues) => read::typed(leagues).map_err(|fault| read::below("/leagues", fault))?,
        };
        Ok(Scoreboard { leagues: leagues.unwrap_or_default(), events: read::items("/events", events) })
    }
}

/// The games of an event.
fn games(leagues: &[League], mut event: Value) -> Result<Decoded, Invalid> {
    let sport = league::sport_of(leagues, &event)?;
    let place = league::place(&sport, leagues, &event)?;
    let competitions = competitions(&mut event);
    match sport.shape {
        Shape::Match(rules) => {
            let (report, refused) = matches::read(&place, rules, event, competitions)?;
            Ok(Decoded { reports: vec![report], refused })
        }
        // A tournament whose matches are still to be drawn.
        Shape::Each(_) if competitions.is_empty() && event.get("groupings").is_some_and(Value::is_array) => {
            Ok(Decoded::default())
        }
        Shape::Each(one) => {
            if competitions.is_empty() {
                return Err(Invalid::new("/competitions", "an event without a competition"));
            }
            let head: Head = read::typed(event)?;
            Ok(read::each(competitions, |competition| one(&place, &head, competition)))
        }
    }
}

/// Takes an event's competitions out, each with its pointer. Those of a tournament stand in groups.
fn competitions(event: &mut Value) -> Vec<(String, Value)> {
    let mut lists = vec![(String::new(), event.get_mut("competitions").map(Value::take))];
    if let Some(Value::Array(groups)) = event.get_mut("groupings") {
        let grouped = groups.iter_mut().enumerate();
        lists.extend(
            grouped.map(|(i, group)| (format!("/groupings/{i}"), group.get_mut("competitions").map(Value::take))),
        );
    }
    let lists = lists.into_iter().filter_map(|(pointer, list)| match list? {
        Value::Array(list) => Some(read::items(&format!("{pointer}/competitions"), list)),
        _ => None,
    });
    lists.flatten().collect()
}
