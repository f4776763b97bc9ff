//! Crowds: connections that never get anywhere, and floods of what is allowed in small doses. The program's memory is looked at
//! from outside.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::gateway::program::Program;
use crate::subscriber::{Handshake, PING, Socket};
use crate::support::soon;

const EACH: usize = 150;
/// What all of it may cost while it lasts; bytes.
const GROWTH: u64 = 48 << 20;

async fn open(program: &Program) -> Socket {
    let opened = Handshake::new("/v1/ws").narrow().open(program.main()).await;
    let mut socket = opened.unwrap_or_else(|answer| panic!("{answer:?}"));
    socket.expect("hello").await;
    socket
}

/// Connects and says this much, and then nothing.
async fn begin(program: &Program, words: &str) -> TcpStream {
    let mut socket = TcpStream::connect(program.main()).await.unwrap();
    socket.write_all(words.as_bytes()).await.unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn crowds_that_mean_harm_cost_little_and_harm_nobody() {
    // So that those who come with half a head stay for the whole of it.
    let program = Program::start("[limits]\nheader_time = \"5m\"\nbody_time = \"5m\"").await;
    let mut acme = program.acme().await;
    let mut healthy = open(&program).await;
    healthy.say(&json!({"type": "subscribe", "id": 1, "topics": ["*"]})).await;
    healthy.expect("subscribed").await;
    healthy.expect("position").await;
    let before = program.resident_bytes();

    let mut held = Vec::new();
    for number in 0..EACH {
        held.push(begin(&program, "").await);
        held.push(begin(&program, "GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await);
        let body = "POST /v1/updates HTTP/1.1\r\nhost: x\r\nx-api-key: acme-key\r\ncontent-length: 4000000\r\n\r\n[";
        held.push(begin(&program, body).await);
        let keyless = "POST /v1/updates HTTP/1.1\r\nhost: x\r\ncontent-length: 4000000\r\n\r\n[";
        held.push(begin(&program, keyless).await);
        // A frame that is announced and never comes.
        let mut socket = open(&program).await;
        socket.raw(&[0x81, 0xFE, 0x3F, 0xFF, 1, 2, 3, 4]).await;
        if number < 20 {
            // Pings by the ten thousand whose pongs nobody reads.
            let mut pinging = open(&program).await;
            let flood = async {
                for _ in 0..5_000 {
                    pinging.send(PING, &[0x55; 125]).await;
                }
            };
            let _ = tokio::time::timeout(std::time::Duration::from_millis(200), flood).await;
        }
    }
    // Subscribing without end: as many topics as there may be, then as fast as it may not.
    let mut greedy = open(&program).await;
    let topics: Vec<String> = (0..200).map(|n| format!("soccer/c{n}")).collect();
    greedy.say(&json!({"type": "subscribe", "id": 1, "topics": topics})).await;
    for id in 2..500 {
        greedy.say(&json!({"type": "subscribe", "id": id, "topics": topics[..10]})).await;
    }
    assert_eq!(greedy.close_code().await, 4029);

    let growth = program.resident_bytes().saturating_sub(before);
    println!("{} KiB for {} connections that mean harm", growth >> 10, held.len() + EACH + 21);
    assert!(growth < GROWTH, "{} MiB", growth >> 20);
    for goals in 1..=5 {
        acme.report(crate::support::patch("soccer/eng.1/a", crate::support::score(goals, 0))).await;
        let news = soon(healthy.message()).await.expect("it goes on");
        assert_eq!(news["game"], "soccer/eng.1/a");
        healthy.silent().await;
    }
    assert_eq!(program.client().await.get("/v1/games").await.status, 200);
}

/// What answers a load waits behind it. Seen to grow by a third of a mebibyte a second for as long as commands came, of a
/// client that never reads.
#[tokio::test(flavor = "multi_thread")]
async fn commands_behind_a_load_that_nobody_takes_are_not_kept_without_end() {
    let limits = "[limits]\nheartbeat = \"1s\"\ncommands_burst = 100000\ncommands_per_second = 100000";
    let program = Program::start(limits).await;
    let mut acme = program.acme().await;
    for number in 0..40 {
        let info: Value = (0..20).map(|key| (format!("k{key}"), json!("x".repeat(1_000)))).collect();
        acme.report(crate::support::patch(&format!("soccer/c{number}/g"), json!({ "info": info }))).await;
    }
    let before = program.resident_bytes();
    let topics: Vec<String> = (0..150).map(|number| format!("soccer/c{number}{}", "x".repeat(50))).collect();
    let mut deaf = open(&program).await;
    let both: Vec<&str> = topics.iter().map(String::as_str).chain(["*"]).collect();
    deaf.say(&json!({"type": "subscribe", "id": 1, "topics": both})).await;
    // It goes on saying what would be answered after the load, until it is cut for taking nothing.
    let mut ops = program.ops().await;
    let cut = "scoreline_connections_closed_total{reason=\"timeout\",transport=\"ws\"} 1";
    let until_cut = async {
        while !ops.get("/metrics").await.text().contains(cut) {
            for id in 2..12 {
                deaf.say(&json!({"type": "unsubscribe", "id": id, "topics": topics})).await;
            }
            let growth = program.resident_bytes().saturating_sub(before);
            assert!(growth < GROWTH, "{} MiB", growth >> 20);
        }
    };
    soon(until_cut).await;
}
