//! One subscriber's protocol state machine, without I/O: commands in, what to send out. It is a cursor into the log with a
//! list of topics; it holds no queue of updates and knows no socket, no shard and no encoding.
//!
//! A subscription is *live* (its topic stands in the shard's lists and shared frames reach it) or *loading* (its games
//! leave piece by piece, in the order of last change). A session that could not be written to, or that asks for fewer
//! flushes than there is news, is *behind*: it is caught up from the scoreboard before anything else. Loads run one at a
//! time, in command order; a change of delay is one.

mod catchup;
mod load;
mod options;
mod topics;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::Topic;

use crate::auth::Access;
use crate::scoreboard::{Entry, Shown, Span, View};
use crate::wire::{Command, Detail, ErrorCode, ErrorReply, Message, Mode, Options, Piece, Position, ResetReason};
use catchup::Behind;
use load::{Kind, Load};
pub use options::combine;
pub use topics::parse_topics;
use topics::too_many;

/// What a session wants done, in this order.
#[derive(Debug)]
pub enum Out {
    /// A message of this connection's own.
    Say(Message<'static>),
    /// A game's state, in a detail.
    State(Arc<Shown>, Detail),
    /// A game's changes since the session's cursor, in a detail; with the position that they reach, where they end a flush.
    Span(Arc<Shown>, Span, Detail, Option<Position>),
    /// An entry's own frame, in a detail.
    Frame(Arc<Entry>, Detail),
    /// An entry's frame for one whose position it is not: its topic is still loading.
    Bare(Arc<Entry>, Detail),
    /// A game is no longer under the session's topics.
    Gone(Topic),
    /// A heartbeat with this position: a flush ends here.
    Reached(Position),
    /// From now on shared frames of this topic reach it, in this detail (in place of any before).
    Join(Topic, Detail),
    /// From now on they do not.
    Leave(Topic),
    /// From now on it belongs to the group with this delay, in seconds. [`Session::advance`] goes on there.
    Regroup(u16),
}

/// What a live entry is to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing that it is shown.
    Nothing,
    /// The entry's own frame, in this detail.
    Frame(Detail),
    /// The game's state as of the entry: it came under the session's topics, or its detail there changed.
    State(Detail),
    /// The game left the session's topics.
    Removed,
}

/// When to call [`Session::advance`] again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// All is sent; shared frames do the rest.
    Streaming,
    /// There is more, as soon as there is room.
    More,
    /// At this moment, or when the scoreboard moves.
    At(Instant),
    /// At this moment: what is held back until then is flushed.
    Flush(Instant),
}

/// Bounds of a session.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Topics a connection may have.
    pub topics: usize,
    /// How long a position ahead of the head is waited for.
    pub ahead_wait: Duration,
    /// The longest delay, in seconds.
    pub delay: u16,
}

/// A loaded subscription.
#[derive(Debug, Clone)]
struct Sub {
    topic: Topic,
    detail: Detail,
}

/// One subscriber.
#[derive(Debug)]
pub struct Session {
    /// What it may see.
    access: Arc<Access>,
    subs: Vec<Sub>,
    /// Everything up to here was sent under `subs`; counts only where it is beyond the shard's cursor.
    sent: u64,
    behind: Option<Box<Behind>>,
    /// The first departure that was not told, because a load still to come asks for its game; 0 = none.
    untold: u64,
    #[expect(clippy::box_collection, reason = "there are thousands of idle sessions, and none of them loads")]
    loads: Option<Box<VecDeque<Load>>>,
    options: Options,
    /// When what a cap held back was last flushed.
    flushed_at: Option<Instant>,
}

impl Session {
    /// A session with the options of its URL and what its token allows.
    #[must_use]
    pub fn new(options: Options, access: Arc<Access>) -> Session {
        Session { access, subs: Vec::new(), sent: 0, behind: None, untold: 0, loads: None, options, flushed_at: None }
    }

    /// Takes a subscription; its games follow by [`Session::advance`]. Id 0 is the one of the URL.
    ///
    /// # Errors
    /// When a topic or the position is malformed, the token does not cover a topic, or there would be too many; then nothing
    /// is changed.
    pub fn subscribe(
        &mut self,
        id: u64,
        topics: &[String],
        detail: Detail,
        since: Option<&str>,
        limits: &Limits,
    ) -> Result<(), ErrorReply> {
        let topics = parse_topics(id, topics, limits.topics)?;
        let since = since.map(str::parse::<Position>).transpose();
        let since = since.map_err(|error| ErrorReply::bad(Some(id), format!("since: {error}")))?;
        if let Some(topic) = topics.iter().find(|topic| !self.access.allows(topic)) {
            let message = format!("topic \"{topic}\": the token does not cover it");
            return Err(ErrorReply { id: Some(id), code: ErrorCode::Forbidden, message });
        }
        let fresh = topics.iter().filter(|topic| !self.has(topic)).count();
        if self.topics() + fresh > limits.topics {
            return Err(too_many(id, limits.topics));
        }
        self.queue(Load::subscribe(id, topics, detail, since));
        Ok(())
    }

