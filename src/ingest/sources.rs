//! Which provider leads a game when several report it.
//!
//! - Who begins a game leads it; a provider of a lower `priority` number takes it over with its first report.
//! - Whoever else reports it is a witness: answered `not_leading`, its word kept.
//! - **Failover.** Where the leader is silent ([`liveness`]), or two witnesses have long agreed against it
//!   ([`witnesses`]), a witness takes over, with the word that was kept of it. One that would take something back is
//!   behind, and waits: a silent leader's score stands until somebody knows better, or for the time that a
//!   contradiction takes.
//! - **Fail-back.** After a switch the one of the lower number returns when it agrees with what is held, and no sooner
//!   than that same time: so the score never jumps back and forth.
//! - A provider that is no longer configured, has no key any more, or may no longer report a game, leads it no more.
//! - A desk (`override`) reports beside whoever leads, and never leads; what it sets stays ([`super::pins`]).

mod align;
mod liveness;
mod witnesses;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use feeds::revision::Revision;
use feeds::{Document, Report, Topic};

use self::liveness::Liveness;
use self::witnesses::{Witnesses, totals};
use crate::auth::Grant;
use crate::broker::{Broker, Record};
use crate::live::Live;
use crate::wire::FeedStatus;

/// How long two witnesses must agree against who leads, unless the settings say otherwise; and no switch is followed by
/// another one sooner.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The configured providers, and what is known of who is there.
#[derive(Debug, Default)]
pub struct Sources {
    rules: Live<Rules>,
    liveness: Liveness,
    witnesses: Witnesses,
}

/// Who may lead, and how long others must agree against it.
#[derive(Debug, Default)]
struct Rules {
    grants: HashMap<Arc<str>, Arc<Grant>>,
    patience: Duration,
}

/// A provider whose silence means something.
#[derive(Debug, Clone)]
pub struct Paced {
    /// Its name.
    pub provider: Arc<str>,
    /// How often it reports while games are live.
    pub interval: Duration,
    /// Whether it is pulled: then whoever pulls it tells how it stands.
    pub pulled: bool,
}

/// What a report may do to a game, as to who leads it.
#[derive(Debug, PartialEq)]
pub(super) enum Claim {
    /// It counts; afterwards this one leads.
    Leads(Option<String>),
    /// It counts if it is fit to take over.
    TakesOver(Why),
    /// It does not count; this one leads.
    Witness(String),
}

/// Why a report may take over.
#[derive(Debug, PartialEq)]
pub(super) enum Why {
    /// The leader has been silent for so long.
    Silent(Duration),
    /// Two witnesses agree against it.
    Contradicted,
    /// It led before, or would have.
    Returns,
}

