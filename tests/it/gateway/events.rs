//! Server-Sent Events: the same messages as an EventSource has them.

use serde_json::{Value, json};

use super::program::Program;
use super::{ARS_CHE, LIV_MUN, goal, kick_off, kickoff, served};
use crate::subscriber::{Block, Events};
use crate::support::{Service, patch, soon};

async fn open(service: &Service, query: &str, headers: &[&str]) -> Events {
    let events = Events::open(service.main(), &format!("/v1/sse?{query}"), headers).await;
    events.unwrap_or_else(|answer| panic!("refused: {answer:?}"))
}

/// The code that a refusal's header gives.
async fn refused(service: &Service, query: &str, headers: &[&str]) -> String {
    match Events::open(service.main(), &format!("/v1/sse{query}"), headers).await {
        Ok(_) => panic!("{query} was let in"),
        Err(answer) => {
            assert_eq!((answer.status.as_u16(), answer.text()), (204, ""), "{query}: {answer:?}");
            assert_eq!(answer.header("cache-control"), "no-store");
            answer.header("scoreline-refused").split_once(": ").expect("code: detail").0.to_owned()
        }
    }
}

#[tokio::test]
async fn messages_are_data_and_ids_are_positions_that_count() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let newest = goal(&mut acme, ARS_CHE, 1, 0).await;
    let mut events = open(&service, "topics=soccer/eng.1", &[]).await;
    assert_eq!(events.headers["cache-control"], "no-store");
    assert_eq!(events.headers["x-accel-buffering"], "no");

    assert_eq!(events.expect("hello").await["heartbeat"], 15);
    assert!(events.retry.is_some_and(|retry| (500..5_000).contains(&retry)), "{:?}", events.retry);
    let subscribed = events.expect("subscribed").await;
    let expected = json!({"type": "subscribed", "id": 0, "topics": ["soccer/eng.1"], "detail": "full", "delay": 0,
        "max_rate": 0, "mode": "latest", "resumed": false, "games": 2});
    assert_eq!(subscribed, expected);
    for game in [LIV_MUN, ARS_CHE] {
        assert_eq!(events.expect("state").await["game"], game);
    }
    assert_eq!(events.last_id, "", "before the end mark no position counts");
    let end = events.expect("position").await;
    assert_eq!((&end["id"], end["position"].as_str()), (&json!(0), Some(newest.as_str())));
    assert_eq!(events.last_id, newest);

    let newest = goal(&mut acme, ARS_CHE, 1, 1).await;
    let block = soon(events.block()).await.unwrap();
    let update: Value = serde_json::from_str(&block.data.unwrap()).unwrap();
    assert_eq!(update["patch"], json!({"competitors": {"away": {"score": {"total": 1}}}}));
    assert_eq!((block.id.as_deref(), update["position"].as_str()), (Some(newest.as_str()), Some(newest.as_str())));
    // A game that begins comes as state, without a position.
    acme.report(patch("soccer/eng.1/tot-bri", kickoff("tottenham", "brighton"))).await;
    let block = soon(events.block()).await.unwrap();
    assert!(block.data.unwrap().starts_with(r#"{"type":"state""#) && block.id.is_none());
    service.counts("scoreline_connections{transport=\"sse\"}", 1.0).await;
    service.counts("scoreline_subscriptions", 1.0).await;
    assert!(service.metric("scoreline_delivered_bytes_total{transport=\"sse\"}") > 500.0);

    drop(events);
    while service.metric("scoreline_connections{transport=\"sse\"}") > 0.0 {
        tokio::task::yield_now().await;
    }
    service.counts("scoreline_connections_closed_total{reason=\"client\",transport=\"sse\"}", 1.0).await;
    service.counts("scoreline_subscriptions", 0.0).await;
}

#[tokio::test]
async fn last_event_id_beats_since() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let first = goal(&mut acme, ARS_CHE, 1, 0).await;
    let second = goal(&mut acme, LIV_MUN, 0, 1).await;
    let query = format!("topics=soccer/eng.1&since={first}");
    let mut events = open(&service, &query, &[]).await;
    events.expect("hello").await;
    assert_eq!(events.expect("subscribed").await["resumed"], true);
    assert_eq!(events.expect("update").await["game"], LIV_MUN);
    assert_eq!(events.expect("position").await["position"], second);

    let newest = goal(&mut acme, ARS_CHE, 2, 0).await;
    let mut events = open(&service, &query, &[&format!("Last-Event-ID: {second}")]).await;
    events.expect("hello").await;
    assert_eq!(events.expect("subscribed").await["resumed"], true);
    assert_eq!(events.expect("update").await["game"], ARS_CHE, "from the last event on, not from the URL's position");
    assert_eq!(events.expect("position").await["position"], newest);

    // Of another history: a reset, then everything.
    let mut events = open(&service, &query, &["Last-Event-ID: zzz.7"]).await;
    events.expect("hello").await;
    assert_eq!(events.expect("reset").await, json!({"type": "reset", "id": 0, "reason": "epoch"}));
    assert_eq!(events.expect("subscribed").await["resumed"], false);
    // A browser that has none yet sends none; an empty one is none.
    let mut events = open(&service, "topics=tennis", &["Last-Event-ID: "]).await;
    events.expect("hello").await;
    assert_eq!(events.expect("subscribed").await["resumed"], false);
}

