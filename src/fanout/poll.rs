//! A subscription that lasts one answer: the session of a long poll. It stands in no shard; whoever waits for it asks again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use feeds::Topic;

use super::frame::Encoder;
use super::serve::note;
use super::{Fanout, Subscribe};
use crate::auth::Access;
use crate::codec;
use crate::metrics::{CloseReason, Metrics, Transport};
use crate::scoreboard::{Scoreboard, View};
use crate::session::{self, Next, Out, Session};
use crate::wire::{ErrorReply, FeedStatus, Form, Message, Options, Piece, Position, Variant};

/// Games looked at under one lock.
const SLICE: usize = 8;
/// About how many bytes of messages one answer holds.
const ANSWER_BYTES: usize = 1 << 20;

/// A poll under way.
pub struct Poll {
    board: Arc<Scoreboard>,
    metrics: Arc<Metrics>,
    limits: session::Limits,
    asked: Subscribe,
    topics: Vec<Topic>,
    options: Options,
    access: Arc<Access>,
    session: Session,
    /// The last change that the last answer knew.
    known: Option<Position>,
    generation: u64,
    encoder: Encoder,
    answer: Answer,
}

/// What a poll is answered.
#[derive(Debug, Default)]
pub struct Answer {
    /// From where the next poll goes on.
    pub position: String,
    /// JSON texts.
    pub messages: Vec<Bytes>,
    /// This load goes on in the next answer.
    pub more: bool,
    /// The last change that is in it: until the next one it is the same.
    pub changed: String,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// Nothing before the scoreboard moves, or this moment.
    Wait(Instant),
    /// The answer as of now.
    Answer(Answer),
}

impl Answer {
    /// Whether it tells more than that nothing has changed.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.messages.len() > 1 || self.more
    }
}

impl Fanout {
    /// Begins a poll.
    ///
    /// # Errors
    /// As [`Fanout::check`].
    pub fn poll(&self, asked: &Subscribe, options: Options, access: &Arc<Access>) -> Result<Poll, ErrorReply> {
        let limits = self.settings.get().session;
        let session = session(asked, options, access, &limits)?;
        self.metrics.connection_opened(Transport::Poll);
        Ok(Poll {
            board: Arc::clone(&self.board),
            metrics: Arc::clone(&self.metrics),
            limits,
            access: Arc::clone(access),
            session,
            asked: asked.clone(),
            topics: asked.topics.iter().filter_map(|topic| topic.parse().ok()).collect(),
            known: None,
            options,
            generation: self.board.view().generation(),
            encoder: Encoder::default(),
            answer: Answer::default(),
        })
    }
}

fn session(
    asked: &Subscribe,
    options: Options,
    access: &Arc<Access>,
    limits: &session::Limits,
) -> Result<Session, ErrorReply> {
    let Subscribe { topics, detail, since } = asked;
    let piece = since.as_deref().and_then(|since| since.parse::<Piece>().ok());
    let mut session = Session::new(options, Arc::clone(access));
    session.subscribe(0, topics, *detail, since.as_deref().filter(|_| piece.is_none()), limits)?;
    if let Some(piece) = piece {
        session.go_on(piece);
    }
    Ok(session)
}

impl Poll {
    /// Goes on as far as the scoreboard has come.
    pub fn advance(&mut self) -> Step {
        let mut out = Vec::new();
        let board = Arc::clone(&self.board);
        loop {
            let view = board.view().ago(self.delay());
            if view.generation() != self.generation {
                // The history was cut: what was gathered is of another.
                self.generation = view.generation();
                self.start_over();
            }
            let now = Instant::now();
            let next = self.session.advance(&view, view.head(), now, &self.limits, SLICE, &mut out);
            let feeds = self.feeds(&view, &out);
            let bytes: usize = self.answer.messages.iter().map(Bytes::len).sum();
            let piece = (next == Next::More && bytes >= ANSWER_BYTES).then(|| self.session.paused(&view)).flatten();
            let changed = self.changed(&view);
            drop(view);
            self.carry_out(&mut out, &feeds);
            match next {
                Next::Streaming => {}
                Next::At(moment) | Next::Flush(moment) => return Step::Wait(moment),
                Next::More => match piece {
                    None => continue,
                    Some(piece) => {
                        self.answer.position = piece.to_string();
                        self.answer.more = true;
                    }
                },
            }
            let mut answer = std::mem::take(&mut self.answer);
            answer.changed = changed.to_string();
            self.known = Some(changed);
            self.start_over();
            return Step::Answer(answer);
        }
    }

