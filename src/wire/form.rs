//! The forms in which a message leaves, and how many there are: what is encoded once is kept by its variant.

use super::Detail;

/// How a message's bytes are wrapped: each is encoded at most once and shared by all who get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A WebSocket text frame.
    Json,
    /// The same, deflated where that pays.
    JsonDeflate,
    /// An event of an event stream (Server-Sent Events).
    Sse,
    /// A WebSocket binary frame of CBOR.
    Cbor,
    /// The same, deflated where that pays.
    CborDeflate,
}

impl Form {
    /// How many forms there are.
    pub const COUNT: usize = 5;

    /// Whether it is a frame of WebSocket, which has pings and a close.
    #[must_use]
    pub fn is_websocket(self) -> bool {
        !matches!(self, Form::Sse)
    }

    /// Whether messages are compressed, both ways.
    #[must_use]
    pub fn is_deflated(self) -> bool {
        matches!(self, Form::JsonDeflate | Form::CborDeflate)
    }

    /// Whether messages are binary, both ways.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Form::Cbor | Form::CborDeflate)
    }
}

/// Detail × form: the variants a publication can be encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variant {
    /// The detail.
    pub detail: Detail,
    /// The form.
    pub form: Form,
}

impl Variant {
    /// How many variants there are.
    pub const COUNT: usize = 2 * Form::COUNT;

    /// Its place among them.
    #[must_use]
    pub fn index(self) -> usize {
        self.form as usize * 2 + self.detail as usize
    }
}
