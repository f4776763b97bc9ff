//! Who a connection is: the token it came with, the one it says by `auth`, and the end of either.

use std::sync::Arc;

use super::Admission;
use super::audience::Key;
use super::shard::Shard;
use crate::auth::{Access, Denied, Seat};
use crate::metrics::Door;
use crate::wire::{Close, Command, ErrorCode, ErrorReply, Message};

impl Shard {
    /// Notes how long whoever came may stay.
    pub(super) fn admit(&mut self, key: Key, admission: Admission) {
        match admission {
            Admission::Granted(access, seat) => self.stay(key, &access, seat),
            Admission::Awaited => {
                let until = self.in_ms(self.settings.token_time);
                (self.conns[key].anonymous, self.conns[key].until) = (true, Some(until));
            }
            Admission::Refused(_) => {}
        }
    }

    fn stay(&mut self, key: Key, access: &Access, seat: Option<Seat>) {
        let until = (access.expires_at != i64::MAX).then(|| self.in_ms(access.remaining()));
        let conn = &mut self.conns[key];
        (conn.anonymous, conn.until, conn.seat) = (false, until, seat);
    }

    /// The command `auth`: whether it was one, where tokens are asked for. Before it nothing else is answered.
    pub(super) fn identify(&mut self, key: Key, command: &Command) -> Option<Result<(), ErrorReply>> {
        let tokens = self.settings.tokens.clone()?;
        let (id, token) = match command {
            Command::Auth { id, token } => (*id, token),
            Command::Ping { .. } => return None,
            other if self.conns[key].anonymous => {
                let (id, code) = (Some(other.id()), ErrorCode::Unauthorized);
                return Some(Err(ErrorReply { id, code, message: Denied::Missing.words() }));
            }
            _ => return None,
        };
        let admitted = tokens.admit(token).and_then(|access| {
            let held = self.conns[key].seat.take().filter(|held| held.is_of(&access));
            let seat = if held.is_some() { held } else { tokens.seat(&access)? };
            Ok((access, seat))
        });
        match admitted {
            Ok((access, seat)) => self.renew(key, id, &access, seat),
            Err(denied) => self.deny(key, Some(id), &denied),
        }
        Some(Ok(()))
    }

    fn renew(&mut self, key: Key, id: u64, access: &Arc<Access>, seat: Option<Seat>) {
        let mut out = std::mem::take(&mut self.out);
        let renewed = self.conns[key].session.renew(id, Arc::clone(access), &self.settings.session, &mut out);
        self.carry_out(key, &mut out);
        self.out = out;
        match renewed {
            Ok(()) => {
                self.stay(key, access, seat);
                self.enqueue(key);
            }
            Err(topic) => {
                let message = format!("topic \"{topic}\": the token does not cover it");
                self.say(key, &Message::Error { id: Some(id), code: ErrorCode::Forbidden, message });
                self.close(key, &Close::Forbidden);
            }
        }
    }

    /// Says why, and closes.
    pub(super) fn deny(&mut self, key: Key, id: Option<u64>, denied: &Denied) {
        let (code, close) = match denied {
            Denied::Missing | Denied::Wrong(_) => (ErrorCode::Unauthorized, Close::Unauthorized),
            Denied::Expired => (ErrorCode::TokenExpired, Close::Unauthorized),
            Denied::Unloaded => (ErrorCode::Unavailable, Close::Internal),
            Denied::Crowded => (ErrorCode::RateLimited, Close::TooMany),
        };
        if id.is_some() && matches!(denied, Denied::Wrong(_)) {
            self.metrics.auth_failed(Door::Token);
        }
        self.say(key, &Message::Error { id, code, message: denied.words() });
        self.close(key, &close);
    }

    /// Ends whoever's token is over.
    pub(super) fn expire(&mut self, key: Key) {
        let denied = if self.conns[key].anonymous { Denied::Missing } else { Denied::Expired };
        self.deny(key, None, &denied);
    }
}
