//! What those say who do not lead: kept, so that one of them can take over at once, and compared, so that two of them
//! can contradict who leads.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::document::compose;
use feeds::revision::fits;
use feeds::{Change, Document, Report, Topic};
use parking_lot::Mutex;
use serde_json::Value;

use crate::auth::Grant;

/// Games whose witnesses are kept; of more than that only new reports count.
const MAX_GAMES: usize = 10_000;
/// What nobody said anything of for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// A kept word is not tried more often.
const AGAIN: Duration = Duration::from_secs(1);

/// Totals by competitor.
type Totals = BTreeMap<String, i64>;

/// The witnesses of all games.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    games: Mutex<HashMap<Topic, Seen>>,
}

#[derive(Debug)]
struct Seen {
    leader: String,
    /// The totals that the game has.
    held: Totals,
    words: BTreeMap<Arc<str>, Word>,
    at: Instant,
    tried: Option<Instant>,
}

/// One witness' last word.
#[derive(Debug)]
struct Word {
    grant: Arc<Grant>,
    report: Report,
    totals: Totals,
    /// Since when it says these totals.
    since: Instant,
}

impl Witnesses {
    /// Keeps a report that does not count, on a game that stands so. Not of a provider that was taken away while its
    /// report was under way: that is asked where [`Witnesses::change`] cannot come between.
    pub(super) fn keep(
        &self,
        leader: &str,
        held: &Document,
        grant: &Arc<Grant>,
        report: &Report,
        is_known: impl Fn() -> bool,
    ) {
        let mut games = self.games.lock();
        if !is_known() {
            return;
        }
        if games.len() >= MAX_GAMES && !games.contains_key(&report.game) {
            games.retain(|_, seen| seen.at.elapsed() < FORGOTTEN);
            if games.len() >= MAX_GAMES {
                return;
            }
        }
        let fresh = || Seen {
            leader: String::new(),
            held: Totals::new(),
            words: BTreeMap::new(),
            at: Instant::now(),
            tried: None,
        };
        let seen = games.entry(report.game.clone()).or_insert_with(fresh);
        seen.stands(leader, held);
        let before = seen.words.remove(&grant.provider);
        let (change, said) = match &before {
            Some(word) => (together(&word.report.change, &report.change), Some((word.totals.clone(), word.since))),
            None => (report.change.clone(), None),
        };
        let (Change::Patch(says) | Change::Image(says)) = &change;
        let totals = totals(says);
        let since = said.filter(|(said, _)| *said == totals).map_or_else(Instant::now, |(_, since)| since);
        let report = Report { change, ..report.clone() };
        seen.words.insert(Arc::clone(&grant.provider), Word { grant: Arc::clone(grant), report, totals, since });
    }

    /// What a witness said last of a game, unless it counted.
    pub(super) fn kept(&self, provider: &str, game: &Topic) -> Option<Report> {
        Some(self.games.lock().get(game)?.words.get(provider)?.report.clone())
    }

    /// Who may speak has changed: a word counts by its provider's new grant, and not at all without one.
    pub(super) fn change(&self, grant: impl Fn(&str) -> Option<Arc<Grant>>) {
        for (game, seen) in self.games.lock().iter_mut() {
            seen.words.retain(|provider, word| match grant(provider).filter(|grant| grant.covers(game)) {
                Some(grant) => {
                    word.grant = grant;
                    true
                }
                None => false,
            });
        }
    }

    /// The game stands so now, after a report that counted.
    pub(super) fn stands(&self, game: &Topic, leader: &str, held: &Document) {
        if let Some(seen) = self.games.lock().get_mut(game) {
            seen.stands(leader, held);
        }
    }

    /// Whether this witness and another have long said the same, and something else than the game says.
    pub(super) fn contradict(&self, game: &Topic, held: &Document, witness: &str, patience: Duration) -> bool {
        let games = self.games.lock();
        games.get(game).is_some_and(|seen| seen.contradicted(&totals(held), patience).contains(&witness))
    }

    /// Kept words that may count now: whose leader is silent, or contradicted. The best witness of a game comes first.
    pub(super) fn due(&self, silent: impl Fn(&str) -> bool, patience: Duration) -> Vec<(Arc<Grant>, Topic)> {
        let mut due = Vec::new();
        for (game, seen) in self.games.lock().iter_mut() {
            let tried = seen.tried.is_some_and(|tried| tried.elapsed() < AGAIN);
            if tried || (!silent(&seen.leader) && seen.contradicted(&seen.held, patience).is_empty()) {
                continue;
            }
            seen.tried = Some(Instant::now());
            let mut words: Vec<&Word> = seen.words.values().collect();
            words.sort_by_key(|word| word.grant.priority);
            due.extend(words.into_iter().map(|word| (Arc::clone(&word.grant), game.clone())));
        }
        due
    }
}

