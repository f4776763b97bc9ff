//! Retention: a game that is over leaves some time after its last change, by a `removed` publication as any removal.
//!
//! One ingest of all does it, by a lease, and follows the log for it; when it is gone another does. Two at a time would
//! do no harm: a removal is made from the version that was read, and what changed meanwhile stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use feeds::game::Status;
use feeds::{Document, Topic};
use tokio::sync::mpsc;

use super::{Ingest, draft};
use crate::broker::{BrokerError, Event, Followed, Record};
use crate::drain::Drain;

const LEASE: &str = "retention";
/// A lease outlives so many looks, so that one that fails does not lose it.
const LEASED: u32 = 3;
/// The time between two looks: a tenth of the retention, within these.
const PACE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// What the log has told and was not taken yet.
const TOLD: usize = 256;

impl Ingest {
    /// Removes games that have been over for `retention`; until the drain.
    pub async fn keep_retention(self: Arc<Self>, retention: Duration, drain: Drain) {
        let keeper = Keeper {
            ingest: &self,
            holder: format!("{:016x}", fastrand::u64(..)),
            pace: (retention / 10).clamp(PACE.0, PACE.1),
            retention_ms: i64::try_from(retention.as_millis()).unwrap_or(i64::MAX),
        };
        tokio::select! {
            () = drain.wait() => {}
            () = keeper.run() => {}
        }
    }

    /// Removes a game, if it still is over and has not changed since `before` (ms).
    async fn retire(&self, game: &Topic, before: i64) -> Result<(), BrokerError> {
        let _turn = self.turns.queue(game).come().await;
        let record = self.broker.read(game, "", None).await?.record;
        if let Some(record) = record.filter(|record| !record.removed && record.at <= before && is_over(record)) {
            self.put(draft::removal("", record, None)).await?;
        }
        Ok(())
    }
}

struct Keeper<'a> {
    ingest: &'a Ingest,
    holder: String,
    pace: Duration,
    retention_ms: i64,
}

impl Keeper<'_> {
    async fn run(&self) {
        let mut tick = tokio::time::interval(self.pace);
        loop {
            tick.tick().await;
            if self.leads().await {
                let (tell, told) = mpsc::channel(TOLD);
                tokio::select! {
                    () = self.ingest.broker.follow(tell) => {}
                    () = self.sweep(told) => {}
                }
            }
        }
    }

    async fn leads(&self) -> bool {
        let lease = self.ingest.broker.lease(LEASE, &self.holder, self.pace * LEASED);
        lease.await.unwrap_or(false)
    }

    /// Removes what is due, as long as the lease is held.
    async fn sweep(&self, mut told: mpsc::Receiver<Followed>) {
        let mut over = Over::default();
        let mut tick = tokio::time::interval(self.pace);
        loop {
            tokio::select! {
                event = told.recv() => match event {
                    Some(event) => over.take(event),
                    None => return,
                },
                _ = tick.tick() => {
                    if !self.leads().await {
                        return;
                    }
                    let before = over.now.saturating_sub(self.retention_ms);
                    for game in over.until(before) {
                        if let Err(error) = self.ingest.retire(&game, before).await {
                            tracing::debug!(%error, %game, "a game that is over could not be removed yet");
                            break;
                        }
                    }
                }
            }
        }
    }
}

/// Games that are over, and when each changed last, by the log's clock; ms.
#[derive(Default)]
struct Over {
    games: BTreeMap<Topic, i64>,
    now: i64,
}

impl Over {
    fn take(&mut self, told: Followed) {
        match told {
            Followed::Loading { .. } => self.games.clear(),
            Followed::Record(record) => self.load(&record),
            Followed::Unreadable { record: Some(record), .. } => self.load(&record),
            Followed::Loaded { now, .. } | Followed::Checked { now } => self.now = now,
            Followed::Published(publication) => {
                let Some(game) = &publication.game else { return };
                let over = match &publication.event {
                    Event::Update(update) => says_over(&update.patch).unwrap_or(self.games.contains_key(game)),
                    Event::Removed { .. } | Event::Feed { .. } => false,
                };
                self.note(game, over, publication.at);
            }
            _ => {}
        }
    }

    fn load(&mut self, record: &Record) {
        self.note(&record.game, !record.removed && is_over(record), record.at);
    }

    fn note(&mut self, game: &Topic, over: bool, at: i64) {
        match over {
            true => drop(self.games.insert(game.clone(), at)),
            false => drop(self.games.remove(game)),
        }
    }

    /// Those that have not changed since.
    fn until(&self, before: i64) -> Vec<Topic> {
        self.games.iter().filter(|(_, at)| **at <= before).map(|(game, _)| game.clone()).collect()
    }
}

fn is_over(record: &Record) -> bool {
    says_over(&record.body.document).unwrap_or(false)
}

/// Whether the status that is said here, if one is, is of a game that is over.
fn says_over(document: &Document) -> Option<bool> {
    let status: Option<Status> = serde_json::from_value(document.get("status")?.clone()).ok();
    Some(status.is_some_and(Status::is_over))
}
