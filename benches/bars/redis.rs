//! The bars of the shared log: a Redis of the benchmark's own on loopback, gateways and ingest as processes.

use std::error::Error;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scoreline::cli::bench::{Crowd, Fixture, Plan, Publisher, Schedule};
use scoreline::wire::Detail;

use crate::service::{KEY, Service};
use crate::side::{Kind, Load, Sample, Side};
use crate::stats::Median;

mod script;

pub(crate) use script::{publish, start};

const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(5);

/// A server; killed when it is dropped.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    dir: std::path::PathBuf,
    settings: &'static [&'static str],
}

impl Redis {
    /// An empty one.
    pub(crate) fn start(settings: &'static [&'static str]) -> Result<Redis, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let dir = std::env::temp_dir().join(format!("scoreline-bars-{port}"));
        std::fs::create_dir_all(&dir)?;
        let child = Redis::run(port, &dir, settings)?;
        let redis = Redis { child, port, dir, settings };
        redis.answers()?;
        Ok(redis)
    }

    fn run(port: u16, dir: &std::path::Path, settings: &[&str]) -> Result<Child, Box<dyn Error>> {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"])
            .arg(dir)
            .args(settings);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Ok(child.map_err(|error| format!("redis-server: {error}"))?)
    }

    fn kill(&mut self) -> Result<(), Box<dyn Error>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again, with what it kept; when it answered.
    fn again(&mut self) -> Result<Instant, Box<dyn Error>> {
        self.child = Redis::run(self.port, &self.dir, self.settings)?;
        self.answers()
    }

    fn answers(&self) -> Result<Instant, Box<dyn Error>> {
        let begun = Instant::now();
        loop {
            let answer =
                self.connection().and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            match answer {
                Ok(_) => return Ok(Instant::now()),
                Err(error) if begun.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn connection(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    /// CPU that its one thread has used.
    pub(crate) fn cpu(&self) -> Result<Duration, Box<dyn Error>> {
        Ok(scoreline::cli::bench::Gauge::Process(self.child.id()).read()?.cpu)
    }

    /// Calls of each command so far.
    fn calls(&self) -> Result<Vec<(String, u64)>, Box<dyn Error>> {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut self.connection()?)?;
        let calls = stats.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        });
        Ok(calls.collect())
    }

    /// One role of the program on this log.
    pub(crate) fn role(&self, role: &str) -> Result<Service, Box<dyn Error>> {
        let (url, provider) = (self.url(), format!("bars={KEY}"));
        Service::scoreline_with(&[role, "--broker", &url, "--provider", &provider, "--log", "error"])
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The same load on `memory:` and on Redis in turns: what the shared log adds.
pub(crate) fn latency(pairs: usize, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let (load, time) = (Load { connections: 100, games: 10, each: 1, rate: 100.0, burst: 1 }, Duration::from_secs(3));
    println!("\nredis latency: 100 connections, 10 games, 100 reports/s, {pairs} interleaved pairs of {time:?}");
    let redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "everysec"])?;
    let url = redis.url();
    let mut sides = [Side::new(Kind::Scoreline, load, arguments)?, Side::on(&url, Kind::Scoreline, load, arguments)?];
    let mut samples: Vec<[Sample; 2]> = Vec::new();
    for side in &mut sides {
        side.connect()?;
        side.stretch(time)?;
    }
    for pair in 0..pairs {
        let [memory, shared] = &mut sides;
        samples.push(match pair % 2 {
            0 => {
                let first = memory.stretch(time)?;
                [first, shared.stretch(time)?]
            }
            _ => {
                let first = shared.stretch(time)?;
                [memory.stretch(time)?, first]
            }
        });
    }
    let lost: u64 = samples.iter().flatten().map(|sample| sample.lost).sum();
    for (name, what) in [("p50", (|s| s.p50) as fn(&Sample) -> f64), ("p99", |s| s.p99)] {
        let of = |side: usize| Median::of(samples.iter().map(|pair| what(&pair[side])));
        let added = Median::of(samples.iter().map(|[memory, shared]| what(shared) - what(memory)));
        if let (Some(memory), Some(shared), Some(added)) = (of(0), of(1), added) {
            println!("  {name}: memory {memory:.2} ms, redis {shared:.2} ms, added {added:.2} ms");
        }
    }
    println!("  {lost} lost");
    Ok(())
}

/// A crowd on one gateway, subscribed to the competition of all games.
fn crowd(at: &Service, fixture: &Fixture, connections: usize) -> Result<Crowd, Box<dyn Error>> {
    let mut crowd = Crowd::new(Plan {
        target: at.target.clone(),
        connections,
        topics: fixture.topics(0),
        detail: Detail::Full,
        compress: false,
        delays: Vec::new(),
        shares: Default::default(),
        ramp: Duration::ZERO,
    })?;
    fixture.names().for_each(|name| crowd.know(&name, 0));
    Ok(crowd)
}

fn connect(crowd: &mut Crowd, connections: usize) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let all = |crowd: &Crowd| crowd.live() == connections || !crowd.tally.lost.is_empty();
    crowd.serve(begun + PATIENCE, all)?;
    match crowd.live() == connections {
        true => Ok(begun.elapsed()),
        false => {
            Err(format!("{} of {connections}; {}; {:?}", crowd.live(), crowd.stragglers(), crowd.tally.lost).into())
        }
    }
}

