//! Publishing: order, compare-and-set, once, stamps, tombstones, bounds.

use std::time::Duration;

use scoreline::broker::{Bounds, Draft, Outcome, Stamp};
use scoreline::wire::FeedStatus;
use serde_json::json;

use super::engine::Engine;
use super::follower::{Follower, loaded};
use super::words::*;

pub(super) async fn offsets_are_dense_and_first_versions_are_offsets<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    let mut answers = Vec::new();
    for draft in [goal("a", 0, 0), goal("a", 1, 1), goal("b", 0, 0), goal("a", 2, 2), goal("b", 3, 1)] {
        answers.push(publish(broker, draft).await);
    }
    assert_eq!(answers.iter().map(|a| a.position.offset).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(answers.iter().map(|a| a.version).collect::<Vec<_>>(), [1, 2, 3, 3, 4]);
    let epoch = &answers[0].position.epoch;
    assert!(answers.iter().all(|a| a.position.epoch == *epoch && a.hash.is_empty()));
    assert_eq!(answers[0].position.to_string().parse(), Ok(answers[0].position.clone()));

    let record = read(broker, "a").await.record.unwrap();
    assert_eq!((record.version, record.offset, record.removed, record.held_version()), (3, 4, false, 3));
    assert_eq!(record.body, goal("a", 2, 2).record);
    assert!(read(broker, "c").await.record.is_none());
}

pub(super) async fn a_draft_of_another_version_is_a_conflict<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    assert_eq!(outcome(broker, goal("a", 7, 1)).await, "conflict");
    publish(broker, goal("a", 0, 0)).await;
    for expected in [0, 2, u64::MAX] {
        assert_eq!(outcome(broker, goal("a", expected, 1)).await, "conflict");
    }
    assert_eq!(read(broker, "a").await.record.unwrap().body.document, score(0));
    assert_eq!(publish(broker, goal("a", 1, 1)).await.position.offset, 2);
}

pub(super) async fn a_known_id_answers_as_the_first_time<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    let first = publish(broker, with_id("evt-1", "h1", goal("a", 0, 0))).await;
    assert_eq!(first.hash, "h1");
    publish(broker, goal("a", 1, 1)).await;
    match broker.publish(with_id("evt-1", "h1", goal("a", 0, 0))).await.unwrap() {
        Outcome::Replayed(again) => assert_eq!(again, first),
        other => panic!("{other:?}"),
    }
    assert_eq!(outcome(broker, with_id("evt-1", "h2", goal("a", 2, 2))).await, "id reused");
    assert_eq!(answer(broker, "evt-1").await, Some(first));
    assert_eq!(answer(broker, "evt-2").await, None);
    assert_eq!(read(broker, "a").await.record.unwrap().version, 2);
}

pub(super) async fn a_known_id_is_answered_before_every_other_check<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    publish(broker, with_id("evt-1", "h1", stamped(Some(50), Some(5), goal("a", 0, 0)))).await;
    // Outdated and of another version at once; another game too, which the body's hash tells apart.
    assert_eq!(outcome(broker, with_id("evt-1", "h1", stamped(Some(1), Some(1), goal("a", 9, 1)))).await, "replayed");
    assert_eq!(outcome(broker, with_id("evt-1", "h2", stamped(Some(1), Some(1), goal("a", 9, 1)))).await, "id reused");
    assert_eq!(outcome(broker, with_id("evt-1", "h2", goal("b", 0, 0))).await, "id reused");
}

pub(super) async fn an_id_is_its_providers_own<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    publish(broker, with_id("evt-1", "h1", goal("a", 0, 0))).await;
    let other = Draft { provider: "zenith".into(), ..with_id("evt-1", "h2", goal("a", 1, 1)) };
    assert_eq!(outcome(broker, other).await, "published");
    let zenith = broker.read(&game("a"), "zenith", Some("evt-1")).await.unwrap();
    assert_eq!(zenith.answer.unwrap().hash, "h2");
    assert_eq!(answer(broker, "evt-1").await.unwrap().hash, "h1");
}

pub(super) async fn older_stamps_are_outdated<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    publish(broker, stamped(Some(100), Some(10), goal("a", 0, 0))).await;
    assert_eq!(outcome(broker, stamped(Some(99), None, goal("a", 1, 1))).await, "outdated");
    assert_eq!(outcome(broker, stamped(None, Some(10), goal("a", 1, 1))).await, "outdated");
    assert_eq!(outcome(broker, stamped(Some(101), Some(9), goal("a", 1, 1))).await, "outdated");
    assert_eq!(outcome(broker, stamped(Some(100), Some(11), goal("a", 1, 1))).await, "published");
    // Not stamped: never outdated, and it leaves the stamps as they are.
    publish(broker, goal("a", 2, 2)).await;
    assert_eq!(read(broker, "a").await.stamp, Stamp { event_at: Some(100), seq: Some(11) });
    // By provider and game.
    let other = Draft { provider: "zenith".into(), ..stamped(Some(1), Some(1), goal("a", 3, 3)) };
    assert_eq!(outcome(broker, other).await, "published");
    assert_eq!(outcome(broker, stamped(Some(1), Some(1), goal("b", 0, 0))).await, "published");
    assert_eq!(read(broker, "a").await.stamp, Stamp { event_at: Some(100), seq: Some(11) });
}

