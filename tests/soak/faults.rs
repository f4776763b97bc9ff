//! The plant, and the driver that hurts it: which part, how and for how long is the seed's choice.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::ProgressBar;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::journal::Entry;
use super::truth;
use crate::gateway::program::Program;
use crate::redis::proxy::Proxy;
use crate::redis::server::Server;

/// The settings of the processes: what takes time is short, but the log keeps all of a long soak, for the oracle.
const QUICK: &str = "[limits]\nheartbeat = \"2s\"\nbroker_grace = \"1s\"\nrecent_time = \"24h\"";

/// The processes, and what is between them.
pub(super) struct Plant {
    redis: Server,
    /// Before Redis, for the ingest: the way back can be cut.
    near: Proxy,
    /// Before Redis, for the gateways: published messages are lost, doubled, swapped.
    far: Proxy,
    ingest: Program,
    gateways: [Program; 2],
    dice: fastrand::Rng,
}

/// How it is hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    GatewayKilled,
    GatewayStopped,
    GatewaysRolled,
    IngestKilled,
    RedisKilled,
    ClientsKilled,
    ClientsPaused,
    ScriptsFlushed,
    RepliesCut,
    MessagesHurt,
}

const FAULTS: [Fault; 10] = [
    Fault::GatewayKilled,
    Fault::GatewayStopped,
    Fault::GatewaysRolled,
    Fault::IngestKilled,
    Fault::RedisKilled,
    Fault::ClientsKilled,
    Fault::ClientsPaused,
    Fault::ScriptsFlushed,
    Fault::RepliesCut,
    Fault::MessagesHurt,
];

impl Plant {
    pub(super) async fn start(redis: Server, near: Proxy, far: Proxy, seed: u64) -> Plant {
        let ingest = Program::of("ingest", "127.0.0.1:0", &near.url(), QUICK).await;
        let gateway = async || Program::of("gateway", "127.0.0.1:0", &far.url(), QUICK).await;
        let gateways = [gateway().await, gateway().await];
        Plant { redis, near, far, ingest, gateways, dice: fastrand::Rng::with_seed(seed) }
    }

    pub(super) fn ingest(&self) -> SocketAddr {
        self.ingest.main()
    }

    pub(super) fn gateways(&self) -> Vec<SocketAddr> {
        self.gateways.iter().map(Program::main).collect()
    }

    /// The log as it is in the end.
    pub(super) fn truth(&self) -> Vec<Entry> {
        truth::read(&self.redis)
    }

    /// Hurts it for a while, every kind of fault in turn, each round in another order; heals it; tells how often it did
    /// what.
    pub(super) async fn hurt(mut self, time: Duration, bar: &ProgressBar) -> (Plant, BTreeMap<Fault, u64>) {
        let (begun, mut done) = (Instant::now(), BTreeMap::new());
        let mut round = Vec::new();
        while begun.elapsed() < time {
            if round.is_empty() {
                round = FAULTS.to_vec();
                self.dice.shuffle(&mut round);
            }
            let fault = round.pop().expect("it was filled");
            bar.set_message(format!("{fault:?}"));
            self.fault(fault).await;
            *done.entry(fault).or_default() += 1;
            let pause = self.ms(500..3_000);
            sleep(pause).await;
            bar.set_position(begun.elapsed().as_secs());
        }
        (self, done)
    }

    fn ms(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.dice.u64(range))
    }

    async fn fault(&mut self, fault: Fault) {
        let one = self.dice.usize(..2);
        match fault {
            Fault::GatewayKilled => {
                self.gateways[one].signal(Signal::KILL);
                let away = self.ms(100..1_500);
                sleep(away).await;
                self.gateways[one].again();
            }
            Fault::GatewayStopped => {
                self.gateways[one].signal(Signal::STOP);
                let away = self.ms(500..5_000);
                sleep(away).await;
                self.gateways[one].signal(Signal::CONT);
            }
            Fault::GatewaysRolled => {
                for gateway in &mut self.gateways {
                    gateway.signal(Signal::TERM);
                    gateway.again();
                    sleep(Duration::from_secs(1)).await;
                }
            }
            Fault::IngestKilled => {
                self.ingest.signal(Signal::KILL);
                self.ingest.again();
            }
            Fault::RedisKilled => {
                self.redis.kill();
                let away = self.ms(50..2_500);
                sleep(away).await;
                self.redis.again();
            }
            Fault::ClientsKilled => {
                for kind in ["pubsub", "normal"] {
                    let _: u64 = self.redis.ask(&format!("CLIENT KILL TYPE {kind}"));
                }
            }
            Fault::ClientsPaused => {
                let pause = self.ms(200..2_000);
                let _: String = self.redis.ask(&format!("CLIENT PAUSE {} ALL", pause.as_millis()));
                sleep(pause).await;
            }
            Fault::ScriptsFlushed => {
                let _: String = self.redis.ask("SCRIPT FLUSH");
            }
            Fault::RepliesCut => {
                self.near.faults.no_replies.store(true, Ordering::SeqCst);
                let away = self.ms(100..1_000);
                sleep(away).await;
                self.near.faults.no_replies.store(false, Ordering::SeqCst);
            }
            Fault::MessagesHurt => {
                let faults = self.far.faults.clone();
                let kinds = [&faults.lose, &faults.double, &faults.swap];
                kinds.iter().for_each(|kind| kind.store(20, Ordering::Relaxed));
                let while_ = self.ms(1_000..3_000);
                sleep(while_).await;
                kinds.iter().for_each(|kind| kind.store(0, Ordering::Relaxed));
            }
        }
    }
}
