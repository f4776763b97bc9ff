//! A client that follows the contract's rules to the letter, and complains.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use feeds::document::{apply, routing_topics, score_detail};
use feeds::{Document, Topic};
use scoreline::broker::Event;
use scoreline::scoreboard::{Entry, Shown, Span};
use scoreline::session::Out;
use scoreline::wire::{Command, Detail, Message, Mode, Options, Position};

use super::gateway::{Gateway, LIMITS, detail, topic};
use super::log::Log;

/// What the wire would say.
#[derive(Debug)]
pub(super) enum Said {
    Subscribed { id: u64, resumed: bool },
    End { id: Option<u64>, position: Position },
    Reset { id: Option<u64> },
    Unsubscribed { id: u64, topics: Vec<Topic> },
    State { game: Topic, version: u64, document: Document },
    Update { game: Topic, base: u64, version: u64, patch: Document, position: Option<Position> },
    Removed { game: Topic, position: Option<Position> },
    Other,
}

fn shaped(document: &Document, detail: Detail) -> Document {
    if detail == Detail::Full { document.clone() } else { score_detail(document) }
}

impl Said {
    pub(super) fn live(entry: &Entry, detail: Detail) -> Said {
        let publication = &entry.publication;
        let game = publication.game.clone().unwrap();
        let position = Some(publication.position.clone());
        match &publication.event {
            Event::Update(update) if entry.begins() => {
                Said::State { game, version: publication.version, document: shaped(&update.patch, detail) }
            }
            Event::Update(update) => {
                let full = detail == Detail::Full;
                let base = if full { publication.base } else { publication.score_base };
                let version = if full { publication.version } else { publication.score_version };
                Said::Update { game, base, version, patch: shaped(&update.patch, detail), position }
            }
            _ => Said::Removed { game, position },
        }
    }

    pub(super) fn without_position(mut self) -> Said {
        if let Said::Update { position, .. } | Said::Removed { position, .. } = &mut self {
            *position = None;
        }
        self
    }

    pub(super) fn state(shown: &Shown, detail: Detail) -> Said {
        Said::State { game: shown.game.clone(), version: shown.version, document: shaped(&shown.document, detail) }
    }

    pub(super) fn span(shown: &Shown, span: &Span, detail: Detail) -> Said {
        let patch = shaped(&span.patch, detail);
        Said::Update { game: shown.game.clone(), base: span.base, version: span.version, patch, position: None }
    }

    pub(super) fn removed(entry: &Entry) -> Said {
        let publication = &entry.publication;
        Said::Removed { game: publication.game.clone().unwrap(), position: Some(publication.position.clone()) }
    }

    pub(super) fn message(message: &Message<'_>) -> Said {
        match message {
            Message::Subscribed { id, resumed, .. } => Said::Subscribed { id: *id, resumed: *resumed },
            Message::Position { id, position } => Said::End { id: *id, position: position.clone() },
            Message::Reset { id, .. } => Said::Reset { id: *id },
            Message::Unsubscribed { id, topics } => Said::Unsubscribed { id: *id, topics: topics.clone() },
            _ => Said::Other,
        }
    }
}

/// A subscription as the client knows it.
#[derive(Debug, Clone)]
struct Sub {
    detail: Detail,
    /// The position it would resume from.
    position: Option<Position>,
    /// The newest subscribe of the topic, until its end mark.
    pending: Option<u64>,
}

/// A load the client waits for.
#[derive(Debug, Default)]
struct Load {
    topics: Vec<Topic>,
    resumed: bool,
    states: HashSet<Topic>,
}

#[derive(Debug, Default)]
pub(super) struct Client {
    /// Which gateway it is connected to, and its key there.
    pub(super) at: usize,
    pub(super) key: usize,
    pub(super) blocked: bool,
    /// It watched with a delay, ever.
    pub(super) was_delayed: bool,
    /// The delay it watches with: 0 or 1.
    pub(super) group: u16,
    /// The options it asked for last.
    options: Options,
    connected: bool,
    next_id: u64,
    subs: BTreeMap<Topic, Sub>,
    /// Topics amid whose load a game went, which their positions do not know yet.
    outrun: BTreeSet<Topic>,
    loads: BTreeMap<u64, Load>,
    /// The load whose `subscribed` came and whose end mark did not.
    running: Option<u64>,
    /// The states of a reset of the whole connection, while it is under way.
    reset: Option<HashSet<Topic>>,
    held: BTreeMap<Topic, (u64, Document)>,
}

