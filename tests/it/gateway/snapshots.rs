//! Games by plain GET.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ARS_CHE, BAR_RMA, LIV_MUN, goal, kick_off, open, served};
use crate::support::patch;

fn games(answer: &Value) -> Vec<&str> {
    answer["games"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn all_games_under_some_topics_in_a_detail() {
    let (service, mut acme) = served("").await;
    let mut client = service.client().await;
    let empty = client.get("/v1/games").await;
    assert_eq!(
        (empty.status.as_u16(), &empty.json()["games"], &empty.json()["more"]),
        (200, &json!({}), &json!(false))
    );
    kick_off(&mut acme).await;
    let position = goal(&mut acme, ARS_CHE, 1, 0).await;

    let all = client.get("/v1/games").await;
    assert_eq!(all.header("content-type"), "application/json");
    let all = all.json();
    assert_eq!(games(&all), [ARS_CHE, LIV_MUN, BAR_RMA]);
    assert_eq!((&all["position"], &all["more"]), (&json!(position), &json!(false)));
    assert_eq!(all["games"][ARS_CHE]["version"], 2);
    assert_eq!(all["games"][ARS_CHE]["state"]["info"]["venue"], "The Park");

    let some = client.get("/v1/games?topics=team/soccer/arsenal,soccer/esp.1&detail=score").await.json();
    assert_eq!(games(&some), [ARS_CHE, BAR_RMA]);
    assert!(some["games"][ARS_CHE]["state"].get("info").is_none());
    assert_eq!(some["games"][ARS_CHE]["version"], 2);

    // What a subscriber is told.
    let mut socket = open(&service, "?topics=*").await;
    socket.expect("subscribed").await;
    let mut states = BTreeMap::new();
    for _ in 0..3 {
        let state = socket.expect("state").await;
        states.insert(
            state["game"].as_str().unwrap().to_owned(),
            json!({"version": state["version"], "state": state["state"]}),
        );
    }
    assert_eq!(json!(states), all["games"]);
    assert_eq!(socket.expect("position").await["position"], all["position"]);
}

#[tokio::test]
async fn status_and_limit_filter() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    acme.report(patch(LIV_MUN, json!({"status": "final"}))).await;
    let mut client = service.client().await;
    assert_eq!(games(&client.get("/v1/games?status=final").await.json()), [LIV_MUN]);
    assert_eq!(games(&client.get("/v1/games?status=final,live").await.json()), [ARS_CHE, LIV_MUN, BAR_RMA]);
    assert_eq!(games(&client.get("/v1/games?status=postponed").await.json()), [] as [&str; 0]);
    let one = client.get("/v1/games?status=live&limit=1").await.json();
    assert_eq!((games(&one), &one["more"]), (vec![ARS_CHE], &json!(true)));
    let two = client.get("/v1/games?status=live&limit=2").await.json();
    assert_eq!((games(&two), &two["more"]), (vec![ARS_CHE, BAR_RMA], &json!(false)));
}

#[tokio::test]
async fn since_continues() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut client = service.client().await;
    let first = client.get("/v1/games?limit=2").await.json();
    assert_eq!((games(&first), &first["more"]), (vec![ARS_CHE, LIV_MUN], &json!(true)), "in the order of last change");
    let since = first["position"].as_str().unwrap();
    goal(&mut acme, ARS_CHE, 1, 0).await;
    acme.ask("DELETE", &format!("/v1/games/{LIV_MUN}"), &[], "").await;
    let rest = client.get(&format!("/v1/games?since={since}")).await.json();
    assert_eq!(games(&rest), [ARS_CHE, LIV_MUN, BAR_RMA]);
    assert_eq!((&rest["games"][LIV_MUN], &rest["more"]), (&Value::Null, &json!(false)), "removed meanwhile");
    assert_eq!(rest["games"][ARS_CHE]["version"], 2);
    let since = rest["position"].as_str().unwrap();
    assert_eq!(games(&client.get(&format!("/v1/games?since={since}")).await.json()), [] as [&str; 0]);
}

