//! Every way a connection ends, and what keeps it from ending.

use std::time::Duration;

use serde_json::json;

use super::{ARS_CHE, goal, kick_off, open, served, subscribe};
use crate::subscriber::{BINARY, CLOSE, Frame, Handshake, PING, PONG, TEXT, masked};
use crate::support::soon;

#[tokio::test]
async fn a_client_s_own_close_is_echoed() {
    let (service, _) = served("").await;
    for code in [1000, 3000, 4321, 4999] {
        let mut socket = open(&service, "?topics=*").await;
        socket.send(CLOSE, &[&u16::to_be_bytes(code)[..], b"bye"].concat()).await;
        assert_eq!(socket.close_code().await, code);
        assert_eq!(soon(socket.frame()).await, None, "and then the end");
    }
    let mut socket = open(&service, "?topics=*").await;
    socket.send(CLOSE, &[]).await;
    assert_eq!(socket.close_frame().await, None, "an empty one too");
    assert_eq!(soon(socket.frame()).await, None);
    service.counts("scoreline_connections_closed_total{reason=\"client\",transport=\"ws\"}", 5.0).await;
}

#[tokio::test]
async fn a_close_that_says_nonsense_is_1002() {
    let (service, _) = served("").await;
    for payload in
        [&[0x03][..], &1005_u16.to_be_bytes(), &1006_u16.to_be_bytes(), &999_u16.to_be_bytes(), &5000_u16.to_be_bytes()]
    {
        let mut socket = open(&service, "").await;
        socket.send(CLOSE, payload).await;
        assert_eq!(socket.close_code().await, 1002, "{payload:?}");
    }
}

#[tokio::test]
async fn frames_that_break_the_rules_name_the_rule() {
    let (service, _) = served("").await;
    let command = b"{\"type\":\"ping\",\"id\":1}";
    let plain = [&[0x81, u8::try_from(command.len()).unwrap()][..], command].concat();
    let fragment = |first: u8, text: &[u8]| masked(first, text);
    for (what, bytes, code) in [
        ("unmasked", plain, 1002),
        ("a reserved bit", masked(0xA1, command), 1002),
        ("compressed, but not so agreed", masked(0xC1, command), 1002),
        ("an unknown opcode", masked(0x83, command), 1002),
        ("a continuation of nothing", masked(0x80, command), 1002),
        ("a new message inside of one", [fragment(0x01, b"{"), masked(0x81, command)].concat(), 1002),
        ("a ping in pieces", masked(PING, b"x"), 1002),
        ("a long ping", masked(0x80 | PING, &[0; 126]), 1002),
        ("binary on JSON", masked(0x80 | BINARY, command), 1003),
        ("text that is no UTF-8", masked(0x80 | TEXT, b"{\"type\":\"\xC3\x28\"}"), 1007),
        (
            "a message too big in pieces",
            [fragment(0x01, &[b' '; 9_000]), fragment(0x80, &[b' '; 9_000])].concat(),
            1009,
        ),
        ("too many pieces", [fragment(0x01, b"{"), fragment(0x00, b" ").repeat(64)].concat(), 1009),
        (
            "a length in more bytes than it takes",
            vec![0x81, 0xFE, 0, 5, 0, 0, 0, 0, b'h', b'e', b'l', b'l', b'o'],
            1002,
        ),
        ("a negative length", vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0], 1002),
        ("a frame that only says it is too big", vec![0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4], 1009),
    ] {
        let mut socket = open(&service, "?topics=*").await;
        socket.raw(&bytes).await;
        let (closed, reason) = socket.close_frame().await.expect("a code");
        assert_eq!(closed, code, "{what}: {reason}");
        assert!(!reason.is_empty() && reason.len() <= 123, "{what}");
        assert_eq!(soon(socket.frame()).await, None, "{what}: and then the end");
    }
}

/// A small frame that inflates to much is refused by what it becomes.
#[tokio::test]
async fn what_inflates_to_too_much_is_1009_and_broken_data_1007() {
    let (service, _) = served("").await;
    let mut bomb = Vec::with_capacity(64 << 10);
    let mut deflater = flate2::Compress::new(flate2::Compression::best(), false);
    deflater.compress_vec(&vec![b' '; 10 << 20], &mut bomb, flate2::FlushCompress::Sync).unwrap();
    assert!(bomb.len() < 16 << 10, "{}", bomb.len());
    for (payload, code) in [(&bomb[..], 1009), (&[0xFF, 0xFF, 0xFF][..], 1007)] {
        let asked = Handshake::new("/v1/ws").with("Sec-WebSocket-Extensions: permessage-deflate");
        let mut socket = super::shake(&service, asked).await;
        socket.expect("hello").await;
        socket.raw(&masked(0xC0 | TEXT, payload)).await;
        assert_eq!(socket.close_code().await, code);
    }
}

#[tokio::test]
async fn a_message_may_come_in_pieces_and_a_ping_between_them() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    socket.raw(&masked(0x01, b"{\"type\":\"pi")).await;
    socket.send(PING, b"between").await;
    socket.raw(&masked(0x00, b"ng\",\"id\"")).await;
    assert_eq!(soon(socket.frame()).await, Some(Frame::Pong(b"between".into())));
    let last = masked(0x80, b":12}");
    for byte in last {
        socket.raw(&[byte]).await;
    }
    assert_eq!(socket.expect("pong").await["id"], 12);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let (service, _) = served("").await;
    let mut socket = open(&service, "").await;
    for payload in [&b""[..], b"hello", &[7; 125]] {
        socket.send(PING, payload).await;
        assert_eq!(soon(socket.frame()).await, Some(Frame::Pong(payload.into())));
    }
    // Of a flood in one piece the newest, too (RFC 6455 section 5.5.3).
    let many: Vec<u8> = (0..1_000_u32).flat_map(|number| masked(0x80 | PING, &number.to_be_bytes())).collect();
    socket.raw(&many).await;
    let mut pongs = 0;
    loop {
        let Some(Frame::Pong(payload)) = soon(socket.frame()).await else { panic!("only pongs come") };
        pongs += 1;
        if *payload == 999_u32.to_be_bytes()[..] {
            break;
        }
    }
    assert!(pongs < 500, "{pongs} pongs");
    // A pong that nobody asked for is nothing.
    socket.send(PONG, b"by the way").await;
    socket.silent().await;
}

