//! The program as a process of its own, for what only a process has: memory, signals, an exit code.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::{ACME, Client, soon};

/// A running `scoreline`, killed when it is dropped.
pub(crate) struct Program {
    role: &'static str,
    /// `None` once it was waited for.
    child: Option<Child>,
    main: SocketAddr,
    ops: SocketAddr,
    config: PathBuf,
    /// What its log says of settings.
    told: UnboundedReceiver<String>,
}

impl Program {
    /// Starts `serve` with the log in memory and these settings more.
    pub(crate) async fn start(more: &str) -> Program {
        Program::of("serve", "127.0.0.1:0", "memory:", more).await
    }

    /// Starts a role at this address, on this log, with these settings more.
    pub(crate) async fn of(role: &'static str, listen: &str, broker: &str, more: &str) -> Program {
        let mut command = bare();
        command.args([role, "--listen", listen]);
        Program::run(role, command, &format!("broker = \"{broker}\"\ndrain = \"1s\"\n{ACME}\n{more}"))
    }

    /// Starts `serve` on a socket that is handed to it, as systemd does (`sd_listen_fds(3)`), with these settings.
    pub(crate) fn start_on(socket: &Socket, settings: &str) -> Program {
        let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_scoreline"), "serve"]);
        command.stdin(OwnedFd::from(socket.0.try_clone().unwrap()));
        Program::run("serve", command, &format!("{ACME}\n{settings}"))
    }

    /// Starts `serve` with the log in memory, in an environment with these variables more.
    pub(crate) fn within(environment: &[(String, String)], settings: &str) -> Program {
        let mut command = bare();
        command.args(["serve", "--listen", "127.0.0.1:0"]).envs(environment.iter().cloned());
        Program::run("serve", command, &format!("broker = \"memory:\"\n{ACME}\n{settings}"))
    }

    /// Starts `serve` with these settings and no others, but where it listens.
    pub(crate) fn serving(settings: &str) -> Program {
        let mut command = bare();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        Program::run("serve", command, settings)
    }

    fn run(role: &'static str, command: Command, settings: &str) -> Program {
        let name = format!("scoreline-test-{}-{}.toml", std::process::id(), fastrand::u64(..));
        let config = std::env::temp_dir().join(name);
        write(&config, settings);
        let (child, main, ops, told) = run(command, &config).unwrap();
        Program { role, child: Some(child), main, ops, config, told }
    }

    /// Gives it other settings and asks it to read them (SIGHUP); what its log says of it.
    pub(crate) async fn reload(&mut self, settings: &str) -> String {
        write(&self.config, settings);
        self.hang_up();
        soon(self.told.recv()).await.expect("it goes on")
    }

    /// Starts it again where it was, after its end, which is waited for.
    pub(crate) fn again(&mut self) {
        self.wait();
        // Its port may be some connection's own for a while.
        let began = |_| {
            let mut command = bare();
            command.args([self.role, "--listen", &self.main.to_string()]);
            let began = run(command, &self.config);
            began.inspect_err(|_| std::thread::sleep(Duration::from_millis(200))).ok()
        };
        let (child, main, ops, told) = (0..50).find_map(began).expect("it starts again");
        (self.child, self.main, self.ops, self.told) = (Some(child), main, ops, told);
    }

    pub(crate) fn main(&self) -> SocketAddr {
        self.main
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.main).await
    }

    pub(crate) async fn acme(&self) -> Client {
        self.client().await.with_key("acme-key")
    }

    pub(crate) async fn ops(&self) -> Client {
        Client::connect(self.ops).await
    }

    fn id(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    /// Waits until it says that it may be sent clients.
    pub(crate) async fn is_ready(&self) {
        let mut ops = self.ops().await;
        soon(async { while ops.get("/readyz").await.status != 200 {} }).await;
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Asks it to stop (SIGTERM).
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to read again what may change (SIGHUP).
    pub(crate) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.take().expect("it runs").wait().unwrap()
    }

    /// What of it is in memory, with what it shares; bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id().as_raw_nonzero())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scoreline"));
    command.stdin(Stdio::null());
    command
}

fn write(config: &Path, settings: &str) {
    std::fs::write(config, format!("ops_listen = \"127.0.0.1:0\"\nshards = 1\n{settings}")).unwrap();
}

/// A process, where it listens for everybody and for operations, and what it says of settings.
type Running = (Child, SocketAddr, SocketAddr, UnboundedReceiver<String>);

fn run(mut command: Command, config: &Path) -> Result<Running, String> {
    command.arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SCORELINE_")) {
        command.env_remove(name);
    }
    let mut child = command.spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut address = |words| listening(&mut errors, words);
    let (main, ops) = match (address("listening on http://"), address("operations on http://")) {
        (Ok(main), Ok(ops)) => (main, ops),
        (Err(said), _) | (_, Err(said)) => {
            let ended = child.wait().unwrap();
            return Err(format!("{ended}: {said}"));
        }
    };
    // Read on, so that it can go on logging.
    let (tell, told) = unbounded_channel();
    std::thread::spawn(move || {
        for line in errors.lines().map_while(Result::ok).filter(|line| line.contains("settings")) {
            let _ = tell.send(line);
        }
    });
    Ok((child, main, ops, told))
}

/// A listening socket that outlives the programs it is handed to.
pub(crate) struct Socket(TcpListener);

impl Socket {
    pub(crate) fn bind() -> Socket {
        Socket(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

/// The address behind these words in the log.
fn listening(errors: &mut BufReader<ChildStderr>, words: &str) -> Result<SocketAddr, String> {
    let (mut line, mut said) = (String::new(), String::new());
    loop {
        line.clear();
        if errors.read_line(&mut line).unwrap() == 0 {
            return Err(format!("it ended before it listened: {said}"));
        }
        if let Some((_, address)) = line.trim_end().replace("https://", "http://").split_once(words) {
            // The log is no terminal's: the words are within JSON.
            return Ok(address.split('"').next().unwrap().parse().unwrap());
        }
        said.push_str(&line);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_file(&self.config);
    }
}
