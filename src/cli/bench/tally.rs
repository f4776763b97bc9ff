//! What happened to a crowd.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Counts since the crowd began, and latencies of what is measured.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Connected and loaded now.
    pub live: usize,
    /// Messages received, of every type; and bytes, frame headers included.
    pub messages: u64,
    /// See `messages`.
    pub bytes: u64,
    /// Updates that were new to their connection.
    pub updates: u64,
    /// States received.
    pub states: u64,
    /// Updates whose base was newer than what was held: something before them was lost.
    pub gaps: u64,
    /// Resets received.
    pub resets: u64,
    /// Subscriptions that were resumed.
    pub resumed: u64,
    /// Connections that ended by themselves, and why.
    pub lost: BTreeMap<String, u64>,
    /// From when a report was due to its update's arrival; µs. Only connections that read promptly.
    pub due: Histogram<u64>,
    /// From the log's `at`, which is in whole ms, to the update's arrival by this machine's clock; µs.
    pub accepted: Histogram<u64>,
    /// From when an update was old enough for its connection's delay to its arrival, by this machine's clock; µs.
    pub late: Histogram<u64>,
    /// Updates that came before they were old enough.
    pub early: u64,
    /// An end mark came in the bytes that are being read.
    pub(super) end_mark: bool,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            live: 0,
            messages: 0,
            bytes: 0,
            updates: 0,
            states: 0,
            gaps: 0,
            resets: 0,
            resumed: 0,
            lost: BTreeMap::new(),
            due: new_histogram(),
            accepted: new_histogram(),
            late: new_histogram(),
            early: 0,
            end_mark: false,
        }
    }
}

impl Tally {
    pub(super) fn lost(&mut self, why: &str) {
        /// So many different reasons are told apart.
        const REASONS: usize = 8;
        let why = if self.lost.len() < REASONS || self.lost.contains_key(why) { why } else { "other reasons" };
        *self.lost.entry(why.to_owned()).or_default() += 1;
    }
}

/// Up to a minute, in µs, to three digits.
#[must_use]
pub fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that a histogram can have")
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The quantiles of a histogram that are told; ms.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Quantiles {
    /// Half were faster.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Quantiles {
    /// Of values in µs; `None` where there are none.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Quantiles> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        let max = histogram.max() as f64 / 1e3;
        (!histogram.is_empty()).then(|| Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max })
    }
}

impl std::fmt::Display for Quantiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Quantiles { p50, p90, p99, p999, max } = self;
        write!(f, "p50 {p50:.2} · p90 {p90:.2} · p99 {p99:.2} · p99.9 {p999:.2} · max {max:.2} ms")
    }
}
