//! Query parameters of the subscribing routes: one reading for all of them, and nothing is ignored.

use std::time::Duration;

use serde::Deserialize;

use super::problem::Problem;
use crate::auth::Access;
use crate::fanout::Subscribe;
use crate::session::combine;
use crate::wire::{Detail, Mode, Options};

/// `topics`, `since`, `detail`, `delay`, `max_rate`, `mode`, `token`; of a long poll also `wait`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SubscribeQuery {
    topics: Option<String>,
    since: Option<String>,
    detail: Detail,
    delay: Option<f64>,
    max_rate: Option<f64>,
    mode: Option<Mode>,
    token: Option<String>,
    wait: Option<f64>,
}

impl SubscribeQuery {
    /// Of a connection that lasts.
    pub(super) fn parse(query: &str) -> Result<SubscribeQuery, Problem> {
        let parsed = SubscribeQuery::read(query)?;
        if parsed.wait.is_some() {
            return Err(bad("wait is for /v1/poll"));
        }
        Ok(parsed)
    }

    /// Of a long poll, and how long it may take.
    pub(super) fn parse_poll(query: &str) -> Result<(SubscribeQuery, Duration), Problem> {
        /// Seconds.
        const LONGEST: f64 = 30.0;
        const DEFAULT: f64 = 25.0;
        let parsed = SubscribeQuery::read(query)?;
        if parsed.mode == Some(Mode::Every) {
            return Err(bad("mode \"every\" is for /v1/ws and /v1/sse: between two polls versions are skipped"));
        }
        let wait = parsed.wait.unwrap_or(DEFAULT);
        if !(0.0..=LONGEST).contains(&wait) {
            return Err(bad(format!("wait is 0 to {LONGEST} seconds")));
        }
        Ok((parsed, Duration::from_secs_f64(wait)))
    }

    fn read(query: &str) -> Result<SubscribeQuery, Problem> {
        let parsed: SubscribeQuery = parse(query)?;
        if parsed.since.is_some() && parsed.topics.is_none() {
            return Err(bad("since without topics"));
        }
        Ok(parsed)
    }

    /// How the connection is to be served. `longest`: the longest delay, in seconds.
    pub(super) fn options(&self, longest: u16, access: &Access) -> Result<Options, Problem> {
        combine(Options::default(), self.delay, self.max_rate, self.mode, longest, access).map_err(bad)
    }

    /// The token of the URL.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether it asks for topics.
    pub(super) fn has_topics(&self) -> bool {
        self.topics.is_some()
    }

    /// The subscription of the URL, of a connection that cannot ask for topics later.
    pub(super) fn only_subscribe(self) -> Result<Subscribe, Problem> {
        self.subscribe().ok_or_else(|| bad("topics are missing: they cannot be asked for later"))
    }

    /// The subscription of the URL, when it names topics.
    pub(super) fn subscribe(self) -> Option<Subscribe> {
        let SubscribeQuery { topics, since, detail, .. } = self;
        topics.map(|topics| Subscribe { topics: split(&topics), detail, since })
    }
}

/// Reads a query string; an unknown parameter is refused, because a typo must not be lost in silence.
pub(super) fn parse<T: serde::de::DeserializeOwned>(query: &str) -> Result<T, Problem> {
    serde_urlencoded::from_str(query).map_err(|error| match wrong_one::<T>(query) {
        Some((name, error)) if !error.contains(&name) => bad(format!("query: {name}: {error}")),
        _ => bad(format!("query: {error}")),
    })
}

/// The parameter that cannot be read even by itself: the error of the whole does not name it.
fn wrong_one<T: serde::de::DeserializeOwned>(query: &str) -> Option<(String, String)> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.into_iter().find_map(|pair| {
        let alone = serde_urlencoded::to_string([&pair]).ok()?;
        let error = serde_urlencoded::from_str::<T>(&alone).err()?;
        Some((pair.0, error.to_string()))
    })
}

/// The elements of a comma separated list.
pub(super) fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

/// A request that cannot be understood.
pub(super) fn bad(detail: impl Into<String>) -> Problem {
    Problem::bad_request(detail)
}