#[tokio::test]
async fn a_heartbeat_moves_the_position_and_dispatches_nothing() {
    let (service, mut acme) = served("[limits]\nheartbeat = \"1s\"").await;
    kick_off(&mut acme).await;
    let mut events = open(&service, "topics=tennis", &[]).await;
    events.expect("hello").await;
    events.expect("subscribed").await;
    events.expect("position").await;
    let newest = goal(&mut acme, ARS_CHE, 1, 0).await;
    loop {
        let block = soon(events.block()).await.expect("it is not taken for gone");
        assert_eq!(block.data, None, "nothing under its topics");
        if block.id.as_deref() == Some(newest.as_str()) {
            break;
        }
    }
    for _ in 0..3 {
        assert_eq!(soon(events.block()).await, Some(Block { id: Some(newest.clone()), data: None }));
    }
    assert_eq!(events.comments, 0);
}

#[tokio::test]
async fn what_cannot_ever_be_answered_stops_the_event_source() {
    let (service, _acme) = served("allow_origin = [\"https://paper.example\"]\n[limits]\ntopics = 2").await;
    for query in ["", "?topics=*&detail=most", "?topics=*&since=x", "?topic=soccer", "?topics=*&mode=every&max_rate=1"]
    {
        assert_eq!(refused(&service, query, &[]).await, "bad_request");
    }
    assert_eq!(refused(&service, "?topics=Soccer/", &[]).await, "topic_invalid");
    assert_eq!(refused(&service, "?topics=%E2%9A%BD%0A", &[]).await, "topic_invalid");
    assert_eq!(refused(&service, "?topics=a,b,c", &[]).await, "topic_limit");
    assert_eq!(refused(&service, "?topics=*", &["Last-Event-ID: x"]).await, "bad_request");
    assert_eq!(refused(&service, "?topics=*", &["Origin: https://evil.example"]).await, "origin_refused");
    assert_eq!(service.client().await.ask("POST", "/v1/sse?topics=*", &[], "").await.status, 405);
    service.counts("scoreline_connections_opened_total{transport=\"sse\"}", 0.0).await;
}

#[tokio::test]
async fn pages_of_the_listed_origins_may_read_it() {
    let (service, _acme) = served("allow_origin = [\"https://paper.example\"]").await;
    let events = open(&service, "topics=*", &["Origin: https://paper.example"]).await;
    assert_eq!(events.headers["access-control-allow-origin"], "https://paper.example");
    assert_eq!(events.headers["vary"], "Origin");
    let events = open(&service, "topics=*", &[]).await;
    assert!(!events.headers.contains_key("access-control-allow-origin"));
    // A page that may not connect must see the refusal, or its EventSource would try for ever.
    let refusal = Events::open(service.main(), "/v1/sse?topics=*", &["Origin: https://evil.example"]).await;
    assert_eq!(refusal.err().unwrap().header("access-control-allow-origin"), "https://evil.example");
}

