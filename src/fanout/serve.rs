//! Serving one connection: write what is kept, read, bring its session further; and the ways it ends.

use std::time::Instant;

use bytes::Bytes;

use super::audience::Key;
use super::shard::Shard;
use crate::codec::{self, Opcode};
use crate::metrics::{self, CloseReason, Label, Metrics, ResumeOutcome};
use crate::session::{Next, Out};
use crate::wire::{Close, Message, ResetReason, Variant};

/// Games of a load or catch-up that are sent before others have their turn.
const SLICE: usize = 16;
/// How long a closed connection may take to say goodbye; ms.
const LINGER: u64 = 2_000;

impl Shard {
    /// Serves each queued connection once; who has more to do stands at the end again. News that waits for the end of a rest goes
    /// first once that has come.
    pub(super) fn work(&mut self) {
        let rested = self.next_due.filter(|_| self.rests);
        for _ in 0..self.queue.len() {
            if rested.is_some_and(|rested| rested <= Instant::now()) {
                break;
            }
            let Some(key) = self.queue.pop_front() else { break };
            if let Some(conn) = self.conns.get_mut(key) {
                conn.queued = false;
                self.serve(key);
            }
        }
    }

    fn serve(&mut self, key: Key) {
        let now = self.ms();
        let Some(conn) = self.conns.get_mut(key) else { return };
        let (before, owed) = (conn.unwritten(), conn.outlet.owes());
        let clear = match conn.flush() {
            Ok(clear) => clear,
            Err(_) => return self.remove(key, CloseReason::Error),
        };
        if conn.unwritten() < before || (owed && !conn.outlet.owes()) {
            // The outlet took something: the client acknowledges.
            conn.heard = now;
        }
        if self.conns[key].closing.is_some() {
            return self.linger(key, clear);
        }
        let full = self.conns[key].is_full();
        if self.conns[key].readable && !full {
            self.read(key);
        }
        self.advance(key);
        if full && self.conns.get(key).is_some_and(|conn| conn.readable && !conn.is_full()) {
            self.enqueue(key);
        }
    }

    /// Reads once; more waits for the connection's next turn.
    fn read(&mut self, key: Key) {
        let mut scratch = std::mem::take(&mut self.scratch);
        match self.conns[key].outlet.read(&mut scratch) {
            Ok(None) => self.conns[key].readable = false,
            Ok(Some(0)) => self.remove(key, CloseReason::Client),
            Err(_) => self.remove(key, CloseReason::Error),
            Ok(Some(count)) => {
                self.hear(key, &mut scratch[..count]);
                self.enqueue(key);
            }
        }
        self.scratch = scratch;
    }

    /// Brings a session further: catching up, then loading, a slice at a time.
    fn advance(&mut self, key: Key) {
        let Some(group) = self.conns.get(key).map(|conn| conn.group) else { return };
        let (board, cursor) = (self.board.clone(), self.cursor_of(group));
        let view = board.view();
        let view = if group == 0 { view } else { view.until(cursor) };
        if view.generation() != self.generation {
            // History was cut since the shard last looked: it starts everybody over first.
            return self.enqueue(key);
        }
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.closing.is_some() || !conn.is_clear() || !conn.session.is_busy() {
            return;
        }
        let mut out = std::mem::take(&mut self.out);
        let next = {
            let waits = !view.loaded();
            let next = conn.session.advance(&view, cursor, self.now, &self.settings.session, SLICE, &mut out);
            if waits { Next::At(self.now) } else { next }
        };
        drop(view);
        if conn.lagging && !conn.session.is_behind() {
            conn.lagging = false;
            self.metrics.lagging(-1);
        }
        self.carry_out(key, &mut out);
        self.out = out;
        match next {
            Next::Streaming => {}
            Next::More => self.enqueue(key),
            Next::At(_) => self.waiting.push(key),
            Next::Flush(at) => self.flush_at(key, at),
        }
    }

    /// Wakes those who wait for a moment; the sweep is their clock.
    pub(super) fn look_again(&mut self) {
        for key in std::mem::take(&mut self.waiting) {
            self.enqueue(key);
        }
    }

