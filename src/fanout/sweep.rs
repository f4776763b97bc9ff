//! A shard's clock: one sweep over all connections in place of a timer for each. Heartbeats, pings, deadlines, drain.

use std::collections::VecDeque;
use std::time::Duration;

use super::audience::Key;
use super::shard::{SWEEP, Shard};
use crate::wire::{Close, Message};

/// Within this time those who came too late are to come again; ms.
const LATE: u64 = 1_000;

impl Shard {
    /// Looks over all connections, some times a second.
    pub(super) fn sweep(&mut self) {
        self.depart();
        if self.now - self.swept < SWEEP {
            return;
        }
        self.swept = self.now;
        self.settings = self.live.get();
        self.look_again();
        let now = self.ms();
        let heartbeat = u64::try_from(self.settings.heartbeat.as_millis()).unwrap_or(u64::MAX);
        for key in self.keys() {
            let conn = &mut self.conns[key];
            if conn.is_excused() {
                // Who has taken everything is there, and the kernel ends what is half open.
                conn.heard = now;
            }
            let (unheard, unsaid) = (now.saturating_sub(conn.heard), now.saturating_sub(conn.said));
            match conn.closing {
                Some(deadline) if now >= deadline => self.drop_conn(key),
                Some(_) => {}
                None if conn.until.is_some_and(|until| now >= until) => self.expire(key),
                None if unheard >= 2 * heartbeat => self.close(key, &Close::Timeout),
                None => {
                    if unheard >= heartbeat && !conn.pinged && conn.form.is_websocket() {
                        self.ping(key);
                    }
                    if unsaid >= heartbeat {
                        self.beat(key);
                    }
                }
            }
        }
    }

    /// Asks whether somebody is there. It does not put the heartbeat off: a browser's page sees no pings.
    fn ping(&mut self, key: Key) {
        let said = self.conns[key].said;
        self.conns[key].pinged = true;
        let ping = self.ping_frame();
        self.send(key, ping);
        self.conns[key].said = said;
    }

    fn beat(&mut self, key: Key) {
        let Some(conn) = self.conns.get(key).filter(|conn| conn.is_clear()) else { return };
        let (session, live) = (&conn.session, self.cursor_of(conn.group));
        let view = self.board.view();
        let position = session.speaks().then(|| view.at(session.reached(live)));
        let time_ms = view.now();
        drop(view);
        self.say(key, &Message::Heartbeat { position, time_ms });
    }

    /// Tells everybody when to leave: evenly over the window, so that no other gateway meets a crowd.
    pub(super) fn begin_drain(&mut self, window: Duration) {
        let keys: Vec<Key> = self.keys().into_iter().filter(|key| self.conns[*key].closing.is_none()).collect();
        // Evenly over nine tenths: 1.11 times the average of the window, before what clients and machine add. The last tenth is for the
        // client to come back in before it is closed.
        let spread = window.mul_f64(0.9);
        let count = keys.len().max(1) as f64;
        let mut departures = VecDeque::with_capacity(keys.len());
        for (number, key) in keys.into_iter().enumerate() {
            let leave = spread.mul_f64((number as f64 + fastrand::f64()) / count);
            let reconnect_ms = u64::try_from(leave.as_millis()).unwrap_or(u64::MAX);
            self.say(key, &Message::Goodbye { reason: "drain", reconnect_ms });
            departures.push_back((self.now + leave + window.mul_f64(0.1), key));
        }
        self.departures = Some(departures);
    }

    /// Who came in at the last moment is told at once.
    pub(super) fn send_away(&mut self, key: Key) {
        let reconnect_ms = fastrand::u64(..LATE);
        self.say(key, &Message::Goodbye { reason: "drain", reconnect_ms });
        self.close(key, &Close::Drain);
    }

    fn depart(&mut self) {
        while let Some((_, key)) = self.departures.as_mut().and_then(|all| all.pop_front_if(|next| next.0 <= self.now))
        {
            self.close(key, &Close::Drain);
        }
    }
}
