//! Words: JSON that is built to hurt, and topics that would be something else where they end up.

use serde_json::json;

use crate::subscriber::{Handshake, TEXT};
use crate::support::{ACME, Service};

/// What would reach a Redis key, a metric's label, a log's line, a path or an HTML page.
const INJECTIONS: [&str; 14] = [
    "soccer/eng.1/a\r\nSET x 1",
    "soccer/eng.1/a\nlevel=error",
    "soccer/eng.1/{other}",
    "soccer/eng.1/a\"} 1\nfake_metric 1",
    "soccer/../../etc/passwd",
    "soccer//a",
    "soccer/eng.1/<script>",
    "soccer/eng.1/a\u{202e}b",
    "soccer/eng.1/\u{ff41}",
    "soccer/eng.1/a\u{0}",
    "SOCCER/eng.1/a",
    "soccer/eng.1/a*",
    "soccer/eng.1/$(id)",
    "*/eng.1/a",
];

#[tokio::test]
async fn a_topic_that_is_none_gets_nowhere() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let opened = Handshake::new("/v1/ws").open(service.main()).await;
    let mut socket = opened.unwrap_or_else(|answer| panic!("{answer:?}"));
    socket.expect("hello").await;
    for (id, text) in (1_u64..).zip(INJECTIONS) {
        socket.say(&json!({"type": "subscribe", "id": id, "topics": [text]})).await;
        let error = socket.expect("error").await;
        assert_eq!((&error["id"], &error["code"]), (&json!(id), &json!("topic_invalid")), "{text:?}");
        let said = error["message"].as_str().unwrap();
        assert!(!said.contains(['\n', '\r', '\0']), "{said:?}");
        socket.say(&json!({"type": "ping", "id": id})).await; // a good one between, so that it is not closed for the bad
        socket.expect("pong").await;
        let answer = acme.post(&json!({"game": text, "patch": {"status": "live"}})).await;
        answer.problem(422, "invalid");
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in
            [format!("/v1/games?topics={escaped}"), format!("/v1/games/{escaped}"), format!("/v1/history/{escaped}")]
        {
            let answer = acme.get(&path).await;
            assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {answer:?}");
        }
        acme.ask("POST", &format!("/v1/feeds/{escaped}"), &[], "{}").await.problem(404, "not_found");
    }
    let metrics = service.ops().await.get("/metrics").await;
    for word in ["fake_metric", "<script", "etc/passwd", "other}"] {
        assert!(!metrics.text().contains(word), "{word} is in the metrics");
    }
    assert_eq!(acme.games("*", "full").await.len(), 0, "no game came of it");
}

#[tokio::test]
async fn json_that_is_built_to_hurt_is_refused_by_its_form() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    let deep = |open: &str, close: &str, times: usize| format!("{}{}", open.repeat(times), close.repeat(times));
    let game = |patch: &str| format!("{{\"game\":\"soccer/eng.1/a\",\"patch\":{patch}}}");
    for (body, status) in [
        (deep("[", "]", 50_000), 207),
        (game(&format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000))), 400),
        (game("{\"status\":\"live\",\"status\":\"final\"}"), 400),
        ("{\"game\":\"soccer/eng.1/a\",\"game\":\"soccer/eng.1/b\",\"patch\":{}}".to_owned(), 400),
        (game("{\"info\":{\"x\":NaN}}"), 400),
        (game("{\"info\":{\"x\":1e999}}"), 400),
        (game("{\"info\":{\"x\":\"\\ud800\"}}"), 400),
        (game("{\"info\":{\"x\":[1]}}"), 422),
        (game("{\"info\":{\"x\":null,\"__proto__\":{\"y\":1}}}"), 422),
        (game(&format!("{{\"info\":{{\"x\":\"{}\"}}}}", "\\u0000".repeat(20_000))), 422),
        ("\u{feff}{}".to_owned(), 400),
        ("{}{}".to_owned(), 400),
        (String::new(), 400),
    ] {
        let answer = acme.ask("POST", "/v1/updates", &["content-type: application/json"], body.clone()).await;
        assert_eq!(answer.status, status, "{body:.80}: {answer:?}");
    }
    let opened = Handshake::new("/v1/ws").open(service.main()).await;
    let mut socket = opened.unwrap_or_else(|answer| panic!("{answer:?}"));
    socket.expect("hello").await;
    for command in [
        deep("[", "]", 8_000),
        "{\"type\":\"ping\",\"id\":1,\"id\":2}".to_owned(),
        "{\"type\":\"ping\",\"id\":1e3}".to_owned(),
        "{\"type\":\"ping\",\"id\":18446744073709551616}".to_owned(),
        "{\"type\":\"subscribe\",\"id\":1,\"topics\":[[\"soccer\"]]}".to_owned(),
        "{\"type\":\"ping\",\"id\":1,\"\\u0069d\":2}".to_owned(),
    ] {
        socket.send(TEXT, command.as_bytes()).await;
        assert_eq!(socket.expect("error").await["code"], "bad_request", "{command:.80}");
    }
    socket.silent().await;
}

/// Seen to take seventeen seconds of a core, with the scoreboard's lock held: `*` ten thousand times.
#[tokio::test]
async fn topics_by_the_thousand_are_no_more_than_a_connection_may_have() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    acme.report(crate::support::patch("soccer/eng.1/a", json!({"status": "live"}))).await;
    let many: Vec<String> = (0..201).map(|number| format!("soccer/c{number}")).collect();
    for door in ["/v1/games?topics=", "/v1/poll?wait=0&topics="] {
        acme.get(&format!("{door}{}", many.join(","))).await.problem(400, "topic_limit");
        assert_eq!(acme.get(&format!("{door}{}", many[1..].join(","))).await.status, 200);
        let doubled = acme.get(&format!("{door}{}", ["*"; 10_000].join(","))).await;
        assert_eq!(doubled.status, 200, "{doubled:?}");
    }
    let opened = Handshake::new("/v1/ws").open(service.main()).await;
    let mut socket = opened.unwrap_or_else(|answer| panic!("{answer:?}"));
    socket.expect("hello").await;
    for kind in ["subscribe", "unsubscribe"] {
        socket.say(&json!({"type": kind, "id": 1, "topics": many})).await;
        assert_eq!(socket.expect("error").await["code"], "topic_limit", "{kind}");
    }
}
