//! An event of two sides: one competition, home and away.

use serde_json::Value;

use super::league::Place;
use super::period::Rules;
use super::wire::{Competition, Head, Status};
use super::{clock, period, sides, status};
use crate::Game;
use crate::document::Document;
use crate::game;
use crate::provider::read::{self, instant, scalars};
use crate::report::{Invalid, Report};

/// The image of a match; the event's competitions stand apart, each with its pointer.
pub(super) fn read(
    place: &Place,
    rules: &Rules,
    event: Value,
    mut competitions: Vec<(String, Value)>,
) -> Result<(Report, Vec<Invalid>), Invalid> {
    let head: Head = read::typed(event)?;
    let topic = read::topic(&place.sport, &place.league, head.id.as_deref(), "/id")?;
    let (pointer, competition) = match competitions.len() {
        1 => competitions.remove(0),
        0 => return Err(Invalid::new("/competitions", "an event without a competition")),
        many => return Err(Invalid::new("/competitions", format!("a match is one competition, not {many}"))),
    };
    let competition: Competition = read::typed(competition).map_err(|fault| read::below(&pointer, fault))?;
    let told = told(&head, &competition);
    let mut game = begin(place, &head, &competition, &told);
    let begun = begun(&game, &told);
    game.competitors = sides::sides(&competition, begun)?;
    if begun {
        game.period = period::period(rules, &competition, &told);
        // Without a period nothing was played: the clock is a filler.
        game.clock = game.period.as_ref().and(rules.clock).and_then(|mode| clock::clock(mode, &told));
        (rules.fill)(&competition, &mut game);
    }
    Ok((read::image(topic, game), refused(&pointer, &competition)))
}

/// What of a competition's lists could not be read.
fn refused(pointer: &str, competition: &Competition) -> Vec<Invalid> {
    let lists = competition.details.refused("/details").chain(competition.notes.refused("/notes"));
    let scores = competition
        .competitors
        .iter()
        .enumerate()
        .flat_map(|(i, side)| side.linescores.refused(&format!("/competitors/{i}/linescores")).collect::<Vec<_>>());
    lists.chain(scores).map(|fault| read::below(pointer, fault)).collect()
}

/// The status of a competition, or of its event where it has none.
pub(super) fn told<C>(head: &Head, competition: &Competition<C>) -> Status {
    competition.status.clone().or_else(|| head.status.clone()).unwrap_or_default()
}

/// Whether a game's scores, clock and period are said.
pub(super) fn begun(game: &Game, told: &Status) -> bool {
    game.status.is_some_and(|status| status::begun(status, &told.kind))
}

/// What every competition says: where it belongs, when it starts, where it stands.
pub(super) fn begin<C>(place: &Place, head: &Head, competition: &Competition<C>, told: &Status) -> Game {
    let (status, status_reason) = status::status(&told.kind);
    Game {
        competition: Some(game::Competition {
            id: Some(place.league.clone()),
            name: place.name.clone(),
            round: head.week.map(|number| number.to_string()),
        }),
        sport: Some(place.sport.to_string()),
        start: start(competition, head.date.as_deref()),
        status: Some(status),
        status_reason,
        info: info(competition),
        ..Game::default()
    }
}

/// The start, unless the time of day is a filler.
fn start<C>(competition: &Competition<C>, date: Option<&str>) -> Option<String> {
    let date = competition.date.as_deref().or(date).filter(|_| competition.time_valid != Some(false));
    date.and_then(instant)
}

fn info<C>(competition: &Competition<C>) -> Document {
    let venue = competition.venue.as_ref();
    let city =
        venue.and_then(|venue| venue.address.as_ref()).and_then(|at| at.city.clone().or_else(|| at.summary.clone()));
    let note = competition.notes.iter().find_map(|note| note.headline.clone());
    scalars([
        ("venue", venue.and_then(|venue| venue.name.clone()).map(Value::from)),
        ("court", venue.and_then(|venue| venue.court.clone()).map(Value::from)),
        ("city", city.map(Value::from)),
        ("note", note.or_else(|| competition.game_note.clone()).map(Value::from)),
    ])
}
