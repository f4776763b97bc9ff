//! Delay, rate cap and mode: what a connection may ask for, and how a change of delay is carried out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::Topic;

use super::catchup::Behind;
use super::load::{Kind, Load};
use super::{Limits, Out, Session};
use crate::auth::Access;
use crate::scoreboard::View;
use crate::wire::{ErrorReply, Message, Mode, Options, ResetReason};

/// The options that are asked for over those in force, within what the token allows.
///
/// # Errors
/// When a value is out of its range, or `every` is combined with a cap.
pub fn combine(
    held: Options,
    delay: Option<f64>,
    max_rate: Option<f64>,
    mode: Option<Mode>,
    longest: u16,
    access: &Access,
) -> Result<Options, String> {
    /// More flushes a second than anybody can tell from no cap; and one in a quarter of an hour, less than which is none.
    const FASTEST: f64 = 1_000.0;
    const SLOWEST: f64 = 0.001;
    let delay = delay.unwrap_or(f64::from(held.delay));
    if !(0.0..=f64::from(longest)).contains(&delay) {
        return Err(format!("delay is 0 to {longest} seconds"));
    }
    let max_rate = max_rate.unwrap_or(held.max_rate);
    if max_rate != 0.0 && !(SLOWEST..=FASTEST).contains(&max_rate) {
        return Err(format!("max_rate is 0 (no cap), or {SLOWEST} to {FASTEST} flushes a second"));
    }
    let max_rate = match (max_rate, access.max_rate) {
        (asked, 0.0) => asked,
        (0.0, most) => most.max(SLOWEST),
        (asked, most) => asked.min(most.max(SLOWEST)),
    };
    let mode = mode.unwrap_or(held.mode);
    if mode == Mode::Every && max_rate > 0.0 {
        return Err("mode \"every\" skips nothing, so it cannot have a max_rate".into());
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // its range was checked
    let delay = (delay.ceil() as u16).max(access.min_delay);
    Ok(Options { delay, max_rate, mode })
}

impl Session {
    /// Whether updates are held back and flushed at a rate.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        self.options.max_rate > 0.0
    }

    /// Holds back what came after `from`; gives the moment of the flush when this is the first thing held back.
    pub fn withhold(&mut self, from: u64, now: Instant) -> Option<Instant> {
        if self.behind.is_some() {
            return None;
        }
        self.fell_behind(from);
        Some(self.next_flush().unwrap_or(now).max(now))
    }

    /// The moment of the flush, while nothing but the cap holds things back.
    pub(super) fn flush_due(&self, now: Instant) -> Option<Instant> {
        self.next_flush().filter(|at| self.loads.is_none() && now < *at)
    }

    /// With a cap: when the next flush may be; by the cap of now, which may have changed since the last.
    fn next_flush(&self) -> Option<Instant> {
        let at = self.flushed_at.filter(|_| self.is_capped())?;
        Some(at + Duration::from_secs_f64(1.0 / self.options.max_rate))
    }

    /// A flush has reached the head: it ends with the position, and the next one is a while away.
    pub(super) fn flushed(&mut self, view: &View<'_>, now: Instant, out: &mut Vec<Out>) {
        self.flushed_at = Some(now);
        if !self.speaks() {
            return;
        }
        match out.last_mut() {
            Some(Out::Span(.., position)) => *position = Some(view.position()),
            _ => out.push(Out::Reached(view.position())),
        }
    }

    pub(super) fn set_options(
        &mut self,
        id: u64,
        delay: Option<f64>,
        max_rate: Option<f64>,
        mode: Option<Mode>,
        limits: &Limits,
        out: &mut Vec<Out>,
    ) -> Result<(), ErrorReply> {
        // Of several changes of delay the newest is the one to start from.
        let delay_to_be = self.loads.iter().flat_map(|loads| loads.iter()).filter_map(Load::delay).next_back();
        let held = Options { delay: delay_to_be.unwrap_or(self.options.delay), ..self.options };
        let wanted = combine(held, delay, max_rate, mode, limits.delay, &self.access);
        let wanted = wanted.map_err(|message| ErrorReply::bad(Some(id), message))?;
        // What was held back under the cap leaves as one update yet, before every one is promised.
        let owes = self.behind.is_some() && wanted.mode != self.options.mode;
        self.options = Options { delay: self.options.delay, ..wanted };
        let waits = owes || wanted.delay != held.delay || (delay.is_some() && delay_to_be.is_some());
        match waits {
            false => out.push(Out::Say(Message::Options { id, options: self.options })),
            // It is told once it is in force.
            true => self.queue(Load::delay_to(id, wanted.delay)),
        }
        Ok(())
    }

    /// Goes on under another token: what that does not allow as it is changes, and is told as if it had been asked for.
    ///
    /// # Errors
    /// The topic that it does not cover; then nothing is changed.
    pub fn renew(&mut self, id: u64, access: Arc<Access>, limits: &Limits, out: &mut Vec<Out>) -> Result<(), Topic> {
        let loading = self.loads.iter().flat_map(|loads| loads.iter()).flat_map(Load::subscribing);
        let lost = self.subs.iter().map(|sub| &sub.topic).chain(loading).find(|topic| !access.allows(topic));
        if let Some(topic) = lost {
            return Err(topic.clone());
        }
        out.push(Out::Say(Message::Authorized { id, expires_at: access.expires_at }));
        let mode = (access.max_rate > 0.0).then_some(Mode::Latest);
        let within = |rate: f64| access.max_rate <= 0.0 || (0.0 < rate && rate <= access.max_rate);
        let (late_enough, fits) = (self.options.delay >= access.min_delay, within(self.options.max_rate));
        self.access = access;
        if !late_enough {
            let wanted =
                combine(self.options, None, None, mode, limits.delay, &self.access).map_err(|_| Topic::all())?;
            self.options = Options { delay: self.options.delay, ..wanted };
            // Before whatever waits or is under way: that was asked for under another token.
            self.loads.get_or_insert_default().push_front(Load::delay_to(id, wanted.delay));
            return Ok(());
        }
        if fits { Ok(()) } else { self.set_options(id, None, None, mode, limits, out).map_err(|_| Topic::all()) }
    }

    /// A change to a longer delay, when it is the next thing to do: it does not wait until all is caught up, which a client
    /// that reads slowly could put off, because it starts that over anyway.
    pub(super) fn pop_raise(&mut self) -> Option<(u64, u16, Load)> {
        let (held, least) = (self.options.delay, self.access.min_delay);
        let (id, delay, mut load) =
            self.loads.as_mut()?.pop_front_if(|load| load.raises(held, least)).and_then(|load| {
                let Kind::Delay { id, delay } = load.kind else { return None };
                Some((id, delay, load))
            })?;
        load.announced = true;
        Some((id, delay, load))
    }

    /// Moves to another delay: raised, the connection starts over as of the earlier moment; lowered, the changes follow.
    pub(super) fn change_delay(&mut self, id: u64, delay: u16, load: Load, view: &View<'_>, out: &mut Vec<Out>) {
        // It may have been asked for under a token that allowed more.
        let delay = delay.max(self.access.min_delay);
        let held = std::mem::replace(&mut self.options.delay, delay);
        out.push(Out::Say(Message::Options { id, options: self.options }));
        if delay == held {
            // It only waited for its turn.
        } else if delay > held {
            self.reset(ResetReason::Delay, Some(id), out);
            out.push(Out::Regroup(delay));
        } else {
            out.push(Out::Regroup(delay));
            self.behind = Some(Box::new(Behind::at(view.head(), self.is_every())));
            self.sent = 0;
            self.loads.get_or_insert_default().push_front(load);
        }
    }
}
