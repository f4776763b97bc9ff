//! Several reports in one array: what is right is applied, what is wrong is said.

use serde_json::{Value, json};

use crate::support::{ACME, Answer, Client, Service, patch, score, with};

const GAME: &str = "soccer/eng.1/ars-che";

fn reasons(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let results = body["results"].as_array().unwrap_or_else(|| panic!("{body}"));
    let reason = |result: &Value| result["reason"].as_str().unwrap_or("applied").to_owned();
    results.iter().map(reason).collect()
}

async fn text(client: &mut Client, body: impl Into<bytes::Bytes>) -> Answer {
    client.ask("POST", "/v1/updates", &["content-type: application/json"], body).await
}

#[tokio::test]
async fn a_batch_that_is_understood_is_200() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let reports = json!([
        with(patch(GAME, score(1, 0)), "seq", 5),
        with(patch(GAME, score(2, 0)), "seq", 4),
        patch(GAME, score(1, 0)),
        patch(GAME, score(3, 0)),
        patch("soccer/eng.1/liv-mci", score(0, 0)),
    ]);
    let answer = acme.post(&reports).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        reasons(&answer),
        ["applied", "outdated", "unchanged", "applied", "applied"],
        "in order, also on one game"
    );
    assert_eq!(answer.json()["results"][3]["version"], 2);
    assert_eq!(acme.post(&json!([])).await.json(), json!({"results": []}));
}

#[tokio::test]
async fn a_half_broken_batch_applies_what_is_right_and_says_what_is_wrong_and_where() {
    let service = Service::start("provider = [\"acme=acme-key\"]\n[providers.acme]\ntopics = [\"soccer\"]").await;
    let mut acme = service.acme().await;
    acme.report(with(patch(GAME, score(0, 0)), "id", "used")).await;
    let items = [
        patch(GAME, score(1, 0)).to_string(),
        patch(GAME, json!({"status": "playing"})).to_string(),
        "{\"game\":\"soccer/eng.1/a-b\",\"patch\":{\"status\":\"live\",\"status\":\"final\"}}".to_owned(),
        "17".to_owned(),
        patch("tennis/wimbledon/x-y", score(0, 0)).to_string(),
        with(patch(GAME, score(2, 0)), "if_version", 99).to_string(),
        with(patch(GAME, score(2, 0)), "id", "used").to_string(),
        format!("{}1{}", "[".repeat(40), "]".repeat(40)),
        patch(GAME, score(2, 0)).to_string(),
    ];
    let answer = text(&mut acme, format!("[{}]", items.join(",\n"))).await;
    assert_eq!(answer.status, 207);
    assert_eq!(
        reasons(&answer),
        ["applied", "invalid", "invalid", "invalid", "forbidden", "conflict", "id_reused", "invalid", "applied"]
    );
    let results = answer.json()["results"].clone();
    assert_eq!((&results[1]["pointer"], &results[1]["game"]), (&json!("/patch/status"), &json!(GAME)));
    assert!(results[2]["detail"].as_str().unwrap().contains("\"status\" comes twice"), "{results}");
    assert_eq!(results[5]["version"], 2);
    assert_eq!(results[8]["version"], 3);
}

#[tokio::test]
async fn what_is_no_array_at_all_is_refused_whole() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    for body in ["[", "[{]", "[1,]", "[] x"] {
        text(&mut acme, body).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_batch_with_an_id_is_replayed_item_by_item() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let headers = ["content-type: application/json", "idempotency-key: batch-7"];
    let reports = json!([
        patch(GAME, score(1, 0)),
        with(patch("soccer/eng.1/liv-mci", score(1, 0)), "id", "own"),
        patch(GAME, score(1, 0)),
    ]);
    let first = acme.ask("POST", "/v1/updates", &headers, reports.to_string()).await.json();
    let again = acme.ask("POST", "/v1/updates", &headers, reports.to_string()).await.json();
    for index in [0, 1] {
        assert_eq!(again["results"][index], with(first["results"][index].clone(), "replayed", true));
    }
    assert_eq!((&first["results"][2], &again["results"][2]["reason"]), (&again["results"][2], &json!("unchanged")));
    let single = acme.report(with(patch(GAME, score(1, 0)), "id", "batch-7#0")).await;
    assert_eq!(single["replayed"], true, "its id is the batch's and its place");
}
