//! What README and docs tell people to type, typed; the examples, run; what systemd is told.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::broker::engine::TempDir;
use crate::publish::command::{Serving, run, scoreline};
use crate::redis::server::Server;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where documents name commands.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/publishing.md"];
/// What runs this test, or is as long as it: that it is there is looked at, and CI runs the first of them.
const OF_THE_REPOSITORY: [&str; 5] =
    ["tests/run", "tests/conformance/run", "cargo test", "cargo bench", "UPDATE_GOLDEN=1 cargo"];

/// The shell blocks of a document.
fn blocks(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join(document)).unwrap();
    let pieces = text.split("```sh\n").skip(1);
    pieces.map(|piece| piece.split("```").next().unwrap().to_owned()).collect()
}

/// A folder that looks like the repository after a release build, with programs of the test's own on its path.
struct Desk {
    dir: TempDir,
    path: String,
}

impl Desk {
    fn new() -> Desk {
        let dir = TempDir::new();
        let at = |name: &str| dir.path().join(name);
        for folder in ["feeds", "examples"] {
            std::os::unix::fs::symlink(Path::new(ROOT).join(folder), at(folder)).unwrap();
        }
        std::fs::create_dir_all(at("target/release")).unwrap();
        std::fs::create_dir_all(at("bin")).unwrap();
        // A server and a recorder go on until they are stopped: they are, once they do what they are for, and must end well.
        let scoreline = format!(
            r#"#!/bin/bash
case "${{1-}}" in
  ''|serve) is_done() {{ grep -q 'listening on' log; }};;
  record) is_done() {{ [ -s "${{@: -1}}" ]; }};;
  *) exec {0} "$@";;
esac
rm -f log # an earlier one's would be taken for this one's, which then is stopped before it has begun
{0} "$@" 2>log & pid=$!
until is_done "$@" 2>/dev/null || ! kill -0 $pid; do sleep 0.05; done
kill -TERM $pid; wait $pid; code=$?; cat log >&2; exit $code
"#,
            env!("CARGO_BIN_EXE_scoreline")
        );
        // The build is done; `cargo run --release` runs what was built.
        let cargo = "#!/bin/bash\n[[ $* != 'build --release' ]] || exit 0\n[[ $1 = run && $2 = --release ]] || exit 99\nshift 2; [[ ${1-} != -- ]] || shift\nexec scoreline \"$@\"\n";
        for (name, text) in
            [("bin/scoreline", scoreline.as_str()), ("target/release/scoreline", &scoreline), ("bin/cargo", cargo)]
        {
            std::fs::write(at(name), text).unwrap();
            std::fs::set_permissions(at(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
        Desk { dir, path }
    }

    /// Types it, for a service that is elsewhere than the documents think.
    fn types(&self, script: &str, service: &Serving, redis: u16) -> Output {
        let script = script
            .replace("http://127.0.0.1:8080", &service.url)
            .replace("redis://127.0.0.1:6379", &format!("redis://127.0.0.1:{redis}"));
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &script]).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("PATH", &self.path).env("SCORELINE_URL", &service.url).env("SCORELINE_KEY", "demo");
        command
            .env("SCORELINE_LISTEN", "127.0.0.1:0")
            .env("SCORELINE_OPS_LISTEN", "127.0.0.1:0")
            .env("SCORELINE_DRAIN", "100ms");
        command.output().unwrap()
    }
}

#[test]
fn every_command_of_readme_and_docs_does_what_it_says() {
    let (desk, redis) = (Desk::new(), Server::start(&[]));
    let service = demo_with_webhooks(&desk);
    for document in DOCUMENTS {
        let blocks = blocks(document);
        assert!(!blocks.is_empty(), "{document} has no commands");
        for block in blocks {
            let own: Vec<&str> = block.lines().filter(|line| !is_of_the_repository(line) && can_run(line)).collect();
            let output = desk.types(&own.join("\n"), &service, redis.port);
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{document}:\n{block}\n{said}");
            // A refusal is an answer too, for curl.
            assert!(
                !said.contains("\"status\":4") && !said.contains("\"applied\":false,\"reason\":\"invalid\""),
                "{block}\n{said}"
            );
        }
    }
}

/// The demo, which takes the signed pushes of the quick start, too.
fn demo_with_webhooks(desk: &Desk) -> Serving {
    let config = desk.dir.path().join("demo.toml");
    std::fs::write(&config, "[providers.acme]\nsigning_secret_env = \"ACME_WHSEC\"\n").unwrap();
    let secret = ("ACME_WHSEC", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    Serving::start_with(&["--demo", "--config", config.to_str().unwrap()], secret)
}

/// Go is not everywhere; `tests/run` brings it where it may.
fn can_run(line: &str) -> bool {
    let can = !line.starts_with("go ") || Command::new("go").arg("version").output().is_ok();
    if !can {
        println!("not run, because Go is missing: {line}");
    }
    can
}

/// Whether the line is one of [`OF_THE_REPOSITORY`]; then what it names is there.
fn is_of_the_repository(line: &str) -> bool {
    let Some(known) = OF_THE_REPOSITORY.iter().find(|known| line.starts_with(**known)) else { return false };
    let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
    if let Some(test) = words.iter().position(|word| *word == "--test").map(|at| words[at + 1]) {
        let folder = if words.contains(&"feeds") { "feeds/tests" } else { "tests" };
        let found = [format!("{folder}/{test}.rs"), format!("{folder}/{test}/main.rs")]
            .map(|path| Path::new(ROOT).join(path).exists());
        assert!(found.contains(&true), "{line}: there is no such test");
    }
    assert!(known.contains("cargo") || Path::new(ROOT).join(words[0]).exists(), "{line}");
    true
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    for document in ["README.md", "ARCHITECTURE.md", "docs/publishing.md", "docs/proxies.md", "docs/capacity.md"] {
        let file = Path::new(ROOT).join(document);
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            let elsewhere = link.is_empty() || link.contains("://");
            assert!(elsewhere || file.parent().unwrap().join(link).exists(), "{document}: {link}");
        }
    }
}

