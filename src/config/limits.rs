//! The bounds of the contract's section 7, each with its named outcome.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ConfigError;

/// The bounds of section 7, under `[limits]` in the config file. Times are text as `5s`, `250ms`, `24h`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// One command of a subscriber; bytes. More → 1009.
    pub command_bytes: usize,
    /// Commands a connection may send per second, on average. More → 4029.
    pub commands_per_second: u32,
    /// And at once.
    pub commands_burst: u32,
    /// Topics per connection. More → `topic_limit`.
    pub topics: usize,
    /// One report; bytes. More → 413, in a batch `invalid`.
    pub report_bytes: usize,
    /// Reports in one array. More → 413.
    pub batch_reports: usize,
    /// One body that is no stream; bytes. More → 413.
    pub batch_bytes: usize,
    /// From the first to the last byte of a body that is no stream. Longer → 408.
    pub body_time: Span,
    /// Silence in the middle of an NDJSON stream. Longer → the stream ends.
    pub stream_idle: Span,
    /// A request's headers; bytes. More → 431.
    pub header_bytes: usize,
    /// And the time they may take, from the connection's or the request's first byte. Longer → closed.
    pub header_time: Span,
    /// Silence between two requests of a connection. Longer → closed.
    pub idle_time: Span,
    /// How long a peer may take nothing of what is due to it. Longer → closed.
    pub write_time: Span,
    /// Connections of the process. More → 503. Default: 18,000 or 90 % of the file descriptors, what is less.
    pub connections: Option<usize>,
    /// Connections of one address; 0 = any number. More → 503.
    pub connections_per_address: usize,
    /// How long the recent publications are kept. Must hold the longest delay and 30 s.
    pub recent_time: Span,
    /// And how many bytes of them at most.
    pub recent_bytes: u64,
    /// The longest delay a subscriber may ask for.
    pub delay: Span,
    /// How long a removed game, and a topic that a game left, is remembered.
    pub tombstones: Span,
    /// How long a finished game stays.
    pub retention: Span,
    /// How long an applied id is remembered.
    pub id_time: Span,
    /// And how many of them at most.
    pub ids: u64,
    /// Games in the log, those that were removed of late among them. A new one beyond → 503.
    pub games: u64,
    /// Silence after which a heartbeat is sent.
    pub heartbeat: Span,
    /// How long two witnesses must agree against a game's leader before one of them leads it; and no switch comes sooner
    /// after another one.
    pub failover_patience: Span,
    /// How long the broker may be away before subscribers are told and `/readyz` answers 503.
    pub broker_grace: Span,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            command_bytes: 16 << 10,
            commands_per_second: 20,
            commands_burst: 60,
            topics: 200,
            report_bytes: 128 << 10,
            batch_reports: 1_000,
            batch_bytes: 4 << 20,
            body_time: Span::seconds(30),
            stream_idle: Span::seconds(300),
            header_bytes: 32 << 10,
            header_time: Span::seconds(5),
            idle_time: Span::seconds(30),
            write_time: Span::seconds(30),
            connections: None,
            connections_per_address: 0,
            recent_time: Span::seconds(330),
            recent_bytes: 256 << 20,
            delay: Span::seconds(300),
            tombstones: Span::seconds(24 * 3_600),
            retention: Span::seconds(24 * 3_600),
            id_time: Span::seconds(2 * 3_600),
            ids: 1_000_000,
            games: 100_000,
            heartbeat: Span::seconds(15),
            failover_patience: Span::seconds(30),
            broker_grace: Span::seconds(5),
        }
    }
}

/// A length of time, written `10s`, `250ms`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    pub(super) const fn seconds(seconds: u64) -> Span {
        Span(Duration::from_secs(seconds))
    }

    /// Whole milliseconds, as the broker and the documents count.
    #[must_use]
    pub fn ms(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl FromStr for Span {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Span, ConfigError> {
        let wrong = || ConfigError(format!("{text:?} is no length of time; write 10s, 250ms, 1h"));
        let signed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        signed.try_into().map(Span).map_err(|_| wrong())
    }
}

/// As it is written.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed = jiff::SignedDuration::try_from(self.0).unwrap_or(jiff::SignedDuration::MAX);
        write!(f, "{signed:#}")
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        /// Text only: a number would leave its unit open.
        struct Written;
        impl serde::de::Visitor<'_> for Written {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time with its unit, as \"10s\", \"250ms\", \"1h\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Written)
    }
}
