//! Subscribers that do not read: they cost nothing, and have the newest of everything as soon as they read again.

use serde_json::json;

use super::program::Program;
use super::served;
use crate::subscriber::{Detail, Handshake, Socket, Subscriber};
use crate::support::{Client, patch, soon};

/// Who does not read is not closed for it while the test takes its time.
const PATIENT: &str = "[limits]\nheartbeat = \"10m\"\nidle_time = \"10m\"";

/// Posts reports as one batch, which must all be applied; the last one's offset.
async fn publish(client: &mut Client, reports: Vec<serde_json::Value>) -> u64 {
    let answer = client.post(&reports.into()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert!(results.iter().all(|result| result["applied"] == true), "{results:?}");
    let position = |result: &serde_json::Value| crate::subscriber::offset(result["position"].as_str().unwrap());
    results.iter().map(position).max().unwrap()
}

/// A round of about 1 KiB of news for each of ten games.
fn round(number: usize) -> Vec<serde_json::Value> {
    let text = format!("{number:04} ").repeat(200);
    let games = (0..10).map(|game| format!("soccer/eng.1/game-{game}"));
    games.map(|game| patch(&game, json!({"status_reason": text, "info": {"round": number}}))).collect()
}

#[tokio::test]
async fn who_stops_reading_is_caught_up() {
    let (service, mut acme) = served(PATIENT).await;
    publish(&mut acme, round(0)).await;
    let mut stalled = Vec::new();
    for (topic, detail) in [
        ("*", Detail::Full),
        ("*", Detail::Score),
        ("soccer/eng.1", Detail::Full),
        ("soccer/eng.1/game-3", Detail::Score),
    ] {
        let mut subscriber = Subscriber::new(service.main(), [(topic, detail)]).narrow();
        subscriber.connect().await;
        subscriber.until(|replica| replica.reached().is_some()).await;
        stalled.push((topic, detail, subscriber));
    }
    let mut reader = Subscriber::new(service.main(), [("*", Detail::Full)]);
    reader.connect().await;
    reader.until(|replica| replica.reached().is_some()).await;

    // The reader keeps up, so the shard has fanned out what the others do not take.
    for number in 1..=300 {
        let last = publish(&mut acme, round(number)).await;
        reader.reaches(last).await;
    }
    let lagging = service.metric("scoreline_lagging_connections");
    assert!(lagging >= 2.0, "those who are sent more than their sockets take: {lagging}");
    assert_eq!(reader.replica.counts.updates, 3_000, "who reads is told everything");

    let mut all = service.client().await;
    for (topic, detail, subscriber) in &mut stalled {
        let games = all.games(topic, detail.name()).await;
        subscriber.until(|replica| replica.documents() == games).await;
        assert_eq!(subscriber.replica.counts.resets, 0);
    }
    assert!(stalled[0].2.replica.counts.updates < 3_000, "and who does not is told less");
    // All of them stream again.
    publish(&mut acme, round(301)).await;
    for (topic, detail, subscriber) in &mut stalled {
        let games = all.games(topic, detail.name()).await;
        subscriber.until(|replica| replica.documents() == games).await;
    }
    service.counts("scoreline_lagging_connections", 0.0).await;
}

/// A load of more than the socket takes at once leaves piece by piece, and what changes meanwhile is in it.
#[tokio::test]
async fn a_long_load_goes_piece_by_piece_while_the_loaded_topics_go_on() {
    let (service, mut acme) = served(PATIENT).await;
    let crowd = |number: usize| {
        let text = "long ".repeat(200);
        let info: serde_json::Map<_, _> = (0..4).map(|key| (format!("text-{key}"), text.as_str().into())).collect();
        let game = format!("soccer/crowd/game-{number}");
        patch(&game, json!({"info": info, "competitors": {"home": {"team": format!("team-{number}")}}}))
    };
    for block in 0..4 {
        publish(&mut acme, (block * 100..(block + 1) * 100).map(crowd).collect()).await;
    }
    publish(&mut acme, round(0)).await;
    let mut slow = Subscriber::new(service.main(), [("soccer/eng.1", Detail::Full)]).narrow();
    slow.connect().await;
    slow.until(|replica| replica.reached().is_some()).await;
    // A megabyte, which the socket does not take while nobody reads.
    slow.subscribe(&["soccer/crowd", "*"], Detail::Full).await;
    let begun = slow.next().await.expect("the load begins");
    assert_eq!((&begun["type"], &begun["resumed"]), (&json!("subscribed"), &json!(false)));
    let news =
        patch("soccer/crowd/game-7", json!({"status_reason": "news", "competitors": {"home": {"team": "renamed"}}}));
    publish(&mut acme, vec![news]).await;
    acme.ask("DELETE", "/v1/games/soccer/crowd/game-9", &[], "").await;
    let last = publish(&mut acme, round(1)).await;
    slow.unsubscribe(&["soccer/eng.1"]).await;
    slow.reaches(last).await;
    let games = service.client().await.games("*", "full").await;
    assert_eq!(slow.replica.documents(), games);
    assert_eq!(games.len(), 409);
    assert_eq!(games["soccer/crowd/game-7"]["status_reason"], "news");
}

/// Bursts to so many that the shard rests after each pass: nothing that comes during a rest is forgotten, and who keeps up is
/// sent each publication.
#[tokio::test]
async fn a_burst_to_many_leaves_nothing_behind() {
    const READERS: usize = 120;
    let (service, mut acme) = served(PATIENT).await;
    publish(&mut acme, round(0)).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = Subscriber::new(service.main(), [("soccer/eng.1", Detail::Score)]);
        reader.connect().await;
        reader.until(|replica| replica.reached().is_some()).await;
        readers.push(reader);
    }
    let goals = |number: usize| {
        let score = json!({"competitors": {"home": {"score": {"total": number}}}});
        (0..10).map(|game| patch(&format!("soccer/eng.1/game-{game}"), score.clone())).collect()
    };
    for number in 1..=20 {
        let last = publish(&mut acme, goals(number)).await;
        for reader in &mut readers {
            reader.reaches(last).await;
        }
    }
    let games = service.client().await.games("*", "score").await;
    for reader in &readers {
        assert_eq!(reader.replica.documents(), games);
        assert_eq!(reader.replica.counts.updates, 200);
    }
}

