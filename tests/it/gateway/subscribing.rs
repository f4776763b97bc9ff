//! Subscribe, unsubscribe, details, topics that overlap, games that come and go.

use serde_json::json;

use super::{ARS_CHE, BAR_RMA, LIV_MUN, goal, kick_off, kickoff, open, served, subscribe};
use crate::support::{patch, with};

#[tokio::test]
async fn by_url_the_first_frames_are_hello_subscribed_the_states_and_the_end_mark() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let newest = goal(&mut acme, ARS_CHE, 1, 0).await;
    let mut socket = super::shake(&service, crate::subscriber::Handshake::new("/v1/ws?topics=soccer/eng.1")).await;

    let hello = socket.expect("hello").await;
    assert_eq!(hello["heartbeat"], 15);
    assert!(hello["time_ms"].as_i64().unwrap() > 1_600_000_000_000, "{hello}");
    assert!(hello["session"].as_str().is_some_and(|name| name.len() == 36) && hello["gateway"].is_string(), "{hello}");
    let subscribed = socket.expect("subscribed").await;
    let expected = json!({"type": "subscribed", "id": 0, "topics": ["soccer/eng.1"], "detail": "full", "delay": 0,
        "max_rate": 0, "mode": "latest", "resumed": false, "games": 2});
    assert_eq!(subscribed, expected);
    // In the order of their last change.
    let (first, second) = (socket.expect("state").await, socket.expect("state").await);
    assert_eq!((&first["game"], &second["game"]), (&json!(LIV_MUN), &json!(ARS_CHE)));
    assert_eq!(first["state"]["info"]["venue"], "The Park");
    assert_eq!(second["state"]["competitors"]["home"]["score"]["total"], 1);
    assert_eq!(second["version"], 2);
    let end = socket.expect("position").await;
    assert_eq!(end, json!({"type": "position", "id": 0, "position": newest}));

    let newest = goal(&mut acme, ARS_CHE, 1, 1).await;
    let update = socket.expect("update").await;
    let at = update["at"].as_i64().unwrap();
    let expected = json!({"type": "update", "game": ARS_CHE, "base": 2, "version": 3, "position": newest, "at": at,
        "patch": {"competitors": {"away": {"score": {"total": 1}}}}});
    assert_eq!(update, expected);
}

#[tokio::test]
async fn by_command_each_with_its_id() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, "").await;
    socket.say(&with(subscribe(7, &["soccer/esp.1", "team/soccer/liverpool"]), "detail", "score")).await;
    let subscribed = socket.expect("subscribed").await;
    assert_eq!((&subscribed["id"], &subscribed["games"]), (&json!(7), &json!(2)));
    assert_eq!(
        (&subscribed["detail"], &subscribed["topics"]),
        (&json!("score"), &json!(["soccer/esp.1", "team/soccer/liverpool"]))
    );
    for game in [LIV_MUN, BAR_RMA] {
        let state = socket.expect("state").await;
        assert_eq!(state["game"], game);
        let keys: Vec<&String> = state["state"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["competition", "competitors", "feed", "sport", "status"], "the score detail");
    }
    assert_eq!(socket.expect("position").await["id"], 7);

    // What only the full detail shows is not sent; the next score's base is the last version that touched it.
    acme.report(patch(BAR_RMA, json!({"info": {"referee": "Ana Ruiz"}}))).await;
    goal(&mut acme, BAR_RMA, 1, 0).await;
    let update = socket.expect("update").await;
    let first = update["base"].as_u64().unwrap();
    assert_eq!(update["version"].as_u64().unwrap(), first + 2);
    // Not under its topics.
    goal(&mut acme, ARS_CHE, 1, 0).await;
    socket.silent().await;
}

#[tokio::test]
async fn a_topic_without_games_has_its_end_mark_and_later_its_games() {
    let (service, mut acme) = served("").await;
    let mut socket = open(&service, "?topics=tennis").await;
    assert_eq!(socket.expect("subscribed").await["games"], 0);
    assert_eq!(socket.expect("position").await["id"], 0);
    let created = acme.report(patch("tennis/wta/final", json!({"status": "live"}))).await;
    let state = socket.expect("state").await;
    assert_eq!((&state["game"], &state["version"]), (&created["game"], &created["version"]));
    assert!(state.get("position").is_none(), "{state}");
}

#[tokio::test]
async fn unsubscribed_games_are_silent_and_others_go_on() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, "?topics=soccer/eng.1,soccer/esp.1").await;
    while socket.message().await.unwrap()["type"] != "position" {}
    socket.say(&json!({"type": "unsubscribe", "id": 2, "topics": ["soccer/eng.1"]})).await;
    let unsubscribed = socket.expect("unsubscribed").await;
    assert_eq!(unsubscribed, json!({"type": "unsubscribed", "id": 2, "topics": ["soccer/eng.1"]}));
    goal(&mut acme, ARS_CHE, 1, 0).await;
    goal(&mut acme, BAR_RMA, 1, 0).await;
    assert_eq!(socket.expect("update").await["game"], BAR_RMA);
    // Of what it does not have it can be rid as well.
    socket.say(&json!({"type": "unsubscribe", "id": 3, "topics": ["soccer/eng.1", "tennis"]})).await;
    assert_eq!(socket.expect("unsubscribed").await["id"], 3);
    service.counts("scoreline_subscriptions", 1.0).await;
}