impl Client {
    /// Connects, or connects again: each topic with its own position and detail, full ones first.
    pub(super) fn connect(&mut self, gateways: &mut [Gateway], at: usize) {
        if self.connected {
            gateways[self.at].drop(self.key);
        }
        self.at = at;
        let gateway = &mut gateways[at];
        if self.options.delay > self.group {
            // What it holds may be newer than the moment that it asks for: no position speaks for that.
            self.forget_positions();
        }
        (self.key, self.connected, self.group) = (gateway.accept(self.options), true, self.options.delay);
        (self.running, self.reset) = (None, None);
        self.loads.clear();
        let mut subs: Vec<_> = std::mem::take(&mut self.subs).into_iter().collect();
        subs.sort_by_key(|(_, sub)| std::cmp::Reverse(sub.detail));
        // What is no longer asked for in full is stripped before it is resumed in the score detail.
        let full: Vec<_> = subs.iter().filter(|sub| sub.1.detail == Detail::Full).map(|sub| sub.0.clone()).collect();
        for (game, (_, document)) in &mut self.held {
            let topics = routing_topics(game, document);
            if !topics.iter().any(|topic| full.contains(topic)) {
                *document = score_detail(document);
            }
        }
        for (topic, sub) in subs {
            let score = sub.detail == Detail::Score;
            self.send(gateway, vec![topic], score, sub.position);
        }
    }

    pub(super) fn forget_positions(&mut self) {
        self.subs.values_mut().for_each(|sub| sub.position = None);
    }

    /// For another gateway, which may be behind and patch what went: a gap, and subscribing again without the position. The client
    /// here does that at once, so that any other gap is a fault.
    pub(super) fn forget_outrun_positions(&mut self) {
        for topic in std::mem::take(&mut self.outrun) {
            self.subs.entry(topic).and_modify(|sub| sub.position = None);
        }
    }