/// Hazard 16: the kernel's buffers are bounded; the server keeps nothing beyond them. Seen to fail with what a socket
/// does not take kept for it: the process grew by all that nobody read.
#[tokio::test]
async fn hazard_16_slow_clients_cost_no_memory() {
    const READERS: usize = 100;
    let program = Program::start(&format!("{PATIENT}\nrecent_bytes = 4194304")).await;
    let mut acme = program.acme().await;
    publish(&mut acme, round(0)).await;
    let mut stalled: Vec<Socket> = Vec::new();
    for _ in 0..READERS {
        let handshake = Handshake::new("/v1/ws?topics=*").narrow();
        let mut socket = handshake.open(program.main()).await.unwrap_or_else(|answer| panic!("{answer:?}"));
        while soon(socket.message()).await.unwrap()["type"] != "position" {}
        stalled.push(socket);
    }
    // Until all of them lag, and the ring is full.
    let mut number = 0;
    let mut rounds = async |count: usize| {
        let mut last = 0;
        for _ in 0..count {
            number += 1;
            last = publish(&mut acme, round(number)).await;
        }
        last
    };
    rounds(200).await;
    let before = program.resident_bytes();
    let last = rounds(300).await;
    let growth = program.resident_bytes().saturating_sub(before);
    let unread = 300 * 10 * 1_000 * READERS as u64;
    let said = format!("{} MiB for {} MiB that nobody read", growth >> 20, unread >> 20);
    println!("{said}");
    assert!(growth < 16 << 20, "{said}");

    // And all of them catch up.
    let mut client = program.client().await;
    let games = client.games("*", "full").await;
    for mut socket in stalled {
        let mut rounds_of = std::collections::BTreeMap::new();
        let newest = format!(".{last}");
        loop {
            let message = soon(socket.message()).await.expect("it goes on");
            for document in [&message["state"], &message["patch"]] {
                if let Some(round) = document["info"].get("round") {
                    rounds_of.insert(message["game"].as_str().unwrap().to_owned(), round.clone());
                }
            }
            if rounds_of.len() == games.len()
                && rounds_of.iter().all(|(game, round)| games[game]["info"]["round"] == *round)
            {
                break;
            }
            assert!(!message["position"].as_str().is_some_and(|position| position.ends_with(&newest)), "{rounds_of:?}");
        }
    }
}
