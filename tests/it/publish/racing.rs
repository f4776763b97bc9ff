//! Many writers of one game, in one process and in two.

use std::collections::BTreeSet;
use std::sync::Arc;

use feeds::Report;
use futures_util::future::join_all;
use scoreline::auth::Grant;
use scoreline::broker::{Bounds, Broker, Event};
use scoreline::ingest::{Ingest, PATIENCE, Reason, Said, Sources};
use scoreline::metrics::Metrics;
use serde_json::json;

use crate::support::{ACME, Service, patch, score, soon, with};

const GAME: &str = "soccer/eng.1/ars-che";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_post_at_once_are_all_applied() {
    let service = Service::start(ACME).await;
    let post = async |number: u32| {
        service.acme().await.report(patch(GAME, json!({"info": {format!("k{}", number % 30): number}}))).await
    };
    let results = join_all((0..60).map(post)).await;
    let versions: BTreeSet<u64> = results.iter().map(|result| result["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, (1..=60).collect(), "each its own version, none lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_log_lose_nothing() {
    const EACH: u32 = 200;
    let broker: Arc<dyn Broker> = scoreline::broker::connect("memory:", Bounds::default()).await.unwrap();
    let grant = Arc::new(Grant::everything("acme"));
    let process =
        || Ingest::new(Arc::clone(&broker), Metrics::new(["acme"]), Sources::new([&grant], [], PATIENCE), None);
    // Each process writes its own field; a lost update would show as a gap in it.
    let write = async |side: &str, ingest: Arc<Ingest>| {
        for goals in 1..=EACH {
            let change = if side == "home" { score(goals, 0) } else { json!({"info": {"attendance": goals}}) };
            let change =
                if side == "home" { json!({"competitors": {"home": change["competitors"]["home"]}}) } else { change };
            let verdict = ingest.accept(&grant, Report::from_value(patch(GAME, change)).unwrap()).await;
            assert!(matches!(verdict.said, Said::Applied { .. }), "{verdict:?}");
        }
    };
    tokio::join!(write("home", process()), write("away", process()));

    let (tell, mut told) = tokio::sync::mpsc::channel(4_096);
    tokio::spawn(async move { broker.follow(tell).await });
    let mut document = feeds::Document::new();
    let mut expected = 0;
    while expected < u64::from(2 * EACH) {
        use scoreline::broker::Followed::{Published, Recent};
        let (Recent(publication) | Published(publication)) = soon(told.recv()).await.unwrap() else { continue };
        assert_eq!((publication.base, publication.version), (expected, expected + 1), "a chain");
        let Event::Update(update) = &publication.event else { panic!("{publication:?}") };
        feeds::document::apply(&mut document, &update.patch);
        expected += 1;
    }
    assert_eq!(document["competitors"]["home"]["score"]["total"], EACH);
    assert_eq!(document["info"]["attendance"], EACH);
}

#[tokio::test]
async fn a_stamp_that_was_only_noted_is_written_down_in_the_end() {
    let broker: Arc<dyn Broker> = scoreline::broker::connect("memory:", Bounds::default()).await.unwrap();
    let grant = Arc::new(Grant::everything("acme"));
    let process =
        || Ingest::new(Arc::clone(&broker), Metrics::new(["acme"]), Sources::new([&grant], [], PATIENCE), None);
    let report = |home, at: i64| Report::from_value(with(patch(GAME, score(home, 0)), "event_at", at)).unwrap();
    let first = process();
    for at in [10, 20, 30] {
        first.accept(&grant, report(1, at)).await;
    }
    first.close().await;
    let verdict = process().accept(&grant, report(2, 29)).await;
    assert!(matches!(verdict.said, Said::Refused { reason: Reason::Outdated, .. }), "{verdict:?}");
    let verdict = process().accept(&grant, report(2, 30)).await;
    assert!(matches!(verdict.said, Said::Applied { .. }), "{verdict:?}");
}
