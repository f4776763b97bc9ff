//! Frames out: read back by the client's side of the decoder.

use bytes::Bytes;
use scoreline::codec::{Opcode, close, frame, frame_with, masked, payload};

use super::{Event, Setup};

const LENGTHS: [usize; 8] = [0, 1, 125, 126, 127, 65_535, 65_536, 100_000];

fn roomy(setup: Setup) -> Setup {
    let mut setup = setup;
    setup.limits.message_bytes = 1 << 20;
    setup
}

#[test]
fn bytes_as_in_the_rfc() {
    // RFC 6455 section 5.7.
    assert_eq!(frame(Opcode::Text, b"Hello"), Bytes::from_static(&[0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]));
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let hello = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    assert_eq!(masked(Opcode::Text, b"Hello", key), Bytes::copy_from_slice(&hello));
    assert_eq!(frame(Opcode::Binary, &[0; 256])[..4], [0x82, 0x7E, 0x01, 0x00]);
    assert_eq!(frame(Opcode::Binary, &vec![0; 65_536])[..10], [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn every_length_reads_back() {
    for length in LENGTHS {
        let bytes: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let out = frame(Opcode::Binary, &bytes);
        assert_eq!(payload(&out), bytes);
        assert_eq!(frame_with(Opcode::Binary, |out| out.extend_from_slice(&bytes)), out);
        let event = vec![Event::Binary(bytes.clone())];
        assert_eq!(roomy(Setup::CLIENT).decode(&out, &[]), (event.clone(), None));
        let sent = masked(Opcode::Binary, &bytes, [1, 2, 3, 250]);
        assert_eq!(roomy(Setup::SERVER).decode(&sent, &[]), (event, None));
    }
}

#[test]
fn json_is_written_straight_behind_the_header() {
    let out = frame_with(Opcode::Text, |out| {
        serde_json::to_writer(out, &serde_json::json!({"type": "pong", "id": 5})).expect("a Vec takes all")
    });
    assert_eq!(Setup::CLIENT.decode(&out, &[]).0, [Event::Text(r#"{"id":5,"type":"pong"}"#.into())]);
}

#[test]
fn control_frames() {
    assert_eq!(Setup::CLIENT.decode(&frame(Opcode::Ping, b"1"), &[]).0, [Event::Ping(b"1".into())]);
    assert_eq!(Setup::CLIENT.decode(&frame(Opcode::Pong, &[9; 125]), &[]).0, [Event::Pong(vec![9; 125])]);
    assert_eq!(Setup::CLIENT.decode(&frame(Opcode::Close, b""), &[]).0, [Event::Close(None)]);
}

#[test]
fn close_reasons_are_cut_at_a_character() {
    let read = |reason: &str| Setup::CLIENT.decode(&close(4000, reason), &[]).0;
    let said = |reason: &str| [Event::Close(Some((4000, reason.into())))];
    assert_eq!(read("too many"), said("too many"));
    assert_eq!(read(&"x".repeat(200)), said(&"x".repeat(123)));
    assert_eq!(read(&"é".repeat(100)), said(&"é".repeat(61)));
    assert_eq!(read(&"🥅".repeat(100)), said(&"🥅".repeat(30)));
}

/// Recent frames are kept for minutes: each is one allocation, of its own size.
#[test]
fn a_frame_has_no_spare_room() {
    for length in [100, 300, 70_000] {
        let bytes = vec![7; length];
        let cost = allocation_counter::measure(|| drop(frame(Opcode::Text, &bytes)));
        assert_eq!(cost.count_total, 1);
        let mut kept = Bytes::new();
        let cost = allocation_counter::measure(|| {
            kept = frame_with(Opcode::Text, |out| bytes.iter().for_each(|byte| out.push(*byte)));
        });
        assert_eq!((cost.count_current, cost.bytes_current), (1, length as i64 + 10));
        assert_eq!(payload(&kept), bytes);
    }
}
