//! The live path: what a shard does with new entries. Each frame is made once; a delivery costs a link in an arena and its
//! share of a write. All frames due to one socket leave in one vectored write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::audience::{Group, Key};
use super::conn::{Conn, GATHER};
use super::rest;
use super::shard::Shard;
use crate::broker::Event;
use crate::metrics::{CloseReason, Metrics};
use crate::scoreboard::{Entry, View};
use crate::session::Told;
use crate::wire::{Detail, Message, ResetReason, Variant};

/// Entries taken from the ring at once; their frames are merged per socket.
const BATCH: usize = 256;

/// What goes out in one turn. Its memory is kept from turn to turn.
#[derive(Default)]
pub(super) struct Turn {
    frames: Vec<Bytes>,
    links: Vec<Link>,
    due: Vec<Key>,
    /// Whether clients were told that the broker is away.
    pub(super) away: bool,
}

/// One frame due to one connection, and the next.
struct Link {
    frame: u32,
    next: Option<u32>,
    /// The entry it tells of.
    offset: u64,
}

/// The frames of one entry, by variant: numbers in [`Turn::frames`].
type Made = [Option<u32>; Variant::COUNT];

impl Shard {
    /// Takes everything past each group's cursor that is old enough for it, and fans it out.
    pub(super) fn follow(&mut self) {
        let board = self.board.clone();
        let view = board.view();
        if view.generation() != self.generation {
            self.start_over(&view);
        }
        drop(view);
        self.next_due = None;
        self.rests = false;
        let groups: Vec<Group> = self.groups.keys().copied().collect();
        for group in groups {
            while self.follow_one(group) {}
        }
    }

    /// Fans out to one group; whether there may be more at once.
    fn follow_one(&mut self, group: Group) -> bool {
        let board = self.board.clone();
        let delay = Duration::from_secs(group.into());
        let view = board.view().ago(delay);
        if view.generation() != self.generation {
            // It is told to start over in the next turn.
            return false;
        }
        let cursor = self.cursor_of(group);
        let rest = self.groups.get(&group).and_then(|follower| follower.rests_until);
        if let Some(until) = rest.filter(|until| cursor < view.head() && *until > Instant::now()) {
            drop(view);
            self.due_at(until);
            self.rests |= group == 0;
            return false;
        }
        let Some(entries) = view.entries(cursor, BATCH) else {
            let head = view.head();
            drop(view);
            self.overrun(group, cursor, head);
            return false;
        };
        let Some(last) = entries.last().map(|last| last.offset()) else {
            self.plan(&view, cursor, delay);
            return false;
        };
        drop(view);
        let sockets = self.fan_out(group, &entries);
        if let Some(follower) = self.groups.get_mut(&group) {
            follower.cursor = last;
            // Who has more waiting than one pass takes does not rest.
            let rest = rest::after(sockets).filter(|_| entries.len() < BATCH);
            follower.rests_until = rest.map(|rest| Instant::now() + rest);
        }
        true
    }

    /// Remembers when the next entry will be old enough.
    fn plan(&mut self, view: &View<'_>, cursor: u64, delay: Duration) {
        if let Some(due) = view.due_in(cursor, delay) {
            self.due_at(Instant::now() + due);
        }
    }

    fn due_at(&mut self, due: Instant) {
        self.next_due = Some(self.next_due.map_or(due, |planned| planned.min(due)));
    }

    /// The log's history was cut: every connection starts over.
    fn start_over(&mut self, view: &View<'_>) {
        self.generation = view.generation();
        for (group, follower) in &mut self.groups {
            let delay = Duration::from_secs((*group).into());
            follower.cursor = if *group == 0 { view.newest() } else { view.offset_ago(delay) };
        }
        for key in self.keys() {
            let mut out = Vec::new();
            self.conns[key].session.reset(ResetReason::Epoch, None, &mut out);
            self.carry_out(key, &mut out);
            self.enqueue(key);
        }
    }

    /// The ring has moved past a group's cursor: its connections are caught up one by one.
    fn overrun(&mut self, group: Group, cursor: u64, head: u64) {
        let members = |conn: &Conn| conn.group == group && conn.closing.is_none();
        for key in self.keys().into_iter().filter(|key| members(&self.conns[*key])).collect::<Vec<_>>() {
            self.lag(key, cursor);
            self.enqueue(key);
        }
        if let Some(follower) = self.groups.get_mut(&group) {
            follower.cursor = head;
        }
    }

