//! Every door asks, and opens to a token however it comes.

use serde_json::json;

use super::{ARS_CHE, Issuer, SINNER, claims, gated_by, open, shake, subscribe};
use crate::subscriber::{Events, Handshake};

const READS: [&str; 4] = [
    "/v1/games?topics=*",
    "/v1/games/soccer/eng.1/ars-che?",
    "/v1/history/soccer/eng.1/ars-che?",
    "/v1/poll?topics=*&wait=0",
];

#[tokio::test]
async fn a_websocket_opens_by_header_subprotocol_parameter_and_command() {
    for algorithm in ["HS256", "RS256", "ES256", "EdDSA"] {
        let issuer = Issuer::new(algorithm);
        let service = gated_by(&issuer, "").await;
        let token = issuer.token(&claims(&json!({})));

        let header = Handshake::new("/v1/ws?topics=*").with(&format!("Authorization: Bearer {token}"));
        let mut socket = header.open(service.main()).await.unwrap();
        socket.expect("hello").await;
        assert_eq!(socket.expect("subscribed").await["games"], 2, "{algorithm}");

        let offered = format!("Sec-WebSocket-Protocol: scoreline.v1.json, bearer.{token}");
        let mut socket = Handshake::new("/v1/ws?topics=*").with(&offered).open(service.main()).await.unwrap();
        assert_eq!(socket.headers["sec-websocket-protocol"], "scoreline.v1.json", "a token is never echoed");
        socket.expect("hello").await;
        socket.expect("subscribed").await;

        open(&service, &token, "&topics=*").await.expect("subscribed").await;

        let mut socket = shake(&service, "").await;
        socket.expect("hello").await;
        socket.say(&subscribe(1, &["*"])).await;
        assert_eq!(socket.expect("error").await["code"], "unauthorized", "nothing before the token");
        socket.say(&json!({"type": "auth", "id": 2, "token": token})).await;
        let authorized = socket.expect("authorized").await;
        assert_eq!(authorized["id"], 2);
        assert!(authorized["expires_at"].as_i64().unwrap() > 1_700_000_000_000, "{authorized}");
        socket.say(&subscribe(3, &["*"])).await;
        assert_eq!(socket.expect("subscribed").await["id"], 3);
    }
}

#[tokio::test]
async fn a_websocket_without_a_good_token_is_4001() {
    let (issuer, other) = (Issuer::new("ES256"), Issuer::new("ES256"));
    let service = gated_by(&issuer, "").await;
    let wrong = other.token(&claims(&json!({})));
    let over = issuer.token(&json!({"exp": 1_000_000_000}));
    for (query, code) in [
        ("?topics=*".to_owned(), "unauthorized"),
        (format!("?topics=*&token={wrong}"), "unauthorized"),
        (format!("?token={over}"), "token_expired"),
    ] {
        let mut socket = shake(&service, &query).await;
        assert_eq!(socket.expect("error").await["code"], code, "{query}");
        assert_eq!(socket.close_code().await, 4001, "{query}");
    }
    let mut socket = shake(&service, "").await;
    socket.expect("hello").await;
    socket.say(&json!({"type": "auth", "id": 7, "token": wrong})).await;
    let error = socket.expect("error").await;
    assert_eq!((&error["id"], &error["code"]), (&json!(7), &json!("unauthorized")));
    assert_eq!(socket.close_code().await, 4001);
    service.counts("scoreline_connections_closed_total{reason=\"auth\",transport=\"ws\"}", 4.0).await;
}

#[tokio::test]
async fn who_never_says_a_token_does_not_stay() {
    let service = gated_by(&Issuer::new("HS256"), "[limits]\nheader_time = \"300ms\"").await;
    let mut socket = shake(&service, "").await;
    socket.expect("hello").await;
    assert_eq!(socket.expect("error").await["code"], "unauthorized");
    assert_eq!(socket.close_code().await, 4001);
}

