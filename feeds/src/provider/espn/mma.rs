//! MMA: an event is a night, its bouts are competitions. The fighter whom ESPN counts first is `home`. Nobody has a score:
//! what stands in `linescores` are the judges' cards, of one judge each.

use serde::Deserialize;
use serde_json::Value;

use super::league::Place;
use super::wire::{Athlete, Competition, Head};
use super::{clock, matches, period};
use crate::game::{ClockMode, Competitor, CompetitorKind, Period, PeriodKind, Status};
use crate::provider::read::{self, int};
use crate::report::{Invalid, Report};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fighter {
    #[serde(deserialize_with = "int")]
    order: Option<i64>,
    winner: Option<bool>,
    athlete: Option<Athlete>,
}

/// The image of one bout.
pub(super) fn read(place: &Place, head: &Head, competition: Value) -> Result<Report, Invalid> {
    let mut competition: Competition<Fighter> = read::typed(competition)?;
    let topic = read::topic(&place.sport, &place.league, competition.id.as_deref(), "/id")?;
    let told = matches::told(head, &competition);
    let mut game = matches::begin(place, head, &competition, &told);
    if let Some(said) = &mut game.competition {
        said.round = head.name.clone();
    }
    competition.competitors.sort_by_key(|fighter| fighter.order);
    let [home, away] = match &competition.competitors[..] {
        [] => return Ok(read::image(topic, game)),
        [home, away] => [home, away],
        others => return Err(Invalid::new("/competitors", format!("a bout has two fighters, not {}", others.len()))),
    };
    game.competitors = read::sides(competitor(home), competitor(away));
    let winner = match (game.status, home.winner, away.winner) {
        (Some(Status::Final), Some(true), _) => Some("home"),
        (Some(Status::Final), _, Some(true)) => Some("away"),
        _ => None,
    };
    let class = competition.kind.as_ref().and_then(|kind| kind.abbreviation.clone());
    game.info.extend(read::scalars([("class", class.map(Value::from)), ("winner", winner.map(Value::from))]));
    if matches::begun(&game, &told) {
        game.period = read::count(told.period).filter(|round| (1..=20).contains(round)).map(|round| Period {
            number: Some(round),
            kind: Some(PeriodKind::Round),
            of: period::regular(&competition),
            ..Period::default()
        });
        // Of a bout that is over it is how long its last round was; which way it runs before, ESPN does not say.
        let over = game.status == Some(Status::Final) && game.period.is_some();
        game.clock = over.then(|| clock::clock(ClockMode::Up, &told)).flatten();
    }
    Ok(read::image(topic, game))
}

fn competitor(fighter: &Fighter) -> Competitor {
    Competitor {
        kind: Some(CompetitorKind::Athlete),
        name: fighter.athlete.as_ref().and_then(|athlete| athlete.name.clone()),
        ..Competitor::default()
    }
}
