//! A summary, `…/summary?event={id}`: the event stands under `header`, without a clock, a period and yellow cards; some of
//! what else a scoreboard says of it stands beside. Poll one kind of document a feed: each is an image.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::wire::League;
use crate::provider::read::{self, text};
use crate::report::Invalid;

/// What a scoreboard has within the competition, and where a summary has it.
const BESIDE: [(&str, &str); 3] = [("venue", "/gameInfo/venue"), ("format", "/format"), ("situation", "/situation")];

/// A summary's event as a scoreboard lists it, and its league; nothing where there is no event.
pub(super) fn open(mut summary: Map<String, Value>) -> Result<Option<(Vec<League>, Value)>, Invalid> {
    let Some(mut event) = summary.remove("header").filter(|header| header.get("competitions").is_some()) else {
        return Ok(None);
    };
    let summary = Value::Object(summary);
    if let Some(Value::Object(competition)) = event.pointer_mut("/competitions/0") {
        for (name, place) in BESIDE {
            // `situation` may be null, and what is no object would cost the game.
            if let Some(value @ Value::Object(_)) = summary.pointer(place).filter(|_| !competition.contains_key(name)) {
                competition.insert(name.to_owned(), value.clone());
            }
        }
        let details = competition.entry("details").or_insert(Value::Null);
        if details.is_null() {
            *details = Value::Array(Vec::new());
        }
        if let Value::Array(details) = details {
            details.extend(yellow_cards(&summary)?);
        }
    }
    // Its name is not worth the event.
    let league = event.get("league").cloned().and_then(|league| read::typed(league).ok());
    Ok(Some((league.into_iter().collect(), event)))
}

#[derive(Deserialize)]
struct KeyEvent {
    #[serde(rename = "type")]
    kind: Option<KeyType>,
}

#[derive(Deserialize)]
struct KeyType {
    #[serde(rename = "type", default, deserialize_with = "text")]
    name: Option<String>,
}

/// The yellow cards: the header lists goals and red cards only.
fn yellow_cards(summary: &Value) -> Result<Vec<Value>, Invalid> {
    let Some(events) = summary.get("keyEvents") else { return Ok(Vec::new()) };
    let kinds: Option<Vec<Option<KeyEvent>>> =
        read::typed(events.clone()).map_err(|fault| read::below("/keyEvents", fault))?;
    let is_yellow =
        |event: Option<KeyEvent>| event.and_then(|event| event.kind?.name).is_some_and(|name| name == "yellow-card");
    let events = events.as_array().into_iter().flatten();
    let yellow = events.zip(kinds.into_iter().flatten()).filter_map(|(event, kind)| is_yellow(kind).then_some(event));
    let yellow = yellow.cloned().map(|mut event| {
        if let Value::Object(event) = &mut event {
            event.insert("yellowCard".to_owned(), true.into());
        }
        event
    });
    Ok(yellow.collect())
}
