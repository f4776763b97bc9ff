//! What changed under some topics after a cursor, as of now or of an earlier moment.

use std::sync::Arc;

use feeds::Topic;

use super::entry::Shown;
use super::index::Merge;
use super::view::View;

/// What [`View::since`] found, in the order of last change.
#[derive(Debug, Clone)]
pub struct Change {
    /// The game as it stands.
    pub shown: Arc<Shown>,
    /// Where the change stands in the log: the cursor after it.
    pub offset: u64,
    /// It left one of the topics (or was removed) at that offset.
    pub gone: bool,
}

impl Change {
    fn order(&self) -> (u64, &Topic) {
        (self.offset, &self.shown.game)
    }
}

impl View<'_> {
    /// What changed under these topics after a cursor, in the order of last change, at most `limit` games; departures
    /// too. The answer to everything that is not the live path: a snapshot is since 0, a resume since the token, a slow
    /// reader since where it stopped.
    pub fn since<'t>(&self, topics: impl IntoIterator<Item = &'t Topic>, cursor: u64, limit: usize) -> Vec<Change> {
        let topics: Vec<&Topic> = topics.into_iter().collect();
        let after = |cursor| Merge::new(topics.iter().filter_map(|topic| self.state.topics.get(*topic)), cursor);
        let unchanged = after(cursor).take_while(|(offset, ..)| *offset <= self.head);
        let unchanged = unchanged.filter_map(|(offset, gone, game)| self.change(offset, gone, game));
        if self.is_now() {
            return unchanged.take(limit).collect();
        }
        // What has changed since stands elsewhere in the order now than it did then.
        let since = after(cursor.max(self.head)).filter_map(|(_, _, game)| Some((self.last_then(game)?, game)));
        let mut since: Vec<(u64, &Topic)> = since.filter(|(offset, _)| *offset > cursor).collect();
        since.sort_unstable();
        since.dedup();
        // What it was is made of as many as are asked for.
        let since = since.into_iter().filter_map(|(_, game)| self.earlier(game, cursor, &topics));
        let (mut since, mut unchanged) = (since.peekable(), unchanged.peekable());
        let mut found: Vec<Change> = Vec::new();
        loop {
            let first = match (since.peek(), unchanged.peek()) {
                (Some(one), Some(other)) if one.order() <= other.order() => since.next(),
                (Some(_), None) => since.next(),
                _ => unchanged.next(),
            };
            let Some(first) = first else { return found };
            let last = found.last();
            if last.is_some_and(|last| last.offset == first.offset && last.shown.game == first.shown.game) {
                continue;
            }
            // Games that were not changed since this gateway began have one offset in common, and go together.
            if found.len() >= limit && last.is_none_or(|last| last.offset < first.offset) {
                return found;
            }
            found.push(first);
        }
    }

    fn change(&self, offset: u64, gone: bool, game: &Topic) -> Option<Change> {
        let shown = match gone && !self.is_now() {
            true => match self.as_of(game, self.head) {
                Some(shown) => shown,
                None => Arc::new(self.state.games.get(game)?.tombstone(offset)),
            },
            false => self.state.games.get(game)?.clone(),
        };
        Some(Change { shown, offset, gone })
    }

    /// What a game that has changed since this moment was then, where it had changed after the cursor: under these
    /// topics, or no longer under them. Which of them it came under only later is nothing to this moment.
    fn earlier(&self, game: &Topic, cursor: u64, topics: &[&Topic]) -> Option<Change> {
        if let Some(shown) = self.as_of(game, self.head) {
            let offset = shown.offset;
            let gone = !shown.topics.iter().any(|topic| topics.contains(&topic));
            let told = offset > cursor && !(gone && self.never_left(offset, cursor, topics));
            return told.then_some(Change { shown, offset, gone });
        }
        // It was not there at this moment; it may have been removed after the cursor.
        let offset = self.last_then(game)?;
        let entry = self.state.ring.get(offset).filter(|entry| offset > cursor && entry.departs())?;
        // Of a former life that is not known any more the name is left, which is all that a departure tells.
        let shown = entry.last.get().or_else(|| self.state.games.get(game))?;
        Some(Change { shown: Arc::new(shown.tombstone(offset)), offset, gone: true })
    }

    /// The offset of a game's last entry at this moment.
    fn last_then(&self, game: &Topic) -> Option<u64> {
        let mut offset = self.state.games.get(game)?.offset;
        while offset > self.head {
            offset = self.state.ring.get(offset)?.prev;
        }
        Some(offset)
    }

    /// Whether none of a game's entries after a cursor, of which the last is at `offset`, took it out of these topics. What
    /// the ring no longer holds may have.
    fn never_left(&self, mut offset: u64, cursor: u64, topics: &[&Topic]) -> bool {
        while offset > cursor {
            let Some(entry) = self.state.ring.get(offset) else { return false };
            if entry.topics_before().any(|topic| topics.contains(&topic)) {
                return false;
            }
            offset = entry.prev;
        }
        true
    }
}
