//! What one who listened held, message by message: the contract's rules of section 4.

use std::collections::{BTreeMap, BTreeSet};

use feeds::document::apply;
use feeds::{Document, Topic};

use crate::ingest::replay::recording::Message;

/// The games as they stood.
#[derive(Default)]
pub(in crate::cli) struct Replica {
    /// Each with its version.
    pub(in crate::cli) games: BTreeMap<Topic, (u64, Document)>,
    /// While everything is told anew: what was told so far.
    told: Option<BTreeSet<Topic>>,
}

/// What a message changed.
#[derive(Debug, PartialEq)]
pub(in crate::cli) enum Change {
    /// The game is another now.
    Now(Topic),
    /// It is not there any more.
    Gone(Topic),
}

impl Replica {
    /// Takes a message.
    ///
    /// # Errors
    /// Where an update does not fit: something is missing before it.
    pub(in crate::cli) fn take(&mut self, message: Message) -> Result<Vec<Change>, String> {
        match message {
            Message::Subscribed { resumed: false } | Message::Reset => self.told = Some(BTreeSet::new()),
            Message::Position { .. } => return Ok(self.end_mark()),
            Message::State { game, version, state } => {
                if let Some(told) = &mut self.told {
                    told.insert(game.clone());
                }
                self.games.insert(game.clone(), (version, state));
                return Ok(vec![Change::Now(game)]);
            }
            Message::Update { game, base, version, patch, .. } => {
                let Some((held, document)) = self.games.get_mut(&game).filter(|(held, _)| base <= *held) else {
                    return Err(format!("an update of {game} from version {base}, which was not told"));
                };
                if version > *held {
                    *held = version;
                    apply(document, &patch);
                    return Ok(vec![Change::Now(game)]);
                }
            }
            Message::Removed { game, .. } => {
                return Ok(self.games.remove(&game).map(|_| Change::Gone(game)).into_iter().collect());
            }
            Message::Hello { .. } | Message::Subscribed { .. } | Message::Other => {}
        }
        Ok(Vec::new())
    }

    /// What was told anew is all there is.
    fn end_mark(&mut self) -> Vec<Change> {
        let Some(told) = self.told.take() else { return Vec::new() };
        let gone: Vec<Topic> = self.games.keys().filter(|game| !told.contains(*game)).cloned().collect();
        self.games.retain(|game, _| told.contains(game));
        gone.into_iter().map(Change::Gone).collect()
    }

    /// Every game as it stands.
    pub(in crate::cli) fn games(&self) -> impl Iterator<Item = (&Topic, &Document)> {
        self.games.iter().map(|(game, (_, document))| (game, document))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn take(replica: &mut Replica, message: Value) -> Result<Vec<Change>, String> {
        replica.take(serde_json::from_value(message).unwrap())
    }

    #[test]
    fn what_is_not_told_anew_is_gone_at_the_end_mark() {
        let (a, b): (Topic, Topic) = ("soccer/x/a".parse().unwrap(), "soccer/x/b".parse().unwrap());
        let mut replica = Replica::default();
        for game in [&a, &b] {
            take(&mut replica, json!({"type": "state", "game": game, "version": 3, "state": {}})).unwrap();
        }
        let end = json!({"type": "position", "position": "k.9"});
        assert_eq!(take(&mut replica, end.clone()), Ok(vec![]));
        take(&mut replica, json!({"type": "subscribed", "id": 0, "resumed": true, "games": 2})).unwrap();
        assert_eq!(take(&mut replica, end.clone()), Ok(vec![]), "a resume tells only what changed");
        take(&mut replica, json!({"type": "reset", "reason": "epoch"})).unwrap();
        take(&mut replica, json!({"type": "state", "game": b, "version": 4, "state": {"status": "live"}})).unwrap();
        assert_eq!(take(&mut replica, end), Ok(vec![Change::Gone(a)]));
        assert_eq!(replica.games().count(), 1);
    }

    #[test]
    fn an_update_counts_once_and_must_fit() {
        let game: Topic = "soccer/x/a".parse().unwrap();
        let mut replica = Replica::default();
        let update = |base: u64, version: u64| {
            json!({"type": "update", "game": "soccer/x/a", "base": base, "version": version, "at": 5,
                "patch": {"info": {"leg": version}}})
        };
        assert!(take(&mut replica, update(3, 4)).is_err());
        take(&mut replica, json!({"type": "state", "game": game, "version": 3, "state": {}})).unwrap();
        assert_eq!(take(&mut replica, update(3, 4)), Ok(vec![Change::Now(game.clone())]));
        assert_eq!(take(&mut replica, update(3, 4)), Ok(vec![]), "again");
        assert!(take(&mut replica, update(5, 6)).is_err());
        assert_eq!(replica.games[&game].1["info"]["leg"], 4);
    }
}
