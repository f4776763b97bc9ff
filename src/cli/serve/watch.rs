//! What is watched while a service runs, each second or as it happens, and what of it is counted.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use feeds::game::Status;

use crate::broker::{Broker, Event, Followed};
use crate::drain::Drain;
use crate::gateway::ops::Ops;
use crate::metrics::{GapOutcome, Label, Metrics, Standing};
use crate::scoreboard::Scoreboard;
use crate::wire::FeedStatus;

/// A provider that no feed's status speaks of counts as up for this long after it was heard; s. Alerts know it too.
const HEARD: i64 = 60;

/// Counts what the log tells this process.
pub(super) struct LogWatch {
    metrics: Arc<Metrics>,
    loaded: bool,
    away: bool,
}

impl LogWatch {
    pub(super) fn new(metrics: &Arc<Metrics>) -> LogWatch {
        LogWatch { metrics: Arc::clone(metrics), loaded: false, away: false }
    }

    pub(super) fn hear(&mut self, told: &Followed) {
        match told {
            Followed::Away => {
                self.away = true;
                return;
            }
            Followed::Loading { .. } if self.loaded => self.metrics.broker_gap(GapOutcome::Reset),
            Followed::Loading { .. } => self.loaded = true,
            Followed::Filled => self.metrics.broker_gap(GapOutcome::Filled),
            Followed::Loaded { head, .. } => self.metrics.log_opened(*head),
            Followed::Published(publication) => {
                let accepted_at = match &publication.event {
                    Event::Update(update) => Some(update.accepted_at),
                    Event::Removed { .. } | Event::Feed { .. } => None,
                };
                self.metrics.arrived(accepted_at, publication.at, wall_ms());
                self.metrics.log_offset(publication.position.offset);
            }
            _ => {}
        }
        if std::mem::take(&mut self.away) {
            self.metrics.broker_reconnected();
        }
    }
}

/// Asks the broker each second whether it answers, and who else is there; until the drain begins.
pub(super) async fn watch_broker(broker: Arc<dyn Broker>, ops: Arc<Ops>, drain: Drain) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut was_up = true;
    loop {
        tokio::select! {
            () = drain.wait() => return,
            _ = tick.tick() => {}
        }
        let ready = broker.ready().await;
        match &ready {
            Err(error) if was_up => tracing::warn!(%error, "the broker is away"),
            Ok(()) if !was_up => tracing::info!("the broker is back"),
            _ => {}
        }
        was_up = ready.is_ok();
        // Who shows the games must hear of them, too.
        ops.metrics.broker_up(was_up && ops.follows());
        ops.health.broker(was_up);
        if was_up && let Ok(all) = broker.meet(&ops.about.name, &ops.introduction()).await {
            ops.met(all);
        }
    }
}

/// Counts, each second, the games by status, and how the providers stand; as long as somebody shows it.
pub(super) async fn watch_games(ops: Weak<Ops>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    while let Some(ops) = ops.upgrade() {
        if let Some(board) = &ops.board {
            ops.metrics.games(board.view().games().map(|shown| shown.status()));
        }
        for provider in &*ops.metrics.providers() {
            ops.metrics.feed(provider, standing(provider, &ops));
        }
        ops.sample_pace();
        drop(ops);
        tick.tick().await;
    }
}

fn standing(provider: &str, ops: &Ops) -> Standing {
    let (said, live_games) =
        ops.board.as_ref().map_or((None, 0), |board| (said_of(board, provider), leads(board, provider)));
    let heard = || wall_ms() / 1_000 - ops.metrics.last_report(provider) <= HEARD;
    Standing { up: said.map_or_else(heard, |said| said == FeedStatus::Live), live_games }
}

fn said_of(board: &Scoreboard, provider: &str) -> Option<FeedStatus> {
    board.view().feeds().find(|(feed, _)| *feed == provider).map(|(_, status)| status)
}

/// The live games that it leads.
fn leads(board: &Scoreboard, provider: &str) -> i64 {
    let view = board.view();
    let led = view.games().filter(|shown| shown.status() == Status::Live.name() && shown.feed() == Some(provider));
    i64::try_from(led.count()).unwrap_or(i64::MAX)
}

fn wall_ms() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_reconnects_are_counted_as_they_are_told() {
        let metrics = Metrics::new([]);
        let mut watch = LogWatch::new(&metrics);
        let loading = Followed::Loading { epoch: "e".into() };
        let loaded = Followed::Loaded { head: 7, now: 0, horizon: 0 };
        let shorter = Followed::Loaded { head: 3, now: 0, horizon: 0 };
        for told in [&loading, &loaded, &Followed::Away, &Followed::Away, &Followed::Filled, &loading, &shorter] {
            watch.hear(told);
        }
        let text = String::from_utf8(metrics.render()).unwrap();
        for line in [
            "scoreline_broker_reconnects_total 1",
            "scoreline_broker_gaps_total{outcome=\"filled\"} 1",
            "scoreline_broker_gaps_total{outcome=\"reset\"} 1",
            "scoreline_log_offset 3",
        ] {
            assert!(text.lines().any(|held| held == line), "{line} is not in\n{text}");
        }
    }
}
