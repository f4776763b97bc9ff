//! What a run's subscribers are.

use std::time::Duration;

use super::Shares;
use super::http::Target;
use crate::wire::Detail;

/// What the subscribers are.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub target: Target,
    /// How many.
    pub connections: usize,
    /// What the n-th one subscribes to: `topics[n % topics.len()]`.
    pub topics: Vec<Vec<String>>,
    /// In which detail.
    pub detail: Detail,
    /// Whether they offer permessage-deflate.
    pub compress: bool,
    /// How they read.
    pub shares: Shares,
    /// Time over which they connect; zero: as fast as the server takes them.
    pub ramp: Duration,
}