    /// To how many sockets there was something to write.
    fn fan_out(&mut self, group: Group, entries: &[Arc<Entry>]) -> usize {
        let mut told = Vec::new();
        for entry in entries.iter().filter(|entry| !entry.is_lost() || entry.departs()) {
            let links = self.turn.links.len();
            match &entry.publication.event {
                Event::Feed { .. } => self.tell_all(group, entry),
                Event::Update(_) if entry.moves() => self.tell_movers(group, entry),
                Event::Update(_) | Event::Removed { .. } => self.tell_audience(group, entry),
            }
            if self.turn.links.len() > links {
                told.push(entry);
            }
        }
        let sockets = self.turn.due.len();
        self.flush_turn();
        if group == 0 {
            observe(&self.metrics, &told);
        }
        sockets
    }

    /// The ordinary entry: those who have the game get the frame of their variant.
    fn tell_audience(&mut self, group: Group, entry: &Entry) {
        let mut made: Made = [None; Variant::COUNT];
        let Shard { audience, conns, encoder, turn, .. } = self;
        let (mut behind, mut capped) = (Vec::new(), Vec::new());
        audience.visit(group, entry, |key, detail| {
            let conn = &mut conns[key];
            if !entry.touches(detail) || conn.closing.is_some() {
                return;
            }
            if conn.session.is_capped() {
                return capped.push(key);
            }
            if !conn.session.takes(entry) {
                return;
            }
            if !conn.streams() {
                return behind.push(key);
            }
            let variant = Variant { detail, form: conn.form };
            let frame = *made[variant.index()].get_or_insert_with(|| turn.frame(encoder.live(entry, variant)));
            conn.due = Some(turn.link(key, conn.due, frame, entry.offset()));
        });
        for key in behind {
            self.lag(key, entry.offset() - 1);
        }
        for key in capped {
            self.withhold(key, entry);
        }
    }

    /// A capped connection is told at its next flush, or at once of what is urgent.
    fn withhold(&mut self, key: Key, entry: &Entry) {
        let conn = &mut self.conns[key];
        if entry.offset() <= conn.session.reached(0) {
            return;
        }
        if let Some(at) = conn.session.withhold(entry.offset() - 1, self.now) {
            self.flush_at(key, at);
        }
        let conn = &self.conns[key];
        if entry.is_urgent() && conn.is_clear() {
            let (board, group) = (self.board.clone(), conn.group);
            let view = board.view();
            let view = if group == 0 { view } else { view.until(entry.offset()) };
            let mut out = Vec::new();
            self.conns[key].session.urgent(&view, entry, &mut out);
            drop(view);
            self.carry_out(key, &mut out);
        }
    }

    /// An entry by which the game enters or leaves topics: for each connection it is an update, a state or a removal.
    fn tell_movers(&mut self, group: Group, entry: &Entry) {
        let Some(game) = &entry.publication.game else { return };
        let mut concerned = Vec::new();
        self.audience.visit(group, entry, |key, _| concerned.push(key));
        let shown = self.board.view().as_of(game, entry.offset());
        for key in concerned {
            let conn = &mut self.conns[key];
            if conn.closing.is_some() {
                continue;
            }
            if conn.session.is_capped() {
                self.withhold(key, entry);
                continue;
            }
            if !conn.session.takes(entry) {
                continue;
            }
            let form = conn.form;
            let frame = match (conn.session.told_of(entry), &shown) {
                (Told::Nothing, _) => continue,
                (Told::Frame(detail), _) if conn.streams() => self.encoder.live(entry, Variant { detail, form }),
                (Told::State(detail), Some(shown)) if conn.streams() => {
                    self.encoder.state(shown, Variant { detail, form })
                }
                (Told::Removed, _) if conn.streams() => {
                    let position = Some(entry.publication.position.clone());
                    self.encoder.encode(&Message::Removed { game, position }, form)
                }
                _ => {
                    self.lag(key, entry.offset() - 1);
                    continue;
                }
            };
            let frame = self.turn.frame(frame);
            self.conns[key].due = Some(self.turn.link(key, self.conns[key].due, frame, entry.offset()));
        }
    }

