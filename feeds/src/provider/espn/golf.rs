//! Golf: one competition of up to 156 players. A player's key is the place of his number among the field's, so it holds
//! whatever the order of the list; who joins or leaves does so before the start.
//!
//! `score` counts finished rounds only: to par as the leaderboard shows it is the statistic `scoreToPar`, where there is one.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::league::Place;
use super::matches;
use super::wire::{Athlete, Competition, Head, Named, StatusType};
use crate::game::{Competitor, CompetitorKind, CompetitorStatus, MAX_COMPETITORS, Period, PeriodKind, Score};
use crate::provider::read::{self, int, or_default, short, text};
use crate::report::{Invalid, Report};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Player {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    /// `athlete`; else a pair, or a team of more.
    #[serde(rename = "type", deserialize_with = "text")]
    kind: Option<String>,
    athlete: Option<Athlete>,
    /// A pair's names.
    roster: Option<Named>,
    team: Option<Named>,
    /// `-14`, or wrapped with the strokes.
    #[serde(deserialize_with = "shown")]
    score: Option<String>,
    #[serde(deserialize_with = "or_default")]
    statistics: Vec<Statistic>,
    #[serde(deserialize_with = "or_default")]
    linescores: Vec<Round>,
    #[serde(deserialize_with = "or_default")]
    status: Standing,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Statistic {
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    #[serde(rename = "displayValue", deserialize_with = "text")]
    shown: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Round {
    /// Strokes; missing = not begun.
    #[serde(deserialize_with = "int")]
    value: Option<i64>,
    #[serde(deserialize_with = "int")]
    period: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Standing {
    /// `Thru 5`, `F`, `CUT`, a tee time.
    #[serde(rename = "displayValue", deserialize_with = "text")]
    shown: Option<String>,
    #[serde(deserialize_with = "int")]
    thru: Option<i64>,
    position: Option<Position>,
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: StatusType,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Position {
    /// The place; shared places have the same.
    #[serde(deserialize_with = "int")]
    id: Option<i64>,
}

/// What a score shows: a text, or `displayValue` of an object.
fn shown<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let value = match Value::deserialize(input)? {
        Value::Object(mut wrapped) => wrapped.remove("displayValue").unwrap_or_default(),
        value => value,
    };
    text(value).map_err(serde::de::Error::custom)
}

/// The image of a tournament.
pub(super) fn read(place: &Place, head: &Head, competition: Value) -> Result<Report, Invalid> {
    let competition: Competition<Player> = read::typed(competition)?;
    let topic = read::topic(&place.sport, &place.league, competition.id.as_deref().or(head.id.as_deref()), "/id")?;
    let told = matches::told(head, &competition);
    let mut game = matches::begin(place, head, &competition, &told);
    if let Some(said) = &mut game.competition {
        said.round = head.name.clone();
    }
    let course = head.courses.first();
    game.info.extend(read::scalars([
        ("tournament", head.name.clone().map(Value::from)),
        ("venue", course.and_then(|course| course.name.clone()).map(Value::from)),
        ("city", course.and_then(|course| course.address.as_ref()?.city.clone()).map(Value::from)),
    ]));
    let begun = matches::begun(&game, &told);
    if begun {
        let rounds = head.tournament.as_ref().and_then(|tournament| tournament.rounds);
        game.period = read::count(told.period).filter(|round| (1..=20).contains(round)).map(|round| Period {
            number: Some(round),
            kind: Some(PeriodKind::Round),
            of: read::count(rounds).filter(|of| (1..=20).contains(of)),
            ..Period::default()
        });
    }
    game.competitors = field(competition.competitors, begun)?;
    Ok(read::image(topic, game))
}

fn field(mut players: Vec<Player>, begun: bool) -> Result<BTreeMap<String, Competitor>, Invalid> {
    if players.len() > MAX_COMPETITORS {
        return Err(Invalid::new("/competitors", format!("a field of {}; at most {MAX_COMPETITORS}", players.len())));
    }
    // By number where they are numbers; who has none comes last.
    players.sort_by_cached_key(|player| {
        let number = player.id.as_deref().and_then(|id| id.parse::<u64>().ok()).unwrap_or(u64::MAX);
        (number, player.id.clone(), name(player))
    });
    Ok((1..).map(|n: usize| n.to_string()).zip(players.iter().map(|player| competitor(player, begun))).collect())
}

/// A player's name; of a team's event its roster's or its own.
fn name(player: &Player) -> Option<String> {
    let alone = player.athlete.as_ref().and_then(|athlete| athlete.name.clone());
    alone.or_else(|| player.roster.as_ref().or(player.team.as_ref())?.name.clone())
}

fn competitor(player: &Player, begun: bool) -> Competitor {
    let score = if begun { score(player) } else { Score::default() };
    let together = player.athlete.is_none() && (player.kind.as_deref() == Some("team") || name(player).is_some());
    Competitor {
        kind: Some(if together { CompetitorKind::Team } else { CompetitorKind::Athlete }),
        name: name(player),
        status: status(&player.status),
        score: Some(score).filter(|score| *score != Score::default()),
        ..Competitor::default()
    }
}

fn status(told: &Standing) -> Option<CompetitorStatus> {
    match (told.kind.name.as_deref(), told.shown.as_deref()) {
        (Some("STATUS_CUT"), _) | (_, Some("CUT" | "MDF")) => Some(CompetitorStatus::Out),
        (Some("STATUS_WITHDRAWN"), _) | (_, Some("WD")) => Some(CompetitorStatus::Withdrawn),
        (Some("STATUS_DISQUALIFIED"), _) | (_, Some("DQ")) => Some(CompetitorStatus::Disqualified),
        _ => None,
    }
}

fn score(player: &Player) -> Score {
    let statistic = player.statistics.iter().find(|statistic| statistic.name.as_deref() == Some("scoreToPar"));
    let shown = statistic.and_then(|statistic| statistic.shown.as_deref()).or(player.score.as_deref());
    let rounds = (1..).zip(&player.linescores).map(|(place, round)| (round.period.or(Some(place)), round.value));
    let thru = match (player.status.shown.as_deref(), player.status.thru) {
        (Some("F"), _) => Some(Value::from("F")),
        (_, thru) => thru.filter(|holes| (1..=18).contains(holes)).map(Value::from),
    };
    Score {
        total: shown.and_then(to_par),
        parts: read::parts(rounds),
        rank: player.status.position.as_ref().and_then(|position| position.id),
        thru,
        display: shown.map(|shown| short(shown).to_owned()),
        ..Score::default()
    }
}

/// `E`, `-14`, `+3`.
fn to_par(shown: &str) -> Option<i64> {
    match shown {
        "E" => Some(0),
        number => number.parse::<i64>().ok().filter(|strokes| (-999..=999).contains(strokes)),
    }
}
