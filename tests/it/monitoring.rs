//! What a person on call relies on: the latency ledger adds up, series are few, and the status page says how it stands.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use feeds::Topic;
use scoreline::broker::{self, Bounds, Broker, BrokerError, Draft, Followed, Heard, Outcome, Reading};
use scoreline::wire::{FeedStatus, Position};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::subscriber::{Detail, Handshake, Socket, Subscriber};
use crate::support::{ACME, Service, patch, score, soon, with};

const GAME: &str = "soccer/eng.1/ars-che";

/// An engine at the end of a slow line.
struct Slow {
    inner: Arc<dyn Broker>,
    /// Before a publication is stored.
    in_: Duration,
    /// Before a follower hears of it.
    out: Duration,
    /// Before its publisher does.
    back: Duration,
}

#[async_trait]
impl Broker for Slow {
    async fn read(&self, game: &Topic, provider: &str, id: Option<&str>) -> Result<Reading, BrokerError> {
        self.inner.read(game, provider, id).await
    }

    async fn publish(&self, draft: Draft) -> Result<Outcome, BrokerError> {
        sleep(self.in_).await;
        let outcome = self.inner.publish(draft).await;
        sleep(self.back).await;
        outcome
    }

    async fn announce(&self, feed: &str, status: FeedStatus) -> Result<Position, BrokerError> {
        self.inner.announce(feed, status).await
    }

