//! The NHL: today's `api-web.nhle.com/v1/` with `score/{date}`, `schedule/{date}`, `gamecenter/{id}/landing` and
//! `/play-by-play`; and `statsapi.web.nhl.com`'s schedule as it was until 2023, in [`legacy`]. Polled, no validators known.
//!
//! Topics are `hockey/nhl/game-id` (`hockey/nhl/2023020195`), the same in both. A right-rail does not say of which game and
//! is refused. Poll one kind of document a feed: each is an image.
//!
//! - **The clock says whether it runs**; in an intermission it is the intermission's and is left out.
//! - **Names are texts, or texts with translations**, and fields were renamed within a season.
//! - **The score is the authority**: goals may be missing from the list, one beyond the score is `provisional`.
//! - **The winner of a shoot-out gets a goal** in the score; its kicks are `shootout` incidents.

mod goals;
mod legacy;
mod live;
mod shootout;
mod wire;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Adapter, Decoded, items, read};
use crate::Game;
use crate::document::Document;
use crate::game::{Clock, ClockMode, Competition, Competitor, Period, PeriodKind, Score, Status};
use crate::report::{Invalid, Report};
use wire::{Match, PeriodDescriptor, Situation, Team};

/// The adapter `nhl`.
pub(super) struct Nhl;

impl Adapter for Nhl {
    fn name(&self) -> &'static str {
        "nhl"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let Value::Object(mut payload) = read::json(payload)? else {
            return Err(Invalid::new("", "a JSON object is expected"));
        };
        if let Some(Value::Array(days)) = payload.remove("dates") {
            return Ok(items::each(read::games_of_days("/dates", days), legacy::read));
        }
        if let Some(Value::Array(games)) = payload.remove("games") {
            return Ok(items::each(read::items("/games", games), game));
        }
        for days in ["gameWeek", "gamesByDate"] {
            if let Some(Value::Array(games)) = payload.remove(days) {
                return Ok(items::each(read::games_of_days(&format!("/{days}"), games), game));
            }
        }
        if payload.contains_key("gameData") {
            return Ok(items::each(vec![(String::new(), Value::Object(payload))], live::read));
        }
        match payload.contains_key("gameState") {
            true => Ok(items::each(vec![(String::new(), Value::Object(payload))], game)),
            false => Err(Invalid::new("", "neither a game nor a list of games")),
        }
    }
}

static STATES: [(&str, Status); 8] = [
    ("FUT", Status::Scheduled),
    ("PRE", Status::Scheduled),
    ("LIVE", Status::Live),
    ("CRIT", Status::Live),
    // Over, but the league has not closed it.
    ("OVER", Status::Ended),
    ("FINAL", Status::Ended),
    ("OFF", Status::Final),
    ("SOFT_FINAL", Status::Ended),
];

/// What the schedule says beats what the game says.
static SCHEDULE: [(&str, Status); 3] =
    [("PPD", Status::Postponed), ("CNCL", Status::Cancelled), ("SUSP", Status::Suspended)];

fn game(one: Value) -> Result<(Report, Vec<Invalid>), Invalid> {
    let one: Match = read::typed(one)?;
    let topic = read::topic("hockey", "nhl", one.id.as_deref(), "/id")?;
    let (status, status_reason) = status(&one);
    let begun = !matches!(status, Status::Scheduled | Status::Postponed | Status::Cancelled);
    let period = one.period.as_ref().filter(|_| begun).and_then(period);
    let game = Game {
        sport: Some("hockey".to_owned()),
        competition: Some(Competition {
            id: Some("nhl".to_owned()),
            name: None,
            round: one.game_type.clone().and_then(round),
        }),
        start: one
            .start_utc
            .as_deref()
            .filter(|_| one.schedule_state.as_deref() != Some("TBD"))
            .and_then(read::instant),
        status: Some(status),
        status_reason,
        clock: period.as_ref().and(one.clock.as_ref()).filter(|clock| !clock.intermission).and_then(clock),
        period,
        competitors: competitors(&one, begun),
        situation: one.situation.as_ref().filter(|_| status == Status::Live).map_or_else(Document::new, situation),
        incidents: if begun { goals::incidents(&one) } else { BTreeMap::new() },
        info: read::scalars([
            ("venue", one.venue.clone().map(Value::from)),
            ("city", one.venue_location.clone().map(Value::from)),
        ]),
        ..Game::default()
    };
    Ok((read::image(topic, game), one.refused()))
}

