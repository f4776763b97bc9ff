//! A value that cannot be read may cost itself or its game; it never reads as something taken back. In the payloads of the golden pairs each value
//! in turn becomes one that nobody expects; a game that is still told has the incidents that it had, by the same ids.
#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use feeds::provider::{Adapter, adapters, golden};
use feeds::{Change, Topic};
use serde_json::{Value, json};

/// Race control's messages come once and stay: one that cannot be read was never told, so nothing is taken back; and to
/// refuse the session for it would be for the rest of the race.
const PUSHED: (&str, &str) = ("f1", "/RaceControlMessages/Messages");

/// So many values of a payload are tried, evenly spread.
const TRIED: usize = 400;

/// The ids of what happened, by game.
fn incidents(adapter: &dyn Adapter, payload: &Value) -> BTreeMap<Topic, BTreeSet<String>> {
    let decoded = adapter.decode(&serde_json::to_vec(payload).unwrap());
    let told = decoded.into_iter().flat_map(|decoded| decoded.reports).filter_map(|report| match report.change {
        Change::Image(image) => Some((report.game, image)),
        Change::Patch(_) => None,
    });
    told.map(|(game, image)| {
        let ids = image.get("incidents").and_then(|incidents| Some(incidents.as_object()?.keys().cloned().collect()));
        (game, ids.unwrap_or_default())
    })
    .collect()
}

fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| {
                pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found)
            });
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| pointers(item, &format!("{at}/{i}"), found))
        }
        Value::Null => return,
        _ => {}
    }
    found.push(at.to_owned());
}

/// Where a broken value changed which incidents a game has, though the game was told.
fn taken_back(adapter: &dyn Adapter, payload: &Value) -> Vec<String> {
    let before = incidents(adapter, payload);
    let mut all = Vec::new();
    pointers(payload, "", &mut all);
    let step = all.len().div_ceil(TRIED).max(1);
    let changed = all.iter().step_by(step).filter(|pointer| {
        let with = |value: Value| {
            let mut broken = payload.clone();
            *broken.pointer_mut(pointer).unwrap() = value;
            incidents(adapter, &broken).iter().any(|(game, ids)| before.get(game).is_some_and(|had| had != ids))
        };
        match payload.pointer(pointer) {
            Some(Value::Array(_)) => with(json!(7)),
            Some(Value::Object(_)) => with(json!([[7]])),
            _ => with(json!([[7]])) || with(json!({"x": [7]})),
        }
    });
    changed.cloned().collect()
}

#[test]
fn a_broken_value_takes_nothing_back() {
    let mut faults = Vec::new();
    for adapter in adapters() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("recordings/{}.jsonl", adapter.name()));
        for (line, text) in (1..).zip(std::fs::read_to_string(path).unwrap().lines()) {
            let Ok(payload) = serde_json::from_slice(&golden::payload(text)) else { continue };
            let found = taken_back(*adapter, &payload).into_iter();
            let found = found.filter(|at| !(adapter.name() == PUSHED.0 && at.starts_with(PUSHED.1)));
            faults.extend(found.map(|at| format!("{} {line} {at}", adapter.name())));
        }
    }
    assert!(faults.is_empty(), "{} values:\n{}", faults.len(), faults.join("\n"));
}