    /// Whether the next answer may be another than the last: thousands of polls ask this whenever the log moves.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        let view = self.board.view().ago(self.delay());
        self.known.as_ref() != Some(&self.changed(&view))
    }

    fn delay(&self) -> Duration {
        Duration::from_secs(self.options.delay.into())
    }

    /// The answer is sent.
    pub fn delivered(self, answer: &Answer) {
        let bytes: usize = answer.messages.iter().map(Bytes::len).sum();
        self.metrics.delivered(Transport::Poll, answer.messages.len() as u64, bytes as u64);
    }

    fn start_over(&mut self) {
        self.answer = Answer::default();
        self.session = session(&self.asked, self.options, &self.access, &self.limits).expect("it was taken before");
    }

    /// What the answer's tag is made of. Who watches with a delay sees changes later than they are made.
    fn changed(&self, view: &View<'_>) -> Position {
        match self.options.delay {
            0 => view.at(view.last_change(&self.topics).max(view.last_heard())),
            _ => view.position(),
        }
    }

    /// The feeds that a client is told of where its subscription begins: those that are not live, or have changed since.
    fn feeds(&self, view: &View<'_>, out: &[Out]) -> Vec<(String, FeedStatus)> {
        let owned = |(feed, status): (&str, FeedStatus)| (feed.to_owned(), status);
        let begins = out.iter().find_map(|out| match out {
            Out::Say(Message::Subscribed { resumed, .. }) => Some(*resumed),
            _ => None,
        });
        let resets = out.iter().any(|out| matches!(out, Out::Say(Message::Reset { .. })));
        let since = self.asked.since.as_deref().filter(|_| !resets);
        match (begins, since.map(str::parse::<Position>)) {
            (Some(true), Some(Ok(since))) => view.feeds_since(since.offset).map(owned).collect(),
            (Some(_), None) => view.feeds().filter(|(_, status)| *status != FeedStatus::Live).map(owned).collect(),
            // A later piece: the first has told.
            (Some(_), Some(_)) | (None, _) => Vec::new(),
        }
    }

    fn carry_out(&mut self, out: &mut Vec<Out>, feeds: &[(String, FeedStatus)]) {
        let mut reset = None;
        for out in out.drain(..) {
            match out {
                Out::Say(Message::Position { position, .. }) => self.answer.position = position.to_string(),
                Out::Say(message) => {
                    // A poll that goes on is no reconnect.
                    if !matches!(message, Message::Subscribed { resumed: true, .. }) {
                        note(&self.metrics, &message, &mut reset);
                    }
                    self.say(&message);
                    if matches!(message, Message::Subscribed { .. }) {
                        for (feed, status) in feeds {
                            self.say(&Message::Feed { feed, status: *status, position: None });
                        }
                    }
                }
                Out::Gone(game) => self.say(&Message::Removed { game: &game, position: None }),
                Out::State(shown, detail) => {
                    let frame = self.encoder.state(&shown, Variant { detail, form: Form::Json });
                    self.answer.messages.push(codec::payload(&frame));
                }
                Out::Span(shown, span, detail, position) => {
                    self.metrics.conflated(span.version - span.base - 1);
                    let frame = self.encoder.span(&shown, &span, Variant { detail, form: Form::Json }, position);
                    self.answer.messages.push(codec::payload(&frame));
                }
                // It streams nothing: it stands in no list, and what is told entry by entry is for others.
                Out::Frame(..) | Out::Bare(..) | Out::Reached(_) | Out::Join(..) | Out::Leave(_) | Out::Regroup(_) => {}
            }
        }
    }

    fn say(&mut self, message: &Message<'_>) {
        let frame = self.encoder.encode(message, Form::Json);
        self.answer.messages.push(codec::payload(&frame));
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.metrics.encoded(std::mem::take(&mut self.encoder.encoded));
        self.metrics.connection_closed(Transport::Poll, CloseReason::Client);
    }
}
