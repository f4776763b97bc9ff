//! The engines that the conformance suite runs on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use scoreline::broker::embedded::EmbeddedBroker;
use scoreline::broker::{Bounds, Broker};

/// One kind of engine, with a log that no other test uses.
#[async_trait]
pub(crate) trait Engine: Sized + Send + Sync + 'static {
    /// Whether a restart in good order goes on with the same epoch.
    const KEEPS_EPOCH: bool;

    /// A new, empty log.
    async fn fresh(bounds: Bounds) -> Self;

    /// The broker.
    fn broker(&self) -> Arc<dyn Broker>;

    /// Stops and starts it in good order, when its log outlives that; else `None`. All brokers that were handed out, and
    /// their followers, must be gone.
    async fn restart(self) -> Option<Self>;
}

/// `memory:`
pub(crate) struct Memory(Arc<EmbeddedBroker>);

#[async_trait]
impl Engine for Memory {
    const KEEPS_EPOCH: bool = false;

    async fn fresh(bounds: Bounds) -> Memory {
        Memory(Arc::new(EmbeddedBroker::memory(bounds).unwrap()))
    }

    fn broker(&self) -> Arc<dyn Broker> {
        self.0.clone()
    }

    async fn restart(self) -> Option<Memory> {
        None
    }
}

/// `embedded:DIR`
pub(crate) struct Embedded {
    broker: Arc<EmbeddedBroker>,
    bounds: Bounds,
    dir: TempDir,
}

#[async_trait]
impl Engine for Embedded {
    const KEEPS_EPOCH: bool = true;

    async fn fresh(bounds: Bounds) -> Embedded {
        let dir = TempDir::new();
        let broker = Arc::new(EmbeddedBroker::open(dir.path(), bounds.clone()).unwrap());
        Embedded { broker, bounds, dir }
    }

    fn broker(&self) -> Arc<dyn Broker> {
        self.broker.clone()
    }

    async fn restart(self) -> Option<Embedded> {
        let Embedded { broker, bounds, dir } = self;
        drop(Arc::into_inner(broker).expect("no other part of the test holds the broker"));
        let broker = Arc::new(EmbeddedBroker::open(dir.path(), bounds.clone()).unwrap());
        Some(Embedded { broker, bounds, dir })
    }
}

/// A directory that is removed when the test is done with it.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("broker-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&dir).unwrap();
        TempDir(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
