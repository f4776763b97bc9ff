//! Feeds that are pulled: providers that are asked, at their own pace, by one process at a time. What they answer goes
//! through the same door as what is posted.
//!
//! - `lease`: of all processes on a log, one asks.
//! - `fetch`, `address`: one request: conditional, compressed, bounded, and only where it was meant to go.
//! - `stream`: one long answer, message after message; `socket`: the same over a WebSocket.
//! - `keyset`: the keys of subscribers' tokens, asked for with the same care.
//! - `asker`: what is asked, in which order, and what is made of it.
//!
//! It does not know what games mean, but whether one is live: then it asks more often.

mod address;
mod asker;
mod fetch;
mod keyset;
mod lease;
mod socket;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use feeds::provider::Adapter;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use self::keyset::keep_keys;

use self::asker::Asker;
use self::fetch::Trouble;
use self::lease::Lease;
use super::Ingest;
use crate::auth::Grant;
use crate::config::Feed;
use crate::wire::FeedStatus;

/// After a provider did not answer; doubled each time up to the longest, both with jitter.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// A stream that breaks sooner is not well yet: the waits go on growing.
const STEADY: Duration = Duration::from_secs(10);
/// Silent for so many intervals, a feed is down.
const SILENCE: u32 = 3;

/// Why a feed is no longer pulled here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Another process goes on, or this one with other settings.
    Handover,
    /// The feed is no longer configured.
    Removed,
}

/// Pulls a feed until its end is told (or whoever could tell it is gone).
pub async fn pull(
    feed: Feed,
    adapter: &'static dyn Adapter,
    grant: Arc<Grant>,
    ingest: Arc<Ingest>,
    end: oneshot::Receiver<Ending>,
) {
    let name = Arc::clone(&grant.provider);
    let mut lease = Lease::new(Arc::clone(&ingest.broker), &name);
    let mut puller = match Puller::new(feed, adapter, grant, ingest) {
        Ok(puller) => puller,
        Err(error) => return tracing::error!(feed = &*name, error, "the feed cannot be pulled"),
    };
    let pulling = async {
        loop {
            lease.come().await;
            tracing::info!(feed = &*name, "pulling");
            tokio::select! {
                biased; // a lease that ran out counts before what would be asked next
                () = lease.kept() => tracing::info!(feed = &*name, "another process pulls it"),
                () = puller.rounds() => {}
            }
        }
    };
    let ending = tokio::select! {
        end = end => end.unwrap_or(Ending::Handover),
        () = pulling => Ending::Handover,
    };
    // Should another process still have it, that one tells otherwise.
    if ending == Ending::Removed && lease.is_held() {
        puller.tell(FeedStatus::Down).await;
    }
    lease.release().await;
}

/// Waits that grow.
fn backoff() -> ExponentialBackoff {
    let (least, most) = BACKOFF;
    let waits = ExponentialBuilder::new().with_min_delay(least).with_max_delay(most).with_jitter();
    waits.without_max_times().build()
}

struct Puller {
    asker: Asker,
    interval: Duration,
    idle: Duration,
    backoff: Option<ExponentialBackoff>,
    /// When the provider last answered.
    answered: Instant,
    told: Option<FeedStatus>,
}

impl Puller {
    fn new(
        feed: Feed,
        adapter: &'static dyn Adapter,
        grant: Arc<Grant>,
        ingest: Arc<Ingest>,
    ) -> Result<Puller, String> {
        let (interval, idle) = (feed.interval.0, feed.idle.0.max(feed.interval.0));
        let asker = Asker::new(feed, adapter, grant, ingest)?;
        Ok(Puller { asker, interval, idle, backoff: None, answered: Instant::now(), told: None })
    }

    async fn rounds(&mut self) {
        // Who takes over does not know what was told, nor how long it was silent.
        (self.told, self.answered) = (None, Instant::now());
        loop {
            let asked = match self.asker.is_stream() {
                true => self.listen().await.map(|()| None),
                false => self.asker.round().await,
            };
            let wait = match asked {
                Ok(stated) => {
                    self.recovered();
                    self.answered(stated).await
                }
                Err(trouble) => self.troubled(trouble).await,
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Listens until the stream breaks.
    async fn listen(&mut self) -> Result<(), Trouble> {
        let mut stream = self.asker.open().await?;
        let opened = Instant::now();
        loop {
            self.asker.hear(&mut stream).await?;
            if opened.elapsed() >= STEADY {
                self.recovered();
            }
            self.answered(None).await;
        }
    }

    fn recovered(&mut self) {
        if self.backoff.take().is_some() {
            tracing::info!(feed = self.asker.name(), "the provider answers again");
        }
    }

    /// The wait after a round that was answered: the feed's pace, or the provider's own where that is slower.
    async fn answered(&mut self, stated: Option<Duration>) -> Duration {
        self.answered = Instant::now();
        self.tell(FeedStatus::Live).await;
        let pace = if self.asker.is_live() { self.interval } else { self.idle };
        let pace = pace.max(stated.unwrap_or_default().min(self.idle)).mul_f64(1.0 + fastrand::f64() / 10.0);
        self.asker.expect(pace);
        pace
    }

    async fn troubled(&mut self, trouble: Trouble) -> Duration {
        let Trouble { why, retry_after } = trouble;
        let fresh = || {
            tracing::warn!(feed = self.asker.name(), why, "nothing to be had from the provider");
            backoff()
        };
        let wait = self.backoff.get_or_insert_with(fresh).next().unwrap_or(BACKOFF.1);
        let until = Instant::now() + wait.max(retry_after.unwrap_or_default());
        // It is told when it is so, not only at the next try.
        let down = self.answered + self.interval * SILENCE;
        if down < until {
            tokio::time::sleep_until(down).await;
            self.tell(FeedStatus::Down).await;
        }
        until.saturating_duration_since(Instant::now())
    }

    async fn tell(&mut self, status: FeedStatus) {
        if self.told != Some(status) && self.asker.announce(status).await {
            self.told = Some(status);
        }
    }
}
