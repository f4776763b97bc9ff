//! The machine's clock is set while the program runs.

use serde_json::{Value, json};

use crate::broker::engine::TempDir;
use crate::gateway::program::Program;
use crate::subscriber::{Handshake, Socket};
use crate::support::{patch, score, soon};

const GAME: &str = "soccer/eng.1/ars-che";

/// A wall clock of one process (libfaketime's): so many seconds away from the machine's. Its monotonic one is left alone.
struct Clock(TempDir);

impl Clock {
    fn new() -> Clock {
        let clock = Clock(TempDir::new());
        clock.set(0);
        clock
    }

    fn set(&self, seconds: i64) {
        // In one step: the process reads it all the time.
        let (fresh, file) = (self.0.path().join("fresh"), self.0.path().join("clock"));
        std::fs::write(&fresh, format!("{seconds:+}")).unwrap();
        std::fs::rename(&fresh, file).unwrap();
    }

    fn environment(&self) -> Vec<(String, String)> {
        let library = std::process::Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let library = String::from_utf8(library.expect("faketime is there").stdout).unwrap();
        let file = self.0.path().join("clock").to_str().unwrap().to_owned();
        let all = [
            ("LD_PRELOAD", library.trim()),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}

async fn open(program: &Program, query: &str) -> Socket {
    let mut socket = Handshake::new(&format!("/v1/ws?{query}")).open(program.main()).await.unwrap();
    while soon(socket.message()).await.expect("it is loaded")["type"] != "position" {}
    socket
}

/// The next message that tells of the game.
async fn told(socket: &mut Socket) -> Value {
    loop {
        let message = soon(socket.message()).await.expect("the connection stays");
        if message["game"] == GAME {
            return message;
        }
    }
}

/// Hazard 19: an hour on, an hour back, another one back. Order, liveness and delay hold: `at` never falls, everybody is
/// told everything, those with a delay neither at once nor an hour later. Seen by hand with a log's clock that only did not
/// fall, as it was before: an hour back, and a session with three seconds of delay was told nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn hazard_19_the_clock_is_set_while_the_program_runs() {
    const DELAY: std::time::Duration = std::time::Duration::from_secs(3);
    let clock = Clock::new();
    let program = Program::within(&clock.environment(), "");
    let mut acme = program.acme().await;
    acme.report(patch(GAME, score(0, 0))).await;
    let mut live = open(&program, "topics=soccer").await;
    let mut late = open(&program, &format!("topics=soccer&delay={}", DELAY.as_secs())).await;
    told(&mut late).await;
    let mut newest = 0;
    for (goals, seconds) in [(1, 3_600), (2, 0), (3, -3_600), (4, -3_600)] {
        clock.set(seconds);
        let began = std::time::Instant::now();
        let version = acme.report(patch(GAME, score(goals, 0))).await["version"].clone();
        let update = told(&mut live).await;
        assert_eq!((&update["type"], &update["version"]), (&json!("update"), &version));
        let at = update["at"].as_i64().unwrap();
        assert!(at >= newest, "{at} after {newest}");
        newest = at;
        let delayed = told(&mut late).await;
        assert_eq!((&delayed["version"], &delayed["at"]), (&version, &json!(at)));
        // Set forward, the clock makes all that was held back old at once.
        assert!(goals == 1 || began.elapsed() > DELAY / 2, "{:?} is too early", began.elapsed());
    }
}
