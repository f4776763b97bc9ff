//! A message that is not whole yet.

use super::header::Header;
use super::{Fault, Opcode};

/// The payload so far, unmasked; its text is checked as it comes, so that a bad byte ends the connection at once.
pub(super) struct Message {
    pub(super) opcode: Opcode,
    pub(super) deflated: bool,
    /// Frames that came whole.
    pub(super) fragments: usize,
    bytes: Vec<u8>,
    /// Up to here the bytes are whole UTF-8 characters.
    checked: usize,
}

impl Message {
    /// An empty message that begins with this frame.
    pub(super) fn new(first: &Header) -> Self {
        Self { opcode: first.opcode, deflated: first.deflated, fragments: 0, bytes: Vec::new(), checked: 0 }
    }

    /// Bytes so far, before inflating.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a piece of payload.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.bytes.extend_from_slice(piece);
        if self.opcode == Opcode::Text && !self.deflated {
            let good = std::str::from_utf8(&self.bytes[self.checked..]).map_or_else(
                // A character that is cut off may still become whole.
                |e| e.error_len().map_or(Ok(e.valid_up_to()), |_| Err(Fault::BAD_UTF8)),
                |text| Ok(text.len()),
            )?;
            self.checked += good;
        }
        Ok(())
    }

    /// The payload.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
