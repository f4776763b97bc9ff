//! The games and reports that a run makes for itself, under a topic that no other run has.

use serde_json::json;

/// The games of a run: `bench/<run>/0`, `bench/<run>/1`, …
#[derive(Debug, Clone)]
pub struct Fixture {
    run: String,
    games: u64,
}

impl Fixture {
    /// Games under a new topic.
    #[must_use]
    pub fn new(games: u64) -> Fixture {
        Fixture { run: format!("r{:08x}", fastrand::u32(..)), games }
    }

    /// A game's name.
    #[must_use]
    pub fn game(&self, number: u64) -> String {
        format!("bench/{}/{number}", self.run)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.games).map(|number| self.game(number))
    }

    /// What the connections subscribe to: each `each` games, spread evenly, so that every game has the same crowd;
    /// 0 = all games, by the topic above them.
    #[must_use]
    pub fn topics(&self, each: u64) -> Vec<Vec<String>> {
        if each == 0 {
            return vec![vec![format!("bench/{}", self.run)]];
        }
        let each = each.min(self.games);
        let step = self.games / each;
        let game = |first, n| self.game((first + n * step) % self.games);
        (0..self.games).map(|first| (0..each).map(|n| game(first, n)).collect()).collect()
    }

    /// The report that begins a game: a match of the usual size, 0–0.
    #[must_use]
    pub fn begin(&self, number: u64) -> String {
        let side = |name: &str, abbr: &str| {
            json!({"kind": "team", "name": name, "abbr": abbr, "team": format!("{}-{number}", abbr.to_lowercase()),
                   "score": {"total": 0, "parts": {"1": 0}}})
        };
        let patch = json!({
            "competition": {"name": "Load League", "round": "1"},
            "status": "live",
            "period": {"number": 1, "kind": "half", "of": 2},
            "competitors": {"home": side("Northern Load", "NOR"), "away": side("Southern Burden", "SOU")},
            "situation": {"play": "Kick-off"},
            "info": {"venue": "The Treadmill"},
        });
        json!({"game": self.game(number), "patch": patch}).to_string()
    }

    /// The report that brings a game to a total.
    #[must_use]
    pub fn report(&self, number: u64, total: u64) -> String {
        format!(r#"{{"game":"{}","patch":{}}}"#, self.game(number), patch(total))
    }

    /// The message that a subscriber gets for it: what a server without any thought of its own would send.
    #[must_use]
    pub fn message(&self, number: u64, total: u64, at: i64) -> String {
        let (game, patch, base) = (self.game(number), patch(total), total - 1);
        format!(
            r#"{{"type":"update","game":"{game}","base":{base},"version":{total},"patch":{patch},"position":"k3qx9abc.{total}","at":{at}}}"#
        )
    }
}

fn patch(total: u64) -> String {
    format!(
        r#"{{"competitors":{{"home":{{"score":{{"total":{total}}}}}}},"situation":{{"play":"Shot {total} from the edge of the box"}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_reports_and_every_game_has_the_same_crowd() {
        let fixture = Fixture::new(10);
        for line in [fixture.begin(3), fixture.report(3, 7)] {
            let report = feeds::Report::from_value(serde_json::from_str(&line).unwrap()).unwrap();
            assert_eq!(report.game.to_string(), fixture.game(3));
        }
        let topics = fixture.topics(3);
        for game in fixture.names() {
            assert_eq!(topics.iter().flatten().filter(|topic| **topic == game).count(), 3, "{game}");
        }
        assert!(topics.iter().all(|topics| topics[0] != topics[1] && topics[1] != topics[2]));
    }

    #[test]
    fn the_message_is_one() {
        let fixture = Fixture::new(1);
        let message: serde_json::Value = serde_json::from_str(&fixture.message(0, 5, 9)).unwrap();
        assert_eq!((&message["base"], &message["version"], &message["at"]), (&4.into(), &5.into(), &9.into()));
    }
}