/// Begins all games through an ingest.
pub(crate) fn begin(ingest: &Service, fixture: &Fixture, games: u64) -> Result<(), Box<dyn Error>> {
    let schedule = Schedule { start: Instant::now(), rate: f64::INFINITY, burst: 1, games, first: 0, count: games };
    let begins = fixture.clone();
    let published =
        Publisher::start(&ingest.target, Some(KEY), schedule, move |number| begins.begin(number))?.finish()?;
    published.answers.reason.map_or(Ok(()), |reason| Err(reason.into()))
}

/// Redis is killed and comes back under subscribers and a publisher that goes on.
pub(crate) fn restart(runs: usize) -> Result<(), Box<dyn Error>> {
    const CROWD: usize = 1_000;
    const GAMES: u64 = 10;
    println!("\nredis restart: {CROWD} connections on 10 games, 50 reports/s, Redis killed for 2 s, {runs} runs");
    let (mut firsts, mut alls) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"])?;
        let (ingest, gateway) = (redis.role("ingest")?, redis.role("gateway")?);
        let fixture = Fixture::new(GAMES);
        begin(&ingest, &fixture, GAMES)?;
        let mut crowd = crowd(&gateway, &fixture, CROWD)?;
        crowd.connect();
        connect(&mut crowd, CROWD)?;
        let schedule = Schedule { start: Instant::now(), rate: 50.0, burst: 1, games: GAMES, first: 0, count: 0 };
        let schedule = schedule.lasting(Duration::from_secs(9));
        let reports = fixture.clone();
        let line = move |report| reports.report(schedule.game(report), schedule.total(report));
        let publisher = Publisher::start(&ingest.target, Some(KEY), schedule, line)?;
        crowd.serve(Instant::now() + Duration::from_secs(1), |_| false)?;
        redis.kill()?;
        crowd.serve(Instant::now() + Duration::from_secs(2), |_| false)?;
        let (resets, updates) = (crowd.tally.resets, crowd.tally.updates + crowd.tally.states);
        let back = redis.again()?;
        let mut first = None;
        let all = loop {
            crowd.serve(Instant::now() + STEP, |_| false)?;
            if first.is_none() && crowd.tally.updates + crowd.tally.states > updates {
                first = Some(back.elapsed());
            }
            // Everybody was told that a new epoch has begun, and holds the newest that anybody holds.
            if crowd.tally.resets - resets >= CROWD as u64 && crowd.live() == CROWD && crowd.missing() == 0 {
                break back.elapsed();
            }
            if back.elapsed() > PATIENCE {
                return Err(format!("not all came back: {:?}", crowd.tally.lost).into());
            }
        };
        crowd.serve(Instant::now() + PATIENCE, |_| publisher.is_finished())?;
        publisher.finish()?;
        if crowd.tally.gaps > 0 || !crowd.tally.lost.is_empty() {
            return Err(format!("{} gaps, {:?}", crowd.tally.gaps, crowd.tally.lost).into());
        }
        firsts.push(first.unwrap_or(all).as_secs_f64());
        alls.push(all.as_secs_f64());
    }
    if let (Some(first), Some(all)) = (Median::of(firsts), Median::of(alls)) {
        println!(
            "  from its first answer: first delivery after {first:.3} s (bar 1), everybody at the tip after {all:.3} s (bar 3)"
        );
    }
    Ok(())
}

/// A gateway under a crowd is killed; the crowd comes back on another, as fast as it is let in.
pub(crate) fn herd(connections: usize) -> Result<(), Box<dyn Error>> {
    const GAMES: u64 = 10;
    println!("\nredis herd: {connections} connections, each on a competition of 10 games, whose gateway is killed");
    let redis = Redis::start(&[])?;
    let (ingest, dies, lives) = (redis.role("ingest")?, redis.role("gateway")?, redis.role("gateway")?);
    let fixture = Fixture::new(GAMES);
    begin(&ingest, &fixture, GAMES)?;
    let mut crowd = crowd(&dies, &fixture, connections)?;
    crowd.connect();
    let came = connect(&mut crowd, connections)?;
    let before = redis.calls()?;
    drop(dies);
    crowd.move_to(lives.target.clone());
    crowd.storm();
    let took = connect(&mut crowd, connections)?;
    let after = redis.calls()?;
    let moved: Vec<String> = after
        .iter()
        .filter_map(|(name, calls)| {
            let was = before.iter().find(|(other, _)| other == name).map_or(0, |(_, calls)| *calls);
            (*calls > was).then(|| format!("{name} +{}", calls - was))
        })
        .collect();
    let missing = crowd.missing();
    println!(
        "  connected in {:.2} s; after the kill all live on the other in {:.2} s (bar 10), {} errors, {} resumed, {missing} missing",
        came.as_secs_f64(),
        took.as_secs_f64(),
        crowd.tally.lost.len(),
        crowd.tally.resumed,
    );
    println!("  Redis meanwhile, besides each process' look each second where the log stands: {}", moved.join(", "));
    Ok(())
}
