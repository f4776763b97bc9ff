//! What subscribers are served from: the scoreboard that follows the log, the shards over it, their door.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::watch::LogWatch;
use super::{host_name, longest_delay, tokens};
use crate::auth::Tokens;
use crate::broker::Broker;
use crate::cli::Failure;
use crate::config::{Config, Limits};
use crate::drain::Drain;
use crate::fanout::{self, Fanout};
use crate::gateway::Showing;
use crate::gateway::ops::Health;
use crate::metrics::Metrics;
use crate::scoreboard::{self, Liveness, RingBounds, Scoreboard};
use crate::session;

/// What subscribers are served from.
pub(super) fn show(
    config: &Config,
    broker: &Arc<dyn Broker>,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    drain: &Drain,
) -> Result<Showing, Failure> {
    let tokens = tokens::open(config)?;
    let board = follow(broker, metrics, &config.limits, health);
    let fanout = Fanout::start(config.shards, &board, metrics, &fanout_settings(config, tokens.clone()))
        .map_err(|error| Failure::Failed(format!("shards: {error}")))?;
    let (allow_origin, longest_delay) = (config.allow_origin.clone(), longest_delay(&config.limits));
    let drain = (drain.clone(), config.drain);
    let Config { demo, test_echo, .. } = *config;
    let metrics = Arc::clone(metrics);
    Ok(Showing { board, fanout, metrics, allow_origin, tokens, longest_delay, drain, demo, test_echo })
}

/// The scoreboard, which follows the log from now on.
fn follow(broker: &Arc<dyn Broker>, metrics: &Arc<Metrics>, limits: &Limits, health: &Arc<Health>) -> Arc<Scoreboard> {
    /// What the log has told and the scoreboard has not taken yet; a full one makes the log's reader wait.
    const TOLD: usize = 1_024;
    let recent = RingBounds {
        age_ms: limits.recent_time.ms(),
        bytes: usize::try_from(limits.recent_bytes).unwrap_or(usize::MAX),
    };
    let (tombstone_ms, grace) = (limits.tombstones.ms(), limits.broker_grace.0);
    let board = Scoreboard::new(scoreboard::Settings { recent, tombstone_ms, grace });
    let (tell, told) = mpsc::channel(TOLD);
    let mut watch = LogWatch::new(metrics);
    tokio::spawn(board.writer().follow(told, move |told| watch.hear(told)));
    let broker = Arc::clone(broker);
    tokio::spawn(async move { broker.follow(tell).await });
    let (mut liveness, health) = (board.liveness(), Arc::clone(health));
    tokio::spawn(async move {
        if liveness.wait_for(|liveness| *liveness != Liveness::Loading).await.is_ok() {
            health.loaded(true);
        }
    });
    board
}

fn fanout_settings(config: &Config, tokens: Option<Arc<Tokens>>) -> fanout::Settings {
    let limits = &config.limits;
    fanout::Settings {
        gateway: host_name(),
        heartbeat: limits.heartbeat.0,
        session: session::Limits {
            topics: limits.topics,
            ahead_wait: Duration::from_secs(2),
            delay: longest_delay(limits),
        },
        message: fanout::codec::Limits { message_bytes: limits.command_bytes, ..Default::default() },
        commands: (limits.commands_per_second, limits.commands_burst),
        tokens,
        token_time: limits.header_time.0,
    }
}
