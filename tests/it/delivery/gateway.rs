//! A gateway without sockets: the scoreboard, one shard's lists and cursor, a session per client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::Topic;
use scoreline::auth::Access;
use scoreline::broker::Followed;
use scoreline::fanout::Audience;
use scoreline::scoreboard::{Entry, RingBounds, Scoreboard, Settings, View, Writer};
use scoreline::session::{Limits, Next, Out, Session, Told};
use scoreline::wire::{Detail, Options, ResetReason};

use super::client::{Client, Said};
use super::log::Log;

pub(super) const LIMITS: Limits = Limits { topics: 200, ahead_wait: Duration::ZERO, delay: 300 };
/// Of the gateway that hears late: positions that it does not know yet are waited for.
const PATIENT: Limits = Limits { ahead_wait: Duration::from_secs(3_600), ..LIMITS };

pub(super) struct Gateway {
    /// Among the two: the second hears of the log later than the first.
    number: usize,
    /// What it has not heard yet.
    unheard: VecDeque<Followed>,
    reloaded: bool,
    board: Arc<Scoreboard>,
    writer: Writer,
    audience: Audience,
    pub(super) sessions: Vec<Option<Session>>,
    /// The cursors of the live and of the delayed.
    cursors: [u64; 2],
    /// Up to here entries are old enough for the delayed.
    matured: u64,
    generation: u64,
}

impl Gateway {
    pub(super) fn new(number: usize, log: &Log) -> Gateway {
        let recent = RingBounds { age_ms: 1, bytes: usize::MAX };
        let board = Scoreboard::new(Settings { recent, tombstone_ms: 1, grace: Duration::ZERO });
        let mut writer = board.writer();
        log.load(0).into_iter().for_each(|told| writer.take(told));
        let generation = board.view().generation();
        Gateway {
            number,
            unheard: VecDeque::new(),
            reloaded: false,
            board,
            writer,
            audience: Audience::default(),
            sessions: Vec::new(),
            cursors: [0; 2],
            matured: 0,
            generation,
        }
    }

    pub(super) fn tell(&mut self, told: Option<Followed>) {
        self.unheard.extend(told);
        if self.number == 0 {
            self.hear(usize::MAX);
        }
    }

    /// Whether it has begun anew: then it may not know games as they were for those who watch with a delay, when its history is
    /// cut or a game was removed and has come back. It tells them when they are old enough; until then its positions are good
    /// here alone.
    pub(super) fn has_forgotten(&self) -> bool {
        self.reloaded
    }

    /// Hears so many entries more of the log.
    pub(super) fn hear(&mut self, entries: usize) {
        let heard = entries.min(self.unheard.len());
        self.unheard.drain(..heard).for_each(|told| self.writer.take(told));
    }

    pub(super) fn reload(&mut self, log: &Log, trimmed: u64) {
        self.unheard.clear();
        self.reloaded = true;
        log.load(trimmed).into_iter().for_each(|told| self.writer.take(told));
    }

    /// A new connection; its key.
    pub(super) fn accept(&mut self, options: Options) -> usize {
        self.sessions.push(Some(Session::new(options, Arc::new(Access::everything()))));
        self.sessions.len() - 1
    }

    pub(super) fn drop(&mut self, key: usize) {
        self.sessions[key] = None;
        self.audience.remove(key);
    }

    pub(super) fn mature(&mut self, entries: u64) {
        self.matured = (self.matured + entries).min(self.board.view().newest());
    }