impl Sources {
    /// Of these providers.
    pub fn new<'a>(
        grants: impl IntoIterator<Item = &'a Arc<Grant>>,
        paced: impl IntoIterator<Item = Paced>,
        patience: Duration,
    ) -> Sources {
        let sources = Sources::default();
        sources.change(grants, paced, patience);
        sources
    }

    /// From now on of these.
    pub(super) fn change<'a>(
        &self,
        grants: impl IntoIterator<Item = &'a Arc<Grant>>,
        paced: impl IntoIterator<Item = Paced>,
        patience: Duration,
    ) {
        let named = |grant: &Arc<Grant>| (Arc::clone(&grant.provider), Arc::clone(grant));
        let grants: HashMap<_, _> = grants.into_iter().map(named).collect();
        self.rules.set(Rules { grants: grants.clone(), patience });
        self.liveness.watch(paced);
        self.witnesses.change(|provider| grants.get(provider).cloned());
    }

    /// What a report of this provider may do to the held game; `now` by the wall clock, ms.
    pub(super) fn claim(&self, grant: &Grant, game: &Topic, held: Option<&Record>, now: i64) -> Claim {
        let own: &str = &grant.provider;
        let Rules { grants, patience } = &*self.rules.get();
        let leads = held.and_then(|held| Some((held.body.leader.as_deref()?, held)));
        let Some((leader, held)) = leads else { return Claim::Leads((!grant.desk).then(|| own.to_owned())) };
        if grant.desk {
            return Claim::Leads(Some(leader.to_owned()));
        }
        let Some(leads) = grants.get(leader).filter(|leads| leader != own && leads.covers(game)) else {
            return Claim::Leads(Some(own.to_owned()));
        };
        if let Some(since) = self.liveness.silent(leader) {
            return Claim::TakesOver(Why::Silent(since));
        }
        let beats = grant.priority < leads.priority;
        let rested = now.saturating_sub(held.body.led_since) >= i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
        match (beats, held.body.led_since) {
            (true, 0) => Claim::Leads(Some(own.to_owned())),
            (true, _) if rested => Claim::TakesOver(Why::Returns),
            _ if rested && self.witnesses.contradict(game, &held.body.document, own, *patience) => {
                Claim::TakesOver(Why::Contradicted)
            }
            _ => Claim::Witness(leader.to_owned()),
        }
    }

    /// Whether a report that may take over is fit to: its revision of what is held.
    pub(super) fn is_fit(&self, why: &Why, held: &Document, revision: Option<&Revision>) -> bool {
        match (why, revision) {
            (_, None) | (Why::Contradicted, _) => true,
            (Why::Silent(since), Some(revision)) => {
                revision.correction.is_none() || *since >= self.rules.get().patience
            }
            (Why::Returns, Some(Revision { document, .. })) => {
                totals(document) == totals(held) && document.get("status") == held.get("status")
            }
        }
    }

    /// The report in the words in which the game is held, where others spoke of it before.
    pub(super) fn align<'r>(&self, report: &'r Report, held: Option<&Record>, claim: &Claim) -> Cow<'r, Report> {
        let switched = matches!(claim, Claim::TakesOver(_));
        match held.filter(|held| switched || held.body.led_since != 0) {
            Some(held) => align::align(report, &held.body.document),
            None => Cow::Borrowed(report),
        }
    }

    /// What is taken back by a report that takes over so, beside what it says.
    pub(super) fn disputed(&self, why: Option<&Why>, report: &Report, held: Option<&Record>) -> Option<Document> {
        match why {
            Some(Why::Contradicted) => align::disputed(report, &held?.body.document),
            _ => None,
        }
    }

    /// Keeps a witness' report.
    pub(super) fn keep(&self, leader: &str, held: &Document, grant: &Arc<Grant>, report: &Report) {
        // What an id or a version is asked for was answered; the word itself goes on.
        let word = Report { id: None, if_version: None, ..report.clone() };
        let is_known = || self.rules.get().grants.contains_key(&grant.provider);
        self.witnesses.keep(leader, held, grant, &word, is_known);
    }

    /// What a witness said last of a game, unless it counted.
    pub(super) fn kept(&self, grant: &Grant, game: &Topic) -> Option<Report> {
        self.witnesses.kept(&grant.provider, game)
    }

    /// The game stands so, after a report that counted.
    pub(super) fn stands(&self, game: &Topic, leader: Option<&str>, held: &Document) {
        self.witnesses.stands(game, leader.unwrap_or_default(), held);
    }

    /// A provider was heard.
    pub(super) fn heard(&self, provider: &str) {
        self.liveness.heard(provider);
    }

    /// How often a provider will be heard from now on.
    pub(super) fn expect(&self, provider: &str, interval: Duration) {
        self.liveness.expect(provider, interval);
    }

    /// Looks who is there; gives what is to be told of it.
    pub(super) async fn check(&self, broker: &dyn Broker) -> Vec<(Arc<str>, FeedStatus)> {
        self.liveness.check(broker).await
    }

    /// Witnesses whose kept reports may count now, each with the game.
    pub(super) fn due(&self) -> Vec<(Arc<Grant>, Topic)> {
        self.witnesses.due(|leader| self.liveness.silent(leader).is_some(), self.rules.get().patience)
    }
}

#[cfg(test)]
mod tests {
    use feeds::Document;

    use super::*;
    use crate::broker::RecordBody;

    fn record(leader: Option<&str>, led_since: i64) -> Record {
        let leader = leader.map(str::to_owned);
        let body = RecordBody { document: Document::new(), leader, led_since, ..RecordBody::default() };
        let game = "soccer/x/a".parse().unwrap();
        Record { game, version: 1, score_version: 1, offset: 1, at: 0, removed: false, body }
    }

    #[test]
    fn the_lower_number_leads_and_equals_do_not_fight() {
        let grant = |name: &str, priority, desk| Arc::new(Grant { priority, desk, ..Grant::everything(name) });
        let first = grant("first", 1, false);
        let (second, equal) = (grant("second", 2, false), grant("equal", 2, false));
        let desk = grant("desk", 9, true);
        let narrowed = Arc::new(Grant { topics: vec!["tennis".parse().unwrap()], ..Grant::everything("narrowed") });
        let sources = Sources::new([&first, &second, &equal, &desk, &narrowed], [], PATIENCE);
        let claim = |grant: &Grant, leader: Option<&str>, led_since, now| {
            let held = record(leader, led_since);
            sources.claim(grant, &held.game, Some(&held), now)
        };
        let leads = |name: &str| Claim::Leads(Some(name.to_owned()));
        let witness = |name: &str| Claim::Witness(name.to_owned());

        assert_eq!(claim(&second, None, 0, 0), leads("second"));
        assert_eq!(claim(&second, Some("second"), 0, 0), leads("second"));
        assert_eq!(claim(&equal, Some("second"), 0, 0), witness("second"));
        assert_eq!(claim(&first, Some("second"), 0, 0), leads("first"));
        assert_eq!(claim(&second, Some("first"), 0, 0), witness("first"));
        assert_eq!(claim(&second, Some("gone"), 0, 0), leads("second"));
        assert_eq!(claim(&second, Some("narrowed"), 0, 0), leads("second"));
        assert_eq!(claim(&desk, Some("first"), 0, 0), leads("first"));
        assert_eq!(claim(&desk, None, 0, 0), Claim::Leads(None));
        // After a switch it returns, but not at once.
        assert_eq!(claim(&first, Some("second"), 1_000, 30_999), witness("second"));
        assert_eq!(claim(&first, Some("second"), 1_000, 31_000), Claim::TakesOver(Why::Returns));
    }
}