#[tokio::test]
async fn long_answers_come_in_pages() {
    let (service, mut acme) = served("").await;
    let text = "long ".repeat(200);
    let info: serde_json::Map<_, _> = (0..5).map(|key| (format!("text-{key}"), text.as_str().into())).collect();
    for block in 0..6 {
        let reports: Vec<Value> =
            (0..100).map(|number| patch(&format!("soccer/eng.1/g-{block}-{number}"), json!({"info": info}))).collect();
        assert_eq!(acme.post(&reports.into()).await.status, 200);
    }
    let mut client = service.client().await;
    let (mut path, mut pages, mut found) = ("/v1/games".to_owned(), 0, BTreeMap::new());
    loop {
        let answer = client.get(&path).await;
        assert!(answer.body.len() < 2 << 20, "about 1 MiB: {}", answer.body.len());
        let page = answer.json();
        for (game, held) in page["games"].as_object().unwrap() {
            assert!(found.insert(game.clone(), held.clone()).is_none(), "{game} comes once");
        }
        pages += 1;
        if page["more"] == false {
            break;
        }
        path = format!("/v1/games?since={}", page["position"].as_str().unwrap());
    }
    assert_eq!(found.len(), 600);
    assert!(pages >= 3, "{pages} pages");
}

#[tokio::test]
async fn a_position_that_cannot_be_continued_is_a_conflict() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut client = service.client().await;
    let here = client.get("/v1/games").await.json()["position"].as_str().unwrap().to_owned();
    let ahead = here.replace('.', ".9");
    for since in ["other.1", &ahead] {
        client.get(&format!("/v1/games?since={since}")).await.problem(409, "conflict");
        client.get(&format!("/v1/history/{ARS_CHE}?since={since}")).await.problem(409, "conflict");
    }
    client.get("/v1/games?since=yesterday").await.problem(400, "bad_request");
}

#[tokio::test]
async fn what_is_misspelt_is_said_and_not_answered_with_nothing() {
    let (service, _) = served("").await;
    let mut client = service.client().await;
    client.get("/v1/games?status=living").await.problem(400, "bad_request");
    assert_eq!(client.get("/v1/games?status=live,final").await.status, 200);
    for (path, code) in [("/v1/games/soccer/eng.1", "topic_invalid"), ("/v1/history/soccer", "topic_invalid")] {
        client.get(path).await.problem(400, code);
    }
    for path in ["/v1/games/", "/v1/sse/", "/v1/updates/", "/docs/", "/v1/games/soccer/eng.1/a/"] {
        for method in ["GET", "POST", "OPTIONS"] {
            client.ask(method, path, &[], "").await.problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn nothing_new_is_304() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut client = service.client().await;
    for path in [
        "/v1/games?topics=soccer/eng.1",
        &format!("/v1/games/{ARS_CHE}"),
        &format!("/v1/games?topics={ARS_CHE}&detail=score"),
    ] {
        let etag = client.get(path).await.header("etag").to_owned();
        assert!(etag.starts_with("W/\"") && etag.ends_with('"'), "{etag}");
        goal(&mut acme, BAR_RMA, 1, fastrand::u32(1..1_000_000)).await;
        for known in [etag.clone(), format!("W/\"other\", {etag}"), "*".to_owned()] {
            let answer = client.ask("GET", path, &[&format!("if-none-match: {known}")], "").await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0), "another topic's news is not this one's");
            assert_eq!(answer.header("etag"), etag);
        }
        goal(&mut acme, ARS_CHE, fastrand::u32(1..1_000_000), 0).await;
        let answer = client.ask("GET", path, &[&format!("if-none-match: {etag}")], "").await;
        assert_eq!(answer.status, 200);
        assert_ne!(answer.header("etag"), etag);
    }
    // A removal is news too.
    let etag = client.get("/v1/games?topics=soccer/eng.1").await.header("etag").to_owned();
    acme.ask("DELETE", &format!("/v1/games/{LIV_MUN}"), &[], "").await;
    let answer = client.ask("GET", "/v1/games?topics=soccer/eng.1", &[&format!("if-none-match: {etag}")], "").await;
    assert_eq!((answer.status.as_u16(), games(&answer.json())), (200, vec![ARS_CHE]));
}

