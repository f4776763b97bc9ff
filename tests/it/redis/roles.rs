//! Gateways and ingests as processes of their own role (here: services of their own in one process) on one log.

use std::net::SocketAddr;

use scoreline::cli::serve;
use scoreline::config::{Config, Role};
use serde_json::{Value, json};

use super::server::Server;
use crate::support::{ACME, Client, config, patch, score, soon, with};

const GAME: &str = "soccer/eng.1/ars-che";

/// A service of one role on this log, with these settings more.
pub(crate) async fn start(broker: &str, more: &str, role: Role) -> serve::Service {
    let config = Config { broker: broker.to_owned(), ..config(&format!("{ACME}\n{more}")) }.with_role(role).unwrap();
    serve::start(config).await.unwrap_or_else(|failure| panic!("{failure}"))
}

/// What a gateway shows of a game once it is at this version.
pub(crate) async fn serving(gateway: SocketAddr, game: &str, version: u64) -> Value {
    let mut client = Client::connect(gateway).await;
    let seen = async {
        loop {
            let answer = client.get(&format!("/v1/games/{game}")).await;
            if answer.status == 200 && answer.json()["version"] == version {
                return answer.json();
            }
        }
    };
    soon(seen).await
}

/// With `wait` every 2xx says that replicas have it, also one that repeats an earlier answer or finds nothing to change. Seen
/// to fail with answers from what the primary alone holds.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_replica_has_is_not_acknowledged_by_sending_it_again() {
    let server = Server::start(&[]);
    let url = format!("{}?wait=1&wait_ms=100", server.url());
    let ingest = start(&url, "", Role::Ingest).await;
    let mut acme = Client::connect(ingest.main).await.with_key("acme-key");
    let named = with(patch(GAME, score(1, 0)), "id", "evt-1");
    for report in [&named, &named, &patch(GAME, score(1, 0))] {
        acme.post(report).await.problem(503, "unavailable");
    }
    let replica = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let _: String = replica.ask(&format!("REPLICAOF 127.0.0.1 {}", server.port));
    // A replica may be too late for any one of them.
    let mut taken = async |report: &Value| loop {
        let answer = acme.post(report).await;
        if answer.status == 200 {
            break answer.json();
        }
        answer.problem(503, "unavailable");
    };
    let again = taken(&named).await;
    assert_eq!((&again["version"], &again["replayed"]), (&json!(1), &json!(true)));
    assert_eq!(taken(&patch(GAME, score(1, 0))).await["reason"], "unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_and_two_ingests_share_a_log() {
    let server = Server::start(&[]);
    let (one, two) = (start(&server.url(), "", Role::Ingest).await, start(&server.url(), "", Role::Ingest).await);
    let (left, right) = (start(&server.url(), "", Role::Gateway).await, start(&server.url(), "", Role::Gateway).await);
    let mut ingests =
        [Client::connect(one.main).await, Client::connect(two.main).await].map(|c| c.with_key("acme-key"));
    for goals in 1..=20_u32 {
        let result = ingests[goals as usize % 2].report(patch(GAME, score(goals, 0))).await;
        assert_eq!(result["version"], goals);
    }
    let (left_shows, right_shows) = (serving(left.main, GAME, 20).await, serving(right.main, GAME, 20).await);
    assert_eq!(left_shows, right_shows, "the same epoch, game and version are the same document");
    assert_eq!(left_shows["state"]["competitors"]["home"]["score"]["total"], 20);

    // A gateway takes no reports, an ingest shows nothing.
    let body = patch(GAME, score(21, 0));
    let refused = Client::connect(left.main).await.with_key("acme-key").post(&body).await;
    assert!([404, 405].contains(&refused.status.as_u16()), "{refused:?}");
    assert_eq!(Client::connect(one.main).await.get(&format!("/v1/games/{GAME}")).await.status.as_u16(), 405);

    // Nobody who reads costs Redis anything: only the reads of a load do, and there was one for each that follows the log.
    let loads = || {
        server.ask::<String>("INFO commandstats").lines().find(|l| l.starts_with("cmdstat_hscan")).map(str::to_owned)
    };
    let before = loads();
    for _ in 0..50 {
        serving(right.main, GAME, 20).await;
    }
    assert_eq!(loads(), before);
    assert!(before.is_some());

    // All gateways are replaced; a position of before is resumed from the history in the stream.
    let position = left_shows["position"].as_str().unwrap().to_owned();
    left.stop().await;
    right.stop().await;
    ingests[0].report(patch(GAME, score(21, 0))).await;
    let fresh = start(&server.url(), "", Role::Gateway).await;
    serving(fresh.main, GAME, 21).await;
    let path = format!("/v1/history/{GAME}?since={position}");
    let history = Client::connect(fresh.main).await.get(&path).await.json();
    let versions: Vec<&Value> = history["publications"].as_array().unwrap().iter().map(|p| &p["version"]).collect();
    assert_eq!(versions, [&json!(21)]);
}

#[test]
fn one_role_alone_needs_a_shared_broker() {
    for role in [Role::Gateway, Role::Ingest] {
        let error = config(ACME).with_role(role).unwrap_err().to_string();
        assert!(error.contains("shared broker") && !error.contains('\n'), "{error}");
    }
}
