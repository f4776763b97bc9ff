//! `POST /v1/feeds/<adapter>`: a provider's own payload.

use serde_json::{Value, json};

use super::command::run;
use crate::broker::engine::TempDir;
use crate::support::{ACME, Service, with};

/// The payload with the most games of an adapter's golden pairs, without the field that says what it is there for.
fn payload(name: &str) -> Value {
    let adapter = feeds::provider::adapter(name).unwrap();
    let games = |payload: &Value| adapter.decode(payload.to_string().as_bytes()).map_or(0, |read| read.reports.len());
    let path = format!("{}/feeds/recordings/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let payloads = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut payload = payloads.max_by_key(games).unwrap();
    payload.as_object_mut().unwrap().remove("_trap");
    payload
}

#[tokio::test]
async fn a_payload_is_decoded_and_applied() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let payload = payload("espn").to_string();
    let reports = feeds::provider::adapter("espn").unwrap().decode(payload.as_bytes()).unwrap().reports;
    assert!(reports.len() > 1, "the recording has a payload with several games");

    let answer = acme.ask("POST", "/v1/feeds/espn", &["idempotency-key: p-1"], payload.clone()).await;
    let results = answer.json()["results"].as_array().unwrap().clone();
    let games: Vec<&str> = results.iter().map(|result| result["game"].as_str().unwrap_or_default()).collect();
    let expected: Vec<String> = reports.iter().map(|report| report.game.to_string()).collect();
    assert_eq!(games[..expected.len()], expected);
    assert!(results[..expected.len()].iter().all(|result| result["applied"] == true), "{results:?}");

    let again = acme.ask("POST", "/v1/feeds/espn", &["idempotency-key: p-1"], payload.clone()).await.json();
    assert_eq!(again["results"][0], with(results[0].clone(), "replayed", true));
    let polled = acme.ask("POST", "/v1/feeds/espn", &[], payload).await.json();
    assert_eq!(polled["results"][0]["reason"], "unchanged");
    service.counts("scoreline_payloads_total{outcome=\"ok\",provider=\"acme\"}", 3.0).await;
}

#[tokio::test]
async fn a_half_broken_payload_says_which_part() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let mut payload = payload("espn");
    let good = payload["events"].as_array().unwrap().len();
    payload["events"].as_array_mut().unwrap().insert(0, json!({"id": 7, "competitions": "none"}));
    let answer = acme.ask("POST", "/v1/feeds/espn", &[], payload.to_string()).await;
    assert_eq!(answer.status, 207);
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert!(results.len() > good, "{results:?}");
    let refused: Vec<&Value> = results.iter().filter(|result| result["reason"] == "invalid").collect();
    assert!(refused.iter().any(|result| result["pointer"].as_str().unwrap().starts_with("/events/0")), "{refused:?}");
    assert!(refused.iter().all(|result| result["detail"].is_string()));

    // Broken all over, it is not answered with many times its size; games beyond a batch's are too many.
    payload["events"] = (0..5_000).map(|_| json!({"id": 7, "competitions": "none"})).collect();
    let answer = acme.ask("POST", "/v1/feeds/espn", &[], payload.to_string()).await;
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 101);
    assert!(results[100]["detail"].as_str().unwrap().contains("more parts"), "{}", results[100]);
    let games: Vec<Value> = (0..1_001)
        .map(|number| {
            json!({"id": number, "status": "TIMED", "utcDate": "2026-11-24T20:00:00Z",
        "competition": {"code": "PL"}, "homeTeam": {"name": "A"}, "awayTeam": {"name": "B"}})
        })
        .collect();
    let answer = acme.ask("POST", "/v1/feeds/football-data", &[], json!({ "matches": games }).to_string()).await;
    answer.problem(413, "too_large");
}

/// The example of a format of one's own: a program, its payloads and what it makes of them.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/feeds/examples");

