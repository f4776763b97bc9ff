//! One game, many feeds: who leads, who takes over, who returns, and what subscribers see of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scoreline::broker::embedded::EmbeddedBroker;
use scoreline::broker::{Bounds, Broker, Event, Publication};
use scoreline::config::Config;
use scoreline::wire::FeedStatus;
use serde_json::{Value, json};

use crate::redis::server::Server;
use crate::support::{self, Client, Log, Service, soon};

const GAME: &str = "soccer/x/a";

/// Providers a (leads), b and c; the first says how often it reports.
fn config(patience: &str) -> String {
    format!(
        "provider = [\"a=a-key\", \"b=b-key\", \"c=c-key\", \"desk=desk-key\"]\n\
         [providers.a]\ninterval = \"200ms\"\npriority = 1\n[providers.b]\npriority = 2\n[providers.c]\npriority = 3\n\
         [providers.desk]\noverride = true\n[limits]\nfailover_patience = \"{patience}\""
    )
}

async fn client(service: &Service, provider: &str) -> Client {
    service.client().await.with_key(&format!("{provider}-key"))
}

pub(crate) fn image(home: u32, away: u32) -> Value {
    let goal = |side: &str, n: u32| {
        let goal = json!({"type": "goal", "side": side, "minute": 10 * n, "status": "confirmed"});
        (format!("{side}-{n}"), goal)
    };
    let goals = (1..=home).map(|n| goal("home", n)).chain((1..=away).map(|n| goal("away", n)));
    json!({"status": "live", "incidents": goals.collect::<serde_json::Map<_, _>>(),
        "competitors": {"home": {"score": {"total": home}}, "away": {"score": {"total": away}}}})
}

/// The same in the names of another provider, and a minute later.
pub(crate) fn renamed(provider: &str, image: &Value) -> Value {
    let mut other = image.clone();
    let named = image["incidents"].as_object().unwrap().iter().map(|(id, incident)| {
        let mut incident = incident.clone();
        incident["minute"] = (incident["minute"].as_i64().unwrap() + 1).into();
        (format!("{provider}-{id}"), incident)
    });
    other["incidents"] = named.collect::<serde_json::Map<_, _>>().into();
    other
}

async fn say(client: &mut Client, image: &Value) -> Value {
    client.report(json!({"game": GAME, "image": image})).await
}

async fn state(client: &mut Client) -> Value {
    client.get(&format!("/v1/games/{GAME}")).await.json()["state"].clone()
}

