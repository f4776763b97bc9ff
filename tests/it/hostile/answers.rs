//! Answers that were asked for and are not taken.

use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::support::{ACME, Client, Service, patch, soon};
use crate::tls::Keys;

/// A service over TLS whose `/v1/games` is a whole answer of about a mebibyte.
async fn with_much_to_tell(keys: &Keys, more: &str) -> Service {
    let service = Service::start(&format!("{ACME}\n{more}\n{}", keys.config())).await;
    let mut acme = Client::over(keys.connect(service.main(), "http/1.1").await.unwrap()).await.with_key("acme-key");
    for game in 0..40 {
        let info: Value = (0..30).map(|key| (format!("k{key}"), json!("x".repeat(1_000)))).collect();
        acme.report(patch(&format!("soccer/eng.1/g{game}"), json!({ "info": info }))).await;
    }
    service
}

/// Over HTTP/2 a client says of each answer how much it takes. Seen to hold 127 MiB for one connection.
#[tokio::test]
async fn one_connection_s_answers_that_are_not_taken_are_bounded() {
    let keys = Keys::new();
    let service = with_much_to_tell(&keys, "").await;
    let mut greedy = keys.h2(service.main()).await;
    let mut held = Vec::new();
    let refused = loop {
        let answer = greedy.begin("/v1/games?topics=*").await;
        if answer.status() != 200 {
            break answer;
        }
        held.push(answer);
        assert!(held.len() < 20, "16 MiB are enough");
    };
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(keys.get(service.main(), "h2", "/v1/games?topics=*").await.status, 200, "others are answered");
    // As soon as one is taken there is room for another.
    let taken = soon(held.pop().unwrap().into_body().collect()).await.unwrap().to_bytes();
    assert!(serde_json::from_slice::<Value>(&taken).unwrap()["games"].is_object());
    assert_eq!(greedy.begin("/v1/games?topics=*").await.status(), 200);
}

/// A stream that its shard has cut off is none any more, however long nobody takes the rest of it.
#[tokio::test]
async fn an_event_stream_that_nobody_takes_keeps_no_connection() {
    let keys = Keys::new();
    let limits = "[limits]\nwrite_time = \"300ms\"\nidle_time = \"300ms\"\nheartbeat = \"1s\"";
    let service = with_much_to_tell(&keys, limits).await;
    let mut deaf = keys.h2(service.main()).await;
    let untaken = deaf.begin("/v1/sse?topics=*").await;
    assert_eq!(untaken.status(), 200);
    service.counts("scoreline_connections{transport=\"sse\"}", 0.0).await;
    soon(deaf.closed()).await;
}

#[tokio::test]
async fn who_takes_nothing_over_http_2_is_cut() {
    let keys = Keys::new();
    let service = with_much_to_tell(&keys, "[limits]\nwrite_time = \"300ms\"\nidle_time = \"1h\"").await;
    let mut greedy = keys.h2(service.main()).await;
    // The connection is not idle, and its client is there: it reads the events.
    let mut events = greedy.begin("/v1/sse?topics=tennis").await.into_body();
    let untaken = greedy.begin("/v1/games?topics=*").await;
    assert_eq!(untaken.status(), 200);
    let end = async { while let Some(Ok(_)) = events.frame().await {} };
    soon(end).await;
    assert!(soon(untaken.into_body().collect()).await.is_err(), "what was not taken did not come");
}
