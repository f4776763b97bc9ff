//! Formula 1's live timing: SignalR, pushed. The answer to `Subscribe` holds every topic whole, messages after it are
//! partial; [`State`] merges them, so that a payload here is always the state of all topics. Topics are
//! `racing/f1/session-key` (`racing/f1/9480`).
//!
//! What is read in which way:
//!
//! - **Competitors are keyed by their racing numbers**, which no overtaking changes; the place is `score.rank`.
//! - **The start is told in local time with its offset beside it**, so it is an instant.
//! - **The session's status** is a topic of its own, which an early answer may lack; then the last of `SessionData` counts.
//! - **A qualifying is `Finished` after each of its parts**, then `Inactive`: between parts it is a break, see [`status`].
//! - **Race control is a list that only grows**, so an item's index is its identity. Of its messages those become
//!   incidents that change a race or a result: flags for all, safety cars, deleted laps, investigations, penalties.
//! - **The clock** is the remaining time at an instant, and says whether it runs.

mod archive;
mod state;
mod status;
mod wire;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Adapter, Assembler, Decoded, items, read};
use crate::game::{
    Clock, ClockMode, Competition, Competitor, CompetitorKind, CompetitorStatus, Incident, Period, PeriodKind, Score,
    Status,
};
use crate::report::{Invalid, escape};
use crate::topic::slug;
use crate::{Game, Topic};
pub use archive::{Line, archive};
use state::State;
use wire::{Car, Driver, ExtrapolatedClock, LapCount, RaceControl, SessionInfo, Standing, Weather};

/// The topics that are read; the others (positions of cars, tyres, weather's history) are many times as much.
const TOPICS: [&str; 10] = [
    "DriverList",
    "ExtrapolatedClock",
    "LapCount",
    "RaceControlMessages",
    "SessionData",
    "SessionInfo",
    "SessionStatus",
    "TimingData",
    "TrackStatus",
    "WeatherData",
];

/// The adapter `f1`.
#[derive(Debug)]
pub(super) struct F1;

impl Adapter for F1 {
    fn name(&self) -> &'static str {
        "f1"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let topics = match read::json(payload)? {
            // The answer to `Subscribe`, old and new.
            Value::Object(mut reply) => match ["R", "result"].into_iter().find_map(|key| reply.remove(key)) {
                Some(Value::Object(topics)) => topics,
                _ => reply,
            },
            _ => return Err(Invalid::new("", "the state of the topics is an object")),
        };
        if topics.contains_key("M") || topics.contains_key("arguments") {
            return Err(Invalid::new("", "a partial message; a payload is the state of all topics"));
        }
        let mut session = Session { topics, decoded: Decoded::default() };
        let (topic, game) = session.game()?;
        session.decoded.reports.push(read::image(topic, game));
        Ok(session.decoded)
    }

    fn assembler(&self) -> Option<Box<dyn Assembler>> {
        Some(Box::new(State::default()))
    }
}

/// The topics of one session, and what of them could not be read.
struct Session {
    topics: Map<String, Value>,
    decoded: Decoded,
}

impl Session {
    /// A topic; one that cannot be read is nothing, and is told.
    fn take<T: serde::de::DeserializeOwned + Default>(&mut self, topic: &str) -> T {
        let value = self.topics.remove(topic);
        self.typed(value, &format!("/{topic}"))
    }

    fn typed<T: serde::de::DeserializeOwned + Default>(&mut self, value: Option<Value>, pointer: &str) -> T {
        self.mended(value, pointer, &[]).ok().flatten().unwrap_or_default()
    }

    /// Reads without what cannot be read. Of a session that is broken all over that is told, not each of its values: race
    /// control's list only grows, and a session that is refused for it would be refused for good.
    fn mended<T: serde::de::DeserializeOwned>(
        &mut self,
        value: Option<Value>,
        pointer: &str,
        vital: &[&str],
    ) -> Result<Option<T>, Invalid> {
        let Some(mut value) = value else { return Ok(None) };
        let mut refused = Vec::new();
        let read = items::mended(&mut value, pointer, vital, &mut refused, |value| read::typed(value.clone()));
        let told = &mut self.decoded.refused;
        match told.len() {
            0..items::BROKEN => told.append(&mut refused),
            _ if refused.is_empty() || told.last().is_some_and(|last| last.pointer.is_empty()) => {}
            _ => told.push(Invalid::new("", "more values than these cannot be read")),
        }
        read
    }

