//! A broker that cannot take it: nothing is acknowledged, and the provider is told to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use feeds::Topic;
use scoreline::broker::{self, Bounds, Broker, BrokerError, Draft, Followed, Heard, Outcome, Reading};
use scoreline::wire::{FeedStatus, Position};
use serde_json::json;
use tokio::sync::mpsc;

use crate::subscriber::Handshake;
use crate::support::{ACME, Service, patch, score, soon, with};

const GAME: &str = "soccer/eng.1/ars-che";

/// An engine whose line is cut while `away`; with `after`, the publication is stored and only its answer is lost.
struct Cut {
    inner: Arc<dyn Broker>,
    away: AtomicBool,
    after: AtomicBool,
    /// The follower's line alone.
    deaf: AtomicBool,
}

impl Cut {
    async fn new() -> Arc<Cut> {
        let inner = broker::connect("memory:", Bounds::default()).await.unwrap();
        Arc::new(Cut {
            inner,
            away: AtomicBool::new(false),
            after: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
        })
    }

    fn line(&self, cut: &AtomicBool) -> Result<(), BrokerError> {
        match cut.load(Ordering::SeqCst) {
            true => Err(BrokerError::Away("the line is cut".to_owned())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Broker for Cut {
    async fn read(&self, game: &Topic, provider: &str, id: Option<&str>) -> Result<Reading, BrokerError> {
        self.line(&self.away)?;
        self.inner.read(game, provider, id).await
    }

    async fn publish(&self, draft: Draft) -> Result<Outcome, BrokerError> {
        self.line(&self.away)?;
        let outcome = self.inner.publish(draft).await;
        self.line(&self.after)?;
        outcome
    }

    async fn announce(&self, feed: &str, status: FeedStatus) -> Result<Position, BrokerError> {
        self.inner.announce(feed, status).await
    }

    async fn heard(&self, heard: Heard) -> Result<(), BrokerError> {
        self.line(&self.away)?;
        self.inner.heard(heard).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, BrokerError> {
        self.inner.lease(name, holder, ttl).await
    }

    async fn follow(&self, tell: mpsc::Sender<Followed>) {
        let (inner, mut told) = mpsc::channel(16);
        let pass = async {
            while let Some(event) = told.recv().await {
                let event = if self.deaf.load(Ordering::SeqCst) { Followed::Away } else { event };
                if tell.send(event).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = self.inner.follow(inner) => {}
            () = pass => {}
        }
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        self.line(&self.away)
    }
}

#[tokio::test]
async fn a_broker_that_is_away_is_503_and_nothing_is_acknowledged() {
    let cut = Cut::new().await;
    let service = Service::start_on(ACME, Arc::<Cut>::clone(&cut)).await;
    let mut acme = service.acme().await;
    acme.report(patch(GAME, score(1, 0))).await;
    cut.away.store(true, Ordering::SeqCst);

    let answer = acme.post(&patch(GAME, score(2, 0))).await;
    let problem = answer.problem(503, "unavailable");
    assert_eq!((&problem["reason"], &problem["applied"]), (&json!("unavailable"), &json!(false)));
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    let batch = acme.post(&json!([patch(GAME, score(2, 0)), patch(GAME, score(3, 0))])).await;
    batch.problem(503, "unavailable");
    assert!(batch.header("retry-after").parse::<u32>().unwrap() > 0);
    acme.ask("DELETE", "/v1/games/soccer/eng.1/ars-che", &[], "").await.problem(503, "unavailable");
    let half = acme.post(&json!([patch(GAME, score(2, 0)), {"game": "x"}])).await;
    assert_eq!(half.status, 207);
    assert_eq!(half.json()["results"][0]["reason"], "unavailable");

    let mut stream = service.acme().await.stream().await;
    stream.report(patch(GAME, score(2, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["reason"], "unavailable");
    cut.away.store(false, Ordering::SeqCst);
    stream.report(patch(GAME, score(2, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["version"], 2);
}

/// What it shows grows old, though it publishes. Seen to fail with a readiness that asks the publishers' connection alone.
#[tokio::test]
async fn who_hears_nothing_of_the_log_is_not_ready() {
    let cut = Cut::new().await;
    let service =
        Service::start_on(&format!("{ACME}\n[limits]\nbroker_grace = \"100ms\""), Arc::<Cut>::clone(&cut)).await;
    let (mut acme, mut ops) = (service.acme().await, service.ops().await);
    acme.report(patch(GAME, score(1, 0))).await;
    service.counts("scoreline_log_offset", 1.0).await;
    assert_eq!(ops.get("/readyz").await.status, 200);
    cut.deaf.store(true, Ordering::SeqCst);
    acme.report(patch(GAME, score(2, 0))).await;
    service.counts("scoreline_broker_up", 0.0).await;
    assert_eq!(ops.get("/readyz").await.status, 503);
    service.counts("scoreline_log_offset", 1.0).await;
}

/// Before its log was read a gateway owes whoever comes. Who asked for so much that it is not read meanwhile is not closed for
/// its silence. Seen to fail with everybody's silence counted: it was closed after two heartbeats.
#[tokio::test]
async fn who_waits_for_a_gateway_to_load_is_not_closed() {
    let cut = Cut::new().await;
    cut.deaf.store(true, Ordering::SeqCst);
    let limits = "[limits]\nheartbeat = \"1s\"\ncommands_burst = 1000";
    let service = Service::start_on(limits, Arc::<Cut>::clone(&cut)).await;
    let mut waits = Handshake::new("/v1/ws").open(service.main()).await.unwrap();
    waits.expect("hello").await;
    for id in 1..=100 {
        waits.say(&json!({"type": "subscribe", "id": id, "topics": [GAME]})).await;
    }
    let mut heartbeats = 0;
    while heartbeats < 4 {
        let message = soon(waits.message()).await.expect("it is not closed");
        heartbeats += u8::from(message["type"] == "heartbeat");
    }
}

#[tokio::test]
async fn a_stamp_that_could_not_be_written_is_not_held_against_the_report() {
    let cut = Cut::new().await;
    let service = Service::start_on(ACME, Arc::<Cut>::clone(&cut)).await;
    let mut acme = service.acme().await;
    acme.report(with(patch(GAME, score(1, 0)), "seq", 1)).await;
    cut.away.store(true, Ordering::SeqCst);
    acme.post(&with(patch(GAME, score(1, 0)), "seq", 2)).await.problem(503, "unavailable");
    cut.away.store(false, Ordering::SeqCst);
    assert_eq!(acme.report(with(patch(GAME, score(1, 0)), "seq", 2)).await["reason"], "unchanged");
    assert_eq!(acme.report(with(patch(GAME, score(1, 0)), "seq", 2)).await["reason"], "outdated");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_had_by_sending_again_with_the_same_id() {
    let cut = Cut::new().await;
    let service = Service::start_on(ACME, Arc::<Cut>::clone(&cut)).await;
    let mut acme = service.acme().await;
    cut.after.store(true, Ordering::SeqCst);
    let report = with(patch(GAME, score(1, 0)), "id", "evt-1");
    acme.post(&report).await.problem(503, "unavailable");
    cut.after.store(false, Ordering::SeqCst);
    let again = acme.report(report).await;
    assert_eq!((&again["version"], &again["replayed"]), (&json!(1), &json!(true)), "it had been stored");
}
