//! `scoreline record` and `scoreline replay`: what was told is told again, byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use scoreline::cli::bench::Target;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::command::{Serving, run, scoreline, text};

/// A file of this test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        Scratch(std::env::temp_dir().join(format!("scoreline-{name}-{}.ndjson", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `scoreline record`, which is asked to stop, or killed with its test.
struct Recorder(Child);

impl Recorder {
    fn start(serving: &Serving, file: &Scratch) -> Recorder {
        let mut command = scoreline(&["record", "*", "-o", file.path()]);
        Recorder(command.env("SCORELINE_URL", &serving.url).spawn().unwrap())
    }

    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the file says this.
fn until_it_says(file: &Scratch, wanted: &str) {
    let begun = Instant::now();
    while !std::fs::read_to_string(&file.0).is_ok_and(|said| said.contains(wanted)) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{wanted} is not in the recording");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ask(serving: &Serving, method: &str, path: &str) -> (u16, String) {
    Target::of(&serving.url.parse().unwrap()).unwrap().ask(method, path, Some("secret")).unwrap()
}

/// Every game's document, in the bytes in which it is served.
fn games(serving: &Serving) -> BTreeMap<String, String> {
    #[derive(serde::Deserialize)]
    struct Page {
        games: BTreeMap<String, Held>,
        more: bool,
    }
    #[derive(serde::Deserialize)]
    struct Held {
        state: Box<RawValue>,
    }
    let (status, body) = ask(serving, "GET", "/v1/games?topics=*");
    assert_eq!(status, 200, "{body}");
    let page: Page = serde_json::from_str(&body).unwrap();
    assert!(!page.more);
    page.games.into_iter().map(|(game, held)| (game, held.state.get().to_owned())).collect()
}

/// Every publication's patch on a game, in order.
fn patches(serving: &Serving, game: &str) -> Vec<String> {
    let (status, body) = ask(serving, "GET", &format!("/v1/history/{game}"));
    assert_eq!(status, 200, "{body}");
    let history: Value = serde_json::from_str(&body).unwrap();
    history["publications"].as_array().unwrap().iter().map(|one| one["patch"].to_string()).collect()
}

fn position(serving: &Serving, game: &str) -> String {
    let (_, body) = ask(serving, "GET", &format!("/v1/games/{game}"));
    serde_json::from_str::<Value>(&body).unwrap()["position"].as_str().unwrap().to_owned()
}

fn publish(serving: &Serving, reports: &[Value]) {
    let lines: String = reports.iter().map(|report| format!("{report}\n")).collect();
    let output = serving.client(&["publish", "-"], &lines);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

fn replay(serving: &Serving, arguments: &[&str]) {
    let mut command = vec!["replay", "--speed", "max"];
    command.extend(arguments);
    let output = serving.client(&command, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("not just"), "{}", text(&output.stderr));
}

const GAME: &str = "soccer/eng.1/ars-che";

fn said(patch: &Value) -> Value {
    json!({"game": GAME, "patch": patch})
}

#[test]
fn a_recording_makes_the_same_documents_byte_for_byte() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/recordings/demo.jsonl");
    let file = Scratch::new("recording");
    let there = Serving::start(&["--provider", "acme=secret"]);
    let score = |home: i64| json!({"status": "live", "competitors": {"home": {"score": {"total": home}}}});
    // Corrected before anybody recorded it, and scored again since.
    publish(&there, &[said(&score(2)), said(&score(1)), said(&score(3))]);
    let still = "soccer/eng.1/still";
    publish(&there, &[json!({"game": still, "patch": {"status": "final"}})]);
    let gone = "soccer/eng.1/gone";
    publish(&there, &[json!({"game": gone, "patch": {"status": "live"}})]);

    let recorder = Recorder::start(&there, &file);
    until_it_says(&file, "\"type\":\"position\"");
    replay(&there, &[demo.to_str().unwrap()]);
    let middle = position(&there, GAME);
    let goal = json!({"g1": {"type": "goal", "status": "confirmed", "side": "home"}});
    publish(
        &there,
        &[
            said(&json!({"clock": {"mode": "up", "running": true, "ms": 60_000}, "incidents": goal})),
            said(&json!({"clock": {"running": false}, "incidents": {"g1": null}})),
            said(&json!({"incidents": {"g1": {"text": "it was offside", "status": "void"}}})),
            said(&score(1)),
            said(&json!({"status": "final"})),
            said(&json!({"status": "live", "incidents": goal})),
            json!({"game": "soccer/eng.1/later", "patch": {"status": "scheduled"}}),
        ],
    );
    assert_eq!(ask(&there, "DELETE", &format!("/v1/games/{gone}")).0, 200);
    publish(&there, &[said(&json!({"info": {"venue": "Emirates"}}))]);
    until_it_says(&file, &format!("\"position\":\"{}\"", position(&there, GAME)));
    recorder.stop();

    let here = Serving::start(&["--provider", "acme=secret"]);
    replay(&here, &[file.path()]);
    assert_eq!(games(&here), games(&there));
    let demo_game = "soccer/harbour-league/lanterns-anchors";
    assert_eq!(patches(&here, demo_game), patches(&there, demo_game), "and every version on the way");

    // Again, over what is there: only the moment of a correction is known already.
    let timeless = |serving: &Serving| -> BTreeMap<String, Value> {
        let read = |state: String| {
            let mut state: Value = serde_json::from_str(&state).unwrap();
            state.as_object_mut().unwrap().entry("correction").and_modify(|told| told["at"] = 0.into());
            state
        };
        games(serving).into_iter().map(|(game, state)| (game, read(state))).collect()
    };
    replay(&here, &[file.path()]);
    assert_eq!(timeless(&here), timeless(&there));
    replay(&here, &[file.path(), "--from", &middle]);
    assert_eq!(timeless(&here), timeless(&there));
}

#[test]
fn what_is_no_recording_is_told_with_its_line() {
    let file = Scratch::new("broken");
    let serving = Serving::start(&["--provider", "acme=secret"]);
    let report = json!({"t": 0, "report": said(&json!({"status": "live"}))});
    let endless = json!({"t": u64::MAX, "report": said(&json!({"status": "final"}))});
    let told = json!({"t": 0, "message": {"type": "position", "position": "k3qx9a.7"}});
    for (lines, place, fault) in [
        (format!("{report}\n{{\"t\":1}}\n"), "1ms", "line 2: a line has a report or a message"),
        (format!("{report}\nnonsense\n"), "0s", "line 2: expected"),
        ("{\"t\":0,\"message\":{\"type\":\"update\",\"game\":\"a/b/c\",\"base\":3,\"version\":4,\"patch\":{},\"at\":5}}\n".to_owned(),
            "0s", "line 1: an update of a/b/c from version 3, which was not told"),
        (format!("{report}\n"), "5s", "it ends before that"),
        ("nonsense".to_owned(), "0s", "line 1: expected"),
        (format!("{report}\n{endless}\n"), "0s", "line 2: t is 18446744073709551615, but no recording lasts longer"),
        // The offset is there, of another log.
        (format!("{told}\n{report}\n"), "other.1", "it ends before that"),
    ] {
        std::fs::write(&file.0, lines).unwrap();
        let output = serving.client(&["replay", file.path(), "--from", place], "");
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(fault), "{error}");
    }
    // The recorder was killed in the middle of its last line.
    std::fs::write(&file.0, format!("{report}\n{{\"t\":5,\"rep")).unwrap();
    replay(&serving, &[file.path()]);
    assert_eq!(run(&["record", "Soccer"]).status.code(), Some(2));
}

#[test]
fn where_nothing_could_be_done_one_line_says_why() {
    let serving = Serving::start(&["--provider", "acme=secret"]);
    let file = Scratch::new("nothing");
    std::fs::write(&file.0, "nonsense\n").unwrap();
    let nobody = "http://127.0.0.1:1";
    for (arguments, code, said) in [
        (&["replay", "/nowhere.ndjson", "--url", &serving.url][..], 2, "/nowhere.ndjson: No such file or directory"),
        (&["check", "--config", "/nowhere.toml"], 2, "/nowhere.toml: No such file or directory"),
        (&["feeds", "test", "/nowhere"], 2, "/nowhere: No such file or directory"),
        (&["replay", file.path(), "--url", &serving.url], 1, "line 1: expected"),
        (&["replay", file.path(), "--url", nobody], 1, "nobody listens there"),
        (&["record", "soccer", "--url", nobody], 1, "nobody listens there"),
        (&["record", "soccer", "-o", file.path(), "--url", &serving.url], 1, "is there already"),
    ] {
        let output = run(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(said) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
}