#[tokio::test]
async fn where_topics_overlap_the_greatest_detail_is_sent_once() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, "?topics=*&detail=score").await;
    while socket.message().await.unwrap()["type"] != "position" {}

    // Raised: the state follows in the load, changed or not.
    socket.say(&subscribe(1, &[ARS_CHE])).await;
    assert_eq!(socket.expect("subscribed").await["id"], 1);
    let state = socket.expect("state").await;
    assert_eq!((&state["game"], &state["state"]["info"]["venue"]), (&json!(ARS_CHE), &json!("The Park")));
    assert_eq!(socket.expect("position").await["id"], 1);
    acme.report(patch(ARS_CHE, json!({"info": {"referee": "Ana Ruiz"}}))).await;
    acme.report(patch(LIV_MUN, json!({"info": {"referee": "Ana Ruiz"}}))).await;
    goal(&mut acme, ARS_CHE, 1, 0).await;
    let (first, second) = (socket.expect("update").await, socket.expect("update").await);
    assert_eq!(first["patch"], json!({"info": {"referee": "Ana Ruiz"}}));
    assert_eq!(second["base"], first["version"], "each once, in full");
    assert_eq!(second["game"], ARS_CHE);
    socket.silent().await;

    // Lowered: the state follows without what is no longer asked for.
    socket.say(&json!({"type": "unsubscribe", "id": 2, "topics": [ARS_CHE]})).await;
    assert_eq!(socket.expect("unsubscribed").await["id"], 2);
    let state = socket.expect("state").await;
    assert_eq!((&state["game"], &state["version"]), (&json!(ARS_CHE), &second["version"]));
    assert!(state["state"].get("info").is_none(), "{state}");
    socket.silent().await;
}

#[tokio::test]
async fn subscribing_again_replaces_the_detail() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, &format!("?topics={ARS_CHE}")).await;
    while socket.message().await.unwrap()["type"] != "position" {}
    socket.say(&with(subscribe(1, &[ARS_CHE]), "detail", "score")).await;
    assert_eq!(socket.expect("subscribed").await["resumed"], false);
    assert!(socket.expect("state").await["state"].get("info").is_none());
    assert_eq!(socket.expect("position").await["id"], 1);
    acme.report(patch(ARS_CHE, json!({"info": {"referee": "Ana Ruiz"}}))).await;
    socket.silent().await;
}

#[tokio::test]
async fn a_removed_game_is_told_and_comes_back_as_a_state() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, "?topics=soccer/eng.1").await;
    while socket.message().await.unwrap()["type"] != "position" {}
    let answer = acme.ask("DELETE", &format!("/v1/games/{ARS_CHE}"), &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let removed = socket.expect("removed").await;
    assert_eq!(removed, json!({"type": "removed", "game": ARS_CHE, "position": answer.json()["position"]}));
    let again = acme.report(patch(ARS_CHE, json!({"status": "final"}))).await;
    let state = socket.expect("state").await;
    assert_eq!((&state["game"], &state["version"]), (&json!(ARS_CHE), &again["version"]));
    assert!(state["state"].get("competitors").is_none(), "afresh: {state}");
}

#[tokio::test]
async fn games_enter_a_team_s_topic_as_state_and_leave_it_as_removed() {
    let (service, mut acme) = served("").await;
    let mut team = open(&service, "?topics=team/soccer/arsenal").await;
    while team.message().await.unwrap()["type"] != "position" {}
    let mut both = open(&service, &format!("?topics=team/soccer/arsenal,{ARS_CHE}")).await;
    while both.message().await.unwrap()["type"] != "position" {}

    let unknown = kickoff("nobody", "chelsea");
    acme.report(patch(ARS_CHE, unknown)).await;
    assert_eq!(both.expect("state").await["game"], ARS_CHE);
    let named = acme.report(patch(ARS_CHE, json!({"competitors": {"home": {"team": "arsenal"}}}))).await;
    let state = team.expect("state").await;
    assert_eq!((&state["game"], &state["version"]), (&json!(ARS_CHE), &named["version"]));
    assert_eq!(both.expect("update").await["version"], named["version"]);

    goal(&mut acme, ARS_CHE, 1, 0).await;
    assert_eq!(team.expect("update").await["game"], ARS_CHE);
    assert_eq!(both.expect("update").await["game"], ARS_CHE);

    let left = acme.report(patch(ARS_CHE, json!({"competitors": {"home": {"team": "everton"}}}))).await;
    let removed = team.expect("removed").await;
    assert_eq!(removed, json!({"type": "removed", "game": ARS_CHE, "position": left["position"]}));
    assert_eq!(both.expect("update").await["version"], left["version"], "another topic still covers it");
    goal(&mut acme, ARS_CHE, 2, 0).await;
    assert_eq!(both.expect("update").await["game"], ARS_CHE);
    team.silent().await;
}
