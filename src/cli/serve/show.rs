//! What subscribers are served from: the scoreboard that follows the log, the shards over it, their door.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::live::InForce;
use super::longest_delay;
use super::tokens::Door;
use super::watch::LogWatch;
use crate::broker::Broker;
use crate::cli::Failure;
use crate::config::{Config, Limits};
use crate::drain::Drain;
use crate::fanout::Fanout;
use crate::gateway::Showing;
use crate::gateway::ops::Health;
use crate::metrics::Metrics;
use crate::scoreboard::{self, Liveness, RingBounds, Scoreboard};

/// What subscribers are served from.
pub(super) fn show(
    config: &Config,
    live: &InForce,
    door: Option<&Door>,
    broker: &Arc<dyn Broker>,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    drain: &Drain,
) -> Result<Showing, Failure> {
    let board = follow(broker, metrics, &config.limits, health);
    let fanout = Fanout::start(config.shards, &board, metrics, &live.fanout)
        .map_err(|error| Failure::Failed(format!("shards: {error}")))?;
    let (allow_origin, longest_delay) = (Arc::clone(&live.origins), longest_delay(&config.limits));
    let drain = (drain.clone(), config.drain);
    let Config { demo, test_echo, .. } = *config;
    let (metrics, tokens) = (Arc::clone(metrics), door.map(|door| Arc::clone(&door.tokens)));
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
    let (broker, writer) = (Arc::clone(broker), board.writer());
    // One task: what is told is taken without another thread's being woken.
    tokio::spawn(async move { tokio::join!(broker.follow(tell), writer.follow(told, move |told| watch.hear(told))) });
    let (mut liveness, health) = (board.liveness(), Arc::clone(health));
    tokio::spawn(async move {
        if liveness.wait_for(|liveness| *liveness != Liveness::Loading).await.is_ok() {
            health.loaded(true);
        }
    });
    board
}
