//! Reading the scoreboard: one moment of it, under a read lock that is held for microseconds.

use std::sync::Arc;
use std::time::Duration;

use feeds::document;
use feeds::{Document, Topic};
use parking_lot::RwLockReadGuard;

use super::entry::{Entry, Shown};
use super::state::State;
use crate::broker::{Event, Record, RecordBody};
use crate::wire::{Detail, FeedStatus, Position};

/// One moment of the scoreboard: now, or as of an earlier offset for those who watch with a delay.
pub struct View<'a> {
    pub(super) state: RwLockReadGuard<'a, State>,
    /// What came after this offset is not there.
    pub(super) head: u64,
}

/// The changes of one game between a cursor and now, as one patch.
#[derive(Debug)]
pub struct Span {
    /// The version of the detail at the cursor.
    pub base: u64,
    /// The version now.
    pub version: u64,
    /// Every path touched, at its value now; the whole patch, to be shown in the detail.
    pub patch: Document,
    /// When the last of it was stored; ms.
    pub at: i64,
}

/// How a game's changes after a cursor can be said.
#[derive(Debug)]
pub enum Catchup {
    /// Nothing that this detail shows.
    Nothing,
    /// As a patch.
    Span(Span),
    /// Only whole: it began, changed topics, or its changes are no longer held or cannot be merged.
    State,
}