    /// The subscription just taken is a load that goes on where another session has [`Session::paused`].
    pub fn go_on(&mut self, piece: Piece) {
        if let Some(load) = self.loads.as_mut().and_then(|loads| loads.back_mut()) {
            load.go_on(piece);
        }
    }

    /// Where the load under way stands, as of the view that [`Session::advance`] was given last.
    #[must_use]
    pub fn paused(&self, view: &View<'_>) -> Option<Piece> {
        let load = self.loads.as_ref().and_then(|loads| loads.front());
        load.filter(|load| load.announced).map(|load| load.paused(view))
    }

    /// Takes a command.
    ///
    /// # Errors
    /// As [`Session::subscribe`]; then nothing is changed.
    pub fn on_command(
        &mut self,
        command: &Command,
        limits: &Limits,
        time_ms: i64,
        out: &mut Vec<Out>,
    ) -> Result<(), ErrorReply> {
        match command {
            Command::Subscribe { id, topics, detail, since } => {
                self.subscribe(*id, topics, *detail, since.as_deref(), limits)
            }
            Command::Unsubscribe { id, topics } => {
                let topics = parse_topics(*id, topics, limits.topics)?;
                self.unsubscribe(*id, topics, out);
                Ok(())
            }
            Command::Ping { id } => {
                out.push(Out::Say(Message::Pong { id: *id, time_ms }));
                Ok(())
            }
            Command::Options { id, delay, max_rate, mode } => {
                self.set_options(*id, *delay, *max_rate, *mode, limits, out)
            }
            Command::Auth { id, .. } => {
                Err(ErrorReply::bad(Some(*id), "this server asks for no token: it is open to all".into()))
            }
        }
    }

    fn unsubscribe(&mut self, id: u64, topics: Vec<Topic>, out: &mut Vec<Out>) {
        let mut lowered = Vec::new();
        self.subs.retain(|sub| {
            let stays = !topics.contains(&sub.topic);
            if !stays {
                out.push(Out::Leave(sub.topic.clone()));
                lowered.push((sub.topic.clone(), sub.detail));
            }
            stays
        });
        // The answer to a topic that is not loaded yet waits for that load's end mark, which comes the sooner for it. What it
        // has sent, or the client holds since before, is in its detail, too.
        let loads = self.loads.iter_mut().flat_map(|loads| loads.iter_mut());
        let waits_for = loads.filter_map(|load| load.drop_topics(&topics, &mut lowered).then_some(load)).last();
        let answer = Message::Unsubscribed { id, topics };
        match waits_for {
            Some(load) => load.after.push(answer),
            None => out.push(Out::Say(answer)),
        }
        let loading = self.loads.iter().flat_map(|loads| loads.iter()).flat_map(|load| load.topics.iter());
        let asked = self.subs.iter().map(|sub| sub.detail).chain(loading.map(|(_, detail)| *detail));
        let asked: Vec<Detail> = asked.collect();
        lowered.retain(|(_, was)| asked.iter().any(|detail| detail < was));
        if !lowered.is_empty() {
            self.queue(Load::restate(lowered));
        }
    }

    /// Starts the whole connection over: the log's history was cut, what it must be told is no longer held, or its delay
    /// was raised.
    pub fn reset(&mut self, reason: ResetReason, id: Option<u64>, out: &mut Vec<Out>) {
        self.behind = None;
        (self.sent, self.untold) = (0, 0);
        let mut topics: Vec<_> = self.subs.drain(..).map(|sub| (sub.topic, sub.detail)).collect();
        out.extend(topics.iter().map(|(topic, _)| Out::Leave(topic.clone())));
        let loads = self.loads.get_or_insert_default();
        let under_way = loads.pop_front_if(|load| load.announced);
        let mut after = Vec::new();
        let under_way = under_way.filter(|load| !matches!(load.kind, Kind::Restate));
        let owed = under_way.is_some();
        if let Some(load) = under_way {
            topics.retain(|(topic, _)| !load.topics.iter().any(|(other, _)| other == topic));
            after = load.after;
            if let Kind::Subscribe { id } | Kind::Delay { id, .. } = load.kind {
                after.insert(0, Message::Position { id: Some(id), position: Position { epoch: "".into(), offset: 0 } });
            }
            topics.extend(load.topics);
        }
        if topics.is_empty() && !owed && id.is_none() {
            return;
        }
        loads.push_front(Load::reset(reason, id, topics, after));
    }

