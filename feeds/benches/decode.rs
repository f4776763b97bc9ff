//! How fast adapters decode on one core: `cargo bench -p feeds --bench decode [provider…]`. It reads the captures beside the
//! project where they are, else the golden payloads, which hold less that is skipped. Beside each figure is what it takes to
//! build serde_json's tree of the same bytes: ratios compare between machines, MB/s do not.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use feeds::json::parse_lenient;
use feeds::provider::{Adapter, adapter};

/// The providers that are measured, and the folders of their captures.
const PROVIDERS: [(&str, &str); 4] =
    [("espn", "espn"), ("nhl", "nhl"), ("openligadb", "openligadb"), ("football-data", "football-data-org")];
/// Each figure is the median of so many runs of at least [`LONG`].
const RUNS: usize = 9;
const LONG: Duration = Duration::from_millis(300);

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!("{:<14}{:>9}{:>10}{:>12}{:>14}", "provider", "payloads", "MB", "MB/s", "tree's MB/s");
    for (name, folder) in PROVIDERS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            let adapter = adapter(name).ok_or("not registered")?;
            measure(adapter, &payloads(adapter, folder)?);
        }
    }
    Ok(())
}

fn measure(adapter: &dyn Adapter, payloads: &[Vec<u8>]) {
    let bytes: usize = payloads.iter().map(Vec::len).sum();
    let decoded = rate(bytes, || payloads.iter().for_each(|payload| drop(black_box(adapter.decode(payload)))));
    let tree = rate(bytes, || payloads.iter().for_each(|payload| drop(black_box(parse_lenient(payload)))));
    let (count, size) = (payloads.len(), bytes as f64 / 1e6);
    println!("{:<14}{count:>9}{size:>10.2}{decoded:>12.0}{tree:>14.0}", adapter.name());
}

/// MB/s of the median run.
fn rate(bytes: usize, once: impl Fn()) -> f64 {
    once();
    let mut rates: Vec<f64> = (0..RUNS).map(|_| run(bytes, &once)).collect();
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

fn run(bytes: usize, once: &impl Fn()) -> f64 {
    let (start, mut passes) = (Instant::now(), 0_usize);
    while start.elapsed() < LONG {
        once();
        passes += 1;
    }
    (bytes * passes) as f64 / 1e6 / start.elapsed().as_secs_f64()
}

fn payloads(adapter: &dyn Adapter, folder: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let captures = root.join("../../shared/feed-samples").join(folder);
    if captures.is_dir() {
        let files = std::fs::read_dir(captures)?.map(|entry| entry.map(|entry| entry.path()));
        let mut files: Vec<PathBuf> = files.collect::<Result<_, _>>()?;
        files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
        files.sort();
        let payloads: Vec<Vec<u8>> = files.iter().map(std::fs::read).collect::<Result<_, _>>()?;
        return Ok(payloads.into_iter().filter(|payload| adapter.decode(payload).is_ok()).collect());
    }
    println!("{}: golden payloads, no captures at {}", adapter.name(), captures.display());
    let golden = std::fs::read_to_string(root.join("recordings").join(format!("{}.jsonl", adapter.name())))?;
    let payloads = golden.lines().map(|line| line.as_bytes().to_vec());
    Ok(payloads.filter(|payload| adapter.decode(payload).is_ok()).collect())
}
