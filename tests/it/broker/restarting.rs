//! Restarts in good order: on engines whose log outlives them, nothing is missing.

use scoreline::broker::{Bounds, Draft, Outcome};

use super::engine::Engine;
use super::follower::{Follower, loaded};
use super::words::*;

pub(super) async fn a_restart_keeps_everything<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    publish(&*broker, stamped(Some(7), Some(1), Draft { image: Some(score(0)), ..goal("a", 0, 0) })).await;
    publish(&*broker, goal("b", 0, 0)).await;
    publish(&*broker, removal("b", 2, score(0))).await;
    let last = publish(&*broker, goal("a", 1, 1)).await;
    let before = loaded(&broker).await;
    let (records, log, now) = (before.records.clone(), before.log.clone(), before.now);
    before.stop().await;
    drop(broker);

    let Some(engine) = engine.restart().await else { return };
    let broker = engine.broker();
    let mut after = loaded(&broker).await;
    assert_eq!((&after.records, &after.log, after.head), (&records, &log, 4));
    assert!(after.now >= now);
    let reading = read(&*broker, "a").await;
    assert_eq!((reading.stamp.event_at, reading.stamp.seq, reading.image), (Some(7), Some(1), Some(score(0))));
    assert_eq!(outcome(&*broker, stamped(Some(6), None, goal("a", 2, 2))).await, "outdated");
    let next = publish(&*broker, goal("a", 2, 2)).await;
    assert_eq!((next.version, next.position.offset), (3, 5));
    assert_eq!(E::KEEPS_EPOCH, next.position.epoch == last.position.epoch);
    after.until(5).await;
    assert_eq!(after.document("a"), Some(score(2)));
}

pub(super) async fn ids_survive_a_restart<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let first = publish(&*engine.broker(), with_id("evt-1", "h1", goal("a", 0, 0))).await;
    let Some(engine) = engine.restart().await else { return };
    let broker = engine.broker();
    match broker.publish(with_id("evt-1", "h1", goal("a", 0, 0))).await.unwrap() {
        Outcome::Replayed(again) => assert_eq!((again.version, again.position.offset), (1, first.position.offset)),
        other => panic!("{other:?}"),
    }
    assert_eq!(outcome(&*broker, with_id("evt-1", "h2", goal("a", 1, 1))).await, "id reused");
}

pub(super) async fn restarts_under_load_lose_nothing<E: Engine>() {
    let mut engine = E::fresh(Bounds::default()).await;
    for round in 1..=3 {
        let broker = engine.broker();
        let mut follower = Follower::of(&broker, 4);
        let newest = flood(&broker, &["a", "b", "c", "d"], 20).await;
        assert_eq!(newest, 80 * round);
        follower.until(newest).await;
        for name in ["a", "b", "c", "d"] {
            assert_eq!(follower.document(name), Some(score(20 * round.cast_signed())), "{name}");
        }
        follower.stop().await;
        drop(broker);
        let Some(restarted) = engine.restart().await else { return };
        engine = restarted;
    }
}
