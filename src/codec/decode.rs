//! The decoder: bytes as a socket gives them in, whole messages out.

use std::mem;

use super::header::{Header, MAX_HEADER, Rules};
use super::message::Message;
use super::{Fault, Inflater, Limits, Opcode, Role};

/// One message or control frame, lent from the scratch buffer, or from where its pieces were put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message, inflated, checked.
    Text(&'a str),
    /// A binary message, inflated.
    Binary(&'a [u8]),
    /// Answer with a pong of the same payload, ≤ 125 bytes.
    Ping(&'a [u8]),
    /// An answer to a ping, ≤ 125 bytes.
    Pong(&'a [u8]),
    /// The peer's last word: code (1000–1003, 1007–1014, 3000–4999) and reason (≤ 123 bytes), or nothing.
    Close(Option<(u16, &'a str)>),
}

/// One connection's reading side. 16 bytes while nothing is partial; a frame or message that is cut off costs what of it has come.
pub struct Decoder {
    partial: Option<Box<Partial>>,
    role: Role,
    /// A Close or a fault came: nothing more is read.
    ended: bool,
}

/// What the last bytes left unfinished.
#[derive(Default)]
struct Partial {
    /// The front of a header.
    head: Vec<u8>,
    frame: Option<Frame>,
    /// Payload of an unfinished control frame, which may come inside a message.
    control: Vec<u8>,
    message: Option<Message>,
}

/// A frame whose payload is on its way.
struct Frame {
    header: Header,
    /// Payload bytes that came.
    got: usize,
}

impl Frame {
    /// Unmasks the next piece of payload.
    fn take(&mut self, piece: &mut [u8]) {
        unmask(piece, self.header.mask, self.got);
        self.got += piece.len();
    }

    fn is_whole(&self) -> bool {
        self.got == self.header.length
    }
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.head.is_empty() && self.frame.is_none() && self.message.is_none()
    }
}

impl Decoder {
    /// A decoder for a connection that has just been upgraded.
    pub fn new(role: Role) -> Self {
        Self { partial: None, role, ended: false }
    }

    /// True while no frame or message is unfinished: the decoder holds no memory of its own.
    pub fn is_idle(&self) -> bool {
        self.partial.is_none()
    }

    /// Reads the next bytes of the stream, which it unmasks in place, and hands over each message that is now whole, in order. How the
    /// stream is cut into calls changes nothing. `inflate` is given where permessage-deflate was negotiated, on every call. After a
    /// fault or a Close it reads nothing more.
    ///
    /// # Errors
    /// The fault that ends the connection; messages before it in the same bytes were handed over.
    pub fn feed(
        &mut self,
        bytes: &mut [u8],
        limits: &Limits,
        mut inflate: Option<&mut Inflater>,
        on: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<(), Fault> {
        let mut at = 0;
        while at < bytes.len() && !self.ended {
            match self.step(&mut bytes[at..], limits, inflate.as_deref_mut(), on) {
                Ok(read) => at += read,
                Err(fault) => {
                    *self = Self { partial: None, role: self.role, ended: true };
                    return Err(fault);
                }
            }
        }
        if self.ended || self.partial.as_ref().is_some_and(|partial| partial.is_empty()) {
            self.partial = None;
        }
        Ok(())
    }

    /// Reads up to the end of one frame; returns how many bytes that took.
    fn step(
        &mut self,
        bytes: &mut [u8],
        limits: &Limits,
        inflate: Option<&mut Inflater>,
        on: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<usize, Fault> {
        let under_way = self.partial.as_mut().and_then(|partial| partial.frame.take());
        let (mut frame, start) = match under_way {
            Some(frame) => (frame, 0),
            None => match self.header(bytes, limits, inflate.is_some())? {
                Some((header, size)) => (Frame { header, got: 0 }, size),
                None => return Ok(bytes.len()),
            },
        };
        let end = bytes.len().min(start + frame.header.length - frame.got);
        let piece = &mut bytes[start..end];
        frame.take(piece);
        if frame.header.opcode.is_control() {
            self.control(frame, piece, on)?;
        } else {
            self.data(frame, piece, limits, inflate, on)?;
        }
        Ok(end)
    }

    /// The next header and how many of `bytes` it took, or `None` when it took all and is still cut off.
    fn header(&mut self, bytes: &[u8], limits: &Limits, deflate: bool) -> Result<Option<(Header, usize)>, Fault> {
        let mut head = self.partial.as_mut().map(|partial| mem::take(&mut partial.head)).unwrap_or_default();
        let message = self.partial.as_ref().and_then(|partial| partial.message.as_ref());
        let rules = Rules { role: self.role, deflate, limits, message };
        let held = head.len();
        let found = if held == 0 {
            rules.parse(bytes)?
        } else {
            head.extend_from_slice(&bytes[..bytes.len().min(MAX_HEADER - held)]);
            rules.parse(&head)?
        };
        if found.is_none() {
            if held == 0 {
                head.extend_from_slice(bytes);
            }
            self.partial().head = head;
        }
        Ok(found.map(|(header, size)| (header, size - held)))
    }

    fn partial(&mut self) -> &mut Partial {
        self.partial.get_or_insert_default()
    }

    fn control(&mut self, frame: Frame, piece: &[u8], on: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Fault> {
        let opcode = frame.header.opcode;
        if piece.len() == frame.header.length {
            return self.on_control(opcode, piece, on);
        }
        let partial = self.partial();
        partial.control.extend_from_slice(piece);
        if !frame.is_whole() {
            partial.frame = Some(frame);
            return Ok(());
        }
        let payload = mem::take(&mut partial.control);
        self.on_control(opcode, &payload, on)
    }

    fn on_control(&mut self, opcode: Opcode, payload: &[u8], on: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Fault> {
        match opcode {
            Opcode::Ping => on(Incoming::Ping(payload)),
            Opcode::Pong => on(Incoming::Pong(payload)),
            _ => {
                on(Incoming::Close(close(payload)?));
                self.ended = true;
            }
        }
        Ok(())
    }

    fn data(
        &mut self,
        frame: Frame,
        piece: &[u8],
        limits: &Limits,
        inflate: Option<&mut Inflater>,
        on: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<(), Fault> {
        let Header { opcode, fin, deflated, length, .. } = frame.header;
        let begun = self.partial.as_ref().is_some_and(|partial| partial.message.is_some());
        if fin && !begun && piece.len() == length {
            return on_message(opcode, deflated, piece, limits, inflate, on);
        }
        let partial = self.partial();
        let message = partial.message.get_or_insert_with(|| Message::new(&frame.header));
        message.append(piece)?;
        if !frame.is_whole() {
            partial.frame = Some(frame);
        } else if !fin {
            message.fragments += 1;
        } else if let Some(message) = partial.message.take() {
            let (opcode, deflated) = (message.opcode, message.deflated);
            on_message(opcode, deflated, &message.into_bytes(), limits, inflate, on)?;
        }
        Ok(())
    }
}

fn on_message(
    opcode: Opcode,
    deflated: bool,
    payload: &[u8],
    limits: &Limits,
    inflate: Option<&mut Inflater>,
    on: &mut dyn FnMut(Incoming<'_>),
) -> Result<(), Fault> {
    let payload = match inflate {
        Some(inflater) if deflated => inflater.inflate(payload, limits.message_bytes)?,
        _ => payload,
    };
    on(match opcode {
        Opcode::Text => Incoming::Text(str::from_utf8(payload).map_err(|_| Fault::BAD_UTF8)?),
        _ => Incoming::Binary(payload),
    });
    Ok(())
}

/// What a Close frame says. A payload of one byte was refused with its header.
fn close(payload: &[u8]) -> Result<Option<(u16, &str)>, Fault> {
    let Some((code, reason)) = payload.split_first_chunk() else { return Ok(None) };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fault::protocol("close code not allowed"));
    }
    let reason = str::from_utf8(reason).map_err(|_| Fault { code: 1007, reason: "close reason is not UTF-8" })?;
    Ok(Some((code, reason)))
}

/// XORs with the mask, which began `offset` bytes ago.
pub(super) fn unmask(bytes: &mut [u8], mut mask: [u8; 4], offset: usize) {
    if mask == [0; 4] {
        return;
    }
    mask.rotate_left(offset % 4);
    // Four bytes at a time, which compilers widen further.
    let (words, rest) = bytes.as_chunks_mut();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask) {
        *byte ^= key;
    }
}
