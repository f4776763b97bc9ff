//! Betfair: messages of its streams (CRLF JSON; `mcm` markets, `ccm` cricket, `rcm` positions of racers), and its answers of
//! scores, timelines and tennis incidents. Topics are `sport/betfair/event` (`soccer/betfair/28210051`; races, of which an
//! event has several, by market).
//!
//! - **A market tells prices.** Of a game its definition says when it begins and whether it is in play: a patch with those.
//!   A market that is suspended or closed is not a game that is, and one that never turns in play does not say that a
//!   game has not begun.
//! - **Cricket comes whole or in part**: with the innings' figures it is an image, without them a patch, which takes no
//!   score away. Figures are of the batting side; sides are the two teams that are named, first batting first.
//! - **`pt` is the time of publication** and comes out of order: it is the reports' stamp, so that the older is refused.
//! - **`status: 503` says that what comes may be old**: told as a fault beside what could be read.
//! - Heartbeats, connections and acknowledgements say nothing of a game.
//! - **Numbers are texts, and blank before they are known**: a half-time score of `""` is none.

mod cricket;
mod scores;
mod tennis;

use serde::Deserialize;
use serde_json::Value;

use super::{Adapter, Decoded, read};
use crate::game::{Competition, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};
use read::{int, or_default, text};

/// The adapter `betfair`.
pub(super) struct Betfair;

/// Betfair's numbers of the sports that are read.
const SPORTS: [(&str, &str); 17] = [
    ("1", "soccer"),
    ("2", "tennis"),
    ("3", "golf"),
    ("4", "cricket"),
    ("5", "rugby"),
    ("6", "boxing"),
    ("7", "racing"),
    ("1477", "rugby-league"),
    ("3503", "darts"),
    ("4339", "racing"),
    ("6422", "snooker"),
    ("6423", "football"),
    ("7511", "baseball"),
    ("7522", "basketball"),
    ("7524", "hockey"),
    ("468328", "handball"),
    ("998917", "volleyball"),
];

impl Adapter for Betfair {
    fn name(&self) -> &'static str {
        "betfair"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let mut decoded = Decoded::default();
        for (pointer, document) in read::numbered(payload) {
            match document {
                Ok(Value::Array(items)) => {
                    for (item, value) in items.into_iter().enumerate() {
                        decoded.document(&format!("{pointer}/{item}"), value);
                    }
                }
                Ok(value) => decoded.document(&pointer, value),
                Err(fault) => decoded.refused.push(read::below(&pointer, fault)),
            }
        }
        read::unless_refused(decoded)
    }
}

impl Decoded {
    fn add(&mut self, pointer: &str, report: Result<Report, Invalid>) {
        match report {
            Ok(report) => self.reports.push(report),
            Err(fault) => self.refused.push(read::below(pointer, fault)),
        }
    }

    fn document(&mut self, pointer: &str, value: Value) {
        match value.get("op").and_then(Value::as_str) {
            Some("mcm" | "ccm" | "rcm") => match read::typed::<Message>(value) {
                Ok(message) => self.message(pointer, message),
                Err(fault) => self.refused.push(read::below(pointer, fault)),
            },
            Some("connection") => {}
            Some("status") => self.acknowledgement(pointer, &value),
            Some(op) => {
                let detail = format!("op {:?} is not read", read::cut(op));
                self.refused.push(Invalid::new(format!("{pointer}/op"), detail));
            }
            None if value.get("incidents").is_some() => self.add(pointer, tennis::report(value)),
            None => self.add(pointer, scores::report(value)),
        }
    }

    fn acknowledgement(&mut self, pointer: &str, value: &Value) {
        if value.get("statusCode").and_then(Value::as_str) == Some("FAILURE") {
            let why = value.get("errorCode").and_then(Value::as_str).unwrap_or("no reason");
            self.refused
                .push(Invalid::new(format!("{pointer}/statusCode"), format!("betfair refused: {}", read::cut(why))));
        }
    }

    fn message(&mut self, pointer: &str, message: Message) {
        if message.status == Some(503) {
            let detail = "betfair says that what it sends may be old (503)";
            self.refused.push(Invalid::new(format!("{pointer}/status"), detail));
        }
        let pt = message.published.filter(|pt| *pt > 0);
        for (index, market) in message.markets.into_iter().enumerate() {
            let report = match read::typed(market) {
                Ok(Market { definition: None, .. }) => continue,
                Ok(Market { id, definition: Some(definition) }) => self::market(id.as_deref(), definition),
                Err(fault) => Err(fault),
            };
            let pointer = format!("{pointer}/mc/{index}");
            self.add(&pointer, report.map(|report| Report { event_at: pt, ..report }));
        }
        for (index, change) in message.cricket.into_iter().enumerate() {
            let report = cricket::report(change);
            let pointer = format!("{pointer}/cc/{index}");
            self.add(&pointer, report.map(|report| Report { event_at: pt, ..report }));
        }
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "pt", default, deserialize_with = "int")]
    published: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    status: Option<i64>,
    #[serde(rename = "mc", default, deserialize_with = "or_default")]
    markets: Vec<Value>,
    #[serde(rename = "cc", default, deserialize_with = "or_default")]
    cricket: Vec<Value>,
}

#[derive(Deserialize)]
struct Market {
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
    #[serde(rename = "marketDefinition")]
    definition: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    #[serde(default, deserialize_with = "text")]
    event_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    event_type_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    market_time: Option<String>,
    #[serde(default, deserialize_with = "text")]
    event_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    venue: Option<String>,
    #[serde(default, deserialize_with = "text")]
    status: Option<String>,
    in_play: Option<bool>,
    turn_in_play_enabled: Option<bool>,
}

/// What a market's definition says of its game.
fn market(id: Option<&str>, definition: Value) -> Result<Report, Invalid> {
    let below = |fault| read::below("/marketDefinition", fault);
    let definition: Definition = read::typed(definition).map_err(below)?;
    let kind = definition.event_type_id.as_deref();
    let races = matches!(kind, Some("7" | "4339"));
    let topic = topic(kind, if races { id } else { definition.event_id.as_deref() }).map_err(below)?;
    let status = match (definition.in_play, definition.status.as_deref()) {
        (_, Some("CLOSED")) => None, // settled: of some markets long before the game ends
        (Some(true), _) => Some(Status::Live),
        (Some(false), _) if definition.turn_in_play_enabled != Some(false) => Some(Status::Scheduled),
        (Some(false) | None, _) => None,
    };
    let game = Game {
        competition: Some(competition()),
        start: definition.market_time.as_deref().and_then(read::instant),
        status,
        info: read::scalars([
            ("event", definition.event_name.map(Value::from)),
            ("venue", definition.venue.map(Value::from)),
        ]),
        ..Game::default()
    };
    Ok(read::patch(topic, game))
}

fn competition() -> Competition {
    Competition { id: Some("betfair".to_owned()), ..Competition::default() }
}

/// The topic of an event of a sport by Betfair's number.
fn topic(kind: Option<&str>, id: Option<&str>) -> Result<Topic, Invalid> {
    let kind = kind.unwrap_or_default();
    let sport = SPORTS.iter().find(|(number, _)| *number == kind).map(|(_, sport)| *sport);
    let unread = || Invalid::new("/eventTypeId", format!("sport {:?} is not read", read::cut(kind)));
    let id = id.and_then(slug).ok_or_else(|| Invalid::new("/eventId", "an event without an id"))?;
    let topic = format!("{}/betfair/{id}", sport.ok_or_else(unread)?);
    topic.parse().map_err(|_| Invalid::new("/eventId", format!("no game {topic:?}")))
}
