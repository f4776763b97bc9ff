//! Ingest: a provider's report becomes a publication, or is answered why not.
//!
//! A report is read against what the log holds (known id, grant, stamps, version, who leads), applied to the game by
//! [`feeds::revision`], and published by compare-and-set on the version; who lost the race tries again on what won.
//! Reports on one game take turns in this process, in the order in which [`Ingest::accept`] was called; reports on
//! different games go side by side, which is what lets the broker commit them in groups.
//!
//! Ingest does not know HTTP, subscribers, or how the log is stored.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use feeds::revision::Revision;
use feeds::{Invalid, Report, Topic};
use futures_util::{StreamExt, stream};
use tracing::Instrument;

use self::case::{Case, forbidden, held, id_reused, known, outdated};
use self::pairing::Pairing;
use self::sources::{Claim, Why};
use crate::auth::Grant;
use crate::broker::{Answer, Broker, BrokerError, Draft, Heard, Key, Outcome, Reading, Record, Stamp};
use crate::config;
use crate::metrics::{Hop, Label, Metrics};

mod case;
mod draft;
mod heard;
mod pairing;
mod pins;
pub mod poll;
pub mod replay;
mod retention;
mod sources;
mod turns;
mod verdict;

pub use sources::{PATIENCE, Paced, Sources};
pub use verdict::{Reason, Said, Verdict};

/// How often a report is applied anew because another process changed its game meanwhile. Each loss means that another
/// report won, so a report that loses this often meets more writers than one game has.
const ATTEMPTS: u32 = 64;

/// How often it is looked who is silent.
const SOURCES_PACE: Duration = Duration::from_millis(200);
/// Kept reports of witnesses that are on their way at a time.
const KEPT_AT_ONCE: usize = 64;

/// Takes reports. Cheap to share.
pub struct Ingest {
    broker: Arc<dyn Broker>,
    metrics: Arc<Metrics>,
    sources: Sources,
    pairing: Option<Arc<Pairing>>,
    turns: turns::Turns,
    heard: heard::HeardBook,
}

impl Ingest {
    /// Puts reports into this log.
    #[must_use]
    pub fn new(
        broker: Arc<dyn Broker>,
        metrics: Arc<Metrics>,
        sources: Sources,
        pairing: Option<config::Pairing>,
    ) -> Arc<Ingest> {
        let (turns, heard) = (turns::Turns::default(), heard::HeardBook::default());
        let pairing = pairing.map(|settings| Arc::new(Pairing::new(settings)));
        Arc::new(Ingest { broker, metrics, sources, pairing, turns, heard })
    }

    /// Learns from the log which games there are, where games of several providers are paired; until the ingest is dropped.
    pub async fn follow_games(self: Arc<Self>) {
        let (pairing, broker) = (self.pairing.clone(), Arc::clone(&self.broker));
        drop(self);
        if let Some(pairing) = pairing {
            pairing.follow(broker).await;
        }
    }

    /// Answers a report. Its place among the reports on its game is taken when this is called, not when it is awaited.
    pub fn accept(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        report: Report,
    ) -> impl Future<Output = Verdict> + Send + use<> {
        let known = self.pairing.as_ref().is_none_or(|pairing| pairing.is_loaded());
        let report = match self.pairing.as_ref().filter(|_| known) {
            Some(pairing) => pairing.name(report, grant),
            None => report,
        };
        let turn = self.turns.queue(&report.game);
        let (ingest, grant) = (Arc::clone(self), Arc::clone(grant));
        let accepted_at = now_ms();
        let span = tracing::debug_span!("report", provider = &*grant.provider, topic = report.game.as_str());
        let answered = async move {
            let _turn = turn.come().await;
            let key = draft::key(&report);
            let case = Case { grant: &grant, report: &report, key, accepted_at };
            let said = match known {
                true => ingest.answer(&case).await.unwrap_or_else(|error| unavailable(&error)),
                false => Said::refused(Reason::Unavailable, "it is not known yet which games there are; send it again"),
            };
            if let Some(pairing) = &ingest.pairing {
                pairing.hear_answer(&report.game, &said);
            }
            ingest.count(&case, &said);
            tracing::debug!(outcome = said.outcome().name(), "a report was answered");
            Verdict { game: Some(report.game), said }
        };
        answered.instrument(span)
    }

