//! Long poll: the same messages, an answer at a time; and what a cache in front may do with answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::program::Program;
use super::{ARS_CHE, BAR_RMA, LIV_MUN, goal, kick_off, open, served};
use crate::subscriber::{Detail, Sums, Traveller, Way, offset};
use crate::support::{Answer, Client, Service, patch, soon};

async fn poll(service: &Service, query: &str) -> Answer {
    let answer = service.client().await.get(&format!("/v1/poll?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=1");
    answer
}

fn types(answer: &Value) -> Vec<&str> {
    answer["messages"].as_array().unwrap().iter().map(|message| message["type"].as_str().unwrap()).collect()
}

/// The position that everybody is at after the reports so far.
async fn begun(service: &Service, query: &str) -> String {
    poll(service, query).await.json()["position"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_position_it_answers_at_once_with_the_states() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let newest = goal(&mut acme, ARS_CHE, 1, 0).await;
    let answer = poll(&service, "topics=soccer/eng.1").await.json();
    assert_eq!(types(&answer), ["subscribed", "state", "state"]);
    let expected = json!({"type": "subscribed", "id": 0, "topics": ["soccer/eng.1"], "detail": "full", "delay": 0,
        "max_rate": 0, "mode": "latest", "resumed": false, "games": 2});
    assert_eq!(answer["messages"][0], expected);
    assert_eq!((&answer["position"], &answer["more"]), (&json!(newest), &json!(false)));
    assert_eq!(answer["messages"][2]["state"]["competitors"]["home"]["score"]["total"], 1);
    let of_nothing = poll(&service, "topics=tennis").await.json();
    assert_eq!(types(&of_nothing), ["subscribed"]);
    service.counts("scoreline_connections_opened_total{transport=\"poll\"}", 2.0).await;
    service.counts("scoreline_connections{transport=\"poll\"}", 0.0).await;
    service.counts("scoreline_deliveries_total{transport=\"poll\"}", 4.0).await;
}

#[tokio::test]
async fn with_a_position_it_waits_for_news_under_its_topics() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let since = begun(&service, "topics=soccer/eng.1").await;
    let query = format!("topics=soccer/eng.1&since={since}&detail=score");
    let waiting = poll(&service, &query);
    let news = async {
        while service.metric("scoreline_connections{transport=\"poll\"}") < 1.0 {
            tokio::task::yield_now().await;
        }
        // Neither another competition nor what only the full detail shows is news.
        goal(&mut acme, BAR_RMA, 1, 0).await;
        acme.report(patch(ARS_CHE, json!({"info": {"referee": "Ana Ruiz"}}))).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(service.metric("scoreline_connections{transport=\"poll\"}"), 1.0, "it still waits");
        goal(&mut acme, LIV_MUN, 0, 1).await
    };
    let (answer, newest) = soon(async { tokio::join!(waiting, news) }).await;
    let answer = answer.json();
    assert_eq!(types(&answer), ["subscribed", "update"]);
    assert_eq!(answer["messages"][0]["resumed"], true);
    assert_eq!(answer["messages"][1]["game"], LIV_MUN);
    assert_eq!((&answer["position"], &answer["more"]), (&json!(newest), &json!(false)));
    // Whoever comes later with the same URL is told the same at once.
    assert_eq!(poll(&service, &query).await.json(), answer);
    // Beyond the time there is nothing, but the position moves on.
    let newest = goal(&mut acme, BAR_RMA, 2, 0).await;
    let answer = poll(&service, &format!("topics=soccer/eng.1&since={since}&wait=0")).await.json();
    assert_eq!(types(&answer), ["subscribed", "update", "update"]);
    let answer = poll(&service, &format!("topics=soccer/eng.1&since={newest}&wait=0.3")).await.json();
    assert_eq!((types(&answer), &answer["position"]), (vec!["subscribed"], &json!(newest)));
}

#[tokio::test]
async fn a_position_that_is_not_honoured_is_a_reset() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let answer = poll(&service, "topics=soccer/eng.1&since=zzz.3").await.json();
    assert_eq!(types(&answer), ["reset", "subscribed", "state", "state"]);
    assert_eq!(answer["messages"][0], json!({"type": "reset", "id": 0, "reason": "epoch"}));
    let here = answer["position"].as_str().unwrap();
    let epoch = here.split_once('.').unwrap().0;
    let answer = poll(&service, &format!("topics=soccer/eng.1&since={epoch}.999999")).await.json();
    assert_eq!(answer["messages"][0]["reason"], "ahead");
    assert_eq!(answer["messages"][1]["resumed"], false);
    // The position of a load's piece is no better.
    let answer = poll(&service, "topics=soccer/eng.1&since=zzz.3-9s9").await.json();
    assert_eq!(answer["messages"][0]["reason"], "epoch");
    let mut socket = open(&service, "").await;
    let command = json!({"type": "subscribe", "id": 1, "topics": ["soccer"], "since": format!("{epoch}.3-9s9")});
    socket.say(&command).await;
    assert_eq!(socket.expect("error").await["code"], "bad_request");
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_problem() {
    let (service, _acme) = served("allow_origin = [\"https://paper.example\"]\n[limits]\ntopics = 2").await;
    let mut client = service.client().await;
    for query in [
        "",
        "?topics=*&mode=every",
        "?topics=*&wait=31",
        "?topics=*&wait=-1",
        "?topics=*&wait=x",
        "?topics=*&since=x",
        "?topics=*&since=a.1-2x3",
        "?topics=*&delay=9999",
        "?topic=soccer",
    ] {
        client.get(&format!("/v1/poll{query}")).await.problem(400, "bad_request");
    }
    client.get("/v1/poll?topics=Soccer/").await.problem(400, "topic_invalid");
    client.get("/v1/poll?topics=a,b,c").await.problem(400, "topic_limit");
    client.get("/v1/sse?topics=*&wait=3").await.header("scoreline-refused").strip_prefix("bad_request").unwrap();
    let foreign = client.ask("GET", "/v1/poll?topics=*", &["Origin: https://evil.example"], "").await;
    foreign.problem(403, "origin_refused");
    assert_eq!(client.ask("POST", "/v1/poll?topics=*", &[], "").await.status, 405);

    let listed = ["Origin: https://paper.example"];
    for path in ["/v1/poll?topics=*", "/v1/games", "/v1/history/soccer/a/b", "/v1/games/soccer/a/b"] {
        let answer = client.ask("GET", path, &listed, "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "https://paper.example", "{path}");
        assert_eq!(answer.header("vary"), "Origin");
        let asked = client.ask("OPTIONS", path, &listed, "").await;
        assert_eq!((asked.status.as_u16(), asked.header("access-control-allow-methods")), (204, "GET, HEAD"), "{path}");
        assert_eq!(asked.header("access-control-allow-origin"), "https://paper.example", "{path}");
        let foreign = client.ask("OPTIONS", path, &["Origin: https://evil.example"], "").await;
        assert_eq!(foreign.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn answers_have_a_tag_that_changes_with_them() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut client = service.client().await;
    let since = begun(&service, "topics=*").await;
    for path in ["/v1/poll?topics=soccer/eng.1", "/v1/games?topics=soccer/eng.1", &format!("/v1/games/{ARS_CHE}")] {
        let first = client.get(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{first:?}");
        // Elsewhere something changes.
        acme.report(patch(BAR_RMA, json!({"info": {"crowd": path.len()}}))).await;
        let again = client.ask("GET", path, &[&format!("If-None-Match: {tag}")], "").await;
        assert_eq!((again.status.as_u16(), again.text(), again.header("etag")), (304, "", tag.as_str()), "{path}");
        assert_eq!(again.header("cache-control"), "public, max-age=1");
        acme.report(patch(ARS_CHE, json!({"info": {"crowd": path.len()}}))).await;
        let changed = client.ask("GET", path, &[&format!("If-None-Match: {tag}")], "").await;
        assert_eq!(changed.status, 200);
        assert_ne!(changed.header("etag"), tag);
        // The same of everybody, byte for byte.
        assert_eq!(service.client().await.get(path).await.body, changed.body);
    }
    let private = client.get("/v1/poll?topics=*&token=abc").await;
    assert_eq!(private.header("cache-control"), "no-store");
    let head = client.ask("HEAD", &format!("/v1/poll?topics=*&since={since}"), &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn delayed_answers_are_as_of_their_moment() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let answer = poll(&service, "topics=*&delay=200").await.json();
    assert_eq!((types(&answer), &answer["messages"][0]["games"]), (vec!["subscribed"], &json!(0)));
    assert_eq!(offset(answer["position"].as_str().unwrap()), 0);
    let mut client = service.client().await;
    let games = client.get("/v1/games?delay=200").await.json();
    assert_eq!((&games["games"], &games["position"]), (&json!({}), &answer["position"]));
    client.get(&format!("/v1/games/{ARS_CHE}?delay=200")).await.problem(404, "not_found");
    // That it exists is news, too.
    client.get(&format!("/v1/history/{ARS_CHE}?delay=200")).await.problem(404, "not_found");
    client.get("/v1/games?delay=9999").await.problem(400, "bad_request");

    // Waiting, it is told when its moment comes, not when the log moves.
    let since = begun(&service, "topics=*&delay=1").await;
    acme.report(patch("tennis/wta/final", json!({"status": "live"}))).await;
    let answer = poll(&service, &format!("topics=*&delay=1&since={since}")).await.json();
    assert!(types(&answer).contains(&"state"), "{answer}");
}

#[tokio::test]
async fn more_than_a_mebibyte_comes_in_pieces_of_one_load() {
    let (service, mut acme) = served("").await;
    let notes = |text: &str| -> Value {
        let notes = (0..25).map(|note| (format!("note{note}"), text.repeat(500).into()));
        json!({"info": notes.collect::<serde_json::Map<String, Value>>()})
    };
    for number in 0..100 {
        acme.report(patch(&format!("tennis/wta/match-{number}"), notes("ab"))).await;
    }
    let mut sums = Sums::default();
    let mut traveller = Traveller::new(&["tennis/wta"], Detail::Full);
    traveller.connect(Way::Poll, service.main()).await;
    assert!(traveller.poll(&mut sums).await, "there is more");
    // Meanwhile one that was sent goes, one changes, one that was not sent goes.
    for game in ["match-1", "match-99"] {
        acme.ask("DELETE", &format!("/v1/games/tennis/wta/{game}"), &[], "").await;
    }
    acme.report(patch("tennis/wta/match-2", json!({"status": "live"}))).await;
    while traveller.poll(&mut sums).await {}
    let expected = service.client().await.games("tennis/wta", "full").await;
    assert_eq!(traveller.replica.documents(), expected);
    assert_eq!(expected.len(), 98);

    // What has changed since a position may be as much.
    for number in 10..80 {
        acme.report(patch(&format!("tennis/wta/match-{number}"), notes("cd"))).await;
    }
    assert!(traveller.poll(&mut sums).await, "there is more");
    acme.report(patch("tennis/wta/match-11", json!({"status": "live"}))).await;
    acme.ask("DELETE", "/v1/games/tennis/wta/match-12", &[], "").await;
    while traveller.poll(&mut sums).await {}
    let expected = service.client().await.games("tennis/wta", "full").await;
    assert_eq!(traveller.replica.documents(), expected);
    assert_eq!((traveller.replica.counts.snapshots, traveller.replica.counts.resets), (1, 0));
}

#[tokio::test]
async fn on_sigterm_those_who_wait_are_answered() {
    let mut program = Program::start("").await;
    let mut acme = program.acme().await;
    kick_off(&mut acme).await;
    let mut client = Client::connect(program.main()).await;
    let first = client.get("/v1/poll?topics=tennis").await.json();
    let position = first["position"].as_str().unwrap();
    let path = format!("/v1/poll?topics=tennis&since={position}");
    let waiting = client.begin(&path, &[]);
    let stop = async {
        let mut ops = program.ops().await;
        while !ops.get("/metrics").await.text().contains("scoreline_connections{transport=\"poll\"} 1\n") {}
        program.terminate();
    };
    let (answer, ()) = soon(async { tokio::join!(waiting, stop) }).await;
    assert_eq!(answer.status(), 200);
    drop((answer, client, acme));
    assert_eq!(program.wait().code(), Some(0));
}
