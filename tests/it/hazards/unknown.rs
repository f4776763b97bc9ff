//! Publishers that do not know: no answer, a server without its scripts, two at once, old reports.

use std::sync::atomic::Ordering;

use scoreline::broker::{BrokerError, Outcome};

use super::open;
use crate::broker::follower::loaded;
use crate::broker::words::*;
use crate::redis::proxy::Proxy;
use crate::redis::server::Server;

/// Hazard 7: only the way back is cut; the same report again is answered as it would have been. Seen to fail
/// without the script's look at the ids: a conflict.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_07_a_publish_whose_outcome_is_unknown() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port, 7).await;
    let (far, near) = (open(&proxy.url()).await, open(&server.url()).await);
    let mut follower = loaded(&near).await;
    // The server must know the script: else the reply that is cut would be that it does not.
    publish(&*far, goal("other", 0, 0)).await;
    for n in 0..20 {
        let version = read(&*near, "a").await.record.map_or(0, |record| record.version);
        let draft = with_id(&format!("evt-{n}"), "h", goal("a", version, n));
        far.ready().await.unwrap();
        proxy.faults.no_replies.store(true, Ordering::SeqCst);
        let error = far.publish(draft.clone()).await.unwrap_err();
        assert!(matches!(error, BrokerError::Away(_)), "unknown is away: {error:?}");
        proxy.faults.no_replies.store(false, Ordering::SeqCst);
        let again = loop {
            if let Ok(outcome) = far.publish(draft.clone()).await {
                break outcome;
            }
        };
        let Outcome::Replayed(answer) = again else { panic!("{again:?}: it was stored the first time") };
        assert_eq!(answer.position.offset, u64::try_from(n).unwrap() + 2);
    }
    follower.until(21).await;
    assert_eq!((follower.head, follower.document("a")), (21, Some(score(19))));
}

/// Hazard 11. Seen to fail without EVAL after EVALSHA.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_11_the_server_forgets_the_scripts() {
    let server = Server::start(&[]);
    let broker = open(&server.url()).await;
    let mut follower = loaded(&broker).await;
    for n in 0..20 {
        let _: String = server.ask("SCRIPT FLUSH");
        publish(&*broker, goal("a", u64::try_from(n).unwrap(), n)).await;
    }
    follower.until(20).await;
    assert_eq!(follower.loads, 1);
}

/// Hazard 18: two processes publish on one game; every version is made from the one before. Seen to
/// fail without the script's compare: the way back did not lead back.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_18_two_publishers_on_one_game() {
    let server = Server::start(&[]);
    let (one, two) = (open(&server.url()).await, open(&server.url()).await);
    let mut follower = loaded(&one).await;
    let race = |broker: std::sync::Arc<dyn scoreline::broker::Broker>| {
        tokio::spawn(async move {
            let mut won = 0;
            while won < 100 {
                let held = read(&*broker, "a").await.record;
                let version = held.as_ref().map_or(0, |record| record.version);
                let before = held.map(|record| record.body.document).unwrap_or_default();
                let total = before.get("total").and_then(serde_json::Value::as_i64).unwrap_or(0);
                let after = object(serde_json::json!({"total": total + 1}));
                won += i32::from(outcome(&*broker, change("a", version, &before, after)).await == "published");
            }
        })
    };
    let (first, second) = (race(one), race(two));
    first.await.unwrap();
    second.await.unwrap();
    follower.until(200).await;
    assert_eq!(follower.document("a"), Some(object(serde_json::json!({"total": 200}))));
}

/// Hazard 21: after the window of its id a report is old by its stamp, also for another process. Seen to fail
/// without the script's look at the stamps: published.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_21_an_old_report_arrives_after_a_newer_one() {
    let server = Server::start(&[]);
    let (one, two) = (open(&server.url()).await, open(&server.url()).await);
    publish(&*one, with_id("evt-1", "h", stamped(Some(1_000), None, goal("a", 0, 0)))).await;
    publish(&*two, stamped(Some(2_000), None, goal("a", 1, 1))).await;
    let late = stamped(Some(1_000), None, goal("a", 2, 2));
    assert_eq!(outcome(&*one, late.clone()).await, "outdated");
    one.heard(heard("a", Some(3_000), None, None)).await.unwrap();
    assert_eq!(outcome(&*two, stamped(Some(2_500), None, goal("a", 2, 2))).await, "outdated");
    let _: u32 = server.ask("DEL {scoreline}:ids {scoreline}:ages");
    assert_eq!(outcome(&*one, with_id("evt-1", "h", late)).await, "outdated");
    assert_eq!(read(&*one, "a").await.record.unwrap().version, 2);
}
