//! One of many: of the processes that could ask a provider, the one with the feed's lease does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::broker::Broker;

/// A lease is gone so long after its holder was last there.
const TTL: Duration = Duration::from_secs(4);

/// A lease in the broker.
pub(super) struct Lease {
    broker: Arc<dyn Broker>,
    name: String,
    holder: String,
    /// It is ours until then. Counted from when it was asked for, so that it never lasts longer here than there.
    until: Option<Instant>,
}

impl Lease {
    pub(super) fn new(broker: Arc<dyn Broker>, feed: &str) -> Lease {
        let holder = format!("{:032x}", fastrand::u128(..));
        Lease { broker, name: format!("feed:{feed}"), holder, until: None }
    }

    /// Whether it is ours now.
    pub(super) fn is_held(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// Takes or renews it; whether it is ours.
    pub(super) async fn renew(&mut self) -> bool {
        let asked = Instant::now();
        match self.broker.lease(&self.name, &self.holder, TTL).await {
            Ok(true) => self.until = Some(asked + TTL),
            Ok(false) => self.until = None,
            Err(error) => tracing::debug!(%error, lease = self.name, "the lease could not be renewed"),
        }
        self.is_held()
    }

    /// Renews it for as long as it can be; returns when it is lost. Also when this process was stopped for longer than it
    /// lasts: then another one may have it by now, and asking who has takes time in which this one would ask the provider.
    pub(super) async fn kept(&mut self) {
        while self.renew().await {
            tokio::time::sleep(TTL / 4).await;
            if !self.is_held() {
                return;
            }
        }
    }

    /// Returns when it is ours.
    pub(super) async fn come(&mut self) {
        while !self.renew().await {
            tokio::time::sleep((TTL / 4).mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        }
    }

    /// Lets it go, for whoever waits.
    pub(super) async fn release(&mut self) {
        if self.until.take().is_some() {
            let _ = self.broker.lease(&self.name, &self.holder, Duration::from_millis(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::timeout;

    use super::*;
    use crate::broker::Bounds;
    use crate::broker::embedded::EmbeddedBroker;

    #[tokio::test]
    async fn who_was_stopped_for_longer_than_its_lease_lasts_has_lost_it() {
        let broker: Arc<dyn Broker> = Arc::new(EmbeddedBroker::memory(Bounds::default()).unwrap());
        let mut lease = Lease::new(broker, "timing");
        let mut kept = pin!(lease.kept());
        assert!(timeout(Duration::from_millis(10), &mut kept).await.is_err(), "it is ours, and renewed");
        std::thread::sleep(TTL); // nothing runs meanwhile, as in a process that is stopped
        assert!(timeout(Duration::from_millis(10), kept).await.is_ok());
    }
}