#[test]
fn the_examples_publish() {
    let service = Serving::start(&["--provider", "acme=secret"]);
    let example = |name: &str| PathBuf::from(ROOT).join("examples").join(name);
    for (program, file, game) in
        [("bash", "publish.sh", "curl"), ("python3", "publish.py", "python"), ("node", "publish.mjs", "node")]
    {
        let publish = |key: &str| {
            let mut command = Command::new(program);
            command.arg(example(file)).env("SCORELINE_URL", &service.url).env("SCORELINE_KEY", key);
            command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
        };
        let output = publish("secret");
        assert!(output.status.success(), "{file}: {output:?}");
        let held = Command::new("curl")
            .args(["-sf", &format!("{}/v1/games/soccer/example/{game}", service.url)])
            .output()
            .unwrap();
        let held: Value = serde_json::from_slice(&held.stdout).unwrap_or_else(|_| panic!("{file}: {held:?}"));
        assert_eq!(held["state"]["competitors"]["home"]["score"]["total"], 1, "{file}");
        assert_eq!(held["state"]["incidents"]["goal-1"]["athlete"], "Saka", "{file}");
        let refused = publish("wrong");
        assert!(!refused.status.success(), "{file}");
        let said = format!("{refused:?}");
        assert!(said.contains("401") && said.contains("no provider has this key"), "{file}: {said}");
    }
}

#[test]
fn systemd_is_told_how_it_stands() {
    let dir = TempDir::new();
    // A socket's path is short; the folder of the tests' files may not be.
    let path = std::env::temp_dir().join(format!("scoreline-notify-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let heard = UnixDatagram::bind(&path).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut said = String::new();
    let mut until = |wanted: &str| {
        let mut piece = [0; 512];
        while !said.contains(wanted) {
            let length = heard.recv(&mut piece).unwrap_or_else(|error| panic!("{wanted}: {error} after {said:?}"));
            said.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
        std::mem::take(&mut said)
    };
    let mut command =
        scoreline(&["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--broker", "memory:"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000").current_dir(dir.path()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    until("READY=1");
    until("WATCHDOG=1");
    let signal = |signal| rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
    signal(rustix::process::Signal::HUP);
    let reloading = until("READY=1");
    assert!(reloading.contains("RELOADING=1") && reloading.contains("MONOTONIC_USEC="), "{reloading}");
    signal(rustix::process::Signal::TERM);
    until("STOPPING=1");
    assert!(child.wait().unwrap().success());
    let _ = std::fs::remove_file(&path);
}

#[test]
fn watch_prints_lines_where_no_terminal_is() {
    let service = Serving::start(&["--demo"]);
    let watch = |more: &[&str]| {
        let mut command = Command::new("timeout");
        command.args([
            "--preserve-status",
            "--signal=TERM",
            "3",
            env!("CARGO_BIN_EXE_scoreline"),
            "watch",
            "*",
            "--url",
            &service.url,
        ]);
        let output = command.args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = watch(&[]);
    assert!(lines.lines().any(|line| line.contains("soccer/harbour-league/") && line.contains('–')), "{lines}");
    for line in watch(&["--json"]).lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        assert!(message["type"].is_string(), "{line}");
    }
    assert_eq!(run(&["watch", "*", "--url", "http://127.0.0.1:1"]).status.code(), Some(1));
    assert_eq!(run(&["watch", "Nope"]).status.code(), Some(2));
}

#[test]
fn watch_fills_a_terminal_until_a_key_ends_it() {
    use std::io::{Read, Write};

    let service = Serving::start(&["--demo"]);
    // A new terminal has no size at all.
    let watch =
        format!("stty rows 40 cols 100; exec {} watch '*' --url {}", env!("CARGO_BIN_EXE_scoreline"), service.url);
    let mut child = Command::new("script")
        .args(["-qefc", &watch, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .env("TERM", "xterm")
        .spawn()
        .unwrap();
    let (mut seen, mut piece) = (Vec::new(), [0; 4_096]);
    let mut screen = child.stdout.take().unwrap();
    // Cells that do not change are not drawn again, so a name comes whole once.
    while !String::from_utf8_lossy(&seen).contains("Harbour League") {
        let length = screen.read(&mut piece).unwrap();
        assert!(length > 0, "it ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..length]);
    }
    child.stdin.take().unwrap().write_all(b"q").unwrap();
    screen.read_to_end(&mut seen).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(String::from_utf8_lossy(&seen).contains("\u{1b}[?1049l"), "the terminal is given back");
}
