//! Loads: a subscription's games on their way out, a whole connection starting over, games told again in less detail.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use feeds::Topic;

use super::catchup::told;
use super::{Limits, Next, Out, Session, detail_among};
use crate::scoreboard::{Change, View};
use crate::wire::{Detail, Message, Piece, Position, ResetReason};

/// One load.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) kind: Kind,
    pub(super) topics: Vec<(Topic, Detail)>,
    /// Topics unsubscribed meanwhile. At the end mark the client drops what it holds under them and was not sent, so games
    /// that others of its topics cover are sent all the same.
    dropped: Vec<Topic>,
    /// Where the client left off, until that was looked at.
    since: Option<Position>,
    /// Or where an earlier part of this load ended.
    piece: Option<Piece>,
    /// Until when a position ahead of the head is waited for.
    deadline: Option<Instant>,
    /// Of games not sent yet, the client holds what they were at this offset; `None` = nothing (a snapshot).
    from: Option<u64>,
    /// Games whose last change is at or before this were sent.
    pub(super) cursor: u64,
    /// Games it has sent in another detail than they had (mode every: all it has sent): they follow in this load alone
    /// until its end.
    pub(super) changed: HashSet<Topic>,
    /// It began in mode every, and ends in it.
    every: bool,
    /// Mode every: entries up to here were told of the games it has sent; each of these from where it was sent.
    pub(super) walked: u64,
    sent_at: HashMap<Topic, u64>,
    /// Departures after this are told: nothing that left before was ever shown.
    floor: u64,
    /// Mode every, resuming: what came of each game after the entry that is told.
    pub(super) later: HashMap<Topic, Later>,
    /// Whether its `subscribed` or `reset` was sent.
    pub(super) announced: bool,
    /// What the `subscribed` says, also of topics dropped since.
    asked: Vec<Topic>,
    /// The detail that was asked for.
    detail: Detail,
    /// What follows the end mark.
    pub(super) after: Vec<Message<'static>>,
}

/// What is known of one game's newest entries.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// Entries up to here were looked at.
    pub(super) seen: u64,
    /// The last by which it left a topic.
    pub(super) departs: u64,
    /// The last after which a live topic covers it.
    pub(super) covered: u64,
}

/// Why something is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A subscribe.
    Subscribe { id: u64 },
    /// The whole connection starts over.
    Reset { id: Option<u64>, reason: ResetReason },
    /// The delay was lowered: the changes, by catching up, then the end mark.
    Delay { id: u64, delay: u16 },
    /// An unsubscribe has lowered the detail of games that other topics still cover.
    Restate,
}

impl Load {
    /// Whether it is a change to a longer delay than is held that has not begun; `least` is what the token asks for.
    pub(super) fn raises(&self, held: u16, least: u16) -> bool {
        matches!(self.kind, Kind::Delay { delay, .. } if !self.announced && delay.max(least) > held)
    }

    fn new(kind: Kind, topics: Vec<(Topic, Detail)>) -> Load {
        Load {
            kind,
            topics,
            dropped: Vec::new(),
            since: None,
            piece: None,
            deadline: None,
            from: None,
            cursor: 0,
            changed: HashSet::new(),
            every: false,
            walked: 0,
            sent_at: HashMap::new(),
            floor: 0,
            later: HashMap::new(),
            announced: false,
            asked: Vec::new(),
            detail: Detail::Full,
            after: Vec::new(),
        }
    }

    pub(super) fn subscribe(id: u64, topics: Vec<Topic>, detail: Detail, since: Option<Position>) -> Load {
        let asked = topics.clone();
        let topics = topics.into_iter().map(|topic| (topic, detail)).collect();
        Load { since, asked, detail, ..Load::new(Kind::Subscribe { id }, topics) }
    }

    pub(super) fn reset(
        reason: ResetReason,
        id: Option<u64>,
        topics: Vec<(Topic, Detail)>,
        after: Vec<Message<'static>>,
    ) -> Load {
        Load { after, ..Load::new(Kind::Reset { id, reason }, topics) }
    }

    pub(super) fn restate(topics: Vec<(Topic, Detail)>) -> Load {
        Load::new(Kind::Restate, topics)
    }

    pub(super) fn delay_to(id: u64, delay: u16) -> Load {
        Load::new(Kind::Delay { id, delay }, Vec::new())
    }

    /// The delay it changes to.
    pub(super) fn delay(&self) -> Option<u16> {
        if let Kind::Delay { delay, .. } = self.kind { Some(delay) } else { None }
    }

    /// Whether the client's position is honoured.
    pub(super) fn resumes(&self) -> bool {
        self.from.is_some()
    }

    /// Mode every: whether the entry at `offset` is told of the game by this load.
    pub(super) fn walks(&self, game: &Topic, offset: u64) -> bool {
        self.sent_at.get(game).is_some_and(|sent| *sent < offset)
    }

    /// It goes on where an earlier part of it ended.
    pub(super) fn go_on(&mut self, piece: Piece) {
        self.piece = Some(piece);
    }