#[tokio::test]
async fn delay_rate_cap_and_mode_are_as_on_any_transport() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut delayed = open(&service, "topics=*&delay=200", &[]).await;
    delayed.expect("hello").await;
    let subscribed = delayed.expect("subscribed").await;
    assert_eq!((&subscribed["delay"], &subscribed["games"]), (&json!(200), &json!(0)), "nothing newer than its moment");
    delayed.expect("position").await;

    let mut every = open(&service, "topics=soccer/eng.1&mode=every", &[]).await;
    let mut capped = open(&service, "topics=soccer/eng.1&max_rate=0.01&detail=score", &[]).await;
    for events in [&mut every, &mut capped] {
        while soon(events.message()).await.unwrap()["type"] != "position" {}
    }
    for minute in 2..6 {
        acme.report(patch(ARS_CHE, json!({"incidents": {"k1": {"minute": minute}}}))).await;
        assert_eq!(every.expect("update").await["patch"]["incidents"]["k1"]["minute"], minute);
    }
    let before = capped.last_id.clone();
    goal(&mut acme, ARS_CHE, 1, 0).await;
    goal(&mut acme, ARS_CHE, 2, 0).await;
    // The first is a flush; the second is told at once, because it is a goal, but its position is not.
    assert_eq!(capped.expect("update").await["patch"]["competitors"]["home"]["score"]["total"], 1);
    assert_eq!(capped.expect("update").await["patch"]["competitors"]["home"]["score"]["total"], 2);
    assert_ne!(before, every.last_id);
}

#[tokio::test]
async fn on_sigterm_it_says_goodbye_and_the_stream_ends() {
    let mut program = Program::start("").await;
    let mut acme = program.acme().await;
    kick_off(&mut acme).await;
    let mut streams = Vec::new();
    for topic in ["*", "soccer/eng.1", "tennis"] {
        let mut events = Events::open(program.main(), &format!("/v1/sse?topics={topic}"), &[])
            .await
            .unwrap_or_else(|answer| panic!("{answer:?}"));
        while soon(events.message()).await.unwrap()["type"] != "position" {}
        streams.push(events);
    }
    program.terminate();
    for events in &mut streams {
        assert_eq!(events.expect("goodbye").await["reason"], "drain");
        assert_eq!(soon(events.message()).await, None);
    }
    drop((streams, acme));
    assert_eq!(program.wait().code(), Some(0));
}

#[tokio::test]
async fn who_does_not_read_is_caught_up_later_and_holds_nothing_up() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let slow = Events::narrow(service.main(), "/v1/sse?topics=soccer/eng.1").await;
    let mut slow = slow.unwrap_or_else(|answer| panic!("refused: {answer:?}"));
    while soon(slow.message()).await.unwrap()["type"] != "position" {}
    // More than its pipe and both kernels' buffers hold.
    let mut newest = String::new();
    let mut versions = 0;
    while service.metric("scoreline_lagging_connections") < 1.0 {
        let notes = (0..25).map(|note| (format!("note{note}"), format!("{versions:01000}").into()));
        let info: serde_json::Map<String, Value> = notes.collect();
        newest = acme.report(patch(ARS_CHE, json!({ "info": info }))).await["position"].as_str().unwrap().to_owned();
        versions += 1;
    }
    let mut quick = open(&service, "topics=soccer/eng.1&detail=score", &[]).await;
    while soon(quick.message()).await.unwrap()["type"] != "position" {}

    let mut held = 1;
    while slow.last_id != newest {
        let Some(block) = soon(slow.block()).await else { panic!("cut") };
        let Some(message) = block.data.map(|data| serde_json::from_str::<Value>(&data).unwrap()) else { continue };
        let version = message["version"].as_u64().unwrap();
        assert!(message["type"] == "state" || message["base"].as_u64().unwrap() <= held, "a gap: {held}");
        assert!(version > held, "a step back");
        held = version;
    }
    while service.metric("scoreline_lagging_connections") > 0.0 {
        tokio::task::yield_now().await;
    }
}
