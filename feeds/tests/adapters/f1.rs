//! Formula 1: the archive's files through the assembler, as a connection would bring them.

use std::path::Path;

use feeds::provider::{Assembler, adapter, f1};
use feeds::{Change, game};
use serde_json::{Value, json};

use super::{captures, decode, gunzip};

fn assembler() -> Box<dyn Assembler> {
    adapter("f1").unwrap().assembler().expect("F1 sends parts")
}

/// Every message of a session's topics, in the order of their times.
fn session(folder: &Path, topics: &[(&str, &str)]) -> Vec<f1::Line> {
    let mut lines = Vec::new();
    for (topic, file) in topics {
        let path = folder.join(file);
        let bytes = if file.ends_with(".gz") { gunzip(&path) } else { std::fs::read(&path).unwrap() };
        lines.extend(f1::archive(topic, &bytes).map(|line| line.unwrap_or_else(|fault| panic!("{file}{fault}"))));
    }
    lines.sort_by_key(|line| line.at);
    lines
}

fn take(assembler: &mut dyn Assembler, message: &Value) -> Option<Vec<u8>> {
    assembler.take(message.to_string().as_bytes()).unwrap_or_else(|resync| panic!("{message}: {resync}"))
}

/// The one image of a payload.
fn image(payload: &[u8]) -> Value {
    let decoded = decode("f1", payload);
    assert_eq!(decoded.refused, []);
    let Change::Image(image) = &decoded.reports[0].change else { panic!("an image") };
    game::validate(image, &decoded.reports[0].game).unwrap();
    Value::Object(image.clone())
}

#[test]
fn a_practice_is_assembled_message_by_message() {
    let Some(folder) = captures("f1-livetiming/2020_05_FP2") else { return };
    let topics = [
        ("SessionInfo", "session_info.raw"),
        ("SessionStatus", "session_status.raw"),
        ("TrackStatus", "track_status.raw"),
        ("RaceControlMessages", "race_control_messages.raw"),
        ("WeatherData", "weather_data.raw"),
        ("TimingData", "timing_data.raw.gz"),
    ];
    let lines = session(&folder, &topics);
    let mut assembler = assembler();
    let (mut last, mut payloads, mut statuses) = (Vec::new(), 0, Vec::new());
    for line in &lines {
        let Some(payload) = assembler.take(&line.message).unwrap() else { continue };
        statuses.push(image(&payload)["status"].as_str().unwrap().to_owned());
        (payloads, last) = (payloads + 1, payload);
    }
    println!("f1: {} messages, {payloads} with news", lines.len());
    statuses.dedup();
    assert_eq!(statuses, ["unknown", "scheduled", "live", "interrupted", "final"]);
    let game = image(&last);
    assert_eq!(game["start"], "2020-08-07T14:00:00Z", "15:00 local, one hour ahead");
    assert_eq!(game["competitors"].as_object().unwrap().len(), 20);
    assert_eq!(game["situation"]["track"], "Red");
    let incidents = game["incidents"].as_object().unwrap();
    assert!(incidents.values().any(|incident| incident["type"] == "lap_deleted"));
    assert_eq!(incidents["rcm-0"]["detail"], "green", "the list's first item came in an array, the others by index");
}

#[test]
fn a_race_in_full_and_its_laps() {
    let Some(folder) = captures("f1-livetiming") else { return };
    let reply = std::fs::read(folder.join("2024-03_saudi_subscription.json")).unwrap();
    let game = image(&reply);
    assert_eq!(game["status"], "live", "the session's data lists what the status topic would say");
    assert_eq!(game["period"], json!({"number": 6, "kind": "lap", "of": 50}));
    assert_eq!(game["clock"], json!({"mode": "down", "running": true, "ms": 6_708_000, "at": 1_710_004_329_924_i64}));
    let ahead = &game["competitors"]["1"];
    assert_eq!((&ahead["score"]["rank"], ahead["score"].get("gap")), (&json!(1), None));
    assert_eq!(game["competitors"]["11"]["score"]["gap"], "+2.487");
    assert_eq!(game["competitors"]["11"]["team"], "red-bull-racing");

    // A race that is shortened at its start: 57 laps, then 56.
    let mut assembler = assembler();
    let info = json!(["SessionInfo", {"Key": 1, "Type": "Race"}]);
    take(&mut *assembler, &info);
    let laps: Vec<Value> = session(&folder, &[("LapCount", "2021_01_R/lap_count.raw")])
        .iter()
        .map(|line| image(&assembler.take(&line.message).unwrap().unwrap())["period"].clone())
        .collect();
    assert_eq!((&laps[0]["of"], &laps[1]["of"]), (&json!(57), &json!(56)));
    assert_eq!(laps.last(), Some(&json!({"number": 56, "kind": "lap", "of": 56})));
}

