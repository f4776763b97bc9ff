//! Commands that are no commands, or too many.

use serde_json::{Value, json};

use super::{ARS_CHE, open, served, shake, subscribe};
use crate::subscriber::{BINARY, Handshake, TEXT};
use crate::support::{patch, with};

#[tokio::test]
async fn what_is_no_command_is_an_error_and_no_end() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    for (text, id, code) in [
        ("Ping", Value::Null, "bad_request"),
        ("", Value::Null, "bad_request"),
        ("[]", Value::Null, "bad_request"),
        ("{\"type\":\"ping\"}", Value::Null, "bad_request"),
        ("{\"type\":\"ping\",\"id\":0}", Value::Null, "bad_request"),
        ("{\"type\":\"ping\",\"id\":-1}", Value::Null, "bad_request"),
        ("{\"type\":\"ping\",\"id\":1.5}", Value::Null, "bad_request"),
        ("{\"type\":\"ping\",\"id\":3,\"id\":4}", Value::Null, "bad_request"),
        ("{\"type\":\"ping\",\"id\":5,\"loud\":true}", json!(5), "bad_request"),
        ("{\"type\":\"sing\",\"id\":6}", json!(6), "bad_request"),
        ("{\"type\":\"subscribe\",\"id\":7}", json!(7), "bad_request"),
        ("{\"type\":\"subscribe\",\"id\":8,\"topics\":[]}", json!(8), "bad_request"),
        ("{\"type\":\"subscribe\",\"id\":9,\"topics\":[\"*\"],\"detail\":\"most\"}", json!(9), "bad_request"),
        ("{\"type\":\"subscribe\",\"id\":10,\"topics\":[\"Soccer/\"]}", json!(10), "topic_invalid"),
        ("{\"type\":\"unsubscribe\",\"id\":11,\"topics\":[\"team/soccer\"]}", json!(11), "topic_invalid"),
    ] {
        socket.send(TEXT, text.as_bytes()).await;
        let error = socket.expect("error").await;
        assert_eq!((&error["code"], error.get("id").unwrap_or(&Value::Null)), (&json!(code), &id), "{text} → {error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        // A good command ends a row of bad ones.
        socket.silent().await;
    }
    // An answer does not repeat all of what was sent.
    let long = format!("{{\"type\":\"ping\",\"id\":\"{}\"}}", "\u{7f}".repeat(10_000));
    socket.send(TEXT, long.as_bytes()).await;
    assert!(socket.expect("error").await["message"].as_str().unwrap().len() < 1_000);
    service.counts("scoreline_subscriptions", 0.0).await;
}

#[tokio::test]
async fn an_error_names_the_topic() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "?topics=soccer,Soccer/").await;
    let error = socket.expect("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(0), &json!("topic_invalid")));
    assert!(error["message"].as_str().unwrap().contains("\"Soccer/\""), "{error}");
    // Nothing of the command was done, and the connection goes on.
    socket.say(&subscribe(1, &["soccer"])).await;
    assert_eq!(socket.expect("subscribed").await["id"], 1);
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    socket.say(&json!({"type": "ping", "id": 5})).await;
    let pong = socket.expect("pong").await;
    assert_eq!(pong["id"], 5);
    assert!(pong["time_ms"].as_i64().unwrap() > 1_600_000_000_000, "{pong}");
}

