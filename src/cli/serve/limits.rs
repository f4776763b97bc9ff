//! What the settings' bounds mean to each part.

use std::time::Duration;

use crate::broker::Bounds;
use crate::config::Limits;
use crate::gateway::server;

/// Whole seconds; never more than the recent publications reach back, with a margin to load them.
pub(super) fn longest_delay(limits: &Limits) -> u16 {
    let held = limits.recent_time.0.saturating_sub(Duration::from_secs(30));
    u16::try_from(limits.delay.0.min(held).as_secs()).unwrap_or(u16::MAX)
}

/// The bounds of the log engine.
pub(in crate::cli) fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        recent_ms: limits.recent_time.ms(),
        recent_bytes: limits.recent_bytes,
        id_ms: limits.id_time.ms(),
        ids: limits.ids,
        tombstone_ms: limits.tombstones.ms(),
        games: limits.games,
    }
}

pub(super) fn server_limits(limits: &Limits, connections: usize) -> server::Limits {
    server::Limits {
        header_bytes: limits.header_bytes,
        header_time: limits.header_time.0,
        idle_time: limits.idle_time.0,
        write_time: limits.write_time.0,
        connections,
        per_address: limits.connections_per_address,
    }
}

/// The connections that are taken: the setting, or 18,000, or 90 % of the file descriptors.
pub(in crate::cli) fn connections(limits: &Limits, files: usize) -> usize {
    limits.connections.unwrap_or_else(|| (files / 10 * 9).clamp(1, 18_000))
}

/// How many files may be open, after raising it to what is allowed.
pub(in crate::cli) fn file_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let limit = if raised { maximum } else { current };
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