    async fn heard(&self, heard: Heard) -> Result<(), BrokerError> {
        self.inner.heard(heard).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, BrokerError> {
        self.inner.lease(name, holder, ttl).await
    }

    async fn follow(&self, tell: mpsc::Sender<Followed>) {
        let (inner, mut told) = mpsc::channel(16);
        let late = async {
            while let Some(event) = told.recv().await {
                sleep(self.out).await;
                if tell.send(event).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = self.inner.follow(inner) => {}
            () = late => {}
        }
    }

    async fn ready(&self) -> Result<(), BrokerError> {
        self.inner.ready().await
    }
}

/// The next message of this type.
async fn until(socket: &mut Socket, kind: &str) -> Value {
    soon(async {
        loop {
            let message = socket.message().await.expect(kind);
            if message["type"] == kind {
                return message;
            }
        }
    })
    .await
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn the_hops_of_the_ledger_add_up_to_the_way() {
    const TIMES: f64 = 10.0;
    let ms = Duration::from_millis;
    let inner = broker::connect("memory:", Bounds::default()).await.unwrap();
    let slow = Slow { inner, in_: ms(60), out: ms(30), back: ms(80) };
    let service = Service::start_on(ACME, Arc::new(slow)).await;
    let mut acme = service.acme().await;
    // A game that is new says no position until the next heartbeat.
    acme.report(patch(GAME, score(0, 0))).await;
    let mut subscriber = Subscriber::new(service.main(), [("soccer", Detail::Full)]);
    subscriber.connect().await;
    subscriber.reaches(1).await;

    let hops = ["event_to_ingest", "ingest_to_log", "log_to_gateway", "gateway_to_socket"];
    let sum = |hop: &str| service.metric(&format!("scoreline_hop_seconds_sum{{hop=\"{hop}\"}}"));
    let count = |hop: &str| service.metric(&format!("scoreline_hop_seconds_count{{hop=\"{hop}\"}}"));
    let way = || service.metric("scoreline_delivery_seconds_sum");
    let written = || service.metric("scoreline_delivery_seconds_count");
    let before = (hops.map(sum), hops.map(count), way(), written());

    for goals in 1..=TIMES as u32 {
        acme.report(with(patch(GAME, score(goals, 0)), "event_at", now_ms() - 400)).await;
        subscriber.reaches(u64::from(goals) + 1).await;
    }
    // The frame may be read before the shard has noted that it was written.
    while written() < before.3 + TIMES {
        sleep(ms(1)).await;
    }
    let mean = |place: usize, now: f64| (now - before.0[place]) / TIMES;
    let means: Vec<f64> = hops.iter().enumerate().map(|(place, hop)| mean(place, sum(hop))).collect();
    for (place, hop) in hops.iter().enumerate() {
        assert_eq!(count(hop) - before.1[place], TIMES, "{hop} is measured once a publication");
    }
    for (mean, at_least) in means.iter().zip([0.4, 0.06, 0.03, 0.0]) {
        // Instants of the log and of reports are cut to whole milliseconds.
        assert!(*mean >= at_least - 0.001, "{means:?}");
    }
    let (whole, sum) = ((way() - before.2) / TIMES, means[1..].iter().sum::<f64>());
    assert!((whole - sum).abs() < 0.005, "accepted to socket took {whole} s, its hops {means:?}");
}

#[tokio::test]
async fn a_delivery_is_timed_once_for_each_publication_and_shard_that_writes_it() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    acme.report(patch(GAME, score(0, 0))).await;
    let mut crowd = Vec::new();
    for _ in 0..5 {
        let mut subscriber = Subscriber::new(service.main(), [("soccer", Detail::Full)]);
        subscriber.connect().await;
        subscriber.reaches(1).await;
        crowd.push(subscriber);
    }
    let before = service.metric("scoreline_delivery_seconds_count");
    acme.report(patch(GAME, score(1, 0))).await;
    acme.report(patch("tennis/wimbledon/final", score(1, 0))).await;
    acme.report(patch(GAME, score(2, 0))).await;
    for subscriber in &mut crowd {
        subscriber.reaches(4).await;
    }
    // One shard, five fans: a match that nobody follows is not timed.
    service.counts("scoreline_delivery_seconds_count", before + 2.0).await;
}

#[tokio::test]
async fn each_subscription_begins_once_and_a_wish_is_no_failure() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    acme.report(patch(GAME, score(0, 0))).await;
    let begun = |outcome: &str| format!("scoreline_resumes_total{{outcome=\"{outcome}\"}}");
    let reset = |reason: &str| format!("scoreline_resets_total{{reason=\"{reason}\"}}");
    let held = async |since: &str| {
        let mut socket = Handshake::new(&format!("/v1/ws?topics=soccer{since}")).open(service.main()).await.unwrap();
        let end = until(&mut socket, "position").await;
        (socket, end["position"].as_str().unwrap().to_owned())
    };
    let (mut socket, position) = held("").await;
    held(&format!("&since={position}")).await;
    held("&since=elsewhe0.7").await;
    service.counts(&begun("reset"), 1.0).await;
    service.counts(&reset("epoch"), 1.0).await;

    socket.say(&json!({"type": "options", "id": 1, "delay": 30})).await;
    until(&mut socket, "reset").await;
    service.counts(&reset("delay"), 1.0).await;
    let poll = acme.get("/v1/poll?topics=soccer&since=elsewhe0.7").await;
    assert_eq!(poll.status, 200, "{}", poll.text());
    service.counts(&begun("reset"), 2.0).await;
    assert_eq!(service.metric(&begun("snapshot")), 1.0);
    assert_eq!(service.metric(&begun("resumed")), 1.0);
}

#[tokio::test]
async fn who_is_refused_is_not_silent() {
    let providers = ["wrong", "outside", "broken", "quiet"];
    let named = providers
        .map(|name| format!("[providers.{name}]\n{}", if name == "outside" { "topics = [\"tennis\"]\n" } else { "" }));
    let keys = providers.map(|name| format!("\"{name}={name}-key\""));
    let service = Service::start(&format!("provider = [{}]\n{}", keys.join(","), named.concat())).await;
    let last = |provider: &str| {
        service.metric(&format!("scoreline_feed_last_report_timestamp_seconds{{provider=\"{provider}\"}}"))
    };
    let begun = (now_ms() / 1_000) as f64;
    for (provider, body, status) in [
        ("wrong", json!({"game": GAME, "patch": {"status": "wild"}}).to_string(), 422),
        ("outside", patch(GAME, score(1, 0)).to_string(), 403),
        ("broken", "{".to_owned(), 400),
    ] {
        let mut client = service.client().await.with_key(&format!("{provider}-key"));
        assert_eq!(client.ask("POST", "/v1/updates", &["content-type: application/json"], body).await.status, status);
        assert!(last(provider) >= begun, "{provider} was heard");
    }
    assert_eq!(last("quiet"), 0.0);
}

#[tokio::test]
async fn who_has_an_interval_is_up_by_it_and_not_by_when_this_process_heard_it() {
    let broker = broker::connect("memory:", Bounds::default()).await.unwrap();
    broker.announce("slow", FeedStatus::Live).await.unwrap();
    let providers = "provider = [\"slow=slow-key\", \"plain=plain-key\"]\n[providers.slow]\ninterval = \"1h\"";
    let service = Service::start_on(providers, Arc::clone(&broker)).await;
    let up = |provider: &str| format!("scoreline_feed_up{{provider=\"{provider}\"}}");
    service.counts(&up("slow"), 1.0).await;
    assert_eq!(service.metric(&up("plain")), 0.0, "nobody heard it yet");
    service.client().await.with_key("plain-key").report(patch(GAME, score(0, 0))).await;
    service.counts(&up("plain"), 1.0).await;
    broker.announce("slow", FeedStatus::Stale).await.unwrap();
    service.counts(&up("slow"), 0.0).await;
}

#[tokio::test]
async fn series_are_few_whatever_happens() {
    let names: Vec<String> = (0..10).map(|n| format!("\"p{n}=key-{n}\"")).collect();
    let service = Service::start(&format!("provider = [{}]", names.join(","))).await;
    let mut client = service.client().await.with_key("key-3");
    let games: Vec<Value> =
        (0..1_000).map(|n| patch(&format!("soccer/league-{}/game-{n}", n % 50), score(n, 0))).collect();
    assert_eq!(client.post(&games.into()).await.status, 200);
    let mut subscriber = Subscriber::new(service.main(), [("*", Detail::Full)]);
    subscriber.connect().await;
    for path in [
        "/v1/games",
        "/v1/games/a/b/c",
        "/v1/history/a/b/c",
        "/v1/updates",
        "/v1/feeds/espn",
        "/v1/ws",
        "/nothing",
        "/",
    ] {
        for method in ["GET", "HEAD", "PUT", "OPTIONS", "POST", "DELETE", "BREW"] {
            client.ask(method, path, &[], "").await;
        }
    }
    client.ask("POST", "/v1/updates", &[], "no JSON").await;
    client.ask("POST", "/v1/feeds/nobody", &[], "{}").await;
    let mut ops = service.ops().await;
    for path in ["/", "/status.json", "/livez", "/readyz", "/metrics", "/nothing"] {
        ops.get(path).await;
    }
    let answer = ops.get("/metrics").await;
    let series = answer.text().lines().filter(|line| !line.starts_with('#')).count();
    println!("{series} series");
    assert!(series <= 500, "{series} series in\n{}", answer.text());
    assert!(!answer.text().contains("league-"), "no topic is a label");
}

#[tokio::test]
async fn the_status_page_says_how_it_stands() {
    let service = Service::start("provider = [\"acme=acme-key\", \"quiet=other-key\"]").await;
    let mut acme = service.acme().await;
    let mut subscriber = Subscriber::new(service.main(), [("soccer", Detail::Full)]);
    subscriber.connect().await;
    acme.report(with(patch(GAME, json!({"status": "live"})), "event_at", now_ms() - 5_000)).await;
    subscriber.reaches(1).await;

    let mut ops = service.ops().await;
    let status = soon(async {
        loop {
            let status = ops.get("/status.json").await.json();
            // What is counted once a second.
            if status["providers"][0]["leads_live"] == 1 && status["gateways"][0]["connections"] == 1 {
                return status;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!((&status["ready"], &status["role"]), (&json!(true), &json!("serve")));
    assert_eq!(status["connections"]["ws"], 1);
    assert_eq!(status["connections"]["subscriptions"], 1);
    assert_eq!(status["connections"]["places_taken"], 2, "a provider's too: {status}");
    assert_eq!(status["service"], json!({"processes": 1, "connections": 1}));
    let position = acme.get(&format!("/v1/games/{GAME}")).await.json()["position"].clone();
    let epoch = position.as_str().unwrap().split('.').next().unwrap().to_owned();
    assert_eq!(status["broker"]["epoch"], epoch);
    assert_eq!((&status["broker"]["up"], &status["broker"]["url"]), (&json!(true), &json!("memory:")));
    assert_eq!(status["games"], json!({"live": 1}));
    let [acme, quiet] = [&status["providers"][0], &status["providers"][1]];
    assert_eq!((&acme["name"], &acme["up"], &acme["leads"]), (&json!("acme"), &json!(true), &json!(1)));
    assert!(acme["last_report_at"].as_i64().unwrap() > now_ms() - 60_000);
    assert_eq!((&quiet["name"], &quiet["up"]), (&json!("quiet"), &json!(false)));
    assert_eq!(quiet["last_report_at"], Value::Null);
    let slow = &status["slowest_games"][0];
    assert_eq!(slow["game"], GAME);
    assert!(slow["late_ms"].as_i64().unwrap() >= 5_000, "{slow}");

    let page = ops.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let scopes = [
        "The service: processes that share the log (1), subscribers of all of them (1)",
        "as this process hears them",
        "to this process",
    ];
    for held in ["http-equiv=\"refresh\"", "acme", "quiet", GAME, "memory:", &epoch].into_iter().chain(scopes) {
        assert!(page.text().contains(held), "{held} is not in {}", page.text());
    }
    assert!(!page.text().contains("<script") && !page.text().contains("key"), "{}", page.text());
}
