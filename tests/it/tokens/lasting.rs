//! Connections outlive no token, unless it is renewed.

use std::time::Duration;

use serde_json::json;

use super::issuer::now;
use super::{ARS_CHE, Issuer, claims, gated_by, open, shake, subscribe};
use crate::subscriber::{Events, Handshake, TEXT, masked};
use crate::support::{patch, score, soon};

#[tokio::test]
async fn a_connection_ends_with_its_token_unless_that_is_renewed() {
    let issuer = Issuer::new("ES256");
    let service = gated_by(&issuer, "").await;
    let ends = now() + 2.0;
    let short = issuer.token(&json!({"exp": ends}));
    let mut lapses = open(&service, &short, "&topics=tennis").await;
    let mut renewed = open(&service, &short, "&topics=tennis").await;
    let mut events = Events::open(service.main(), &format!("/v1/sse?topics=tennis&token={short}"), &[]).await.unwrap();
    for kind in ["subscribed", "state", "position"] {
        renewed.expect(kind).await;
    }
    renewed.say(&json!({"type": "auth", "id": 1, "token": issuer.token(&claims(&json!({})))})).await;
    let told = renewed.expect("authorized").await["expires_at"].as_f64().unwrap() / 1e3;
    assert!((ends + 50.0..ends + 65.0).contains(&told), "{told}");

    while lapses.message().await.is_some_and(|message| message["type"] != "error") {}
    assert_eq!(lapses.close_code().await, 4001);
    assert!(now() >= ends, "not before its time");
    let mut last = None;
    while let Some(message) = soon(events.message()).await {
        last = Some(message);
    }
    assert_eq!(last.unwrap()["code"], "token_expired", "the stream's last word");
    renewed.silent().await;
    service.client().await.get(&format!("/v1/games?token={short}")).await.problem(401, "token_expired");
}

#[tokio::test]
async fn a_poll_waits_no_longer_than_its_token_lasts() {
    let issuer = Issuer::new("HS256");
    let service = gated_by(&issuer, "").await;
    let mut client = service.client().await;
    let poll = async |client: &mut crate::support::Client, since: &str, token: &str| {
        client.get(&format!("/v1/poll?topics=tennis&wait=30{since}&token={token}")).await
    };
    let first = poll(&mut client, "", &issuer.token(&claims(&json!({})))).await.json();
    let since = format!("&since={}", first["position"].as_str().unwrap());
    let ends = now() + 1.0;
    let answer = poll(&mut client, &since, &issuer.token(&json!({"exp": ends}))).await;
    assert_eq!(answer.status, 200);
    let took = now() - ends;
    assert!((-0.2..15.0).contains(&took), "it was answered {took} s after the token's end");
    // A position that is not there yet is waited for, but not beyond it.
    let ahead = format!("{since}99");
    poll(&mut client, &ahead, &issuer.token(&json!({"exp": now() + 0.5}))).await.problem(401, "token_expired");
}

#[tokio::test]
async fn another_token_may_grant_less() {
    let issuer = Issuer::new("HS256");
    let service = gated_by(&issuer, "").await;
    let all = issuer.token(&claims(&json!({})));
    let auth =
        |id: u64, more: serde_json::Value| json!({"type": "auth", "id": id, "token": issuer.token(&claims(&more))});
    let mut socket = open(&service, &all, "&topics=soccer&mode=every").await;
    for kind in ["subscribed", "state", "position"] {
        socket.expect(kind).await;
    }
    socket.say(&auth(1, json!({"max_rate": 3}))).await;
    socket.expect("authorized").await;
    let options = socket.expect("options").await;
    assert_eq!((&options["id"], &options["max_rate"], &options["mode"]), (&json!(1), &json!(3), &json!("latest")));

    socket.say(&auth(2, json!({"min_delay": 300}))).await;
    socket.expect("authorized").await;
    assert_eq!(socket.expect("options").await["delay"], 300);
    assert_eq!(socket.expect("reset").await["reason"], "delay");
    assert_eq!(socket.expect("position").await["id"], 2, "held back five minutes there are no games");
    service.acme().await.report(patch(ARS_CHE, score(2, 0))).await;
    socket.silent().await;

    socket.say(&auth(3, json!({"topics": ["tennis"]}))).await;
    assert_eq!(socket.expect("error").await["code"], "forbidden");
    assert_eq!(socket.close_code().await, 4003);
}

