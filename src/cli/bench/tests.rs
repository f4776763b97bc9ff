//! Whole runs, against the service in this process and against a server that lies.

use std::io::{Read, Write};
use std::net::TcpListener;

use clap::Parser;

use super::*;
use crate::cli::serve;
use crate::codec::{Opcode, accept_key, frame};
use crate::config::Config;
use crate::wire::Detail;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// Runs `scoreline bench` with these arguments against a service with the provider `acme`.
fn run_on_service(key: &str, arguments: &str) -> Result<summary::Summary, Failure> {
    let text = "listen = \"127.0.0.1:0\"\nops_listen = \"127.0.0.1:0\"\nbroker = \"memory:\"\nshards = 2\n\
                provider = [\"acme=acme-key\"]";
    let runtime = crate::cli::runtime().unwrap();
    let service = runtime.block_on(serve::start(Config::parse(text).unwrap())).unwrap();
    let line = format!("bench --url http://{} --ops-url http://{} --key {key} {arguments}", service.main, service.ops);
    run::run(Line::parse_from(line.split(' ')).args)
}

#[test]
fn a_run_counts_every_delivery() {
    let summary = run_on_service("acme-key", "--connections 20 --rate 200 --duration 500ms").unwrap();
    assert!(summary.ok, "{summary}");
    assert_eq!(summary.messages, 20 * 100);
    assert_eq!(summary.published.as_ref().unwrap().applied, 100);
    assert!(summary.due_to_received_ms.is_some() && summary.server.is_some());
    serde_json::to_string(&summary).unwrap();
}

#[test]
fn nothing_is_lost_in_storms_nor_by_those_who_do_not_read() {
    let summary = run_on_service(
        "acme-key",
        "--connections 40 --games 6 --topics-per-connection 2 --rate 100 --burst 5 --duration 3s --storms 2 --slow 0.2 \
         --stalled 0.2 --compress --detail score",
    )
    .unwrap();
    assert!(summary.ok, "{summary}");
    assert!(summary.storms.len() == 2 && summary.storms.iter().all(|storm| storm.recovered_s.is_some()));
}

#[test]
fn what_comes_early_and_how_late_the_rest_is_told() {
    let summary = run_on_service("acme-key", "--connections 12 --rate 100 --duration 500ms --delays 0,1,2").unwrap();
    assert!(summary.ok && summary.early == 0, "{summary}");
    assert!(summary.due_to_received_ms.is_some() && summary.delayed_late_ms.is_some(), "{summary}");
}

#[test]
fn a_wrong_key_is_said() {
    let Err(Failure::Failed(said)) = run_on_service("nobodys", "--connections 1 --duration 100ms") else {
        panic!("it was taken")
    };
    assert!(said.contains("401"), "{said}");
}

/// Serves one subscriber these messages, then waits until it is gone.
fn lie(listener: &TcpListener, messages: &[&str]) {
    let (mut socket, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    write!(socket, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {}\r\n\r\n", accept_key(key)).unwrap();
    messages.iter().for_each(|message| socket.write_all(&frame(Opcode::Text, message.as_bytes())).unwrap());
    let _ = socket.read(&mut [0]);
}

#[test]
fn a_server_that_leaves_something_out_is_found_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::at(listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        lie(
            &listener,
            &[
                r#"{"type":"state","game":"a/b/c","version":1,"state":{}}"#,
                r#"{"type":"position","id":0,"position":"k.1"}"#,
                r#"{"type":"update","game":"a/b/c","base":1,"version":2,"patch":{},"position":"k.2","at":1}"#,
                r#"{"type":"update","game":"a/b/c","base":3,"version":4,"patch":{},"position":"k.4","at":1}"#,
            ],
        );
    });
    let (shares, topics) = (Shares::default(), vec![vec!["a/b/c".to_owned()]]);
    let plan = Plan {
        target,
        connections: 1,
        topics,
        detail: Detail::Full,
        compress: false,
        delays: vec![],
        shares,
        ramp: Duration::ZERO,
    };
    let mut crowd = Crowd::new(plan).unwrap();
    crowd.connect();
    let until = Instant::now() + Duration::from_secs(60);
    assert!(crowd.serve(until, |crowd| crowd.tally.gaps > 0 || !crowd.tally.lost.is_empty()).unwrap());
    assert_eq!((crowd.tally.gaps, crowd.tally.updates, crowd.live()), (1, 1, 1));
    assert_eq!(crowd.missing(), 0);
    crowd.know("a/b/c", 5);
    assert_eq!(crowd.missing(), 1, "the publisher knows of a newer version");
    drop(crowd);
    server.join().unwrap();
}
