//! WebSocket frames (RFC 6455) and permessage-deflate (RFC 7692): bytes in, messages out, and back. No sockets, no clock.
//!
//! ```text
//! scratch bytes → Decoder::feed → Incoming::{Text, Binary, Ping, Pong, Close} | Fault → close(fault.code, fault.reason)
//! frame(Opcode::Text, json) | frame_with(Opcode::Text, |out| …) → Bytes, shared by all who get it
//! Deflater::deflate(&frame) → the same message compressed, or the same frame where that saves nothing
//! ```
//!
//! It is written for a shard that reads every socket through one scratch buffer: a whole frame is unmasked and delivered where it
//! lies, and only what is cut off by the end of the buffer is copied into the connection's own (boxed, temporary) state. Feeds that
//! are pulled over a WebSocket, and client commands, use it from the other end.
//!
//! It does not know what a message means, nor when a connection ends: whoever owns the socket answers pings, echoes closes and drops it.

mod decode;
mod deflate;
mod encode;
mod handshake;
mod header;
mod message;

pub use decode::{Decoder, Incoming};
pub use deflate::{DEFLATE_FROM, Deflater, Inflater};
pub use encode::{close, frame, frame_with, masked, payload};
pub use handshake::{Agreed, Choice, Refused, Upgrade, accept_key, choose_subprotocol, negotiate, valid_key};

/// Which side of the connection this end is: a server demands masked frames, a client refuses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads what clients send.
    Server,
    /// Reads what servers send (pulled feeds, client commands, the load generator).
    Client,
}

/// What a frame is (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The next fragment of the message that is under way.
    Continuation = 0x0,
    /// UTF-8.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The last frame of a side: nothing, or a code and a reason.
    Close = 0x8,
    /// Asks for a pong with the same payload.
    Ping = 0x9,
    /// Answers a ping, or just says "alive".
    Pong = 0xA,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|opcode| *opcode as u8 == bits)
    }

    fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// How much one message may cost. The defaults are the contract's (protocol.md section 7).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one message, after inflating.
    pub message_bytes: usize,
    /// Frames of one message.
    pub fragments: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: 16 << 10, fragments: 64 }
    }
}

/// Why a connection cannot go on: answer with `close(code, reason)`, then drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {reason}")]
pub struct Fault {
    /// The close code: 1002 protocol error, 1007 bad payload, 1009 too big.
    pub code: u16,
    /// The close reason, short and plain.
    pub reason: &'static str,
}

impl Fault {
    const fn protocol(reason: &'static str) -> Self {
        Self { code: 1002, reason }
    }

    const BAD_UTF8: Self = Self { code: 1007, reason: "text is not UTF-8" };
    const BAD_DEFLATE: Self = Self { code: 1007, reason: "compressed data is broken" };
    const TOO_BIG: Self = Self { code: 1009, reason: "message too big" };
    const TOO_MANY_FRAGMENTS: Self = Self { code: 1009, reason: "message in too many fragments" };
}
