//! Catching up: what a session that is behind is sent, and which live entries are for it.

use std::sync::Arc;

use feeds::Topic;

use super::load::{Later, Load};
use super::{Out, Session, Told};
use crate::scoreboard::{Catchup, Entry, Shown, View};
use crate::wire::{Detail, ResetReason};

/// What was sent to a session that is behind.
#[derive(Debug, Clone)]
pub(super) struct Behind {
    /// Of games not sent since, the client holds what they were at this offset.
    from: u64,
    /// Games whose last change is at or before this were sent (mode every: entries up to this).
    cursor: u64,
    /// Entry by entry.
    every: bool,
    /// Games sent ahead of the next flush because something urgent happened, each with its last change then.
    urgent: Vec<(Topic, u64)>,
}

impl Behind {
    pub(super) fn at(from: u64, every: bool) -> Behind {
        Behind { from, cursor: from, every, urgent: Vec::new() }
    }
}

impl Session {
    /// The session could not be sent what came after `from`; it is caught up by [`Session::advance`].
    pub fn fell_behind(&mut self, from: u64) {
        let (from, every) = (from.max(self.sent), self.is_every());
        self.behind.get_or_insert_with(|| Box::new(Behind::at(from, every)));
    }

    /// Whether it was left behind, so that shared frames are not for it.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    /// Whether the live entry is for this session, whose lists it came by, rather than for its catching up.
    #[must_use]
    pub fn takes(&self, entry: &Entry) -> bool {
        entry.offset() > self.sent && self.behind.is_none()
    }

    /// Whether shared frames may go to it as they are. Not while the running load has games that follow in it alone: the
    /// position of a frame would speak for those, too. Until its end what is live comes by catching up, without positions.
    #[must_use]
    pub fn shares(&self) -> bool {
        self.loads.as_ref().and_then(|loads| loads.front()).is_none_or(|load| load.changed.is_empty())
    }

    /// What an entry by which a game enters or leaves topics is to this session.
    #[must_use]
    pub fn told_of(&mut self, entry: &Entry) -> Told {
        let (before, after) = (self.detail_of(entry.topics_before()), self.detail_of(entry.topics_after()));
        self.unless_awaited(told_of(entry, before, after), entry)
    }

    /// A game that leaves for a topic which is still to be loaded is not told to be gone.
    fn unless_awaited(&mut self, told: Told, entry: &Entry) -> Told {
        let awaited = told == Told::Removed && self.awaits(entry.topics_after(), entry.offset()).is_some();
        if awaited { Told::Nothing } else { told }
    }

    /// A game that the running load has sent in another detail follows again in that load, not in the old detail.
    pub(super) fn defers(&self, game: &Topic) -> bool {
        let load = self.loads.as_ref().and_then(|loads| loads.front());
        load.is_some_and(|load| load.changed.contains(game))
    }

    /// An urgent entry reaches a capped session that holds it back: its game goes at once, with all that was withheld of
    /// it and without a position.
    pub fn urgent(&mut self, view: &View<'_>, entry: &Entry, out: &mut Vec<Out>) {
        let Some(game) = entry.publication.game.as_ref().filter(|game| !self.defers(game)) else { return };
        let Some(behind) = &self.behind else { return };
        let sent_at = behind.urgent.iter().find(|(sent, _)| sent == game).map_or(behind.from, |(_, offset)| *offset);
        if entry.offset() <= sent_at {
            return;
        }
        let from = behind.from;
        let told = match view.game(game) {
            Some(shown) => match self.detail_of(&shown.topics) {
                Some(detail) => told(view, shown, from, detail),
                None => self.awaits(shown.topics.iter(), shown.offset).is_none().then(|| Out::Gone(game.clone())),
            },
            None => Some(Out::Gone(game.clone())),
        };
        let offset = view.game(game).map_or(entry.offset(), |shown| shown.offset);
        out.extend(told);
        if let Some(behind) = &mut self.behind {
            behind.urgent.retain(|(sent, _)| sent != game);
            behind.urgent.push((game.clone(), offset));
        }
    }

