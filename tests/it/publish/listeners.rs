//! What is around publishing: paths, methods, pages, the ops listener, the demo.

use scoreline::broker::Event;

use crate::support::{ACME, Service, patch, score};

const GAME: &str = "soccer/eng.1/ars-che";

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let service = Service::start(ACME).await;
    let mut acme = service.acme().await;
    for path in
        ["/nothing", "/v1", "/v1/nothing", "/v1/updates/x", "/v2/updates", "/metrics", "/../Cargo.toml", "/index.html"]
    {
        acme.get(path).await.problem(404, "not_found");
    }
    acme.ask("POST", "/nothing", &[], "").await.problem(404, "not_found");
    for (method, path, allow) in [
        ("POST", "/scoreline.js", "GET, HEAD"),
        ("GET", "/v1/updates", "POST"),
        ("PUT", "/v1/updates", "POST"),
        ("GET", "/v1/feeds/espn", "POST"),
    ] {
        let answer = acme.ask(method, path, &[], "").await;
        answer.problem(405, "bad_request");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
    assert_eq!(service.metric("scoreline_http_requests_total{code=\"405\",method=\"other\",route=\"page\"}"), 4.0);
}

#[tokio::test]
async fn pages_are_served_whole_or_as_not_modified() {
    let service = Service::start("").await;
    let mut client = service.client().await;
    let module = client.get("/scoreline.js").await;
    assert_eq!(module.status, 200);
    assert_eq!(module.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(module.header("access-control-allow-origin"), "*", "pages of other sites load it");
    assert_eq!(module.header("x-content-type-options"), "nosniff");
    let held = format!("if-none-match: W/\"x\", {}", module.header("etag"));
    let again = client.ask("GET", "/scoreline.js", &[&held], "").await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let head = client.ask("HEAD", "/scoreline.js", &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.len(), head.header("etag")), (200, 0, module.header("etag")));

    let page = client.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"), "{page:?}");
    assert!(!page.text().contains("%DEMO%"));
    let demo = Service::start("demo = true").await.client().await.get("/").await;
    assert_ne!((demo.text(), demo.header("etag")), (page.text(), page.header("etag")), "the page is told of the demo");
}

#[tokio::test]
async fn the_ops_listener_answers_beside() {
    let service = Service::start(ACME).await;
    service.acme().await.report(patch(GAME, score(1, 0))).await;
    let mut ops = service.ops().await;
    let metrics = ops.get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(metrics.text().contains("scoreline_reports_total{outcome=\"applied\",provider=\"acme\"} 1"));
    assert_eq!(ops.get("/livez").await.status, 200);
    assert_eq!(ops.get("/").await.status, 200);
    let status = ops.get("/status.json").await.json();
    assert_eq!((&status["log_offset"], &status["draining"]), (&1.into(), &false.into()));
    ops.get("/v1/updates").await.problem(404, "not_found");
}

#[tokio::test]
async fn the_demo_plays_through_the_same_ingest() {
    let service = Service::start("demo = true").await;
    let mut log = service.log();
    loop {
        let publication = log.next().await;
        let Event::Update(update) = &publication.event else { panic!("{publication:?}") };
        assert_eq!(update.provider, "demo");
        if update.urgent && publication.base > 0 && update.patch.contains_key("competitors") {
            break; // a goal
        }
    }
    let mut client = service.client().await.with_key("demo");
    let result = client.report(patch("soccer/demo-cup/own-game", score(1, 0))).await;
    assert_eq!(result["applied"], true, "its key is open on loopback");
}
