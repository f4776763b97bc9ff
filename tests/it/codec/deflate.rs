//! permessage-deflate: the RFC's own examples, round trips through flate2's raw streams, and bombs.

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;
use scoreline::codec::{DEFLATE_FROM, Decoder, Deflater, Fault, Inflater, Limits, Opcode, Role, frame, payload};

use super::{Event, Setup, raw};

const DEFLATED_TEXT: u8 = 0xC1;
const CLIENT: Setup = Setup { role: Role::Client, ..Setup::DEFLATE };

/// Compressed by flate2 as a client would: flushed, the tail taken off.
fn flushed(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2 + 64);
    Compress::new(Compression::new(level), false).compress_vec(bytes, &mut out, FlushCompress::Sync).expect("it fits");
    out.strip_suffix(&[0, 0, 0xFF, 0xFF]).expect("a flush ends so").to_vec()
}

/// Inflated by flate2, the tail put on.
fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 20);
    let whole = [bytes, &[0, 0, 0xFF, 0xFF]].concat();
    let status = Decompress::new(false).decompress_vec(&whole, &mut out, FlushDecompress::Sync);
    assert_eq!(status.expect("a good stream"), Status::Ok);
    out
}

fn update(n: usize) -> String {
    let state = r#"{"status":"live","clock":{"mode":"up","running":true,"ms":3720000,"at":1795363980000}}"#;
    format!(r#"{{"type":"update","game":"soccer/eng.1/ars-che","base":{n},"version":{},"patch":{state}}}"#, n + 1)
}

#[track_caller]
fn reads(payload: &[u8], text: &str) {
    let whole = Setup::DEFLATE.decode(&raw(DEFLATED_TEXT, payload), &[]);
    assert_eq!(whole, (vec![Event::Text(text.into())], None));
    let stream = [raw(0x41, &payload[..1]), raw(0x89, b""), raw(0x80, &payload[1..])].concat();
    let (events, fault) = Setup::DEFLATE.decode(&stream, &[2, 7, 9]);
    assert_eq!((events, fault), (vec![Event::Ping(vec![]), Event::Text(text.into())], None), "in fragments");
}

fn fault(payload: &[u8]) -> Option<Fault> {
    Setup::DEFLATE.decode(&raw(DEFLATED_TEXT, payload), &[]).1
}

/// RFC 7692 section 7.2.3.
#[test]
fn the_examples_of_the_rfc() {
    reads(&[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "Hello");
    reads(&[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], "Hello"); // stored
    reads(&[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], "Hello"); // a final block
    reads(&[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], "Hello"); // two blocks
    assert_eq!(Setup::DEFLATE.decode(&raw(DEFLATED_TEXT, &[0]), &[]).0, [Event::Text(String::new())]);
    // The second message of an endpoint with context takeover points back into the first.
    let second = fault(&[0xF2, 0x00, 0x11, 0x00, 0x00]).expect("there is no context");
    assert_eq!((second.code, second.reason), (1007, "compressed data is broken"));
}

#[test]
fn a_frame_is_compressed_alone_and_shared() {
    let mut deflater = Deflater::new();
    let plain = frame(Opcode::Text, update(1031).as_bytes());
    let small = deflater.deflate(&plain);
    assert!(small.len() < plain.len(), "{} of {}", small.len(), plain.len());
    assert_eq!(small[0], DEFLATED_TEXT);
    assert_eq!(inflated(&payload(&small)), payload(&plain));
    assert_eq!(CLIENT.decode(&small, &[1, 30]), (vec![Event::Text(update(1031))], None));
    // No context: the same again gives the same, whatever came between.
    deflater.deflate(&frame(Opcode::Text, update(7).as_bytes()));
    assert_eq!(deflater.deflate(&plain), small);
}

#[test]
fn what_does_not_shrink_stays_the_same_frame() {
    let mut deflater = Deflater::new();
    let mut same = |frame: Bytes| assert_eq!(deflater.deflate(&frame).as_ptr(), frame.as_ptr());
    same(frame(Opcode::Text, &[b'x'; DEFLATE_FROM - 1]));
    let mut random = fastrand::Rng::with_seed(7);
    for length in [DEFLATE_FROM, 1000, 70_000] {
        same(frame(Opcode::Binary, &(0..length).map(|_| random.u8(..)).collect::<Vec<_>>()));
    }
    same(frame(Opcode::Ping, &[0; 125]));
    let after = deflater.deflate(&frame(Opcode::Text, update(1).as_bytes()));
    assert_eq!(inflated(&payload(&after)), update(1).as_bytes(), "an early end leaves nothing behind");
}

#[test]
fn plain_messages_are_read_where_deflate_is_agreed() {
    let stream = [raw(0x81, b"a"), raw(DEFLATED_TEXT, &flushed(b"b", 6)), raw(0x82, b"c")].concat();
    let events = vec![Event::Text("a".into()), Event::Text("b".into()), Event::Binary(b"c".into())];
    assert_eq!(Setup::DEFLATE.decode(&stream, &[]), (events, None));
}

#[test]
fn the_limit_counts_what_comes_out() {
    let limit = Limits::default().message_bytes;
    let mut random = fastrand::Rng::with_seed(7);
    let noise: String = (0..limit + 1).map(|_| random.char(' '..='~')).collect();
    for (text, levels) in [("x".repeat(limit + 1), 1..=9), (noise, 0..=9)] {
        for level in levels {
            let (fits, one_more) = (&text[..limit], &text[..]);
            reads(&flushed(fits.as_bytes(), level), fits);
            assert_eq!(fault(&flushed(one_more.as_bytes(), level)).map(|fault| fault.code), Some(1009));
        }
    }
}

/// A thousandfold: 16 KiB that say 16 MiB.
#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let limits = Limits::default();
    let mut zeros = flushed(&vec![0; 16 << 20], 9);
    assert!(zeros.len() < limits.message_bytes + 1024, "{}", zeros.len());
    zeros.truncate(limits.message_bytes);
    let mut stream = raw(DEFLATED_TEXT, &zeros);
    let mut inflater = Inflater::new();
    let cost = allocation_counter::measure(|| {
        let mut decoder = Decoder::new(Role::Server);
        let fed = decoder.feed(&mut stream, &limits, Some(&mut inflater), &mut |_| panic!("nothing is delivered"));
        assert_eq!(fed.map_err(|fault| fault.code), Err(1009));
    });
    assert!(cost.bytes_max < 128 << 10, "{cost:?}");
}

/// Most connections never send or get a compressed frame.
#[test]
fn streams_are_made_when_first_needed() {
    let unused = allocation_counter::measure(|| drop((Deflater::new(), Inflater::new())));
    assert_eq!(unused.count_total, 0);
    let mut deflater = Deflater::new();
    let text = frame(Opcode::Text, update(1).as_bytes());
    let first = allocation_counter::measure(|| drop(deflater.deflate(&text)));
    assert!(first.bytes_current < 400 << 10, "{first:?}");
    let again = allocation_counter::measure(|| drop(deflater.deflate(&text)));
    assert_eq!(again.count_total, 1, "the frame");
}

#[test]
fn broken_data_is_told_and_the_next_connection_reads_on() {
    let text = update(1031);
    let good = flushed(text.as_bytes(), 6);
    let mut inflater = Inflater::new();
    let mut read = |payload: &[u8]| {
        let mut came = None;
        let mut decoder = Decoder::new(Role::Server);
        let on = &mut |incoming: super::Incoming<'_>| came = Some(Event::from(incoming));
        decoder.feed(&mut raw(DEFLATED_TEXT, payload), &Limits::default(), Some(&mut inflater), on).map(|()| came)
    };
    let whole = Ok(Some(Event::Text(text.clone())));
    assert_eq!(read(&good), whole);
    for cut in 0..good.len() {
        // Only the flush's own padding may be missing.
        let broken = read(&good[..cut]).map_err(|fault| fault.code);
        assert!(broken == Err(1007) || cut == good.len() - 1 && broken == Ok(Some(Event::Text(text.clone()))), "{cut}");
        assert_eq!(read(&good), whole);
    }
    assert_eq!(read(&[0xFF; 10]).map_err(|fault| fault.code), Err(1007));
    assert_eq!(read(&[&good[..], &[1, 2, 3]].concat()).map_err(|fault| fault.code), Err(1007));
    assert_eq!(read(&flushed(&[b'x', 0xFF], 6)).map_err(|fault| fault.reason), Err("text is not UTF-8"));
    assert_eq!(read(&good), whole);
}

proptest! {
    #[test]
    fn round_trips(
        words in prop::collection::vec("[a-z]{1,9}|\"version\":[0-9]{1,5}|\\PC{0,20}", 0..20),
        times in 1usize..20,
        level in 0u32..=9,
        cuts in prop::collection::vec(0usize..20_000, 0..6),
    ) {
        let text: String = words.concat().repeat(times).chars().take(4000).collect();
        let plain = frame(Opcode::Text, text.as_bytes());
        let sent = Deflater::new().deflate(&plain);
        prop_assert!(sent.len() <= plain.len());
        let event = vec![Event::Text(text.clone())];
        prop_assert_eq!(CLIENT.decode(&sent, &[]), (event.clone(), None));
        let stream = raw(DEFLATED_TEXT, &flushed(text.as_bytes(), level));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % stream.len()).collect();
        cuts.sort_unstable();
        prop_assert_eq!(Setup::DEFLATE.decode(&stream, &cuts), (event, None));
    }

    /// Whatever the bytes, there is a message within the limit or a fault.
    #[test]
    fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..600), damage in any::<(u16, u8)>()) {
        let setup = Setup { limits: Limits { message_bytes: 2000, fragments: 1 }, ..Setup::DEFLATE };
        let mut hurt = flushed(&bytes.repeat(4), 6);
        let at = usize::from(damage.0) % hurt.len();
        hurt[at] ^= damage.1;
        for payload in [bytes, hurt] {
            match setup.decode(&raw(0xC2, &payload), &[]) {
                (events, None) => prop_assert!(matches!(&events[..], [Event::Binary(out)] if out.len() <= 2000)),
                (events, Some(fault)) => prop_assert!(events.is_empty() && [1007, 1009].contains(&fault.code)),
            }
        }
    }
}
