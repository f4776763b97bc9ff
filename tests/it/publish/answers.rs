//! One report, and every answer that it can get.

use serde_json::{Value, json};

use crate::support::{ACME, Service, patch, score, with};

const GAME: &str = "soccer/eng.1/ars-che";

#[tokio::test]
async fn a_report_is_applied_and_says_where() {
    let service = Service::start(ACME).await;
    let mut log = service.log();
    let mut acme = service.acme().await;

    let first = acme.report(patch(GAME, score(1, 0))).await;
    assert_eq!((&first["game"], &first["applied"], &first["version"]), (&json!(GAME), &json!(true), &json!(1)));
    let other = acme.report(patch("soccer/eng.1/liv-mci", json!({"status": "live"}))).await;
    assert_eq!(other["version"], 2, "a game's first version is its offset");
    let second = acme.report(patch(GAME, score(2, 0))).await;
    assert_eq!(second["version"], 2, "and then one more each time");
    assert!(second.get("replayed").is_none());

    for (result, offset) in [(first, 1), (other, 2), (second, 3)] {
        let publication = log.next().await;
        assert_eq!(publication.position.offset, offset);
        assert_eq!(result["position"], publication.position.to_string());
        assert_eq!(result["version"], publication.version);
    }
    service.counts("scoreline_reports_total{outcome=\"applied\",provider=\"acme\"}", 3.0).await;
    service.counts("scoreline_publications_total", 3.0).await;
    service.counts("scoreline_log_offset", 3.0).await;
}

#[tokio::test]
async fn an_id_that_was_applied_answers_what_it_answered_first() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let report = with(with(patch(GAME, score(1, 0)), "id", "evt-1"), "event_at", 1_000);
    let first = acme.report(report.clone()).await;
    acme.report(with(patch(GAME, score(2, 0)), "event_at", 2_000)).await;

    let again = acme.report(report.clone()).await;
    assert_eq!(again, with(first.clone(), "replayed", true), "before outdated, which it is by now");
    let spaced = "{ \"id\":\"evt-1\",\n \"event_at\": 1000, \"patch\":{\"competitors\": {\"away\":{\"score\":{\"total\":0}},\
                  \"home\":{\"score\":{\"total\":1}}}}, \"game\":\"soccer/eng.1/ars-che\"}";
    let answer = acme.ask("POST", "/v1/updates", &["content-type: application/json"], spaced).await;
    assert_eq!(answer.json(), with(first, "replayed", true), "the same said otherwise is the same");

    let problem = acme.post(&with(report, "patch", score(9, 9))).await.problem(422, "id_reused");
    assert_eq!((&problem["reason"], &problem["applied"]), (&json!("id_reused"), &json!(false)));
    service.counts("scoreline_reports_total{outcome=\"replayed\",provider=\"acme\"}", 2.0).await;
}

#[tokio::test]
async fn an_id_can_come_in_a_header() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let headers = ["content-type: application/json", "idempotency-key: k-1"];
    let body = patch(GAME, score(1, 0)).to_string();
    let first = acme.ask("POST", "/v1/updates", &headers, body.clone()).await.json();
    let again = acme.ask("POST", "/v1/updates", &headers, body).await.json();
    assert_eq!(again, with(first, "replayed", true));

    let own = with(patch(GAME, score(2, 0)), "id", "own").to_string();
    let applied = acme.ask("POST", "/v1/updates", &headers, own).await.json();
    assert_eq!(applied["applied"], true, "the report's own id counts before the header's");
    let long = format!("idempotency-key: {}", "x".repeat(201));
    acme.ask("POST", "/v1/updates", &["content-type: application/json", &long], "{}").await.problem(400, "bad_request");
}

#[tokio::test]
async fn ids_are_each_providers_own() {
    let service = Service::start("provider = [\"acme=acme-key\", \"other=other-key\"]").await;
    let (mut acme, mut other) = (service.acme().await, service.client().await.with_key("other-key"));
    acme.report(with(patch(GAME, score(1, 0)), "id", "1")).await;
    let result = other.report(with(patch("soccer/eng.1/liv-mci", score(1, 0)), "id", "1")).await;
    assert_eq!((&result["applied"], result.get("replayed")), (&json!(true), None));
}

#[tokio::test]
async fn what_says_nothing_new_is_unchanged() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    acme.report(patch(GAME, score(1, 0))).await;
    acme.report(patch(GAME, score(2, 0))).await;
    let unchanged = json!({"game": GAME, "applied": false, "reason": "unchanged", "version": 2});
    assert_eq!(acme.report(patch(GAME, score(2, 0))).await, unchanged);
    assert_eq!(acme.report(with(patch(GAME, score(2, 0)), "id", "x")).await, unchanged);
    assert_eq!(acme.report(patch(GAME, json!({}))).await, unchanged);
    let applied = acme.report(with(patch(GAME, score(2, 1)), "id", "x")).await;
    assert_eq!(applied["applied"], true, "the id of what was not applied is still free");
}

