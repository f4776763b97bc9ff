//! The program itself: what it prints, how it ends, and its client.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

use crate::broker::engine::TempDir;

pub(crate) fn scoreline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scoreline"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SCORELINE_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    scoreline(arguments).output().unwrap()
}

/// A running `serve`, killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    pub(crate) url: String,
}

impl Serving {
    pub(crate) fn start(arguments: &[&str]) -> Serving {
        Serving::start_with(arguments, ("NO_COLOR", "1"))
    }

    /// With a variable in its environment.
    pub(crate) fn start_with(arguments: &[&str], (name, value): (&str, &str)) -> Serving {
        let mut child =
            scoreline(&["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--broker", "memory:"])
                .args(arguments)
                .env(name, value)
                .spawn()
                .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let url = loop {
            line.clear();
            assert!(errors.read_line(&mut line).unwrap() > 0, "it ended before it listened");
            if let Some((_, url)) = line.trim_end().split_once("listening on ") {
                break url.split('"').next().unwrap().to_owned();
            }
        };
        Serving { child, errors, url }
    }

    /// Runs a client command against it.
    pub(crate) fn client(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = scoreline(arguments);
        command.env("SCORELINE_URL", &self.url).env("SCORELINE_KEY", "secret").stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Sends a signal and returns the exit code and what was logged since.
    fn signal(mut self, signal: rustix::process::Signal) -> (Option<i32>, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.errors.read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn what_is_asked_wrongly_is_one_line_and_exit_2() {
    let directory = std::env::temp_dir().join(format!("scoreline-command-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let config = directory.join("config.toml");
    std::fs::write(&config, "listen = \"127.0.0.1:0\"\nlissen = 1\n").unwrap();
    let config = config.to_str().unwrap();
    for (arguments, said) in [
        (&["--nope"][..], "unexpected argument '--nope' found"),
        (&["fly"], "unrecognized subcommand 'fly'"),
        (&["serve", "--broker", "memory:", "--shards", "0"], "shards = 0: 1 to 256"),
        (&["serve", "--config", config], "line 2, column 1: unknown setting `lissen`"),
        (&["serve", "--config", "/nowhere/at/all.toml"], "/nowhere/at/all.toml: "),
        (&["serve", "--broker", "memory:", "--listen", "nonsense"], "listen \"nonsense\" is no address"),
        (&["serve", "--broker", "memory:", "--provider", "acme"], "a provider is NAME=KEY"),
        (&["publish", "soccer", "{}"], "a game is sport/competition/game"),
        (&["publish", "soccer/a/b", "{"], "the patch: line 1, column 1"),
        (&["key", "Not A Name"], "a name is"),
    ] {
        let output = run(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said) && error.lines().count() == 1, "{arguments:?} said {error}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn what_cannot_be_had_is_one_line_and_exit_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (arguments, said) in [
        (
            &["serve", "--broker", "memory:", "--listen", &address][..],
            format!("listen {address}: Address already in use"),
        ),
        (&["serve", "--broker", "nats:somewhere"], "broker nats:somewhere".to_owned()),
        (
            &["publish", "--url", "http://127.0.0.1:1", "soccer/a/b", "{}"],
            "http://127.0.0.1:1/: nobody listens there; does it run? --url names another".to_owned(),
        ),
    ] {
        let output = run(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        assert!(error.contains(&said) && error.lines().count() == 1, "{arguments:?} said {error}");
    }
}

#[test]
fn it_serves_its_own_client_and_stops_when_told() {
    let serving = Serving::start(&["--provider", "acme=secret"]);
    let one = serving.client(&["publish", "soccer/eng.1/ars-che", "{\"status\":\"live\"}"], "");
    assert!(one.status.success(), "{}", text(&one.stderr));
    assert!(text(&one.stdout).contains("\"applied\":true,\"version\":1"), "{}", text(&one.stdout));

    let lines = "{\"patch\":{\"status\":\"final\"}}\n{\"game\":\"soccer/eng.1/other\",\"patch\":{}}\n";
    let many = serving.client(&["publish", "soccer/eng.1/ars-che", "-"], lines);
    assert!(many.status.success(), "{}", text(&many.stderr));
    let results: Vec<&str> = text(&many.stdout).lines().collect();
    assert!(results[0].contains("\"game\":\"soccer/eng.1/ars-che\",\"applied\":true,\"version\":2"), "{results:?}");
    assert!(results[1].contains("\"game\":\"soccer/eng.1/other\",\"applied\":true"), "{results:?}");

    let wrong = serving.client(&["publish", "soccer/eng.1/ars-che", "{\"status\":\"x\"}"], "");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("422 Unprocessable Entity: \"x\" is none of"), "{}", text(&wrong.stderr));
    let (code, log) = serving.signal(rustix::process::Signal::TERM);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("draining"), "{log}");

    let (code, log) = Serving::start(&[]).signal(rustix::process::Signal::INT);
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_key_is_told_with_what_the_config_keeps_of_it() {
    let output = run(&["key", "acme"]);
    let told = text(&output.stdout);
    let key = told.lines().find_map(|line| line.strip_prefix("# The provider's key, told once: ")).unwrap();
    let config = scoreline::config::Config::parse(told).unwrap();
    let hash: String = scoreline::auth::hash(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(config.providers["acme"].key_sha256, [hash]);
    assert_ne!(run(&["key", "acme"]).stdout, output.stdout);
}

#[test]
fn check_tells_what_serve_would_have() {
    let output = run(&["check", "--broker", "memory:", "--provider", "acme=secret"]);
    assert!(output.status.success());
    let said = text(&output.stdout);
    assert!(said.contains("1 providers") && said.contains("broker: memory: keeps nothing"), "{said}");
    assert!(!said.contains("secret"));
    assert_eq!(run(&["check", "--broker", "nats:x"]).status.code(), Some(1));
}

#[test]
fn check_only_reads() {
    let dir = TempDir::new();
    let check = |broker: &str| scoreline(&["check", "--broker", broker]).current_dir(dir.path()).output().unwrap();
    let held = || std::fs::read_dir(dir.path()).unwrap().count();
    let output = check("embedded:./data/log");
    assert!(output.status.success() && held() == 0, "{output:?}");
    assert!(text(&output.stdout).contains("broker: embedded:./data/log has no log yet"), "{output:?}");
    // What is no log is told, and left as it is.
    std::fs::write(dir.path().join("log.redb"), "a diary").unwrap();
    assert_eq!(check("embedded:.").status.code(), Some(1));
    assert_eq!(check("embedded:./log.redb").status.code(), Some(1));
    assert_eq!(std::fs::read(dir.path().join("log.redb")).unwrap(), b"a diary");
    assert_eq!(held(), 1);
}

#[test]
fn who_reads_no_further_ends_it_in_silence() {
    let commands: [&[&str]; 9] = [
        &["--help"],
        &["--version"],
        &["serve", "--help"],
        &["check", "--broker", "memory:"],
        &["init", "-"],
        &["key", "acme"],
        &["completions", "bash"],
        &["man"],
        &["feeds", "test", concat!(env!("CARGO_MANIFEST_DIR"), "/feeds/examples")],
    ];
    for command in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = scoreline(command).stdout(writer).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{command:?}: {output:?}");
    }
}

#[test]
fn check_says_whose_word_each_setting_is() {
    let dir = TempDir::new();
    let file = dir.path().join("own.toml");
    std::fs::write(
        &file,
        "broker = \"memory:\"\nlog = \"warn\"\ndrain = \"3s\"\n[limits]\ntopics = 7\n[providers.acme]\n",
    )
    .unwrap();
    let mut check = scoreline(&["check", "--drain", "4s", "--config"]);
    check.arg(&file).env("SCORELINE_LOG", "error").env("SCORELINE_LISTN", "x");
    let output = check.output().unwrap();
    let said = text(&output.stdout);
    let line = |name: &str| {
        let words: Vec<&str> =
            said.lines().find(|line| line.trim().starts_with(name)).unwrap().split_whitespace().collect();
        words.join(" ")
    };
    let path = file.to_str().unwrap();
    assert_eq!(line("drain"), "drain 4s --drain");
    assert_eq!(line("log"), "log error SCORELINE_LOG");
    assert_eq!(line("broker "), format!("broker memory: {path}"));
    assert_eq!(line("limits.topics"), format!("limits.topics 7 {path}"));
    assert_eq!(line("shards").rsplit(' ').next(), Some("default"));
    assert!(line("providers.acme").ends_with(path), "{said}");
    assert!(said.contains("SCORELINE_LISTN is no setting; did you mean SCORELINE_LISTEN?"), "{said}");
}

#[test]
fn init_writes_a_config_once() {
    let dir = TempDir::new();
    let init = |name: &str| scoreline(&["init", name]).current_dir(dir.path()).output().unwrap();
    assert!(init("scoreline.toml").status.success());
    let written = std::fs::read(dir.path().join("scoreline.toml")).unwrap();
    assert_eq!(init("-").stdout, written);
    let again = init("scoreline.toml");
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is there already, and is left as it is"), "{again:?}");
    let checked = scoreline(&["check", "--config", "scoreline.toml"]).current_dir(dir.path()).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn the_command_line_is_told_to_shells_and_man() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completions", shell]);
        assert!(said.status.success() && text(&said.stdout).contains("ops-listen"), "{shell}");
    }
    let page = run(&["man"]);
    assert!(text(&page.stdout).contains("Exit codes"), "{page:?}");
    let dir = TempDir::new();
    assert!(run(&["man", "--dir", dir.path().to_str().unwrap()]).status.success());
    assert!(dir.path().join("scoreline-serve.1").exists());
}
