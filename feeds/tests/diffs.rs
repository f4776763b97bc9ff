//! MLB's diffs: the assembler joins them to the document that is held, or says that it cannot.
#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use feeds::Change;
use feeds::provider::{Assembler, adapter};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde_json::{Value, json};

fn assembler() -> Box<dyn Assembler> {
    adapter("mlb").unwrap().assembler().unwrap()
}

/// The first document of the golden payloads that holds this trap.
fn golden(trap: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recordings/mlb.jsonl");
    let payloads = std::fs::read_to_string(path).unwrap();
    payloads.lines().find(|line| line.contains(trap)).unwrap().to_owned()
}

fn diffs(operations: Value) -> Vec<u8> {
    json!([{ "diff": operations }]).to_string().into_bytes()
}

fn image(payload: &[u8]) -> Value {
    let decoded = adapter("mlb").unwrap().decode(payload).unwrap();
    match &decoded.reports[0].change {
        Change::Image(image) => Value::Object(image.clone()),
        Change::Patch(_) => panic!("adapters say images"),
    }
}

#[test]
fn a_diff_makes_the_document_of_its_moment() {
    let mut held = assembler();
    assert_eq!((held.resume(), held.pace()), (None, None), "ask for the whole");
    let first = held.take(golden("not batted").as_bytes()).unwrap().unwrap();
    assert_eq!(image(&first)["competitors"]["home"]["score"]["total"], 2);
    assert_eq!((held.resume().as_deref(), held.pace()), (Some("20261122_030250"), Some(Duration::from_secs(10))));

    let moved = diffs(json!([
        {"op": "replace", "path": "/metaData/timeStamp", "value": "20261122_030302"},
        {"op": "add", "path": "/metaData/logicalEvents/0", "value": "newPitcher"},
        {"op": "copy", "from": "/liveData/linescore/offense/second", "path": "/liveData/linescore/offense/third"},
        {"op": "move", "from": "/liveData/linescore/offense/second", "path": "/liveData/linescore/offense/first"},
        {"op": "add", "path": "/liveData/linescore/innings/1/home/runs", "value": 3},
        {"op": "replace", "path": "/liveData/linescore/teams/home/runs", "value": 5},
        {"op": "remove", "path": "/liveData/plays/allPlays/0"},
        {"op": "test", "path": "/gamePk", "value": 800_001}
    ]));
    let then = image(&held.take(&moved).unwrap().unwrap());
    assert_eq!(then["competitors"]["home"]["score"]["parts"], json!({"1": 1, "2": 3}));
    assert_eq!(then["situation"]["bases"], json!({"first": true, "second": false, "third": true}));
    assert!(then["incidents"].get("ab0").is_none() && then["incidents"].get("ab3").is_some(), "named by at-bat");
    assert_eq!(held.resume().as_deref(), Some("20261122_030302"));
    assert_eq!(held.take(b"[]"), Ok(None), "nothing new");
    assert_eq!(held.resume().as_deref(), Some("20261122_030302"), "and all is still held");
}

#[test]
fn several_diffs_apply_in_their_order() {
    let mut held = assembler();
    held.take(golden("not batted").as_bytes()).unwrap();
    let runs = |n: i64| json!({"diff": [{"op": "replace", "path": "/liveData/linescore/teams/away/runs", "value": n}]});
    let payload = held.take(json!([runs(2), runs(4)]).to_string().as_bytes()).unwrap().unwrap();
    assert_eq!(image(&payload)["competitors"]["away"]["score"]["total"], 4);
}

#[test]
fn what_does_not_fit_is_forgotten_and_the_whole_is_asked_for() {
    let not_there = diffs(json!([{"op": "replace", "path": "/liveData/nothing/here", "value": 1}]));
    let other = diffs(json!([{"op": "test", "path": "/gamePk", "value": 1}]));
    let strange = diffs(json!([{"op": "swap", "path": "/gamePk"}]));
    for message in [&not_there[..], &other, &strange, b"{}", b"{\"gamePk\"", b"7"] {
        let mut held = assembler();
        held.take(golden("not batted").as_bytes()).unwrap();
        let fault = held.take(message).unwrap_err();
        assert!(fault.to_string().ends_with("; the whole document is needed"), "{fault}");
        assert_eq!(held.resume(), None, "{fault}");
        assert!(held.take(&diffs(json!([]))).is_err(), "a diff on nothing: {fault}");
        // The server may answer a diff with the whole.
        assert!(held.take(golden("not batted").as_bytes()).unwrap().is_some());
        assert!(held.resume().is_some());
    }
    let mut held = assembler();
    held.take(golden("not batted").as_bytes()).unwrap();
    assert_eq!(held.take(&not_there).unwrap_err().detail.split(": ").next(), Some("/0/diff/0"), "says where");
}

#[test]
fn a_schedule_has_no_diffs_and_goes_through_as_it_is() {
    let mut assembler = assembler();
    for _ in 0..2 {
        let payload = assembler.take(golden("double-header").as_bytes()).unwrap().unwrap();
        assert_eq!(payload, golden("double-header").as_bytes());
        assert_eq!(assembler.resume(), None);
    }
}

#[test]
fn a_diff_that_doubles_the_document_without_end_is_refused() {
    let mut held = assembler();
    held.take(golden("not batted").as_bytes()).unwrap();
    let doubling: Vec<Value> =
        (0..64).map(|n| json!({"op": "copy", "from": "/gameData", "path": format!("/gameData/{n}")})).collect();
    let fault = held.take(&diffs(json!(doubling))).unwrap_err();
    assert!(fault.detail.ends_with("copies too much"), "{fault}");
}

#[test]
fn the_real_diff_fits_its_real_document() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/feed-samples/mlb-statsapi");
    if !folder.is_dir() {
        return println!("skipped: no captures at {}", folder.display());
    }
    let mut base = Vec::new();
    let packed = std::fs::File::open(folder.join("gumbo_746139_20240612_041248.json.gz")).unwrap();
    GzDecoder::new(packed).read_to_end(&mut base).unwrap();
    let mut held = assembler();
    let first = image(&held.take(&base).unwrap().unwrap());
    let diff = std::fs::read(folder.join("diffpatch_746139_20240612_041302.json")).unwrap();
    let then = image(&held.take(&diff).unwrap().unwrap());
    assert_eq!(held.resume().as_deref(), Some("20240612_041302"));
    assert_eq!(first["competitors"], then["competitors"], "a ball changes no score");
    assert_ne!(first["situation"], then["situation"]);
    println!("{} → {}", first["situation"], then["situation"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes as a diff: a document or a fault, never a panic.
    #[test]
    fn any_operations_apply_or_are_refused(
        operations in prop::collection::vec(
            (
                prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]),
                prop::sample::select(vec!["", "/", "/gameData", "/liveData/plays/allPlays/-", "/liveData/plays/allPlays/0",
                    "/metaData/timeStamp", "/metaData/wait", "/liveData/linescore/innings/7", "/~2", "x"]),
                prop::sample::select(vec!["", "/gameData/teams", "/liveData", "/gamePk", "/no/where"]),
            ),
            0..8,
        ),
    ) {
        let mut held = assembler();
        held.take(golden("not batted").as_bytes()).unwrap();
        let operations: Vec<Value> = operations.into_iter()
            .map(|(op, path, from)| json!({"op": op, "path": path, "from": from, "value": {"a": [1]}}))
            .collect();
        if let Ok(Some(payload)) = held.take(&diffs(json!(operations))) {
            let _ = adapter("mlb").unwrap().decode(&payload);
        }
        let _ = (held.resume(), held.pace());
    }
}
