//! NDJSON: as many lines as one likes, each answered when it is done.

use serde_json::json;

use crate::support::{ACME, Service, patch, score, with};

const GAME: &str = "soccer/eng.1/ars-che";

#[tokio::test]
async fn answers_come_while_the_request_is_still_being_sent() {
    let service = Service::start(ACME).await;
    let mut stream = service.acme().await.stream().await;
    for goals in 1..=3 {
        stream.report(patch(GAME, score(goals, 0))).await;
        let answer = stream.answer().await.unwrap();
        assert_eq!((&answer["applied"], &answer["version"]), (&json!(true), &json!(goals)));
    }
    let line = patch(GAME, score(4, 0)).to_string();
    let (front, back) = line.split_at(20);
    stream.send(front.to_owned()).await;
    stream.send(format!("{back}\r\n\n")).await;
    assert_eq!(stream.answer().await.unwrap()["version"], 4);
    stream.send(patch(GAME, score(5, 0)).to_string()).await;
    stream.end();
    assert_eq!(stream.answer().await.unwrap()["version"], 5, "the last line needs no end");
    assert_eq!(stream.answer().await, None);
}

#[tokio::test]
async fn a_wrong_line_is_answered_and_the_next_one_counts() {
    let service = Service::start("provider = [\"acme=acme-key\"]\n[limits]\nreport_bytes = 200").await;
    let mut stream = service.acme().await.stream().await;
    stream.send("nonsense\n").await;
    stream.report(patch(GAME, json!({"status": "playing"}))).await;
    stream.report(patch(GAME, json!({"status_reason": "x".repeat(300)}))).await;
    stream.report(patch(GAME, score(1, 0))).await;
    stream.end();
    let mut answers = Vec::new();
    while let Some(answer) = stream.answer().await {
        answers.push(answer);
    }
    assert_eq!(answers.len(), 4);
    for (answer, detail) in answers.iter().zip(["no JSON", "\"playing\" is none of", "at most 200 bytes"]) {
        assert_eq!(answer["reason"], "invalid");
        assert!(answer["detail"].as_str().unwrap().contains(detail), "{answer}");
    }
    assert_eq!(answers[1]["pointer"], "/patch/status");
    assert_eq!(answers[3]["version"], 1);
}

#[tokio::test]
async fn thousands_of_lines_are_answered_in_their_order() {
    const GAMES: u32 = 40;
    const ROUNDS: u32 = 50;
    let service = Service::start(ACME).await;
    let mut stream = service.acme().await.stream().await;
    let game = |number: u32| format!("soccer/eng.1/game-{number}");
    let mut body = String::new();
    for round in 1..=ROUNDS {
        for number in 0..GAMES {
            body += &format!("{}\n", with(patch(&game(number), score(round, 0)), "seq", round));
        }
    }
    stream.send(body).await;
    stream.end();
    for round in 1..=ROUNDS {
        for number in 0..GAMES {
            let answer = stream.answer().await.unwrap();
            assert_eq!((&answer["game"], &answer["applied"]), (&json!(game(number)), &json!(true)), "round {round}");
        }
    }
    assert_eq!(stream.answer().await, None);
    service.counts("scoreline_log_offset", f64::from(GAMES * ROUNDS)).await;
}

#[tokio::test]
async fn lines_are_replayed_by_their_place() {
    let service = Service::start(ACME).await;
    let body = format!("{}\n\n{}\n", patch(GAME, score(1, 0)), patch(GAME, score(2, 0)));
    let headers = ["content-type: application/x-ndjson", "idempotency-key: s-1"];
    let mut acme = service.acme().await;
    let first = acme.ask("POST", "/v1/updates", &headers, body.clone()).await;
    let again = acme.ask("POST", "/v1/updates", &headers, body).await;
    assert_eq!(first.text().lines().count(), 2);
    for (first, again) in first.text().lines().zip(again.text().lines()) {
        let parse = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
        assert_eq!(parse(again), with(parse(first), "replayed", true));
    }
}

#[tokio::test]
async fn a_stream_is_slowed_to_its_rate_and_not_refused() {
    let service = Service::start("provider = [\"acme=acme-key\"]\n[providers.acme]\nrate = 50").await;
    let mut stream = service.acme().await.stream().await;
    for goals in 1..=60 {
        stream.report(patch(GAME, score(goals, 0))).await;
    }
    stream.end();
    for goals in 1..=60 {
        assert_eq!(stream.answer().await.unwrap()["version"], goals);
    }
}

#[tokio::test]
async fn a_silent_stream_ends() {
    let service = Service::start("provider = [\"acme=acme-key\"]\n[limits]\nstream_idle = \"100ms\"").await;
    let mut stream = service.acme().await.stream().await;
    stream.report(patch(GAME, score(1, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["version"], 1);
    assert_eq!(stream.answer().await, None, "though the request is not ended");
}

#[tokio::test]
async fn a_drain_ends_a_stream_after_what_it_took() {
    let service = Service::start(ACME).await;
    let mut stream = service.acme().await.stream().await;
    stream.report(patch(GAME, score(1, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["version"], 1);
    let ((), end) = tokio::join!(service.stop(), stream.answer());
    assert_eq!(end, None);
}
