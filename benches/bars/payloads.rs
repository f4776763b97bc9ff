//! Figures of feeds: how fast payloads are read, and a mix of reports through one ingest and a Redis.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use feeds::provider::Adapter;
use scoreline::cli::bench::{Fixture, Gauge, Publisher, Schedule};
use serde_json::{Value, json};

use crate::redis::Redis;
use crate::service::KEY;
use crate::stats::Median;

/// Reads the payloads of one adapter again and again, on one thread: a golden recording (`.jsonl`), or a folder of whole
/// payloads (`.json`).
pub(crate) fn decode(name: &str, from: &Path, runs: usize) -> Result<(), Box<dyn Error>> {
    let adapter = feeds::provider::adapter(name).ok_or_else(|| format!("there is no adapter {name}"))?;
    let payloads = payloads(from)?;
    let bytes: usize = payloads.iter().map(Vec::len).sum();
    let reports: usize =
        payloads.iter().map(|payload| adapter.decode(payload).map_or(0, |read| read.reports.len())).sum();
    let mut samples = Vec::new();
    for _ in 0..runs {
        samples.push(pass(adapter, &payloads, bytes)?);
    }
    let count = payloads.len();
    println!("\ndecode: {count} payloads of {name} in {}, {bytes} B, {reports} reports", from.display());
    if let Some(rate) = Median::of(samples) {
        println!("  {rate:.0} MB/s of CPU on one thread, median of {runs} (bar 50)");
    }
    Ok(())
}

/// MB of payload for each second of this process' CPU time, over about a second.
fn pass(adapter: &dyn Adapter, payloads: &[Vec<u8>], bytes: usize) -> Result<f64, Box<dyn Error>> {
    let (gauge, begun, mut rounds) = (Gauge::Process(std::process::id()), Instant::now(), 0_u32);
    let before = gauge.read()?.cpu;
    while begun.elapsed() < Duration::from_secs(1) {
        for payload in payloads {
            std::hint::black_box(adapter.decode(payload)).ok();
        }
        rounds += 1;
    }
    let used = gauge.read()?.cpu - before;
    Ok(bytes as f64 * f64::from(rounds) / 1e6 / used.as_secs_f64())
}

fn payloads(from: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    if !from.is_dir() {
        return Ok(std::fs::read_to_string(from)?.lines().map(|line| line.as_bytes().to_vec()).collect());
    }
    let mut paths = std::fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths.iter().map(std::fs::read).collect::<Result<_, _>>()?)
}

/// A mix of reports in one NDJSON request to one ingest with a Redis: of four on a game a patch, one with an id and times,
/// a whole image, and the image again, which changes nothing.
pub(crate) fn mixed(runs: usize, reports: u64) -> Result<(), Box<dyn Error>> {
    println!("\nmixed: {reports} reports in one NDJSON request, Redis (appendonly everysec), median of {runs} runs");
    for games in [1_000, 100] {
        let mut samples = Vec::new();
        for _ in 0..runs {
            samples.push(mixed_once(games, reports)?);
        }
        let of = |what: fn(&(f64, f64, f64)) -> f64| Median::of(samples.iter().map(what));
        if let (Some(rate), Some(ingest), Some(redis)) = (of(|s| s.0), of(|s| s.1), of(|s| s.2)) {
            println!(
                "  {games:>5} games: {rate:.0} reports/s (bar 5000), {ingest:.1} µs of the ingest's CPU and {redis:.1} µs of Redis' each"
            );
        }
    }
    Ok(())
}

fn mixed_once(games: u64, count: u64) -> Result<(f64, f64, f64), Box<dyn Error>> {
    let redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "everysec"])?;
    let (ingest, fixture) = (redis.role("ingest")?, Fixture::new(games));
    crate::redis::begin(&ingest, &fixture, games)?;
    let before = (ingest.gauge.read()?.cpu, redis.cpu()?);
    let schedule = Schedule { start: Instant::now(), rate: f64::INFINITY, burst: 1, games, first: 0, count };
    let published =
        Publisher::start(&ingest.target, Some(KEY), schedule, move |report| line(&fixture, games, report))?.finish()?;
    let (unchanged, reason) = (published.answers.others, published.answers.reason.unwrap_or_default());
    if unchanged != count / 4 || !reason.starts_with("unchanged") {
        return Err(format!("{unchanged} of {count} reports were not applied, the first: {reason}").into());
    }
    let took = (published.answers.ended - schedule.start).as_secs_f64();
    let each = |used: Duration| used.as_secs_f64() * 1e6 / count as f64;
    Ok((count as f64 / took, each(ingest.gauge.read()?.cpu - before.0), each(redis.cpu()? - before.1)))
}

/// The report of this number; each game's totals rise.
fn line(fixture: &Fixture, games: u64, report: u64) -> String {
    let (number, turn) = (report % games, report / games);
    let (total, game) = (turn / 4 * 3 + turn % 4 + 1, fixture.game(number));
    match turn % 4 {
        0 => fixture.report(number, total),
        1 => {
            let patch = json!({"competitors": {"home": {"score": {"total": total}}}});
            json!({"game": game, "patch": patch, "id": format!("evt-{number}-{turn}"), "seq": turn}).to_string()
        }
        same => {
            let begun: Value = serde_json::from_str(&fixture.begin(number)).unwrap_or_default();
            let mut image = begun["patch"].clone();
            image["competitors"]["home"]["score"]["total"] = (total - u64::from(same == 3)).into();
            json!({"game": game, "image": image}).to_string()
        }
    }
}
