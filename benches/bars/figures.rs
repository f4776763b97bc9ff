//! Figures of the service alone: ingest, memory of idle connections, connecting, starting.

use std::error::Error;
use std::time::{Duration, Instant};

use scoreline::cli::bench::{Fixture, Publisher, Quantiles, Schedule};

use crate::service::{KEY, Service};
use crate::side::{Kind, Load, Side};
use crate::stats::Median;

/// Reports of one stream, as fast as they are taken, on many games and on few.
pub(crate) fn ingest(runs: usize, reports: u64, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    println!("\ningest: {reports} reports in one NDJSON request on memory:, median of {runs} runs");
    for games in [10_000, 1_000, 10, 1] {
        let mut samples = Vec::new();
        for _ in 0..runs {
            samples.push(ingest_once(games, reports, arguments)?);
        }
        let of = |what: fn(&(f64, f64)) -> f64| Median::of(samples.iter().map(what));
        if let (Some(rate), Some(cpu)) = (of(|s| s.0), of(|s| s.1)) {
            println!("  {games:>6} games: {rate:.0} reports/s, {cpu:.1} µs CPU each (bar 10000/s)");
        }
    }
    Ok(())
}

fn ingest_once(games: u64, count: u64, arguments: &[&str]) -> Result<(f64, f64), Box<dyn Error>> {
    let (service, fixture) = (Service::scoreline("memory:", arguments)?, Fixture::new(games));
    let send = |first, count, line: Box<dyn FnMut(u64) -> String + Send>| {
        let schedule = Schedule { start: Instant::now(), rate: f64::INFINITY, burst: 1, games, first, count };
        let published = Publisher::start(&service.target, Some(KEY), schedule, line)?.finish()?;
        let answers = published.answers;
        answers.reason.map_or(Ok::<_, Box<dyn Error>>(answers.ended - schedule.start), |reason| Err(reason.into()))
    };
    let begin = fixture.clone();
    send(0, games, Box::new(move |number| begin.begin(number)))?;
    let before = service.gauge.read()?;
    let took = send(0, count, Box::new(move |report| fixture.report(report % games, report / games + 1)))?;
    let cpu = service.gauge.read()?.cpu - before.cpu;
    Ok((count as f64 / took.as_secs_f64(), cpu.as_secs_f64() * 1e6 / count as f64))
}

/// PSS growth over idle connections with three subscriptions each, after everything was delivered to them once.
pub(crate) fn idle(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    println!(
        "\nidle: growth of the server's PSS per connection with three subscriptions (100 games), 3 s after the last"
    );
    for connections in [5_000, 10_000] {
        let load = Load { connections, games: 100, each: 3, rate: 100.0, burst: 1 };
        let mut side = Side::new(Kind::Scoreline, load, arguments)?;
        side.rest(Duration::from_secs(1))?;
        let before = side.service.gauge.read()?;
        let took = side.connect()?;
        side.rest(Duration::from_secs(3))?;
        let idle = side.service.gauge.read()?;
        let each = (idle.memory as f64 - before.memory as f64) / connections as f64;
        side.stretch(Duration::from_secs(3))?;
        side.rest(Duration::from_secs(3))?;
        let used = side.service.gauge.read()?;
        let after = (used.memory as f64 - before.memory as f64) / connections as f64;
        let rate = connections as f64 / (idle.cpu - before.cpu).as_secs_f64();
        println!(
            "  {connections} connections: {each:.0} B each, {after:.0} B after 300 deliveries (bars 4096, 1536); \
             connected in {:.2} s, {rate:.0} connects with snapshot per second of server CPU (bar 12000)",
            took.as_secs_f64()
        );
    }
    Ok(())
}

/// From starting the process to the first accepted connection.
pub(crate) fn start(runs: usize) -> Result<(), Box<dyn Error>> {
    let mut samples = Vec::new();
    for _ in 0..runs {
        samples.push(Service::scoreline_with(&["serve", "--demo", "--log", "error"])?.started.as_secs_f64() * 1e3);
    }
    if let Some(took) = Median::of(samples) {
        println!("\nstart: the demo listens after {took:.1} ms, median of {runs} (bar 300)");
    }
    Ok(())
}

/// From a report's being due to its update's arrival, where few listen to each of many games.
pub(crate) fn path(time: Duration, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let load = Load { connections: 1_000, games: 100, each: 1, rate: 500.0, burst: 1 };
    let mut side = Side::new(Kind::Scoreline, load, arguments)?;
    side.connect()?;
    side.stretch(time)?;
    side.crowd.tally.accepted.reset();
    let sample = side.stretch(time)?;
    let accepted = Quantiles::of(&side.crowd.tally.accepted).ok_or("nothing came")?;
    println!("\npath: 10 subscribers a game, 500 reports/s for {time:?}: {} lost", sample.lost);
    println!("  due → received p50 {:.2} ms, p99 {:.2} ms (bars 0.3 and 1, from accepted on)", sample.p50, sample.p99);
    println!("  `at` (whole ms) → received {accepted}");
    Ok(())
}

/// How long `/metrics` takes while 10,000 subscribers of 10,000 games are connected and are sent things.
pub(crate) fn scrape(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    const SCRAPES: usize = 100;
    let load = Load { connections: 10_000, games: 10_000, each: 1, rate: 500.0, burst: 1 };
    let providers: Vec<String> = (1..10).map(|number| format!("provider-{number}=key-{number}")).collect();
    let more: Vec<&str> = providers.iter().flat_map(|provider| ["--provider", provider]).collect();
    let mut side = Side::new(Kind::Scoreline, load, &[arguments, &more].concat())?;
    side.connect()?;
    side.stretch(Duration::from_secs(2))?;
    let mut times = Vec::new();
    let mut series = 0;
    for _ in 0..SCRAPES {
        let begun = Instant::now();
        let (status, body) = side.service.ops.ask("GET", "/metrics", None)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        if status != 200 {
            return Err(format!("a scrape was answered {status}").into());
        }
        series = body.lines().filter(|line| !line.starts_with('#')).count();
    }
    times.sort_by(f64::total_cmp);
    println!(
        "\nscrape: 10,000 connections, 10,000 games, 10 providers: {series} series (bar 500); {SCRAPES} scrapes, connect \
         included: median {:.2} ms, slowest {:.2} ms (bar 20)",
        times[SCRAPES / 2],
        times[SCRAPES - 1]
    );
    Ok(())
}