pub(super) async fn outdated_comes_before_conflict<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    publish(broker, stamped(None, Some(2), goal("a", 0, 0))).await;
    assert_eq!(outcome(broker, stamped(None, Some(1), goal("a", 9, 1))).await, "outdated");
    assert_eq!(outcome(broker, stamped(None, Some(3), goal("a", 9, 1))).await, "conflict");
}

pub(super) async fn what_changed_nothing_is_remembered<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    let image = object(json!({"status": "live"}));
    publish(broker, Draft { image: Some(image.clone()), ..stamped(Some(5), None, goal("a", 0, 0)) }).await;
    assert_eq!(read(broker, "a").await.image, Some(image.clone()));

    broker.heard(heard("a", Some(9), Some(4), None)).await.unwrap();
    let reading = read(broker, "a").await;
    assert_eq!((reading.stamp, reading.image), (Stamp { event_at: Some(9), seq: Some(4) }, Some(image)));
    assert_eq!(reading.record.unwrap().version, 1);

    let image = object(json!({"status": "break"}));
    broker.heard(heard("a", Some(7), Some(3), Some(image.clone()))).await.unwrap();
    let reading = read(broker, "a").await;
    assert_eq!((reading.stamp, reading.image), (Stamp { event_at: Some(9), seq: Some(4) }, Some(image)));
    assert_eq!(outcome(broker, stamped(Some(8), None, goal("a", 1, 1))).await, "outdated");
    let zenith = broker.read(&game("a"), "zenith", None).await.unwrap();
    assert_eq!((zenith.stamp, zenith.image), (Stamp::default(), None));

    // Of a game that is not there nothing is kept: nothing would ever drop it.
    broker.heard(heard("nowhere", Some(9), None, Some(score(0)))).await.unwrap();
    let reading = read(broker, "nowhere").await;
    assert_eq!((reading.stamp, reading.image), (Stamp::default(), None));
}

pub(super) async fn what_is_rejected_leaves_no_trace<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    publish(broker, stamped(None, Some(1), goal("a", 0, 0))).await;
    let rejected =
        |seq, draft| Draft { image: Some(score(7)), ..with_id("evt-9", "h", stamped(None, Some(seq), draft)) };
    assert_eq!(outcome(broker, rejected(2, goal("a", 9, 1))).await, "conflict");
    assert_eq!(outcome(broker, rejected(1, goal("a", 1, 1))).await, "outdated");
    let reading = read(broker, "a").await;
    assert_eq!((reading.stamp.seq, reading.image), (Some(1), None));
    assert_eq!(answer(broker, "evt-9").await, None);
    assert_eq!(publish(broker, rejected(2, goal("a", 1, 1))).await.position.offset, 2);
}

pub(super) async fn score_versions_follow_the_score_detail<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let mut follower = Follower::of(&broker, 64);
    let mut venue = score(1);
    venue.insert("info".into(), json!({"venue": "Emirates Stadium"}));
    let mut full = score(2);
    full.insert("info".into(), json!({"venue": "Emirates Stadium"}));
    publish(&*broker, goal("other", 0, 0)).await;
    publish(&*broker, goal("a", 0, 1)).await;
    publish(&*broker, change("a", 2, &score(1), venue.clone())).await;
    publish(&*broker, change("a", 3, &venue, full.clone())).await;
    publish(&*broker, removal("a", 4, full)).await;
    follower.until(5).await;
    let versions: Vec<_> =
        follower.log[1..].iter().map(|p| (p.base, p.version, p.score_base, p.score_version)).collect();
    assert_eq!(versions, [(0, 2, 0, 2), (2, 3, 2, 2), (3, 4, 2, 4), (4, 5, 4, 5)]);
}