    fn game(&mut self) -> Result<(Topic, Game), Invalid> {
        let info = self.topics.remove("SessionInfo");
        let info: SessionInfo = self.mended(info, "/SessionInfo", &["/Key", "/Type"])?.unwrap_or_default();
        let key = info.key.as_deref().and_then(slug);
        let key = key.ok_or_else(|| Invalid::new("/SessionInfo/Key", "no key: the session cannot be named"))?;
        let topic = format!("racing/f1/{key}");
        let topic: Topic = topic.parse().map_err(|_| Invalid::new("/SessionInfo/Key", format!("no game {topic:?}")))?;
        let (status, status_reason) = self.status(info.kind.as_deref() == Some("Qualifying"))?;
        let competitors = self.competitors(info.kind.as_deref() == Some("Race"))?;
        let incidents = self.incidents(&competitors)?;
        let track: Standing = self.take("TrackStatus");
        let game = Game {
            sport: Some("racing".to_owned()),
            competition: Some(Competition {
                id: Some("f1".to_owned()),
                name: info.meeting.name.clone(),
                round: info.name.clone(),
            }),
            start: start(&info),
            status: Some(status),
            status_reason,
            period: lap(&self.take("LapCount")),
            clock: clock(&self.take("ExtrapolatedClock")),
            competitors,
            situation: read::scalars([("track", track.message.or(track.status).map(Value::from))]),
            incidents,
            info: self.info(&info),
            ..Game::default()
        };
        Ok((topic, game))
    }

    fn status(&mut self, qualifying: bool) -> Result<(Status, Option<String>), Invalid> {
        let said = self.take("SessionStatus");
        let data = self.topics.remove("SessionData");
        let (listed, series) = (self.listed(data.as_ref(), "StatusSeries")?, self.listed(data.as_ref(), "Series")?);
        Ok(status::status(said, qualifying, &listed, &series, self.topics.get("TimingData")))
    }

    fn listed(&mut self, data: Option<&Value>, list: &str) -> Result<Vec<status::Item>, Invalid> {
        let items = wire::items(data.cloned(), list).map_err(|fault| read::below("/SessionData", fault))?;
        Ok(items.into_iter().map(|(i, item)| self.typed(Some(item), &format!("/SessionData/{list}/{i}"))).collect())
    }

    fn competitors(&mut self, race: bool) -> Result<BTreeMap<String, Competitor>, Invalid> {
        let mut drivers = match self.topics.remove("DriverList") {
            Some(Value::Object(drivers)) => drivers,
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err(Invalid::new("/DriverList", "an object is expected")),
        };
        let mut cars: BTreeMap<String, Value> = self.items("TimingData", "Lines")?.into_iter().collect();
        let mut keys: Vec<String> = wire::by_number(drivers.clone()).into_iter().map(|(key, _)| key).collect();
        keys.extend(cars.keys().filter(|key| !drivers.contains_key(*key)).cloned());
        let mut competitors = BTreeMap::new();
        for key in keys {
            if !key.parse().is_ok_and(|number: u16| (1..=9_999).contains(&number) && number.to_string() == key) {
                let pointer = format!("/TimingData/Lines/{}", escape(&key));
                self.decoded.refused.push(Invalid::new(pointer, "a racing number is 1 to 9999"));
                continue;
            }
            let driver = self.typed(drivers.remove(&key), &format!("/DriverList/{key}"));
            let car = self.typed(cars.remove(&key), &format!("/TimingData/Lines/{key}"));
            competitors.insert(key, competitor(driver, car, race));
        }
        Ok(competitors)
    }

    /// What a topic has below a key.
    fn items(&mut self, topic: &str, key: &str) -> Result<Vec<(String, Value)>, Invalid> {
        wire::items(self.topics.remove(topic), key).map_err(|fault| read::below(&format!("/{topic}"), fault))
    }