#[tokio::test]
async fn there_are_only_so_many_topics() {
    let (service, _) = served("[limits]\ntopics = 3").await;
    let mut socket = open(&service, "?topics=a/b/1,a/b/2").await;
    assert_eq!(socket.expect("subscribed").await["id"], 0);
    assert_eq!(socket.expect("position").await["id"], 0);
    socket.say(&subscribe(1, &["a/b/3", "a/b/4"])).await;
    let error = socket.expect("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(1), &json!("topic_limit")));
    // Those it has count once; of the refused command none was taken.
    socket.say(&subscribe(2, &["a/b/1", "a/b/2", "a/b/3", "a/b/3"])).await;
    assert_eq!(socket.expect("subscribed").await["topics"], json!(["a/b/1", "a/b/2", "a/b/3"]));
    assert_eq!(socket.expect("position").await["id"], 2);
    socket.say(&json!({"type": "unsubscribe", "id": 3, "topics": ["a/b/2"]})).await;
    socket.expect("unsubscribed").await;
    socket.say(&subscribe(4, &["a/b/4"])).await;
    assert_eq!(socket.expect("subscribed").await["id"], 4);
    assert_eq!(socket.expect("position").await["id"], 4);
    service.counts("scoreline_subscriptions", 3.0).await;
}

#[tokio::test]
async fn too_many_topics_in_the_url_are_an_error() {
    let (service, _) = served("[limits]\ntopics = 1").await;
    let mut socket = open(&service, "?topics=a/b/1,a/b/2").await;
    let error = socket.expect("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(0), &json!("topic_limit")));
}

#[tokio::test]
async fn options_answer_what_is_in_force() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    socket.say(&json!({"type": "options", "id": 3, "delay": 0, "max_rate": 0, "mode": "latest"})).await;
    let options = socket.expect("options").await;
    assert_eq!(options, json!({"type": "options", "id": 3, "delay": 0, "max_rate": 0, "mode": "latest"}));
    socket.say(&json!({"type": "options", "id": 4, "mode": "some"})).await;
    assert_eq!(socket.expect("error").await["id"], 4);
}

/// A rate whose pause no clock can count is refused, wherever it is asked for.
#[tokio::test]
async fn a_rate_is_none_or_one_that_can_be_kept() {
    let (service, mut acme) = served("").await;
    acme.report(patch(ARS_CHE, json!({"status": "live"}))).await;
    let mut socket = open(&service, "?topics=soccer").await;
    for kind in ["subscribed", "state", "position"] {
        socket.expect(kind).await;
    }
    for rate in [1e-300, 1e-30, 0.000_9, -1.0, 1e300] {
        socket.say(&json!({"type": "options", "id": 1, "max_rate": rate})).await;
        assert_eq!(socket.expect("error").await["code"], "bad_request", "{rate}");
        let answer = Handshake::new(&format!("/v1/ws?topics=soccer&max_rate={rate:e}")).open(service.main()).await;
        answer.err().expect("refused").problem(400, "bad_request");
    }
    socket.say(&json!({"type": "options", "id": 2, "max_rate": 0.001})).await;
    assert_eq!(socket.expect("options").await["max_rate"], 0.001);
    super::goal(&mut acme, ARS_CHE, 1, 0).await;
    socket.expect("update").await;
    socket.expect("heartbeat").await;
}

/// Seen to wait for a hundred seconds: the next flush was planned by the rate before.
#[tokio::test]
async fn a_higher_rate_is_in_force_at_once() {
    let (service, mut acme) = served("").await;
    acme.report(patch(ARS_CHE, json!({"status": "live"}))).await;
    let mut socket = open(&service, "?topics=soccer&max_rate=0.01").await;
    for kind in ["subscribed", "state", "position"] {
        socket.expect(kind).await;
    }
    for n in 1..4 {
        acme.report(patch(ARS_CHE, json!({"info": {"n": n}}))).await;
    }
    let first = socket.expect("update").await["version"].as_u64().unwrap();
    socket.expect("heartbeat").await;
    socket.say(&json!({"type": "options", "id": 1, "max_rate": 20})).await;
    assert_eq!(socket.expect("options").await["max_rate"], 20.0);
    let next = socket.expect("update").await;
    assert_eq!((next["base"].as_u64(), next["version"].as_u64()), (Some(first), Some(4)));
}

/// Of a change of delay that waits its turn nothing is said before it is in force.
#[tokio::test]
async fn options_tell_no_delay_that_is_still_to_come() {
    let (service, mut acme) = served("").await;
    let position =
        acme.report(patch(ARS_CHE, json!({"status": "live"}))).await["position"].as_str().unwrap().to_owned();
    let mut socket = open(&service, "?topics=soccer").await;
    for kind in ["subscribed", "state", "position"] {
        socket.expect(kind).await;
    }
    let ahead = format!("{}.99999999", position.split('.').next().unwrap());
    socket.say(&with(subscribe(1, &["tennis"]), "since", ahead)).await;
    socket.say(&json!({"type": "options", "id": 2, "delay": 60})).await;
    socket.say(&json!({"type": "options", "id": 3, "mode": "latest"})).await;
    let options = socket.expect("options").await;
    assert_eq!((&options["id"], &options["delay"]), (&json!(3), &json!(0)));
    // The load ahead of it has no topic any more: nothing is waited for.
    socket.say(&json!({"type": "unsubscribe", "id": 4, "topics": ["tennis"]})).await;
    for (kind, id) in [("reset", 1), ("subscribed", 1), ("position", 1), ("unsubscribed", 4)] {
        assert_eq!(socket.expect(kind).await["id"], id);
    }
    let options = socket.expect("options").await;
    assert_eq!((&options["id"], &options["delay"]), (&json!(2), &json!(60)));
}

/// What the cap held back leaves before it is promised that nothing is skipped.
#[tokio::test]
async fn every_begins_after_what_was_held_back() {
    let (service, mut acme) = served("").await;
    acme.report(patch(ARS_CHE, json!({"status": "live", "info": {"n": 0}}))).await;
    let mut socket = open(&service, "?topics=soccer&max_rate=0.01").await;
    for kind in ["subscribed", "state", "position"] {
        socket.expect(kind).await;
    }
    for n in 1..4 {
        acme.report(patch(ARS_CHE, json!({"info": {"n": n}}))).await;
    }
    // The first may go at once; what follows it waits.
    let mut version = socket.expect("update").await["version"].as_u64().unwrap();
    socket.expect("heartbeat").await;
    socket.say(&json!({"type": "options", "id": 1, "mode": "every", "max_rate": 0})).await;
    if version < 4 {
        let update = socket.expect("update").await;
        assert_eq!((&update["base"], &update["version"]), (&json!(version), &json!(4)));
        version = 4;
    }
    assert_eq!(socket.expect("options").await["mode"], "every");
    for n in 4..6 {
        acme.report(patch(ARS_CHE, json!({"info": {"n": n}}))).await;
        assert_eq!(socket.expect("update").await["base"], version);
        version += 1;
    }
}

#[tokio::test]
async fn a_flood_of_commands_is_4029() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    for id in 1..200 {
        socket.say(&json!({"type": "ping", "id": id})).await;
    }
    let mut pongs = 0;
    while let Some(message) = crate::support::soon(socket.message()).await {
        assert_eq!(message["type"], "pong");
        pongs += 1;
    }
    assert!(pongs >= 60, "the burst is answered: {pongs}");
    assert_eq!(socket.closed.clone().flatten().unwrap().0, 4029);
    service.counts("scoreline_connections_closed_total{reason=\"limit\",transport=\"ws\"}", 1.0).await;
}

