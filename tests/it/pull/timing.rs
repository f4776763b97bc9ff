//! Formula 1's live timing over its WebSocket, from a mock that says so (`hub`) to what subscribers read.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scoreline::broker::embedded::EmbeddedBroker;
use scoreline::broker::{Bounds, Broker, Event};
use scoreline::wire::FeedStatus;
use serde_json::{Value, json};

use super::hub::{Hub, Then, part, whole};
use crate::support::{Client, Service, soon};

fn feed(hub: &Hub) -> String {
    format!(
        "[feeds.timing]\nadapter = \"f1\"\nurl = \"{}\"\ninterval = \"200ms\"\ntimeout = \"1s\"\n\
         allow_http = true\nallow_private = true\nheaders = {{ X-Who = \"{{secret}}\" }}\nsecret_env = \"PATH\"",
        hub.url()
    )
}

/// A race of two cars, in lap `lap`, with its first message of race control.
fn race(lap: u32) -> Value {
    let line = |position: &str, laps: u32| json!({"Position": position, "NumberOfLaps": laps, "Retired": false});
    json!({
        "SessionInfo": {"Key": 9, "Type": "Race", "Name": "Race", "Meeting": {"Name": "Harbour Grand Prix"}},
        "SessionStatus": {"Status": "Started"},
        "LapCount": {"CurrentLap": lap, "TotalLaps": 50},
        "DriverList": {"4": {"FullName": "Ada QUAY", "Tla": "QUA"}, "7": {"FullName": "Bo PIER", "Tla": "PIE"}},
        "TimingData": {"Lines": {"4": line("1", lap), "7": line("2", lap)}},
        "RaceControlMessages": {"Messages": [{"Category": "Flag", "Scope": "Track", "Flag": "GREEN", "Message": "GREEN"}]}
    })
}

