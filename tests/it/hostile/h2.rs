//! Frames of HTTP/2 as no client sends them, by hand: each flood ends its connection, and nobody else's.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{ACME, Service, soon};
use crate::tls::Keys;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;
/// `GET https://x/`, by the static table but for the host (RFC 7541, appendix A).
const GET: &[u8] = b"\x82\x87\x84\x41\x01x";
/// The same with POST.
const POST: &[u8] = b"\x83\x87\x84\x41\x01x";
const ENHANCE_YOUR_CALM: u32 = 11;
const PROTOCOL_ERROR: u32 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Sends these frames on a connection of their own; the error that it is ended with, `None` where it just ends.
async fn flood(keys: &Keys, service: &Service, frames: &[Vec<u8>]) -> Option<u32> {
    let mut stream = keys.connect(service.main(), "h2").await.unwrap();
    let all = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frames.concat()].concat();
    let (mut reads, mut writes) = tokio::io::split(&mut stream);
    let sending = async {
        // It may be cut off before all is sent.
        let _ = writes.write_all(&all).await;
        let _ = writes.flush().await;
    };
    let mut answer = Vec::new();
    let reading = async { reads.read_to_end(&mut answer).await };
    let _ = soon(async { tokio::join!(sending, reading) }).await;
    goaway(&answer)
}

fn goaway(mut answer: &[u8]) -> Option<u32> {
    while let Some((head, rest)) = answer.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (payload, rest) = rest.split_at_checked(length)?;
        if head[3] == GOAWAY {
            return Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        answer = rest;
    }
    None
}

#[tokio::test]
async fn floods_of_frames_end_their_connection_and_no_other() {
    let keys = Keys::new();
    let service = Service::start(&format!("{ACME}\n{}", keys.config())).await;
    let streams = (0..2_000).map(|number| 2 * number + 1);
    let cancelled = |stream| {
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, GET), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())]
            .concat()
    };
    let begun = || std::iter::once(frame(HEADERS, END_STREAM, 1, GET));
    let header: Vec<u8> = [&b"\x00\x03x-a\x64"[..], &[b'a'; 100]].concat();
    let floods: [(&str, Vec<Vec<u8>>, u32); 5] = [
        ("requests that are cancelled at once", streams.map(cancelled).collect(), ENHANCE_YOUR_CALM),
        (
            "a head without end",
            begun().chain((0..2_000).map(|_| frame(CONTINUATION, 0, 1, &header.repeat(20)))).collect(),
            ENHANCE_YOUR_CALM,
        ),
        (
            "a head of nothing without end",
            begun().chain((0..2_000).map(|_| frame(CONTINUATION, 0, 1, &[]))).collect(),
            ENHANCE_YOUR_CALM,
        ),
        (
            "a body of nothing without end",
            std::iter::once(frame(HEADERS, END_HEADERS, 1, POST))
                .chain((0..20_000).map(|_| frame(DATA, 0, 1, &[])))
                .collect(),
            ENHANCE_YOUR_CALM,
        ),
        ("a head that names no header", vec![frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80")], PROTOCOL_ERROR),
    ];
    for (what, frames, error) in floods {
        assert_eq!(flood(&keys, &service, &frames).await, Some(error), "{what}");
        assert_eq!(keys.get(service.main(), "h2", "/v1/games").await.status, 200, "after {what}");
    }
}