    /// Whether something waits for [`Session::advance`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.behind.is_some() || self.loads.is_some()
    }

    /// Answers that wait for loads to come to them.
    #[must_use]
    pub fn owes(&self) -> usize {
        self.loads.iter().flat_map(|loads| loads.iter()).map(|load| 1 + load.after.len()).sum()
    }

    /// How many topics it has, loaded or not.
    #[must_use]
    pub fn topics(&self) -> usize {
        let loading = self.loads.iter().flat_map(|loads| loads.iter()).flat_map(Load::subscribing);
        let fresh: HashSet<_> = loading.filter(|topic| !self.subs.iter().any(|sub| sub.topic == **topic)).collect();
        self.subs.len() + fresh.len()
    }

    fn has(&self, topic: &Topic) -> bool {
        self.subs.iter().any(|sub| sub.topic == *topic)
            || self.loads.iter().flat_map(|loads| loads.iter()).flat_map(Load::subscribing).any(|held| held == topic)
    }

    /// Whether a position on a frame would speak for any topic: some are loaded, and nothing is missing under them.
    #[must_use]
    pub fn speaks(&self) -> bool {
        !self.subs.is_empty() && self.behind.is_none() && self.shares()
    }

    /// Everything up to here was sent under its loaded topics, where the shard is at `live`.
    #[must_use]
    pub fn reached(&self, live: u64) -> u64 {
        live.max(self.sent)
    }

    /// How it is served.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    fn is_every(&self) -> bool {
        self.options.mode == Mode::Every
    }

    /// The greatest detail its loaded subscriptions ask of a game with these topics.
    #[must_use]
    pub fn detail_of<'t>(&self, topics: impl IntoIterator<Item = &'t Topic>) -> Option<Detail> {
        detail_among(topics, self.subs.iter().map(|sub| (&sub.topic, sub.detail)))
    }

    /// Catches up and loads, at most `room` games' worth: first what is missing under the loaded topics, then the next
    /// piece of the first load. All of it is of the view's moment; `live` is the shard's cursor.
    pub fn advance(
        &mut self,
        view: &View<'_>,
        live: u64,
        now: Instant,
        limits: &Limits,
        room: usize,
        out: &mut Vec<Out>,
    ) -> Next {
        if !view.loaded() || !self.is_busy() {
            return Next::Streaming;
        }
        if let Some((id, delay, load)) = self.pop_raise() {
            self.change_delay(id, delay, load, view, out);
            return Next::More;
        }
        if let Some(at) = self.flush_due(now) {
            return Next::Flush(at);
        }
        let flushes = self.is_capped() && self.behind.is_some();
        let mut room = room;
        if !self.catch_up(view, live, &mut room, out) {
            return Next::More;
        }
        if flushes {
            self.flushed(view, now, out);
        }
        while let Some(mut load) = self.loads.as_mut().and_then(|loads| loads.pop_front()) {
            if let Kind::Delay { id, delay } = load.kind
                && !load.announced
            {
                load.announced = true;
                self.change_delay(id, delay, load, view, out);
                return Next::More;
            }
            match self.run(&mut load, view, now, limits, &mut room, out) {
                Some(Next::Streaming) => self.finish(load, view, out),
                None => {
                    self.loads.get_or_insert_default().push_front(load);
                    self.reset(ResetReason::Trimmed, None, out);
                }
                Some(next) => {
                    self.loads.get_or_insert_default().push_front(load);
                    return next;
                }
            }
        }
        (self.loads, self.untold) = (None, 0);
        Next::Streaming
    }

    fn finish(&mut self, load: Load, view: &View<'_>, out: &mut Vec<Out>) {
        if matches!(load.kind, Kind::Subscribe { .. } | Kind::Reset { .. }) && !load.resumes() {
            self.loads.iter_mut().flat_map(|loads| loads.iter_mut()).for_each(|load| load.overtaken(view));
        }
        let id = match load.kind {
            Kind::Subscribe { id } | Kind::Delay { id, .. } => Some(Some(id)),
            Kind::Reset { id, .. } => Some(id),
            Kind::Restate => None,
        };
        if id.is_some() {
            for (topic, detail) in load.topics {
                self.subs.retain(|sub| sub.topic != topic);
                out.push(Out::Join(topic.clone(), detail));
                self.subs.push(Sub { topic, detail });
            }
        }
        out.extend(id.map(|id| Out::Say(Message::Position { id, position: view.position() })));
        out.extend(load.after.into_iter().map(|message| match message {
            Message::Position { id, .. } => Out::Say(Message::Position { id, position: view.position() }),
            other => Out::Say(other),
        }));
    }

    fn queue(&mut self, load: Load) {
        self.loads.get_or_insert_default().push_back(load);
    }
}

fn detail_among<'s, 't>(
    topics: impl IntoIterator<Item = &'t Topic>,
    subs: impl Iterator<Item = (&'s Topic, Detail)> + Clone,
) -> Option<Detail> {
    let of = |topic: &Topic| subs.clone().filter(|(held, _)| *held == topic).map(|(_, detail)| detail).max();
    topics.into_iter().filter_map(of).max()
}
