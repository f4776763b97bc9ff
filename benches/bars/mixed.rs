//! A mix of reports through one ingest and a Redis.

use std::error::Error;
use std::time::{Duration, Instant};

use scoreline::cli::bench::{Fixture, Publisher, Schedule};
use serde_json::{Value, json};

use crate::redis::Redis;
use crate::service::KEY;
use crate::stats::Median;

/// A mix of reports in one NDJSON request to one ingest with a Redis: of four on a game a patch, one with an id and times,
/// a whole image, and the image again, which changes nothing.
pub(crate) fn run(runs: usize, reports: u64) -> Result<(), Box<dyn Error>> {
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
