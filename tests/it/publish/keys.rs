//! Provider keys: two at a time, and tries that fail.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Service, patch, score};

const GAME: &str = "soccer/eng.1/ars-che";
/// SHA-256 of `old-key` and `new-key`.
const HASHES: [&str; 2] = [
    "762c08fc17a1cc5f00d248f8b50f2f2f4d17ff2934ac31e64deacb3f5bb3f2ec",
    "479a61d5370a0351ad498a8f324e0f9ad50bfafbe4c044ea49cbe3981e8cb573",
];

#[tokio::test]
async fn while_keys_rotate_both_open() {
    let config = format!("[providers.acme]\nkey_sha256 = {HASHES:?}\n[providers.other]\ntopics = [\"tennis\"]");
    let service = Service::start(&config).await;
    for (goals, key) in [(1, "old-key"), (2, "new-key")] {
        service.client().await.with_key(key).report(patch(GAME, score(goals, 0))).await;
    }
    let mut nobody = service.client().await.with_key("other-key");
    nobody.post(&patch(GAME, score(9, 9))).await.problem(401, "unauthorized");
    service.counts("scoreline_auth_failures_total{door=\"key\"}", 1.0).await;
    service.client().await.post(&json!({})).await.problem(401, "unauthorized");
    assert_eq!(service.metric("scoreline_auth_failures_total{door=\"key\"}"), 1.0, "no key is no try");
}

#[tokio::test]
async fn tries_that_fail_are_slowed_and_nobody_else_is() {
    let service = Service::start("provider = [\"acme=acme-key\"]").await;
    let (mut guesser, mut acme) = (service.client().await.with_key("guess"), service.acme().await);
    let mut slowed = None;
    for _ in 0..40 {
        let begun = Instant::now();
        let answer = guesser.ask("DELETE", &format!("/v1/games/{GAME}"), &[], "").await;
        if answer.status == 429 {
            answer.problem(429, "rate_limited");
            assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
            slowed = Some(begun.elapsed());
            break;
        }
        answer.problem(401, "unauthorized");
    }
    assert!(slowed.expect("at last it is slowed") >= Duration::from_secs(1));
    assert!(service.metric("scoreline_auth_failures_total{door=\"key\"}") > 20.0);
    acme.report(patch(GAME, score(1, 0))).await;
}
