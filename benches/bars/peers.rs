//! Side by side with other servers: CPU for each delivered message and memory for each connection, in one run, as ratios.

mod crowd;
mod kind;

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use scoreline::cli::bench::{Fixture, Schedule};

use crate::stats::Median;
use crowd::Crowd;
pub(crate) use kind::Kind;
use kind::Server;

/// What all are loaded with.
struct Load {
    name: &'static str,
    connections: usize,
    games: u64,
    /// Games for each connection.
    each: u64,
    rate: f64,
}

/// What the client's open files allow, all servers together.
const FILES: usize = 19_800;
const LOADS: [Load; 2] = [
    Load { name: "one-game", connections: 1_000, games: 1, each: 1, rate: 50.0 },
    Load { name: "match-day", connections: 10_000, games: 100, each: 3, rate: 100.0 },
];

struct Side {
    kind: Kind,
    server: Server,
    crowd: Crowd,
    publisher: TcpStream,
    fixture: Fixture,
    /// Memory for each connection; bytes.
    memory: f64,
    /// Reports so far.
    reports: u64,
}

/// Runs each load: `rounds` times a stretch of each server, in turns. All loads where none is named, all servers too.
pub(crate) fn run(
    named: &[String],
    servers: &[Kind],
    (rounds, time): (usize, Duration),
    arguments: &[&str],
) -> Result<(), Box<dyn Error>> {
    println!("side by side: server CPU µs per delivered message, {rounds} rounds of {time:?} each (95 % interval)");
    let servers = if servers.is_empty() { Kind::value_variants() } else { servers };
    for mut load in LOADS {
        if named.is_empty() || named.iter().any(|name| name == load.name) {
            load.connections = load.connections.min(FILES / servers.len());
            load.run(servers, rounds, time, arguments)?;
        }
    }
    Ok(())
}

impl Load {
    fn run(&self, servers: &[Kind], rounds: usize, time: Duration, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
        let Load { name, connections, games, each, rate } = self;
        println!("\n{name}: {connections} connections, {games} games, {each} each, {rate}/s");
        let mut sides = Vec::new();
        for &kind in servers {
            match Side::new(kind, self, arguments) {
                Ok(side) => sides.push(side),
                Err(error) => println!("  {kind:?}: left out: {error}"),
            }
        }
        for side in &mut sides {
            side.stretch(self, time)?; // unmeasured
        }
        let mut cpu = vec![Vec::new(); sides.len()];
        for round in 0..rounds {
            for turn in 0..sides.len() {
                // Who goes first rotates, so that what drifts with time falls on all.
                let place = (round + turn) % sides.len();
                cpu[place].push(sides[place].stretch(self, time)?);
            }
        }
        let Some(first) = cpu.first() else { return Ok(()) };
        for (side, own) in sides.iter().zip(&cpu) {
            let ratio = Median::of(own.iter().zip(first).map(|(own, first)| own / first));
            let (Some(ratio), Some(own)) = (ratio, Median::of(own.iter().copied())) else { continue };
            let name = format!("{:?}", side.kind);
            let told = side.kind.told();
            println!("  {name:<10} {own:.2} µs   {ratio:.3} ×   {:.0} B a connection   {told}", side.memory);
        }
        Ok(())
    }
}

impl Side {
    fn new(kind: Kind, load: &Load, arguments: &[&str]) -> Result<Side, Box<dyn Error>> {
        let (server, fixture) = (kind.start(arguments)?, Fixture::new(load.games));
        let mut publisher = kind::publisher(kind, server.address)?;
        if kind == Kind::Scoreline {
            for game in 0..load.games {
                let line = fixture.begin(game);
                write!(publisher, "{:x}\r\n{line}\n\r\n", line.len() + 1)?;
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        let before = server.read()?.memory;
        let crowd = Crowd::connect(kind, server.address, load.connections, &fixture.topics(load.each))?;
        std::thread::sleep(Duration::from_millis(300));
        let grown = server.read()?.memory.saturating_sub(before);
        let memory = grown as f64 / load.connections as f64;
        publisher.set_nonblocking(true)?;
        Ok(Side { kind, server, crowd, publisher, fixture, memory, reports: 0 })
    }

    /// Publishes for this time and waits until everything came; server CPU for each message, µs.
    fn stretch(&mut self, load: &Load, time: Duration) -> Result<f64, Box<dyn Error>> {
        let start = Instant::now() + Duration::from_millis(30);
        let Load { rate, games, .. } = *load;
        let schedule = Schedule { start, rate, burst: 1, games, first: self.reports, count: 0 }.lasting(time);
        let expected = schedule.count * load.connections as u64 * load.each / games;
        let patience = start + time + Duration::from_secs(10);
        let (before, messages) = (self.server.read()?.cpu, self.crowd.messages);
        let end = schedule.first + schedule.count;
        while self.crowd.messages - messages < expected {
            while self.reports < end && schedule.due(self.reports) <= Instant::now() {
                let (game, total) = (schedule.game(self.reports), schedule.total(self.reports));
                self.publisher.write_all(self.kind.publish(&self.fixture, game, total).as_bytes())?;
                self.reports += 1;
            }
            // The answers are not looked into: what came is counted.
            let _ = self.publisher.read(&mut [0; 64 << 10]);
            let due = if self.reports < end { schedule.due(self.reports) } else { patience };
            let wait = due.saturating_duration_since(Instant::now()).min(Duration::from_millis(10));
            self.crowd.turn(wait).map_err(|error| format!("{:?}: {error}", self.kind))?;
            if Instant::now() > patience {
                let came = self.crowd.messages - messages;
                return Err(format!("{:?}: {came} of {expected} messages came", self.kind).into());
            }
        }
        Ok((self.server.read()?.cpu - before).as_secs_f64() * 1e6 / expected as f64)
    }
}
