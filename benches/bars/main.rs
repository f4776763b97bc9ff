//! The issues' bars as figures: `cargo bench --bench bars -- --help`; what is measured is in benches/README.md.
//!
//! Servers run as processes of their own, the client is this process, everything is on loopback.

use std::error::Error;
use std::time::Duration;

use clap::{Parser, Subcommand};

mod bare;
mod counting;
mod crowds;
mod fanout;
mod figures;
mod mixed;
mod peers;
mod redis;
mod service;
mod side;
mod stats;

#[derive(Parser)]
struct Cli {
    /// What to measure; everything when nothing is said
    #[command(subcommand)]
    what: Option<What>,

    /// What cargo says to every benchmark
    #[arg(long, hide = true, global = true)]
    bench: bool,

    /// Shards of the service; default: its own
    #[arg(long, global = true)]
    shards: Option<usize>,
}

#[derive(Subcommand)]
enum What {
    /// Server CPU per delivered message against a bare epoll loop
    Fanout {
        /// Which loads; all when none is named
        loads: Vec<String>,
        /// Interleaved pairs
        #[arg(long, default_value_t = 15)]
        pairs: usize,
        /// Seconds of each stretch
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
    /// Side by side with nchan, nats-server, ws and Socket.IO
    Peers {
        /// Which of one-game, match-day; both when none is named
        #[arg(value_parser = ["one-game", "match-day"])]
        loads: Vec<String>,
        /// Which servers; the first is what the others are compared with
        #[arg(long, value_delimiter = ',')]
        servers: Vec<peers::Kind>,
        /// Stretches of each server
        #[arg(long, default_value_t = 15)]
        rounds: usize,
        /// Seconds of each stretch
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
    /// Reports per second through one NDJSON stream
    Ingest {
        #[arg(long, default_value_t = 5)]
        runs: usize,
        #[arg(long, default_value_t = 50_000)]
        reports: u64,
    },
    /// Memory per idle connection, and connects per second of CPU
    Idle,
    /// What counting costs, beside the fan-out that is counted
    Counting {
        #[arg(long, default_value_t = 15)]
        runs: usize,
    },
    /// Time of a scrape with 10,000 connections and 10,000 games, and how many series it has
    Scrape,
    /// Time until the demo listens
    Start {
        #[arg(long, default_value_t = 15)]
        runs: usize,
    },
    /// Latency at 500 reports/s
    Path {
        #[arg(long, default_value_t = 10.0)]
        seconds: f64,
    },
    /// The shared log: publications/s, a restart, added latency, a herd, a gateway's start
    Redis {
        /// Which of publish, restart, latency, herd, start; all when none is named
        #[arg(value_parser = ["publish", "restart", "latency", "herd", "start"])]
        what: Vec<String>,
    },
    /// Reports of all kinds per second through one ingest and a Redis
    Mixed {
        #[arg(long, default_value_t = 5)]
        runs: usize,
        #[arg(long, default_value_t = 40_000)]
        reports: u64,
    },
    /// Healthy subscribers beside 1,000 silent and 1,000 slow connections
    Crowds {
        #[arg(long, default_value_t = 7)]
        rounds: usize,
        /// Seconds of each stretch
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// The bare loop itself
    #[command(hide = true)]
    Bare,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let shards = cli.shards.map(|shards| shards.to_string());
    let arguments: Vec<&str> = shards.iter().flat_map(|shards| ["--shards", shards]).collect();
    if !matches!(cli.what, Some(What::Bare)) {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("{} cores, load average {}", std::thread::available_parallelism()?, load.trim());
        scoreline::cli::bench::need_files(20_000).map_err(|failure| failure.to_string())?;
    }
    match cli.what {
        Some(What::Bare) => bare::serve(),
        Some(What::Fanout { loads, pairs, seconds }) => {
            if let Some(unknown) = loads.iter().find(|load| !fanout::names().contains(&load.as_str())) {
                return Err(format!("there is no load {unknown}; there are {}", fanout::names().join(", ")).into());
            }
            fanout::run(&loads, pairs, Duration::from_secs_f64(seconds), &arguments)
        }
        Some(What::Peers { loads, servers, rounds, seconds }) => {
            peers::run(&loads, &servers, (rounds, Duration::from_secs_f64(seconds)), &arguments)
        }
        Some(What::Ingest { runs, reports }) => figures::ingest(runs, reports, &arguments),
        Some(What::Idle) => figures::idle(&arguments),
        Some(What::Counting { runs }) => counting::run(runs, Duration::from_secs(1), &arguments),
        Some(What::Scrape) => figures::scrape(&arguments),
        Some(What::Start { runs }) => figures::start(runs),
        Some(What::Path { seconds }) => figures::path(Duration::from_secs_f64(seconds), &arguments),
        Some(What::Crowds { rounds, seconds }) => crowds::run(rounds, seconds, &arguments),
        Some(What::Mixed { runs, reports }) => mixed::run(runs, reports),
        Some(What::Redis { what }) => shared(&what, &arguments),
        None => {
            figures::start(15)?;
            figures::ingest(5, 50_000, &arguments)?;
            figures::idle(&arguments)?;
            figures::scrape(&arguments)?;
            counting::run(15, Duration::from_secs(1), &arguments)?;
            figures::path(Duration::from_secs(10), &arguments)?;
            shared(&[], &arguments)?;
            fanout::run(&[], 15, Duration::from_secs(3), &arguments)
        }
    }
}

/// The bars of the shared log.
fn shared(named: &[String], arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let wanted = |what: &str| named.is_empty() || named.iter().any(|name| name == what);
    if wanted("publish") {
        redis::publish(5, 3.0)?;
    }
    if wanted("restart") {
        redis::restart(3)?;
    }
    if wanted("latency") {
        redis::latency(10, arguments)?;
    }
    if wanted("herd") {
        redis::herd(10_000)?;
    }
    if wanted("start") {
        redis::start(3)?;
    }
    Ok(())
}
