//! What is known of the games watched, for whoever shows it.

use std::collections::{BTreeMap, VecDeque};

use feeds::{Document, Topic};
use serde::Deserialize;
use serde_json::Value;

use super::words;
use crate::cli::Failure;
use crate::cli::client::{Change, Replica};
use crate::ingest::replay::recording::Message;

/// Incidents that are remembered.
const REMEMBERED: usize = 50;

/// Everything that is shown.
#[derive(Default)]
pub(super) struct Ticker {
    replica: Replica,
    /// What each game was said to be last.
    said: BTreeMap<Topic, String>,
    /// Whether the games are all there.
    pub(super) loaded: bool,
    /// Whether the gateway has its log.
    pub(super) behind: bool,
    /// When a score changed; ms since the Unix epoch.
    pub(super) scored: BTreeMap<Topic, i64>,
    /// The newest incidents, newest first.
    pub(super) incidents: VecDeque<String>,
    /// Feeds that are not live.
    pub(super) feeds: BTreeMap<String, String>,
    /// When anything changed last; ms since the Unix epoch.
    pub(super) changed: Option<i64>,
    pub(super) changes: u64,
    pub(super) reconnects: u64,
}

/// What of a message no game says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Beside {
    Subscribed,
    Position,
    Feed {
        feed: String,
        status: String,
    },
    Status {
        live: bool,
    },
    #[serde(other)]
    Other,
}

impl Ticker {
    /// Takes a message; the games that are others now.
    pub(super) fn hear(&mut self, text: &str, now: i64) -> Result<Vec<Topic>, Failure> {
        let no_message = |error: serde_json::Error| Failure::Failed(format!("the server says no message: {error}"));
        match serde_json::from_str(text).map_err(no_message)? {
            Beside::Subscribed => self.loaded = false,
            Beside::Position => self.loaded = true,
            Beside::Feed { feed, status } if status == "live" => drop(self.feeds.remove(&feed)),
            Beside::Feed { feed, status } => drop(self.feeds.insert(feed, status)),
            Beside::Status { live } => self.behind = !live,
            Beside::Other => {}
        }
        let message: Message = serde_json::from_str(text).map_err(no_message)?;
        let before = match &message {
            Message::State { game, .. } | Message::Update { game, .. } => self.game(game).map(glance),
            _ => None,
        };
        let changes = self.replica.take(message).map_err(Failure::Failed)?;
        let mut now_others = Vec::new();
        for change in changes {
            match change {
                Change::Now(game) => {
                    self.note(&game, before.as_ref(), now);
                    now_others.push(game);
                }
                Change::Gone(game) => {
                    self.said.remove(&game);
                    self.scored.remove(&game);
                }
            }
        }
        Ok(now_others)
    }

    /// What is news in a game that is another now.
    fn note(&mut self, topic: &Topic, before: Option<&Glance>, now: i64) {
        self.changes += 1;
        self.changed = Some(now);
        let (Some(before), Some(game)) = (before, self.game(topic)) else { return };
        let after = glance(game);
        let (scored, told) = (after.score != before.score, after.incident != before.incident);
        if let Some(incident) = after.incident.filter(|_| told) {
            self.incidents.push_front(format!("{}  {incident}", after.score));
            self.incidents.truncate(REMEMBERED);
        }
        if scored {
            self.scored.insert(topic.clone(), now);
        }
    }

    fn game(&self, topic: &Topic) -> Option<&Document> {
        self.replica.games.get(topic).map(|(_, game)| game)
    }

    /// A game in a line; `None` where it says what it said before.
    pub(super) fn line(&mut self, topic: &Topic, now: i64) -> Option<String> {
        let game = self.game(topic)?;
        let Glance { score, incident } = glance(game);
        let status = game.get("status").and_then(Value::as_str).unwrap_or("unknown");
        let incident = incident.map_or(String::new(), |incident| format!("  {incident}"));
        let shown = format!("{topic}  {score}  {}{incident}", words::standing(game, now));
        // The clock's ticks are no news.
        let said = format!("{score} {status} {incident}");
        (self.said.insert(topic.clone(), said.clone()) != Some(said)).then_some(shown)
    }

    /// Every game, those that are played first, then by competition.
    pub(super) fn games(&self) -> Vec<(&Topic, &Document)> {
        let mut games: Vec<_> = self.replica.games().collect();
        let rank = |game: &Document| match game.get("status").and_then(Value::as_str) {
            Some("live" | "break" | "interrupted") => 0,
            Some("scheduled") => 1,
            _ => 2,
        };
        games.sort_by_key(|(topic, game)| (rank(game), *topic));
        games
    }
}

/// What one looks at first.
struct Glance {
    score: String,
    incident: Option<String>,
}

fn glance(game: &Document) -> Glance {
    Glance { score: words::score(game), incident: words::newest(game).map(|(_, incident)| words::incident(incident)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_goal_is_news_once() {
        let mut ticker = Ticker::default();
        let game: Topic = "soccer/eng.1/ars-che".parse().unwrap();
        let state = json!({"type": "state", "game": game, "version": 1, "state": {"status": "live",
            "competitors": {"home": {"name": "Arsenal", "score": {"total": 0}}, "away": {"name": "Chelsea", "score": {"total": 0}}}}});
        let goal = json!({"type": "update", "game": game, "base": 1, "version": 2, "at": 0, "patch": {
            "competitors": {"home": {"score": {"total": 1}}}, "incidents": {"a": {"type": "goal", "order": 1}}}});
        let clock =
            json!({"type": "update", "game": game, "base": 2, "version": 3, "at": 0, "patch": {"clock": {"ms": 5}}});
        let mut lines = Vec::new();
        for (message, now) in [(&state, 1), (&goal, 2), (&clock, 3)] {
            for game in ticker.hear(&message.to_string(), now).unwrap() {
                lines.extend(ticker.line(&game, now));
            }
        }
        let said = ["Arsenal 0–0 Chelsea  live", "Arsenal 1–0 Chelsea  live  goal"];
        assert_eq!(lines, said.map(|line| format!("{game}  {line}")));
        assert_eq!(ticker.scored[&game], 2);
        assert_eq!(ticker.incidents, ["Arsenal 1–0 Chelsea  goal"]);
    }
}
