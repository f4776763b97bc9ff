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
    /// Spoiler delays that they take turns with, in seconds; empty: nobody has one.
    pub delays: Vec<u32>,
    /// How they read.
    pub shares: Shares,
    /// Time over which they connect; zero: as fast as the server takes them.
    pub ramp: Duration,
}

impl Plan {
    /// The delay of the n-th; seconds.
    pub(super) fn delay(&self, number: usize) -> u32 {
        if self.delays.is_empty() { 0 } else { self.delays[number % self.delays.len()] }
    }
}