impl View<'_> {
    /// The newest offset of this moment.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The newest offset there is.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.state.head
    }

    /// The same scoreboard as of an earlier offset.
    #[must_use]
    pub fn until(mut self, offset: u64) -> Self {
        self.head = self.head.min(offset);
        self
    }

    /// The same scoreboard as it was `delay` ago, by the log's clock. Where the recent publications do not reach back so far
    /// (their bytes are bounded), games that cannot be taken back to that moment are not there until they are old enough.
    #[must_use]
    pub fn ago(self, delay: Duration) -> Self {
        let offset = if delay.is_zero() { self.head } else { self.offset_ago(delay) };
        self.until(offset)
    }

    /// The newest offset that is known to be older than `delay`.
    #[must_use]
    pub fn offset_ago(&self, delay: Duration) -> u64 {
        let moment = self.now() - i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        self.state.ring.until(moment)
    }

    pub(super) fn is_now(&self) -> bool {
        self.head == self.state.head
    }

    /// The head as a position.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at(self.head)
    }

    /// An offset as a position of this epoch.
    #[must_use]
    pub fn at(&self, offset: u64) -> Position {
        Position { epoch: self.state.epoch.clone(), offset }
    }

    /// The epoch's name.
    #[must_use]
    pub fn epoch(&self) -> &Arc<str> {
        &self.state.epoch
    }

    /// Counts the histories: cursors are good within one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.state.generation
    }

    /// Cursors before this offset may have missed a removal that is no longer known.
    #[must_use]
    pub fn horizon(&self) -> u64 {
        self.state.horizon
    }

    /// Whether the log was loaded.
    #[must_use]
    pub fn loaded(&self) -> bool {
        self.state.loaded
    }

    /// The log's clock now; ms.
    #[must_use]
    pub fn now(&self) -> i64 {
        let (at, instant) = self.state.clock;
        at + i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// The game, unless it is not there.
    #[must_use]
    pub fn game(&self, game: &Topic) -> Option<Arc<Shown>> {
        self.as_of(game, self.head)
    }

    /// How the feeds stand that have said so.
    pub fn feeds(&self) -> impl Iterator<Item = (&str, FeedStatus)> {
        let said =
            |said: &Vec<(u64, FeedStatus)>| said.iter().rev().find(|said| said.0 <= self.head).map(|said| said.1);
        self.state.feeds.iter().filter_map(move |(feed, all)| Some((feed.as_str(), said(all)?)))
    }

    /// The feeds that said something after an offset, and how they stand.
    pub fn feeds_since(&self, cursor: u64) -> impl Iterator<Item = (&str, FeedStatus)> {
        let heard = move |all: &[(u64, FeedStatus)]| all.iter().any(|said| said.0 > cursor && said.0 <= self.head);
        self.feeds().filter(move |(feed, _)| self.state.feeds.get(*feed).is_some_and(|all| heard(all)))
    }

    /// The offset at which a feed last said something.
    #[must_use]
    pub fn last_heard(&self) -> u64 {
        self.state.feeds.values().flatten().map(|said| said.0).filter(|offset| *offset <= self.head).max().unwrap_or(0)
    }

    /// Every game that is there, in no order.
    pub fn games(&self) -> impl Iterator<Item = &Arc<Shown>> {
        self.state.games.values().filter(|shown| !shown.removed)
    }

    /// How many games these topics cover; a hint, exact for one topic.
    pub fn count<'t>(&self, topics: impl IntoIterator<Item = &'t Topic>) -> usize {
        if !self.is_now() {
            // What came or went since this moment is not there for it.
            return self.since(topics, 0, usize::MAX).iter().filter(|change| !change.gone).count();
        }
        let indexes: Vec<_> = topics.into_iter().filter_map(|topic| self.state.topics.get(topic)).collect();
        match indexes.as_slice() {
            [one] => one.len(),
            many => many.iter().flat_map(|index| index.games()).collect::<std::collections::HashSet<_>>().len(),
        }
    }

    /// The offset of the last change under these topics: what they answer is the same until it moves.
    pub fn last_change<'t>(&self, topics: impl IntoIterator<Item = &'t Topic>) -> u64 {
        topics
            .into_iter()
            .filter_map(|topic| self.state.topics.get(topic))
            .map(|index| index.last_change())
            .max()
            .unwrap_or(0)
    }

    /// Entries after a cursor, oldest first, at most `limit`; `None` when the ring no longer holds the first of them.
    #[must_use]
    pub fn entries(&self, cursor: u64, limit: usize) -> Option<Vec<Arc<Entry>>> {
        if cursor >= self.head {
            return Some(Vec::new());
        }
        let held = self.state.ring.floor() <= cursor;
        let entries = || self.state.ring.after(cursor).take_while(|entry| entry.offset() <= self.head).take(limit);
        held.then(|| entries().cloned().collect())
    }

    /// A game's entries after a cursor that are still held, newest first; `None` when the game was not known yet.
    #[must_use]
    pub fn history(&self, game: &Topic, cursor: u64) -> Option<Vec<Arc<Entry>>> {
        let newest = self.state.games.get(game)?.offset;
        let mut offset = newest;
        let mut entries = Vec::new();
        while let Some(entry) = self.state.ring.get(offset).filter(|_| offset > cursor) {
            if offset <= self.head {
                entries.push(entry.clone());
            }
            offset = entry.prev;
        }
        let known = newest <= self.head || !entries.is_empty() || self.as_of(game, self.head).is_some();
        known.then_some(entries)
    }

    /// How long what comes after a cursor is still too young for those who watch with this delay; `None` where there is
    /// nothing.
    #[must_use]
    pub fn due_in(&self, cursor: u64, delay: Duration) -> Option<Duration> {
        let age = u64::try_from(self.now() - self.state.ring.at_after(cursor)?).unwrap_or(0);
        Some(delay.saturating_sub(Duration::from_millis(age)))
    }

    /// How to tell a holder of the game as of `cursor` what it is now.
    #[must_use]
    pub fn catchup(&self, shown: &Shown, cursor: u64, detail: Detail) -> Catchup {
        const LONGEST: usize = 64;
        let mut patches = Vec::new();
        let mut base = shown.version;
        let mut offset = shown.offset;
        while offset > cursor {
            let Some(entry) = self.state.ring.get(offset).filter(|_| patches.len() < LONGEST) else {
                return Catchup::State;
            };
            match &entry.publication.event {
                Event::Update(update) if !entry.begins() && update.entered.is_empty() && update.left.is_empty() => {
                    if entry.touches(detail) {
                        patches.push(&update.patch);
                        base = match detail {
                            Detail::Full => entry.publication.base,
                            Detail::Score => entry.publication.score_base,
                        };
                    }
                }
                _ => return Catchup::State,
            }
            offset = entry.prev;
        }
        let version = if detail == Detail::Full { shown.version } else { shown.score_version };
        let Some(mut patch) = patches.pop().cloned() else { return Catchup::Nothing };
        while let Some(later) = patches.pop() {
            match document::compose(&patch, later) {
                Some(both) => patch = both,
                None => return Catchup::State,
            }
        }
        Catchup::Span(Span { base, version, patch, at: shown.at })
    }

    /// The game as it was at `offset` (its publications up to there applied); `None` where it was not there then, or
    /// the ring no longer reaches back so far.
    #[must_use]
    pub fn as_of(&self, game: &Topic, offset: u64) -> Option<Arc<Shown>> {
        let mut shown = self.state.games.get(game)?.clone();
        if let Some(known) = self.first_after(shown.offset, offset).and_then(|entry| entry.before.get()) {
            return Some(known.clone());
        }
        // The game as it stands, then taken back entry by entry; None = not there.
        let mut document = (!shown.removed).then(|| shown.document.clone());
        let mut undone: Option<&Arc<Entry>> = None;
        let mut at = shown.offset;
        while at > offset {
            let entry = self.state.ring.get(at).filter(|entry| !entry.is_lost())?;
            undone = Some(entry);
            match &entry.publication.event {
                Event::Removed { .. } => {
                    shown = entry.last.get()?.clone();
                    document = Some(shown.document.clone());
                    undone = None;
                }
                Event::Update(_) if entry.begins() => document = None,
                Event::Update(update) => document::apply(document.as_mut()?, &update.undo),
                Event::Feed { .. } => {}
            }
            at = entry.prev;
        }
        match undone {
            None => document.map(|_| shown),
            Some(entry) => document.map(|document| self.before(entry, at, document)),
        }
    }

    /// The first of a game's entries after an offset, of which the last is at `newest`; `None`: there is none, or it is no longer
    /// held whole.
    fn first_after(&self, newest: u64, offset: u64) -> Option<&Arc<Entry>> {
        let (mut at, mut first) = (newest, None);
        while at > offset {
            let entry = self.state.ring.get(at).filter(|entry| !entry.is_lost())?;
            (at, first) = (entry.prev, Some(entry));
        }
        first
    }

    /// The game before an entry, with this document; kept with the entry for whoever asks next.
    fn before(&self, entry: &Entry, offset: u64, document: Document) -> Arc<Shown> {
        let publication = &entry.publication;
        let build = || {
            Arc::new(Shown::new(Record {
                game: publication.game.clone().expect("an entry of a game"),
                version: publication.base,
                score_version: publication.score_base,
                offset,
                at: self.state.ring.get(offset).map_or(publication.at, |entry| entry.publication.at),
                removed: false,
                body: RecordBody { document, ..RecordBody::default() },
            }))
        };
        entry.before.get_or_init(build).clone()
    }
}
