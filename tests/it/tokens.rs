//! Subscribers' tokens over real sockets: every door, what a token may say, and where its keys come from.

mod claims;
mod doors;
mod issuer;
mod keys;
mod lasting;
mod reload;

use serde_json::{Value, json};

use self::issuer::{Issuer, KeySet};
use crate::subscriber::{Handshake, Socket};
use crate::support::{ACME, Service, patch, score};

const ARS_CHE: &str = "soccer/eng.1/ars-che";
const SINNER: &str = "tennis/wimbledon/final";

/// A service whose subscribers need a token of this issuer, with a game of soccer and one of tennis.
async fn gated(set: &KeySet, algorithm: &str, more: &str) -> Service {
    let tokens = format!("[tokens]\nalgorithm = \"{algorithm}\"\njwks = \"{}\"\n{more}", set.path());
    let service = Service::start(&format!("{ACME}\n{tokens}")).await;
    let mut acme = service.acme().await;
    for game in [ARS_CHE, SINNER] {
        acme.report(patch(game, score(1, 0))).await;
    }
    service
}

/// The same with the usual issuer.
async fn gated_by(issuer: &Issuer, more: &str) -> Service {
    gated(&KeySet::of(&[issuer.jwk()]), issuer.algorithm(), more).await
}

/// Claims that open everything for a minute, and these.
fn claims(more: &Value) -> Value {
    let mut claims = json!({"exp": issuer::now() + 60.0});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

async fn shake(service: &Service, query: &str) -> Socket {
    let opened = Handshake::new(&format!("/v1/ws{query}")).open(service.main()).await;
    opened.unwrap_or_else(|answer| panic!("refused: {answer:?}"))
}

/// Opens a WebSocket by a token in its URL; its `hello` is taken.
async fn open(service: &Service, token: &str, query: &str) -> Socket {
    let mut socket = shake(service, &format!("?token={token}{query}")).await;
    socket.expect("hello").await;
    socket
}

fn subscribe(id: u64, topics: &[&str]) -> Value {
    json!({"type": "subscribe", "id": id, "topics": topics})
}