    /// Sends what changed under the loaded topics up to the view's head; false when the room is used up before.
    pub(super) fn catch_up(&mut self, view: &View<'_>, live: u64, room: &mut usize, out: &mut Vec<Out>) -> bool {
        let start = live.max(self.sent);
        let every = self.is_every();
        let mut behind = self.behind.take().unwrap_or_else(|| Box::new(Behind::at(start, every)));
        let complete = match behind.every {
            true => match self.walk(view, &mut behind.cursor, room, out) {
                Some(complete) => complete,
                None => {
                    self.reset(ResetReason::Trimmed, None, out);
                    return true;
                }
            },
            false => self.conflate(view, &mut behind, room, out),
        };
        if complete {
            self.sent = view.head();
        } else {
            self.behind = Some(behind);
        }
        complete
    }

    /// Mode latest: each game once, in the order of last change.
    fn conflate(&mut self, view: &View<'_>, behind: &mut Behind, room: &mut usize, out: &mut Vec<Out>) -> bool {
        let topics = self.subs.iter().map(|sub| &sub.topic);
        let changes = view.since(topics, behind.cursor, *room);
        let complete = changes.len() < *room;
        *room = room.saturating_sub(changes.len());
        for change in changes {
            behind.cursor = change.offset;
            let game = &change.shown.game;
            if self.defers(game) || behind.urgent.contains(&(game.clone(), change.offset)) {
                continue;
            }
            let topics = if change.shown.removed { &[][..] } else { &change.shown.topics };
            match self.detail_of(topics) {
                None if self.awaits(topics.iter(), change.offset).is_some() => {}
                None => out.push(Out::Gone(game.clone())),
                Some(_) if change.gone => {}
                Some(detail) => out.extend(told(view, change.shown, behind.from, detail)),
            }
        }
        complete
    }

    /// Mode every: entry by entry. `None` = what comes next is no longer held.
    fn walk(&mut self, view: &View<'_>, cursor: &mut u64, room: &mut usize, out: &mut Vec<Out>) -> Option<bool> {
        let entries = view.entries(*cursor, *room)?;
        let complete = entries.len() < *room || entries.last().is_none_or(|last| last.offset() == view.head());
        *room = room.saturating_sub(entries.len()).max(1);
        for entry in entries {
            *cursor = entry.offset();
            let deferred = entry.publication.game.as_ref().is_some_and(|game| self.defers(game));
            if !deferred && (!entry.is_lost() || entry.departs()) {
                out.extend(frame(view, &entry, self.told_of(&entry), !self.shares()));
            }
        }
        Some(complete)
    }

    /// Mode every, while a load runs: the entries of the games it has sent.
    pub(super) fn walk_load(
        &mut self,
        load: &mut Load,
        view: &View<'_>,
        room: &mut usize,
        out: &mut Vec<Out>,
    ) -> Option<bool> {
        let entries = view.entries(load.walked, *room)?;
        let complete = entries.len() < *room || entries.last().is_none_or(|last| last.offset() == view.head());
        *room = room.saturating_sub(entries.len()).max(1);
        for entry in entries {
            load.walked = entry.offset();
            let Some(game) = &entry.publication.game else { continue };
            if entry.is_lost() && !entry.departs() {
                continue;
            }
            let (before, after): (Vec<_>, Vec<_>) = (entry.topics_before().collect(), entry.topics_after().collect());
            let details = if load.walks(game, entry.offset()) {
                (self.coverage(load, before.iter().copied()), self.coverage(load, after.iter().copied()))
            } else if load.resumes() && !self.covers_since(load, view, game, &entry) {
                // What a live topic covered before it, the live path has taken away by it.
                let live = self.detail_of(before.iter().copied()).is_some();
                let held = if live { None } else { load.detail_of(before.iter().copied()) };
                (held, load.detail_of(after.iter().copied()))
            } else {
                continue;
            };
            let told = match self.unless_awaited(told_of(&entry, details.0, details.1), &entry) {
                // The client may have been told already that the game leaves, and then has nothing to patch.
                Told::Frame(detail) if load.resumes() && self.leaves_after(load, view, game, &entry) => {
                    Told::State(detail)
                }
                told => told,
            };
            out.extend(frame(view, &entry, told, true));
        }
        Some(complete)
    }

