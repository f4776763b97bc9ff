//! The servers of the side-by-side: how each is started, what a subscriber says to it, how a message is published.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scoreline::cli::bench::{Fixture, Gauge, Reading};
use scoreline::codec::{Opcode, masked};

use crate::service::{KEY, Service};

/// What serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Bare,
    Scoreline,
    Nchan,
    Nats,
    Ws,
    SocketIo,
}

/// One of them, running; its processes are killed when it is dropped.
pub(crate) struct Server {
    pub(super) address: SocketAddr,
    process: Process,
}

/// What keeps it running.
enum Process {
    Ours(Service),
    Theirs(Child),
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Process::Theirs(child) = self {
            // nginx ends its worker on SIGTERM, not on SIGKILL.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

impl Kind {
    /// Starts it; `Err` says what is missing.
    pub(super) fn start(self, arguments: &[&str]) -> Result<Server, Box<dyn Error>> {
        match self {
            Kind::Scoreline => scoreline(arguments),
            Kind::Bare => Ok(Server::ours(Service::bare()?)),
            Kind::Nchan => nchan(),
            Kind::Nats => nats(),
            Kind::Ws => node("ws.mjs"),
            Kind::SocketIo => node("socketio.mjs"),
        }
    }

    /// What a subscriber sends, each after the server has said something.
    pub(super) fn hello(self, topics: &[String]) -> Vec<(&'static [u8], Vec<u8>)> {
        let upgrade = |path: &str| {
            format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            .into_bytes()
        };
        let topics = topics.join(",");
        match self {
            Kind::Scoreline | Kind::Bare => vec![(b"", upgrade(&format!("/v1/ws?topics={topics}")))],
            Kind::Nchan => vec![(b"", upgrade(&format!("/sub?topics={topics}")))],
            Kind::Ws => vec![(b"", upgrade(&format!("/?topics={topics}")))],
            Kind::SocketIo => {
                let path = format!("/socket.io/?EIO=4&transport=websocket&topics={topics}");
                vec![(b"", upgrade(&path)), (b"\"sid\"", masked(Opcode::Text, b"40", [1, 2, 3, 4]).to_vec())]
            }
            Kind::Nats => {
                let subscribe = topics.split(',').enumerate().map(|(n, topic)| format!("SUB {topic} {n}\r\n"));
                let hello = format!("CONNECT {{\"verbose\":false}}\r\n{}PING\r\n", subscribe.collect::<String>());
                vec![(b"INFO", hello.into_bytes())]
            }
        }
    }

    /// What is in the server's last word before messages come.
    pub(super) fn ready(self) -> &'static [u8] {
        match self {
            Kind::Scoreline | Kind::Bare => br#""type":"position","id":0"#,
            Kind::Nchan => b"\r\n\r\n",
            Kind::Ws | Kind::SocketIo => b"ready",
            Kind::Nats => b"PONG",
        }
    }

    /// What a publisher's connection begins with.
    pub(super) fn opening(self) -> String {
        match self {
            Kind::Nchan => String::new(),
            Kind::Nats => "CONNECT {\"verbose\":false}\r\n".into(),
            _ => format!(
                "POST /v1/updates HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
                 Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
            ),
        }
    }

    /// One message for the subscribers of a game, as this server is told of it.
    pub(super) fn publish(self, fixture: &Fixture, game: u64, total: u64) -> String {
        let chunk = |line: &str| format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
        let message = fixture.message(game, total, 1_790_000_000_000);
        match self {
            Kind::Scoreline => chunk(&fixture.report(game, total)),
            Kind::Bare | Kind::Ws | Kind::SocketIo => chunk(&message),
            Kind::Nchan => format!(
                "POST /pub?topic={} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{message}",
                fixture.game(game),
                message.len()
            ),
            Kind::Nats => format!("PUB {} {}\r\n{message}\r\n", fixture.game(game), message.len()),
        }
    }

    /// The server in words, with its configuration.
    pub(super) fn told(self) -> &'static str {
        match self {
            Kind::Scoreline => "scoreline serve, memory:, no heartbeats (with log, patches, metrics)",
            Kind::Bare => "one write for each message and socket, nothing else",
            Kind::Nchan => "nginx with nchan, one worker, messages not stored",
            Kind::Nats => "nats-server over TCP, its own protocol, no JetStream",
            Kind::Ws => "node with ws, no compression",
            Kind::SocketIo => "node with Socket.IO, rooms, WebSocket only, no compression",
        }
    }
}

