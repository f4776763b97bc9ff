//! One frame header, and every rule that can be judged from it.

use super::message::Message;
use super::{Fault, Limits, Opcode, Role};

/// The longest header: two bytes, eight of length, four of mask.
pub(super) const MAX_HEADER: usize = 14;
/// The longest payload of a control frame.
pub(super) const MAX_CONTROL: usize = 125;

/// A frame header that keeps all rules.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) deflated: bool,
    pub(super) opcode: Opcode,
    pub(super) length: usize,
    /// Zeros for a frame that is not masked.
    pub(super) mask: [u8; 4],
}

/// What the next frame is held to.
pub(super) struct Rules<'a> {
    pub(super) role: Role,
    /// permessage-deflate was negotiated.
    pub(super) deflate: bool,
    pub(super) limits: &'a Limits,
    /// The message whose next fragment is due.
    pub(super) message: Option<&'a Message>,
}

impl Rules<'_> {
    /// Reads a header from the front of `bytes`: the header and its size, or `None` while it is cut off. Each rule is judged as soon as
    /// its byte is there, so that a fault does not depend on how the stream is cut.
    pub(super) fn parse(&self, bytes: &[u8]) -> Result<Option<(Header, usize)>, Fault> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let opcode = self.opcode(first)?;
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        self.mask_bit(second & 0x80 != 0)?;
        let short = second & 0x7F;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL {
            return Err(Fault::protocol("control frame too long"));
        }
        if opcode == Opcode::Close && short == 1 {
            return Err(Fault::protocol("close payload of one byte"));
        }
        let Some((length, size)) = length(short, bytes)? else { return Ok(None) };
        let deflated = first & 0x40 != 0;
        let length = self.fits(opcode, deflated, length)?;
        let (mask, size) = match self.role {
            Role::Client => ([0; 4], size),
            Role::Server => match bytes[size..].first_chunk() {
                Some(mask) => (*mask, size + 4),
                None => return Ok(None),
            },
        };
        Ok(Some((Header { fin: first & 0x80 != 0, deflated, opcode, length, mask }, size)))
    }

    /// The first byte: FIN, RSV1 to RSV3, opcode.
    fn opcode(&self, first: u8) -> Result<Opcode, Fault> {
        let opcode = Opcode::from_bits(first & 0x0F).ok_or(Fault::protocol("reserved opcode"))?;
        let starts_message = matches!(opcode, Opcode::Text | Opcode::Binary);
        if first & 0x30 != 0 || first & 0x40 != 0 && !(self.deflate && starts_message) {
            return Err(Fault::protocol("reserved bit"));
        }
        if opcode.is_control() && first & 0x80 == 0 {
            return Err(Fault::protocol("fragmented control frame"));
        }
        match self.message {
            None if opcode == Opcode::Continuation => Err(Fault::protocol("continuation of nothing")),
            Some(_) if starts_message => Err(Fault::protocol("message inside a message")),
            Some(message) if opcode == Opcode::Continuation && message.fragments >= self.limits.fragments => {
                Err(Fault::TOO_MANY_FRAGMENTS)
            }
            _ => Ok(opcode),
        }
    }

    fn mask_bit(&self, masked: bool) -> Result<(), Fault> {
        match (self.role, masked) {
            (Role::Server, false) => Err(Fault::protocol("frame is not masked")),
            (Role::Client, true) => Err(Fault::protocol("frame is masked")),
            _ => Ok(()),
        }
    }

    /// Refuses a frame whose message would be too long, before any of it is stored. A control frame, held to 125 bytes, is no part of it.
    fn fits(&self, opcode: Opcode, deflated: bool, length: u64) -> Result<usize, Fault> {
        let room = match self.message {
            _ if opcode.is_control() => MAX_CONTROL,
            Some(message) => wire_bytes(self.limits, message.deflated).saturating_sub(message.len()),
            None => wire_bytes(self.limits, deflated),
        };
        usize::try_from(length).ok().filter(|length| *length <= room).ok_or(Fault::TOO_BIG)
    }
}

/// How long a message may be before inflating. What does not compress grows a little: 9 bits a byte at the worst, and block headers.
fn wire_bytes(limits: &Limits, deflated: bool) -> usize {
    match deflated {
        true => limits.message_bytes.saturating_add(limits.message_bytes / 8 + 64),
        false => limits.message_bytes,
    }
}

/// The payload length and the size of the header so far.
fn length(short: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    let (length, size, least) = match short {
        126 => (bytes[2..].first_chunk().map(|b| u64::from(u16::from_be_bytes(*b))), 4, 126),
        127 => (bytes[2..].first_chunk().map(|b| u64::from_be_bytes(*b)), 10, 1 << 16),
        _ => (Some(u64::from(short)), 2, 0),
    };
    match length {
        None => Ok(None),
        Some(length) if length >> 63 != 0 => Err(Fault::protocol("length with the top bit")),
        Some(length) if length < least => Err(Fault::protocol("length not minimal")),
        Some(length) => Ok(Some((length, size))),
    }
}
