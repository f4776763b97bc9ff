//! The ops listener: `/metrics`, `/livez`, `/readyz`, `/status.json`, and `/` which shows it to people.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use warp::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use warp::http::{Response, StatusCode};
use warp::reply::Response as Reply;

use crate::drain::Drain;
use crate::metrics::{CONTENT_TYPE as METRICS, Metrics};
use crate::scoreboard::{Liveness, Scoreboard};

mod page;
mod status;

/// Whether this process may be sent subscribers and providers.
#[derive(Debug)]
pub struct Health {
    loaded: AtomicBool,
    /// Since when the broker has been away.
    away: Mutex<Option<Instant>>,
    grace: Duration,
    drain: Drain,
    started: Instant,
}

impl Health {
    /// Not loaded yet. `grace`: how long the broker may be away.
    #[must_use]
    pub fn new(grace: Duration, drain: Drain) -> Arc<Health> {
        let (loaded, away) = (AtomicBool::new(false), Mutex::new(None));
        Arc::new(Health { loaded, away, grace, drain, started: Instant::now() })
    }

    /// Whether what subscribers are shown is loaded.
    pub fn loaded(&self, loaded: bool) {
        self.loaded.store(loaded, Ordering::Release);
    }

    /// Whether the broker answers.
    pub fn broker(&self, up: bool) {
        let mut away = self.away.lock();
        *away = if up { None } else { away.or_else(|| Some(Instant::now())) };
    }

    /// Ready, or why not.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn ready(&self) -> Result<(), &'static str> {
        if self.drain.begun() {
            return Err("draining");
        }
        if self.away.lock().is_some_and(|since| since.elapsed() > self.grace) {
            return Err("the broker is away");
        }
        match self.loaded.load(Ordering::Acquire) {
            true => Ok(()),
            false => Err("loading"),
        }
    }
}

/// What a process says of itself.
#[derive(Debug, Clone)]
pub struct About {
    /// Host and port: tells it from the others that share the log.
    pub name: String,
    /// The command that it runs.
    pub role: &'static str,
    /// Its ops listener.
    pub ops: String,
    /// The log engine's URL, without secrets.
    pub broker: String,
}

/// What the ops listener shows.
pub struct Ops {
    /// The process.
    pub about: About,
    /// Everything that is counted.
    pub metrics: Arc<Metrics>,
    /// Whether it is ready.
    pub health: Arc<Health>,
    /// The games, where this process shows them.
    pub board: Option<Arc<Scoreboard>>,
    /// Who shares the log, and what they say of themselves.
    met: Mutex<Vec<Value>>,
    /// Each provider's count of reports at the last seconds, oldest first.
    pace: Mutex<HashMap<String, VecDeque<u64>>>,
}

impl Ops {
    /// Of these parts.
    #[must_use]
    pub fn new(about: About, metrics: Arc<Metrics>, health: Arc<Health>, board: Option<Arc<Scoreboard>>) -> Ops {
        Ops { about, metrics, health, board, met: Mutex::default(), pace: Mutex::default() }
    }

    /// Ready, or why not: who shows the games must follow the log, too.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn ready(&self) -> Result<(), &'static str> {
        self.health.ready()?;
        if self.follows() { Ok(()) } else { Err("the log is not followed") }
    }

    /// Whether what it shows is as the log says, where it shows anything.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.board.as_ref().is_none_or(|board| *board.liveness().borrow() != Liveness::Away)
    }

    /// What the others are told of this process: JSON.
    #[must_use]
    pub fn introduction(&self) -> String {
        let connections: i64 = self.metrics.connected().map(|(_, count)| count).sum();
        let About { role, ops, .. } = &self.about;
        let ready = self.ready().is_ok();
        json!({ "role": role, "version": VERSION, "ready": ready, "connections": connections, "ops": ops }).to_string()
    }

    /// Takes note of who shares the log.
    pub fn met(&self, all: Vec<(String, String)>) {
        let read = |(name, said): (String, String)| {
            let mut said: Map<String, Value> = serde_json::from_str(&said).unwrap_or_default();
            said.insert("name".to_owned(), name.into());
            Value::Object(said)
        };
        *self.met.lock() = all.into_iter().map(read).collect();
    }

    /// Takes each provider's count of reports, once a second.
    pub fn sample_pace(&self) {
        let mut pace = self.pace.lock();
        let providers = self.metrics.providers();
        pace.retain(|provider, _| providers.contains(provider));
        for provider in &*providers {
            let counts = pace.entry(provider.clone()).or_default();
            if counts.len() > PACE {
                counts.pop_front();
            }
            counts.push_back(self.metrics.reports(provider));
        }
    }
}

/// Reports are counted over this time; s.
const PACE: usize = 60;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `/metrics`.
pub(super) fn metrics(ops: &Ops) -> Reply {
    text(StatusCode::OK, METRICS, ops.metrics.render())
}

/// `/livez`: the process answers.
pub(super) fn livez() -> Reply {
    text(StatusCode::OK, PLAIN, "ok\n")
}

/// `/readyz`.
pub(super) fn readyz(ops: &Ops) -> Reply {
    match ops.ready() {
        Ok(()) => text(StatusCode::OK, PLAIN, "ready\n"),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{why}\n")),
    }
}

/// `/status.json`.
pub(super) fn status(ops: &Ops) -> Reply {
    text(StatusCode::OK, "application/json", status::picture(ops).to_string())
}

/// `/`: the same for people.
pub(super) fn index(ops: &Ops) -> Reply {
    let mut reply = text(StatusCode::OK, "text/html; charset=utf-8", page::html(&status::picture(ops)));
    reply.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::POLICY));
    reply
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn text(status: StatusCode, content: &'static str, body: impl Into<Vec<u8>>) -> Reply {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
