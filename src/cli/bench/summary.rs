//! What a run says in the end, to a person or a program.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::tally::Quantiles;

/// The figures of a run.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) url: String,
    pub(super) connections: usize,
    pub(super) connected_s: f64,
    pub(super) seconds: f64,
    pub(super) published: Option<Publishing>,
    /// Messages while it was measured.
    pub(super) messages: u64,
    pub(super) messages_per_second: f64,
    pub(super) bytes_per_message: f64,
    /// From when a report was due to be sent to its update's arrival.
    pub(super) due_to_received_ms: Option<Quantiles>,
    /// From the log's `at` (whole ms) to the update's arrival by this machine's clock.
    pub(super) accepted_to_received_ms: Option<Quantiles>,
    /// From when an update was old enough for its connection's delay to its arrival, by this machine's clock.
    pub(super) delayed_late_ms: Option<Quantiles>,
    /// Updates that came before that.
    pub(super) early: u64,
    pub(super) storms: Vec<Storm>,
    pub(super) server: Option<Server>,
    pub(super) gaps: u64,
    /// Games that a connection did not hold at the newest version in the end, over all connections.
    pub(super) missing: u64,
    pub(super) resets: u64,
    /// Connections that ended by themselves, and why.
    pub(super) lost_connections: BTreeMap<String, u64>,
    pub(super) ok: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Publishing {
    pub(super) games: u64,
    pub(super) applied: u64,
    pub(super) not_applied: u64,
    pub(super) reason: Option<String>,
    /// From when a report was due to its answer.
    pub(super) due_to_answered_ms: Option<Quantiles>,
    /// From when a report was due to its leaving this process.
    pub(super) due_to_sent_ms: Option<Quantiles>,
}

/// Everybody reconnected at once.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Storm {
    /// Until all were back, caught up to their end mark; nothing where the run ended before.
    pub(super) recovered_s: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Server {
    pub(super) cpu_us_per_message: f64,
    pub(super) cpu_share: f64,
    /// PSS (of a process) or RSS (of an ops listener).
    pub(super) memory: &'static str,
    pub(super) memory_bytes: u64,
    pub(super) memory_bytes_per_connection: f64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, took) = (self.connections, self.connected_s);
        writeln!(f, "connected   {count} to {} in {took:.2} s ({:.0}/s)", self.url, count as f64 / took.max(1e-9))?;
        if let Some(published) = &self.published {
            let Publishing { applied, not_applied, games, .. } = published;
            write!(f, "published   {applied} reports on {games} games applied, {not_applied} not")?;
            writeln!(f, "{}", published.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})")))?;
        }
        let (rate, size) = (self.messages_per_second, self.bytes_per_message);
        writeln!(f, "delivered   {} messages in {:.1} s, {rate:.0}/s, {size:.0} B each", self.messages, self.seconds)?;
        let published = self.published.as_ref();
        for (name, quantiles, what) in [
            ("received", self.due_to_received_ms, "report due → update received"),
            ("", self.accepted_to_received_ms, "accepted (`at`, whole ms) → update received"),
            ("delayed", self.delayed_late_ms, "old enough for its delay → update received"),
            ("answered", published.and_then(|published| published.due_to_answered_ms), "report due → answer received"),
            ("sent", published.and_then(|published| published.due_to_sent_ms), "report due → report sent"),
        ] {
            if let Some(quantiles) = quantiles {
                writeln!(f, "{name:<11} {quantiles}   {what}")?;
            }
        }
        for storm in &self.storms {
            match storm.recovered_s {
                Some(took) => writeln!(f, "storm       all {count} back and caught up in {took:.2} s")?,
                None => writeln!(f, "storm       not all were back at the end")?,
            }
        }
        if let Some(server) = &self.server {
            let Server { cpu_us_per_message: cpu, cpu_share, memory, .. } = server;
            let (mib, each) = (server.memory_bytes as f64 / 1_048_576.0, server.memory_bytes_per_connection / 1_024.0);
            writeln!(f, "server      {cpu:.2} µs CPU per message ({:.0} % of a core)", cpu_share * 100.0)?;
            writeln!(f, "            {memory} {mib:.1} MiB, grown by {each:.2} KiB per connection")?;
        }
        let (gaps, missing, resets) = (self.gaps, self.missing, self.resets);
        write!(f, "continuity  {gaps} gaps, {missing} games behind at the end, {resets} resets")?;
        match (self.delayed_late_ms, self.early) {
            (None, 0) => writeln!(f)?,
            (_, early) => writeln!(f, ", {early} early")?,
        }
        for (why, count) in &self.lost_connections {
            writeln!(f, "lost        {count} connections: {why}")?;
        }
        Ok(())
    }
}