    /// Answers what a witness said earlier, now that it may count.
    async fn accept_kept(&self, grant: &Arc<Grant>, game: &Topic) {
        let _turn = self.turns.queue(game).come().await;
        // Looked up in its turn: it may just have said something newer, or something that counted.
        let Some(report) = self.sources.kept(grant, game) else { return };
        let case = Case { grant, report: &report, key: None, accepted_at: now_ms() };
        match self.answer(&case).await {
            Ok(said @ Said::Applied { .. }) => self.metrics.report(&grant.provider, said.outcome()),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "a kept report could not be stored"),
        }
    }

    /// Looks who is there, tells it, and lets witnesses take over from those who are not; until the ingest is dropped.
    pub async fn watch_sources(self: Arc<Self>) {
        let weak = Arc::downgrade(&self);
        drop(self);
        let mut tick = tokio::time::interval(SOURCES_PACE);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let Some(ingest) = weak.upgrade() else { return };
            let broker = &*ingest.broker;
            for (provider, status) in ingest.sources.check(broker).await {
                tracing::info!(provider = &*provider, ?status, "a provider stands otherwise");
                if let Err(error) = broker.announce(&provider, status).await {
                    tracing::debug!(%error, "a provider's status could not be told");
                }
            }
            let due = stream::iter(ingest.sources.due());
            due.for_each_concurrent(KEPT_AT_ONCE, |(grant, game)| {
                let ingest = Arc::clone(&ingest);
                async move { ingest.accept_kept(&grant, &game).await }
            })
            .await;
        }
    }

    /// From now on these providers may speak, those that are `paced` must, and two witnesses must agree for so long.
    pub fn change_sources<'a>(
        &self,
        grants: impl IntoIterator<Item = &'a Arc<Grant>>,
        paced: impl IntoIterator<Item = Paced>,
        patience: Duration,
    ) {
        self.sources.change(grants, paced, patience);
    }

    /// The answer to what could not be read as a report.
    pub fn refuse(&self, grant: &Grant, game: Option<Topic>, fault: Invalid) -> Verdict {
        let said = Said::from(fault);
        self.metrics.report(&grant.provider, said.outcome());
        Verdict { game, said }
    }

    /// A provider was heard without a report: it says that nothing has changed.
    pub(crate) fn still_heard(&self, grant: &Grant) {
        self.metrics.heard(&grant.provider);
        self.sources.heard(&grant.provider);
    }

    /// How often a provider will be heard from now on.
    pub(crate) fn expect(&self, grant: &Grant, interval: Duration) {
        self.sources.expect(&grant.provider, interval);
    }

    /// Removes a game; `None` when there is none. `id`: the provider's own, so that a removal may be said twice.
    pub async fn remove(self: &Arc<Self>, grant: &Grant, game: &Topic, id: Option<String>) -> Option<Verdict> {
        let game = &self.pairing.as_ref().map_or_else(|| game.clone(), |pairing| pairing.called(game));
        let _turn = self.turns.queue(game).come().await;
        let key = id.map(|id| draft::removal_key(game, id));
        let said = match self.answer_removal(grant, game, key).await {
            Ok(None) => return None,
            Ok(Some(said)) => said,
            Err(error) => unavailable(&error),
        };
        Some(Verdict { game: Some(game.clone()), said })
    }

    /// Writes down what is still only remembered here: before the process ends.
    pub async fn close(&self) {
        self.heard.flush(&*self.broker).await;
    }

    /// Writes down, each second, which unchanged reports were heard; until the ingest is dropped.
    pub async fn keep_heard(self: Arc<Self>) {
        let weak = Arc::downgrade(&self);
        drop(self);
        let mut tick = tokio::time::interval(heard::PACE);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let Some(ingest) = weak.upgrade() else { return };
            ingest.heard.flush(&*ingest.broker).await;
        }
    }

    async fn answer(&self, case: &Case<'_>) -> Result<Said, BrokerError> {
        let Report { game, id, .. } = case.report;
        for attempt in 0..ATTEMPTS {
            lost(attempt).await;
            let reading = self.broker.read(game, &case.grant.provider, id.as_deref()).await?;
            if let Some(said) = self.attempt(case, reading).await? {
                return Ok(said);
            }
        }
        Ok(Said::refused(Reason::Unavailable, "the game changes faster than this report can be applied; send it again"))
    }

    /// One try on what was read; `None` when the game changed meanwhile.
    async fn attempt(&self, case: &Case<'_>, reading: Reading) -> Result<Option<Said>, BrokerError> {
        let held_stamp = reading.stamp.newest(self.heard.stamp(&case.report.game, &case.grant.provider));
        let said = known(&reading, case.key.as_ref()).or_else(|| case.refused(&reading, &held_stamp));
        if let Some(said) = said {
            if matches!(said, Said::Applied { .. }) {
                self.broker.settled().await?;
            }
            return Ok(Some(said));
        }
        let record = held(&reading);
        let claim = self.sources.claim(case.grant, &case.report.game, record, case.accepted_at);
        let report = self.sources.align(case.report, record, &claim);
        let case = &case.saying(&report);
        let (leader, why) = match claim {
            Claim::Leads(leader) => (leader, None),
            Claim::TakesOver(why) => (Some(case.grant.provider.to_string()), Some(why)),
            Claim::Witness(_) => return Ok(Some(self.witness(case, record))),
        };
        let disputed = self.sources.disputed(why.as_ref(), case.report, record);
        let revision = match case.revise(&reading, leader.as_deref().unwrap_or(&case.grant.provider), disputed) {
            Ok(revision) => revision,
            Err(fault) => return Ok(Some(fault.into())),
        };
        if let (Some(why), Some(held)) = (&why, record)
            && !self.sources.is_fit(why, &held.body.document, revision.as_ref())
        {
            return Ok(Some(self.witness(case, record)));
        }
        let pinned = || Some(Revision::nothing(record.filter(|record| case.repins(record))?.body.document.clone()));
        match revision.or_else(pinned) {
            None => self.unchanged(case, &reading, held_stamp).await.map(Some),
            Some(revision) => {
                let said = self.publish(case, reading, revision, leader).await?;
                if let (Some(Said::Applied { .. }), Some(why)) = (&said, why) {
                    self.switched(case, &why);
                }
                Ok(said)
            }
        }
    }

    /// A report that does not count: its word is kept.
    fn witness(&self, case: &Case<'_>, held: Option<&Record>) -> Said {
        let leads = held.and_then(|held| held.body.leader.as_deref()).unwrap_or_default();
        if let Some(held) = held {
            self.sources.keep(leads, &held.body.document, case.grant, case.report);
        }
        Said::refused(Reason::NotLeading, format!("{leads} leads this game"))
    }

    fn switched(&self, case: &Case<'_>, why: &Why) {
        tracing::info!(game = %case.report.game, provider = &*case.grant.provider, ?why, "takes the lead");
        if *why != Why::Returns {
            self.metrics.failed_over();
        }
    }

    async fn unchanged(&self, case: &Case<'_>, reading: &Reading, held_stamp: Stamp) -> Result<Said, BrokerError> {
        let version = reading.record.as_ref().map_or(0, Record::held_version);
        if let Some(held) = held(reading) {
            self.sources.stands(&held.game, held.body.leader.as_deref(), &held.body.document);
        }
        // A removed game's image stays as it was: what comes back after it has no earlier image.
        let image = case.image().filter(|_| version != 0);
        let image = image.filter(|image| reading.image.as_ref() != Some(*image)).cloned();
        let (game, provider) = (case.report.game.clone(), case.grant.provider.to_string());
        let heard = Heard { game, provider, stamp: case.stamp(), image };
        self.heard.note(&*self.broker, heard, held_stamp).await?;
        self.broker.settled().await?;
        Ok(Said::Unchanged { version })
    }

    async fn publish(
        &self,
        case: &Case<'_>,
        reading: Reading,
        revision: Revision,
        leader: Option<String>,
    ) -> Result<Option<Said>, BrokerError> {
        let (correction, note) = (revision.correction, revision.note.clone());
        self.sources.stands(&case.report.game, leader.as_deref(), &revision.document);
        let outcome = self.put(draft::update(case, reading, revision, leader)).await?;
        if let Outcome::Published(_) = outcome {
            correction.into_iter().for_each(|reason| self.metrics.corrected(reason));
            self.measure(case);
        }
        Ok(said(outcome).map(|said| said.noting(note)))
    }

    async fn put(&self, draft: Draft) -> Result<Outcome, BrokerError> {
        let asked = Instant::now();
        let outcome = self.broker.publish(draft).await?;
        if let Outcome::Published(answer) = &outcome {
            self.metrics.published(asked.elapsed(), answer.position.offset);
        }
        Ok(outcome)
    }

    async fn answer_removal(&self, grant: &Grant, game: &Topic, key: Option<Key>) -> Result<Option<Said>, BrokerError> {
        for attempt in 0..ATTEMPTS {
            lost(attempt).await;
            let reading = self.broker.read(game, &grant.provider, key.as_ref().map(|key| key.id.as_str())).await?;
            if let Some(said) = known(&reading, key.as_ref()) {
                return Ok(Some(said));
            }
            if !grant.covers(game) {
                return Ok(Some(forbidden(game)));
            }
            let Some(record) = reading.record.filter(|record| !record.removed) else { return Ok(None) };
            let outcome = self.put(draft::removal(&grant.provider, record, key.clone())).await?;
            if let Some(said) = said(outcome) {
                return Ok(Some(said));
            }
        }
        Ok(Some(Said::refused(Reason::Unavailable, "the game changes faster than it can be removed; ask again")))
    }

    fn count(&self, case: &Case<'_>, said: &Said) {
        let provider = &case.grant.provider;
        self.metrics.report(provider, said.outcome());
        // Also what is refused was said: who is silent and who is wrong are told apart.
        self.metrics.heard(provider);
        if !matches!(said, Said::Refused { reason: Reason::Unavailable | Reason::Forbidden, .. }) {
            self.sources.heard(provider);
        }
    }

    /// The first hop; gateways measure those that follow, so that a publication's hops join on at the same instants.
    fn measure(&self, case: &Case<'_>) {
        if let Some(event_at) = case.report.event_at {
            let late_ms = u64::try_from(case.accepted_at.saturating_sub(event_at)).unwrap_or(0);
            self.metrics.hop(Hop::EventToIngest, Duration::from_millis(late_ms));
        }
    }
}

