//! Random streams, whole and damaged, read by this decoder and by tungstenite: the same messages, the same verdict.
//! And one property over all of them: how a stream is cut changes nothing. `PROPTEST_CASES=100000` looks longer.

use std::io::{Cursor, Read, Result as IoResult, Write};

use proptest::prelude::*;
use scoreline::codec::{Fault, Limits};
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::{Role as OracleRole, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::{Event, Setup, raw};

const LIMIT: usize = 700;
const SETUP: Setup = Setup { limits: Limits { message_bytes: LIMIT, fragments: usize::MAX }, ..Setup::SERVER };

/// What tungstenite reads from; what it answers goes nowhere.
struct Pipe(Cursor<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        self.0.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

/// How a stream ends.
#[derive(Debug, PartialEq)]
enum End {
    /// No more bytes, or a Close.
    Quiet,
    Fault(u16),
}

fn oracle(stream: &[u8]) -> (Vec<Event>, End) {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let mut context = WebSocketContext::new(OracleRole::Server, Some(config));
    let mut pipe = Pipe(Cursor::new(stream.to_vec()));
    let mut events = Vec::new();
    loop {
        let message = match context.read(&mut pipe) {
            Ok(message) => message,
            Err(Error::ConnectionClosed | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return (events, End::Quiet);
            }
            Err(Error::Protocol(_)) => return (events, End::Fault(1002)),
            Err(Error::Utf8(_)) => return (events, End::Fault(1007)),
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => return (events, End::Fault(1009)),
            Err(other) => panic!("{other}"),
        };
        events.push(match message {
            Message::Text(text) => Event::Text(text.to_string()),
            Message::Binary(bytes) => Event::Binary(bytes.to_vec()),
            Message::Ping(payload) => Event::Ping(payload.to_vec()),
            Message::Pong(payload) => Event::Pong(payload.to_vec()),
            // So tungstenite says that a code is not allowed.
            Message::Close(Some(close)) if close.reason.as_str() == "Protocol violation" => {
                return (events, End::Fault(1002));
            }
            Message::Close(close) => Event::Close(close.map(|close| (close.code.into(), close.reason.to_string()))),
            Message::Frame(_) => panic!("only ever written"),
        });
    }
}

/// Holds one verdict against the other. Both may be right where a frame breaks several rules (this decoder tells the one whose byte comes
/// first), where it need not wait for the end of a frame, and where tungstenite lets pass what the RFC does not.
fn agree(ours: (Vec<Event>, Option<Fault>), theirs: (Vec<Event>, End)) -> Result<(), String> {
    let good = match (&ours.1, &theirs.1) {
        // A control frame whose length takes more than 7 bits is too long or not minimal, whatever it says.
        (Some(Fault { reason: "length not minimal" | "control frame too long", .. }), _) => {
            theirs.0.starts_with(&ours.0)
        }
        (None, End::Fault(1002)) => {
            matches!(ours.0.split_last(), Some((Event::Close(Some((1014, _))), before)) if before == theirs.0)
        }
        (None, end) => ours.0 == theirs.0 && *end == End::Quiet,
        (Some(_), End::Quiet) => ours.0 == theirs.0,
        (Some(fault), End::Fault(code)) => ours.0 == theirs.0 && (fault.code == *code || fault.code == 1002),
    };
    if good { Ok(()) } else { Err(format!("ours {ours:?}\ntheirs {theirs:?}")) }
}

/// The frames of one message, or a control frame.
fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = "[a-z]{0,40}|\\PC{0,60}|[€🥅é]{0,40}".prop_map(|text| (0x1u8, text.into_bytes()));
    let binary = prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (0x2u8, bytes));
    let long = (Just(0x2u8), prop::collection::vec(any::<u8>(), LIMIT - 5..LIMIT + 5));
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let message = (prop_oneof![4 => text, 2 => binary, 1 => long], cuts).prop_map(|((opcode, bytes), cuts)| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        fragments(opcode, &bytes, &cuts)
    });
    let control = (prop_oneof![Just(0x89u8), Just(0x8A)], prop::collection::vec(any::<u8>(), 0..=125))
        .prop_map(|(first, payload)| vec![raw(first, &payload)]);
    prop_oneof![4 => message, 1 => control]
}

