//! The upgrade: who gets in, in what language, and who does not.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ARS_CHE, goal, kick_off, served, shake};
use crate::subscriber::{Detail, Handshake, Subscriber, TEXT};
use crate::support::{Answer, Service, soon};

async fn refused(service: &Service, handshake: Handshake) -> Answer {
    match handshake.open(service.main()).await {
        Err(answer) => answer,
        Ok(_) => panic!("it was let in"),
    }
}

fn ws() -> Handshake {
    Handshake::new("/v1/ws")
}

#[tokio::test]
async fn without_an_upgrade_it_says_what_is_spoken_here() {
    let (service, _) = served("").await;
    for handshake in [
        ws().without("upgrade").without("connection"),
        ws().with("Upgrade: h2c"),
        ws().with("Connection: keep-alive"),
        ws().with("Sec-WebSocket-Version: 8"),
        ws().without("sec-websocket-version"),
        // HTTP/1.0 knows no upgrade.
        ws().line("GET /v1/ws HTTP/1.0"),
    ] {
        let answer = refused(&service, handshake).await;
        answer.problem(426, "bad_request");
        assert_eq!(answer.header("sec-websocket-version"), "13");
        assert_eq!(answer.header("upgrade").to_ascii_lowercase(), "websocket");
    }
}

#[tokio::test]
async fn a_key_is_16_bytes() {
    let (service, _) = served("").await;
    for handshake in [
        ws().without("sec-websocket-key"),
        ws().with("Sec-WebSocket-Key: "),
        ws().with("Sec-WebSocket-Key: c2hvcnQ="),
        ws().with("Sec-WebSocket-Key: not base64 at all!!!!!!"),
        ws().and("Sec-WebSocket-Key: c2NvcmVsaW5lLXRlc3QtMg=="),
    ] {
        refused(&service, handshake).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn it_begins_with_get_and_one_host() {
    let (service, _) = served("").await;
    for handshake in [ws().line("POST /v1/ws HTTP/1.1"), ws().without("host"), ws().and("Host: evil.example")] {
        let answer = refused(&service, handshake).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
}

/// No cleartext HTTP/2, neither by upgrade nor by its preface.
#[tokio::test]
async fn a_plain_port_speaks_http_1_alone() {
    let (service, _) = served("").await;
    let upgrade = ws().with("Upgrade: h2c").with("Connection: Upgrade, HTTP2-Settings").and("HTTP2-Settings: AAMAAABk");
    refused(&service, upgrade).await.problem(426, "bad_request");
    let mut socket = tokio::net::TcpStream::connect(service.main()).await.unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut said = Vec::new();
    let _ = soon(socket.read_to_end(&mut said)).await;
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn the_same_host_s_pages_may_connect_and_others_not() {
    let (service, _) = served("").await;
    shake(&service, ws().with("Origin: http://scoreline.test")).await;
    shake(&service, ws().with("Origin: https://scoreline.test")).await;
    shake(&service, ws().with("Host: live.example:8080").with("Origin: http://live.example:8080")).await;
    for origin in [
        "https://evil.example",
        "null",
        "http://scoreline.test:81",
        "http://scoreline.test.evil.example",
        "scoreline.test",
        "",
    ] {
        let answer = refused(&service, ws().with(&format!("Origin: {origin}"))).await;
        answer.problem(403, "origin_refused");
    }
}

#[tokio::test]
async fn the_allow_list_is_exact() {
    let (service, _) = served("allow_origin = [\"https://paper.example\", \"null\"]").await;
    shake(&service, ws().with("Origin: https://paper.example")).await;
    shake(&service, ws().with("Origin: null")).await;
    for origin in [
        "http://paper.example",
        "https://paper.example:444",
        "https://www.paper.example",
        "https://paper.example.evil.example",
    ] {
        refused(&service, ws().with(&format!("Origin: {origin}"))).await.problem(403, "origin_refused");
    }
}

#[tokio::test]
async fn a_star_lets_every_origin_in_but_null() {
    let (service, _) = served("allow_origin = [\"*\"]").await;
    shake(&service, ws().with("Origin: https://anywhere.example")).await;
    refused(&service, ws().with("Origin: null")).await.problem(403, "origin_refused");
}

#[tokio::test]
async fn the_first_known_subprotocol_is_echoed() {
    let (service, _) = served("").await;
    let socket = shake(&service, ws()).await;
    assert!(!socket.headers.contains_key("sec-websocket-protocol"), "none offered, none named");
    for offer in ["scoreline.v1.json", "graphql-ws, scoreline.v1.json", "bearer.abc, scoreline.v1.json"] {
        let mut socket = shake(&service, ws().with(&format!("Sec-WebSocket-Protocol: {offer}"))).await;
        assert_eq!(socket.headers["sec-websocket-protocol"], "scoreline.v1.json", "{offer}");
        socket.expect("hello").await;
    }
    let offer = "Sec-WebSocket-Protocol: scoreline.v1.cbor, scoreline.v1.json";
    let mut socket = shake(&service, ws().with(offer)).await;
    assert_eq!(socket.headers["sec-websocket-protocol"], "scoreline.v1.cbor", "the first of the client's list");
    socket.expect("hello").await;
    for offer in ["graphql-ws", "bearer.abc", "Scoreline.v1.json"] {
        refused(&service, ws().with(&format!("Sec-WebSocket-Protocol: {offer}"))).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused() {
    let (service, _) = served("").await;
    for query in [
        "topic=soccer",
        "topics=*&detail=most",
        "topics=*&delay=x",
        "topics=*&mode=some",
        "since=k3qx9a.1",
        "topics=*&topics=soccer",
    ] {
        let answer = refused(&service, Handshake::new(&format!("/v1/ws?{query}"))).await;
        let problem = answer.problem(400, "bad_request");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
}

#[tokio::test]
async fn over_the_connection_limit_it_is_503() {
    let (service, _acme) = served("[limits]\nconnections = 3").await;
    // One place is the provider's.
    let mut first = shake(&service, ws()).await;
    let second = shake(&service, ws()).await;
    let answer = refused(&service, ws()).await;
    answer.problem(503, "unavailable");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{answer:?}");
    first.expect("hello").await;
    // A place is free again as soon as its connection is gone.
    let mut second = second;
    second.send(crate::subscriber::CLOSE, &[]).await;
    second.close_frame().await;
    assert_eq!(soon(second.frame()).await, None);
    drop(second);
    while ws().open(service.main()).await.is_err() {}
}

#[tokio::test]
async fn permessage_deflate_is_agreed_and_the_frames_are_readable() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
    let mut socket = shake(&service, Handshake::new("/v1/ws?topics=*").with(offer)).await;
    let agreed = socket.headers["sec-websocket-extensions"].to_str().unwrap().to_owned();
    for no_takeover in ["server_no_context_takeover", "client_no_context_takeover"] {
        assert!(agreed.contains(no_takeover), "{agreed}");
    }
    socket.expect("hello").await;
    socket.expect("subscribed").await;
    for _ in 0..3 {
        assert_eq!(socket.expect("state").await["state"]["info"]["venue"], "The Park");
    }
    assert!(socket.compressed >= 3, "the states are long enough to be worth it");
    assert_eq!(socket.expect("position").await["id"], 0);
    goal(&mut acme, ARS_CHE, 1, 0).await;
    assert_eq!(socket.expect("update").await["patch"], json!({"competitors": {"home": {"score": {"total": 1}}}}));

    // Its own messages may be compressed or not.
    let mut deflated = Vec::with_capacity(256);
    let mut deflater = flate2::Compress::new(flate2::Compression::fast(), false);
    let command = br#"{"type":"ping","id":3}"#;
    deflater.compress_vec(command, &mut deflated, flate2::FlushCompress::Sync).unwrap();
    assert_eq!(deflated.split_off(deflated.len() - 4), [0, 0, 0xFF, 0xFF]);
    socket.raw(&crate::subscriber::masked(0xC0 | TEXT, &deflated)).await;
    assert_eq!(socket.expect("pong").await["id"], 3);
    socket.silent().await;

    // A plain neighbour is told the same.
    let mut plain = Subscriber::new(service.main(), [("*", Detail::Full)]);
    let mut packed = Subscriber::new(service.main(), [("*", Detail::Full)]).with(offer);
    for subscriber in [&mut plain, &mut packed] {
        subscriber.connect().await;
        subscriber.until(|replica| replica.reached().is_some()).await;
    }
    assert_eq!(plain.replica.documents(), packed.replica.documents());
    assert_eq!(plain.replica.held.len(), 3);
}

#[tokio::test]
async fn an_offer_that_cannot_be_met_leaves_the_connection_plain() {
    let (service, _) = served("").await;
    for offer in
        ["permessage-deflate; server_max_window_bits=10", "permessage-deflate; novel", "x-webkit-deflate-frame"]
    {
        let mut socket = shake(&service, ws().with(&format!("Sec-WebSocket-Extensions: {offer}"))).await;
        assert!(!socket.headers.contains_key("sec-websocket-extensions"), "{offer}");
        socket.expect("hello").await;
        assert_eq!(socket.compressed, 0);
    }
}