    /// Where it stands, for another to go on.
    pub(super) fn paused(&self, view: &View<'_>) -> Piece {
        let (epoch, reach) = (view.epoch().clone(), view.head());
        Piece { epoch, cursor: self.cursor, reach, resumed: self.resumes(), floor: self.floor }
    }

    /// Another load has replaced what the client held by states as of this moment, and dropped what was not there: a position
    /// beyond it speaks for less than it did.
    pub(super) fn overtaken(&mut self, view: &View<'_>) {
        let Some(since) = &mut self.since else { return };
        match since.epoch == *view.epoch() {
            true => since.offset = since.offset.min(view.head()),
            false => since.epoch = "".into(), // also if this gateway comes to know it
        }
    }

    /// The topics that will be subscriptions when it ends.
    pub(super) fn subscribing(&self) -> impl Iterator<Item = &Topic> {
        let counts = !matches!(self.kind, Kind::Restate);
        self.topics.iter().filter(move |_| counts).map(|(topic, _)| topic)
    }

    /// Takes topics out of it; whether any was in it, now or before. `taken`: those in whose detail the client may hold games,
    /// by this load or since before.
    pub(super) fn drop_topics(&mut self, topics: &[Topic], taken: &mut Vec<(Topic, Detail)>) -> bool {
        // Which topics are live may be another matter now.
        self.later.clear();
        if matches!(self.kind, Kind::Restate) {
            return false;
        }
        for (topic, detail) in self.topics.extract_if(.., |(topic, _)| topics.contains(topic)) {
            self.dropped.push(topic.clone());
            if self.announced || self.since.is_some() {
                taken.push((topic, detail));
            }
        }
        topics.iter().any(|topic| self.dropped.contains(topic))
    }

    pub(super) fn detail_of<'t>(&self, topics: impl IntoIterator<Item = &'t Topic>) -> Option<Detail> {
        detail_among(topics, self.topics.iter().map(|(topic, detail)| (topic, *detail)))
    }
}

impl Session {
    /// Sends the next piece of a load; `Streaming` = it is complete. `None`: in mode every, what it must tell next is no
    /// longer held.
    pub(super) fn run(
        &mut self,
        load: &mut Load,
        view: &View<'_>,
        now: Instant,
        limits: &Limits,
        room: &mut usize,
        out: &mut Vec<Out>,
    ) -> Option<Next> {
        if !load.announced {
            let reset = match self.look_at_since(load, view, now, limits) {
                Ok(reset) => reset,
                Err(wait) => return Some(Next::At(wait)),
            };
            self.announce(load, view, reset, out);
        }
        if load.every {
            match self.walk_load(load, view, room, out)? {
                true if load.resumes() => return Some(Next::Streaming),
                true => {}
                false => return Some(Next::More),
            }
        }
        let topics = load.topics.iter().map(|(topic, _)| topic).chain(&load.dropped);
        let changes = view.since(topics, load.cursor, *room);
        let complete = changes.len() < *room;
        *room = room.saturating_sub(changes.len());
        for change in changes {
            load.cursor = change.offset;
            let game = change.shown.game.clone();
            if !load.sent_at.contains_key(&game) {
                let piece = self.piece(load, view, change);
                if load.every && piece.is_some() {
                    load.changed.insert(game.clone());
                    load.sent_at.insert(game, view.head());
                }
                out.extend(piece);
            }
        }
        Some(if complete { Next::Streaming } else { Next::More })
    }

    /// Decides whether the position can be honoured; `Err` = not yet, look again then.
    fn look_at_since(
        &self,
        load: &mut Load,
        view: &View<'_>,
        now: Instant,
        limits: &Limits,
    ) -> Result<Option<ResetReason>, Instant> {
        let (epoch, newest, oldest) = match (&load.piece, &load.since) {
            (Some(piece), _) => (&piece.epoch, piece.reach, piece.floor),
            (None, Some(since)) => (&since.epoch, since.offset, since.offset),
            (None, None) => return Ok(None),
        };
        if epoch != view.epoch() {
            return Ok(Some(ResetReason::Epoch));
        }
        // Whoever writes a piece by hand may write anything.
        let newest = newest.max(load.piece.as_ref().map_or(0, |piece| piece.cursor.max(piece.floor)));
        if newest > view.head() {
            let deadline = *load.deadline.get_or_insert(now + limits.ahead_wait);
            // Who watches with a delay is not told whether it is there already.
            let late = self.options.delay > 0 || newest <= view.newest();
            let reason = if late { ResetReason::Delay } else { ResetReason::Ahead };
            // Where every topic was taken back there is nothing to wait for.
            let waits = now < deadline && !load.topics.is_empty();
            return if waits { Err(deadline) } else { Ok(Some(reason)) };
        }
        if oldest < view.horizon() {
            return Ok(Some(ResetReason::Trimmed));
        }
        if let Some(piece) = &load.piece {
            load.from = piece.resumed.then_some(piece.floor);
            load.cursor = piece.cursor;
            return Ok(None);
        }
        // Games that this connection has in another detail come as state, changed or not: then all are looked at.
        let changes_detail = load.topics.iter().any(|(_, detail)| self.subs.iter().any(|sub| sub.detail != *detail));
        if self.is_every() {
            let untold = self.untold > 0 && self.untold <= oldest;
            if untold || view.entries(oldest, 1).is_none() {
                return Ok(Some(ResetReason::Trimmed));
            }
            if changes_detail {
                return Ok(None);
            }
        }
        load.from = Some(oldest);
        load.cursor = if changes_detail { 0 } else { oldest };
        Ok(None)
    }