#[tokio::test]
async fn bad_commands_in_a_row_are_4000() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    for _ in 0..50 {
        socket.send(TEXT, b"nonsense").await;
    }
    let mut errors = 0;
    while let Some(message) = crate::support::soon(socket.message()).await {
        assert_eq!(message["type"], "error");
        errors += 1;
    }
    assert!((1..50).contains(&errors), "{errors} errors");
    assert_eq!(socket.closed.clone().flatten().unwrap().0, 4000);
    service.counts("scoreline_connections_closed_total{reason=\"protocol\",transport=\"ws\"}", 1.0).await;
}

#[tokio::test]
async fn a_command_is_16_kib_at_most() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    let long = |bytes: usize| {
        let command = with(json!({"type": "auth", "id": 1}), "token", "");
        let mut text = command.to_string();
        text.insert_str(text.rfind("\"\"").unwrap() + 1, &"t".repeat(bytes - text.len()));
        assert_eq!(text.len(), bytes);
        text
    };
    socket.send(TEXT, long(16 << 10).as_bytes()).await;
    assert_eq!(socket.expect("error").await["id"], 1, "nobody needs a token here, but it was read");
    socket.send(TEXT, long((16 << 10) + 1).as_bytes()).await;
    assert_eq!(socket.close_code().await, 1009);
}

#[tokio::test]
async fn on_cbor_it_is_all_the_same_in_binary() {
    let (service, _) = served("").await;
    let cbor = || Handshake::new("/v1/ws").with("Sec-WebSocket-Protocol: scoreline.v1.cbor");
    let mut socket = shake(&service, cbor()).await;
    socket.expect("hello").await;
    socket.say(&subscribe(1, &["tennis"])).await;
    assert_eq!(socket.expect("subscribed").await["topics"], json!(["tennis"]));
    assert_eq!(socket.expect("position").await["id"], 1);
    for (bytes, id) in [(&b"Ping"[..], Value::Null), (b"\xA2\x62id\x07\x64type\x64sing", json!(7)), (b"", Value::Null)]
    {
        socket.send(BINARY, bytes).await;
        let error = socket.expect("error").await;
        assert_eq!((&error["code"], error.get("id").unwrap_or(&Value::Null)), (&json!("bad_request"), &id), "{error}");
        socket.silent().await;
    }
    socket.send(TEXT, b"{\"type\":\"ping\",\"id\":1}").await;
    assert_eq!(socket.close_code().await, 1003, "as a binary message is on JSON");
}
