//! What counting costs, by itself: the difference between two builds is smaller than what a machine's noise and the placing
//! of code in memory make of it.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scoreline::metrics::{Metrics, Transport};

use crate::side::{Kind, Load, Side};
use crate::stats::Median;

/// Publications that are counted for a figure.
const COUNTED: u32 = 2_000;
/// More than a core's second cache holds: what was counted last is out of it, as it is after writes to 1,000 sockets.
const EVICTING: usize = 8 << 20;

/// All that is counted of one publication, by the gateway and by each shard, and what fanning it out costs.
pub(crate) fn run(pairs: usize, time: Duration, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let load = Load { connections: 1_000, games: 1, each: 1, rate: 50.0, burst: 1 };
    let mut side = Side::new(Kind::Scoreline, load, arguments)?;
    side.connect()?;
    side.stretch(time)?;
    let mut fanned = Vec::new();
    for _ in 0..pairs {
        fanned.push(side.stretch(time)?.cpu * 1_000.0);
    }
    drop(side);
    let shards = std::thread::available_parallelism()?.get();
    let (metrics, mut evict) = (Metrics::new(["bars"]), vec![1_u8; EVICTING]);
    let counted = |evict: &mut [u8]| Median::of((0..pairs).map(|_| nanos(&metrics, shards, evict)));
    let (Some(cold), Some(warm), Some(fanned)) = (counted(&mut evict), counted(&mut []), Median::of(fanned)) else {
        return Err("nothing was measured".into());
    };
    println!("\ncounting: a publication to 1,000 subscribers on {shards} shards, median of {pairs} runs");
    println!("  fan-out     {fanned:.0} µs of CPU");
    println!(
        "  counting it {cold:.0} ns with cold caches, {warm:.0} ns with warm ones, one reading of the clock included"
    );
    println!("  share       {:.3} % (bar 1)", cold.high / fanned.low / 10.0);
    Ok(())
}

/// Nanoseconds that counting one publication takes, on average.
fn nanos(metrics: &Arc<Metrics>, shards: usize, evict: &mut [u8]) -> f64 {
    let mut took = Duration::ZERO;
    for number in 0..COUNTED {
        for line in evict.chunks_mut(64) {
            line[0] = line[0].wrapping_add(1);
        }
        black_box(&evict);
        let begun = Instant::now();
        count(black_box(metrics), shards, i64::from(number));
        took += begun.elapsed();
    }
    took.as_nanos() as f64 / f64::from(COUNTED)
}

/// The verbs of a publication's way through a gateway.
fn count(metrics: &Metrics, shards: usize, now: i64) {
    metrics.arrived(Some(now), now + 1, now + 2);
    for _ in 0..shards {
        metrics.gateway_to_socket(Duration::from_millis(3));
        metrics.delivery_seconds(4);
        metrics.delivered(Transport::Ws, 500, 116_000);
        metrics.encoded(1);
    }
}