impl Seen {
    fn stands(&mut self, leader: &str, held: &Document) {
        if self.leader != leader {
            leader.clone_into(&mut self.leader);
            self.tried = None;
        }
        self.words.remove(leader);
        self.held = totals(held);
        self.at = Instant::now();
    }

    /// Those who agree with one another, for long enough, on other totals than these.
    fn contradicted(&self, held: &Totals, patience: Duration) -> Vec<&str> {
        let contradicts = |word: &Word| {
            let differs = word.totals.iter().any(|(key, total)| held.get(key) != Some(total));
            differs && word.since.elapsed() >= patience
        };
        let words: Vec<(&Arc<str>, &Word)> = self.words.iter().filter(|(_, word)| contradicts(word)).collect();
        let agreed = |word: &Word| words.iter().filter(|(_, other)| other.totals == word.totals).count() >= 2;
        words.iter().filter(|(_, word)| agreed(word)).map(|(name, _)| &***name).collect()
    }
}

/// Two reports of one witness as one: what it says now, and of patches also what it said before.
fn together(before: &Change, now: &Change) -> Change {
    match (before, now) {
        (Change::Patch(before), Change::Patch(now)) => {
            // What no game could hold was said by nobody who means well: it begins anew.
            let both = compose(before, now).filter(fits);
            Change::Patch(both.unwrap_or_else(|| now.clone()))
        }
        (_, now) => now.clone(),
    }
}

/// The totals that a document says.
pub(super) fn totals(document: &Document) -> Totals {
    let competitors = document.get("competitors").and_then(Value::as_object);
    let total = |(key, one): (&String, &Value)| Some((key.clone(), one.get("score")?.get("total")?.as_i64()?));
    competitors.into_iter().flatten().filter_map(total).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(home: i64) -> Document {
        json!({"competitors": {"home": {"score": {"total": home}}}}).as_object().unwrap().clone()
    }

    fn report(home: i64) -> Report {
        let game = "soccer/x/a".parse().unwrap();
        Report { game, change: Change::Image(document(home)), id: None, event_at: None, seq: None, if_version: None }
    }

    #[test]
    fn two_who_agree_contradict_and_one_alone_does_not() {
        let witnesses = Witnesses::default();
        let [b, c] = ["b", "c"].map(|name| Arc::new(Grant::everything(name)));
        let contradict = |held: i64, patience| {
            ["b", "c"].map(|name| witnesses.contradict(&report(0).game, &document(held), name, patience))
        };
        witnesses.keep("a", &document(1), &b, &report(2), || true);
        assert_eq!(contradict(1, Duration::ZERO), [false, false]);
        witnesses.keep("a", &document(1), &c, &report(3), || true);
        assert_eq!(contradict(1, Duration::ZERO), [false, false], "they do not agree");
        witnesses.keep("a", &document(1), &c, &report(2), || true);
        assert_eq!(contradict(1, Duration::ZERO), [true, true]);
        assert_eq!(contradict(1, Duration::from_secs(60)), [false, false], "not for long enough");
        assert_eq!(contradict(2, Duration::ZERO), [false, false], "the game says the same");
    }

    #[test]
    fn kept_words_are_due_when_the_leader_is_silent_best_first() {
        let witnesses = Witnesses::default();
        let grant = |name, priority| Arc::new(Grant { priority, ..Grant::everything(name) });
        witnesses.keep("a", &document(1), &grant("b", 9), &report(1), || true);
        witnesses.keep("a", &document(1), &grant("c", 5), &report(1), || true);
        let due = |silent: bool| -> Vec<String> {
            let due = witnesses.due(|_| silent, Duration::from_secs(60));
            due.into_iter().map(|(grant, _)| grant.provider.to_string()).collect()
        };
        assert!(due(false).is_empty());
        assert_eq!(due(true), ["c", "b"]);
        assert!(due(true).is_empty(), "not again at once");
        witnesses.stands(&report(0).game, "c", &document(1));
        assert_eq!(due(true), ["b"], "who leads is no witness");
    }
}
