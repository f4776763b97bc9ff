//! One connection of a shard: its outlet, its session, and what of a frame could not be written yet.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use bytes::{Buf, Bytes};

use super::audience::Group;
use super::outlet::Outlet;
use crate::auth::Seat;
use crate::codec::{Decoder, Role};
use crate::metrics::Transport;
use crate::session::Session;
use crate::wire::Form;

/// Frames that leave in one vectored write at most.
pub(super) const GATHER: usize = 64;

/// A client with so many answers that were not written, or wait for their load, is not read until it takes them.
const UNWRITTEN: usize = 64;

/// A connection. Idle, it holds no buffer.
pub(super) struct Conn {
    pub(super) outlet: Outlet,
    pub(super) session: Session,
    /// Its place among the connections of its token's subject.
    pub(super) seat: Option<Seat>,
    /// When its token is over, or its time to say one; ms since the shard began.
    pub(super) until: Option<u64>,
    /// It has yet to say a token.
    pub(super) anonymous: bool,
    /// The session's name, as `hello` says it.
    pub(super) name: uuid::Uuid,
    pub(super) decoder: Decoder,
    pub(super) form: Form,
    /// The delay it watches with.
    pub(super) group: Group,
    /// What was begun or may not be dropped, oldest first; the first may be the rest of a frame.
    backlog: VecDeque<Bytes>,
    /// When something was last heard from the client, and sent to it; ms since the shard began.
    pub(super) heard: u64,
    pub(super) said: u64,
    /// A ping is out since it was last heard.
    pub(super) pinged: bool,
    /// The outlet may hold unread bytes.
    pub(super) readable: bool,
    /// It stands in the queue of connections to be served.
    pub(super) queued: bool,
    /// When its flush is planned.
    pub(super) flushes: Option<Instant>,
    /// It counts as lagging.
    pub(super) lagging: bool,
    /// The close frame is out (or queued); dropped at this moment at the latest, ms since the shard began.
    pub(super) closing: Option<u64>,
    pub(super) commands: Bucket,
    /// Bad commands in a row.
    pub(super) faults: u8,
    /// The chain of frames due to it in this turn: first and last link.
    pub(super) due: Option<(u32, u32)>,
    /// Its place under the connection limit.
    _permit: Box<dyn Any + Send>,
}

impl Conn {
    pub(super) fn new(outlet: Outlet, form: Form, session: Session, permit: Box<dyn Any + Send>, now: u64) -> Conn {
        let options = session.options();
        Conn {
            outlet,
            session,
            seat: None,
            until: None,
            anonymous: false,
            name: uuid::Uuid::nil(),
            group: options.delay,
            decoder: Decoder::new(Role::Server),
            form,
            backlog: VecDeque::new(),
            heard: now,
            said: now,
            pinged: false,
            readable: true,
            queued: false,
            flushes: None,
            lagging: false,
            closing: None,
            commands: Bucket::default(),
            faults: 0,
            due: None,
            _permit: permit,
        }
    }

    /// Whether everything handed over was written.
    pub(super) fn is_clear(&self) -> bool {
        self.backlog.is_empty() && !self.outlet.owes()
    }

    /// Whether shared frames can be written to it at once.
    pub(super) fn streams(&self) -> bool {
        self.is_clear() && self.session.shares()
    }

    /// Bytes that wait for the outlet.
    pub(super) fn unwritten(&self) -> usize {
        self.backlog.iter().map(Bytes::len).sum()
    }

    pub(super) fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    /// So much is owed to it that it is not read before it takes some.
    pub(super) fn is_full(&self) -> bool {
        self.backlog.len() + self.session.owes() >= UNWRITTEN
    }

    /// It is not heard because of us, who are still loading, or because its kind never says anything.
    pub(super) fn is_excused(&self) -> bool {
        self.is_clear() && self.outlet.is_drained() && (self.is_full() || !self.form.is_websocket())
    }

    /// How it is counted.
    pub(super) fn transport(&self) -> Transport {
        if self.form.is_websocket() { Transport::Ws } else { Transport::Sse }
    }

    /// Keeps what may not be dropped until the outlet takes it.
    pub(super) fn keep(&mut self, frame: Bytes) {
        self.backlog.push_back(frame);
    }

    /// Forgets what was not begun: nothing but a close frame comes after.
    pub(super) fn cut(&mut self, begun: bool) {
        self.backlog.truncate(usize::from(begun));
    }

    /// Writes what is kept; false when the outlet takes no more.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        while !self.backlog.is_empty() {
            let Some(mut written) = self.outlet.write(self.backlog.iter())? else { return Ok(false) };
            while let Some(front) = self.backlog.front_mut().filter(|_| written > 0) {
                let part = written.min(front.len());
                front.advance(part);
                written -= part;
                if front.is_empty() {
                    self.backlog.pop_front();
                }
            }
        }
        // A burst's memory is not kept for the quiet time after it.
        self.backlog.shrink_to(4);
        self.outlet.flush()
    }
}

/// A token bucket for commands.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    used: f32,
    at: u64,
}

impl Bucket {
    /// Takes one; false when the burst is used up.
    pub(super) fn take(&mut self, now: u64, per_second: u32, burst: u32) -> bool {
        let back = (now - self.at) as f32 / 1_000.0 * per_second as f32;
        self.used = (self.used - back).max(0.0) + 1.0;
        self.at = now;
        self.used <= burst as f32
    }
}
