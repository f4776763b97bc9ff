//! The gateway script: what a subscriber and the server say to each other, over real sockets.

mod churn;
mod closing;
mod commands;
mod delays;
mod drain;
mod echo;
mod events;
mod handshake;
mod lagging;
mod polling;
pub(crate) mod program;
mod proxied;
mod resuming;
mod rolling;
mod snapshots;
mod stock;
mod subscribing;
mod tls;

use serde_json::{Value, json};

use crate::subscriber::{Handshake, Socket};
use crate::support::{ACME, Client, Service, patch, score};

const ARS_CHE: &str = "soccer/eng.1/ars-che";
const LIV_MUN: &str = "soccer/eng.1/liv-mun";
const BAR_RMA: &str = "soccer/esp.1/bar-rma";

/// A service, and a provider's connection.
async fn served(more: &str) -> (Service, Client) {
    let service = Service::start(&format!("{ACME}\n{more}")).await;
    let acme = service.acme().await;
    (service, acme)
}

/// A connection with these query parameters, its `hello` taken.
async fn open(service: &Service, query: &str) -> Socket {
    let mut socket = shake(service, Handshake::new(&format!("/v1/ws{query}"))).await;
    socket.expect("hello").await;
    socket
}

/// A connection that must come about.
async fn shake(service: &Service, handshake: Handshake) -> Socket {
    handshake.open(service.main()).await.unwrap_or_else(|answer| panic!("refused: {answer:?}"))
}

/// A match with everything in it that the score detail leaves out.
fn kickoff(home: &str, away: &str) -> Value {
    json!({
        "status": "live",
        "competitors": {
            "home": {"kind": "team", "name": home, "team": home, "score": {"total": 0}},
            "away": {"kind": "team", "name": away, "team": away, "score": {"total": 0}},
        },
        "incidents": {"k1": {"type": "card", "side": "home", "minute": 1}},
        "info": {"venue": "The Park"},
    })
}

/// Two games of one competition and one of another.
async fn kick_off(acme: &mut Client) {
    for (game, home, away) in
        [(ARS_CHE, "arsenal", "chelsea"), (LIV_MUN, "liverpool", "united"), (BAR_RMA, "barcelona", "madrid")]
    {
        acme.report(patch(game, kickoff(home, away))).await;
    }
}

/// The position after this score.
async fn goal(acme: &mut Client, game: &str, home: u32, away: u32) -> String {
    acme.report(patch(game, score(home, away))).await["position"].as_str().unwrap().to_owned()
}

fn subscribe(id: u64, topics: &[&str]) -> Value {
    json!({"type": "subscribe", "id": id, "topics": topics})
}
