//! The WebSocket codec: every rule of RFC 6455 that a server judges, against raw bytes and against another implementation.

mod deflate;
mod encode;
mod handshake;
mod oracle;
mod rules;

use scoreline::codec::{Decoder, Fault, Incoming, Inflater, Limits, Role};

/// What came out, owned.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Incoming<'_>> for Event {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.into()),
            Incoming::Binary(bytes) => Self::Binary(bytes.into()),
            Incoming::Ping(payload) => Self::Ping(payload.into()),
            Incoming::Pong(payload) => Self::Pong(payload.into()),
            Incoming::Close(close) => Self::Close(close.map(|(code, reason)| (code, reason.into()))),
        }
    }
}

/// A connection as it was negotiated.
#[derive(Clone, Copy)]
struct Setup {
    role: Role,
    limits: Limits,
    deflate: bool,
}

impl Setup {
    const SERVER: Self =
        Self { role: Role::Server, limits: Limits { message_bytes: 16 << 10, fragments: 64 }, deflate: false };
    const DEFLATE: Self = Self { deflate: true, ..Self::SERVER };
    const CLIENT: Self = Self { role: Role::Client, ..Self::SERVER };

    /// Feeds the stream in pieces that end at the `cuts` and at its end.
    fn decode(&self, stream: &[u8], cuts: &[usize]) -> (Vec<Event>, Option<Fault>) {
        let mut decoder = Decoder::new(self.role);
        let mut inflater = self.deflate.then(Inflater::new);
        let (mut events, mut fault) = (Vec::new(), None);
        let mut stream = stream.to_vec();
        let mut start = 0;
        for end in cuts.iter().copied().chain([stream.len()]) {
            let on = &mut |incoming: Incoming<'_>| events.push(Event::from(incoming));
            let fed = decoder.feed(&mut stream[start..end], &self.limits, inflater.as_mut(), on);
            assert!(fault.is_none() || fed.is_ok(), "a fault is told once");
            fault = fault.or(fed.err());
            start = end;
        }
        (events, fault)
    }
}

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A client's frame with this first byte, its length in the shortest form.
fn raw(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64;
    match length {
        0..=125 => raw_length(first, length as u8, &[], payload),
        126..=0xFFFF => raw_length(first, 126, &(length as u16).to_be_bytes(), payload),
        _ => raw_length(first, 127, &length.to_be_bytes(), payload),
    }
}

/// A client's frame whose length is written in these bytes, right or wrong.
fn raw_length(first: u8, short: u8, extended: &[u8], payload: &[u8]) -> Vec<u8> {
    let masked = payload.iter().zip(MASK.into_iter().cycle()).map(|(byte, key)| byte ^ key);
    let mut out = vec![first, 0x80 | short];
    out.extend_from_slice(extended);
    out.extend_from_slice(&MASK);
    out.extend(masked);
    out
}