fn status(one: &Match) -> (Status, Option<String>) {
    let told = |table: &[(&str, Status)], word: Option<&str>| {
        table.iter().find(|(known, _)| Some(*known) == word).map(|(_, status)| *status)
    };
    if let Some(status) = told(&SCHEDULE, one.schedule_state.as_deref()) {
        return (status, None);
    }
    let intermission = one.clock.as_ref().is_some_and(|clock| clock.intermission);
    match told(&STATES, one.state.as_deref()) {
        Some(Status::Live) if intermission => (Status::Break, None),
        Some(Status::Ended | Status::Final) => {
            let decided = one.outcome.as_ref().and_then(|outcome| outcome.last_period.clone());
            let decided = decided.or_else(|| one.period.as_ref().and_then(|period| period.kind.clone()));
            let status = told(&STATES, one.state.as_deref()).unwrap_or(Status::Unknown);
            (status, decided.filter(|kind| kind != "REG"))
        }
        Some(status) => (status, None),
        None => (Status::Unknown, one.state.clone()),
    }
}

fn round(game_type: String) -> Option<String> {
    let word = match game_type.as_str() {
        "1" => "preseason",
        "2" => "regular season",
        "3" => "playoffs",
        _ => return None,
    };
    Some(word.to_owned())
}

fn period(told: &PeriodDescriptor) -> Option<Period> {
    let kind = match told.kind.as_deref() {
        Some("REG") => PeriodKind::Period,
        Some("OT") => PeriodKind::Overtime,
        Some("SO") => PeriodKind::Shootout,
        _ => return None,
    };
    let number = read::count(told.number).filter(|number| (1..=99).contains(number));
    let of = read::count(told.regular).filter(|of| (1..=20).contains(of)).or(Some(3));
    Some(Period { number, kind: Some(kind), of, ..Period::default() })
}

fn clock(told: &wire::Clock) -> Option<Clock> {
    let seconds = told.seconds.filter(|seconds| (0..=86_400).contains(seconds)).map(|seconds| seconds * 1000);
    let ms = seconds.or_else(|| told.remaining.as_deref().and_then(read::reading))?;
    Some(Clock { mode: Some(ClockMode::Down), running: told.running, ms: Some(ms), ..Clock::default() })
}

fn competitors(one: &Match, begun: bool) -> BTreeMap<String, Competitor> {
    let side = |team: &Team| {
        let score = Score { total: team.score.filter(|_| begun), ..Score::default() };
        let place = team.place.as_ref().or(team.of_place.as_ref());
        match (place, team.common_name.as_ref().or(team.name.as_ref())) {
            (Some(place), Some(name)) => {
                let name = if begins(name, place) { name.clone() } else { format!("{place} {name}") };
                let name = read::cut(&name).to_owned();
                read::team(Some(name), team.abbrev.clone(), score)
            }
            // A place alone is no team: New York has two.
            (place, name) => {
                Competitor { team: None, ..read::team(name.or(place).cloned(), team.abbrev.clone(), score) }
            }
        }
    };
    read::sides(side(&one.home_team), side(&one.away_team))
}

/// Whether a name says its place: `Utah Hockey Club`.
fn begins(name: &str, place: &str) -> bool {
    name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Who plays with more, and for how long it was to last.
fn situation(told: &Situation) -> Document {
    let has = |side: &Option<wire::Strength>, word: &str| {
        side.as_ref().is_some_and(|side| side.descriptions.iter().any(|said| said == word))
    };
    let which = |word: &str| match (has(&told.home_team, word), has(&told.away_team, word)) {
        (true, false) => Some(Value::from("home")),
        (false, true) => Some(Value::from("away")),
        _ => None,
    };
    let strength = |side: &Option<wire::Strength>| side.as_ref().and_then(|side| side.strength).map(Value::from);
    read::scalars([
        ("power_play", which("PP")),
        ("empty_net", which("EN")),
        ("home_strength", strength(&told.home_team)),
        ("away_strength", strength(&told.away_team)),
    ])
}