#[tokio::test]
async fn one_game() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let position = goal(&mut acme, ARS_CHE, 2, 1).await;
    let mut client = service.client().await;
    let one = client.get(&format!("/v1/games/{ARS_CHE}")).await.json();
    assert_eq!((&one["game"], &one["version"], &one["position"]), (&json!(ARS_CHE), &json!(2), &json!(position)));
    assert_eq!(one["state"]["competitors"]["home"]["score"]["total"], 2);
    let one = client.get(&format!("/v1/games/{ARS_CHE}?detail=score")).await.json();
    assert!(one["state"].get("info").is_none());
    client.get("/v1/games/soccer/eng.1/nobody").await.problem(404, "not_found");
    acme.ask("DELETE", &format!("/v1/games/{ARS_CHE}"), &[], "").await;
    client.get(&format!("/v1/games/{ARS_CHE}")).await.problem(404, "not_found");
    client.get("/v1/games/soccer/eng.1").await.problem(400, "topic_invalid");
    client.get("/v1/games/Soccer/eng.1/x").await.problem(400, "topic_invalid");
    client.get("/v1/games?topics=team/soccer").await.problem(400, "topic_invalid");
    client.get("/v1/games?topic=soccer").await.problem(400, "bad_request");
}

#[tokio::test]
async fn a_game_s_history_is_what_is_still_kept() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let first = goal(&mut acme, ARS_CHE, 1, 0).await;
    goal(&mut acme, BAR_RMA, 1, 0).await;
    let second = goal(&mut acme, ARS_CHE, 1, 1).await;
    let mut client = service.client().await;
    let history = client.get(&format!("/v1/history/{ARS_CHE}")).await.json();
    let publications = history["publications"].as_array().unwrap();
    let spans: Vec<_> = publications.iter().map(|past| (past["base"].as_u64(), past["version"].as_u64())).collect();
    assert_eq!(spans, [(Some(0), Some(1)), (Some(1), Some(2)), (Some(2), Some(3))], "oldest first");
    assert_eq!(publications[2]["position"], second);
    assert_eq!(publications[2]["patch"], json!({"competitors": {"away": {"score": {"total": 1}}}}));
    assert!(publications.iter().all(|past| past["at"].as_i64().is_some_and(|at| at > 1_600_000_000_000)), "{history}");

    // Applied one after the other they make the game.
    let mut state = json!({});
    publications.iter().for_each(|past| json_patch::merge(&mut state, &past["patch"]));
    assert_eq!(state, client.get(&format!("/v1/games/{ARS_CHE}")).await.json()["state"]);

    let after = client.get(&format!("/v1/history/{ARS_CHE}?since={first}")).await.json();
    assert_eq!(after["publications"], json!([publications[2]]));
    let oldest = client.get(&format!("/v1/history/{ARS_CHE}?limit=1")).await.json();
    assert_eq!(oldest["publications"], json!([publications[0]]));
    assert_eq!([&history["more"], &after["more"], &oldest["more"]], [false, false, true]);
    client.get("/v1/history/soccer/eng.1/nobody").await.problem(404, "not_found");
    client.get("/v1/history/soccer").await.problem(400, "topic_invalid");
}

/// Seen to answer with all that is kept, 60 MB of one game.
#[tokio::test]
async fn a_long_history_comes_in_pages() {
    let (service, mut acme) = served("").await;
    for number in 0..60 {
        let long = char::from(b'A' + number).to_string().repeat(1_000);
        let info: serde_json::Value = (0..30).map(|key| (format!("k{key}"), json!(long))).collect();
        acme.report(crate::support::patch(ARS_CHE, json!({ "info": info }))).await;
    }
    let mut client = service.client().await;
    let (mut after, mut pages, mut versions) = (String::new(), 0, Vec::new());
    loop {
        let answer = client.get(&format!("/v1/history/{ARS_CHE}?{after}")).await;
        assert!(answer.text().len() < 2 << 20, "{} bytes", answer.text().len());
        let page = answer.json();
        let publications = page["publications"].as_array().unwrap();
        versions.extend(publications.iter().map(|past| past["version"].as_u64().unwrap()));
        pages += 1;
        if page["more"] == false {
            break;
        }
        after = format!("since={}", publications.last().unwrap()["position"].as_str().unwrap());
    }
    assert!(pages > 1 && versions.len() == 60 && versions.is_sorted(), "{pages} pages: {versions:?}");
}
