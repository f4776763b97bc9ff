//! Heads: shapes by which a request is smuggled past a proxy, and floods.

use super::send;
use crate::support::{ACME, Service};

/// What would be answered 200 if it were taken for a request.
const SMUGGLED: &str = "GET /v1/games HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_message_whose_length_can_be_read_two_ways_is_the_connection_s_last() {
    let service = Service::start(ACME).await;
    let post = |headers: &str, body: &str| {
        format!("POST /v1/updates HTTP/1.1\r\nhost: x\r\nx-api-key: acme-key\r\n{headers}\r\n\r\n{body}{SMUGGLED}")
    };
    for request in [
        post("content-length: 2\r\ncontent-length: 4", "{}"),
        post("content-length: 2, 4", "{}"),
        post("content-length: +2", "{}"),
        post("content-length: -2", "{}"),
        post("content-length: 0x2", "{}"),
        post("content-length: 99999999999999999999999", "{}"),
        post("content-length : 2", "{}"),
        post("content-length: 2\r\n folded: 1", "{}"),
        post("transfer-encoding: xchunked", "2\r\n{}\r\n0\r\n\r\n"),
        post("transfer-encoding: chunked, identity", "2\r\n{}\r\n0\r\n\r\n"),
        post("transfer-encoding : chunked", "2\r\n{}\r\n0\r\n\r\n"),
        post("transfer-encoding: chunked", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        post("transfer-encoding: chunked", "2 2\r\n{}\r\n0\r\n\r\n"),
        post("transfer-encoding: chunked", "-2\r\n{}\r\n0\r\n\r\n"),
        post("transfer-encoding: chunked", "2\r\n{}x0\r\n\r\n"),
        post("transfer-encoding: chunked", "2\r\n{}\r\n0\r\n\r\n").replacen("HTTP/1.1", "HTTP/1.0", 1),
        post("transfer-encoding: gzip, chunked", "2\r\n{}\r\n0\r\n\r\n"),
        post("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"),
        post("content-length: 2\r\nhost: y", "{}"),
        post("origin: http://x\r\norigin: http://y\r\ncontent-length: 2\r\nhost: y", "{}"),
        post("origin: http://x\r\norigin: http://y\r\ntransfer-encoding: gzip, chunked", "2\r\n{}\r\n0\r\n\r\n"),
        post("content-length: 2", "{}").replacen("host: x\r\n", "", 1),
    ] {
        let answer = send(service.main(), &request).await;
        let answers = answer.matches("HTTP/1.").count();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "),
            "{request:?} was answered {answer:?}"
        );
        assert!(answers <= 1, "what came behind {request:?} was answered: {answer:?}");
    }
    // Both: the chunks count, and nothing that comes behind them (RFC 9112 section 6.1).
    for headers in
        ["content-length: 2\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 2"]
    {
        let answer = send(service.main(), &post(headers, "2\r\n{}\r\n0\r\n\r\n")).await;
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer:?}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{answer:?}");
    }
    assert_eq!(service.client().await.get("/v1/games").await.status, 200);
}

#[tokio::test]
async fn who_asks_and_what_it_is_are_said_once() {
    let service = Service::start(ACME).await;
    let report = r#"{"game":"soccer/eng.1/ars-che","image":{"status":"live"}}"#;
    for header in
        ["authorization: Bearer ", "x-api-key: ", "idempotency-key: ", "content-type: application/", "origin: http://"]
    {
        let twice = format!("{header}json\r\n{header}x-ndjson");
        for asked in [
            format!("GET /v1/ws HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{twice}\r\n\r\n"),
            format!(
                "POST /v1/updates HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{twice}\r\ncontent-length: {}\r\n\r\n{report}",
                report.len()
            ),
        ] {
            let answer = send(service.main(), &asked).await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.contains("comes once"),
                "{asked:?} was answered {answer:?}"
            );
        }
    }
    assert_eq!(service.client().await.get("/v1/games").await.status, 200);
}

/// Seen to fail with a panic: an authority alone has no path.
#[tokio::test]
async fn it_is_no_proxy() {
    let service = Service::start(ACME).await;
    for (request, status) in [
        ("CONNECT foo:80 HTTP/1.1\r\nhost: foo:80\r\nconnection: close\r\n\r\n", "405"),
        ("CONNECT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "405"),
        ("GET http://foo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "200"),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "404"),
    ] {
        let answer = send(service.main(), request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?} was answered {answer:?}");
    }
}

#[tokio::test]
async fn heads_that_are_none_are_400_or_431() {
    let service = Service::start(ACME).await;
    let many: String = (0..5_000).map(|n| format!("x{n}: y\r\n")).collect();
    for (head, status) in [
        ("GET / HTTP/1.1\r\nhost: x\r\nbad\0name: y\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nhost: x\r\nname: a\0b\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\n: x\r\n\r\n".to_owned(), "400"),
        ("GET /\u{e9} x HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0".to_owned(), "400"),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000)), "4"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
    ] {
        let answer = send(service.main(), &head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head:.60?} was answered {answer:?}");
    }
    assert_eq!(service.client().await.get("/v1/games").await.status, 200);
}
