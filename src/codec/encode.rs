//! The encoder: one allocation that holds header and payload, to be shared by all who get the frame.

use bytes::{Buf, Bytes};

use super::Opcode;
use super::decode::unmask;
use super::header::{MAX_CONTROL, MAX_HEADER};

/// The longest header without a mask.
const MAX_PLAIN_HEADER: usize = MAX_HEADER - 4;
const FIN: u8 = 0x80;
/// Says that the payload is compressed.
pub(super) const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;

/// A whole frame as a server sends it. The payload of a control frame is ≤ 125 bytes: `frame(Opcode::Pong, ping)`.
pub fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    whole(FIN | opcode as u8, payload)
}

/// A whole frame whose payload is written straight behind its header, as by `serde_json::to_writer`. `write` only appends.
pub fn frame_with(opcode: Opcode, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = vec![0; MAX_PLAIN_HEADER];
    write(&mut out);
    let mut head = Vec::with_capacity(MAX_PLAIN_HEADER);
    put_header(&mut head, FIN | opcode as u8, 0, out.len() - MAX_PLAIN_HEADER);
    let start = MAX_PLAIN_HEADER - head.len();
    out[start..MAX_PLAIN_HEADER].copy_from_slice(&head);
    // Recent frames are kept for minutes: no spare room in them.
    out.shrink_to_fit();
    let mut frame = Bytes::from(out);
    frame.advance(start);
    frame
}

/// A Close frame; the reason is cut to 123 bytes, at a character.
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL - 2)];
    frame(Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// A whole frame as a client sends it; `key` should come from a random source.
pub fn masked(opcode: Opcode, payload: &[u8], key: [u8; 4]) -> Bytes {
    let mut out = Vec::with_capacity(MAX_HEADER + payload.len());
    put_header(&mut out, FIN | opcode as u8, MASKED, payload.len());
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], key, 0);
    out.into()
}

/// The payload of a frame that `frame` or `frame_with` made; it shares the frame's memory.
pub fn payload(frame: &Bytes) -> Bytes {
    frame.slice(header_size(frame)..)
}

/// Bytes before the payload of a frame that is not masked.
pub(super) fn header_size(frame: &[u8]) -> usize {
    match frame[1] {
        127 => 10,
        126 => 4,
        _ => 2,
    }
}

/// A whole frame with this first byte.
pub(super) fn whole(first: u8, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(header_len(payload.len()) + payload.len());
    put_header(&mut out, first, 0, payload.len());
    out.extend_from_slice(payload);
    out.into()
}

fn header_len(length: usize) -> usize {
    match length {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

fn put_header(out: &mut Vec<u8>, first: u8, mask_bit: u8, length: usize) {
    debug_assert!(first & 0x08 == 0 || length <= MAX_CONTROL, "a control frame is short");
    match length {
        0..=125 => out.extend_from_slice(&[first, mask_bit | length as u8]),
        126..=0xFFFF => {
            out.extend_from_slice(&[first, mask_bit | 126]);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[first, mask_bit | 127]);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