    /// The scoreboard as a group may see it.
    fn view(board: &Scoreboard, group: u16, matured: u64) -> View<'_> {
        let view = board.view();
        if group == 0 { view } else { view.until(matured) }
    }

    /// What a shard does in `follow`.
    pub(super) fn follow(&mut self, count: usize, clients: &mut [Client]) {
        let (generation, head) = (self.board.view().generation(), self.board.view().newest());
        if generation != self.generation {
            self.matured = self.matured.min(head);
            (self.generation, self.cursors) = (generation, [head, self.matured]);
            let number = self.number;
            for client in clients.iter_mut().filter(|client| client.at == number) {
                let mut out = Vec::new();
                self.session(client.key).reset(ResetReason::Epoch, None, &mut out);
                self.carry_out(client, out);
            }
            return;
        }
        for group in [0, 1] {
            self.follow_one(group, count, clients);
        }
    }

    fn follow_one(&mut self, group: u16, count: usize, clients: &mut [Client]) {
        let board = self.board.clone();
        let view = Self::view(&board, group, self.matured);
        let (head, cursor) = (view.head(), self.cursors[usize::from(group)]);
        let entries = view.entries(cursor, count);
        drop(view);
        let Some(entries) = entries else {
            let number = self.number;
            for client in clients.iter_mut().filter(|client| client.at == number && client.group == group) {
                self.session(client.key).fell_behind(cursor);
            }
            self.cursors[usize::from(group)] = head;
            return;
        };
        for entry in entries {
            if !entry.is_lost() || entry.departs() {
                self.live(group, &entry, clients);
            }
            self.cursors[usize::from(group)] = entry.offset();
        }
    }

    fn live(&mut self, group: u16, entry: &Arc<Entry>, clients: &mut [Client]) {
        let mut visited = Vec::new();
        self.audience.visit(group, entry, |key, detail| visited.push((key, detail)));
        for (key, detail) in visited {
            let ours = |client: &&mut Client| client.at == self.number && client.key == key;
            let Some(client) = clients.iter_mut().find(ours) else { continue };
            let session = self.session(key);
            if !session.takes(entry) {
                continue;
            }
            let told = if entry.moves() {
                session.told_of(entry)
            } else if entry.touches(detail) {
                Told::Frame(detail)
            } else {
                Told::Nothing
            };
            if told != Told::Nothing && (client.blocked || !session.shares()) {
                session.fell_behind(entry.offset() - 1);
                continue;
            }
            match told {
                Told::Nothing => {}
                Told::Frame(detail) => client.take(Said::live(entry, detail)),
                Told::State(detail) => {
                    let game = entry.publication.game.as_ref().unwrap();
                    let shown = self.board.view().as_of(game, entry.offset());
                    match shown {
                        Some(shown) => client.take(Said::state(&shown, detail)),
                        None => self.session(key).fell_behind(entry.offset() - 1),
                    }
                }
                Told::Removed => client.take(Said::removed(entry)),
            }
        }
    }

    /// What a shard does in `advance`; whether there is more to do.
    pub(super) fn serve(&mut self, client: usize, room: usize, clients: &mut [Client]) -> bool {
        let client = &mut clients[client];
        if client.blocked || client.at != self.number {
            return false;
        }
        let limits = if self.number == 0 { LIMITS } else { PATIENT };
        let mut out = Vec::new();
        let (board, group) = (self.board.clone(), client.group);
        let cursor = self.cursors[usize::from(group)];
        let view = if group == 0 { board.view() } else { board.view().until(cursor) };
        if view.generation() != self.generation {
            return true;
        }
        let next = self.session(client.key).advance(&view, cursor, Instant::now(), &limits, room, &mut out);
        drop(view);
        self.carry_out(client, out);
        next != Next::Streaming
    }

    /// Lets everything come to rest.
    pub(super) fn settle(&mut self, clients: &mut [Client]) {
        self.hear(usize::MAX);
        for _ in 0..1_000 {
            let view = self.board.view();
            let rest = self.cursors == [view.head(); 2] && self.generation == view.generation();
            drop(view);
            self.mature(u64::MAX / 2);
            self.follow(100, clients);
            let busy = (0..clients.len()).filter(|client| self.serve(*client, 3, clients)).count();
            if rest && busy == 0 {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    pub(super) fn carry_out(&mut self, client: &mut Client, out: Vec<Out>) {
        for out in out {
            if let Out::State(shown, _) | Out::Span(shown, ..) = &out {
                assert!(client.group == 0 || shown.offset <= self.matured, "nothing newer than the delay leaves");
            }
            match out {
                Out::Say(message) => client.take(Said::message(&message)),
                Out::State(shown, detail) => client.take(Said::state(&shown, detail)),
                Out::Span(shown, span, detail, _) => client.take(Said::span(&shown, &span, detail)),
                Out::Frame(entry, detail) => client.take(Said::live(&entry, detail)),
                Out::Bare(entry, detail) => client.take(Said::live(&entry, detail).without_position()),
                Out::Reached(_) => {}
                Out::Regroup(delay) => {
                    client.group = delay;
                    self.audience.regroup(client.key, delay);
                }
                Out::Gone(game) => client.take(Said::Removed { game, position: None }),
                Out::Join(topic, detail) => self.audience.join(client.group, client.key, &topic, detail),
                Out::Leave(topic) => {
                    self.audience.leave(client.group, client.key, &topic);
                }
            }
        }
    }

    pub(super) fn session(&mut self, key: usize) -> &mut Session {
        self.sessions[key].as_mut().expect("the client is connected")
    }
}

pub(super) fn detail(score: bool) -> Detail {
    if score { Detail::Score } else { Detail::Full }
}

pub(super) fn topic(text: &str) -> Topic {
    text.parse().unwrap()
}
