//! Feeds on a shared log, by processes that are killed: who pulls, who leads, and that nothing is lost or told twice.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use scoreline::config::Role;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::roles;
use super::server::{SYNCED, Server};
use crate::gateway::program::Program;
use crate::pull::stub::{Say, Stub};
use crate::pull::{self, payload};
use crate::sources::{image, renamed};
use crate::support::{Client, soon};

/// Every publication of a game, in order: its patches and what they make of the home side's total.
async fn told(gateway: &mut Client, game: &str) -> Vec<i64> {
    let history = gateway.get(&format!("/v1/history/{game}")).await.json();
    let publications = history["publications"].as_array().unwrap();
    for pair in publications.windows(2) {
        assert_eq!(pair[1]["base"], pair[0]["version"], "dense: {history:#}");
    }
    assert!(publications.iter().all(|one| one["patch"].get("correction").is_none()), "{history:#}");
    publications.iter().filter_map(|one| one["patch"]["competitors"]["home"]["score"]["total"].as_i64()).collect()
}

async fn until(gateway: &mut Client, game: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let answer = gateway.get(&format!("/v1/games/{game}")).await;
            if answer.status == 200 && holds(&answer.json()["state"]) {
                return answer.json()["state"].clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(waiting).await
}

fn home(state: &Value) -> i64 {
    state["competitors"]["home"]["score"]["total"].as_i64().unwrap_or(-1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_a_killed_process_is_pulled_by_another() {
    let (server, stub) = (Server::start(SYNCED), Stub::start().await);
    stub.says("/", (1..=4).map(|goals| Say::ok(payload(goals))));
    let named = |name: &str| pull::feed(&stub.url("/day"), &format!("headers = {{ X-Who = \"{name}\" }}"));
    let mut first = Program::of("ingest", "127.0.0.1:0", &server.url(), &named("first")).await;
    stub.until_asked(3).await;
    let _second = Program::of("ingest", "127.0.0.1:0", &server.url(), &named("second")).await;
    let gateway = roles::start(&server.url(), "", Role::Gateway).await;
    let mut gateway = Client::connect(gateway.main).await;
    until(&mut gateway, pull::GAME, |state| home(state) == 4).await;
    let before = stub.asked().len();
    stub.until_asked(before + 10).await;

    first.signal(Signal::KILL);
    let killed = Instant::now();
    stub.says("/", (5..=7).map(|goals| Say::ok(payload(goals))));
    until(&mut gateway, pull::GAME, |state| home(state) == 7).await;
    println!("the other's reports are shown {:?} after the kill; a lease lasts 4 s", killed.elapsed());
    // Who was killed comes back, and is not needed.
    first.again();
    stub.says("/", [Say::ok(payload(8))]);
    until(&mut gateway, pull::GAME, |state| home(state) == 8).await;
    let before = stub.asked().len();
    let asked = stub.until_asked(before + 10).await;
    let who: Vec<&str> = asked.iter().map(|asked| asked.header("x-who")).collect();
    let change = who.iter().position(|who| *who == "second").unwrap();
    assert!(who[..change].iter().all(|who| *who == "first") && who[change..].iter().all(|who| *who == "second"));
    assert_eq!(told(&mut gateway, pull::GAME).await, [1, 2, 3, 4, 5, 6, 7, 8], "each once, none lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_process_is_killed_is_replaced_from_another() {
    const GAME: &str = "soccer/x/a";
    let server = Server::start(SYNCED);
    let witness = hex::encode(Sha256::digest("b-key"));
    let settings = format!(
        "[providers.acme]\ninterval = \"300ms\"\npriority = 1\n[providers.b]\npriority = 2\n\
         key_sha256 = [\"{witness}\"]\n[limits]\nfailover_patience = \"1s\""
    );
    let mut first = Program::of("ingest", "127.0.0.1:0", &server.url(), &settings).await;
    let second = Program::of("ingest", "127.0.0.1:0", &server.url(), &settings).await;
    let gateway = roles::start(&server.url(), "", Role::Gateway).await;
    let mut gateway = Client::connect(gateway.main).await;
    let say = |image: Value| json!({"game": GAME, "image": image});
    let mut a = first.client().await.with_key("acme-key");
    let mut b = second.client().await.with_key("b-key");
    assert_eq!(a.report(say(image(1, 0))).await["applied"], true);
    assert_eq!(b.report(say(renamed("b", &image(1, 0)))).await["reason"], "not_leading");
    assert_eq!(b.report(say(renamed("b", &image(2, 0)))).await["reason"], "not_leading");

    first.signal(Signal::KILL);
    let killed = Instant::now();
    let state = until(&mut gateway, GAME, |state| state["feed"] == "b").await;
    println!("b leads {:?} after the kill; a is silent after 900 ms", killed.elapsed());
    assert_eq!((home(&state), state["incidents"].as_object().unwrap().len()), (2, 2), "one goal has one name: {state}");

    // It comes back behind, through a process that knows the switch from the log alone.
    first.again();
    let mut a = first.client().await.with_key("acme-key");
    assert_eq!(a.report(say(image(1, 0))).await["reason"], "not_leading");
    let returning = async {
        while a.report(say(image(2, 0))).await["applied"] != true {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(returning).await;
    let state = until(&mut gateway, GAME, |state| state["feed"] == "acme").await;
    assert_eq!((home(&state), state["incidents"].as_object().unwrap().len()), (2, 2), "{state}");
    assert_eq!(told(&mut gateway, GAME).await, [1, 2], "never back and forth");
}