#[test]
fn arrays_are_patched_by_index_and_whole() {
    let mut assembler = assembler();
    let assembler = &mut *assembler;
    let message = |text: &str| json!({"Category": "Flag", "Scope": "Track", "Flag": text, "Message": text});
    let incidents = |payload: Option<Vec<u8>>| image(&payload.unwrap())["incidents"].clone();
    let whole =
        json!({"R": {"SessionInfo": {"Key": 7}, "RaceControlMessages": {"Messages": [message("GREEN")]}}, "I": "1"});
    assert_eq!(incidents(take(assembler, &whole)).as_object().unwrap().len(), 1);
    assert_eq!(take(assembler, &whole), None, "no news");
    let call = |content: Value| json!({"C": "d-1", "M": [{"H": "Streaming", "M": "feed", "A": content}]});
    let second = call(json!(["RaceControlMessages", {"Messages": {"1": message("RED")}}, "2026-11-22T15:00:00Z"]));
    assert_eq!(incidents(take(assembler, &second))["rcm-1"]["detail"], "red");
    let edited = json!({"type": 1, "target": "feed", "arguments": ["RaceControlMessages", {"Messages": {"0": {"Flag": "CLEAR"}}}, ""]});
    let after = incidents(take(assembler, &edited));
    assert_eq!((&after["rcm-0"]["detail"], &after["rcm-0"]["text"]), (&json!("clear"), &json!("GREEN")));
    let frame = format!(
        "{{\"type\":6}}\u{1e}{}\u{1e}",
        call(json!(["RaceControlMessages", {"Messages": [message("X")], "_kf": true}, ""]))
    );
    let after = image(&assembler.take(frame.as_bytes()).unwrap().unwrap())["incidents"].clone();
    assert_eq!(after.as_object().unwrap().len(), 1, "a key frame replaces the topic");
    let cars = |cars: Value| call(json!(["TimingData", {"Lines": cars}, ""]));
    take(assembler, &cars(json!({"4": {"Position": "1"}, "5": {"Position": "2"}})));
    let frame = cars(json!({"5": {"Position": "1"}, "_kf": true}));
    let left = image(&take(assembler, &frame).unwrap())["competitors"].clone();
    assert_eq!(left.as_object().unwrap().len(), 1, "and what it holds no longer is gone");
    assert_eq!(take(assembler, &json!({})), None, "a keep-alive");
    assert_eq!(take(assembler, &call(json!(["CarData.z", "fZ…", ""]))), None, "a topic that is not read");
}

#[test]
fn a_list_first_seen_by_index_is_one_too() {
    let mut assembler = assembler();
    let flag = json!({"Category": "SafetyCar", "Status": "DEPLOYED", "Message": "SAFETY CAR DEPLOYED", "Lap": 4});
    take(&mut *assembler, &json!(["SessionInfo", {"Key": 7}]));
    let payload = take(&mut *assembler, &json!(["RaceControlMessages", {"Messages": {"12": flag}}]));
    let incidents = image(&payload.unwrap())["incidents"].clone();
    assert_eq!((&incidents["rcm-12"]["type"], &incidents["rcm-12"]["period"]), (&json!("safety_car"), &json!(4)));
    take(&mut *assembler, &json!(["TimingData", {"Lines": {"4": {"Position": "1"}, "5": {"Position": "2"}}}]));
    let payload = take(&mut *assembler, &json!(["TimingData", {"Lines": {"_deleted": ["5"]}}]));
    assert_eq!(image(&payload.unwrap())["competitors"].as_object().unwrap().len(), 1);
}