/// Seen to watch without delay under a token with one: what the token before allowed had only waited for its turn.
#[tokio::test]
async fn what_waits_for_its_turn_is_bound_by_the_token_then() {
    let issuer = Issuer::new("HS256");
    let service = gated_by(&issuer, "").await;
    let all = issuer.token(&claims(&json!({})));
    let auth = json!({"type": "auth", "id": 9, "token": issuer.token(&claims(&json!({"min_delay": 200})))});
    let said = |command: &serde_json::Value| masked(0x80 | TEXT, command.to_string().as_bytes());

    let mut socket = open(&service, &all, "&topics=soccer&delay=250").await;
    socket.expect("subscribed").await;
    socket.expect("position").await;
    socket.raw(&[said(&json!({"type": "options", "id": 1, "delay": 0})), said(&auth)].concat()).await;
    assert_eq!(socket.expect("authorized").await["id"], 9);
    assert_eq!(socket.expect("options").await["delay"], 200);
    socket.expect("position").await;
    service.acme().await.report(patch(ARS_CHE, score(2, 0))).await;
    socket.silent().await;

    // Nor is what is left of the present told first.
    let mut socket = open(&service, &all, "&topics=soccer").await;
    for kind in ["subscribed", "state", "position"] {
        socket.expect(kind).await;
    }
    let loads = (1..5).map(|id| said(&subscribe(id, &["soccer"])));
    socket.raw(&loads.chain([said(&auth)]).collect::<Vec<_>>().concat()).await;
    assert_eq!(socket.expect("authorized").await["id"], 9);
    assert_eq!(socket.expect("options").await["delay"], 200);
    assert_eq!(socket.expect("reset").await["reason"], "delay");
    assert_eq!(socket.expect("position").await["id"], 9);
    for id in 1..5 {
        let subscribed = socket.expect("subscribed").await;
        assert_eq!((&subscribed["id"], &subscribed["games"]), (&json!(id), &json!(0)));
        assert_eq!(socket.expect("position").await["id"], id);
    }
}

/// Seen to be dropped in silence: at the first load's end mark a client drops what was not told, and the second, which resumes, had
/// nothing new of it.
#[tokio::test]
async fn what_a_narrower_token_still_covers_is_told_by_the_load_that_was_taken_back() {
    let issuer = Issuer::new("HS256");
    let service = gated_by(&issuer, "").await;
    let all = issuer.token(&claims(&json!({})));
    let mut socket = open(&service, &all, "&topics=soccer/eng.1").await;
    socket.expect("subscribed").await;
    socket.expect("state").await;
    let since = socket.expect("position").await["position"].clone();

    let mut socket = open(&service, &all, "").await;
    let mut resume = subscribe(2, &["soccer/eng.1"]);
    resume["since"] = since;
    let narrower = issuer.token(&claims(&json!({"topics": ["soccer/eng.1"]})));
    let said = [
        subscribe(1, &["soccer"]),
        resume,
        json!({"type": "unsubscribe", "id": 3, "topics": ["soccer"]}),
        json!({"type": "auth", "id": 4, "token": narrower}),
    ];
    let said = said.map(|command| masked(0x80 | TEXT, command.to_string().as_bytes()));
    socket.raw(&said.concat()).await;
    let mut told = Vec::new();
    while told.last() != Some(&"position 2".to_owned()) {
        let message = socket.message().await.unwrap();
        told.push(format!("{} {}", message["type"].as_str().unwrap(), message.get("id").unwrap_or(&message["game"])));
    }
    let end = told.iter().position(|message| message == "position 1").unwrap();
    assert!(told[..end].contains(&format!("state \"{ARS_CHE}\"")), "{told:?}");
}

#[tokio::test]
async fn a_subject_has_so_many_connections() {
    let issuer = Issuer::new("HS256");
    let service = gated_by(&issuer, "connections_per_sub = 2").await;
    let token = |sub: &str| issuer.token(&claims(&json!({"sub": sub})));
    let (ada, bob) = (token("ada"), token("bob"));
    let first = open(&service, &ada, "").await;
    let target = format!("/v1/sse?topics=*&token={ada}");
    let mut second = Events::open(service.main(), &target, &[]).await.unwrap();
    second.expect("hello").await;
    let refused = Handshake::new(&format!("/v1/ws?token={ada}")).open(service.main()).await;
    let refused = refused.err().unwrap();
    refused.problem(503, "unavailable");
    assert!(!refused.header("retry-after").is_empty());
    // Who says it later is no less counted; who renews counts once.
    let mut late = shake(&service, "").await;
    late.expect("hello").await;
    late.say(&json!({"type": "auth", "id": 1, "token": ada})).await;
    assert_eq!(late.expect("error").await["code"], "rate_limited");
    assert_eq!(late.close_code().await, 4029);
    let mut other = open(&service, &bob, "").await;
    for id in 1..5 {
        other.say(&json!({"type": "auth", "id": id, "token": bob})).await;
        other.expect("authorized").await;
    }
    drop(first);
    let room = async {
        while Handshake::new(&format!("/v1/ws?token={ada}")).open(service.main()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(room).await;
    other.say(&subscribe(9, &["*"])).await;
    other.expect("subscribed").await;
}
