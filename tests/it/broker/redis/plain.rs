//! What the shared engine promises beside the contract, on one server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::process::Signal;
use scoreline::broker::redis::RedisBroker;
use scoreline::broker::{Bounds, Broker, BrokerError, Followed, connect};
use serde_json::json;

use super::super::engine::TempDir;
use super::super::follower::{Follower, loaded};
use super::super::words::*;
use crate::redis::proxy::Proxy;
use crate::redis::server::{KEPT, SYNCED, Server, free_port};

async fn open(url: &str) -> Arc<dyn Broker> {
    Arc::new(RedisBroker::open(url, Bounds::default()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_has_its_namespace_and_its_database() {
    let server = Server::start(&[]);
    let urls = ["", "/1", "?namespace=other", "/1?namespace=other"].map(|rest| format!("{}{rest}", server.url()));
    let mut logs = Vec::new();
    for url in &urls {
        let broker = connect(url, Bounds::default()).await.unwrap();
        logs.push((Follower::of(&broker, 64), broker));
    }
    for (follower, broker) in &mut logs {
        assert_eq!(publish(&**broker, goal("a", 0, 0)).await.position.offset, 1);
        follower.until(1).await;
    }
    for (follower, broker) in &mut logs {
        publish(&**broker, goal("a", 1, 1)).await;
        follower.until(2).await;
        assert_eq!(follower.loads, 1, "channels are of no database: another's messages must not come");
    }
    let keys: Vec<String> = server.ask("KEYS *");
    assert!(!keys.is_empty() && keys.iter().all(|key| key.starts_with("{scoreline}:") || key.starts_with("{other}:")));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_have_passwords() {
    let server = Server::start(&["--requirepass", "p@ss/word"]);
    let port = server.port;
    for (user, works) in [("", false), (":wrong@", false), (":p%40ss%2Fword@", true), ("default:p%40ss%2Fword@", true)]
    {
        match RedisBroker::open(&format!("redis://{user}127.0.0.1:{port}"), Bounds::default()).await {
            Ok(broker) => {
                assert!(works, "{user} got in");
                publish(&broker, goal("a", if user.starts_with(':') { 0 } else { 1 }, 1)).await;
            }
            Err(error) => {
                assert!(!works && matches!(error, BrokerError::Broken(_)), "{user}: {error:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_known_by_its_certificate() {
    let dir = TempDir::new();
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (port, cert, key) = (free_port().to_string(), file("cert.pem"), file("key.pem"));
    let settings = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no"];
    let server = Server::start(&[&settings[..], &["--tls-ca-cert-file", &cert]].concat());

    let broker = open(&format!("rediss://localhost:{port}?ca={cert}")).await;
    let mut follower = Follower::of(&broker, 64);
    publish(&*broker, goal("a", 0, 0)).await;
    follower.until(1).await;
    // An authority that the system does not know, and a server that is not asked for by its name.
    let unknown = RedisBroker::open(&format!("rediss://localhost:{port}"), Bounds::default()).await;
    assert!(unknown.is_err());
    let other = RedisBroker::open(&format!("rediss://127.0.0.2:{port}?ca={cert}"), Bounds::default()).await;
    assert!(other.is_err());
    drop(server);
}

/// With `wait=1` an answer means that a replica has it, too; without it, there is none, and the same report is answered as
/// soon as one has. Seen to fail without WAIT.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_replicas() {
    let primary = Server::start(&[]);
    let broker = open(&format!("{}?wait=1&wait_ms=100", primary.url())).await;
    let draft = || with_id("evt-1", "h", goal("a", 0, 0));
    let error = broker.publish(draft()).await.unwrap_err();
    assert!(matches!(error, BrokerError::Away(_)) && error.to_string().contains("0 of 1"), "{error}");
    assert_eq!(read(&*broker, "a").await.record.unwrap().version, 1, "unknown is not undone");
    let replica = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let _: String = replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    let again = loop {
        if let Ok(outcome) = broker.publish(draft()).await {
            break outcome;
        }
    };
    assert_eq!((name(&again), replica.ask::<u64>("HLEN {scoreline}:games")), ("replayed", 1));
    for total in 1..=20_u64 {
        publish(&*broker, goal("a", total, total.cast_signed())).await;
        let row: String = replica.ask("HGET {scoreline}:games soccer/eng.1/a");
        assert!(row.starts_with(&format!("{} ", total + 1)), "answered, and the replica has {row}");
    }
    replica.signal(Signal::STOP);
    let error = broker.publish(goal("a", 21, 21)).await.unwrap_err();
    replica.signal(Signal::CONT);
    assert!(matches!(error, BrokerError::Away(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_would_throw_games_away_is_refused() {
    let server = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let error = RedisBroker::open(&server.url(), Bounds::default()).await.err().unwrap();
    assert!(matches!(error, BrokerError::Broken(_)) && error.to_string().contains("noeviction"), "{error}");
    let _: String = server.ask("CONFIG SET maxmemory-policy noeviction");
    open(&server.url()).await.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_at_once() {
    let error =
        RedisBroker::open(&format!("redis://127.0.0.1:{}", free_port()), Bounds::default()).await.err().unwrap();
    assert!(matches!(error, BrokerError::Away(_)), "{error:?}");
}

/// Publishing fails at once while the server is away, and works as soon as it is back; the follower is told both.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_go_and_come_back() {
    let mut server = Server::start(SYNCED);
    let broker = open(&server.url()).await;
    let mut follower = loaded(&broker).await;
    publish(&*broker, goal("a", 0, 0)).await;
    follower.until(1).await;
    for round in 1..=3 {
        server.kill();
        while !matches!(follower.next().await, Followed::Away) {}
        let refused = broker.publish(goal("a", round, round.cast_signed())).await.unwrap_err();
        assert!(matches!(refused, BrokerError::Away(_)), "{refused:?}");
        broker.ready().await.unwrap_err();
        server.again();
        // Only the pause after a failed try may still be in the way.
        let answer = loop {
            if let Ok(outcome) = broker.publish(goal("a", round, round.cast_signed())).await {
                break outcome;
            }
        };
        assert_eq!(name(&answer), "published");
        follower.until(round + 1).await;
        assert_eq!(follower.document("a"), Some(score(round.cast_signed())));
        assert_eq!(follower.loads, 1 + u32::try_from(round).unwrap(), "a new epoch is told anew");
    }
}

/// A connection that is lost while the server stays: what was missed is read from the stream, nothing is told anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_a_gap_and_no_new_epoch() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port, 1).await;
    let (far, near) = (open(&proxy.url()).await, open(&server.url()).await);
    let mut follower = loaded(&far).await;
    let epoch = follower.epoch.clone();
    for round in 0..5 {
        proxy.faults.closed.store(true, Ordering::SeqCst);
        proxy.faults.cut();
        while !matches!(follower.next().await, Followed::Away) {}
        let newest = flood(&near, &["a", "b", "c"], 100).await;
        proxy.faults.closed.store(false, Ordering::SeqCst);
        follower.until(newest).await;
        assert_eq!((newest, follower.loads), (300 * (round + 1), 1));
    }
    assert_eq!(publish(&*far, goal("d", 0, 0)).await.position.epoch, epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_documents_and_odd_ids_go_through() {
    let server = Server::start(KEPT);
    let broker = open(&server.url()).await;
    let mut follower = Follower::of(&broker, 4);
    let mut big = score(1);
    big.insert("info".into(), json!({"venue": "é\n\u{0}\"".repeat(8_000)}));
    publish(&*broker, with_id("an id\nof 2 lines %d", "h 1", change("a", 0, &feeds::Document::new(), big.clone())))
        .await;
    follower.until(1).await;
    assert_eq!(follower.document("a"), Some(big.clone()));
    assert_eq!(read(&*broker, "a").await.record.unwrap().body.document, big);
    assert_eq!(answer(&*broker, "an id\nof 2 lines %d").await.unwrap().hash, "h 1");
}
