//! Settings that are read again on SIGHUP, each kind seen to change on the wire; a file that is broken changes nothing.

use std::time::Duration;

use serde_json::json;

use crate::gateway::program::Program;
use crate::pull::stub::{Say, Stub};
use crate::subscriber::{Handshake, Socket};
use crate::support::{Client, patch, score, soon};
use crate::tls::Keys;

const BASE: &str = "broker = \"memory:\"\ndrain = \"1s\"";
const SOCCER: &str = "soccer/eng.1/ars-che";
const TENNIS: &str = "tennis/wimbledon/final";

/// Settings above the tables, and tables.
fn settings(above: &str, tables: &str) -> String {
    format!("{BASE}\n{above}\n{tables}")
}

fn hash(key: &str) -> String {
    scoreline::auth::hash(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A provider with this key.
fn provider(name: &str, key: &str, more: &str) -> String {
    format!("[providers.{name}]\nkey_sha256 = [\"{}\"]\n{more}\n", hash(key))
}

async fn posted(program: &Program, key: &str, game: &str) -> u16 {
    let mut client = program.client().await.with_key(key);
    client.post(&patch(game, score(fastrand::u32(1..900), 0))).await.status.as_u16()
}

async fn socket(program: &Program, origin: &str) -> Result<Socket, u16> {
    let handshake = Handshake::new("/v1/ws").with(&format!("Origin: {origin}"));
    let mut socket = handshake.open(program.main()).await.map_err(|answer| answer.status.as_u16())?;
    socket.expect("hello").await;
    Ok(socket)
}

async fn metrics(program: &Program) -> String {
    program.ops().await.get("/metrics").await.text().to_owned()
}

#[tokio::test]
async fn keys_grants_and_rates_change() {
    let mut program = Program::serving(&settings("", &provider("acme", "old", "")));
    assert_eq!([posted(&program, "old", SOCCER).await, posted(&program, "new", SOCCER).await], [200, 401]);
    let mut stream = program.client().await.with_key("old").stream().await;
    stream.report(patch(SOCCER, score(901, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["applied"], true);

    // Another key, and no tennis any more; a provider more.
    let tables = [provider("acme", "new", "topics = [\"soccer\"]"), provider("second", "two", "")].concat();
    let said = program.reload(&settings("", &tables)).await;
    assert!(said.contains("changed: providers.acme, providers.second (new)\""), "{said}");
    assert_eq!([posted(&program, "old", SOCCER).await, posted(&program, "new", SOCCER).await], [401, 200]);
    assert_eq!([posted(&program, "new", TENNIS).await, posted(&program, "two", TENNIS).await], [403, 200]);
    assert!(metrics(&program).await.contains("scoreline_feed_up{provider=\"second\"}"));
    // A stream ends with its key.
    stream.report(patch(SOCCER, score(902, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["reason"], "forbidden");
    assert_eq!(stream.answer().await, None);

    // A stream whose key stays goes on, under what it now grants.
    let mut stream = program.client().await.with_key("new").stream().await;
    stream.report(patch(SOCCER, score(903, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["applied"], true);
    program.reload(&settings("", &provider("acme", "new", "topics = [\"tennis\"]"))).await;
    stream.report(patch(SOCCER, score(904, 0))).await;
    assert_eq!(stream.answer().await.unwrap()["reason"], "forbidden");
    assert_eq!(posted(&program, "two", TENNIS).await, 401);
    assert!(!metrics(&program).await.contains("provider=\"second\""));
    program.reload(&settings("", &provider("acme", "new", "rate = 0.001"))).await;
    let answers = [posted(&program, "new", TENNIS).await, posted(&program, "new", TENNIS).await];
    assert_eq!(answers, [200, 429], "a thousandth of a report a second, and one at once");
}

#[tokio::test]
async fn who_leads_changes_with_its_priority() {
    let two = |priority: u32| {
        let second = provider("second", "two", &format!("priority = {priority}"));
        settings("", &(provider("acme", "one", "priority = 5") + &second))
    };
    let mut program = Program::serving(&two(9));
    assert_eq!(posted(&program, "one", SOCCER).await, 200);
    let mut second = program.client().await.with_key("two");
    let mut says = async |total| second.report(patch(SOCCER, score(total, 0))).await;
    assert_eq!(says(901).await["reason"], "not_leading");
    let said = program.reload(&two(1)).await;
    assert!(said.contains("changed: providers.second\""), "{said}");
    assert_eq!(says(902).await["applied"], true);
}

#[tokio::test]
async fn who_may_no_longer_report_a_game_leads_it_no_more() {
    let two = |first: &str| settings("", &(first.to_owned() + &provider("second", "two", "")));
    let (first, narrowed) = (provider("acme", "one", ""), provider("acme", "one", "topics = [\"tennis\"]"));
    for taken in [narrowed.as_str(), "[providers.acme]\n"] {
        let mut program = Program::serving(&two(&first));
        assert_eq!(posted(&program, "one", SOCCER).await, 200);
        let mut second = program.client().await.with_key("two");
        let mut says = async |total| second.report(patch(SOCCER, score(total, 0))).await;
        assert_eq!(says(901).await["reason"], "not_leading");
        program.reload(&two(taken)).await;
        assert_eq!(says(902).await["applied"], true, "{taken}");
    }
}

#[tokio::test]
async fn origins_change_and_who_is_connected_stays() {
    let mut program = Program::serving(&settings("allow_origin = [\"https://a.example\"]", ""));
    let mut stays = socket(&program, "https://a.example").await.unwrap();
    assert_eq!(socket(&program, "https://b.example").await.err(), Some(403));
    let said = program.reload(&settings("allow_origin = [\"https://b.example\"]", "")).await;
    assert!(said.contains("changed: allow_origin\""), "{said}");
    assert_eq!(socket(&program, "https://a.example").await.err(), Some(403));
    socket(&program, "https://b.example").await.unwrap();
    stays.say(&json!({"type": "ping", "id": 1})).await;
    stays.expect("pong").await;
    let mut client = program.client().await;
    let allowed = async |client: &mut Client, origin: &str| {
        let answer = client.ask("GET", "/v1/games?topics=*", &[&format!("origin: {origin}")], "").await;
        answer.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(allowed(&mut client, "https://b.example").await, "https://b.example");
    assert_eq!(allowed(&mut client, "https://a.example").await, "");
}

#[tokio::test]
async fn bounds_change_for_who_is_connected_and_who_comes() {
    let acme = provider("acme", "key", "");
    let mut program = Program::serving(&settings("", &format!("{acme}[limits]\ntopics = 1\nconnections = 50")));
    let mut first = socket(&program, "http://scoreline.test").await.unwrap();
    let two = |id: u64| json!({"type": "subscribe", "id": id, "topics": ["soccer", "tennis"]});
    first.say(&two(1)).await;
    assert_eq!(first.expect("error").await["code"], "topic_limit");
    let wider = format!("{acme}[limits]\ntopics = 2\nconnections = 60\nreport_bytes = 100\nids = 9");
    let said = program.reload(&settings("", &wider)).await;
    let changed = "changed: limits.connections, limits.report_bytes, limits.topics; needs a restart: limits.ids\"";
    assert!(said.contains(changed), "{said}");
    // A shard looks some times a second.
    let mut id = 1;
    let taken = async {
        loop {
            id += 1;
            first.say(&two(id)).await;
            if first.message().await.unwrap()["type"] != "error" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    soon(taken).await;
    let mut client = program.client().await.with_key("key");
    client.post(&patch(SOCCER, json!({"status_reason": "x".repeat(100)}))).await.problem(413, "too_large");
    assert!(metrics(&program).await.contains("scoreline_connections_max 60\n"));

    // Fewer than are there: nobody is cut off, and nobody comes in.
    let said = program.reload(&settings("", &format!("{acme}[limits]\ntopics = 2\nconnections = 1\n"))).await;
    assert!(said.contains("limits.connections"), "{said}");
    let refused = async { while socket(&program, "http://scoreline.test").await.err() != Some(503) {} };
    soon(refused).await;
    first.say(&json!({"type": "ping", "id": 99})).await;
    soon(async { while first.message().await.unwrap()["type"] != "pong" {} }).await;
}

#[tokio::test]
async fn a_certificate_may_be_in_other_files() {
    let (one, other) = (Keys::new(), Keys::new());
    let mut program = Program::serving(&settings("", &one.config()));
    one.get(program.main(), "h2", "/").await;
    let said = program.reload(&settings("", &other.config())).await;
    assert!(said.contains("changed: tls\""), "{said}");
    other.get(program.main(), "h2", "/").await;
    assert!(one.connect(program.main(), "h2").await.is_err());
    // What is none refuses all that was read.
    let said =
        program.reload(&settings("allow_origin = [\"*\"]", &other.config().replace("cert.pem", "none.pem"))).await;
    assert!(said.contains("the settings in force stay: tls: ") && said.contains("none.pem"), "{said}");
    other.get(program.main(), "h2", "/").await;
    let said = program.reload(&settings("", "")).await;
    assert!(said.contains("changed: nothing; needs a restart: tls\""), "{said}");
}

#[tokio::test]
async fn feeds_come_go_and_change() {
    let stub = Stub::start().await;
    stub.says("/", [Say::ok("[]")]);
    let feed = |name: &str, path: &str| {
        format!(
            "[feeds.{name}]\nadapter = \"openligadb\"\nurl = \"{}\"\ninterval = \"100ms\"\nidle = \"100ms\"\n\
             allow_http = true\nallow_private = true\n",
            stub.url(path)
        )
    };
    let asked = async |path: &'static str| {
        let before = stub.asked().len();
        stub.until(|asked| asked.iter().skip(before).any(|asked| asked.path == path)).await;
    };
    let mut program = Program::serving(&settings("", ""));
    let said = program.reload(&settings("", &[feed("one", "/one"), feed("two", "/two")].concat())).await;
    assert!(said.contains("changed: feeds.one (new), feeds.two (new)\""), "{said}");
    asked("/one").await;
    asked("/two").await;
    let mut socket = Handshake::new("/v1/ws?topics=soccer").open(program.main()).await.unwrap();

    // One goes, which subscribers are told; the other is asked elsewhere.
    let said = program.reload(&settings("", &feed("two", "/other"))).await;
    assert!(said.contains("changed: feeds.one (gone), feeds.two\""), "{said}");
    asked("/other").await;
    let down = async {
        loop {
            let told = socket.message().await.unwrap();
            if told["type"] == "feed" && told["feed"] == "one" && told["status"] == "down" {
                return;
            }
        }
    };
    soon(down).await;
    let before = stub.asked().len();
    let later = stub.until_asked(before + 5).await;
    assert!(later[before..].iter().all(|asked| asked.path == "/other"), "{later:?}");
    assert!(!metrics(&program).await.contains("provider=\"one\""));
}

#[tokio::test]
async fn a_broken_file_changes_nothing() {
    let mut program = Program::serving(&settings("", &provider("acme", "key", "")));
    for (broken, words) in [
        ("allow_origins = [\"*\"]", "line 5, column 1: unknown setting `allow_origins`; did you mean `allow_origin`?"),
        ("allow_origin = [\"*\"]\n[providers.acme]\nrate = -1", "line 7, column 8: providers.acme.rate: more than 0"),
        ("allow_origin = [\"*\"]\n[providers.acme", "line 6, column "),
    ] {
        let said = program.reload(&settings(broken, "")).await;
        assert!(said.contains("the settings in force stay: ") && said.contains(words), "{said}");
        assert!(said.contains("\"level\":\"ERROR\""), "{said}");
        assert_eq!(posted(&program, "key", SOCCER).await, 200);
        assert_eq!(socket(&program, "https://a.example").await.err(), Some(403));
    }
    // What cannot change is told each time, until it is as it was.
    let moved = settings("listen = \"127.0.0.1:1\"\nlog = \"warn\"", &provider("acme", "key", ""));
    for _ in 0..2 {
        let said = program.reload(&moved).await;
        assert!(said.contains("changed: nothing; needs a restart: log\""), "a flag says where it listens: {said}");
    }
    let said = program.reload(&settings("", &provider("acme", "key", ""))).await;
    assert!(said.contains("changed: nothing\""), "{said}");
}
