//! Tennis: an event is a tournament, its matches are competitions, in groups by singles and doubles. The player whom ESPN
//! lists first is `home`. Games stand by set; sets won are the finished sets in which a side has more games.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::league::Place;
use super::wire::{Athlete, Competition, Head, Named, Status as Told};
use super::{matches, period};
use crate::game::{Competitor, CompetitorKind, CompetitorStatus, Period, PeriodKind, Score, Status};
use crate::provider::read::{self, int, or_default, text};
use crate::report::{Invalid, Report};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Player {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    /// `athlete`; else a pair.
    #[serde(rename = "type", deserialize_with = "text")]
    kind: Option<String>,
    #[serde(deserialize_with = "int")]
    order: Option<i64>,
    winner: Option<bool>,
    athlete: Option<Athlete>,
    /// A pair's names.
    roster: Option<Named>,
    team: Option<Named>,
    #[serde(deserialize_with = "or_default")]
    linescores: Vec<Set>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Set {
    #[serde(deserialize_with = "int")]
    value: Option<i64>,
}

/// The image of one match.
pub(super) fn read(place: &Place, head: &Head, competition: Value) -> Result<Report, Invalid> {
    let mut competition: Competition<Player> = read::typed(competition)?;
    let topic = read::topic(&place.sport, &place.league, competition.id.as_deref(), "/id")?;
    let told = matches::told(head, &competition);
    let mut game = matches::begin(place, head, &competition, &told);
    if let Some(competition_said) = &mut game.competition {
        competition_said.round = competition.round.as_ref().and_then(|round| round.name.clone());
    }
    if let Some(name) = &head.name {
        game.info.insert("tournament".to_owned(), name.as_str().into());
    }
    competition.competitors.sort_by_key(|player| player.order);
    // A match whose players are still to be found out has none.
    let [home, away] = match &competition.competitors[..] {
        [] => return Ok(read::image(topic, game)),
        [home, away] => [home, away],
        others => return Err(Invalid::new("/competitors", format!("a match has two players, not {}", others.len()))),
    };
    let begun = matches::begun(&game, &told);
    let over = game.status == Some(Status::Final);
    let retired = told.kind.name.as_deref() == Some("STATUS_RETIRED");
    let finished =
        if over && !retired { usize::MAX } else { read::count(told.period).unwrap_or(1).saturating_sub(1) as usize };
    let side = |player: &Player, other: &Player| {
        let score = if begun { score(player, other, finished) } else { Score::default() };
        let lost = retired && other.winner == Some(true);
        competitor(player, score, lost.then_some(CompetitorStatus::Retired))
    };
    game.competitors =
        [("home", side(home, away)), ("away", side(away, home))].map(|(key, side)| (key.to_owned(), side)).into();
    // Of a walkover ESPN says a first set that nobody played.
    if begun && game.competitors.values().any(|side| side.score.is_some()) {
        game.period = set(&competition, &told);
    }
    if game.status == Some(Status::Live) {
        let server = competition.situation.as_ref().and_then(|now| now.server.as_ref()?.target.as_deref());
        let serves = |player: &Player| server.zip(player.id.as_deref()).is_some_and(|(link, id)| names(link, id));
        let key = [("home", home), ("away", away)].into_iter().find(|(_, player)| serves(player)).map(|(key, _)| key);
        game.situation = read::scalars([("server", key.map(Value::from))]);
    }
    Ok(read::image(topic, game))
}

/// Whether a link leads to an athlete.
fn names(link: &str, id: &str) -> bool {
    link.split_once("/athletes/").is_some_and(|(_, rest)| rest.split(['/', '?']).next() == Some(id))
}

fn set(competition: &Competition<Player>, told: &Told) -> Option<Period> {
    let number = read::count(told.period).filter(|number| (1..=20).contains(number))?;
    let of = period::regular(competition);
    Some(Period { number: Some(number), kind: Some(PeriodKind::Set), of, ..Period::default() })
}

fn competitor(player: &Player, score: Score, status: Option<CompetitorStatus>) -> Competitor {
    let alone = player.athlete.as_ref().and_then(|athlete| athlete.name.clone());
    let pair = player.roster.as_ref().or(player.team.as_ref()).and_then(|pair| pair.name.clone());
    let is_pair = alone.is_none() && (pair.is_some() || player.kind.as_deref() == Some("team"));
    Competitor {
        kind: Some(if is_pair { CompetitorKind::Pair } else { CompetitorKind::Athlete }),
        name: alone.or(pair),
        status,
        score: Some(score).filter(|score| *score != Score::default()),
        ..Competitor::default()
    }
}

fn score(player: &Player, other: &Player, finished: usize) -> Score {
    let games = |player: &Player| player.linescores.iter().map(|set| set.value).collect::<Vec<_>>();
    let (own, others) = (games(player), games(other));
    if own.is_empty() {
        return Score::default();
    }
    let won = own.iter().zip(&others).take(finished).filter(|(own, other)| own > other).count() as i64;
    let parts: BTreeMap<String, i64> = read::parts((1..).map(Some).zip(own));
    Score { total: Some(won), sets: Some(won), parts, ..Score::default() }
}
