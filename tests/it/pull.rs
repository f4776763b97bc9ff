//! Pulled feeds against a stub of a provider: what is asked when, and what becomes of the answers and of their faults.

mod diffs;
mod hub;
pub(crate) mod stub;
mod timing;

use std::sync::Arc;
use std::time::Duration;

use scoreline::broker::embedded::EmbeddedBroker;
use scoreline::broker::{Bounds, Broker, Event};
use scoreline::wire::FeedStatus;
use serde_json::json;

use tokio::io::AsyncWriteExt;

use self::stub::{Say, Stub};
use crate::support::{Client, Log, Service, soon};

pub(crate) const GAME: &str = "soccer/haf1/1";

/// A payload of the adapter `openligadb`: one match that is played now.
pub(crate) fn payload(home: u32) -> String {
    let goals: Vec<_> =
        (1..=home).map(|n| json!({"goalID": n, "scoreTeam1": n, "scoreTeam2": 0, "matchMinute": 10 * n})).collect();
    let results = json!([{"resultTypeID": 2, "pointsTeam1": home, "pointsTeam2": 0}]);
    let played = json!([{"matchID": 1, "leagueShortcut": "haf1", "leagueName": "Hafenliga", "matchIsFinished": false,
        "matchDateTimeUTC": jiff::Timestamp::now().to_string(),
        "team1": {"teamId": 1, "teamName": "Kanal"}, "team2": {"teamId": 2, "teamName": "Hafen"},
        "matchResults": results, "goals": goals}]);
    played.to_string()
}

/// The config of a feed of the stub; `more` are further keys of the feed.
pub(crate) fn feed(url: &str, more: &str) -> String {
    format!(
        "[feeds.oldb]\nadapter = \"openligadb\"\nurl = \"{url}\"\ninterval = \"100ms\"\nidle = \"200ms\"\n\
         allow_http = true\nallow_private = true\n{more}"
    )
}

