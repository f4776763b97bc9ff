//! A summary, `…/summary?event={id}`: the event stands under `header`, without a clock, a period and yellow cards; some of
//! what else a scoreboard says of it stands beside. Poll one kind of document a feed: each is an image.

use serde_json::{Map, Value};

use super::wire::League;
use crate::provider::read;

/// What a scoreboard has within the competition, and where a summary has it.
const BESIDE: [(&str, &str); 3] = [("venue", "/gameInfo/venue"), ("format", "/format"), ("situation", "/situation")];

/// A summary's event as a scoreboard lists it, and its league; nothing where there is no event.
pub(super) fn open(mut summary: Map<String, Value>) -> Option<(Vec<League>, Value)> {
    let mut event = summary.remove("header").filter(|header| header.get("competitions").is_some())?;
    let summary = Value::Object(summary);
    if let Some(Value::Object(competition)) = event.pointer_mut("/competitions/0") {
        for (name, place) in BESIDE {
            // `situation` may be null, and what is no object would cost the game.
            if let Some(value @ Value::Object(_)) = summary.pointer(place).filter(|_| !competition.contains_key(name)) {
                competition.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(Value::Array(details)) = competition.get_mut("details") {
            details.extend(yellow_cards(&summary));
        }
    }
    // Its name is not worth the event.
    let league = event.get("league").cloned().and_then(|league| read::typed(league).ok());
    Some((league.into_iter().collect(), event))
}

/// The yellow cards: the header lists goals and red cards only.
fn yellow_cards(summary: &Value) -> impl Iterator<Item = Value> + '_ {
    let events = summary.get("keyEvents").and_then(Value::as_array).into_iter().flatten();
    let yellow = events.filter(|event| event.pointer("/type/type").and_then(Value::as_str) == Some("yellow-card"));
    yellow.cloned().map(|mut event| {
        if let Value::Object(event) = &mut event {
            event.insert("yellowCard".to_owned(), true.into());
        }
        event
    })
}