#[tokio::test]
async fn a_format_of_ones_own_is_posted_like_any_other() {
    let service = Service::start(&format!(
        "provider = [\"acme=acme-key\", \"zeta=zeta-key\"]\n[adapters]\nharbour = \"jq:{EXAMPLES}/harbour.jq\"\n\
         [providers.acme]\nadapters = [\"harbour\"]\n[providers.zeta]\nadapters = [\"espn\"]"
    ))
    .await;
    let mut acme = service.acme().await;
    let payloads = std::fs::read_to_string(format!("{EXAMPLES}/harbour.jsonl")).unwrap();
    let payloads: Vec<String> = payloads.lines().map(str::to_owned).collect();
    let payload = || payloads[0].clone();
    let answer = acme.ask("POST", "/v1/feeds/harbour", &[], payload()).await;
    assert_eq!(answer.status, 200);
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert!(results.iter().all(|result| result["applied"] == true), "{results:?}");
    let game = acme.ask("GET", "/v1/games/soccer/harbour/7", &[], "").await.json();
    assert_eq!(game["state"]["competitors"]["home"]["score"]["total"], 2);
    assert_eq!(game["state"]["competitors"]["home"]["team"], "muhlbach-muller");

    let answer = acme.ask("POST", "/v1/feeds/harbour", &[], payloads[2].clone()).await;
    assert_eq!(answer.status, 207, "what came before the error counts");
    let problem = acme.ask("POST", "/v1/feeds/harbour", &[], "[17]").await.problem(422, "invalid");
    assert!(problem["detail"].as_str().unwrap().starts_with("the program: "), "{problem}");
    acme.ask("POST", "/v1/feeds/harbour", &[], "{").await.problem(400, "bad_request");
    let zeta = &["authorization: Bearer zeta-key"];
    service.client().await.ask("POST", "/v1/feeds/harbour", zeta, payload()).await.problem(403, "forbidden");
    let problem = acme.ask("POST", "/v1/feeds/harbor", &[], payload()).await.problem(404, "not_found");
    assert!(problem["detail"].as_str().unwrap().ends_with(", harbour"), "{problem}");
}

#[test]
fn golden_pairs_are_tried_by_a_command() {
    let test = |arguments: &[&str]| {
        let output = run(&[&["feeds", "test"], arguments].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, told, _) = test(&[EXAMPLES]);
    assert_eq!((code, told.as_str()), (Some(0), "harbour: 4 payloads, all as expected\n"));
    let (code, told, _) = test(&[concat!(env!("CARGO_MANIFEST_DIR"), "/feeds/recordings")]);
    assert_eq!(code, Some(0), "the built-in adapters: {told}");

    // A mapping that says something else.
    let folder = TempDir::new();
    for file in ["harbour.jq", "harbour.jsonl", "harbour.reports.jsonl"] {
        let text = std::fs::read_to_string(format!("{EXAMPLES}/{file}")).unwrap();
        std::fs::write(folder.path().join(file), text.replace("done: \"final\"", "done: \"ended\"")).unwrap();
    }
    let dir = folder.path().to_str().unwrap();
    let (code, told, error) = test(&[dir]);
    assert_eq!(code, Some(1));
    assert!(told.contains("harbour.jsonl, line 3\n  expected {"), "{told}");
    assert_eq!(error, "scoreline: 1 of 1 formats differ\n");
    assert_eq!(test(&[dir, "--update"]).0, Some(0));
    assert_eq!(test(&[dir]).0, Some(0), "as it is now");
    std::fs::write(folder.path().join("harbour.jq"), ".a |\n  nope").unwrap();
    let (code, _, error) = test(&[dir]);
    assert_eq!(code, Some(1));
    assert!(error.ends_with("harbour.jq: line 2, column 3: there is no filter nope/0\n"), "{error}");
}

#[tokio::test]
async fn what_no_adapter_can_read_is_refused() {
    let service = Service::start("provider = [\"acme=acme-key\"]\n[providers.acme]\nadapters = [\"espn\"]").await;
    let mut acme = service.acme().await;
    let problem = acme.ask("POST", "/v1/feeds/nobody", &[], "{}").await.problem(404, "not_found");
    assert!(problem["detail"].as_str().unwrap().contains("espn"), "it says what there is: {problem}");
    acme.ask("POST", "/v1/feeds/openligadb", &[], "[]").await.problem(403, "forbidden");
    acme.ask("POST", "/v1/feeds/espn", &[], "{\"events\":").await.problem(400, "bad_request");
    let problem = acme.ask("POST", "/v1/feeds/espn", &[], "[17]").await.problem(422, "invalid");
    assert!(problem["pointer"].is_string());
    service.client().await.ask("POST", "/v1/feeds/espn", &[], "{}").await.problem(401, "unauthorized");
    service.counts("scoreline_payloads_total{outcome=\"refused\",provider=\"acme\"}", 2.0).await;
}
