//! The server goes away: everybody is told, and when to come back.

use serde_json::json;

use super::program::Program;
use super::{ARS_CHE, goal, kick_off};
use crate::subscriber::{Handshake, Socket};
use crate::support::soon;

async fn open(program: &Program, query: &str) -> Socket {
    let handshake = Handshake::new(&format!("/v1/ws{query}"));
    let mut socket = handshake.open(program.main()).await.unwrap_or_else(|answer| panic!("{answer:?}"));
    socket.expect("hello").await;
    socket
}

#[tokio::test]
async fn on_sigterm_everybody_is_told_goodbye_then_closed_with_1012() {
    let mut program = Program::start("").await;
    let mut acme = program.acme().await;
    kick_off(&mut acme).await;
    let mut sockets = Vec::new();
    for query in ["", "?topics=*", "?topics=soccer/eng.1", "?topics=team/soccer/arsenal&detail=score"] {
        let mut socket = open(&program, query).await;
        while !query.is_empty() && soon(socket.message()).await.unwrap()["type"] != "position" {}
        sockets.push(socket);
    }
    let position = goal(&mut acme, ARS_CHE, 1, 0).await;
    for socket in &mut sockets[1..] {
        assert_eq!(socket.expect("update").await["position"], position);
    }
    program.terminate();
    let mut reconnects = Vec::new();
    for socket in &mut sockets {
        let goodbye = socket.expect("goodbye").await;
        assert_eq!(goodbye["reason"], "drain");
        reconnects.push(goodbye["reconnect_ms"].as_u64().unwrap());
        assert_eq!(socket.close_code().await, 1012);
    }
    assert!(reconnects.iter().all(|ms| *ms <= 1_000), "within the drain: {reconnects:?}");
    reconnects.dedup();
    assert!(reconnects.len() > 1, "not all at once: {reconnects:?}");
    drop(sockets);
    assert_eq!(program.wait().code(), Some(0));
}

#[tokio::test]
async fn while_draining_it_is_not_ready_and_takes_nobody() {
    let program = Program::start("").await;
    let mut ops = program.ops().await;
    while ops.get("/readyz").await.status != 200 {}
    let mut socket = open(&program, "?topics=*").await;
    while soon(socket.message()).await.unwrap()["type"] != "position" {}
    program.terminate();
    assert_eq!(socket.expect("goodbye").await["reason"], "drain");
    assert_eq!(ops.get("/readyz").await.status, 503);
    assert!(tokio::net::TcpStream::connect(program.main()).await.is_err(), "nobody listens any more");
    // Those who are there are served to the end.
    socket.say(&json!({"type": "ping", "id": 1})).await;
    assert_eq!(socket.expect("pong").await["id"], 1);
    assert_eq!(socket.close_code().await, 1012);
}
