//! Following: load, go on, fall behind, be overtaken.

use scoreline::broker::{Bounds, Followed};
use scoreline::wire::FeedStatus;

use super::engine::Engine;
use super::follower::{Follower, loaded};
use super::words::*;

const GAMES: [&str; 24] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w",
    "x",
];

pub(super) async fn a_follower_loads_then_goes_on<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let empty = loaded(&broker).await;
    assert_eq!((empty.head, empty.horizon, empty.records.len(), empty.log.len()), (0, 0, 0, 0));

    publish(&*broker, goal("a", 0, 0)).await;
    publish(&*broker, goal("b", 0, 0)).await;
    publish(&*broker, removal("a", 1, score(0))).await;
    let last = publish(&*broker, goal("b", 2, 1)).await;
    let mut follower = loaded(&broker).await;
    assert_eq!((follower.head, follower.loads), (4, 1));
    assert_eq!(*follower.epoch, *last.position.epoch);
    assert_eq!(follower.log.iter().map(|p| p.position.offset).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for name in ["a", "b"] {
        assert_eq!(follower.records.get(&game(name)), read(&*broker, name).await.record.as_ref());
    }

    publish(&*broker, goal("b", 3, 2)).await;
    follower.until(5).await;
    assert_eq!((follower.loads, follower.document("b")), (1, Some(score(2))));
    assert_eq!(follower.document("a"), None);
}

pub(super) async fn a_follower_that_joins_at_full_rate_sees_no_gap<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let flooding = tokio::spawn({
        let broker = broker.clone();
        async move { flood(&broker, &GAMES, 40).await }
    });
    let mut followers = Vec::new();
    while !flooding.is_finished() {
        let mut follower = Follower::of(&broker, 8);
        follower.until(followers.len() as u64 * 40).await;
        followers.push(follower);
        if followers.len() == 20 {
            break;
        }
    }
    let newest = flooding.await.unwrap();
    assert_eq!(newest, 24 * 40);
    for follower in &mut followers {
        follower.until(newest).await;
        assert_eq!((follower.loads, follower.log.len() as u64), (1, newest));
        for name in GAMES {
            assert_eq!(follower.document(name), Some(score(40)), "{name}");
        }
    }
}

pub(super) async fn followers_see_the_same<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let (mut one, mut two) = (Follower::of(&broker, 1), Follower::of(&broker, 512));
    let newest = flood(&broker, &GAMES, 10).await;
    // From the first message on: one may have loaded part of it, the other all.
    one.until(newest).await;
    two.until(newest).await;
    assert_eq!(one.log, two.log);
    assert_eq!(one.log.len(), 240);
}

pub(super) async fn a_follower_that_stops_for_long_goes_on<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let mut follower = Follower::of(&broker, 1);
    follower.until(0).await;
    let newest = flood(&broker, &GAMES, 60).await;
    follower.until(newest).await;
    assert_eq!((follower.loads, follower.log.len()), (1, 1_440));
    let next = flood(&broker, &GAMES[..1], 1).await;
    follower.until(next).await;
    assert_eq!((follower.loads, next), (1, newest + 1));
}

pub(super) async fn a_follower_that_was_overtaken_by_trimming_loads_again<E: Engine>() {
    let engine = E::fresh(Bounds { recent_bytes: 8_000, ..Bounds::default() }).await;
    let broker = engine.broker();
    let mut follower = Follower::of(&broker, 1);
    follower.until(0).await;
    let newest = flood(&broker, &GAMES, 60).await;
    follower.until(newest).await;
    assert!(follower.loads >= 2, "1,440 publications do not fit into 8,000 bytes");
    for name in GAMES {
        assert_eq!(follower.document(name), Some(score(60)), "{name}");
    }
    let next = flood(&broker, &GAMES[..1], 1).await;
    follower.until(next).await;
    assert_eq!(follower.document("a"), Some(score(61)));
}

pub(super) async fn recent_history_is_trimmed_by_bytes<E: Engine>() {
    let engine = E::fresh(Bounds { recent_bytes: 20_000, ..Bounds::default() }).await;
    let broker = engine.broker();
    let newest = flood(&broker, &GAMES, 25).await;
    let follower = loaded(&broker).await;
    let bytes: usize = follower.log.iter().map(|p| serde_json::to_vec(p).unwrap().len()).sum();
    // Bytes are counted in the engine's own way; far from all and far from nothing in any.
    assert!((5_000..60_000).contains(&bytes), "{bytes}");
    assert_eq!(follower.head, newest);
}

pub(super) async fn recent_history_is_trimmed_by_time<E: Engine>() {
    let engine = E::fresh(Bounds { recent_ms: 20, ..Bounds::default() }).await;
    let broker = engine.broker();
    publish(&*broker, goal("a", 0, 0)).await;
    loop {
        broker.announce("espn", FeedStatus::Live).await.unwrap();
        let follower = loaded(&broker).await;
        if follower.log.first().is_none_or(|first| first.position.offset > 1) {
            assert_eq!(follower.document("a"), Some(score(0)));
            break;
        }
    }
}

pub(super) async fn the_logs_clock_never_falls<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    // A follower checks each `at` and each `now` against the last.
    let mut follower = Follower::of(&broker, 64);
    let newest = flood(&broker, &GAMES, 5).await;
    follower.until(newest).await;
    let record = read(&*broker, "a").await.record.unwrap();
    let entry = follower.log.iter().rev().find(|p| p.game == Some(game("a"))).unwrap();
    assert_eq!((record.at, record.offset), (entry.at, entry.position.offset));
    assert!(record.at > 1_700_000_000_000, "ms since 1970");
}

pub(super) async fn a_follower_is_told_each_second_where_it_stands<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let mut follower = loaded(&broker).await;
    let mut told = Vec::new();
    while told.len() < 3 {
        if let Followed::Checked { now } = follower.next().await {
            told.push(now);
        }
    }
    assert!(told.is_sorted() && told[0] < told[2]);
}

pub(super) async fn a_dropped_receiver_ends_the_follower<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    loaded(&broker).await.stop().await;
    // Also while it waits to be received, loading or going on.
    Follower::of(&broker, 1).stop().await;
    let waiting = Follower::of(&broker, 1);
    flood(&broker, &GAMES, 2).await;
    waiting.stop().await;
}
