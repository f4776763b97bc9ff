//! A rolling restart: two gateways on one log, each replaced by a new process that takes its listening socket over, while
//! clients watch and a provider publishes. Nobody is refused, cut off, or told anything twice or not at all.
//!
//! The numbers are small here. By hand: `ROLLING_CLIENTS=5000 ROLLING_DRAIN_S=10 cargo test --release --test it rolling --
//! --nocapture` (`ulimit -n` 20,000).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scoreline::config::Config;
use tokio::sync::watch;

use super::program::{Program, Socket};
use super::{ARS_CHE, LIV_MUN};
use crate::redis::server::Server;
use crate::subscriber::{Detail, Subscriber};
use crate::support::{Client, Service, config, patch, score, soon};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What a client lived through.
struct Lived {
    gateway: usize,
    /// What it was told to wait for; ms.
    told: Vec<u64>,
    /// When it connected again.
    back: Vec<Instant>,
    client: Subscriber,
}

impl Lived {
    /// Watches until everything up to `end` has come. On a goodbye it comes back when it was asked to.
    async fn through(mut self, mut end: watch::Receiver<u64>) -> Lived {
        let mut away: Option<tokio::time::Instant> = None;
        while !self.has_all(*end.borrow()) {
            let until = away.unwrap_or_else(tokio::time::Instant::now);
            tokio::select! {
                message = self.client.next(), if self.client.is_connected() => match message {
                    Some(message) if message["type"] == "goodbye" => {
                        let ms = message["reconnect_ms"].as_u64().unwrap();
                        self.told.push(ms);
                        away = Some(tokio::time::Instant::now() + Duration::from_millis(ms));
                    }
                    Some(_) => {}
                    None => assert!(away.is_some() && self.client.closed == Some(1012), "cut off: {:?}", self.client.closed),
                },
                () = tokio::time::sleep_until(until), if away.is_some() => {
                    away = None;
                    self.client.connect().await;
                    self.back.push(Instant::now());
                }
                _ = end.changed() => {}
            }
        }
        self
    }

    fn has_all(&self, end: u64) -> bool {
        end > 0 && self.client.replica.reached().is_some_and(|reached| reached >= end)
    }
}

#[tokio::test]
async fn two_processes_may_listen_on_one_address() {
    let first = Service::start("reuse_port = true").await;
    let at = first.main();
    let second = Service::with(Config { listen: at.to_string(), ..config("reuse_port = true") }).await;
    first.stop().await;
    Client::connect(at).await.get("/nothing").await.problem(404, "not_found");
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_are_replaced_under_clients() {
    let (clients, drain) = (setting("ROLLING_CLIENTS", 200), setting("ROLLING_DRAIN_S", 2));
    let redis = Server::start(&[]);
    let settings = format!("broker = \"{}\"\ndrain = \"{drain}s\"", redis.url());
    let sockets = [Socket::bind(), Socket::bind()];
    let mut programs = Vec::new();
    for socket in &sockets {
        programs.push(Program::start_on(socket, &settings));
        programs.last().unwrap().is_ready().await;
    }
    let (stop, mut stopped) = watch::channel(false);
    let newest = Arc::new(AtomicU64::new(0));
    let addresses = sockets.each_ref().map(Socket::address);
    let mut acme = Client::connect(addresses[0]).await.with_key("acme-key");
    for game in [ARS_CHE, LIV_MUN] {
        acme.report(patch(game, super::kickoff("home", "away"))).await;
    }
    drop(acme);
    let publisher = {
        let newest = Arc::clone(&newest);
        tokio::spawn(async move {
            for round in 1_usize.. {
                let game = [ARS_CHE, LIV_MUN][round % 2];
                // One request a connection: the provider too must never be refused.
                let mut acme = Client::connect(addresses[round / 2 % 2]).await.with_key("acme-key");
                let report = patch(game, score(u32::try_from(round).unwrap(), 0));
                let position = acme.report(report).await["position"].as_str().unwrap().to_owned();
                newest.store(position.split_once('.').unwrap().1.parse().unwrap(), Ordering::Release);
                if tokio::time::timeout(Duration::from_millis(100), stopped.changed()).await.is_ok() {
                    return;
                }
            }
        })
    };

    let (end, ends) = watch::channel(0);
    let mut watching = tokio::task::JoinSet::new();
    for number in 0..clients as usize {
        let gateway = number % 2;
        let topics = [("soccer/eng.1", if number % 3 == 0 { Detail::Score } else { Detail::Full })];
        let mut client = Subscriber::new(addresses[gateway], topics);
        client.connect().await;
        let lived = Lived { gateway, told: Vec::new(), back: Vec::new(), client };
        watching.spawn(lived.through(ends.clone()));
    }
    for (program, socket) in programs.iter_mut().zip(&sockets) {
        let next = Program::start_on(socket, &settings);
        next.is_ready().await;
        let mut old = std::mem::replace(program, next);
        old.terminate();
        let status = tokio::task::spawn_blocking(move || old.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0));
    }
    stop.send_replace(true);
    soon(publisher).await.unwrap();
    end.send_replace(newest.load(Ordering::Acquire));

    let (mut told, mut back) = ([Vec::new(), Vec::new()], Vec::new());
    let mut held = Vec::new();
    while let Some(lived) = soon(watching.join_next()).await {
        let lived = lived.unwrap();
        assert_eq!((lived.told.len(), lived.back.len()), (1, 1), "each was sent away once, and came back");
        told[lived.gateway].extend(lived.told);
        back.extend(lived.back);
        held.push(lived.client.replica.documents());
    }
    let expected = Client::connect(addresses[1]).await.games("soccer/eng.1", "full").await;
    for (game, held) in held.into_iter().flatten() {
        assert_eq!(held["competitors"], expected[&game]["competitors"], "{game}");
    }
    // In no tenth of the window hardly more than a tenth of a gateway's clients are asked back.
    let (window, half) = (drain * 1_000, clients as f64 / 2.0);
    for told in &told {
        let within = |from: u64| told.iter().filter(|ms| (from..from + window / 10).contains(ms)).count();
        let peak = (0..window).step_by(10).map(within).max().unwrap();
        assert!(peak as f64 <= half / 10.0 * 1.2 + 1.0, "{peak} of {half}");
        assert!(told.iter().all(|ms| *ms <= window));
    }
    back.sort();
    let busiest =
        back.iter().map(|at| back.iter().filter(|b| **b >= *at && **b < *at + Duration::from_secs(1)).count());
    let (busiest, even) = (busiest.max().unwrap(), half / drain as f64);
    println!("{clients} clients, window {drain} s: {busiest} came back in the busiest second, evenly it is {even:.0}");
}
