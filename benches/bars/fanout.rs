//! CPU per delivered message, side by side: the same client, the same load, stretches in turns.

use std::error::Error;
use std::time::Duration;

use crate::side::{Kind, Load, Sample, Side};
use crate::stats::Median;

/// A comparison.
struct Duel {
    name: &'static str,
    sides: [Kind; 2],
    load: Load,
    /// The ratio that issue 4 asks for (issue 2: 1.3 for the first).
    bar: f64,
}

/// As many connections per side as 20,000 open files of one client allow; all games get the same crowd.
const MANY: usize = 9_900;

const DUELS: [Duel; 9] = [
    duel("one-game", Kind::Bare, 1.10, Load { connections: 1_000, games: 1, each: 1, rate: 50.0, burst: 1 }),
    duel("ten-thousand", Kind::Bare, 1.10, Load { connections: MANY, games: 1, each: 1, rate: 5.0, burst: 1 }),
    duel("match-day", Kind::Bare, 1.10, Load { connections: MANY, games: 100, each: 3, rate: 100.0, burst: 1 }),
    duel("bursts", Kind::Bare, 0.40, Load { connections: 1_000, games: 1, each: 1, rate: 50.0, burst: 10 }),
    duel("burst-of-games", Kind::Bare, 0.40, Load { connections: 1_000, games: 10, each: 10, rate: 50.0, burst: 10 }),
    duel("compressed", Kind::Scoreline, 1.15, Load { connections: 1_000, games: 1, each: 1, rate: 50.0, burst: 1 }),
    duel("metrics", Kind::Against, 1.01, Load { connections: 1_000, games: 1, each: 1, rate: 50.0, burst: 1 }),
    duel("latency-1000", Kind::Bare, 1.15, Load { connections: 1_000, games: 1, each: 1, rate: 10.0, burst: 1 }),
    duel("latency-5000", Kind::Bare, 1.15, Load { connections: 5_000, games: 1, each: 1, rate: 2.0, burst: 1 }),
];

const fn duel(name: &'static str, against: Kind, bar: f64, load: Load) -> Duel {
    let first = if matches!(against, Kind::Scoreline) { Kind::Deflated } else { Kind::Scoreline };
    Duel { name, sides: [first, against], load, bar }
}

/// The names of the loads.
pub(crate) fn names() -> Vec<&'static str> {
    DUELS.iter().map(|duel| duel.name).collect()
}

/// Runs those that are named, or all.
pub(crate) fn run(named: &[String], pairs: usize, time: Duration, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    println!(
        "fan-out: server CPU µs per delivered update, median of {pairs} interleaved pairs of {time:?} (95 % interval)"
    );
    // Against another build only where there is one.
    let wanted = |duel: &&Duel| match named {
        [] => duel.sides[1] != Kind::Against || std::env::var_os("BARS_AGAINST").is_some(),
        named => named.iter().any(|name| name == duel.name),
    };
    for duel in DUELS.iter().filter(wanted) {
        duel.run(pairs, time, arguments)?;
    }
    Ok(())
}

impl Duel {
    fn run(&self, pairs: usize, time: Duration, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
        let Load { connections, games, each, rate, burst } = self.load;
        println!(
            "\n{}: {connections} connections, {games} games, {each} each, {rate}/s in bursts of {burst}",
            self.name
        );
        let [mut left, mut right] =
            [Side::new(self.sides[0], self.load, arguments)?, Side::new(self.sides[1], self.load, arguments)?];
        left.connect()?;
        right.connect()?;
        // Unmeasured: caches, allocations, the kernel's congestion windows.
        let _ = (left.stretch(time)?, right.stretch(time)?);
        let mut samples: Vec<[Sample; 2]> = Vec::new();
        for pair in 0..pairs {
            // Who goes first alternates, so that what drifts with time falls on both.
            let sample = match pair % 2 {
                0 => {
                    let first = left.stretch(time)?;
                    [first, right.stretch(time)?]
                }
                _ => {
                    let first = right.stretch(time)?;
                    [left.stretch(time)?, first]
                }
            };
            samples.push(sample);
            left.rest(Duration::from_millis(20))?;
            right.rest(Duration::from_millis(20))?;
        }
        self.tell(&samples);
        Ok(())
    }

    fn tell(&self, samples: &[[Sample; 2]]) {
        for (place, kind) in self.sides.iter().enumerate() {
            let of = |what: fn(&Sample) -> f64| Median::of(samples.iter().map(|pair| what(&pair[place])));
            let (Some(cpu), Some(p50), Some(p99)) = (of(|s| s.cpu), of(|s| s.p50), of(|s| s.p99)) else { return };
            let lost: u64 = samples.iter().map(|pair| pair[place].lost).sum();
            let size = samples[0][place].size;
            let name = format!("{kind:?}");
            println!("  {name:<10} {cpu:.2} µs   p50 {p50:.2} ms   p99 {p99:.2} ms   {size:.0} B   {lost} lost");
        }
        let ratio = |what: fn(&Sample) -> f64| Median::of(samples.iter().map(|[left, right]| what(left) / what(right)));
        if let (Some(cpu), Some(p50)) = (ratio(|s| s.cpu), ratio(|s| s.p50)) {
            let latency = self.name.starts_with("latency");
            let (of_cpu, of_p50) = if latency { (String::new(), self.bar()) } else { (self.bar(), String::new()) };
            println!("  ratio      CPU {cpu:.3}{of_cpu}   p50 {p50:.2}{of_p50}");
        }
    }

    fn bar(&self) -> String {
        format!(" (bar {})", self.bar)
    }
}