    pub(super) fn subscribe<'t>(&mut self, gateway: &mut Gateway, topics: impl Iterator<Item = &'t str>, score: bool) {
        let topics: Vec<Topic> = topics.map(topic).collect::<BTreeSet<_>>().into_iter().collect();
        self.send(gateway, topics, score, None);
    }

    fn send(&mut self, gateway: &mut Gateway, topics: Vec<Topic>, score: bool, since: Option<Position>) {
        self.next_id += 1;
        let id = self.next_id;
        let texts: Vec<String> = topics.iter().map(ToString::to_string).collect();
        let text = since.as_ref().map(ToString::to_string);
        let session = gateway.session(self.key);
        session.subscribe(id, &texts, detail(score), text.as_deref(), &LIMITS).unwrap();
        for topic in &topics {
            self.subs.insert(topic.clone(), Sub { detail: detail(score), position: since.clone(), pending: Some(id) });
        }
        self.loads.insert(id, Load { topics, ..Load::default() });
    }

    pub(super) fn unsubscribe(&mut self, gateway: &mut Gateway, text: &str) {
        self.next_id += 1;
        let command = Command::Unsubscribe { id: self.next_id, topics: vec![text.into()] };
        let mut out: Vec<Out> = Vec::new();
        gateway.session(self.key).on_command(&command, &LIMITS, 0, &mut out).unwrap();
        gateway.carry_out(self, out);
    }

    pub(super) fn set_options(&mut self, gateway: &mut Gateway, every: bool, delayed: bool) {
        self.next_id += 1;
        let (mode, delay) = (if every { Mode::Every } else { Mode::Latest }, u16::from(delayed));
        self.options = Options { delay, max_rate: 0.0, mode };
        self.was_delayed |= delayed;
        let (delay, mode) = (Some(f64::from(delay)), Some(mode));
        let command = Command::Options { id: self.next_id, delay, max_rate: None, mode };
        let mut out: Vec<Out> = Vec::new();
        gateway.session(self.key).on_command(&command, &LIMITS, 0, &mut out).unwrap();
        gateway.carry_out(self, out);
    }

    pub(super) fn take(&mut self, said: Said) {
        match said {
            Said::Subscribed { id, resumed } => {
                assert!(self.running.is_none(), "two loads at a time");
                self.running = Some(id);
                self.loads.get_mut(&id).expect("a load that was asked for").resumed = resumed;
            }
            Said::Reset { id } => self.on_reset(id),
            Said::End { id, position } => self.on_end(id, &position),
            Said::Unsubscribed { id, topics } => {
                // A later subscribe of the same topic stands.
                self.subs.retain(|topic, sub| !topics.contains(topic) || sub.pending > Some(id));
                let subs = &self.subs;
                self.held.retain(|game, (_, document)| covered(subs, game, document));
            }
            Said::State { game, version, document } => {
                for id in self.running.iter() {
                    self.loads.get_mut(id).unwrap().states.insert(game.clone());
                }
                self.reset.iter_mut().for_each(|states| states.extend([game.clone()]));
                self.held.insert(game, (version, document));
            }
            Said::Update { game, base, version, patch, position } => {
                match self.held.get_mut(&game) {
                    Some((held, _)) if version <= *held => {}
                    Some((held, document)) if base <= *held => {
                        apply(document, &patch);
                        *held = version;
                    }
                    held => panic!("a gap in {game}: ({base}, {version}] on {:?}", held.map(|held| held.0)),
                }
                self.reached(position);
            }
            Said::Removed { game, position } => {
                if self.held.remove(&game).is_some() {
                    self.outran();
                }
                self.reached(position);
            }
            Said::Other => {}
        }
    }

    fn on_reset(&mut self, id: Option<u64>) {
        match id.filter(|id| self.loads.contains_key(id)) {
            Some(id) => {
                let topics = self.loads[&id].topics.clone();
                let ours = self.subs.iter_mut().filter(|sub| topics.contains(sub.0));
                ours.for_each(|(_, sub)| sub.position = None);
            }
            // Of the whole connection: without an id, or with that of an `options`.
            None => {
                self.reset = Some(HashSet::new());
                self.subs.values_mut().for_each(|sub| sub.position = None);
            }
        }
    }

    fn on_end(&mut self, id: Option<u64>, position: &Position) {
        let Some(id) = id.filter(|id| self.loads.contains_key(id)) else {
            // The end of a reset, or of a delay that was lowered.
            let Some(states) = self.reset.take() else { return self.reached(Some(position.clone())) };
            let queued: Vec<_> = self.loads.keys().copied().filter(|id| self.running != Some(*id)).collect();
            let loaded: Vec<Topic> = self
                .subs
                .iter()
                .filter(|(_, sub)| sub.pending.is_none_or(|id| !queued.contains(&id)))
                .map(|(topic, _)| topic.clone())
                .collect();
            self.drop_unless(&loaded, &states);
            let ours = self.subs.iter_mut().filter(|sub| loaded.contains(sub.0) && sub.1.pending.is_none());
            ours.for_each(|(_, sub)| sub.position = Some(position.clone()));
            return;
        };
        assert_eq!(self.running.take(), Some(id), "an end mark of the load that runs");
        let load = self.loads.remove(&id).unwrap();
        if !load.resumed {
            self.drop_unless(&load.topics, &load.states);
        }
        for topic in &load.topics {
            if let Some(sub) = self.subs.get_mut(topic).filter(|sub| sub.pending == Some(id)) {
                (sub.pending, sub.position) = (None, Some(position.clone()));
                self.outrun.remove(topic);
            }
        }
    }

    /// Drops games under these topics that were not among the states.
    fn drop_unless(&mut self, topics: &[Topic], states: &HashSet<Topic>) {
        let before = self.held.len();
        self.held.retain(|game, (_, document)| {
            states.contains(game) || !routing_topics(game, document).iter().any(|topic| topics.contains(topic))
        });
        if self.held.len() < before {
            self.outran();
        }
    }

    /// What is no longer held was held by the positions of the topics that are loading.
    fn outran(&mut self) {
        self.outrun.extend(self.subs.iter().filter(|sub| sub.1.pending.is_some()).map(|sub| sub.0.clone()));
    }

    /// A frame's position counts for topics whose newest subscribe had its end mark.
    fn reached(&mut self, position: Option<Position>) {
        let Some(position) = position.filter(|_| self.reset.is_none()) else { return };
        for sub in self.subs.values_mut().filter(|sub| sub.pending.is_none()) {
            sub.position = Some(position.clone());
        }
    }

    /// Everything is at rest: what it holds is what the log holds.
    pub(super) fn check(&self, log: &Log) {
        assert!(self.loads.is_empty() && self.running.is_none() && self.reset.is_none(), "loads have their end marks");
        let mut wanted: BTreeMap<Topic, (Detail, &Document)> = BTreeMap::new();
        for (topic, sub) in &self.subs {
            for (game, record) in log.under(topic) {
                let entry = wanted.entry(game).or_insert((sub.detail, &record.body.document));
                entry.0 = entry.0.max(sub.detail);
            }
        }
        let games: Vec<_> = self.held.keys().collect();
        assert_eq!(games, wanted.keys().collect::<Vec<_>>(), "the games under {:?}", self.subs);
        for (game, (detail, document)) in wanted {
            assert_eq!(self.held[&game].1, shaped(document, detail), "{game} in {detail:?}");
        }
    }
}

fn covered(subs: &BTreeMap<Topic, Sub>, game: &Topic, document: &Document) -> bool {
    routing_topics(game, document).iter().any(|topic| subs.contains_key(topic))
}