    fn incidents(&mut self, competitors: &BTreeMap<String, Competitor>) -> Result<BTreeMap<String, Incident>, Invalid> {
        let mut incidents = BTreeMap::new();
        for (index, message) in self.items("RaceControlMessages", "Messages")? {
            let Ok(order) = index.parse::<u32>() else { continue };
            let message = self.typed(Some(message), &format!("/RaceControlMessages/Messages/{index}"));
            if let Some(incident) = incident(message, order.into(), competitors) {
                incidents.insert(format!("rcm-{order}"), incident);
            }
        }
        Ok(incidents)
    }

    fn info(&mut self, info: &SessionInfo) -> crate::Document {
        let weather: Weather = self.take("WeatherData");
        let number = |text: Option<String>| text?.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| json!(n));
        read::scalars([
            ("venue", info.meeting.circuit.short_name.clone().map(Value::from)),
            ("city", info.meeting.location.clone().map(Value::from)),
            ("air_celsius", number(weather.air_temp)),
            ("track_celsius", number(weather.track_temp)),
            ("rain", weather.rainfall.map(|rain| json!(rain != "0"))),
        ])
    }
}

fn competitor(driver: Driver, car: Car, race: bool) -> Competitor {
    let status = match (car.retired, car.knocked_out) {
        (Some(true), _) => Some(CompetitorStatus::Retired),
        (_, Some(true)) => Some(CompetitorStatus::Out),
        (Some(false), _) => Some(CompetitorStatus::Active),
        (None, _) => None,
    };
    // In front of the leader stands the lap instead of a gap.
    let gap = car.gap_to_leader.or(car.time_diff_to_fastest).filter(|gap| !gap.starts_with("LAP "));
    let short = |text: &String| text.len() <= crate::game::MAX_SCORE_TEXT_BYTES;
    let score = Score {
        rank: car.position.filter(|rank| *rank > 0),
        gap: gap.filter(short).map(Value::from),
        laps: car.number_of_laps,
        // Outside a race the best lap is the result.
        display: car.best_lap_time.value.filter(|lap| !race && short(lap)),
        ..Score::default()
    };
    Competitor {
        kind: Some(CompetitorKind::Athlete),
        name: driver.full_name.or(driver.broadcast_name),
        abbr: driver.tla,
        team: driver.team_name.as_deref().and_then(slug),
        status,
        score: (score != Score::default()).then_some(score),
    }
}

/// A message of race control that changes a race or a result.
fn incident(message: RaceControl, order: i64, competitors: &BTreeMap<String, Competitor>) -> Option<Incident> {
    let text = message.message?;
    let flag = message.flag.as_deref().and_then(slug);
    let (kind, detail) = match message.category.as_deref() {
        Some("Flag") if message.scope.as_deref() == Some("Track") => ("flag", flag),
        Some("SafetyCar") => ("safety_car", message.status.as_deref().and_then(slug)),
        _ if text.contains("DELETED") => ("lap_deleted", None),
        _ if text.contains("PENALTY") => ("penalty", None),
        _ if text.contains("INVESTIGAT") => ("review", None),
        _ => return None,
    };
    Some(Incident {
        order: Some(order),
        kind: Some(kind.to_owned()),
        detail,
        side: message.racing_number.filter(|number| competitors.contains_key(number)),
        period: message.lap.and_then(|lap| u32::try_from(lap).ok()),
        text: Some(text),
        ..Incident::default()
    })
}

fn lap(count: &LapCount) -> Option<Period> {
    let number = u32::try_from(count.current_lap?).ok()?;
    let of = count.total_laps.and_then(|laps| u32::try_from(laps).ok());
    Some(Period { number: Some(number), kind: Some(PeriodKind::Lap), of, ..Period::default() })
}

fn clock(clock: &ExtrapolatedClock) -> Option<Clock> {
    Some(Clock {
        mode: Some(ClockMode::Down),
        running: clock.extrapolating,
        ms: Some(archive::clock(clock.remaining.as_deref()?)?),
        at: clock.utc.as_deref().and_then(read::millis),
        added_min: None,
    })
}

/// `2024-03-09T20:00:00` and `03:00:00` beside it.
fn start(info: &SessionInfo) -> Option<String> {
    let (local, offset) = (info.start_date.as_deref()?, info.gmt_offset.as_deref()?);
    let (sign, offset) = offset.strip_prefix('-').map_or(('+', offset), |offset| ('-', offset));
    read::instant(&format!("{local}{sign}{}", offset.get(..5)?))
}