    /// Does what a session wants done.
    pub(super) fn carry_out(&mut self, key: Key, out: &mut Vec<Out>) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        let form = self.conns[key].form;
        let mut reset = None;
        for out in out.drain(..) {
            match out {
                Out::Say(message) => {
                    note(&self.metrics, &message, &mut reset);
                    outgoing.push(self.encoder.encode(&message, form));
                }
                Out::State(shown, detail) => outgoing.push(self.encoder.state(&shown, Variant { detail, form })),
                Out::Span(shown, span, detail, position) => {
                    self.metrics.conflated(span.version - span.base - 1);
                    outgoing.push(self.encoder.span(&shown, &span, Variant { detail, form }, position));
                }
                Out::Frame(entry, detail) => outgoing.push(self.encoder.live(&entry, Variant { detail, form })),
                Out::Bare(entry, detail) => outgoing.push(self.encoder.bare(&entry, Variant { detail, form })),
                Out::Reached(position) => {
                    let (position, time_ms) = (Some(position), self.board.view().now());
                    outgoing.push(self.encoder.encode(&Message::Heartbeat { position, time_ms }, form));
                }
                Out::Regroup(delay) => {
                    self.regroup(key, delay);
                    self.enqueue(key);
                }
                Out::Gone(game) => {
                    outgoing.push(self.encoder.encode(&Message::Removed { game: &game, position: None }, form));
                }
                Out::Join(topic, detail) => {
                    let group = self.conns[key].group;
                    let stood = self.audience.leave(group, key, &topic);
                    self.audience.join(group, key, &topic, detail);
                    self.metrics.subscriptions(i64::from(!stood));
                }
                Out::Leave(topic) => {
                    let stood = self.audience.leave(self.conns[key].group, key, &topic);
                    self.metrics.subscriptions(-i64::from(stood));
                }
            }
        }
        self.send_all(key, &mut outgoing);
        self.outgoing = outgoing;
    }

    pub(super) fn say(&mut self, key: Key, message: &Message<'_>) {
        let form = self.conns[key].form;
        let frame = self.encoder.encode(message, form);
        self.send(key, frame);
    }

    pub(super) fn send(&mut self, key: Key, frame: Bytes) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        outgoing.push(frame);
        self.send_all(key, &mut outgoing);
        self.outgoing = outgoing;
    }

    /// Sends frames that may not be dropped.
    fn send_all(&mut self, key: Key, frames: &mut Vec<Bytes>) {
        let now = self.ms();
        let Some(conn) = self.conns.get_mut(key).filter(|conn| conn.closing.is_none()) else { return frames.clear() };
        if frames.is_empty() {
            return;
        }
        let delivered = &mut self.delivered[conn.transport() as usize];
        delivered.0 += frames.len() as u64;
        delivered.1 += frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
        frames.drain(..).for_each(|frame| conn.keep(frame));
        conn.said = now;
        if conn.flush().is_err() {
            // Its next turn takes it away: whoever sends still has to do with it.
            self.enqueue(key);
        }
    }

    /// Says the last word and lets the client have a moment for its own.
    pub(super) fn close(&mut self, key: Key, close: &Close) {
        let deadline = self.ms() + LINGER;
        let Some(conn) = self.conns.get_mut(key).filter(|conn| conn.closing.is_none()) else { return };
        let (code, reason) = close.code_and_reason();
        let begun = !conn.is_clear();
        conn.cut(begun);
        if conn.form.is_websocket() {
            conn.keep(match code {
                Some(code) => codec::close(code, reason),
                None => codec::frame(Opcode::Close, &[]),
            });
        }
        conn.closing = Some(deadline);
        conn.readable = true;
        self.forget(key, reason_of(close));
        self.enqueue(key);
    }

    /// A closed connection: write the rest, then wait for the client's end of it.
    fn linger(&mut self, key: Key, clear: bool) {
        if clear {
            // The client reads the close frame and then the end; data it sent meanwhile must not reset the connection.
            self.conns[key].outlet.finish();
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        match self.conns[key].outlet.read(&mut scratch) {
            Ok(Some(1..)) => self.enqueue(key), // whoever sends and sends has a turn like anybody
            Ok(None) => {}
            Ok(Some(0)) | Err(_) => self.drop_conn(key),
        }
        self.scratch = scratch;
    }

    /// Takes a connection away at once.
    pub(super) fn remove(&mut self, key: Key, reason: CloseReason) {
        if self.conns.get(key).is_some_and(|conn| conn.closing.is_none()) {
            self.forget(key, reason);
        }
        self.drop_conn(key);
    }

    fn forget(&mut self, key: Key, reason: CloseReason) {
        let subscriptions = self.audience.remove(key);
        self.metrics.subscriptions(-i64::try_from(subscriptions).unwrap_or(i64::MAX));
        let conn = &self.conns[key];
        self.metrics.connection_closed(conn.transport(), reason);
        if conn.lagging {
            self.metrics.lagging(-1);
        }
        let unwanted = !matches!(reason, CloseReason::Client | CloseReason::Drain);
        if (unwanted || tracing::enabled!(tracing::Level::DEBUG)) && self.noise.allows(self.now) {
            let session = tracing::info_span!("session", session = %self.conns[key].name).entered();
            match unwanted {
                true => tracing::info!(reason = reason.name(), subscriptions, "a subscriber was lost"),
                false => tracing::debug!(reason = reason.name(), subscriptions, "a subscriber left"),
            }
            drop(session);
        }
    }

    pub(super) fn drop_conn(&mut self, key: Key) {
        if let Some(mut conn) = self.conns.try_remove(key) {
            conn.outlet.close(self.poll.registry());
            self.unplan(conn.flushes, key);
            self.quit(conn.group);
        }
    }
}

/// Counts a reset, and how a subscription begins. `reset`: the command whose reset the subscriber was told just before; that
/// and its `subscribed` are one beginning. A reset that no subscribe asked for (a delay, an epoch) begins none.
pub(super) fn note(metrics: &Metrics, message: &Message<'_>, reset: &mut Option<u64>) {
    match message {
        Message::Reset { id, reason } => {
            metrics.reset(reset_label(*reason));
            *reset = *id;
        }
        Message::Subscribed { id, resumed, .. } => metrics.resumed(match (resumed, reset.take()) {
            (true, _) => ResumeOutcome::Resumed,
            (false, Some(told)) if told == *id => ResumeOutcome::Reset,
            (false, _) => ResumeOutcome::Snapshot,
        }),
        _ => {}
    }
}

fn reset_label(reason: ResetReason) -> metrics::ResetReason {
    match reason {
        ResetReason::Epoch => metrics::ResetReason::Epoch,
        ResetReason::Trimmed => metrics::ResetReason::Trimmed,
        ResetReason::Delay => metrics::ResetReason::Delay,
        ResetReason::Ahead => metrics::ResetReason::Ahead,
    }
}

fn reason_of(close: &Close) -> CloseReason {
    match close {
        Close::Echo(_) => CloseReason::Client,
        Close::Protocol(..) | Close::BadCommands => CloseReason::Protocol,
        Close::Drain => CloseReason::Drain,
        Close::Unauthorized | Close::Forbidden => CloseReason::Auth,
        Close::Timeout => CloseReason::Timeout,
        Close::TooMany => CloseReason::Limit,
        Close::Internal => CloseReason::Error,
    }
}