#[test]
fn a_message_that_does_not_fit_is_refused_with_its_place() {
    let mut assembler = assembler();
    for (message, place) in [
        ("no JSON", ": no JSON"),
        ("5", ": a message is"),
        (r#"[7,{}]"#, "/0: "),
        (r#"["TimingData",5]"#, "/1: "),
        (r#"{"M":[{"A":["RaceControlMessages",{"Messages":{"99999999":{}}}]}]}"#, "/M/0/A/1/Messages/99999999: "),
        (r#"["RaceControlMessages",{"Messages":{"x":{}}}]"#, "/1/Messages/x: "),
    ] {
        take(&mut *assembler, &json!({"RaceControlMessages": {"Messages": []}}));
        let detail = assembler.take(message.as_bytes()).unwrap_err().detail;
        assert!(detail.starts_with(place), "{message}: {detail}");
        let payload = take(&mut *assembler, &json!({"LapCount": {"CurrentLap": 1}}));
        assert_eq!(payload.unwrap(), br#"{"LapCount":{"CurrentLap":1}}"#, "nothing is held any more");
    }
    let long = json!(["SessionInfo", {"Key": "x".repeat(2 << 20)}]);
    assert!(assembler.take(long.to_string().as_bytes()).unwrap_err().detail.contains("more than"));
}

#[test]
fn copies_of_the_archive_are_read_as_they_are_found() {
    let file = "\u{feff}00:00:01.500{\"CurrentLap\": 1}\r\n\r\n00:00:02.000,\"{\"\"CurrentLap\"\": 2}\"\n\
                00:00:03.000{\"CurrentLap\": 3}}\n00:00:04.000{{\"CurrentLap\": 4}\n\
                00:00:05.000{{\"CurrentLap\": 5}}\nlap 6\n00:00:06.000{\"CurrentLap\"";
    let lines: Vec<_> = f1::archive("LapCount", file.as_bytes()).collect();
    let read: Vec<(i64, Value)> =
        lines.iter().flatten().map(|line| (line.at, serde_json::from_slice(&line.message).unwrap())).collect();
    let lap = |at: i64, lap: u8| (at, json!(["LapCount", {"CurrentLap": lap}]));
    assert_eq!(read, [lap(1_500, 1), lap(2_000, 2), lap(3_000, 3), lap(4_000, 4), lap(5_000, 5)]);
    let faults: Vec<&str> = lines.iter().filter_map(|line| Some(line.as_ref().err()?.pointer.as_str())).collect();
    assert_eq!(faults, ["/6", "/7"]);
}

#[test]
fn a_packed_topic_of_the_archive_is_a_json_string() {
    let mut lines = f1::archive("CarData.z", b"00:00:01.000\"7ZTBCsIw\"\r\n00:00:02.000\"7Z\"T\"");
    let line = lines.next().unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&line.message).unwrap(), json!(["CarData.z", "7ZTBCsIw"]));
    assert_eq!(assembler().take(&line.message), Ok(None), "a topic that is not read");
    assert_eq!(lines.next().unwrap().unwrap_err().pointer, "/1");
}

/// As a session of 2025 tells it: between the parts `Finished`, the next part's number, `Inactive`, `Started`.
#[test]
fn a_qualifying_ends_after_its_third_part() {
    let mut assembler = assembler();
    let series = |index: &str, minute: u8, what: &str, word: Value| {
        let list = if what == "QualifyingPart" { "Series" } else { "StatusSeries" };
        json!(["SessionData", {list: {index: {"Utc": format!("2026-11-21T14:{minute:02}:00.1Z"), what: word}}}])
    };
    let status = |word: &str| json!(["SessionStatus", {"Status": word}]);
    take(
        &mut *assembler,
        &json!({"SessionInfo": {"Key": 5, "Type": "Qualifying"}, "SessionData": {"Series": [], "StatusSeries": []}}),
    );
    let mut told = Vec::new();
    let mut say = |message: Value| {
        let Some(payload) = take(&mut *assembler, &message) else { return };
        told.push(image(&payload)["status"].as_str().unwrap().to_owned());
    };
    say(status("Inactive"));
    say(series("0", 0, "QualifyingPart", json!(1)));
    for part in 1..=3_u8 {
        let at = part * 18 - 17;
        say(status("Started"));
        say(series(&format!("{}", part * 3), at, "SessionStatus", json!("Started")));
        say(status("Finished"));
        say(series(&format!("{}", part * 3 + 1), at + 10, "SessionStatus", json!("Finished")));
        if part < 3 {
            say(series(&part.to_string(), at + 14, "QualifyingPart", json!(part + 1)));
            say(status("Inactive"));
            say(series(&format!("{}", part * 3 + 2), at + 15, "SessionStatus", json!("Inactive")));
        }
    }
    say(status("Finalised"));
    told.dedup();
    assert_eq!(told, ["scheduled", "live", "break", "live", "break", "live", "ended", "final"]);
}
