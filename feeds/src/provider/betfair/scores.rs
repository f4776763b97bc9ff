//! The answers of scores and of a soccer match's timeline.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{competition, topic};
use crate::Game;
use crate::game::{Clock, ClockMode, Competitor, CompetitorKind, Incident, Period, PeriodKind, Score, Status};
use crate::provider::read::{self, int, or_default, text};
use crate::report::{Invalid, Report};
use crate::topic::slug;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default, deserialize_with = "text")]
    event_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    event_type_id: Option<String>,
    score: Sides,
    #[serde(default, deserialize_with = "int")]
    elapsed_regular_time: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    elapsed_added_time: Option<i64>,
    /// Of scores the name of the last mark; of a timeline `IN_PLAY`.
    #[serde(default, deserialize_with = "text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    match_status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    in_play_match_status: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    update_details: Vec<Update>,
}

#[derive(Deserialize)]
struct Sides {
    home: Side,
    away: Side,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    score: Option<String>,
    #[serde(default, deserialize_with = "int")]
    half_time_score: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    penalties_score: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    games: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    sets: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    #[serde(default, deserialize_with = "int")]
    update_id: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    team: Option<String>,
    #[serde(default, deserialize_with = "int")]
    elapsed_regular_time: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    elapsed_added_time: Option<i64>,
    #[serde(rename = "type", default, deserialize_with = "text")]
    kind: Option<String>,
}

pub(super) fn report(value: Value) -> Result<Report, Invalid> {
    let event: Event = read::typed(value)?;
    let topic = topic(event.event_type_id.as_deref(), event.event_id.as_deref())?;
    let mark = event.in_play_match_status.as_deref().or(event.match_status.as_deref()).or(event.status.as_deref());
    let (status, status_reason, period) = standing(mark);
    let soccer = topic.sport() == "soccer";
    let side = |side: &Side| competitor(side, soccer);
    let game = Game {
        sport: Some(topic.sport().to_owned()),
        competition: Some(competition()),
        status: Some(status),
        status_reason,
        period,
        clock: event.elapsed_regular_time.filter(|minutes| soccer && (0..1_000).contains(minutes)).map(|minutes| {
            Clock {
                mode: Some(ClockMode::Up),
                ms: Some(minutes * 60_000),
                added_min: event.elapsed_added_time.and_then(|added| u32::try_from(added).ok()),
                ..Clock::default()
            }
        }),
        competitors: [("home", side(&event.score.home)), ("away", side(&event.score.away))]
            .map(|(key, side)| (key.to_owned(), side))
            .into(),
        incidents: event.update_details.iter().filter_map(incident).collect::<BTreeMap<_, _>>(),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

/// The last mark of a match, by Betfair's names.
fn standing(mark: Option<&str>) -> (Status, Option<String>, Option<Period>) {
    let half = |number, kind| Some(Period { number: Some(number), kind: Some(kind), of: Some(2), ..Period::default() });
    let (first, second) = (half(1, PeriodKind::Half), half(2, PeriodKind::Half));
    match mark.unwrap_or_default() {
        "KickOff" => (Status::Live, None, first),
        "FirstHalfEnd" => (Status::Break, None, first),
        "SecondHalfKickOff" => (Status::Live, None, second),
        "SecondHalfEnd" => (Status::Ended, None, second),
        "Finished" => (Status::Ended, None, None),
        "IN_PLAY" | "InPlay" => (Status::Live, None, None),
        _ => (Status::Unknown, mark.map(str::to_owned), None),
    }
}

fn competitor(side: &Side, soccer: bool) -> Competitor {
    let goals = |goals: Option<i64>| goals.filter(|goals| (0..1_000).contains(goals));
    let total = if soccer { side.score.as_deref().and_then(|score| score.parse().ok()) } else { side.sets };
    let points = side.score.clone().filter(|score| !soccer && score.len() <= 3);
    let half_time = goals(side.half_time_score).filter(|_| soccer);
    let score = Score {
        total: goals(total),
        parts: half_time.map(|goals| ("1".to_owned(), goals)).into_iter().collect(),
        shootout: goals(side.penalties_score),
        sets: goals(side.sets),
        points: points.map(Value::from),
        display: side.games.filter(|_| !soccer).map(|games| format!("{games} games")),
        ..Score::default()
    };
    Competitor {
        kind: Some(if soccer { CompetitorKind::Team } else { CompetitorKind::Athlete }),
        name: side.name.clone(),
        team: side.name.as_deref().filter(|_| soccer).and_then(slug),
        score: (score != Score::default()).then_some(score),
        ..Competitor::default()
    }
}

fn incident(update: &Update) -> Option<(String, Incident)> {
    let (kind, detail) = match update.kind.as_deref()? {
        "Goal" => ("goal", None),
        "YellowCard" => ("card", Some("yellow")),
        "RedCard" => ("card", Some("red")),
        "SecondYellowCard" => ("card", Some("second_yellow")),
        "FirstHalfEnd" | "SecondHalfEnd" => ("period_end", None),
        _ => return None,
    };
    let count =
        |minute: Option<i64>| minute.and_then(|minute| u32::try_from(minute).ok()).filter(|minute| *minute < 1_000);
    let incident = Incident {
        order: update.update_id,
        kind: Some(kind.to_owned()),
        side: update.team.clone().filter(|team| matches!(team.as_str(), "home" | "away")),
        minute: count(update.elapsed_regular_time),
        added_min: count(update.elapsed_added_time),
        detail: detail.map(str::to_owned),
        ..Incident::default()
    };
    Some((format!("u{}", update.update_id?), incident))
}
