//! A publisher: one report after the other on its own games, each said again with the same id until it is answered.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Phase;
use super::journal::{Ack, EACH, name};

/// Between two reports.
const PACE: Duration = Duration::from_millis(150);
/// Before the same is said again.
const AGAIN: Duration = Duration::from_millis(50);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);

struct Publisher {
    number: usize,
    at: SocketAddr,
    dice: fastrand::Rng,
    line: Option<SendRequest<Full<Bytes>>>,
    report: u64,
    there: [bool; EACH],
    acks: Vec<Ack>,
}

/// Publishes until the end, and gives what was answered.
pub(super) async fn run(at: SocketAddr, number: usize, seed: u64, phase: watch::Receiver<Phase>) -> Vec<Ack> {
    let dice = fastrand::Rng::with_seed(seed * 1_000 + number as u64);
    let mut publisher = Publisher { number, at, dice, line: None, report: 0, there: [false; EACH], acks: Vec::new() };
    while *phase.borrow() == Phase::Running {
        let nth = publisher.dice.usize(..EACH);
        let removes = publisher.there[nth] && publisher.dice.u8(..100) < 2;
        publisher.say(nth, removes).await;
        tokio::time::sleep(PACE).await;
    }
    for nth in 0..EACH {
        publisher.say(nth, false).await;
    }
    publisher.acks
}

impl Publisher {
    /// One report, until it is answered.
    async fn say(&mut self, nth: usize, removes: bool) {
        self.report += 1;
        let (game, report) = (self.number * EACH + nth, self.report);
        let answer = loop {
            match tokio::time::timeout(PATIENCE, self.send(game, report, removes)).await {
                Ok(Some((200, answer))) => break answer,
                Ok(Some((503, _)) | None) | Err(_) => self.line = None,
                Ok(Some((status, answer))) => panic!("report {report} on {}: {status} {answer}", name(game)),
            }
            tokio::time::sleep(AGAIN).await;
        };
        assert_eq!(answer["applied"], true, "report {report} on {}: {answer}", name(game));
        let offset = crate::subscriber::offset(answer["position"].as_str().unwrap());
        self.acks.push(Ack { game, report, version: answer["version"].as_u64().unwrap(), offset });
        self.there[nth] = !removes;
    }

    /// Status and answer; `None` when none came.
    async fn send(&mut self, game: usize, report: u64, removes: bool) -> Option<(u16, Value)> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => {
                let stream = TcpStream::connect(self.at).await.ok()?;
                let (line, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
                tokio::spawn(connection);
                line
            }
        };
        line.ready().await.ok()?;
        let id = format!("soak-{}-{report}", self.number);
        let request = Request::builder().header("host", "soak.test").header("authorization", "Bearer acme-key");
        let request = match removes {
            true => request
                .method("DELETE")
                .uri(format!("/v1/games/{}", name(game)))
                .header("idempotency-key", id)
                .body(Full::default()),
            false => {
                let body = json!({"game": name(game), "id": id, "patch": patch(report)}).to_string();
                let request = request.method("POST").uri("/v1/updates").header("content-type", "application/json");
                request.body(Full::from(body))
            }
        };
        let answer = line.send_request(request.unwrap()).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        self.line = Some(line);
        Some((status, serde_json::from_slice(&body).ok()?))
    }
}

/// Most change the score; every fourth one only what the score detail does not show.
fn patch(report: u64) -> Value {
    let mut patch = json!({"info": {"report": report}});
    if !report.is_multiple_of(4) {
        patch["status"] = "live".into();
        patch["competitors"] =
            json!({"home": {"score": {"total": report / 2}}, "away": {"score": {"total": report / 3}}});
    }
    patch
}
