//! Disks that take nothing more. Not a small file system, which only root may mount: the server may not let its files grow,
//! and to it that is the same, a write that fails.

use rustix::process::Signal;
use scoreline::broker::BrokerError;
use scoreline::config::Role;

use super::gateways::{next, open as subscribe};
use super::open;
use crate::broker::follower::loaded;
use crate::broker::words::*;
use crate::redis::roles::{self, serving};
use crate::redis::server::{KEPT, SYNCED, Server};
use crate::support::{Client, patch, score as goals, with};

const GAME: &str = "soccer/eng.1/ars-che";
const FULL: &[&str] = &["--ignore-signal=XFSZ"];

/// Hazard 20: publishers get 503 and come again with the same id; subscribers stay and may come; what was answered is on the
/// disk in the end. With MISCONF not known as a refusal it still passes, because any error of the log is answered so; the
/// test in `refusals.rs` was seen to fail then.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_20_the_disk_is_full() {
    let mut server = Server::within(FULL, KEPT);
    let ingest = roles::start(&server.url(), "", Role::Ingest).await;
    let gateway = roles::start(&server.url(), "", Role::Gateway).await;
    let mut acme = Client::connect(ingest.main).await.with_key("acme-key");
    let report = |home: u32| with(patch(GAME, goals(home, 0)), "id", format!("evt-{home}"));
    acme.report(report(0)).await;
    serving(gateway.main, GAME, 1).await;
    let mut stays = subscribe(gateway.main, "topics=soccer").await;
    next(&mut stays, "position").await;

    server.files_at_most(Some(0));
    // What it finds out by, it has answered: that is still in its memory, and goes to the disk later.
    let mut home = 1;
    let refused = loop {
        let answer = acme.post(&report(home)).await;
        if answer.status != 200 {
            break answer;
        }
        home += 1;
        assert!(home < 100, "it takes everything");
    };
    refused.problem(503, "unavailable");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(acme.post(&report(home)).await.status, 503, "and again");
    let mut comes = subscribe(gateway.main, "topics=soccer").await;
    assert_eq!(next(&mut comes, "state").await["version"], home, "what there is, is shown");

    server.files_at_most(None);
    let version = loop {
        let answer = acme.post(&report(home)).await;
        if answer.status == 200 {
            break answer.json()["version"].as_u64().unwrap();
        }
    };
    assert_eq!(version, u64::from(home) + 1);
    for socket in [&mut stays, &mut comes] {
        while next(socket, "update").await["version"] != version {}
    }
    server.signal(Signal::TERM);
    server.kill();
    server.again();
    let row: String = server.ask(&format!("HGET {{scoreline}}:games {GAME}"));
    assert!(row.starts_with(&format!("{version} ")), "{row}");
}

/// Hazard 20, with `appendfsync always`: a server that cannot write ends itself. Nothing is answered; the same report is
/// taken when it is back. Seen to fail with a follower that does not connect again: it waited in vain.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_20_the_disk_fails_and_the_server_ends() {
    let mut server = Server::within(FULL, SYNCED);
    let broker = open(&server.url()).await;
    let mut follower = loaded(&broker).await;
    publish(&*broker, goal("a", 0, 0)).await;
    follower.until(1).await;
    server.files_at_most(Some(0));
    let draft = || with_id("evt-1", "h", goal("a", 1, 1));
    let error = broker.publish(draft()).await.unwrap_err();
    assert!(matches!(error, BrokerError::Away(_)), "{error:?}");
    server.kill();
    server.again();
    let answer = loop {
        if let Ok(outcome) = broker.publish(draft()).await {
            break outcome;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(name(&answer), "published", "it was not on the disk");
    follower.until(2).await;
    assert_eq!(follower.document("a"), Some(score(1)));
}