async fn until_home_has(client: &mut Client, goals: u32) {
    let waiting = async {
        loop {
            let answer = client.get(&format!("/v1/games/{GAME}")).await;
            if answer.status == 200 && answer.json()["state"]["competitors"]["home"]["score"]["total"] == goals {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(waiting).await;
}

async fn next_status(log: &mut Log) -> FeedStatus {
    loop {
        if let Event::Feed { feed, status } = &log.next().await.event {
            assert_eq!(feed, "oldb");
            return *status;
        }
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let stub = Stub::start().await;
    let first = Say::gzip(&payload(1)).with("etag", "\"a\"").with("last-modified", "Sun, 22 Nov 2026 15:00:00 GMT");
    let second = Say::ok(payload(2)).with("etag", "\"b\"");
    stub.says("/", [first, Say::status(304), Say::status(304), second, Say::status(304)]);
    let keyed = "headers = { X-Key = \"key {secret}\" }\nsecret_env = \"PATH\"";
    let service = Service::start(&feed(&stub.url("/day"), keyed)).await;
    let mut client = service.client().await;
    until_home_has(&mut client, 2).await;
    let asked = stub.until_asked(6).await;
    assert!(asked[0].header("if-none-match").is_empty());
    for (request, (etag, since)) in
        asked[1..6].iter().zip([("\"a\"", "Sun, 22 Nov 2026 15:00:00 GMT"); 3].into_iter().chain([("\"b\"", ""); 2]))
    {
        assert_eq!((request.header("if-none-match"), request.header("if-modified-since")), (etag, since));
        assert!(request.header("accept-encoding").contains("gzip"));
        assert_eq!(request.header("x-key"), format!("key {}", std::env::var("PATH").unwrap()));
    }
    let state = client.get(&format!("/v1/games/{GAME}")).await.json()["state"].clone();
    assert_eq!(state["feed"], "oldb");
    assert!(service.metric("scoreline_feed_last_report_timestamp_seconds{provider=\"oldb\"}") > 0.0);
    service.counts("scoreline_payloads_total{outcome=\"ok\",provider=\"oldb\"}", 2.0).await;
}

#[tokio::test]
async fn faults_are_backed_off_from_and_told() {
    let stub = Stub::start().await;
    let elsewhere = Stub::start().await;
    elsewhere.says("/", [Say::ok(payload(9))]);
    stub.says(
        "/",
        [
            Say::ok(payload(1)),
            Say::ok("{\"half\":"),
            Say::status(503).with("retry-after", "2"),
            Say::ok(vec![b' '; 300_000]),
            Say::status(302).with("location", elsewhere.url("/")),
            Say::ok(payload(2)),
        ],
    );
    let service = Service::start(&feed(&stub.url("/day"), "max_bytes = 200000")).await;
    let mut log = service.log();
    let mut client = service.client().await;
    assert_eq!(next_status(&mut log).await, FeedStatus::Live);
    until_home_has(&mut client, 2).await;
    assert_eq!(next_status(&mut log).await, FeedStatus::Down);
    assert_eq!(next_status(&mut log).await, FeedStatus::Live);
    let asked = stub.asked();
    assert!(asked[3].at - asked[2].at >= Duration::from_secs(2), "Retry-After is honoured");
    assert!(asked[4].at - asked[3].at >= Duration::from_secs(1), "and without it one waits too");
    assert!(asked[5].at - asked[4].at >= Duration::from_secs(1));
    assert_eq!(elsewhere.asked().len(), 0, "a redirect to another host is not followed");
    service.counts("scoreline_payloads_total{outcome=\"refused\",provider=\"oldb\"}", 1.0).await;
}

/// Answers the first connection with these bytes, and then no end of it; every other with a payload.
async fn endless(first: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/day", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&first).await.unwrap();
        tokio::spawn(async move {
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let body = payload(1);
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            // What was asked is read first: who is not heard to the end resets.
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4_096]).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn whatever_is_answered_is_survived() {
    let stub = Stub::start().await;
    let bomb = Say::gzip(&" ".repeat(50_000_000));
    let faults = [
        ("/gzip", Say::ok("\u{1f}no gzip").with("content-encoding", "gzip")),
        ("/bomb", bomb),
        ("/page", Say::ok("<html>Back soon</html>").with("content-type", "text/html")),
        ("/forbidden", Say::status(403)),
        ("/empty", Say::status(204)),
        ("/loop", Say::status(302).with("location", "/loop")),
    ];
    let mut urls: Vec<String> = faults.iter().map(|(path, _)| stub.url(path)).collect();
    for (path, fault) in faults {
        let again = vec![fault; if path == "/loop" { 6 } else { 1 }];
        stub.says(path, again.into_iter().chain([Say::ok(payload(1))]));
    }
    urls.push(endless(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec()).await);
    urls.push(endless(b"HTTP/1.1 200 OK\r\nx-".to_vec()).await);
    let feeds = urls.iter().enumerate().map(|(number, url)| {
        feed(url, "timeout = \"1s\"\nmax_bytes = 200000\n").replace("oldb", &format!("oldb{number}"))
    });
    let service = Service::start(&feeds.collect::<String>()).await;
    for number in 0..urls.len() {
        let read = format!("scoreline_payloads_total{{outcome=\"ok\",provider=\"oldb{number}\"}}");
        let waiting = async {
            while service.metric(&read) == 0.0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon(waiting).await;
    }
}

#[tokio::test]
async fn a_url_that_is_not_answered_does_not_hold_up_the_others() {
    let stub = Stub::start().await;
    stub.says("/day", [Say::ok(payload(1)), Say::ok(payload(2))]);
    let both = format!("{}\", \"{}", stub.url("/gone"), stub.url("/day"));
    let service = Service::start(&feed("", "").replace("url = \"\"", &format!("url = [\"{both}\"]"))).await;
    let mut log = service.log();
    assert_eq!(next_status(&mut log).await, FeedStatus::Live);
    until_home_has(&mut service.client().await, 2).await;
    let gone = |asked: &[stub::Asked]| asked.iter().filter(|asked| asked.path == "/gone").count();
    let asked = stub.until(|asked| gone(asked) == 3).await;
    let rests: Vec<_> = asked.iter().filter(|asked| asked.path == "/gone").map(|asked| asked.at).collect();
    assert!(rests.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)), "it rests meanwhile");
    assert!(asked.len() > 6, "{asked:?}");
}

#[tokio::test]
async fn a_private_address_is_not_asked_unless_that_is_allowed() {
    let stub = Stub::start().await;
    stub.says("/", [Say::ok(payload(1))]);
    let by_number = stub.url("/day");
    for url in [by_number.clone(), by_number.replace("127.0.0.1", "localhost")] {
        let refused = feed(&url, "").replace("allow_private = true", "");
        let service = Service::start(&refused).await;
        assert_eq!(next_status(&mut service.log()).await, FeedStatus::Down);
        service.stop().await;
    }
    assert_eq!(stub.asked().len(), 0);
}

#[tokio::test]
async fn the_last_change_is_asked_for_first() {
    let stub = Stub::start().await;
    let (then, now) = ("\"2026-11-22T15:00:00\"", "\"2026-11-22T15:03:00\"");
    let [then, now] = [then, now].map(|date| Say::ok(date.to_owned()));
    stub.says("/changed", [then.clone(), then.clone(), then, now]);
    // The first try after the change fails: what has changed is not forgotten over it.
    stub.says("/day", [Say::ok(payload(1)), Say::status(500), Say::ok(payload(2))]);
    let first = format!("changed_url = \"{}\"", stub.url("/changed"));
    let service = Service::start(&feed(&stub.url("/day"), &first)).await;
    until_home_has(&mut service.client().await, 2).await;
    let asked = stub.until_asked(10).await;
    let day = asked.iter().filter(|asked| asked.path == "/day").count();
    assert_eq!(day, 3, "{asked:?}");
    assert_eq!(asked[0].path, "/changed");
}

#[tokio::test]
async fn of_two_processes_one_asks_and_the_other_takes_over() {
    let stub = Stub::start().await;
    stub.says("/", [Say::ok(payload(1))]);
    let log: Arc<dyn Broker> = Arc::new(EmbeddedBroker::memory(Bounds::default()).unwrap());
    let named = |name: &str| feed(&stub.url("/day"), &format!("headers = {{ X-Who = \"{name}\" }}"));
    let first = Service::start_on(&named("first"), Arc::clone(&log)).await;
    stub.until_asked(3).await;
    let _second = Service::start_on(&named("second"), log).await;
    let before = stub.asked().len();
    let asked = stub.until_asked(before + 10).await;
    assert!(asked.iter().all(|asked| asked.header("x-who") == "first"), "{asked:?}");
    first.stop().await;
    let asked = stub.until(|asked| asked.iter().any(|asked| asked.header("x-who") == "second")).await;
    let change = asked.iter().position(|asked| asked.header("x-who") == "second").unwrap();
    assert!(asked[change..].iter().all(|asked| asked.header("x-who") == "second"));
}

#[tokio::test]
async fn the_provider_sets_a_slower_pace() {
    let stub = Stub::start().await;
    stub.says("/", [Say::ok(payload(1)).with("cache-control", "max-age=2")]);
    let config = feed(&stub.url("/day"), "").replace("idle = \"200ms\"", "idle = \"5s\"");
    let _service = Service::start(&config).await;
    let asked = stub.until_asked(2).await;
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(2));
}

/// A message of the adapter `sportradar`: one event of a game, and its score.
fn pushed(event: &str, home: u32) -> String {
    let team = |name: &str, points: u32| json!({"name": name, "market": "City", "id": name, "points": points});
    let game = json!({"id": "g1", "status": "inprogress", "home": team("Otters", home), "away": team("Gulls", 0)});
    let event = json!({"id": event, "event_type": "twopointmade", "updated": jiff::Timestamp::now().to_string(),
        "clock": "11:30", "home_points": home, "away_points": 0, "period": {"number": 1, "type": "quarter"}});
    let metadata = json!({"league": "NBA", "operation": "update", "version": "v7"});
    json!({"payload": {"game": game, "event": event}, "locale": "en", "metadata": metadata}).to_string()
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_asked_for_anew() {
    // A stub as well: it answers each connection with its chunks and is then silent.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let (first, second) = (pushed("e1", 2), pushed("e2", 4));
    let (begin, end) = first.split_at(first.len() / 2);
    let script = [
        vec!["{\"heartbeat\":{\"interval\":1}}".to_owned() + begin, format!("{end}{{\"heartbeat\":{{}}}}")],
        vec![second],
    ];
    let stub = tokio::spawn(async move {
        let mut open = Vec::new();
        for chunks in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
            for chunk in chunks {
                stream.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            open.push(stream);
        }
        std::future::pending::<()>().await;
    });
    let config = feed(&url, "stream = true\ntimeout = \"500ms\"").replace("openligadb", "sportradar");
    let service = Service::start(&config).await;
    let mut client = service.client().await;
    for points in [2, 4] {
        let waiting = async {
            while client.get("/v1/games/basketball/nba/g1").await.json()["state"]["competitors"]["home"]["score"]["total"]
                != points
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon(waiting).await;
    }
    stub.abort();
}
