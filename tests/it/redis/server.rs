//! A redis-server of a test's own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use redis::{Connection, FromRedisValue};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::broker::engine::TempDir;

/// What a server needs to survive its own end in good order.
pub(crate) const KEPT: &[&str] = &["--appendonly", "yes"];
/// The same, with nothing lost even by a kill.
pub(crate) const SYNCED: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

const STARTS: Duration = Duration::from_secs(20);

/// A server; ends with this value.
pub(crate) struct Server {
    pub(crate) port: u16,
    program: &'static str,
    arguments: Vec<String>,
    child: Option<Child>,
    dir: TempDir,
}

impl Server {
    /// A new one, empty, with these settings beside the usual ones.
    pub(crate) fn start(settings: &[&str]) -> Server {
        let dir = TempDir::new();
        let usual = ["--save", "", "--loglevel", "notice", "--dir", dir.path().to_str().unwrap()];
        let arguments = usual.iter().chain(settings).map(|text| (*text).to_owned()).collect();
        Server::run("redis-server", arguments, dir)
    }

    /// A new one within `env` and these arguments of it.
    pub(crate) fn within(env: &[&str], settings: &[&str]) -> Server {
        let dir = TempDir::new();
        let usual = ["redis-server", "--save", "", "--loglevel", "notice", "--dir", dir.path().to_str().unwrap()];
        let arguments = env.iter().chain(&usual).chain(settings).map(|text| (*text).to_owned()).collect();
        Server::run("env", arguments, dir)
    }

    /// Another program of the same kind, with the arguments before its port.
    pub(super) fn run(program: &'static str, arguments: Vec<String>, dir: TempDir) -> Server {
        let mut server = Server { port: free_port(), program, arguments, child: None, dir };
        // Another process may take the port first.
        while !server.begin() {
            server.port = free_port();
        }
        server
    }

    /// Starts it again, after an end, where it was and with what it kept.
    pub(crate) fn again(&mut self) {
        assert!(self.begin(), "{} does not start again on port {}", self.program, self.port);
    }

    fn begin(&mut self) -> bool {
        assert!(self.child.is_none(), "it runs");
        let mut child = Command::new(self.program)
            .args(&self.arguments)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (ready, waiting) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("eady to accept connections") || line.contains("Sentinel ID is") {
                    let _ = ready.send(());
                }
            }
        });
        // Ended before it was ready, the sender is gone.
        let ready = waiting.recv_timeout(STARTS).is_ok();
        self.child = Some(child);
        if !ready {
            self.kill();
        }
        ready
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends it in good order.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        self.child.take().unwrap().wait().unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().expect("it runs")), signal).unwrap();
    }

    /// From now on no file that it writes may be longer than this; `None` = as long as it likes. A write beyond it fails,
    /// where the server was started to ignore the signal (`env --ignore-signal=XFSZ`).
    pub(crate) fn files_at_most(&self, bytes: Option<u64>) {
        let pid = Pid::from_child(self.child.as_ref().expect("it runs"));
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(pid), Resource::Fsize, limit).unwrap();
    }

    /// Where it keeps what it keeps.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// `redis://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of the test's own.
    pub(crate) fn connection(&self) -> Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Does a command.
    #[track_caller]
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Does a command that may fail.
    pub(crate) fn try_ask<T: FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let mut words = command.split(' ');
        let mut asked = redis::cmd(words.next().unwrap());
        asked.arg(words.collect::<Vec<_>>()).query(&mut self.connection())
    }

    /// A number of the server's own account of itself.
    pub(crate) fn info(&self, field: &str) -> u64 {
        let info: String = self.ask("INFO all");
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("{field} is not in INFO")).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody had just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
