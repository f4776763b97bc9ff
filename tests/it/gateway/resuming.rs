//! Resume with a position; the resets where one cannot be honoured.

use serde_json::json;

use super::{ARS_CHE, BAR_RMA, LIV_MUN, goal, kick_off, kickoff, open, served, subscribe};
use crate::subscriber::Socket;
use crate::support::{patch, with};

/// The position of a topic's end mark.
async fn end_mark(socket: &mut Socket) -> String {
    loop {
        let message = crate::support::soon(socket.message()).await.expect("an end mark");
        if message["type"] == "position" {
            return message["position"].as_str().unwrap().to_owned();
        }
    }
}

#[tokio::test]
async fn what_changed_comes_as_updates_removals_and_states() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, "?topics=soccer").await;
    let since = end_mark(&mut socket).await;
    drop(socket);

    goal(&mut acme, LIV_MUN, 1, 0).await;
    goal(&mut acme, LIV_MUN, 1, 1).await;
    acme.ask("DELETE", &format!("/v1/games/{BAR_RMA}"), &[], "").await;
    acme.report(patch("soccer/ita.1/int-mil", kickoff("inter", "milan"))).await;
    // This one changes its topics.
    let last = acme.report(patch(ARS_CHE, json!({"competitors": {"home": {"team": "everton"}}}))).await;

    for by_command in [false, true] {
        let mut socket = match by_command {
            false => open(&service, &format!("?topics=soccer&since={since}")).await,
            true => {
                let mut socket = open(&service, "").await;
                socket.say(&with(subscribe(5, &["soccer"]), "since", since.as_str())).await;
                socket
            }
        };
        let subscribed = socket.expect("subscribed").await;
        assert_eq!((&subscribed["resumed"], &subscribed["games"]), (&json!(true), &json!(3)));
        let update = socket.expect("update").await;
        let expected = json!({"competitors": {"home": {"score": {"total": 1}}, "away": {"score": {"total": 1}}}});
        assert_eq!((&update["game"], &update["patch"]), (&json!(LIV_MUN), &expected));
        assert_eq!(update["version"].as_u64().unwrap(), update["base"].as_u64().unwrap() + 2, "both goals in one");
        assert!(update.get("position").is_none(), "the load is not complete: {update}");
        let removed = socket.expect("removed").await;
        assert_eq!(removed, json!({"type": "removed", "game": BAR_RMA}));
        assert_eq!(socket.expect("state").await["game"], "soccer/ita.1/int-mil");
        let state = socket.expect("state").await;
        assert_eq!((&state["game"], &state["version"]), (&json!(ARS_CHE), &last["version"]));
        assert_eq!(end_mark(&mut socket).await, last["position"]);
    }
}

#[tokio::test]
async fn nothing_changed_and_nothing_is_sent() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let since = end_mark(&mut open(&service, "?topics=*").await).await;
    let mut socket = open(&service, &format!("?topics=*&since={since}")).await;
    assert_eq!(socket.expect("subscribed").await["resumed"], true);
    assert_eq!(socket.expect("position").await["position"], since);
    // And what is not of its detail is nothing.
    acme.report(patch(ARS_CHE, json!({"info": {"referee": "Ana Ruiz"}}))).await;
    let mut socket = open(&service, &format!("?topics=*&since={since}&detail=score")).await;
    assert_eq!(socket.expect("subscribed").await["resumed"], true);
    assert_ne!(socket.expect("position").await["position"], since);
}

#[tokio::test]
async fn a_position_of_another_server_gives_a_reset_and_the_states() {
    let (other, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let foreign = end_mark(&mut open(&other, "?topics=*").await).await;
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    goal(&mut acme, ARS_CHE, 1, 0).await;

    let mut socket = open(&service, &format!("?topics=soccer/eng.1&since={foreign}")).await;
    assert_eq!(socket.expect("reset").await, json!({"type": "reset", "id": 0, "reason": "epoch"}));
    assert_eq!(socket.expect("subscribed").await["resumed"], false);
    assert_eq!(socket.expect("state").await["game"], LIV_MUN);
    assert_eq!(socket.expect("state").await["game"], ARS_CHE);
    end_mark(&mut socket).await;
    service.counts("scoreline_resets_total{reason=\"epoch\"}", 1.0).await;
}

#[tokio::test]
async fn a_position_ahead_is_waited_for() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let held = end_mark(&mut open(&service, "?topics=*").await).await;
    let (epoch, offset) = held.split_once('.').unwrap();
    let ahead = format!("{epoch}.{}", offset.parse::<u64>().unwrap() + 1);
    let mut socket = open(&service, &format!("?topics=soccer/eng.1&since={ahead}")).await;
    // Other commands are answered meanwhile.
    socket.silent().await;
    assert_eq!(goal(&mut acme, ARS_CHE, 1, 0).await, ahead, "the position comes to be");
    assert_eq!(socket.expect("subscribed").await["resumed"], true);
    assert_eq!(socket.expect("position").await["position"], ahead);
}

#[tokio::test]
async fn a_position_that_stays_ahead_gives_a_reset_in_the_end() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let held = end_mark(&mut open(&service, "?topics=*").await).await;
    let ahead = held.replace('.', ".9");
    let mut socket = open(&service, &format!("?topics=soccer/esp.1&since={ahead}")).await;
    assert_eq!(socket.expect("reset").await, json!({"type": "reset", "id": 0, "reason": "ahead"}));
    assert_eq!(socket.expect("subscribed").await["resumed"], false);
    assert_eq!(socket.expect("state").await["game"], BAR_RMA);
    assert_eq!(end_mark(&mut socket).await, held);
}

#[tokio::test]
async fn a_position_before_a_forgotten_removal_gives_a_reset() {
    let (service, mut acme) = served("[limits]\ntombstones = \"1ms\"\nheartbeat = \"1s\"").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, "?topics=soccer/eng.1").await;
    let since = end_mark(&mut socket).await;
    acme.ask("DELETE", &format!("/v1/games/{BAR_RMA}"), &[], "").await;
    // Until the gateway has swept its tombstones, at the pace of its heartbeats, the position is still good.
    loop {
        socket.say(&with(subscribe(1, &["soccer/eng.1"]), "since", since.as_str())).await;
        let answer = socket.message().await.unwrap();
        if answer["type"] == "reset" {
            assert_eq!(answer, json!({"type": "reset", "id": 1, "reason": "trimmed"}));
            break;
        }
        assert_eq!((&answer["type"], &answer["resumed"]), (&json!("subscribed"), &json!(true)));
        end_mark(&mut socket).await;
        socket.expect("heartbeat").await;
    }
    assert_eq!(socket.expect("subscribed").await["resumed"], false);
    assert_eq!(socket.expect("state").await["game"], ARS_CHE);
}

#[tokio::test]
async fn a_malformed_position_is_a_bad_request() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "?topics=*&since=yesterday").await;
    let error = socket.expect("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(0), &json!("bad_request")));
    socket.say(&with(subscribe(4, &["*"]), "since", "k3qx9a.-1")).await;
    let error = socket.expect("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(4), &json!("bad_request")));
    socket.silent().await;
}
