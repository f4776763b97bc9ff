//! Pairing: what several providers call one game. Their ids never match and their names differ; what they share is the
//! sport, the competition (by its aliases), the kick-off (within a window) and the two names, once they are reduced to
//! what everybody says (with a table for the rest). A game that is named by hand is that game. Home and away are not
//! exchanged: who disagrees on that is told apart.
//!
//! The games there are known from the log, so that every process pairs alike.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use feeds::topic::slug;
use feeds::{Change, Document, Report, Topic};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;

use super::verdict::{Reason, Said};
use crate::auth::Grant;
use crate::broker::{Broker, Event, Followed, Publication};
use crate::config::Pairing as Settings;

/// A postponed game may be this far from where others still have it.
const POSTPONED: SignedDuration = SignedDuration::from_hours(36);

/// What a club is called beside its name, by some.
const CLUB_WORDS: [&str; 22] = [
    "fc", "afc", "cf", "sc", "ac", "as", "sv", "fk", "bk", "if", "cd", "ud", "sd", "rc", "ssc", "us", "vfb", "vfl",
    "tsv", "the", "club", "de",
];

/// The games there are, and who calls them what.
pub(super) struct Pairing {
    settings: Settings,
    /// Each alias' competition.
    competitions: HashMap<(String, String), String>,
    /// Each alias' team.
    teams: HashMap<String, String>,
    known: Mutex<Known>,
    loaded: AtomicBool,
}

#[derive(Default)]
struct Known {
    games: BTreeMap<Topic, Identity>,
    /// Games that were paired, by what else they are called.
    paired: HashMap<Topic, Topic>,
}

/// By what a game is known.
#[derive(Debug, Clone, Default, PartialEq)]
struct Identity {
    start: Option<Timestamp>,
    home: Option<String>,
    away: Option<String>,
    /// The log tells of it.
    is_told: bool,
}

impl Pairing {
    pub(super) fn new(settings: Settings) -> Pairing {
        let parts = |topic: &Topic| (topic.sport().to_owned(), topic.competition().to_owned());
        let of = |(to, aliases): (&Topic, &Vec<Topic>)| {
            let to = to.competition().to_owned();
            aliases.iter().map(parts).map(|alias| (alias, to.clone())).collect::<Vec<_>>()
        };
        let competitions = settings.competitions.iter().flat_map(of).collect();
        let reduce = |name: &str| reduced(name).unwrap_or_default();
        let of = |(to, aliases): (&String, &Vec<String>)| {
            aliases.iter().map(|alias| (reduce(alias), reduce(to))).collect::<Vec<_>>()
        };
        let teams = settings.teams.iter().flat_map(of).collect();
        Pairing { settings, competitions, teams, known: Mutex::default(), loaded: AtomicBool::new(false) }
    }

    /// Learns the games of the log, until it is dropped.
    pub(super) async fn follow(self: Arc<Self>, broker: Arc<dyn Broker>) {
        let (tell, mut told) = mpsc::channel(256);
        let following = tokio::spawn(async move { broker.follow(tell).await });
        let weak = Arc::downgrade(&self);
        drop(self);
        while let Some(followed) = told.recv().await {
            let Some(pairing) = weak.upgrade() else { break };
            pairing.hear(&followed);
        }
        following.abort();
    }

