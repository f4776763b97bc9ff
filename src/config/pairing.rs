//! `[pairing]`: what several providers call one game.

use std::collections::BTreeMap;
use std::fmt;

use feeds::Topic;
use feeds::topic::Kind;
use serde::Deserialize;

use super::{ConfigError, Span, fail};

/// How games of several providers find together. Without this table each provider's games are its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pairing {
    /// How far two providers' kick-offs of one game lie apart at most.
    pub window: Span,
    /// Competitions, each with what others call it: `"soccer/eng.1" = ["soccer/epl"]`.
    pub competitions: BTreeMap<Topic, Vec<Topic>>,
    /// Teams, each with names that are more than a club's word longer: `arsenal = ["The Gunners"]`.
    pub teams: BTreeMap<String, Vec<String>>,
    /// Games that are paired by hand: what a provider calls it, and what it is.
    pub games: BTreeMap<Topic, Topic>,
}

impl Default for Pairing {
    fn default() -> Pairing {
        let (competitions, teams, games) = Default::default();
        Pairing { window: Span::seconds(900), competitions, teams, games }
    }
}

impl fmt::Display for Pairing {
    /// In one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (competitions, teams, games) = (self.competitions.len(), self.teams.len(), self.games.len());
        write!(f, "within {}; named: {competitions} competitions, {teams} teams, {games} games", self.window)
    }
}

impl Pairing {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let competitions = self.competitions.iter().flat_map(|(to, aliases)| aliases.iter().chain([to]));
        if let Some(other) = competitions.into_iter().find(|topic| topic.kind() != Kind::Competition) {
            return fail(format!("pairing.competitions: {other}: a competition is sport/competition"));
        }
        if let Some((to, _)) =
            self.competitions.iter().find(|(to, aliases)| aliases.iter().any(|alias| alias.sport() != to.sport()))
        {
            return fail(format!("pairing.competitions: {to}: its aliases are of the same sport"));
        }
        if let Some(other) = self.games.iter().flat_map(|(from, to)| [from, to]).find(|topic| !topic.is_game()) {
            return fail(format!("pairing.games: {other}: a game is sport/competition/game"));
        }
        Ok(())
    }
}
