//! What can lose, double or reorder an update, each by a test named after the hazard, on real servers. Each says how it
//! was seen to fail with its mechanism taken out. Two are elsewhere, beside their like: 14, a slot that moves, in
//! `broker/redis/failover.rs`, and 16, slow clients, in `gateway/lagging.rs`.

mod clocks;
mod disks;
mod gateways;
mod hints;
mod history;
mod refusals;
mod unknown;

use std::sync::Arc;

use scoreline::broker::redis::RedisBroker;
use scoreline::broker::{Bounds, Broker};

/// The log at a URL.
async fn open(url: &str) -> Arc<dyn Broker> {
    Arc::new(RedisBroker::open(url, Bounds::default()).await.unwrap())
}