#[tokio::test]
async fn in_silence_there_are_heartbeats_and_pings() {
    let (service, mut acme) = served("[limits]\nheartbeat = \"1s\"").await;
    kick_off(&mut acme).await;
    let newest = goal(&mut acme, ARS_CHE, 1, 0).await;
    let mut socket = open(&service, "").await;
    let (mut beat, mut ping) = (false, false);
    while !(beat && ping) {
        match soon(socket.frame()).await.expect("the connection goes on") {
            Frame::Text(text) => {
                let heartbeat: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert_eq!(heartbeat["type"], "heartbeat");
                assert!(heartbeat.get("position").is_none(), "it speaks for no topic: {heartbeat}");
                assert!(heartbeat["time_ms"].is_i64(), "{heartbeat}");
                beat = true;
            }
            Frame::Ping(payload) => {
                socket.send(PONG, &payload).await;
                ping = true;
            }
            other => panic!("{other:?}"),
        }
    }
    socket.say(&subscribe(1, &["soccer/esp.1"])).await;
    while soon(socket.message()).await.unwrap()["type"] != "position" {}
    let later = goal(&mut acme, ARS_CHE, 2, 0).await;
    assert_ne!(later, newest);
    // What does not concern its topics moves its position all the same.
    let heartbeat = socket.expect("heartbeat").await;
    assert_eq!(heartbeat["position"], later);
    assert!(service.metric("scoreline_client_rtt_seconds_count") >= 1.0);
}

/// A browser's page sees no pings: they are no life of the server to it.
#[tokio::test]
async fn a_ping_does_not_put_the_heartbeat_off() {
    let (service, mut acme) = served("[limits]\nheartbeat = \"4s\"").await;
    kick_off(&mut acme).await;
    let mut socket = open(&service, "").await;
    socket.say(&subscribe(1, &["soccer/eng.1"])).await;
    while soon(socket.message()).await.unwrap()["type"] != "position" {}
    // Heard a little longer ago than told: the ping goes out first, after which it would be another four seconds.
    tokio::time::sleep(Duration::from_millis(500)).await;
    goal(&mut acme, ARS_CHE, 1, 0).await;
    let told = socket.expect("update").await["at"].as_i64().unwrap();
    let silent = socket.expect("heartbeat").await["time_ms"].as_i64().unwrap() - told;
    assert!((3_900..6_000).contains(&silent), "it came after {silent} ms");
}

#[tokio::test]
async fn who_acknowledges_nothing_for_two_heartbeats_is_4008() {
    let (service, _) = served("[limits]\nheartbeat = \"1s\"").await;
    let mut socket = open(&service, "?topics=*").await;
    let mut pings = 0;
    let said = loop {
        match soon(socket.frame()).await.expect("a close first") {
            Frame::Ping(_) => pings += 1,
            Frame::Close(said) => break said,
            Frame::Text(_) | Frame::Binary(_) | Frame::Pong(_) => {}
        }
    };
    assert_eq!(said.expect("a code").0, 4008);
    assert_eq!(pings, 1, "it was asked before");
    service.counts("scoreline_connections_closed_total{reason=\"timeout\",transport=\"ws\"}", 1.0).await;
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_gone() {
    let (service, mut acme) = served("").await;
    let before = service.metric("scoreline_connections{transport=\"ws\"}");
    assert_eq!(before, 0.0);
    let socket = open(&service, "?topics=*").await;
    let mut other = open(&service, "?topics=*").await;
    service.counts("scoreline_connections{transport=\"ws\"}", 2.0).await;
    socket.reset();
    // One shard: what was published after it broke off is fanned out after its end was seen, or its write fails.
    for (home, away) in [(1, 0), (1, 1), (2, 1)] {
        goal(&mut acme, ARS_CHE, home, away).await;
    }
    while soon(other.message()).await.unwrap()["version"] != json!(3) {}
    other.silent().await;
    service.counts("scoreline_connections{transport=\"ws\"}", 1.0).await;
    service.counts("scoreline_subscriptions", 1.0).await;
}

/// A connection may be gone while the shard answers what it still read of it.
#[tokio::test]
async fn who_breaks_off_amid_its_commands_takes_nobody_along() {
    let (service, mut acme) = served("").await;
    let mut other = open(&service, "?topics=*").await;
    let ping = masked(0x80 | TEXT, b"{\"type\":\"ping\",\"id\":1}");
    let bad = masked(0x80 | TEXT, b"nonsense");
    for round in 0..60 {
        let mut socket = open(&service, "?topics=*").await;
        socket.raw(&if round % 2 == 0 { ping.repeat(50) } else { bad.repeat(50) }).await;
        socket.reset();
    }
    goal(&mut acme, ARS_CHE, 1, 0).await;
    while soon(other.message()).await.expect("it is served")["game"] != ARS_CHE {}
    other.silent().await;
}
