//! The shared engine, on one server, behind sentinels, and on a cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use scoreline::broker::redis::RedisBroker;
use scoreline::broker::{Bounds, Broker};

use super::engine::Engine;
use crate::redis::cluster::Cluster;
use crate::redis::sentinel::Watched;
use crate::redis::server::{KEPT, Server};

mod failover;
mod plain;

/// `redis://`
pub(super) struct Redis {
    broker: Arc<RedisBroker>,
    bounds: Bounds,
    server: Server,
}

#[async_trait]
impl Engine for Redis {
    // Nobody can know whether a server that was started again has everything.
    const KEEPS_EPOCH: bool = false;

    async fn fresh(bounds: Bounds) -> Redis {
        let server = Server::start(KEPT);
        let broker = Arc::new(RedisBroker::open(&server.url(), bounds.clone()).await.unwrap());
        Redis { broker, bounds, server }
    }

    fn broker(&self) -> Arc<dyn Broker> {
        self.broker.clone()
    }

    async fn restart(self) -> Option<Redis> {
        let Redis { bounds, mut server, .. } = self;
        server.stop();
        server.again();
        let broker = Arc::new(RedisBroker::open(&server.url(), bounds.clone()).await.unwrap());
        Some(Redis { broker, bounds, server })
    }
}

/// `redis+sentinel://`
pub(super) struct Sentinel {
    broker: Arc<RedisBroker>,
    _watched: Arc<Watched>,
}

/// `redis+cluster://`
pub(super) struct Sharded {
    broker: Arc<RedisBroker>,
    _cluster: Arc<Cluster>,
}

/// One of them for all tests that run at a time: it takes seconds until they agree. Each has a namespace of its own.
fn shared<T>(held: &parking_lot::Mutex<std::sync::Weak<T>>, start: fn() -> T) -> (Arc<T>, String) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut held = held.lock();
    let one = held.upgrade().unwrap_or_else(|| Arc::new(start()));
    *held = Arc::downgrade(&one);
    (one, format!("namespace=test{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

#[async_trait]
impl Engine for Sentinel {
    const KEEPS_EPOCH: bool = false;

    async fn fresh(bounds: Bounds) -> Sentinel {
        static HELD: parking_lot::Mutex<std::sync::Weak<Watched>> = parking_lot::Mutex::new(std::sync::Weak::new());
        let (watched, options) = tokio::task::spawn_blocking(|| shared(&HELD, Watched::start)).await.unwrap();
        let url = format!("{}?{options}&wait=1", watched.url());
        Sentinel { broker: Arc::new(RedisBroker::open(&url, bounds).await.unwrap()), _watched: watched }
    }

    fn broker(&self) -> Arc<dyn Broker> {
        self.broker.clone()
    }

    async fn restart(self) -> Option<Sentinel> {
        None
    }
}

#[async_trait]
impl Engine for Sharded {
    const KEEPS_EPOCH: bool = false;

    async fn fresh(bounds: Bounds) -> Sharded {
        static HELD: parking_lot::Mutex<std::sync::Weak<Cluster>> = parking_lot::Mutex::new(std::sync::Weak::new());
        let (cluster, options) = tokio::task::spawn_blocking(|| shared(&HELD, Cluster::start)).await.unwrap();
        let url = format!("{}?{options}", cluster.url());
        Sharded { broker: Arc::new(RedisBroker::open(&url, bounds).await.unwrap()), _cluster: cluster }
    }

    fn broker(&self) -> Arc<dyn Broker> {
        self.broker.clone()
    }

    async fn restart(self) -> Option<Sharded> {
        None
    }
}