    /// Whether a live topic covers the game after this entry, or did later: then the live path has told of it since.
    fn covers_since(&self, load: &mut Load, view: &View<'_>, game: &Topic, entry: &Entry) -> bool {
        self.detail_of(entry.topics_after()).is_some() || self.later(load, view, game, entry).covered > entry.offset()
    }

    /// Whether the game was removed, or left a topic, after this entry.
    fn leaves_after(&self, load: &mut Load, view: &View<'_>, game: &Topic, entry: &Entry) -> bool {
        self.later(load, view, game, entry).departs > entry.offset()
    }

    /// What came of the game after this entry. Each entry is looked at once a load, however many there are of a game.
    fn later<'l>(&self, load: &'l mut Load, view: &View<'_>, game: &Topic, entry: &Entry) -> &'l Later {
        let later = load.later.entry(game.clone()).or_default();
        if later.seen < view.head() {
            for newer in view.history(game, later.seen.max(entry.offset())).unwrap_or_default() {
                if newer.departs() {
                    later.departs = later.departs.max(newer.offset());
                }
                if self.detail_of(newer.topics_after()).is_some() {
                    later.covered = later.covered.max(newer.offset());
                }
            }
            later.seen = view.head();
        }
        later
    }

    /// The greatest detail that a load, and the live topics which it does not replace, ask of a game with these topics.
    pub(super) fn coverage<'t>(&self, load: &Load, topics: impl Iterator<Item = &'t Topic> + Clone) -> Option<Detail> {
        self.beside(load, topics.clone()).max(load.detail_of(topics))
    }
}

fn told_of(entry: &Entry, held: Option<Detail>, wanted: Option<Detail>) -> Told {
    match (held, wanted) {
        (None, None) => Told::Nothing,
        (_, Some(_)) if entry.is_lost() => Told::Nothing,
        (Some(held), Some(wanted)) if held == wanted => match entry.touches(wanted) {
            true => Told::Frame(wanted),
            false => Told::Nothing,
        },
        (_, Some(wanted)) if entry.begins() => Told::Frame(wanted),
        (_, Some(wanted)) => Told::State(wanted),
        (Some(_), None) => Told::Removed,
    }
}

/// An entry as it is sent to one session; `bare`: its position is not the session's.
fn frame(view: &View<'_>, entry: &Arc<Entry>, told: Told, bare: bool) -> Option<Out> {
    match (told, &entry.publication.game) {
        (Told::Frame(detail), _) if bare => Some(Out::Bare(entry.clone(), detail)),
        (Told::Frame(detail), _) => Some(Out::Frame(entry.clone(), detail)),
        (Told::State(detail), Some(game)) => view.as_of(game, entry.offset()).map(|shown| Out::State(shown, detail)),
        (Told::Removed, Some(game)) => Some(Out::Gone(game.clone())),
        _ => None,
    }
}

/// How a holder of the game as of `from` is told what it is now.
pub(super) fn told(view: &View<'_>, shown: Arc<Shown>, from: u64, detail: Detail) -> Option<Out> {
    match view.catchup(&shown, from, detail) {
        Catchup::Nothing => None,
        Catchup::Span(span) => Some(Out::Span(shown, span, detail, None)),
        Catchup::State => Some(Out::State(shown, detail)),
    }
}