async fn until_led_by(client: &mut Client, provider: &str) -> Value {
    let waiting = async {
        loop {
            let state = state(client).await;
            if state["feed"] == provider {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(waiting).await
}

async fn next_status(log: &mut Log) -> FeedStatus {
    loop {
        if let Event::Feed { feed, status } = &log.next().await.event {
            assert_eq!(feed, "a");
            return *status;
        }
    }
}

/// Every publication of the game up to now.
async fn published(log: &mut Log, client: &mut Client) -> Vec<Arc<Publication>> {
    let answer = client.get(&format!("/v1/games/{GAME}")).await.json();
    let position = answer["position"].as_str().unwrap().to_owned();
    let mut published = Vec::new();
    while published.last().is_none_or(|last: &Arc<Publication>| last.position.to_string() != position) {
        published.push(log.next().await);
    }
    published
}

/// Totals never went down on the way.
fn assert_never_back(published: &[Arc<Publication>]) {
    let mut totals: BTreeMap<String, i64> = BTreeMap::new();
    for publication in published {
        let Event::Update(update) = &publication.event else { continue };
        assert!(!update.patch.contains_key("correction"), "{publication:?}");
        for (side, one) in update.patch.get("competitors").and_then(Value::as_object).into_iter().flatten() {
            if let Some(total) = one["score"]["total"].as_i64() {
                let before = totals.insert(side.clone(), total);
                assert!(before.is_none_or(|before| before <= total), "{publication:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_silent_leader_is_replaced_and_returns_when_it_agrees() {
    let service = Service::start(&config("1s")).await;
    let (mut a, mut b, mut log) = (client(&service, "a").await, client(&service, "b").await, service.log());
    assert_eq!(say(&mut a, &image(1, 0)).await["applied"], true);
    assert_eq!(say(&mut b, &renamed("b", &image(2, 0))).await["reason"], "not_leading");
    assert_eq!(next_status(&mut log).await, FeedStatus::Live);
    // Nobody says anything more: what b said is taken up by itself.
    let led = until_led_by(&mut b, "b").await;
    assert_eq!(led["competitors"]["home"]["score"]["total"], 2);
    let ids: Vec<&String> = led["incidents"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["b-home-2", "home-1"], "the goal that both know has one name");
    assert_eq!(next_status(&mut log).await, FeedStatus::Stale);
    service.counts("scoreline_feed_failovers_total", 1.0).await;

    // It is back, and behind: it leads no more, whatever its number.
    assert_eq!(say(&mut a, &image(1, 0)).await["reason"], "not_leading");
    assert_eq!(next_status(&mut log).await, FeedStatus::Live);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_500) {
        assert_eq!(say(&mut a, &image(1, 0)).await["reason"], "not_leading");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(say(&mut a, &image(2, 0)).await["applied"], true, "it agrees again");
    let state = state(&mut a).await;
    assert_eq!((&state["feed"], state["incidents"].as_object().unwrap().len()), (&json!("a"), 2), "{state}");
    assert_eq!(service.metric("scoreline_feed_failovers_total"), 1.0, "a return is no failover");
    assert_never_back(&published(&mut service.log(), &mut a).await);
}

#[tokio::test]
async fn a_witness_that_is_behind_waits() {
    let service = Service::start(&config("1h")).await;
    let (mut a, mut b, mut log) = (client(&service, "a").await, client(&service, "b").await, service.log());
    say(&mut a, &image(2, 1)).await;
    say(&mut b, &image(1, 1)).await;
    assert_eq!(next_status(&mut log).await, FeedStatus::Live);
    assert_eq!(next_status(&mut log).await, FeedStatus::Stale);
    assert_eq!(say(&mut b, &image(1, 1)).await["reason"], "not_leading", "the leader is silent, but knows more");
    assert_eq!(say(&mut b, &image(3, 1)).await["applied"], true);
    assert_eq!(state(&mut b).await["feed"], "b");
    assert_never_back(&published(&mut service.log(), &mut a).await);
}

#[tokio::test]
async fn two_witnesses_that_agree_outvote_the_leader() {
    let service = Service::start(&config("500ms").replace("interval = \"200ms\"\n", "")).await;
    let [mut a, mut b, mut c] = [client(&service, "a").await, client(&service, "b").await, client(&service, "c").await];
    say(&mut a, &image(3, 0)).await;
    say(&mut b, &image(2, 0)).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(800) {
        // One alone says nothing against it, nor do two that do not agree.
        assert_eq!(say(&mut b, &image(2, 0)).await["reason"], "not_leading");
        assert_eq!(say(&mut c, &image(2, 1)).await["reason"], "not_leading");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    say(&mut c, &image(2, 0)).await;
    let state = until_led_by(&mut b, "b").await;
    assert_eq!(state["correction"]["reason"], "score_decreased");
    assert_eq!(state["incidents"]["home-3"]["status"], "void", "who saw the goal sees that it was none");
    service.counts("scoreline_feed_failovers_total", 1.0).await;
    // The one that was wrong goes on, and moves nothing.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(800) {
        assert_eq!(say(&mut a, &image(3, 0)).await["reason"], "not_leading");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(say(&mut a, &image(2, 0)).await["applied"], true, "until it agrees");
    service.counts("scoreline_corrections_total{reason=\"score_decreased\"}", 1.0).await;
}

#[tokio::test]
async fn a_desk_pins_what_it_sets_until_it_deletes_it() {
    let service = Service::start(&config("1h").replace("interval = \"200ms\"\n", "")).await;
    let (mut a, mut desk) = (client(&service, "a").await, client(&service, "desk").await);
    say(&mut a, &image(1, 0)).await;
    let pin = |patch: Value| json!({"game": GAME, "patch": patch});
    let total = |home: Value| json!({"competitors": {"home": {"score": {"total": home}}}});
    assert_eq!(desk.report(pin(total(json!(2)))).await["applied"], true);
    say(&mut a, &image(1, 1)).await;
    let held = state(&mut a).await;
    assert_eq!((&held["competitors"]["home"]["score"]["total"], &held["feed"]), (&json!(2), &json!("a")));
    assert_eq!(held["competitors"]["away"]["score"]["total"], 1, "what is not pinned goes on");
    a.report(json!({"game": GAME, "patch": {"competitors": {"home": {"score": null}}}})).await;
    assert_eq!(
        state(&mut a).await["competitors"]["home"]["score"]["total"],
        2,
        "nor is it deleted with what is around it"
    );

    // What holds already can be pinned too.
    assert_eq!(desk.report(pin(json!({"status": "live"}))).await["applied"], true);
    assert_eq!(desk.report(pin(json!({"status": "live"}))).await["reason"], "unchanged");
    let mut over = image(1, 1);
    over["status"] = "final".into();
    say(&mut a, &over).await;
    assert_eq!(state(&mut a).await["status"], "live");

    desk.report(pin(json!({"status": null}))).await;
    desk.report(pin(total(Value::Null))).await;
    say(&mut a, &over).await;
    let held = state(&mut a).await;
    assert_eq!((&held["status"], &held["competitors"]["home"]["score"]["total"]), (&json!("final"), &json!(1)));
}

/// Posts until the process knows which games there are.
async fn once_known(client: &mut Client, report: &Value) -> Value {
    let posting = async {
        loop {
            let answer = client.post(report).await;
            if answer.status != 503 {
                return answer.json();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(posting).await
}

#[tokio::test]
async fn two_names_of_one_game_are_one_game() {
    let paired = format!("{}\n[pairing]\ncompetitions = {{ \"soccer/x\" = [\"soccer/liga-x\"] }}", config("1s"));
    let log: Arc<dyn Broker> = Arc::new(EmbeddedBroker::memory(Bounds::default()).unwrap());
    let service = Service::start_on(&paired, Arc::clone(&log)).await;
    let named = |home: &str, away: &str, start: &str, score: &Value| {
        let mut named = score.clone();
        named["start"] = start.into();
        named["competitors"]["home"]["name"] = home.into();
        named["competitors"]["away"]["name"] = away.into();
        named
    };
    let mut a = client(&service, "a").await;
    let first = json!({"game": GAME, "image": named("Alpha", "St Beta", "2026-11-22T12:00:00Z", &image(1, 0))});
    once_known(&mut a, &first).await;
    // Also where another process takes the report: it knows the game from the log.
    let other = Service::start_on(&paired, log).await;
    for service in [&service, &other] {
        let mut b = client(service, "b").await;
        until_led_by(&mut b, "a").await;
        let said = named("Alpha FC", "St. Beta", "2026-11-22T12:05:00Z", &renamed("b", &image(2, 0)));
        let verdict = once_known(&mut b, &json!({"game": "soccer/liga-x/77", "image": said})).await;
        assert_eq!((&verdict["game"], &verdict["reason"]), (&json!(GAME), &json!("not_leading")), "{verdict}");
    }
    let state = until_led_by(&mut a, "b").await;
    assert_eq!((&state["competitors"]["home"]["name"], &state["competition"]["id"]), (&json!("Alpha"), &json!("x")));
    assert_eq!(state["competitors"]["home"]["score"]["total"], 2);
    assert_eq!(state["incidents"].as_object().unwrap().len(), 2);
}

/// A match: each step a little time, and the score from then on.
const STEPS: [(u32, u32); 8] = [(0, 0), (1, 0), (1, 0), (1, 1), (2, 1), (2, 1), (2, 2), (3, 2)];
const STEP: Duration = Duration::from_millis(500);
/// When a counts as silent: three of its intervals.
const SILENT: Duration = Duration::from_millis(600);

/// Posts what one provider would: a fifth of it never arrives, and it runs behind or ahead of the other. Each report has
/// its number, so that each that counts stands in the log.
async fn feed(mut client: Client, name: &'static str, (begun, skew): (Instant, f64), seed: u64, stop: Arc<AtomicBool>) {
    let mut random = fastrand::Rng::with_seed(seed);
    for number in 1.. {
        let shown = (begun.elapsed().as_secs_f64() - skew).max(0.0) / STEP.as_secs_f64();
        let (home, away) = STEPS[(shown as usize).min(STEPS.len() - 1)];
        if random.f64() >= 0.2 {
            let said = image(home, away);
            let mut said = if name == "a" { said } else { renamed(name, &said) };
            said["info"] = json!({"number": number});
            let verdict = say(&mut client, &said).await;
            assert!(verdict["reason"].as_str().is_none_or(|reason| reason == "not_leading"), "{verdict}");
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(180)).await;
    }
}

/// From the last word of a that counted to the first one of b, by the log's own clock.
fn failover(published: &[Arc<Publication>]) -> Duration {
    let updates = || {
        published.iter().filter_map(|told| match &told.event {
            Event::Update(update) => Some(update),
            _ => None,
        })
    };
    let last = updates().take_while(|update| update.provider == "a").last().expect("a led").accepted_at;
    let first = updates().find(|update| update.provider == "b").expect("b leads").accepted_at;
    Duration::from_millis(u64::try_from(first - last).expect("in this order"))
}

/// Notes for how long this machine, busy with other things, let nothing run.
async fn metronome(stalled_ms: Arc<AtomicU64>) {
    const BEAT: Duration = Duration::from_millis(10);
    loop {
        let begun = Instant::now();
        tokio::time::sleep(BEAT).await;
        let late = begun.elapsed().saturating_sub(BEAT + Duration::from_millis(2));
        stalled_ms.fetch_add(late.as_millis() as u64, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_log_ends_equal_to_the_truth_when_the_leader_dies() {
    // ±15 s of a match whose providers report every 10 s are ±300 ms here, where they report every 200 ms.
    let redis = Server::start(&[]);
    // Once with both at one process, once with each at its own, on Redis.
    for (skews, seed, broker) in [((0.3, -0.3), 7, None), ((-0.3, 0.3), 8, Some(redis.url()))] {
        let start = || {
            let settings = support::config(&config("1h"));
            Service::with(Config { broker: broker.clone().unwrap_or(settings.broker.clone()), ..settings })
        };
        let service = start().await;
        let own = if broker.is_some() { Some(start().await) } else { None };
        let mut b = client(own.as_ref().unwrap_or(&service), "b").await;
        let begun = Instant::now();
        let [killed, never] = [false, false].map(|stop| Arc::new(AtomicBool::new(stop)));
        let leads = feed(client(&service, "a").await, "a", (begun, skews.0), seed, Arc::clone(&killed));
        let leads = tokio::spawn(leads);
        until_led_by(&mut b, "a").await;
        let follows = client(own.as_ref().unwrap_or(&service), "b").await;
        let follows = tokio::spawn(feed(follows, "b", (begun, skews.1), seed + 1, never));
        // Between two goals: whoever is behind shows the last one before a counts as silent.
        tokio::time::sleep((STEP * 4).saturating_sub(begun.elapsed())).await;
        let stalled_ms = Arc::new(AtomicU64::new(0));
        let beats = tokio::spawn(metronome(Arc::clone(&stalled_ms)));
        killed.store(true, Ordering::Relaxed);
        leads.await.unwrap();
        until_led_by(&mut b, "b").await;
        beats.abort();
        let stalled = Duration::from_millis(stalled_ms.load(Ordering::Relaxed));
        let took = failover(&published(&mut service.log(), &mut b).await);
        println!("b leads {took:?} after a's last word; the machine stood still for {stalled:?} of it");
        assert!(took <= SILENT + Duration::from_millis(500) + stalled, "{took:?}, {stalled:?}");
        let waiting = async {
            while state(&mut b).await["competitors"] != image(3, 2)["competitors"] {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon(waiting).await;
        let held = state(&mut b).await;
        assert_eq!(held["incidents"].as_object().unwrap().len(), 5, "no goal is told twice: {held}");
        assert_never_back(&published(&mut service.log(), &mut b).await);
        follows.abort();
    }
}