pub(super) async fn a_removed_game_leaves_a_tombstone<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    publish(broker, stamped(None, Some(1), goal("a", 0, 3))).await;
    let answer = publish(broker, removal("a", 1, score(3))).await;
    assert_eq!((answer.version, answer.position.offset), (2, 2));
    let reading = read(broker, "a").await;
    let tombstone = reading.record.unwrap();
    assert!(tombstone.removed);
    assert_eq!((tombstone.held_version(), tombstone.version, tombstone.offset), (0, 2, 2));
    assert_eq!(tombstone.body.document, score(3));
    assert_eq!(reading.stamp.seq, Some(1));
    assert_eq!(outcome(broker, removal("a", 1, score(3))).await, "conflict");
    assert_eq!(outcome(broker, stamped(None, Some(1), goal("a", 0, 4))).await, "outdated");
    // A poll that still lists it is remembered beside the tombstone.
    broker.heard(heard("a", None, Some(2), None)).await.unwrap();
    assert_eq!(read(broker, "a").await.stamp.seq, Some(2));
}

pub(super) async fn a_game_that_comes_back_starts_at_its_offset<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = &*engine.broker();
    let with_image = |draft| Draft { image: Some(score(0)), ..draft };
    publish(broker, stamped(None, Some(1), with_image(goal("a", 0, 0)))).await;
    publish(broker, with_image(goal("a.b", 0, 0))).await;
    let zenith = Draft { provider: "zenith".into(), ..with_image(goal("a", 1, 1)) };
    publish(broker, zenith).await;
    publish(broker, removal("a", 2, score(1))).await;
    publish(broker, goal("b", 0, 0)).await;
    let back = publish(broker, stamped(None, Some(2), goal("a", 0, 5))).await;
    assert_eq!((back.version, back.position.offset), (6, 6));
    // Afresh: no earlier image of any provider is there to compare with, while the stamps hold.
    let reading = read(broker, "a").await;
    assert_eq!((reading.image, reading.stamp.seq), (None, Some(2)));
    assert_eq!(broker.read(&game("a"), "zenith", None).await.unwrap().image, None);
    assert_eq!(read(broker, "a.b").await.image, Some(score(0)));
    let record = reading.record.unwrap();
    assert_eq!((record.removed, record.version, record.score_version), (false, 6, 6));
    assert_eq!(publish(broker, goal("a", 6, 6)).await.version, 7);
}

pub(super) async fn a_feeds_status_has_its_place_in_the_log<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let mut follower = Follower::of(&broker, 64);
    publish(&*broker, goal("a", 0, 0)).await;
    let position = broker.announce("espn", FeedStatus::Stale).await.unwrap();
    assert_eq!(position.offset, 2);
    publish(&*broker, goal("a", 1, 1)).await;
    follower.until(3).await;
    let told = &follower.log[1];
    let event = json!({"kind": "feed", "feed": "espn", "status": "stale"});
    assert_eq!((&told.game, told.base, told.version), (&None, 0, 0));
    assert_eq!(serde_json::to_value(&told.event).unwrap(), event);
    assert_eq!(told.position, position);
    assert_eq!(told.routing().count(), 0);
}

pub(super) async fn leases_have_one_holder<E: Engine>() {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let long = Duration::from_secs(600);
    assert!(broker.lease("feeds.epl", "one", long).await.unwrap());
    assert!(broker.lease("feeds.epl", "one", long).await.unwrap());
    assert!(!broker.lease("feeds.epl", "two", long).await.unwrap());
    assert!(broker.lease("feeds.nba", "two", long).await.unwrap());
    // Renewed for next to nothing, it is soon free: whoever asks gets it.
    assert!(broker.lease("feeds.epl", "one", Duration::from_millis(1)).await.unwrap());
    while !broker.lease("feeds.epl", "two", long).await.unwrap() {}
    assert!(!broker.lease("feeds.epl", "one", long).await.unwrap());
    broker.ready().await.unwrap();
}

/// Publishers that compare and set on one game: each wins as often as it wants, and the log is one chain.
pub(super) async fn racing_publishers_make_one_chain<E: Engine>() {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 25;
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let mut follower = Follower::of(&broker, 64);
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| {
            let broker = broker.clone();
            tokio::spawn(async move {
                let mut won = Vec::new();
                while won.len() < EACH {
                    let held = read(&*broker, "a").await.record;
                    let version = held.as_ref().map_or(0, |held| held.version);
                    let before = held.map(|held| held.body.document).unwrap_or_default();
                    let total = before.get("total").and_then(serde_json::Value::as_i64).unwrap_or(0);
                    let after = object(json!({"total": total + 1}));
                    if let Outcome::Published(answer) =
                        broker.publish(change("a", version, &before, after)).await.unwrap()
                    {
                        won.push(answer.version);
                    }
                }
                won
            })
        })
        .collect();
    let mut won = Vec::new();
    for publisher in publishers {
        won.extend(publisher.await.unwrap());
    }
    won.sort_unstable();
    let all = PUBLISHERS * EACH;
    assert_eq!(won, (1..=all as u64).collect::<Vec<_>>());
    follower.until(all as u64).await;
    assert!(follower.log.iter().all(|p| p.base + 1 == p.version));
    assert_eq!(follower.document("a"), Some(object(json!({"total": all}))));
}