    fn announce(&self, load: &mut Load, view: &View<'_>, reset: Option<ResetReason>, out: &mut Vec<Out>) {
        load.announced = true;
        let goes_on = load.piece.take().filter(|_| reset.is_none());
        load.floor = goes_on.map(|piece| piece.floor).or(load.from).unwrap_or(view.head());
        load.walked = load.floor;
        if self.untold > 0 {
            let told = self.untold - 1;
            (load.floor, load.cursor) = (load.floor.min(told), load.cursor.min(told));
        }
        load.every = self.is_every() && !matches!(load.kind, Kind::Restate);
        match load.kind {
            Kind::Subscribe { id } => {
                out.extend(reset.map(|reason| Out::Say(Message::Reset { id: Some(id), reason })));
                out.push(Out::Say(Message::Subscribed {
                    id,
                    topics: std::mem::take(&mut load.asked),
                    detail: load.detail,
                    options: self.options,
                    resumed: load.from.is_some(),
                    games: view.count(load.topics.iter().map(|(topic, _)| topic)),
                }));
            }
            Kind::Reset { id, reason } => out.push(Out::Say(Message::Reset { id, reason })),
            Kind::Delay { .. } | Kind::Restate => {}
        }
    }

    /// The greatest detail that loads still to come ask of a game with these topics, which has changed at `offset`. It is not
    /// told to be gone: they tell what it is now, also if that is gone, or the client holds it under their position.
    pub(super) fn awaits<'t>(
        &mut self,
        topics: impl Iterator<Item = &'t Topic> + Clone,
        offset: u64,
    ) -> Option<Detail> {
        let asking =
            self.loads.iter().flat_map(|loads| loads.iter()).filter(|load| !matches!(load.kind, Kind::Restate));
        let asked = asking.filter_map(|load| load.detail_of(topics.clone())).max();
        if asked.is_some() && (self.untold == 0 || offset < self.untold) {
            self.untold = offset;
        }
        asked
    }

    /// The greatest detail that live topics which a load does not replace ask of a game with these topics.
    pub(super) fn beside<'t>(&self, load: &Load, topics: impl IntoIterator<Item = &'t Topic>) -> Option<Detail> {
        self.detail_of(topics.into_iter().filter(|topic| !load.topics.iter().any(|(own, _)| own == *topic)))
    }

    /// What one changed game of a load comes as.
    fn piece(&mut self, load: &mut Load, view: &View<'_>, change: Change) -> Option<Out> {
        let shown = change.shown;
        let topics = if shown.removed { &[][..] } else { &shown.topics };
        let asked = load.detail_of(topics);
        let others = self.beside(load, topics);
        if let Kind::Restate = load.kind {
            // What has left meanwhile was told in the detail that it left.
            let left = || load.topics.iter().map(|(_, detail)| *detail).max().filter(|_| change.gone);
            let lowered = others.is_some_and(|other| asked.or_else(left).is_some_and(|was| other < was));
            return lowered.then(|| Out::State(shown, Detail::Score));
        }
        let Some(detail) = asked.max(others) else {
            let dropped = |topic: &&Topic| !change.gone && load.dropped.contains(topic);
            // Since it was unsubscribed another token may have come, which does not cover it.
            let seen = topics.iter().filter(dropped).any(|topic| self.access.allows(topic));
            let dropped = topics.iter().any(|topic| dropped(&topic));
            return match (self.awaits(topics.iter(), change.offset), load.from) {
                // What a load that is still to come asks for is not dropped at this one's end.
                (Some(detail), None) if dropped => Some(Out::State(shown, detail)),
                (Some(_), _) => None,
                (None, _) if change.offset <= load.floor => None,
                // Nobody asks for it any more, but until the answer to its unsubscribe the client holds it, and then looks
                // at its document for the topics that cover it.
                (None, Some(from)) if seen => told(view, shown, from, load.detail),
                (None, None) if seen => Some(Out::State(shown, load.detail)),
                (None, _) => Some(Out::Gone(shown.game.clone())),
            };
        };
        if self.detail_of(topics).is_some_and(|held| held != detail) {
            load.changed.insert(shown.game.clone());
        }
        match load.from {
            _ if load.changed.contains(&shown.game) => Some(Out::State(shown, detail)),
            _ if change.gone => None,
            None => Some(Out::State(shown, detail)),
            Some(from) if change.offset > from => told(view, shown, from, detail),
            Some(_) => None,
        }
    }
}
