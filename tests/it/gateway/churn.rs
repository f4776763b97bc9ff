//! Everything at once, by chance (seeded): games change, move between teams, go and come back, while subscribers subscribe,
//! unsubscribe, stop reading, break off and resume. In the end each holds what `GET /v1/games` answers.

use serde_json::json;

use super::served;
use crate::subscriber::{Detail, Subscriber, offset};
use crate::support::{Client, patch};

const TOPICS: [&str; 8] =
    ["*", "soccer", "soccer/a", "soccer/b", "soccer/a/1", "soccer/b/1", "team/soccer/reds", "team/soccer/blues"];

/// One change of one game.
async fn change(acme: &mut Client, rng: &mut fastrand::Rng) {
    let game = format!("soccer/{}/{}", rng.choice(["a", "b"]).unwrap(), rng.u8(1..5));
    if rng.u8(..12) == 0 {
        let answer = acme.ask("DELETE", &format!("/v1/games/{game}"), &[], "").await;
        assert!([200, 404].contains(&answer.status.as_u16()), "{answer:?}");
        return;
    }
    let news = match rng.u8(..6) {
        0 => json!({"competitors": {"home": {"team": rng.choice(["reds", "blues", "greens"])}}}),
        1 => json!({"competitors": {"away": null}}),
        2 => json!({"info": {"attendance": rng.u32(..)}}),
        3 => json!({"info": null, "status_reason": format!("reason {}", rng.u8(..))}),
        _ => json!({"competitors": {"away": {"team": "blues", "score": {"total": rng.u8(..)}}}}),
    };
    let answer = acme.post(&patch(&game, news)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// One deed of one subscriber.
async fn act(subscriber: &mut Subscriber, rng: &mut fastrand::Rng) {
    if !subscriber.is_connected() {
        return subscriber.connect().await;
    }
    match rng.u8(..10) {
        0 => subscriber.cut(rng.bool()),
        1 | 2 => {
            let count = rng.usize(1..4);
            let topics = rng.choose_multiple(TOPICS, count);
            let detail = if rng.bool() { Detail::Full } else { Detail::Score };
            subscriber.subscribe(&topics, detail).await;
        }
        3 => {
            let count = rng.usize(1..3);
            let topics = rng.choose_multiple(TOPICS, count);
            subscriber.unsubscribe(&topics).await;
        }
        // Reads something of what is there, or nothing.
        _ => {
            for _ in 0..rng.u8(..30) {
                tokio::select! {
                    biased;
                    message = subscriber.next() => if message.is_none() { return },
                    () = tokio::task::yield_now() => return,
                }
            }
        }
    }
}

#[tokio::test]
async fn whatever_happens_everybody_ends_with_what_the_service_shows() {
    for seed in 0..4 {
        println!("seed {seed}");
        let mut rng = fastrand::Rng::with_seed(seed);
        let (service, mut acme) = served("[limits]\nheartbeat = \"1s\"\ncommands_burst = 10000").await;
        let mut all: Vec<Subscriber> = (0..6).map(|_| Subscriber::new(service.main(), [])).collect();
        for _ in 0..600 {
            change(&mut acme, &mut rng).await;
            for subscriber in &mut all {
                act(subscriber, &mut rng).await;
            }
        }
        let mut client = service.client().await;
        let head = client.get("/v1/games?topics=nobody").await.json();
        let last = offset(head["position"].as_str().unwrap());
        for (number, subscriber) in all.iter_mut().enumerate() {
            if !subscriber.is_connected() {
                subscriber.connect().await;
            }
            // So that it has one, and a position.
            subscriber.subscribe(&["soccer/a/2"], Detail::Score).await;
            subscriber.reaches(last).await;
            let topics: Vec<_> = subscriber.replica.subscriptions().collect();
            println!("subscriber {number}: {topics:?}, {:?}", subscriber.replica.counts);
            assert_eq!(subscriber.replica.documents(), subscriber.expected(&mut client).await, "subscriber {number}");
            assert_eq!(subscriber.replica.counts.resets, 0, "every position was good");
        }
    }
}