pub(super) async fn there_are_so_many_games<E: Engine>() {
    let engine = E::fresh(Bounds { games: 2, tombstone_ms: 20, ..Bounds::default() }).await;
    let broker = &*engine.broker();
    let first = publish(broker, goal("a", 0, 0)).await.version;
    publish(broker, goal("b", 0, 0)).await;
    assert_eq!(outcome(broker, goal("c", 0, 0)).await, "full");
    assert_eq!(outcome(broker, goal("a", first, 1)).await, "published", "those that are there go on");
    assert_eq!(outcome(broker, goal("b", 0, 0)).await, "conflict");
    // A tombstone counts until its time is over, whether anything else is written or not.
    assert_eq!(outcome(broker, removal("b", 2, score(0))).await, "published");
    while outcome(broker, goal("c", 0, 0)).await == "full" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(outcome(broker, goal("d", 0, 0)).await, "full");
}

pub(super) async fn ids_are_forgotten_by_count<E: Engine>() {
    let engine = E::fresh(Bounds { ids: 10, ..Bounds::default() }).await;
    let broker = &*engine.broker();
    let mut version = 0;
    for n in 0..30 {
        version = publish(broker, with_id(&format!("evt-{n}"), "h", goal("a", version, n))).await.version;
    }
    for n in 20..30 {
        assert!(answer(broker, &format!("evt-{n}")).await.is_some(), "{n}");
    }
    let kept = async |n| answer(broker, &format!("evt-{n}")).await.is_some();
    assert!(!kept(0).await && !kept(5).await);
    assert_eq!(outcome(broker, with_id("evt-0", "another", goal("a", version, 30))).await, "published");
}

pub(super) async fn ids_are_forgotten_by_time<E: Engine>() {
    let engine = E::fresh(Bounds { id_ms: 20, ..Bounds::default() }).await;
    let broker = &*engine.broker();
    let first = publish(broker, with_id("evt-1", "h", goal("a", 0, 0))).await;
    while answer(broker, "evt-1").await.is_some() {
        // Its time passes, whatever happens meanwhile.
        broker.announce("espn", FeedStatus::Live).await.unwrap();
    }
    let again = publish(broker, with_id("evt-1", "h2", goal("a", first.version, 1))).await;
    assert!(again.position.offset > first.position.offset);
}

pub(super) async fn tombstones_are_dropped_by_time<E: Engine>() {
    let engine = E::fresh(Bounds { tombstone_ms: 20, ..Bounds::default() }).await;
    let broker = engine.broker();
    assert_eq!(loaded(&broker).await.horizon, 0);
    publish(&*broker, stamped(None, Some(9), Draft { image: Some(score(0)), ..goal("a", 0, 0) })).await;
    publish(&*broker, goal("stays", 0, 0)).await;
    publish(&*broker, removal("a", 1, score(0))).await;
    while read(&*broker, "a").await.record.is_some() {
        broker.announce("espn", FeedStatus::Live).await.unwrap();
    }
    let reading = read(&*broker, "a").await;
    assert_eq!((reading.stamp, reading.image), (Stamp::default(), None));
    let replica = loaded(&broker).await;
    assert_eq!(replica.horizon, 3);
    assert_eq!(replica.records.keys().cloned().collect::<Vec<_>>(), [game("stays")]);
    assert_eq!(outcome(&*broker, stamped(None, Some(1), goal("a", 0, 0))).await, "published");
}

pub(super) async fn a_tombstone_of_a_game_that_came_back_is_not_dropped_twice<E: Engine>() {
    let engine = E::fresh(Bounds { tombstone_ms: 20, ..Bounds::default() }).await;
    let broker = engine.broker();
    publish(&*broker, goal("a", 0, 0)).await;
    publish(&*broker, removal("a", 1, score(0))).await;
    let back = publish(&*broker, stamped(None, Some(1), goal("a", 0, 1))).await.version;
    // Removed later than "a" was, "b" shows when the time of both is over.
    publish(&*broker, goal("b", 0, 0)).await;
    publish(&*broker, removal("b", 4, score(0))).await;
    while read(&*broker, "b").await.record.is_some() {
        broker.announce("espn", FeedStatus::Live).await.unwrap();
    }
    let reading = read(&*broker, "a").await;
    assert_eq!(reading.record.map(|record| (record.version, record.removed)), Some((back, false)));
    assert_eq!(reading.stamp.seq, Some(1));
    assert_eq!(loaded(&broker).await.horizon, 5);
}
