//! MLB's `diffPatch` from a stub that says so to what subscribers read: the whole, diffs on it, one that does not fit, the
//! whole again, and diffs on that.

use serde_json::{Value, json};

use super::stub::{Say, Stub};
use crate::support::{Client, Service, soon};

/// A live game of the golden recordings, with invented teams.
fn document(stamp: &str, home_runs: u32) -> Say {
    let payloads = include_str!("../../../feeds/recordings/mlb.jsonl");
    let payload = payloads.lines().find(|line| line.contains("not batted")).unwrap();
    let mut document: Value = serde_json::from_str(payload).unwrap();
    document["metaData"]["timeStamp"] = stamp.into();
    document["liveData"]["linescore"]["teams"]["home"]["runs"] = home_runs.into();
    Say::ok(document.to_string())
}

fn diff(stamp: &str, path: &str, value: u32) -> Say {
    let stamped = json!({"op": "replace", "path": "/metaData/timeStamp", "value": stamp});
    Say::ok(json!([{"diff": [stamped, {"op": "replace", "path": path, "value": value}]}]).to_string())
}

async fn until_home_has(client: &mut Client, runs: u32) {
    let waiting = async {
        while client.get("/v1/games/baseball/mlb/800001").await.json()["state"]["competitors"]["home"]["score"]["total"]
            != runs
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon(waiting).await;
}

#[tokio::test]
async fn diffs_are_asked_for_until_one_does_not_fit() {
    const RUNS: &str = "/liveData/linescore/teams/home/runs";
    let stub = Stub::start().await;
    stub.says("/feed/live", [document("20261122_030250", 2), document("20261122_030320", 6)]);
    stub.says(
        "/diff",
        [
            diff("20261122_030300", RUNS, 3),
            Say::ok("[]"),
            diff("20261122_030310", "/liveData/nobody/here", 5),
            diff("20261122_030330", RUNS, 7),
            Say::ok("[]"),
        ],
    );
    let service = Service::start(&format!(
        "[feeds.mlb]\nadapter = \"mlb\"\nurl = \"{}\"\ndiff_url = \"{}\"\ninterval = \"100ms\"\nidle = \"200ms\"\n\
         allow_http = true\nallow_private = true",
        stub.url("/feed/live"),
        stub.url("/diff?startTimecode={resume}")
    ))
    .await;
    until_home_has(&mut service.client().await, 7).await;
    let asked: Vec<String> = stub.until_asked(7).await.into_iter().map(|asked| asked.path).collect();
    let since = |stamp: &str| format!("/diff?startTimecode={stamp}");
    assert_eq!(
        asked[..7],
        [
            "/feed/live".to_owned(),
            since("20261122_030250"),
            since("20261122_030300"),
            since("20261122_030300"),
            "/feed/live".to_owned(),
            since("20261122_030320"),
            since("20261122_030330"),
        ]
    );
    service.counts("scoreline_payloads_total{outcome=\"refused\",provider=\"mlb\"}", 0.0).await;
}

#[tokio::test]
async fn diffs_that_add_up_to_too_much_are_given_up() {
    let stub = Stub::start().await;
    stub.says("/feed/live", [document("20261122_030250", 2), document("20261122_030320", 6)]);
    let more = json!([{"diff": [{"op": "add", "path": "/liveData/more", "value": "x".repeat(60_000)}]}]).to_string();
    let again = json!([{"diff": [{"op": "add", "path": "/liveData/again", "value": "x".repeat(60_000)}]}]).to_string();
    stub.says("/diff", [Say::ok(more), Say::ok(again), Say::ok("[]")]);
    let service = Service::start(&format!(
        "[feeds.mlb]\nadapter = \"mlb\"\nurl = \"{}\"\ndiff_url = \"{}\"\ninterval = \"100ms\"\nidle = \"200ms\"\n\
         allow_http = true\nallow_private = true\nmax_bytes = 100000",
        stub.url("/feed/live"),
        stub.url("/diff?startTimecode={resume}")
    ))
    .await;
    until_home_has(&mut service.client().await, 6).await;
    let asked: Vec<String> = stub.asked().into_iter().map(|asked| asked.path).collect();
    let since = "/diff?startTimecode=20261122_030250";
    assert_eq!(asked[..4], ["/feed/live", since, since, "/feed/live"], "what is held is no base any more");
}

#[tokio::test]
async fn a_schedule_has_no_diffs() {
    let payloads = include_str!("../../../feeds/recordings/mlb.jsonl");
    let schedule = payloads.lines().find(|line| line.contains("\"dates\"")).unwrap();
    let stub = Stub::start().await;
    stub.says("/schedule", [Say::ok(schedule).with("etag", "\"a\""), Say::status(304)]);
    let service = Service::start(&format!(
        "[feeds.mlb]\nadapter = \"mlb\"\nurl = \"{}\"\ninterval = \"100ms\"\nidle = \"200ms\"\n\
         allow_http = true\nallow_private = true",
        stub.url("/schedule")
    ))
    .await;
    let asked = stub.until_asked(3).await;
    assert_eq!(asked[1].header("if-none-match"), "\"a\"", "nor is it sent again");
    service.counts("scoreline_payloads_total{outcome=\"ok\",provider=\"mlb\"}", 1.0).await;
    service.counts("scoreline_payloads_total{outcome=\"refused\",provider=\"mlb\"}", 0.0).await;
    assert!(!service.client().await.games("baseball", "score").await.is_empty());
}
