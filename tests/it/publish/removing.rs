//! `DELETE`, and how a removed game comes back.

use serde_json::json;

use crate::support::{ACME, Service, patch, score, with};

const GAME: &str = "soccer/eng.1/ars-che";
const PATH: &str = "/v1/games/soccer/eng.1/ars-che";

#[tokio::test]
async fn a_game_is_removed_once() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    acme.ask("DELETE", PATH, &[], "").await.problem(404, "not_found");
    acme.report(patch(GAME, score(1, 0))).await;
    let mut log = service.log();
    assert_eq!(log.next().await.base, 0);
    let removed = acme.ask("DELETE", PATH, &[], "").await;
    assert_eq!(removed.status, 200);
    assert_eq!((&removed.json()["applied"], &removed.json()["game"]), (&json!(true), &json!(GAME)));
    let publication = log.next().await;
    assert_eq!(removed.json()["position"], publication.position.to_string());
    let scoreline::broker::Event::Removed { topics } = &publication.event else { panic!("{publication:?}") };
    assert_eq!(topics.len(), 4, "the game, its competition, its sport, all: {topics:?}");
    acme.ask("DELETE", PATH, &[], "").await.problem(404, "not_found");
    acme.ask("DELETE", "/v1/games/soccer", &[], "").await.problem(400, "topic_invalid");
    acme.ask("DELETE", "/v1/games/Soccer/x/y", &[], "").await.problem(400, "topic_invalid");
}

#[tokio::test]
async fn a_removal_with_an_id_can_be_said_twice() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    acme.report(patch(GAME, score(1, 0))).await;
    let first = acme.ask("DELETE", PATH, &["idempotency-key: r-1"], "").await.json();
    let again = acme.ask("DELETE", PATH, &["idempotency-key: r-1"], "").await.json();
    assert_eq!(again, with(first, "replayed", true));
}

#[tokio::test]
async fn a_key_removes_what_it_is_granted() {
    let service =
        Service::start("provider = [\"acme=acme-key\", \"other=o\"]\n[providers.other]\ntopics = [\"tennis\"]").await;
    service.acme().await.report(patch(GAME, score(1, 0))).await;
    let mut other = service.client().await.with_key("o");
    other.ask("DELETE", PATH, &[], "").await.problem(403, "forbidden");
    service.client().await.ask("DELETE", PATH, &[], "").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn what_was_removed_does_not_come_back_by_saying_it_again() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let incident = json!({"g1": {"type": "goal", "side": "home"}});
    let image = json!({"game": GAME, "image": {"status": "final", "incidents": incident}});
    acme.report(with(image.clone(), "event_at", 1_000)).await;
    acme.ask("DELETE", PATH, &[], "").await;

    let unchanged = json!({"game": GAME, "applied": false, "reason": "unchanged", "version": 0});
    assert_eq!(acme.report(image.clone()).await, unchanged);
    assert_eq!(
        acme.report(json!({"game": GAME, "image": {"status": "final"}})).await,
        unchanged,
        "less is nothing new"
    );
    assert_eq!(acme.report(patch(GAME, json!({"status": "final"}))).await, unchanged);
    assert_eq!(acme.report(patch(GAME, json!({"incidents": {"g1": null}}))).await, unchanged);
    assert_eq!(acme.report(with(image, "event_at", 2_000)).await, unchanged);

    let late = with(patch(GAME, json!({"status": "live"})), "event_at", 1_500);
    assert_eq!(acme.report(late).await["reason"], "outdated", "the stamps keep holding");
    let mut log = service.log();
    while !matches!(log.next().await.event, scoreline::broker::Event::Removed { .. }) {}
    let back = acme.report(with(patch(GAME, score(1, 0)), "event_at", 2_500)).await;
    assert_eq!(back["applied"], true);
    let publication = log.next().await;
    assert_eq!((publication.base, publication.version), (0, publication.position.offset));
    let scoreline::broker::Event::Update(update) = &publication.event else { panic!("{publication:?}") };
    assert_eq!(update.patch["status"], "unknown", "it starts from that report alone");
    assert!(!update.patch.contains_key("incidents"));

    let image = json!({"game": GAME, "image": {"status": "live"}});
    assert_eq!(acme.report(image).await["applied"], true);
    let publication = log.next().await;
    let scoreline::broker::Event::Update(update) = &publication.event else { panic!("{publication:?}") };
    assert_eq!(update.patch, *json!({"status": "live"}).as_object().unwrap(), "no image from before is compared with");
}

#[tokio::test]
async fn teams_come_and_go_with_their_topics() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let team = |name: &str| patch(GAME, json!({"competitors": {"home": {"team": name}}}));
    for name in ["arsenal", "gunners", "arsenal"] {
        acme.report(team(name)).await;
    }
    let mut log = service.log();
    let mut moves = Vec::new();
    for _ in 0..3 {
        let publication = log.next().await;
        let scoreline::broker::Event::Update(update) = &publication.event else { panic!("{publication:?}") };
        moves.push(format!("{:?} {:?}", update.entered, update.left));
    }
    assert_eq!(moves[0], "[] []", "a game that begins is new to all its topics");
    assert_eq!(moves[1], "[team/soccer/gunners] [team/soccer/arsenal]");
    assert_eq!(moves[2], "[team/soccer/arsenal] [team/soccer/gunners]");
}
