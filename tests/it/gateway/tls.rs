//! https and wss: the same service over TLS, in HTTP/1.1 and HTTP/2.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::program::Program;
use super::{ARS_CHE, Service, goal, kick_off};
use crate::subscriber::{CLOSE, Frame, PING, Socket};
use crate::support::{ACME, Answer, soon};
use crate::tls::Keys;

async fn served(keys: &Keys, more: &str) -> Service {
    Service::start(&format!("{ACME}\n{more}\n{}", keys.config())).await
}

fn body(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn both_versions_of_http_answer_over_tls() {
    let keys = Keys::new();
    let service = served(&keys, "").await;
    for alpn in ["http/1.1", "h2"] {
        let games = keys.get(service.main(), alpn, "/v1/games?topics=*").await;
        assert_eq!(body(&games)["more"], false, "{alpn}");
        assert_eq!(games.header("x-content-type-options"), "nosniff");
        keys.get(service.main(), alpn, "/v1/ws").await.problem(426, "bad_request");
    }
    // Who speaks no TLS there is sent away.
    let mut socket = tokio::net::TcpStream::connect(service.main()).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = soon(socket.read_to_end(&mut said)).await;
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
}

/// Everything that a WebSocket does, whatever carries it.
async fn script(service: &Service, keys: &Keys, socket: &mut Socket, home: u32) {
    for kind in ["hello", "subscribed"] {
        socket.expect(kind).await;
    }
    for _ in 0..3 {
        socket.expect("state").await;
    }
    let position = socket.expect("position").await;
    assert_eq!(position["id"], 0);
    let stream = keys.connect(service.main(), "http/1.1").await.unwrap();
    let mut acme = crate::support::Client::over(stream).await.with_key("acme-key");
    let position = goal(&mut acme, ARS_CHE, home, 0).await;
    assert_eq!(socket.expect("update").await["position"], position);
    // Longer than what a record, a window and the kernel hold: every way must carry on where it stopped.
    for round in 0..40 {
        let payload = [round; 100];
        socket.send(PING, &payload).await;
        assert_eq!(soon(socket.frame()).await, Some(Frame::Pong(payload.into())));
    }
    socket.send(CLOSE, &4_000_u16.to_be_bytes()).await;
    assert_eq!(socket.close_code().await, 4_000);
    assert_eq!(soon(socket.frame()).await, None, "and then the end");
}

#[tokio::test]
async fn a_websocket_over_tls() {
    let keys = Keys::new();
    let service = served(&keys, "").await;
    let stream = keys.connect(service.main(), "http/1.1").await.unwrap();
    kick_off(&mut crate::support::Client::over(stream).await.with_key("acme-key")).await;
    let mut socket = keys.wss(service.main(), "/v1/ws?topics=*").await;
    script(&service, &keys, &mut socket, 1).await;
}

#[tokio::test]
async fn websockets_over_http_2_share_a_connection() {
    let keys = Keys::new();
    let service = served(&keys, "test_echo = true").await;
    let stream = keys.connect(service.main(), "http/1.1").await.unwrap();
    kick_off(&mut crate::support::Client::over(stream).await.with_key("acme-key")).await;
    let mut h2 = keys.h2(service.main()).await;
    let offer = "sec-websocket-protocol: graphql-ws, scoreline.v1.json";
    let mut first = h2.ws("/v1/ws?topics=*", &[offer]).await.unwrap();
    assert_eq!(first.headers["sec-websocket-protocol"], "scoreline.v1.json");
    assert!(!first.headers.contains_key("sec-websocket-accept"), "the key is HTTP/1.1's");
    let deflate = "sec-websocket-extensions: permessage-deflate";
    let mut second = h2.ws("/v1/ws?topics=*", &[deflate, "origin: https://localhost"]).await.unwrap();
    script(&service, &keys, &mut first, 1).await;
    for kind in ["hello", "subscribed", "state", "state", "state", "position", "update"] {
        second.expect(kind).await;
    }
    assert!(second.compressed > 0);
    let refused = h2.ws("/v1/ws", &["origin: https://evil.example"]).await.err().expect("another origin");
    refused.problem(403, "origin_refused");
    let refused = h2.ws("/v1/ws?topic=x", &[]).await.err().expect("a wrong query");
    refused.problem(400, "bad_request");
    drop(h2.ws("/v1/ws?topics=*", &[]).await.unwrap());
    second.silent().await;
    let mut echo = h2.ws("/__echo", &[]).await.unwrap();
    echo.send(crate::subscriber::TEXT, b"hello").await;
    assert_eq!(soon(echo.frame()).await, Some(Frame::Text("hello".to_owned())));
}

/// Each stream beside the first takes a place like a connection, and gives it back.
#[tokio::test]
async fn streams_of_one_connection_are_counted() {
    let keys = Keys::new();
    let service = served(&keys, "[limits]\nconnections = 2").await;
    let mut h2 = keys.h2(service.main()).await;
    let mut first = h2.ws("/v1/ws", &[]).await.unwrap();
    let mut second = h2.ws("/v1/ws", &[]).await.unwrap();
    let refused = h2.ws("/v1/ws", &[]).await.err().expect("there is no room");
    refused.problem(503, "unavailable");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    keys.get(service.main(), "h2", "/").await.problem(503, "unavailable");
    keys.get(service.main(), "http/1.1", "/").await.problem(503, "unavailable");
    service.counts("scoreline_connections_refused_total{bound=\"process\"}", 3.0).await;
    service.counts("scoreline_http_requests_total{code=\"503\",method=\"GET\",route=\"page\"}", 2.0).await;
    for socket in [&mut first, &mut second] {
        socket.expect("hello").await;
    }
    second.send(CLOSE, &[]).await;
    assert_eq!(second.close_frame().await, None);
    drop(second);
    soon(async { while h2.ws("/v1/ws", &[]).await.is_err() {} }).await;
    first.silent().await;
}

#[tokio::test]
async fn a_websocket_keeps_its_connection_from_being_idle() {
    let keys = Keys::new();
    let service = served(&keys, "[limits]\nidle_time = \"300ms\"\nheader_time = \"300ms\"\nheartbeat = \"1s\"").await;
    let mut h2 = keys.h2(service.main()).await;
    let mut socket = h2.ws("/v1/ws", &[]).await.unwrap();
    socket.expect("hello").await;
    for _ in 0..2 {
        socket.expect("heartbeat").await;
    }
    socket.silent().await;
}

#[tokio::test]
async fn a_new_certificate_is_taken_when_it_changes_and_on_sighup() {
    let keys = Keys::new();
    let program = Program::start(&keys.config()).await;
    keys.get(program.main(), "h2", "/").await;
    let old = std::fs::read(keys.path().join("cert.pem")).unwrap();
    // A certificate that is half written is not taken; those who come then get the one before.
    std::fs::write(keys.path().join("cert.pem"), &old[..old.len() / 2]).unwrap();
    program.hang_up();
    std::fs::write(keys.path().join("cert.pem"), &old).unwrap();
    keys.get(program.main(), "http/1.1", "/").await;
    for signal in [true, false] {
        keys.renew();
        if signal {
            program.hang_up();
        }
        // A client trusts the newest alone.
        soon(async { while keys.connect(program.main(), "h2").await.is_err() {} }).await;
    }
}

#[test]
fn what_is_no_certificate_is_said_in_one_line() {
    let keys = Keys::new();
    let other = Keys::new();
    let check = |config: String| {
        let file = keys.path().join("scoreline.toml");
        std::fs::write(&file, format!("broker = \"memory:\"\n{config}")).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scoreline"));
        command.args(["check", "--config"]).arg(file).output().unwrap()
    };
    let good = check(keys.config());
    let said = String::from_utf8(good.stdout).unwrap();
    assert!(good.status.success() && said.contains("certificate: for localhost, 127.0.0.1, valid from 20"), "{said}");
    assert!(said.contains(" until 20"), "{said}");
    let (mine, others) = (keys.path().display(), other.path().display());
    for (config, words) in [
        (format!("[tls]\ncert = \"{mine}/cert.pem\"\nkey = \"{others}/key.pem\""), "key.pem: "),
        (format!("[tls]\ncert = \"{mine}/none.pem\"\nkey = \"{mine}/key.pem\""), "none.pem: "),
        (
            format!("[tls]\ncert = \"{mine}/key.pem\"\nkey = \"{mine}/key.pem\""),
            "key.pem: there is no certificate in it",
        ),
        (format!("[tls]\ncert = \"{mine}/cert.pem\"\nkey = \"{mine}/cert.pem\""), "cert.pem: "),
    ] {
        let bad = check(config.clone());
        let said = String::from_utf8(bad.stderr).unwrap();
        assert_eq!(bad.status.code(), Some(1), "{config}: {said}");
        assert!(said.starts_with("scoreline: tls: ") && said.contains(words) && said.lines().count() == 1, "{said}");
    }
}