#[tokio::test]
async fn an_older_report_is_outdated() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let mut report = async |home, stamps: &[(&str, i64)]| {
        let report = stamps.iter().fold(patch(GAME, score(home, 0)), |report, (name, at)| with(report, name, *at));
        let result = acme.report(report).await;
        result["reason"].as_str().unwrap_or("applied").to_owned()
    };
    assert_eq!(report(1, &[("event_at", 1_000)]).await, "applied");
    assert_eq!(report(2, &[("event_at", 999)]).await, "outdated");
    assert_eq!(report(2, &[("event_at", 1_000)]).await, "applied", "an equal event_at is not older");
    assert_eq!(report(3, &[]).await, "applied", "without a stamp it is as new as it comes");

    assert_eq!(report(4, &[("seq", 7)]).await, "applied");
    assert_eq!(report(5, &[("seq", 7)]).await, "outdated", "an equal seq is older");
    assert_eq!(report(5, &[("event_at", 5_000), ("seq", 6)]).await, "outdated", "either is enough");
    assert_eq!(report(5, &[("event_at", 5_000), ("seq", 8)]).await, "applied");
    service.counts("scoreline_reports_total{outcome=\"outdated\",provider=\"acme\"}", 3.0).await;
}

#[tokio::test]
async fn the_stamps_of_unchanged_reports_count_also_when_they_come_quickly() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let at = |home, at: i64| with(patch(GAME, score(home, 0)), "event_at", at);
    assert_eq!(acme.report(at(1, 10)).await["applied"], true);
    for stamp in [20, 30, 40] {
        assert_eq!(acme.report(at(1, stamp)).await["reason"], "unchanged");
        assert_eq!(acme.report(at(2, stamp - 5)).await["reason"], "outdated");
    }
    assert_eq!(acme.report(at(2, 40)).await["applied"], true);
    let seq = |home, seq: i64| with(patch(GAME, score(home, 0)), "seq", seq);
    assert_eq!(acme.report(seq(2, 1)).await["reason"], "unchanged");
    assert_eq!(acme.report(seq(2, 1)).await["reason"], "outdated");
    assert_eq!(acme.report(seq(2, 2)).await["reason"], "unchanged");
    assert_eq!(acme.report(seq(3, 2)).await["reason"], "outdated");
    assert_eq!(acme.report(seq(3, 3)).await["applied"], true);
}

#[tokio::test]
async fn if_version_holds_or_conflicts() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let made = |home, version: u64| with(patch(GAME, score(home, 0)), "if_version", version);

    let problem = acme.post(&made(1, 3)).await.problem(409, "conflict");
    assert_eq!((&problem["version"], &problem["pointer"]), (&json!(0), &json!("/if_version")));
    assert_eq!(acme.report(made(1, 0)).await["version"], 1);
    let problem = acme.post(&made(2, 0)).await.problem(409, "conflict");
    assert_eq!((&problem["version"], &problem["reason"]), (&json!(1), &json!("conflict")));
    assert_eq!(acme.report(made(2, 1)).await["version"], 2);
    acme.post(&made(2, 1)).await.problem(409, "conflict");
}

#[tokio::test]
async fn a_key_opens_what_it_is_granted() {
    let service = Service::start("provider = [\"acme=acme-key\"]\n[providers.acme]\ntopics = [\"soccer/eng.1\"]").await;
    let mut acme = service.acme().await;
    assert_eq!(acme.report(patch(GAME, score(1, 0))).await["applied"], true);
    let problem = acme.post(&patch("soccer/esp.1/rma-fcb", score(1, 0))).await.problem(403, "forbidden");
    assert_eq!((&problem["game"], &problem["reason"]), (&json!("soccer/esp.1/rma-fcb"), &json!("forbidden")));

    let report = patch(GAME, score(2, 0));
    let mut nobody = service.client().await;
    assert_eq!(nobody.post(&report).await.header("www-authenticate"), "Bearer");
    for header in ["authorization: Bearer acme", "authorization: Basic acme-key", "x-api-key: ", "accept: */*"] {
        let headers = ["content-type: application/json", header];
        nobody.ask("POST", "/v1/updates", &headers, report.to_string()).await.problem(401, "unauthorized");
    }
    let headers = ["content-type: application/json", "x-api-key: acme-key"];
    assert_eq!(nobody.ask("POST", "/v1/updates", &headers, report.to_string()).await.json()["version"], 2);
}

