//! Racing: an event is a weekend, its sessions are competitions. A driver's key is the place of his number among the
//! field's, so it holds whatever the order of the list.

use serde::Deserialize;
use serde_json::Value;

use super::league::Place;
use super::matches;
use super::wire::{Athlete, Competition, Head};
use crate::game::{Competitor, CompetitorKind, MAX_COMPETITORS, Period, PeriodKind, Score};
use crate::provider::read::{self, int, text};
use crate::report::{Invalid, Report};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Driver {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    /// The place in the session.
    #[serde(deserialize_with = "int")]
    order: Option<i64>,
    athlete: Option<Athlete>,
    vehicle: Option<Vehicle>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Vehicle {
    #[serde(deserialize_with = "text")]
    number: Option<String>,
}

/// The image of one session.
pub(super) fn read(place: &Place, head: &Head, competition: Value) -> Result<Report, Invalid> {
    let mut competition: Competition<Driver> = read::typed(competition)?;
    let topic = read::topic(&place.sport, &place.league, competition.id.as_deref(), "/id")?;
    if competition.competitors.len() > MAX_COMPETITORS {
        return Err(Invalid::new("/competitors", format!("at most {MAX_COMPETITORS} drivers")));
    }
    let told = matches::told(head, &competition);
    let mut game = matches::begin(place, head, &competition, &told);
    let session = competition.kind.as_ref().and_then(|kind| kind.abbreviation.clone());
    if let Some(said) = &mut game.competition {
        said.round = head.name.clone();
    }
    game.info.extend(read::scalars([
        ("session", session.clone().map(Value::from)),
        ("venue", head.circuit.as_ref().and_then(|circuit| circuit.name.clone()).map(Value::from)),
        ("city", head.circuit.as_ref().and_then(|circuit| circuit.address.as_ref()?.city.clone()).map(Value::from)),
    ]));
    let begun = matches::begun(&game, &told);
    if begun && session.as_deref() == Some("Race") {
        // In a race the period is the lap; in other sessions ESPN counts something of its own.
        let lap = read::count(told.period).filter(|lap| (1..=2000).contains(lap));
        game.period = lap.map(|lap| Period { number: Some(lap), kind: Some(PeriodKind::Lap), ..Period::default() });
    }
    competition.competitors.sort_by_cached_key(|driver| {
        let number = driver.id.as_deref().and_then(|id| id.parse::<u64>().ok()).unwrap_or(u64::MAX);
        (number, driver.id.clone())
    });
    let drivers = competition.competitors.iter().map(|driver| competitor(driver, begun));
    game.competitors = (1..).map(|n: usize| n.to_string()).zip(drivers).collect();
    Ok(read::image(topic, game))
}

fn competitor(driver: &Driver, begun: bool) -> Competitor {
    let rank = driver.order.filter(|rank| begun && *rank > 0);
    Competitor {
        kind: Some(CompetitorKind::Athlete),
        name: driver.athlete.as_ref().and_then(|athlete| athlete.name.clone()),
        abbr: driver.vehicle.as_ref().and_then(|vehicle| vehicle.number.clone()),
        score: rank.map(|rank| Score { rank: Some(rank), ..Score::default() }),
        ..Competitor::default()
    }
}