/// The answer that an outcome is; `None` for a conflict, after which one tries again.
fn said(outcome: Outcome) -> Option<Said> {
    let applied =
        |Answer { version, position, .. }, replayed| Said::Applied { version, position, replayed, note: None };
    match outcome {
        Outcome::Published(answer) => Some(applied(answer, false)),
        Outcome::Replayed(answer) => Some(applied(answer, true)),
        Outcome::IdReused => Some(id_reused()),
        Outcome::Outdated => Some(outdated()),
        Outcome::Conflict => None,
        Outcome::Full => {
            Some(Said::refused(Reason::Unavailable, "the log has as many games as it may have (limits.games)"))
        }
    }
}

/// A moment, after a lost attempt: two processes that go in step would lose to each other again and again.
async fn lost(attempts: u32) {
    if attempts > 0 {
        let most = 500 << attempts.min(6);
        tokio::time::sleep(Duration::from_micros(fastrand::u64(0..most))).await;
    }
}

/// Whether it was stored is unknown, or it was not; either way the report may come again.
fn unavailable(error: &BrokerError) -> Said {
    // Not a warning: a busy provider would fill the log with what one line about the broker says.
    tracing::debug!(%error, "a report could not be stored");
    Said::refused(Reason::Unavailable, "the log cannot take it now; send it again, with the same id")
}

/// The wall clock; ms since the Unix epoch.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