    /// Whether the log's games are known: before that a game would be taken for a new one.
    pub(super) fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    fn hear(&self, followed: &Followed) {
        match followed {
            Followed::Loaded { .. } => self.loaded.store(true, Ordering::Release),
            Followed::Record(record) if !record.removed => self.learn(&record.game, &record.body.document),
            Followed::Recent(publication) | Followed::Published(publication) => {
                match (&**publication, &publication.event) {
                    (Publication { game: Some(game), .. }, Event::Update(update)) => self.learn(game, &update.patch),
                    (Publication { game: Some(game), .. }, Event::Removed { .. }) => self.forget(game),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The report under the name that its game has here. What it says of a game that its provider may not report is not
    /// learnt from.
    pub(super) fn name(&self, report: Report, grant: &Grant) -> Report {
        let (Change::Patch(said) | Change::Image(said)) = &report.change;
        let game = self.find(&report.game, said, |game| grant.covers(game));
        match game == report.game {
            true => report,
            false => renamed(report, game),
        }
    }

    /// The name that a game has here.
    pub(super) fn called(&self, game: &Topic) -> Topic {
        self.find(game, &Document::new(), |_| false)
    }

    /// What a report on a game was answered: one that is in the log is told of by it; of what came to nothing nothing is kept.
    pub(super) fn hear_answer(&self, game: &Topic, said: &Said) {
        let mut known = self.known.lock();
        match said {
            Said::Applied { .. } => known.games.get_mut(game).into_iter().for_each(|identity| identity.is_told = true),
            Said::Unchanged { version: 1.. } | Said::Refused { reason: Reason::NotLeading, .. } => {}
            Said::Unchanged { .. } | Said::Refused { .. } => {
                if known.games.get(game).is_some_and(|identity| !identity.is_told) {
                    known.games.remove(game);
                }
            }
        }
    }

    fn find(&self, own: &Topic, said: &Document, may_learn: impl Fn(&Topic) -> bool) -> Topic {
        if let Some(game) = self.settings.games.get(own) {
            return game.clone();
        }
        let here = self.in_its_competition(own);
        let mut known = self.known.lock();
        if let Some(game) = known.paired.get(&here) {
            return game.clone();
        }
        if known.games.contains_key(&here) {
            return here;
        }
        let identity = self.identity(said);
        match self.nearest(&known, &here, &identity, is_postponed(said)) {
            Some(game) => {
                if may_learn(&game) {
                    tracing::info!(game = %own, paired = %game, "two providers tell one game");
                    known.paired.insert(here, game.clone());
                }
                game
            }
            None => {
                // At once: the next report may come before the log tells of this one.
                if identity.home.is_some() && identity.away.is_some() && may_learn(&here) {
                    known.games.insert(here.clone(), identity);
                }
                here
            }
        }
    }

    fn in_its_competition(&self, own: &Topic) -> Topic {
        let competition = self.competitions.get(&(own.sport().to_owned(), own.competition().to_owned()));
        let id = own.segments().nth(2).unwrap_or_default();
        competition.and_then(|to| Topic::game(own.sport(), to, id).ok()).unwrap_or_else(|| own.clone())
    }

    /// The one game of the same competition and names whose start is nearest, within the window.
    fn nearest(&self, known: &Known, own: &Topic, identity: &Identity, postponed: bool) -> Option<Topic> {
        let Identity { start: Some(start), home: Some(_), away: Some(_), .. } = identity else { return None };
        let window = SignedDuration::try_from(self.settings.window.0).unwrap_or(POSTPONED);
        let window = if postponed { window.max(POSTPONED) } else { window };
        let beside = |game: &Topic| game.sport() == own.sport() && game.competition() == own.competition();
        let apart = |(game, other): (&Topic, &Identity)| {
            let apart = start.duration_since(other.start?).abs();
            let same = beside(game) && (&other.home, &other.away) == (&identity.home, &identity.away);
            (same && apart <= window).then(|| (apart, game.clone()))
        };
        let mut found: Vec<_> = known.games.iter().filter_map(apart).collect();
        found.sort();
        match found.as_slice() {
            [(first, _), (second, _), ..] if first == second => None, // a guess would be wrong half of the time
            _ => found.into_iter().next().map(|(_, game)| game),
        }
    }

    fn identity(&self, said: &Document) -> Identity {
        let side = |side: &str| self.team(said.get("competitors")?.get(side)?.get("name")?.as_str()?);
        let start = said.get("start").and_then(Value::as_str).and_then(|start| start.parse().ok());
        Identity { start, home: side("home"), away: side("away"), is_told: false }
    }

    fn team(&self, name: &str) -> Option<String> {
        let name = reduced(name)?;
        Some(self.teams.get(&name).cloned().unwrap_or(name))
    }

    /// What a document or a patch says of a game's identity.
    fn learn(&self, game: &Topic, said: &Document) {
        if !said.contains_key("competitors") && !said.contains_key("start") {
            return;
        }
        let Identity { start, home, away, .. } = self.identity(said);
        let mut known = self.known.lock();
        if known.paired.contains_key(game) {
            return;
        }
        let held = known.games.entry(game.clone()).or_default();
        let (home, away) = (home.or(held.home.take()), away.or(held.away.take()));
        *held = Identity { start: start.or(held.start), home, away, is_told: true };
    }

    fn forget(&self, game: &Topic) {
        let mut known = self.known.lock();
        known.games.remove(game);
        known.paired.retain(|_, paired| paired != game);
    }
}

fn is_postponed(said: &Document) -> bool {
    said.get("status").is_some_and(|status| status == "postponed")
}

/// A name without what only some say: case, accents, dots, and that it is a club.
fn reduced(name: &str) -> Option<String> {
    let slug = slug(name)?;
    let words = |keep: &dyn Fn(&&str) -> bool| {
        slug.split(['-', '.', '_']).filter(|w| !w.is_empty()).filter(keep).collect::<Vec<_>>()
    };
    let own = words(&|word| !CLUB_WORDS.contains(word) && !word.bytes().all(|b| b.is_ascii_digit()));
    let words = if own.is_empty() { words(&|_| true) } else { own };
    Some(words.join("-"))
}

/// A report under another game's name; of the competition it says only what is not in the name.
fn renamed(report: Report, game: Topic) -> Report {
    let mut report = Report { game, ..report };
    let (Change::Patch(said) | Change::Image(said)) = &mut report.change;
    if let Some(Value::Object(competition)) = said.get_mut("competition") {
        competition.remove("id");
    }
    report
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pairing(settings: &str) -> Pairing {
        Pairing::new(toml::from_str(settings).unwrap())
    }

    fn report(game: &str, start: &str, home: &str, away: &str) -> Report {
        let image = json!({"start": start, "competition": {"id": game.split('/').nth(1), "name": "x"},
            "competitors": {"home": {"name": home}, "away": {"name": away}}});
        Report::from_value(json!({"game": game, "image": image})).unwrap()
    }

    #[test]
    fn names_are_reduced_to_what_everybody_says() {
        for (one, other) in [
            ("Falkirk", "Falkirk FC"),
            ("St Mirren", "St. Mirren"),
            ("1. FC Köln", "FC Koln"),
            ("The Strongest", "Strongest"),
            ("AC Milan", "Milan AC"),
        ] {
            assert_eq!(reduced(one), reduced(other), "{one}");
        }
        assert_ne!(reduced("Dundee FC"), reduced("Dundee United"));
        assert!(reduced("FC").is_some());
    }

    #[test]
    fn one_game_has_one_name() {
        let pairing = pairing(
            "competitions = { \"soccer/eng.1\" = [\"soccer/epl\"] }\nteams = { arsenal = [\"The Gunners\"] }\n\
             games = { \"soccer/x/by-hand\" = \"soccer/eng.1/100\" }",
        );
        let named = |game: &str, start: &str, home: &str, away: &str| {
            let named = pairing.name(report(game, start, home, away), &Grant::everything("acme"));
            let feeds::Change::Image(image) = &named.change else { unreachable!() };
            // Under another name it does not say again what the name says.
            assert_eq!(image["competition"].get("id").is_some(), named.game.as_str() == game);
            named.game.to_string()
        };
        let noon = "2026-11-22T12:00:00Z";
        assert_eq!(named("soccer/eng.1/100", noon, "Arsenal", "Chelsea"), "soccer/eng.1/100");
        assert_eq!(named("soccer/epl/x9", "2026-11-22T12:05:00Z", "The Gunners", "Chelsea FC"), "soccer/eng.1/100");
        assert_eq!(pairing.called(&"soccer/epl/x9".parse().unwrap()).as_str(), "soccer/eng.1/100", "it is remembered");
        assert_eq!(named("soccer/x/by-hand", noon, "?", "!"), "soccer/eng.1/100");
        // A provider may change its own id between two polls.
        assert_eq!(named("soccer/eng.1/401867698", noon, "Arsenal", "Chelsea"), "soccer/eng.1/100");
        // Another hour, other sides, another competition: another game.
        assert_eq!(named("soccer/epl/x10", "2026-11-22T13:00:00Z", "Arsenal", "Chelsea"), "soccer/eng.1/x10");
        assert_eq!(named("soccer/epl/x11", noon, "Chelsea", "Arsenal"), "soccer/eng.1/x11");
        assert_eq!(named("soccer/fa.cup/x12", noon, "Arsenal", "Chelsea"), "soccer/fa.cup/x12");
    }

    #[test]
    fn a_postponed_game_may_be_a_day_away_and_of_two_as_near_none_is_it() {
        let pairing = pairing("");
        let named = |report: Report| pairing.name(report, &Grant::everything("acme")).game.to_string();
        let moved = |game: &str| report(game, "2026-11-23T18:00:00Z", "A FC", "B");
        assert_eq!(named(report("soccer/x/a", "2026-11-22T12:00:00Z", "A", "B")), "soccer/x/a");
        let mut postponed = moved("soccer/x/b");
        let Change::Image(image) = &mut postponed.change else { unreachable!() };
        image.insert("status".to_owned(), "postponed".into());
        assert_eq!(named(postponed), "soccer/x/a");
        assert_eq!(named(moved("soccer/x/c")), "soccer/x/c", "that is the return match");

        let at = |game: &str, start: &str| named(report(game, start, "C", "D"));
        assert_eq!(at("soccer/x/d", "2026-11-22T12:00:00Z"), "soccer/x/d");
        assert_eq!(at("soccer/x/e", "2026-11-22T12:20:00Z"), "soccer/x/e");
        assert_eq!(at("soccer/x/f", "2026-11-22T12:10:00Z"), "soccer/x/f");
    }

    #[test]
    fn what_is_gone_is_not_paired_with() {
        let pairing = pairing("");
        let game: Topic = "soccer/x/a".parse().unwrap();
        let one = report("soccer/x/a", "2026-11-22T12:00:00Z", "A", "B");
        let Change::Image(document) = &one.change else { unreachable!() };
        pairing.learn(&game, document);
        let other =
            || pairing.name(report("soccer/x/b", "2026-11-22T12:00:00Z", "A FC", "B"), &Grant::everything("acme")).game;
        assert_eq!(other(), game);
        pairing.forget(&game);
        assert_eq!(other().as_str(), "soccer/x/b");
    }

    #[test]
    fn who_may_not_report_a_game_does_not_name_it() {
        let pairing = pairing("");
        let noon = "2026-11-22T12:00:00Z";
        let acme = Grant::everything("acme");
        let tennis = Grant { topics: vec!["tennis".parse().unwrap()], ..Grant::everything("ten") };
        let named = |grant: &Grant, game: &str, home: &str| pairing.name(report(game, noon, home, "B"), grant).game;
        // It neither begins a game that others are then taken for …
        assert_eq!(named(&tennis, "soccer/x/mine", "A").as_str(), "soccer/x/mine");
        assert_eq!(named(&acme, "soccer/x/a", "A").as_str(), "soccer/x/a");
        // … nor ties an id to somebody else's.
        assert_eq!(named(&tennis, "soccer/x/c", "A").as_str(), "soccer/x/a");
        assert_eq!(named(&acme, "soccer/x/c", "C").as_str(), "soccer/x/c");
        // What was no report is forgotten, what the log tells, or will tell, is not.
        let nothing = Said::refused(Reason::Conflict, "");
        let applied = Said::Applied { version: 1, position: "e.1".parse().unwrap(), replayed: false, note: None };
        for (game, home) in [("soccer/x/a", "A"), ("soccer/x/c", "C")] {
            pairing.hear_answer(&game.parse().unwrap(), &nothing);
            assert_eq!(named(&acme, "soccer/x/d", home).as_str(), "soccer/x/d");
            let learnt = report("soccer/x/d", noon, home, "B");
            let Change::Image(document) = &learnt.change else { unreachable!() };
            pairing.learn(&learnt.game, document);
            pairing.hear_answer(&learnt.game, &nothing);
            assert_eq!(named(&acme, "soccer/x/e", home), learnt.game);
            pairing.forget(&learnt.game);
        }
        let begun = named(&acme, "soccer/x/f", "F");
        pairing.hear_answer(&begun, &applied);
        pairing.hear_answer(&begun, &nothing);
        assert_eq!(named(&acme, "soccer/x/g", "F"), begun);
    }
}