    /// A feed's status goes to every connection; its position only to those for whom nothing is missing.
    fn tell_all(&mut self, group: Group, entry: &Entry) {
        let Event::Feed { feed, status } = &entry.publication.event else { return };
        for key in self.keys() {
            let conn = &self.conns[key];
            if conn.closing.is_some() || conn.group != group {
                continue;
            }
            let form = conn.form;
            if conn.streams() && conn.session.takes(entry) && conn.session.speaks() {
                let frame = self.encoder.live(entry, Variant { detail: Detail::Full, form });
                let frame = self.turn.frame(frame);
                self.conns[key].due = Some(self.turn.link(key, self.conns[key].due, frame, entry.offset()));
            } else if conn.backlog_len() < super::conn::GATHER {
                // Not dropped for a client that is slow, but neither piled up for one that is gone.
                self.say(key, &Message::Feed { feed, status: *status, position: None });
            }
        }
    }

    fn flush_turn(&mut self) {
        let due = std::mem::take(&mut self.turn.due);
        for &key in &due {
            if let Err(reason) = self.flush_due(key) {
                self.remove(key, reason);
            }
        }
        self.turn.due = due;
        self.turn.due.clear();
        self.turn.links.clear();
        self.turn.frames.clear();
    }

    /// Writes the frames due to one connection. What its outlet does not take is dropped, but for the frame that was
    /// begun: the connection lags from there.
    fn flush_due(&mut self, key: Key) -> Result<(), CloseReason> {
        let now = self.ms();
        let Shard { conns, turn, delivered, .. } = self;
        let Some(conn) = conns.get_mut(key) else { return Ok(()) };
        let delivered = &mut delivered[conn.transport() as usize];
        let mut next = conn.due.take().map(|(first, _)| first);
        conn.said = now;
        while next.is_some() {
            let mut chain = [0_u32; GATHER];
            let mut count = 0;
            while let Some(link) = next.filter(|_| count < GATHER) {
                chain[count] = link;
                count += 1;
                next = turn.links[link as usize].next;
            }
            let frames = chain[..count].iter().map(|&link| &turn.frames[turn.links[link as usize].frame as usize]);
            let mut written = conn.outlet.write(frames).map_err(|_| CloseReason::Error)?.unwrap_or(0);
            for &link in &chain[..count] {
                let link = &turn.links[link as usize];
                let frame = &turn.frames[link.frame as usize];
                if written >= frame.len() {
                    written -= frame.len();
                } else {
                    let begun = written > 0;
                    if begun {
                        conn.keep(frame.slice(written..));
                    }
                    let from = if begun { link.offset } else { link.offset - 1 };
                    self.lag(key, from);
                    return Ok(());
                }
                delivered.0 += 1;
                delivered.1 += frame.len() as u64;
            }
        }
        Ok(())
    }

    /// The connection could not be sent what came after `from`.
    fn lag(&mut self, key: Key, from: u64) {
        let conn = &mut self.conns[key];
        conn.session.fell_behind(from);
        if !std::mem::replace(&mut conn.lagging, true) {
            self.metrics.lagging(1);
        }
        if conn.is_clear() {
            // No write is under way whose end would call it back.
            self.enqueue(key);
        }
    }
}

impl Turn {
    fn frame(&mut self, frame: Bytes) -> u32 {
        self.frames.push(frame);
        index(self.frames.len() - 1)
    }

    /// Hangs a frame on a connection's chain; gives the chain's new ends.
    fn link(&mut self, key: Key, chain: Option<(u32, u32)>, frame: u32, offset: u64) -> (u32, u32) {
        let link = index(self.links.len());
        self.links.push(Link { frame, next: None, offset });
        match chain {
            Some((first, last)) => {
                self.links[last as usize].next = Some(link);
                (first, link)
            }
            None => {
                self.due.push(key);
                (link, link)
            }
        }
    }
}

fn index(number: usize) -> u32 {
    u32::try_from(number).expect("a turn has fewer than 2^32 deliveries: 256 entries, 18,000 connections")
}

fn observe(metrics: &Metrics, entries: &[&Arc<Entry>]) {
    let wall = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    let wall = i64::try_from(wall).unwrap_or(i64::MAX);
    for entry in entries {
        metrics.gateway_to_socket(entry.arrived.elapsed());
        if let Event::Update(update) = &entry.publication.event {
            metrics.delivery_seconds(wall - update.accepted_at);
        }
    }
}