impl Server {
    fn ours(service: Service) -> Server {
        Server { address: service.target.address, process: Process::Ours(service) }
    }

    /// What all its processes have used so far.
    pub(super) fn read(&self) -> io::Result<Reading> {
        let pid = match &self.process {
            Process::Ours(service) => service.pid(),
            Process::Theirs(child) => child.id(),
        };
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let none = Reading { cpu: Duration::ZERO, memory: 0 };
        std::iter::once(pid).chain(children.split(' ').filter_map(|pid| pid.parse().ok())).try_fold(none, |sum, pid| {
            let one = Gauge::Process(pid).read()?;
            Ok(Reading { cpu: sum.cpu + one.cpu, memory: sum.memory + one.memory })
        })
    }

    /// What listens at an address, once it can be reached.
    fn theirs(mut child: Child, address: SocketAddr) -> Result<Server, Box<dyn Error>> {
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(format!("it ended: {status}").into());
            }
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("it does not listen after 10 s".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Server { address, process: Process::Theirs(child) })
    }
}

/// Without heartbeats, as the others: nobody answers while another is measured.
fn scoreline(arguments: &[&str]) -> Result<Server, Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("bars-scoreline-{}.toml", std::process::id()));
    fs::write(&file, "[limits]\nheartbeat = \"1h\"\nidle_time = \"1h\"\n")?;
    let config = file.to_string_lossy();
    let started = Service::scoreline("memory:", &[arguments, &["--config", &config]].concat());
    fs::remove_file(&file)?;
    Ok(Server::ours(started?))
}

fn nchan() -> Result<Server, Box<dyn Error>> {
    const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
    if !Path::new(MODULE).exists() {
        return Err("not installed: apt-get install nginx libnginx-mod-nchan".into());
    }
    let (address, folder) = (free()?, std::env::temp_dir().join(format!("bars-nchan-{}", std::process::id())));
    fs::create_dir_all(&folder)?;
    let home = folder.display();
    let config = format!(
        "load_module {MODULE};\ndaemon off;\nworker_processes 1;\npid {home}/pid;\nerror_log stderr crit;\n\
         worker_rlimit_nofile 20000;\nevents {{ worker_connections 19000; }}\n\
         http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;\n\
         fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s; tcp_nodelay on;\n\
         server {{ listen {address} backlog=4096;\n\
         location = /pub {{ nchan_publisher; nchan_channel_id $arg_topic; nchan_store_messages off; }}\n\
         location = /sub {{ nchan_subscriber websocket; nchan_channel_id $arg_topics; nchan_channel_id_split_delimiter ','; }}\n\
         }} }}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config)?;
    let child = Command::new("nginx").arg("-p").arg(&folder).arg("-c").arg(&file).stdout(Stdio::null()).spawn()?;
    Server::theirs(child, address)
}

fn nats() -> Result<Server, Box<dyn Error>> {
    let address = free()?;
    let mut command = Command::new("nats-server");
    command.args(["-a", "127.0.0.1", "-p", &address.port().to_string()]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Server::theirs(child.map_err(|_| "not installed: apt-get install nats-server")?, address)
}

fn node(script: &str) -> Result<Server, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    if !folder.join("node_modules").exists() {
        return Err("not installed: npm ci --prefix benches/peers".into());
    }
    let mut child = Command::new("node").arg(folder.join(script)).stdout(Stdio::piped()).spawn()?;
    let mut port = String::new();
    BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut port)?;
    Server::theirs(child, SocketAddr::from(([127, 0, 0, 1], port.trim().parse()?)))
}

fn free() -> Result<SocketAddr, Box<dyn Error>> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Says what a publisher begins with.
pub(super) fn publisher(kind: Kind, address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(kind.opening().as_bytes())?;
    Ok(stream)
}