#[tokio::test]
async fn with_no_provider_nobody_publishes() {
    let service = Service::start("").await;
    let mut client = service.client().await.with_key("demo");
    client.post(&patch(GAME, score(1, 0))).await.problem(401, "unauthorized");
    client.ask("DELETE", "/v1/games/soccer/eng.1/ars-che", &[], "").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn what_is_invalid_is_said_with_its_place() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    for (report, pointer) in [
        (json!({"game": GAME}), "/patch"),
        (json!({"patch": {}}), "/game"),
        (json!({"game": "soccer/eng.1", "patch": {}}), "/game"),
        (json!({"game": GAME, "patch": {}, "ptach": 1}), "/ptach"),
        (json!({"game": GAME, "ptach": {}}), "/ptach"),
        (json!({"game": GAME, "patch": {"info": {"__proto__": 1}}}), "/patch/info"),
        (json!({"game": GAME, "patch": {}, "image": {}}), "/image"),
        (json!({"game": GAME, "patch": {}, "event_at": "now"}), "/event_at"),
        (json!({"game": GAME, "patch": {}, "id": ""}), "/id"),
        (json!({"game": GAME, "patch": {"status": "playing"}}), "/patch/status"),
        (json!({"game": GAME, "patch": {"sport": "tennis"}}), "/patch/sport"),
        (json!({"game": GAME, "patch": {"feed": "me"}}), "/patch/feed"),
        (
            json!({"game": GAME, "image": {"competitors": {"home": {"score": {"totl": 1}}}}}),
            "/image/competitors/home/score/totl",
        ),
        (json!("a report"), ""),
    ] {
        let problem = acme.post(&report).await.problem(422, "invalid");
        assert_eq!(problem["pointer"], pointer, "{report}");
        assert_eq!(problem["reason"], "invalid");
    }
    for text in ["", "{", "{\"game\":1,\"game\":2}", "nothing", "{\"game\":NaN}"] {
        let answer = acme.ask("POST", "/v1/updates", &["content-type: application/json"], text).await;
        answer.problem(400, "bad_request");
    }
    service.counts("scoreline_payloads_total{outcome=\"refused\",provider=\"acme\"}", 5.0).await;
    service.counts("scoreline_reports_total{outcome=\"invalid\",provider=\"acme\"}", 14.0).await;
}

#[tokio::test]
async fn one_provider_leads_a_game() {
    let service = Service::start(
        "provider = [\"second=s\", \"equal=e\", \"first=f\", \"desk=d\"]\n[providers.second]\npriority = 2\n\
         [providers.equal]\npriority = 2\n[providers.first]\npriority = 1\n[providers.desk]\noverride = true",
    )
    .await;
    let said = async |key: &str, home| {
        let result: Value = service.client().await.with_key(key).report(patch(GAME, score(home, 0))).await;
        result["reason"].as_str().unwrap_or("applied").to_owned()
    };
    assert_eq!(said("s", 1).await, "applied");
    assert_eq!(said("e", 2).await, "not_leading");
    assert_eq!(said("d", 3).await, "applied", "a desk reports beside whoever leads");
    assert_eq!(said("s", 4).await, "unchanged", "and what it sets is pinned");
    assert_eq!(said("f", 5).await, "applied", "the lower number takes the lead");
    assert_eq!(said("s", 6).await, "not_leading");
    let mut log = service.log();
    let mut feeds = Vec::new();
    for _ in 0..3 {
        let publication = log.next().await;
        let scoreline::broker::Event::Update(update) = &publication.event else { panic!("{publication:?}") };
        feeds.push(update.patch.get("feed").cloned().unwrap_or_default());
    }
    assert_eq!(feeds, [json!("second"), Value::Null, json!("first")], "the document says who leads");
}

#[tokio::test]
async fn an_image_takes_back_what_it_no_longer_says() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let goal = json!({"g1": {"type": "goal", "status": "confirmed", "side": "home", "minute": 7}});
    let mut image = json!({"game": GAME, "image": {"status": "live", "incidents": goal, "info": {"venue": "Here"}}});
    assert_eq!(acme.report(image.clone()).await["version"], 1);
    assert_eq!(acme.report(image.clone()).await["reason"], "unchanged");
    acme.report(patch(GAME, json!({"info": {"referee": "Her"}}))).await;
    image["image"] = json!({"status": "live"});
    assert_eq!(acme.report(image.clone()).await["version"], 3);
    assert_eq!(acme.report(image).await["reason"], "unchanged");

    let mut log = service.log();
    let mut last = log.next().await;
    while last.version < 3 {
        last = log.next().await;
    }
    let scoreline::broker::Event::Update(update) = &last.event else { panic!("{last:?}") };
    assert_eq!(update.patch["incidents"], json!({"g1": {"status": "void"}}));
    assert_eq!(update.patch["info"], json!({"venue": null}), "what the patch set stays");
    assert!(update.urgent && update.score);
    service.counts("scoreline_corrections_total{reason=\"incident_void\"}", 1.0).await;
}
