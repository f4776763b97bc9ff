//! What clients send: frames, commands, pongs, and how each is answered.

use std::time::Duration;

use bytes::Bytes;

use super::audience::Key;
use super::shard::Shard;
use crate::codec::{self, Incoming, Opcode};
use crate::wire::{Close, Command, ErrorReply, Message};

/// Bad commands in a row that end a connection.
const FAULTS: u8 = 16;
/// Pings of one read that are answered one by one; of those beyond the newest alone (RFC 6455, section 5.5.3).
const PONGS: usize = 16;
/// Of an error's words so many characters are told: they repeat what was sent, and an answer is not longer than that.
const WORDS: usize = 300;

/// What a client sent.
enum Heard {
    Command(Result<Command, ErrorReply>),
    Ping(Bytes),
    Pong(Option<u64>),
    Close(Close),
}

impl Shard {
    pub(super) fn hear(&mut self, key: Key, bytes: &mut [u8]) {
        let now = self.ms();
        let conn = &mut self.conns[key];
        conn.heard = now;
        conn.pinged = false;
        let (mut heard, mut pings, mut pong, mut over) = (Vec::new(), 0, None, false);
        let binary = conn.form.is_binary();
        let inflate = conn.form.is_deflated().then_some(&mut self.inflater);
        let (commands, (per_second, burst)) = (&mut conn.commands, self.settings.commands);
        let fed = conn.decoder.feed(bytes, &self.settings.message, inflate, &mut |incoming| {
            if over {
                return; // its last word is said
            }
            let is_command = matches!((&incoming, binary), (Incoming::Text(_), false) | (Incoming::Binary(_), true));
            // Counted before it is read: little deflates to hundreds of long ones.
            over = is_command && !commands.take(now, per_second, burst);
            heard.push(match incoming {
                _ if over => Heard::Close(Close::TooMany),
                Incoming::Text(text) if !binary => Heard::Command(Command::parse(text)),
                Incoming::Binary(bytes) if binary => Heard::Command(Command::parse_cbor(bytes)),
                Incoming::Text(_) => Heard::Close(Close::Protocol(1003, "this subprotocol is binary")),
                Incoming::Binary(_) => Heard::Close(Close::Protocol(1003, "this subprotocol is text")),
                Incoming::Ping(payload) => {
                    pings += 1;
                    let answer = codec::frame(Opcode::Pong, payload);
                    if pings > PONGS {
                        pong = Some(answer);
                        return;
                    }
                    Heard::Ping(answer)
                }
                Incoming::Pong(payload) => Heard::Pong(payload.try_into().ok().map(u64::from_be_bytes)),
                Incoming::Close(said) => Heard::Close(Close::Echo(said.map(|(code, _)| code))),
            });
        });
        for heard in heard.into_iter().chain(pong.map(Heard::Ping)) {
            if self.conns.get(key).is_none_or(|conn| conn.closing.is_some()) {
                return;
            }
            match heard {
                Heard::Command(command) => self.obey(key, command),
                Heard::Ping(pong) => self.send(key, pong),
                Heard::Pong(sent) => self.measure(sent),
                Heard::Close(close) => self.close(key, &close),
            }
        }
        if let Err(fault) = fed {
            self.close(key, &Close::Protocol(fault.code, fault.reason));
        }
    }

    fn obey(&mut self, key: Key, command: Result<Command, ErrorReply>) {
        if let Ok(command) = &command
            && let Some(done) = self.identify(key, command)
        {
            return self.done(key, done);
        }
        let time_ms = self.board.view().now();
        let mut out = std::mem::take(&mut self.out);
        let done = command.and_then(|command| {
            self.conns[key].session.on_command(&command, &self.settings.session, time_ms, &mut out)
        });
        self.carry_out(key, &mut out);
        self.out = out;
        self.done(key, done);
    }

    fn done(&mut self, key: Key, done: Result<(), ErrorReply>) {
        match done {
            Ok(()) => self.conns[key].faults = 0,
            Err(reply) => self.refuse(key, reply),
        }
    }

    pub(super) fn refuse(&mut self, key: Key, reply: ErrorReply) {
        let ErrorReply { id, code, message } = reply;
        let message = message.chars().take(WORDS).collect();
        self.say(key, &Message::Error { id, code, message });
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.faults += 1;
        if conn.faults >= FAULTS {
            self.close(key, &Close::BadCommands);
        }
    }

    fn measure(&self, sent: Option<u64>) {
        let micros = u64::try_from((self.now - self.start).as_micros()).unwrap_or(u64::MAX);
        if let Some(took) = sent.and_then(|sent| micros.checked_sub(sent)) {
            self.metrics.client_rtt(Duration::from_micros(took));
        }
    }

    /// A ping that tells when it was sent.
    pub(super) fn ping_frame(&self) -> Bytes {
        let micros = u64::try_from((self.now - self.start).as_micros()).unwrap_or(u64::MAX);
        codec::frame(Opcode::Ping, &micros.to_be_bytes())
    }
}