#[tokio::test]
async fn every_other_door_asks_too() {
    let issuer = Issuer::new("EdDSA");
    let service = gated_by(&issuer, "").await;
    let token = issuer.token(&claims(&json!({})));
    let over = issuer.token(&json!({"exp": 1_000_000_000}));
    let mut client = service.client().await;
    for path in READS {
        let refused = client.get(path).await;
        refused.problem(401, "unauthorized");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        let expired = client.get(&format!("{path}&token={over}")).await;
        expired.problem(401, "token_expired");
        assert_eq!(expired.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        let header = format!("authorization: Bearer {token}");
        for answer in
            [client.get(&format!("{path}&token={token}")).await, client.ask("GET", path, &[&header], "").await]
        {
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let cached = answer.header("cache-control");
            assert!(!cached.contains("public") && !cached.is_empty(), "{path}: {cached:?}");
            assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Authorization"), "{path}");
        }
    }
    let events = Events::open(service.main(), &format!("/v1/sse?topics=*&token={token}"), &[]).await;
    let mut events = events.unwrap();
    events.expect("hello").await;
    events.expect("subscribed").await;
    let refused = Events::open(service.main(), "/v1/sse?topics=*", &[]).await.err().unwrap();
    assert_eq!(refused.status, 204, "which stops an EventSource");
    assert!(refused.header("scoreline-refused").starts_with("unauthorized: "), "{refused:?}");
}

#[tokio::test]
async fn where_no_tokens_are_asked_for_caches_may_keep_answers() {
    let service = crate::support::Service::start(crate::support::ACME).await;
    let answer = service.client().await.get("/v1/games").await;
    assert_eq!(answer.header("cache-control"), "public, max-age=1");
    let mut socket = shake(&service, "").await;
    socket.expect("hello").await;
    socket.say(&json!({"type": "auth", "id": 1, "token": "x"})).await;
    assert_eq!(socket.expect("error").await["code"], "bad_request");
}

#[tokio::test]
async fn a_token_opens_the_topics_it_names_and_what_is_below() {
    let issuer = Issuer::new("ES256");
    let service = gated_by(&issuer, "").await;
    let token = issuer.token(&claims(&json!({"topics": ["soccer"]})));
    let mut socket = open(&service, &token, "").await;
    for (id, topic, allowed) in [
        (1, "soccer/eng.1", true),
        (2, "*", false),
        (3, SINNER, false),
        (4, "team/soccer/arsenal", true),
        (5, "team/tennis/sinner", false),
        (6, ARS_CHE, true),
    ] {
        socket.say(&subscribe(id, &[topic])).await;
        match allowed {
            true => while socket.message().await.unwrap()["type"] != "position" {},
            false => {
                let error = socket.expect("error").await;
                assert_eq!((&error["id"], &error["code"]), (&json!(id), &json!("forbidden")), "{topic}");
            }
        }
    }
    let mut socket = open(&service, &token, "&topics=soccer,tennis").await;
    assert_eq!(socket.expect("error").await["code"], "forbidden");
    assert_eq!(socket.close_code().await, 4003);

    let mut client = service.client().await;
    let games = client.get(&format!("/v1/games?token={token}")).await.json();
    assert_eq!(games["games"].as_object().unwrap().keys().collect::<Vec<_>>(), [ARS_CHE], "all that it may see");
    for path in [
        format!("/v1/games?topics=*&token={token}"),
        format!("/v1/games/{SINNER}?token={token}"),
        format!("/v1/history/{SINNER}?token={token}"),
        format!("/v1/poll?topics=tennis&token={token}"),
    ] {
        client.get(&path).await.problem(403, "forbidden");
    }
    let refused = Events::open(service.main(), &format!("/v1/sse?topics=tennis&token={token}"), &[]).await;
    assert!(refused.err().unwrap().header("scoreline-refused").starts_with("forbidden: "));
}

#[tokio::test]
async fn a_held_back_token_is_held_back_at_every_door() {
    let issuer = Issuer::new("HS256");
    let service = gated_by(&issuer, "").await;
    // The games are seconds old: nobody who is held back five minutes has heard of them.
    let token = issuer.token(&claims(&json!({"min_delay": 300})));
    let mut client = service.client().await;
    let read =
        async |client: &mut crate::support::Client, path: &str| client.get(&format!("{path}token={token}")).await;
    assert_eq!(read(&mut client, "/v1/games?delay=0&").await.json()["games"], json!({}));
    read(&mut client, &format!("/v1/games/{ARS_CHE}?delay=0&")).await.problem(404, "not_found");
    read(&mut client, &format!("/v1/history/{ARS_CHE}?")).await.problem(404, "not_found");
    let polled = read(&mut client, "/v1/poll?topics=*&delay=0&wait=0&").await.json();
    assert_eq!(polled["messages"][0]["delay"], 300, "{polled}");
    assert_eq!(polled["messages"].as_array().unwrap().len(), 1, "{polled}");

    let target = format!("/v1/sse?topics=*&delay=0&token={token}");
    let mut events = Events::open(service.main(), &target, &[]).await.unwrap();
    events.expect("hello").await;
    let subscribed = events.expect("subscribed").await;
    assert_eq!((&subscribed["delay"], &subscribed["games"]), (&json!(300), &json!(0)));

    let mut socket = open(&service, &token, "&topics=*&delay=0").await;
    assert_eq!(socket.expect("subscribed").await["delay"], 300);
    assert_eq!(socket.expect("position").await["id"], 0, "and no games");
    socket.say(&json!({"type": "options", "id": 1, "delay": 0})).await;
    assert_eq!(socket.expect("options").await["delay"], 300, "less is not to be had");
    // Nor is it told when something happens, which tags and refused positions would.
    let tag = async |client: &mut crate::support::Client| read(client, "/v1/games?").await.header("etag").to_owned();
    let before = tag(&mut client).await;
    let mut acme = service.acme().await;
    acme.report(crate::support::patch(ARS_CHE, crate::support::score(2, 0))).await;
    socket.silent().await;
    assert_eq!(tag(&mut client).await, before);
    let (epoch, _) = polled["position"].as_str().unwrap().split_once('.').unwrap();
    for offset in [1, 1_000] {
        let since = format!("/v1/poll?topics=*&since={epoch}.{offset}&wait=0&");
        assert_eq!(read(&mut client, &since).await.json()["messages"][0]["reason"], "delay", "{offset}");
    }
}

#[tokio::test]
async fn a_token_caps_the_rate() {
    let issuer = Issuer::new("HS256");
    let service = gated_by(&issuer, "").await;
    let token = issuer.token(&claims(&json!({"max_rate": 2})));
    let mut socket = open(&service, &token, "&topics=soccer").await;
    assert_eq!(socket.expect("subscribed").await["max_rate"], 2);
    socket.expect("state").await;
    socket.expect("position").await;
    for (id, asked, told) in [(1, json!(0), json!(2)), (2, json!(5), json!(2)), (3, json!(0.5), json!(0.5))] {
        socket.say(&json!({"type": "options", "id": id, "max_rate": asked})).await;
        assert_eq!(socket.expect("options").await["max_rate"], told);
    }
    socket.say(&json!({"type": "options", "id": 4, "mode": "every"})).await;
    assert_eq!(socket.expect("error").await["code"], "bad_request");
}
