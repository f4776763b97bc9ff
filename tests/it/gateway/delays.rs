//! Spoiler delays: nothing newer than its moment leaves, however little of the recent publications is held.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ARS_CHE, LIV_MUN, open, served};
use crate::support::{patch, soon};

const DELAY: Duration = Duration::from_secs(2);
const LAST: usize = 300;

/// What the bytes hold is some twenty publications, a tenth of a second: far less than the delay. Seen to fail with a view
/// that begins where the ring does.
#[tokio::test]
async fn a_ring_that_is_cut_below_the_delay_tells_nothing_early() {
    let (service, mut acme) = served("[limits]\nrecent_bytes = 30_000").await;
    acme.report(patch(ARS_CHE, json!({"info": {"number": 0}}))).await;
    acme.report(patch(LIV_MUN, json!({"info": {"number": 0}}))).await;
    let mut socket = open(&service, &format!("?topics=*&delay={}", DELAY.as_secs())).await;
    // When a report was sent; it was stored later.
    let mut sent_at = vec![Instant::now()];
    for number in 1..=LAST {
        sent_at.push(Instant::now());
        for game in [ARS_CHE, LIV_MUN] {
            acme.report(patch(game, json!({"info": {"number": number}}))).await;
        }
    }
    let old_enough = |state: &Value, how: &str| {
        let number = usize::try_from(state["info"]["number"].as_u64().unwrap()).unwrap();
        let age = sent_at[number].elapsed();
        assert!(number == 0 || age >= DELAY, "{how} told number {number} after {age:?}");
        number
    };
    let path = format!("/v1/games?topics=*&delay={}", DELAY.as_secs());
    let mut client = service.client().await;
    loop {
        let games = client.get(&path).await.json()["games"].clone();
        let told: Vec<_> = games.as_object().unwrap().values().map(|game| old_enough(&game["state"], "HTTP")).collect();
        if told == [LAST, LAST] {
            break;
        }
    }
    let mut behind = 2;
    while behind > 0 {
        let message = soon(socket.message()).await.expect("it goes on");
        let state = match message["type"].as_str() {
            Some("state") => &message["state"],
            Some("update") => &message["patch"],
            _ => continue,
        };
        behind -= usize::from(old_enough(state, "WebSocket") == LAST);
    }
}
