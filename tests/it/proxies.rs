//! Real proxies in front, nginx and HAProxy, with the configurations of the docs; and one that drops the upgrade.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use scoreline::config::Config;
use serde_json::json;

use crate::broker::engine::TempDir;
use crate::redis::server::{Server, free_port};
use crate::subscriber::{CLOSE, Events, Handshake, Socket};
use crate::support::{ACME, Client, Service, config, patch, score, soon};

const GAME: &str = "soccer/eng.1/ars-che";

/// A running proxy; ends with this value.
struct Proxy {
    child: Child,
    at: SocketAddr,
    _dir: TempDir,
}

impl Proxy {
    /// Starts one that listens on a free port; `config` is given the port and a folder.
    fn start(command: &[&str], config: impl Fn(u16, &Path) -> String) -> Proxy {
        loop {
            let (dir, port) = (TempDir::new(), free_port());
            let file = dir.path().join("proxy.conf");
            std::fs::write(&file, config(port, dir.path())).unwrap();
            let mut child = Command::new(command[0])
                .args(&command[1..])
                .arg(&file)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            // Another process may have taken the port: then it ends, and is started on another one.
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(at).is_ok() {
                    return Proxy { child, at, _dir: dir };
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    }

    fn nginx(service: &Service, change: impl Fn(String) -> String) -> Proxy {
        let config = change(include_str!("../../docs/proxies/nginx.conf").to_owned());
        Proxy::start(&["nginx", "-c"], |port, dir| {
            let dir = dir.display();
            let own = format!(
                "http {{\naccess_log off;\nclient_body_temp_path {dir}/body;\nproxy_temp_path {dir}/proxy;\n\
                 fastcgi_temp_path {dir}/f;\nuwsgi_temp_path {dir}/u;\nscgi_temp_path {dir}/s;"
            );
            let config = config
                .replace("http {", &own)
                .replace("127.0.0.1:8080", &service.main().to_string())
                .replace("listen 8000", &format!("listen 127.0.0.1:{port}"));
            format!("daemon off;\npid {dir}/pid;\nerror_log stderr;\n{config}")
        })
    }

    /// In front of two gateways.
    fn haproxy(gateways: [&Service; 2]) -> Proxy {
        Proxy::start(&["haproxy", "-db", "-f"], |port, _| {
            let config =
                include_str!("../../docs/proxies/haproxy.cfg").replace("bind :8000", &format!("bind 127.0.0.1:{port}"));
            let places =
                [("127.0.0.1:8080 check port 8081", gateways[0]), ("127.0.0.1:8090 check port 8091", gateways[1])];
            places.into_iter().fold(config, |config, (place, gateway)| {
                let (main, ops) = (gateway.main(), gateway.ops_address().port());
                config.replace(place, &format!("{main} check port {ops}"))
            })
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Politely: its workers end with it.
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

async fn goal(at: SocketAddr, home: u32) {
    Client::connect(at).await.with_key("acme-key").report(patch(GAME, score(home, 0))).await;
}

/// What a WebSocket does, through whatever is between.
async fn script_ws(mut socket: Socket, at: SocketAddr, home: u32) {
    for kind in ["hello", "subscribed", "state", "position"] {
        socket.expect(kind).await;
    }
    goal(at, home).await;
    assert_eq!(socket.expect("update").await["patch"], json!({"competitors": {"home": {"score": {"total": home}}}}));
    socket.silent().await;
    socket.send(CLOSE, &4_321_u16.to_be_bytes()).await;
    assert_eq!(socket.close_code().await, 4_321);
}

/// And an event stream.
async fn script_events(at: SocketAddr, home: u32) {
    let mut events = Events::open(at, "/v1/sse?topics=*", &[]).await.unwrap_or_else(|answer| panic!("{answer:?}"));
    for kind in ["hello", "subscribed", "state", "position"] {
        assert_eq!(soon(events.message()).await.unwrap()["type"], kind);
    }
    goal(at, home).await;
    let update = soon(events.message()).await.unwrap();
    assert_eq!((&update["type"], &update["position"]), (&json!("update"), &json!(events.last_id)));
}

/// Reports are answered line by line, while they are sent.
async fn script_reports(at: SocketAddr, home: u32) {
    let mut stream = Client::connect(at).await.with_key("acme-key").stream().await;
    for total in home..home + 3 {
        stream.report(patch(GAME, score(total, 0))).await;
        assert_eq!(stream.answer().await.unwrap()["applied"], true);
    }
    stream.end();
    assert_eq!(stream.answer().await, None);
}

fn ws() -> Handshake {
    Handshake::new("/v1/ws?topics=*")
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_everything_on() {
    let service =
        Service::start(&format!("{ACME}\ntrusted_proxies = [\"127.0.0.1\"]\n[limits]\nconnections_per_address = 1"))
            .await;
    goal(service.main(), 0).await;
    let nginx = Proxy::nginx(&service, |config| config);
    let page = ws().with("Host: live.example").with("Origin: http://live.example");
    let socket = page.open(nginx.at).await.unwrap_or_else(|answer| panic!("{answer:?}"));
    script_ws(socket, nginx.at, 1).await;
    script_events(nginx.at, 2).await;
    script_reports(nginx.at, 3).await;
    // Each is counted under its own address, which nginx tells.
    let of = |client: &str| ws().with(&format!("X-Forwarded-For: {client}"));
    let held = of("192.0.2.1").open(nginx.at).await;
    assert!(held.is_ok() && of("192.0.2.2").open(nginx.at).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_passes_everything_on_and_sends_nobody_to_a_gateway_that_drains() {
    let settings = format!(
        "{ACME}\ntrusted_proxies = [\"127.0.0.1\"]\nproxy_protocol = true\n[limits]\nconnections_per_address = 4"
    );
    let redis = Server::start(&[]);
    // Longer than HAProxy takes to see it.
    let gateway = async || {
        Service::with(Config { broker: redis.url(), drain: Duration::from_secs(25), ..config(&settings) }).await
    };
    let (one, two) = (gateway().await, gateway().await);
    let haproxy = Proxy::haproxy([&one, &two]);
    // Its checks have found them when an answer comes.
    soon(async { while Client::connect(haproxy.at).await.get("/v1/games?topics=*").await.status != 200 {} }).await;
    goal(haproxy.at, 0).await;
    // One has it from the other by way of the log. HAProxy asks them in turns.
    soon(async {
        let mut in_a_row = 0;
        while in_a_row < 4 {
            let there = !Client::connect(haproxy.at).await.games("*", "full").await.is_empty();
            in_a_row = if there { in_a_row + 1 } else { 0 };
        }
    })
    .await;
    script_ws(ws().open(haproxy.at).await.unwrap_or_else(|answer| panic!("{answer:?}")), haproxy.at, 1).await;
    script_events(haproxy.at, 2).await;
    script_reports(haproxy.at, 3).await;
    // One of them drains: once HAProxy has looked at it again, everybody comes to the other.
    let staying = [ws().open(haproxy.at).await, ws().open(haproxy.at).await];
    assert!(staying.iter().all(Result::is_ok), "one on each, which the drain waits for");
    let draining = tokio::spawn(one.stop());
    let opened = || two.metric("scoreline_connections_opened_total{transport=\"ws\"}");
    soon(async {
        loop {
            let before = opened();
            for _ in 0..4 {
                // A busy machine may answer HAProxy's looks so late that it finds nobody ready for a moment.
                if let Ok(mut socket) = ws().open(haproxy.at).await {
                    socket.expect("hello").await;
                }
            }
            if opened() - before == 4.0 {
                return;
            }
        }
    })
    .await;
    assert!(!draining.is_finished(), "it was sent nobody while it drained");
    drop(staying);
    draining.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_that_drops_the_upgrade_there_are_event_streams() {
    let service = Service::start(ACME).await;
    goal(service.main(), 0).await;
    let nginx = Proxy::nginx(&service, |config| {
        config
            .lines()
            .filter(|line| !line.contains("$http_upgrade;") && !line.contains("proxy_set_header Connection"))
            .fold(String::new(), |config, line| config + line + "\n")
    });
    let answer = ws().open(nginx.at).await.err().expect("the upgrade is dropped");
    answer.problem(426, "bad_request");
    script_events(nginx.at, 1).await;
}