fn fragments(opcode: u8, bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let ends: Vec<usize> = cuts.iter().copied().chain([bytes.len()]).collect();
    let mut start = 0;
    let mut out = Vec::new();
    for (n, &end) in ends.iter().enumerate() {
        let first = if n == 0 { opcode } else { 0 } | if n + 1 == ends.len() { 0x80 } else { 0 };
        out.push(raw(first, &bytes[start..end]));
        start = end;
    }
    out
}

fn close() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![3 => 1000u16..=1016, 1 => any::<u16>(), 2 => 3000u16..5000];
    prop_oneof![
        Just(raw(0x88, b"")),
        (code, "\\PC{0,30}")
            .prop_map(|(code, reason)| { raw(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat()) }),
    ]
}

/// Messages with pings between their fragments, and a Close somewhere or not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let inside = prop::option::weighted(0.2, Just(raw(0x89, b"inside")));
    let messages = prop::collection::vec((frames(), inside), 0..8);
    (messages, prop::option::of((any::<prop::sample::Index>(), close()))).prop_map(|(messages, close)| {
        let mut frames: Vec<Vec<u8>> = Vec::new();
        for (message, inside) in messages {
            let mut message = message.into_iter();
            frames.extend(message.next());
            frames.extend(inside);
            frames.extend(message);
        }
        if let Some((at, close)) = close {
            frames.insert(at.index(frames.len() + 1), close);
        }
        frames.concat()
    })
}

/// Bytes changed, taken out and put in; some of it in the front of frames, where it hurts most.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let hurt = (any::<prop::sample::Index>(), 0..4u8, any::<u8>());
    (stream(), prop::collection::vec(hurt, 1..4)).prop_map(|(mut stream, hurts)| {
        for (at, what, byte) in hurts {
            let at = at.index(stream.len() + 1);
            match what {
                0 if at < stream.len() => stream[at] = byte,
                1 if at < stream.len() => stream[at] ^= 1 << (byte % 8),
                2 if at < stream.len() => drop(stream.remove(at)),
                _ => stream.insert(at, byte),
            }
        }
        stream
    })
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..30)
}

fn check(stream: &[u8], cuts: &[prop::sample::Index]) -> Result<(), TestCaseError> {
    let whole = SETUP.decode(stream, &[]);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.sort_unstable();
    prop_assert_eq!(&SETUP.decode(stream, &cuts), &whole);
    agree(whole, oracle(stream)).map_err(TestCaseError::fail)
}

proptest! {
    #[test]
    fn good_streams(stream in stream(), cuts in cuts()) {
        check(&stream, &cuts)?;
    }

    #[test]
    fn damaged_streams(stream in damaged(), cuts in cuts()) {
        check(&stream, &cuts)?;
    }

    #[test]
    fn noise(stream in prop::collection::vec(any::<u8>(), 0..40), cuts in cuts()) {
        check(&stream, &cuts)?;
    }

    /// Noise whose first frame headers are likely ones.
    #[test]
    fn odd_headers(
        heads in prop::collection::vec((prop::sample::select(vec![0x01, 0x02, 0x00, 0x80, 0x81, 0x82, 0x88, 0x89, 0xC1, 0x03]),
            prop_oneof![0u8..=5, 0x80u8..=0x85, Just(0xFEu8), Just(0xFF)]), 1..4),
        tail in prop::collection::vec(any::<u8>(), 0..30),
        cuts in cuts(),
    ) {
        let stream: Vec<u8> = heads.into_iter().flat_map(|(first, second)| {
            let filler = tail.iter().copied().take(usize::from(second & 0x7F).min(10) + 4);
            [first, second].into_iter().chain(filler)
        }).collect();
        check(&stream, &cuts)?;
    }
}
