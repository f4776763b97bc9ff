//! Sportradar's push stream through its assembler.

use feeds::Change;
use feeds::provider::{Assembler, adapter};
use serde_json::{Value, json};

use super::{captures, decode};

fn stream() -> Box<dyn Assembler> {
    adapter("sportradar").unwrap().assembler().expect("one event a message")
}

#[test]
fn a_capture_is_told_once_and_deleted_events_stay_away() {
    let Some(folder) = captures("sportradar") else { return };
    let capture = std::fs::read_to_string(folder.join("nba_v7_push_events_2022-10-02.ndjson")).unwrap();
    let mut stream = stream();
    let (mut messages, mut news, mut patches) = (0, 0, Vec::new());
    for line in capture.lines() {
        messages += 1;
        let Some(payload) = stream.take(line.as_bytes()).unwrap() else { continue };
        news += 1;
        let decoded = decode("sportradar", &payload);
        assert_eq!((decoded.reports.len(), decoded.refused.len()), (1, 0));
        super::validate(&decoded.reports[0]);
        patches.extend(decoded.reports);
    }
    println!("sportradar: {messages} messages, {news} with news");
    assert_eq!(messages, 112);
    assert!(news < 84, "28 heartbeats, and repeats");
    assert!(patches.is_sorted_by_key(|report| report.event_at), "so none is refused as outdated");
    let Change::Patch(last) = &patches.last().unwrap().change else { panic!("patches") };
    assert_eq!(last["status"], "live");
    // The whole of it in one piece, as it came: nothing between the messages.
    let glued: String = capture.lines().collect();
    let decoded = decode("sportradar", glued.as_bytes());
    assert_eq!((decoded.reports.len(), decoded.refused.len()), (84, 0));
}

fn message(id: &str, operation: &str, at: &str, text: &str) -> Value {
    let stamp = if operation == "delete" { "deleted" } else { "updated" };
    json!({"payload": {
        "game": {"id": "g", "status": "inprogress", "home": {"name": "A", "points": 2}, "away": {"name": "B", "points": 0}},
        "event": {"id": id, "event_type": "review", "description": text, stamp: format!("2026-11-22T01:00:{at}Z")}},
        "metadata": {"league": "NBA", "operation": operation}})
}

#[test]
fn repeats_late_revisions_and_the_dead_go_no_further() {
    let mut stream = stream();
    let mut news = |message: Value| stream.take(message.to_string().as_bytes()).unwrap().is_some();
    assert!(!news(json!({"heartbeat": {"interval": 5000}})));
    assert!(news(message("e", "create", "10", "Review")));
    assert!(!news(message("e", "create", "10", "Review")), "the same again");
    assert!(news(message("e", "update", "12", "Review of a foul")));
    assert!(!news(message("e", "update", "11", "Review")), "an older revision");
    assert!(news(message("e", "delete", "13", "")));
    assert!(
        !news(message("e", "update", "13", "Review of a foul")),
        "nor does the word of that same second bring it back"
    );
    assert!(!news(message("e", "update", "12", "Review of a foul")), "what is deleted stays so");
    assert!(news(message("e", "update", "14", "Review after all")), "until it is newer");
    assert!(news(message("f", "create", "02", "Review")), "another event, however old");
}

#[test]
fn messages_are_split_where_they_were_glued() {
    let mut stream = stream();
    let heartbeat = json!({"heartbeat": {"interval": 5000}});
    let glued =
        format!("{}{heartbeat}{}\r\n", message("e", "create", "10", "One"), message("f", "create", "11", "Two"));
    let payload = stream.take(glued.as_bytes()).unwrap().unwrap();
    assert_eq!(decode("sportradar", &payload).reports.len(), 2);
    assert!(stream.take(b"{\"payload\":").unwrap_err().detail.contains("no JSON"));
    assert!(
        stream.take(message("e", "create", "10", "One").to_string().as_bytes()).unwrap().is_some(),
        "all forgotten"
    );
}
