//! Golden pairs of every adapter: `recordings/<name>.jsonl` in, `recordings/<name>.reports.jsonl` out. With
//! `UPDATE_GOLDEN=1` the second is written anew: read its diff, it is the review.
#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::path::PathBuf;

use feeds::provider::{Adapter, adapter, adapters, golden};
use feeds::revision::{Context, Correction, MAX_BYTES, revise};
use feeds::{Change, Document, Invalid, Report, document, game, json};
use proptest::prelude::*;
use serde_json::Value;

fn recording(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recordings").join(name)
}

fn payloads(adapter: &dyn Adapter) -> String {
    let path = recording(&format!("{}.jsonl", adapter.name()));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_adapter_decodes_as_its_golden_pair_says() {
    for adapter in adapters() {
        let (name, payloads) = (adapter.name(), payloads(*adapter));
        let pair = recording(&format!("{name}.reports.jsonl"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&pair, golden::decode_lines(*adapter, &payloads)).unwrap();
        }
        let expected = std::fs::read_to_string(&pair).unwrap();
        let differences = golden::differences(*adapter, &payloads, &expected);
        let told = differences.iter().map(|golden::Difference { line, expected, found }| {
            let [expected, found] = [expected, found].map(|text| text.as_deref().unwrap_or("nothing"));
            format!("\n{name}.jsonl, line {line}\n expected {expected}\n    found {found}")
        });
        assert!(differences.is_empty(), "{}", told.collect::<String>());
    }
}

/// What a golden payload decodes to.
fn reports(adapter: &dyn Adapter, trap: &str) -> Vec<Report> {
    let payloads = payloads(adapter);
    let line = payloads.lines().find(|line| line.contains(trap)).unwrap_or_else(|| panic!("no payload: {trap}"));
    adapter.decode(&golden::payload(line)).unwrap().reports
}

#[test]
fn golden_images_are_valid_games() {
    for adapter in adapters() {
        let payloads = payloads(*adapter);
        let decoded = payloads.lines().filter_map(|line| adapter.decode(&golden::payload(line)).ok());
        for report in decoded.flat_map(|decoded| decoded.reports) {
            validate(&report).unwrap_or_else(|fault| panic!("{}{fault}", report.game));
        }
    }
}

#[test]
fn a_byte_order_mark_says_nothing() {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    for adapter in adapters() {
        let payloads = payloads(*adapter);
        for payload in payloads.lines().map(golden::payload).filter(|payload| !payload.starts_with(MARK)) {
            let marked = [MARK, &payload].concat();
            let shown = String::from_utf8_lossy(&payload);
            assert_eq!(adapter.decode(&marked), adapter.decode(&payload), "{}: {shown}", adapter.name());
        }
    }
}

#[test]
fn incidents_do_not_depend_on_the_order_of_espns_list() {
    let espn = adapter("espn").unwrap();
    assert_eq!(reports(espn, "key events without ids"), reports(espn, "in another order"));
}

/// The incidents of a golden payload's first report.
fn incidents(adapter: &dyn Adapter, trap: &str) -> Document {
    let Change::Image(image) = reports(adapter, trap).remove(0).change else { panic!("an image") };
    image["incidents"].as_object().unwrap().clone()
}

#[test]
fn a_summary_names_its_incidents_as_the_scoreboard_does() {
    let espn = adapter("espn").unwrap();
    let [listed, summed] = ["key events without ids", "a summary: the event"].map(|trap| incidents(espn, trap));
    let others: Vec<&String> = listed.keys().filter(|id| !summed.contains_key(*id)).collect();
    assert_eq!(others, ["other-999-0", "penalty-102-22-71", "video-review-upheld-102-72"]);
    assert!(summed.iter().all(|(id, incident)| incident["order"] == listed[id]["order"]));
}

#[test]
fn a_kick_of_a_shoot_out_has_one_id_in_every_format() {
    let nhl = adapter("nhl").unwrap();
    let [landing, plays, day] = ["deciding goal is its kick", "in a play-by-play: the same", "in the scores of a day"]
        .map(|trap| {
            incidents(nhl, trap).into_iter().filter(|(id, _)| id.starts_with("shootout")).collect::<Document>()
        });
    assert_eq!(landing.len(), 4);
    assert_eq!(landing, plays);
    assert_eq!(day.keys().collect::<Vec<_>>(), ["shootout-3"]);
    let [schedule, feed] =
        ["the goal of a shoot-out is a kick", "a game's feed of statsapi: goals"].map(|trap| incidents(nhl, trap));
    assert!(schedule.iter().all(|(id, incident)| feed[id] == *incident));
}

#[test]
fn an_incident_that_vanishes_or_is_named_changes_no_other_id() {
    let espn = adapter("espn").unwrap();
    let [before, after] = ["key events without ids", "is named later"].map(|trap| {
        let Change::Image(image) = reports(espn, trap).remove(0).change else { panic!("an image") };
        image["incidents"].as_object().unwrap().clone()
    });
    let gone: Vec<&String> = before.keys().filter(|id| !after.contains_key(*id)).collect();
    assert_eq!(gone, ["card-yellow-102-21-25"]);
    assert!(after.keys().all(|id| before.contains_key(id)));
    let changed: Vec<_> = after.iter().filter(|(id, incident)| before[*id] != **incident).collect();
    assert_eq!(changed.len(), 1, "the scorer's goal alone");
    assert_eq!(changed[0].1["athlete"], "Céleste Iwu");
}

#[test]
fn what_espn_drops_in_silence_is_taken_back_aloud() {
    let espn = adapter("espn").unwrap();
    let [first, then] = ["key events without ids", "is named later"].map(|trap| reports(espn, trap).remove(0));
    let (Change::Image(last_image), topic) = (&first.change, &first.game) else { panic!("an image") };
    let context = Context { game: topic, held: None, last_image: None, leader: "espn", now: 1_000, event_at: None };
    let held = revise(&context, &first.change).unwrap().unwrap().document;
    let context = Context { held: Some(&held), last_image: Some(last_image), now: 2_000, ..context };
    let revision = revise(&context, &then.change).unwrap().unwrap();
    assert_eq!(revision.correction, Some(Correction::IncidentVoid));
    assert_eq!(revision.document["incidents"]["card-yellow-102-21-25"]["status"], "void");
    assert_eq!(revision.document["incidents"]["goal-101-60"]["athlete"], "Céleste Iwu");
    assert_eq!(revision.patch["incidents"].as_object().unwrap().len(), 2, "nothing else moves");
    // The same picture again is no news.
    let Change::Image(last_image) = &then.change else { panic!("an image") };
    let held = revision.document;
    let context = Context { held: Some(&held), last_image: Some(last_image), now: 3_000, ..context };
    assert_eq!(revise(&context, &then.change), Ok(None));
}

/// A golf field: more rows than any other sport has, within what a game may hold.
#[test]
fn a_field_of_156_is_one_game() {
    let espn = adapter("espn").unwrap();
    let payloads = payloads(espn);
    let line = payloads.lines().find(|line| line.contains("golf: score counts finished rounds")).unwrap();
    let mut payload: Value = serde_json::from_str(line).unwrap();
    let players = payload.pointer_mut("/events/0/competitions/0/competitors").unwrap().as_array_mut().unwrap();
    let one = players[0].clone();
    *players = (1..=156)
        .map(|n| {
            let mut player = one.clone();
            player["id"] = n.to_string().into();
            player["athlete"]["displayName"] = format!("Maximiliana Featherstonehaugh-Berg {n}").into();
            player
        })
        .collect();
    let decoded = espn.decode(payload.to_string().as_bytes()).unwrap();
    assert_eq!(decoded.refused, []);
    let Change::Image(image) = &decoded.reports[0].change else { panic!("an image") };
    assert_eq!(validate(&decoded.reports[0]), Ok(()));
    assert_eq!(image["competitors"].as_object().unwrap().len(), 156);
    assert!(serde_json::to_vec(image).unwrap().len() <= MAX_BYTES);
}

/// Whether an image is a game, and a patch makes one of nothing.
fn validate(report: &Report) -> Result<(), Invalid> {
    match &report.change {
        Change::Image(document) => game::validate(document, &report.game),
        Change::Patch(patch) => {
            let mut document = Document::new();
            document::apply(&mut document, patch);
            game::validate(&document, &report.game)
        }
    }
}

/// One change somewhere in a payload.
#[derive(Debug, Clone)]
struct Mutation {
    /// Which value, modulo how many there are.
    place: usize,
    /// What stands there now; `None` = taken out.
    value: Option<Value>,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let odd = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[0-9]{0,22}['+:/.]{0,2}[0-9]{0,22}'?".prop_map(Value::from),
        Just(Value::from("𝔊é".repeat(600))),
        Just(Value::Array(Vec::new())),
        Just(serde_json::json!({ "value": {} })),
        Just(serde_json::json!([[], null])),
    ];
    (any::<usize>(), proptest::option::weighted(0.85, odd)).prop_map(|(place, value)| Mutation { place, value })
}

/// Every value of a payload, as pointers.
fn places(value: &Value, at: &str, places: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (feeds::report::escape(key), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let pointer = format!("{at}/{key}");
        self::places(child, &pointer, places);
        places.push(pointer);
    }
}

fn mutate(payload: &mut Value, mutation: &Mutation) {
    let mut all = Vec::new();
    places(payload, "", &mut all);
    let Some(pointer) = all.get(mutation.place % all.len().max(1)) else { return };
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match (&mutation.value, payload.pointer_mut(parent).unwrap()) {
        (None, Value::Object(fields)) => drop(fields.remove(key)),
        (None, Value::Array(items)) => drop(items.remove(key.parse().unwrap())),
        (value, _) => *payload.pointer_mut(pointer).unwrap() = value.clone().unwrap_or_default(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a provider sends: never a panic, and what is decoded is a game of its topic.
    #[test]
    fn mutated_payloads_are_decoded_or_refused(
        line in any::<prop::sample::Index>(),
        which in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let adapter = adapters()[which.index(adapters().len())];
        let payloads = payloads(adapter);
        let parsed: Vec<Value> =
            payloads.lines().filter_map(|line| json::parse_lenient(&golden::payload(line)).ok()).collect();
        prop_assume!(!parsed.is_empty());
        let mut payload = parsed[line.index(parsed.len())].clone();
        for mutation in &mutations {
            mutate(&mut payload, mutation);
        }
        if let Ok(decoded) = adapter.decode(payload.to_string().as_bytes()) {
            for report in decoded.reports {
                prop_assert_eq!(validate(&report), Ok(()), "{}", report.game);
            }
        }
    }

    /// The same for bytes, of whatever format: pieces are taken out, doubled, moved and overwritten.
    #[test]
    fn mangled_payloads_are_decoded_or_refused(
        line in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, "[<>&;,\"{}\\[\\]0-9a-z\n\\-]{0,6}"), 1..8),
    ) {
        for adapter in adapters() {
            let payloads = payloads(*adapter);
            let lines: Vec<&str> = payloads.lines().collect();
            let mut bytes = golden::payload(lines[line.index(lines.len())]).into_owned();
            for (at, long, put) in &cuts {
                let at = at.index(bytes.len().max(1)).min(bytes.len());
                let taken: Vec<u8> = bytes.splice(at..bytes.len().min(at + long), put.bytes()).collect();
                if long % 3 == 0 {
                    bytes.extend(taken);
                }
            }
            for report in adapter.decode(&bytes).map(|decoded| decoded.reports).unwrap_or_default() {
                prop_assert_eq!(validate(&report), Ok(()), "{}: {}", adapter.name(), report.game);
            }
        }
    }

    #[test]
    fn cut_payloads_are_decoded_or_refused(line in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        for adapter in adapters() {
            let payloads = payloads(*adapter);
            let lines: Vec<&str> = payloads.lines().collect();
            let bytes = golden::payload(lines[line.index(lines.len())]);
            let _ = adapter.decode(&bytes[..at.index(bytes.len() + 1)]);
        }
    }
}
