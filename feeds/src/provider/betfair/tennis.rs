//! The answer of a tennis match's incidents: every point, each with the score after it. Players are numbers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{competition, topic};
use crate::Game;
use crate::game::{Competitor, CompetitorKind, Period, PeriodKind, Score, Status};
use crate::provider::read::{self, int, text};
use crate::report::{Invalid, Report};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default, deserialize_with = "text")]
    event_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    event_type_id: Option<String>,
    incidents: BTreeMap<String, Point>,
}

#[derive(Deserialize)]
struct Point {
    values: Values,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Values {
    #[serde(default, deserialize_with = "text")]
    start_date: Option<String>,
    #[serde(default, deserialize_with = "text")]
    event_type_status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    server: Option<String>,
    #[serde(default, deserialize_with = "int")]
    current_set: Option<i64>,
    /// Games of the sets so far, `"6,3"`.
    #[serde(default, deserialize_with = "text")]
    player1_set_scores: Option<String>,
    #[serde(default, deserialize_with = "text")]
    player2_set_scores: Option<String>,
    #[serde(default, deserialize_with = "int")]
    player1_sets_won: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    player2_sets_won: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    player1_points_won: Option<String>,
    #[serde(default, deserialize_with = "text")]
    player2_points_won: Option<String>,
}

/// The newest value of a field, for not every incident has all of them.
fn newest<'a, T>(points: &[&'a Values], field: impl Fn(&'a Values) -> Option<T>) -> Option<T> {
    points.iter().rev().find_map(|values| field(values))
}

pub(super) fn report(value: Value) -> Result<Report, Invalid> {
    let event: Event = read::typed(value)?;
    let topic = topic(event.event_type_id.as_deref(), event.event_id.as_deref())?;
    if topic.sport() != "tennis" {
        return Err(Invalid::new("/eventTypeId", "incidents are read of tennis"));
    }
    let mut points: Vec<(u64, &Values)> =
        event.incidents.iter().filter_map(|(number, point)| Some((number.parse().ok()?, &point.values))).collect();
    points.sort_by_key(|(number, _)| *number);
    let points: Vec<&Values> = points.into_iter().map(|(_, values)| values).collect();
    let points = points.as_slice();
    let (status, status_reason) = match newest(points, |values| values.event_type_status.as_deref()) {
        Some("onCourt" | "warmUp") => (Status::Scheduled, None),
        Some("inPlay") => (Status::Live, None),
        Some("finished" | "completed") => (Status::Ended, None),
        word => (Status::Unknown, word.map(str::to_owned)),
    };
    let fields = [
        |values: &Values| {
            (values.player1_set_scores.clone(), values.player1_sets_won, values.player1_points_won.clone())
        },
        |values: &Values| {
            (values.player2_set_scores.clone(), values.player2_sets_won, values.player2_points_won.clone())
        },
    ];
    let competitor = |player: usize| {
        let games = newest(points, |values| fields[player](values).0);
        let sets = newest(points, |values| fields[player](values).1);
        let won = newest(points, |values| fields[player](values).2).filter(|points| points.len() <= 3);
        let parts = games.iter().flat_map(|games| games.split(',')).map(|games| games.trim().parse().ok());
        let parts =
            (1..).zip(parts).filter_map(|(set, games): (u32, Option<u16>)| Some((set.to_string(), games?.into())));
        let score = Score {
            total: sets,
            sets,
            parts: parts.take(9).collect(),
            points: won.map(|points| if points == "Av" { "AD".into() } else { points.into() }),
            ..Score::default()
        };
        Competitor {
            kind: Some(CompetitorKind::Athlete),
            score: (score != Score::default()).then_some(score),
            ..Competitor::default()
        }
    };
    let set = newest(points, |values| values.current_set).and_then(|set| u32::try_from(set).ok());
    let server = newest(points, |values| values.server.as_deref());
    let server =
        server.and_then(|server| [("1", "home"), ("2", "away")].into_iter().find(|(player, _)| *player == server));
    let game = Game {
        sport: Some("tennis".to_owned()),
        competition: Some(competition()),
        start: newest(points, |values| values.start_date.as_deref()).and_then(read::instant),
        status: Some(status),
        status_reason,
        period: set.map(|number| Period { number: Some(number), kind: Some(PeriodKind::Set), ..Period::default() }),
        competitors: [("home", competitor(0)), ("away", competitor(1))].map(|(key, one)| (key.to_owned(), one)).into(),
        situation: read::scalars([("server", server.map(|(_, side)| side.into()))]),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}