async fn until(client: &mut Client, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let waiting = async {
        loop {
            let answer = client.get("/v1/games/racing/f1/9").await;
            if answer.status == 200 {
                last = answer.json()["state"].clone();
                if holds(&last) {
                    return last.clone();
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(50), waiting).await {
        Ok(state) => state,
        Err(_) => panic!("{what} never came; the last was {last:#}"),
    }
}

#[tokio::test]
async fn what_is_pushed_is_assembled_and_told() {
    let overtaken = json!({"Lines": {"4": {"Position": "2"}, "7": {"Position": "1"}}});
    let red = json!({"Messages": {"1": {"Category": "Flag", "Scope": "Track", "Flag": "RED", "Message": "RED"}}});
    let script = vec![
        whole(race(6)),
        part("TimingData", overtaken),
        part("CarData.z", json!("not read")),
        part("RaceControlMessages", red),
        part("SessionStatus", json!({"Status": "Aborted"})),
    ];
    let hub = Hub::start(vec![(script, Then::Stay)]);
    let service = Service::start(&feed(&hub)).await;
    let mut client = service.client().await;
    let state = until(&mut client, "the abort", |state| state["status"] == "interrupted").await;
    assert_eq!(state["competitors"]["7"]["score"]["rank"], 1);
    assert_eq!(state["competitors"]["4"]["score"]["rank"], 2);
    assert_eq!(state["incidents"]["rcm-1"]["detail"], "red", "a list that came whole is patched by index");
    assert_eq!((&state["feed"], &state["period"]["number"]), (&json!("timing"), &json!(6)));
    // Three says: the handshake, one subscription, and then now and then that somebody is there.
    let heard = &hub.until(|guests| guests[0].heard.len() >= 4).await[0].heard;
    assert_eq!(heard[0], "{\"protocol\":\"json\",\"version\":1}\u{1e}");
    let subscribed: Value = serde_json::from_str(heard[1].trim_end_matches('\u{1e}')).unwrap();
    assert_eq!((&subscribed["target"], &subscribed["type"]), (&json!("Subscribe"), &json!(1)));
    assert!(subscribed["arguments"][0].as_array().unwrap().contains(&json!("TimingData")), "{subscribed}");
    assert_eq!(heard[2..4], ["{\"type\":6}\u{1e}", "{\"type\":6}\u{1e}"]);
    assert_eq!(hub.guests().len(), 1, "a hub that answers pings is not left, however little it says");
    service.counts("scoreline_reports_total{outcome=\"applied\",provider=\"timing\"}", 4.0).await;
}

#[tokio::test]
async fn whatever_breaks_it_is_subscribed_anew_and_nothing_is_told_twice() {
    let out_of_place = part("RaceControlMessages", json!({"Messages": {"x": {}}}));
    let lap = |lap: u32| part("LapCount", json!({"CurrentLap": lap}));
    let refused = json!({"type": 3, "invocationId": "0", "error": "not now"});
    let hub = Hub::start(vec![
        (vec![whole(race(1)), lap(2)], Then::Break),
        (vec![whole(race(3)), out_of_place, lap(9)], Then::Stay),
        (vec![refused], Then::Stay),
        (vec![whole(race(3)), lap(4)], Then::Close),
        (vec![whole(race(5))], Then::Stay),
    ]);
    let service = Service::start(&feed(&hub)).await;
    let mut client = service.client().await;
    let mut log = service.log();
    until(&mut client, "the fifth lap", |state| state["period"]["number"] == 5).await;
    let (mut laps, mut statuses) = (Vec::new(), Vec::new());
    while laps.last() != Some(&5) {
        match &log.next().await.event {
            Event::Update(update) => laps.extend(update.patch["period"]["number"].as_i64()),
            Event::Feed { status, .. } => statuses.push(*status),
            _ => {}
        }
    }
    assert_eq!(laps, [1, 2, 3, 4, 5], "each once, none lost; lap 9 came after what cannot be read");
    assert_eq!(statuses[0], FeedStatus::Live);
    assert!(statuses.contains(&FeedStatus::Down), "{statuses:?}");
    let guests = hub.guests();
    assert_eq!(guests.len(), 5);
    let waits: Vec<Duration> = guests.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    for (wait, least) in waits.iter().zip([1, 2, 4, 8]) {
        assert!(*wait >= Duration::from_secs(least), "connections that do not last are waited for longer: {waits:?}");
    }
}

#[tokio::test]
async fn a_hub_that_does_not_even_answer_pings_is_left() {
    let hub = Hub::start(vec![(vec![whole(race(1))], Then::Sleep), (vec![whole(race(2))], Then::Stay)]);
    let service = Service::start(&feed(&hub)).await;
    until(&mut service.client().await, "the second lap", |state| state["period"]["number"] == 2).await;
    assert_eq!(hub.guests().len(), 2);
}

#[tokio::test]
async fn of_two_processes_one_listens_and_the_other_takes_over() {
    let hub = Hub::start(vec![(vec![whole(race(1))], Then::Stay), (vec![whole(race(2))], Then::Stay)]);
    let log: Arc<dyn Broker> = Arc::new(EmbeddedBroker::memory(Bounds::default()).unwrap());
    let first = Service::start_on(&feed(&hub), Arc::clone(&log)).await;
    until(&mut first.client().await, "the first lap", |state| state["period"]["number"] == 1).await;
    let second = Service::start_on(&feed(&hub), log).await;
    // Long enough for the second to ask for the lease several times.
    hub.until(|guests| guests[0].heard.len() >= 6).await;
    assert_eq!(hub.guests().len(), 1);
    first.stop().await;
    until(&mut second.client().await, "the second lap", |state| state["period"]["number"] == 2).await;
}

/// The capture of a practice session as fast as it goes; skipped where there is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_practice_goes_through_as_it_was() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/feed-samples/f1-livetiming/2020_05_FP2");
    if !folder.is_dir() {
        return println!("skipped: no captures at {}", folder.display());
    }
    let mut lines = Vec::new();
    for (topic, file) in [
        ("SessionInfo", "session_info.raw"),
        ("SessionStatus", "session_status.raw"),
        ("TrackStatus", "track_status.raw"),
        ("RaceControlMessages", "race_control_messages.raw"),
        ("WeatherData", "weather_data.raw"),
        ("TimingData", "timing_data.raw.gz"),
    ] {
        let mut bytes = std::fs::read(folder.join(file)).unwrap();
        if file.ends_with(".gz") {
            let packed = std::mem::take(&mut bytes);
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        }
        lines.extend(feeds::provider::f1::archive(topic, &bytes).map(Result::unwrap));
    }
    lines.sort_by_key(|line| line.at);
    let call = |line: &feeds::provider::f1::Line| {
        let content: Value = serde_json::from_slice(&line.message).unwrap();
        json!({"type": 1, "target": "feed", "arguments": content})
    };
    let script: Vec<Value> = std::iter::once(whole(json!({}))).chain(lines.iter().map(call)).collect();
    let messages = script.len();
    let hub = Hub::start(vec![(script, Then::Stay)]);
    let service = Service::start(&feed(&hub).replace("timeout = \"1s\"", "timeout = \"30s\"")).await;
    let (mut client, began) = (service.client().await, Instant::now());
    let finished = async {
        loop {
            let games = client.get("/v1/games?topics=racing/f1").await.json()["games"].clone();
            if games.as_object().unwrap().values().any(|game| game["state"]["status"] == "final") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(finished).await;
    let applied = service.metric("scoreline_reports_total{outcome=\"applied\",provider=\"timing\"}");
    println!("{messages} messages in {:?}, {applied} publications", began.elapsed());
    assert_eq!(hub.guests().len(), 1, "no message was refused");
}
