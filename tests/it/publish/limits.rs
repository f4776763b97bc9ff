//! Every bound of publishing and of the server, and its named outcome.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::subscriber::Handshake;
use crate::support::{ACME, Client, Service, patch, score, soon};

const GAME: &str = "soccer/eng.1/ars-che";

#[tokio::test]
async fn what_is_too_large_is_413() {
    let limits = "[limits]\nreport_bytes = 1000\nbatch_reports = 3\nbatch_bytes = 5000";
    let service = Service::start(&format!("{ACME}\n{limits}")).await;
    let mut acme = service.acme().await;
    let long = |bytes: usize| patch(GAME, json!({"status_reason": "x".repeat(bytes)}));
    acme.post(&long(1_000)).await.problem(413, "too_large");
    acme.post(&long(6_000)).await.problem(413, "too_large");
    acme.post(&json!(vec![patch(GAME, score(1, 0)); 4])).await.problem(413, "too_large");
    acme.post(&json!([long(3_000), long(3_000)])).await.problem(413, "too_large");
    acme.ask("POST", "/v1/feeds/espn", &[], "x".repeat(6_000)).await.problem(413, "too_large");
    let batch = acme.post(&json!([patch(GAME, score(1, 0)), long(1_000)])).await;
    assert_eq!(batch.status, 207);
    assert_eq!(batch.json()["results"][1]["reason"], "invalid");
    let large = acme.post(&long(20_000_000)).await;
    large.problem(413, "too_large");
}

#[tokio::test]
async fn a_rate_that_is_used_up_is_429() {
    let service = Service::start(&format!("{ACME}\n[providers.acme]\nrate = 0.01")).await;
    let mut acme = service.acme().await;
    acme.report(patch(GAME, score(1, 0))).await;
    let answer = acme.post(&patch(GAME, score(2, 0))).await;
    answer.problem(429, "rate_limited");
    assert!((90..=101).contains(&answer.header("retry-after").parse::<u32>().unwrap()), "{answer:?}");
    acme.post(&json!([patch(GAME, score(2, 0))])).await.problem(429, "rate_limited");
    acme.ask("DELETE", &format!("/v1/games/{GAME}"), &[], "").await.problem(429, "rate_limited");
}

#[tokio::test]
async fn media_that_are_not_spoken_are_415() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let body = patch(GAME, score(1, 0)).to_string();
    for header in
        ["content-type: text/plain", "content-type: application/x-www-form-urlencoded", "content-encoding: gzip"]
    {
        let answer = acme.ask("POST", "/v1/updates", &[header], body.clone()).await;
        answer.problem(415, "unsupported_media_type");
    }
    acme.ask("POST", "/v1/feeds/espn", &["content-encoding: br"], "{}").await.problem(415, "unsupported_media_type");
    for header in ["content-type: Application/JSON; charset=utf-8", "accept: */*"] {
        assert_eq!(acme.ask("POST", "/v1/updates", &[header], body.clone()).await.status, 200, "{header}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let service = Service::start(&format!("{ACME}\n[limits]\nbody_time = \"100ms\"")).await;
    let mut socket = TcpStream::connect(service.main()).await.unwrap();
    let head = "POST /v1/updates HTTP/1.1\r\nhost: x\r\nx-api-key: acme-key\r\ncontent-length: 10\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
}

