//! Pub/sub is a hint: what it loses, doubles or swaps, the offsets reveal and the stream mends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use scoreline::broker::Followed;

use super::open;
use crate::broker::follower::{Follower, loaded};
use crate::broker::words::*;
use crate::redis::proxy::Proxy;
use crate::redis::server::Server;

const GAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Hazard 1. Seen to fail with every message told as it comes, without reading the hole: 7 was told after 5.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_01_pub_sub_is_at_most_once() {
    let server = Server::start(&[]);
    for seed in 0..4 {
        let _: String = server.ask("FLUSHALL");
        let proxy = Proxy::start(server.port, seed).await;
        let (far, near) = (open(&proxy.url()).await, open(&server.url()).await);
        let mut follower = loaded(&far).await;
        for faults in [&proxy.faults.lose, &proxy.faults.double, &proxy.faults.swap] {
            faults.store(10, Ordering::Relaxed);
        }
        let newest = flood(&near, &GAMES, 200).await;
        // The follower asserts on each message that it joins the one before.
        follower.until(newest).await;
        assert_eq!((newest, follower.loads), (1_200, 1), "seed {seed}");
        assert!(GAMES.iter().all(|name| follower.document(name) == Some(score(200))));
        assert!(proxy.faults.met.load(Ordering::Relaxed) > 100, "there were faults");
    }
}

/// Hazard 2. Seen to fail with the check's answer not compared with what was told: it never came.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_02_the_last_message_is_lost_and_then_silence() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port, 2).await;
    let (far, near) = (open(&proxy.url()).await, open(&server.url()).await);
    let mut follower = loaded(&far).await;
    proxy.faults.lose.store(100, Ordering::Relaxed);
    publish(&*near, goal("a", 0, 0)).await;
    // Told by the second check at the latest: the first may have been asked before.
    let mut checks = 0;
    while follower.head == 0 {
        checks += u32::from(matches!(follower.next().await, Followed::Checked { .. }));
        assert!(checks <= 1, "{checks} checks said that nothing was missed");
    }
    assert_eq!((follower.document("a"), follower.loads), (Some(score(0)), 1));
}

/// Hazard 3: the follower's connection is killed again and again while publishers go on. Seen to fail without reading
/// the hole; and once more, before the clock of a check was held up to what was told in between: `now` fell.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_03_gaps_between_disconnect_and_resubscribe() {
    const KILLS: u32 = 1_000;
    let server = Server::start(&[]);
    let (broker, near) = (open(&server.url()).await, open(&server.url()).await);
    let mut follower = loaded(&broker).await;
    let killed = Arc::new(AtomicU32::new(0));
    let publishing = tokio::spawn({
        let killed = killed.clone();
        async move {
            let mut last = publish(&*near, goal("a", 0, 0)).await;
            let mut total = 0;
            while killed.load(Ordering::Relaxed) < KILLS {
                total += 1;
                last = publish(&*near, goal("a", last.version, total)).await;
                // About a thousand a second: some in every gap.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            (last.position.offset, total)
        }
    });
    let mut connection = server.connection();
    while killed.load(Ordering::Relaxed) < KILLS {
        let cut: u32 = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query(&mut connection).unwrap();
        killed.fetch_add(cut, Ordering::Relaxed);
        // Anything it says: it may be following, reading a hole, or trying to connect.
        follower.next().await;
    }
    let (newest, total) = publishing.await.unwrap();
    follower.until(newest).await;
    assert_eq!((follower.document("a"), follower.loads), (Some(score(total)), 1));
}

/// Hazard 4: every reply comes late by chance, so that what is read together was true at different moments. Seen to
/// fail without reading again what changed during the load: a game was newer than the head.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_04_subscribe_and_load_race_at_the_start() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port, 4).await;
    let (far, near) = (open(&proxy.url()).await, open(&server.url()).await);
    // Many games, so that they are read in pages.
    let names: Vec<String> = (0..300).map(|n| format!("g{n}")).collect();
    flood(&near, &names.iter().map(String::as_str).collect::<Vec<_>>(), 1).await;
    proxy.faults.late_ms.store(3, Ordering::Relaxed);
    let over = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn({
        let (near, over, names) = (near.clone(), over.clone(), names.clone());
        async move {
            let (mut versions, mut total, mut newest) = (vec![0; names.len()], 1, 0);
            for (name, version) in names.iter().zip(&mut versions) {
                *version = read(&*near, name).await.record.unwrap().version;
            }
            while !over.load(Ordering::Relaxed) {
                total += 1;
                for (name, version) in names.iter().zip(&mut versions) {
                    let answer = publish(&*near, goal(name, *version, total)).await;
                    (*version, newest) = (answer.version, answer.position.offset);
                }
            }
            (total, newest)
        }
    });
    let mut followers = Vec::new();
    for nth in 0..10 {
        let mut follower = Follower::of(&far, 8);
        follower.until(400 + nth).await;
        followers.push(follower);
    }
    over.store(true, Ordering::Relaxed);
    let (total, newest) = publishing.await.unwrap();
    for follower in &mut followers {
        follower.until(newest).await;
        assert!(names.iter().all(|name| follower.document(name) == Some(score(total))));
    }
}

/// Hazard 15: a follower whose receiver stops is not cut off by the server for what it does not read, because it reads.
/// Seen to fail with a reader that waits for room in the inbox: the test hung until it was ended.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_15_the_output_buffer_of_a_subscriber_is_bounded() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 256kb 128kb 1"]);
    let (broker, near) = (open(&server.url()).await, open(&server.url()).await);
    let mut follower = Follower::of(&broker, 1);
    follower.until(0).await;
    let newest = flood(&near, &GAMES, 1_000).await;
    assert_eq!(server.ask::<String>("CLIENT LIST TYPE pubsub").lines().count(), 1, "it was not cut off");
    follower.until(newest).await;
    assert_eq!((follower.loads, follower.document("a")), (1, Some(score(1_000))));
}