/// What a connection is sent until it is closed.
async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = soon(socket.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let service = Service::start("[limits]\nheader_time = \"100ms\"\nidle_time = \"1h\"").await;
    for head in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let mut socket = TcpStream::connect(service.main()).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(read_to_end(&mut socket).await, "", "after {head:?}");
    }
    // The deadline begins anew with the first byte of the second request, which idle connections may take their time for.
    let mut socket = TcpStream::connect(service.main()).await.unwrap();
    socket.write_all(b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 4_096];
    assert!(soon(socket.read(&mut answer)).await.unwrap() > 0);
    socket.write_all(b"GET /nothing HT").await.unwrap();
    assert_eq!(read_to_end(&mut socket).await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_own_time() {
    let service = Service::start("[limits]\nheader_time = \"1h\"\nidle_time = \"100ms\"").await;
    let mut socket = TcpStream::connect(service.main()).await.unwrap();
    socket.write_all(b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut socket).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_cut() {
    let limits = "[limits]\nwrite_time = \"100ms\"\nstream_idle = \"1h\"";
    let service = Service::start(&format!("{ACME}\n{limits}")).await;
    let mut socket = TcpStream::connect(service.main()).await.unwrap();
    let head = "POST /v1/updates HTTP/1.1\r\nhost: x\r\nx-api-key: acme-key\r\ncontent-type: application/x-ndjson\r\n\
                transfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    // It sends and never reads: once the answers fill the socket, its connection ends, and so do its writes.
    let lines = "x\n".repeat(8_000);
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    let sent = soon(async { while socket.write_all(chunk.as_bytes()).await.is_ok() {} });
    sent.await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let service = Service::start(ACME).await;
    let mut socket = TcpStream::connect(service.main()).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(40_000));
    socket.write_all(head.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let head =
        format!("GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-long: {}\r\n\r\n", "x".repeat(30_000));
    let mut socket = TcpStream::connect(service.main()).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut socket).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn beyond_the_most_connections_there_is_no_room() {
    let service = Service::start("[limits]\nconnections = 2").await;
    let (first, mut second) = (service.client().await, service.client().await);
    second.get("/nothing").await.problem(404, "not_found");
    let turned_away = service.client().await.get("/nothing").await;
    turned_away.problem(503, "unavailable");
    assert!(turned_away.header("retry-after").parse::<u32>().unwrap() > 0);
    service.counts("scoreline_connections_max", 2.0).await;
    service.counts("scoreline_connections_taken", 2.0).await;
    service.counts("scoreline_connections_refused_total{bound=\"process\"}", 1.0).await;
    let asked = "scoreline_http_requests_total{code=\"503\",method=\"GET\",route=\"page\"}";
    service.counts(asked, 1.0).await;
    let refused = Handshake::new("/v1/ws?topics=soccer").open(service.main()).await.err().expect("there is no room");
    refused.problem(503, "unavailable");
    service.counts("scoreline_http_requests_total{code=\"503\",method=\"GET\",route=\"/v1/ws\"}", 1.0).await;
    // Whom there is no telling either is counted as well.
    let silent = connect_all(&service, 80).await;
    service.counts("scoreline_connections_refused_total{bound=\"process\"}", 82.0).await;
    drop(silent);
    second.get("/nothing").await.problem(404, "not_found");
    drop(first);
    room_comes_back(&service).await;
}

#[tokio::test]
async fn beyond_the_most_of_an_address_there_is_no_room() {
    let service = Service::start("[limits]\nconnections_per_address = 1").await;
    let first = service.client().await;
    service.client().await.get("/nothing").await.problem(503, "unavailable");
    service.counts("scoreline_connections_refused_total{bound=\"address\"}", 1.0).await;
    service.counts("scoreline_http_requests_total{code=\"503\",method=\"GET\",route=\"page\"}", 1.0).await;
    drop(first);
    room_comes_back(&service).await;
    service.counts("scoreline_connections_refused_total{bound=\"process\"}", 0.0).await;
}

/// Silent ones beyond an address' cap do not collect: each would have a file descriptor.
#[tokio::test]
async fn who_has_too_many_is_told_a_few_at_a_time() {
    let service = Service::start("[limits]\nconnections_per_address = 1").await;
    let first = service.client().await;
    let silent = connect_all(&service, 200).await;
    service.counts("scoreline_connections_refused_total{bound=\"address\"}", 200.0).await;
    let mut dropped = 0;
    for socket in &silent {
        let (mut byte, soon) = ([0], Duration::from_millis(2));
        dropped += usize::from(tokio::time::timeout(soon, socket.peek(&mut byte)).await.is_ok());
    }
    assert!(dropped >= 200 - 64, "{dropped} of 200 were dropped at once");
    drop(first);
}

async fn connect_all(service: &Service, count: usize) -> Vec<TcpStream> {
    let connect = (0..count).map(|_| TcpStream::connect(service.main()));
    futures_util::future::try_join_all(connect).await.unwrap()
}

/// Asks until the server has seen that a connection is gone.
async fn room_comes_back(service: &Service) {
    let asked = async {
        while Client::connect(service.main()).await.get("/nothing").await.status == 503 {
            tokio::task::yield_now().await;
        }
    };
    soon(asked).await;
}
