//! Messages as frames: each is encoded at most once per variant, by whoever needs it first, and shared by all.

use std::sync::Arc;

use bytes::Bytes;

use crate::broker::Event;
use crate::codec::{Deflater, Opcode, frame_with};
use crate::scoreboard::{Entry, Shown, Span};
use crate::wire::{Detail, Form, Message, Position, Shaped, Variant, cbor};

/// A shard's encoder. It counts what it encodes.
#[derive(Default)]
pub(super) struct Encoder {
    deflater: Deflater,
    /// Encodings made since this was last taken.
    pub(super) encoded: u64,
}

impl Encoder {
    /// The live message of an entry. A game that begins comes as its state.
    pub(super) fn live(&mut self, entry: &Entry, variant: Variant) -> Bytes {
        entry.encodings.get(variant, || self.encode(&live(entry, variant.detail), variant.form)).clone()
    }

    /// A game's state.
    pub(super) fn state(&mut self, shown: &Arc<Shown>, variant: Variant) -> Bytes {
        let state = || Message::State {
            game: &shown.game,
            version: shown.version,
            state: Shaped(&shown.document, variant.detail),
        };
        shown.encodings.get(variant, || self.encode(&state(), variant.form)).clone()
    }

    /// A game's changes since a version. Without a position it is shared: others of the connection's games may still be
    /// missing, so it would speak for nothing.
    pub(super) fn span(
        &mut self,
        shown: &Arc<Shown>,
        span: &Span,
        variant: Variant,
        position: Option<Position>,
    ) -> Bytes {
        let shared = position.is_none();
        let update = Message::Update {
            game: &shown.game,
            base: span.base,
            version: span.version,
            patch: Shaped(&span.patch, variant.detail),
            position,
            at: span.at,
        };
        match shared {
            true => shown.span(span.base, variant, || self.encode(&update, variant.form)),
            false => self.encode(&update, variant.form),
        }
    }

    /// The live message of an entry without its position.
    pub(super) fn bare(&mut self, entry: &Entry, variant: Variant) -> Bytes {
        let mut message = live(entry, variant.detail);
        if let Message::Update { position, .. } | Message::Removed { position, .. } = &mut message {
            *position = None;
        }
        self.encode(&message, variant.form)
    }

    /// A message of one connection's own, or of one moment.
    pub(super) fn encode(&mut self, message: &Message<'_>, form: Form) -> Bytes {
        self.encoded += 1;
        let text = || frame_with(Opcode::Text, |out| json(out, message));
        let binary = || frame_with(Opcode::Binary, |out| cbor::write(out, message));
        match form {
            Form::Json => text(),
            Form::JsonDeflate => self.deflater.deflate(&text()),
            Form::Sse => event(message),
            Form::Cbor => binary(),
            Form::CborDeflate => self.deflater.deflate(&binary()),
        }
    }
}

fn json(out: &mut Vec<u8>, message: &Message<'_>) {
    serde_json::to_writer(out, message).expect("messages are made of texts, numbers and maps with text keys");
}

/// An event (HTML, section 9.2): its id is the position that a client resumes from. A heartbeat is an id alone, which
/// dispatches nothing; before there is a position, a comment.
fn event(message: &Message<'_>) -> Bytes {
    let mut out = Vec::new();
    match message.position() {
        Some(position) => out.extend_from_slice(format!("id: {position}\n").as_bytes()),
        None if matches!(message, Message::Heartbeat { .. }) => out.extend_from_slice(b":\n"),
        None => {}
    }
    if !matches!(message, Message::Heartbeat { .. }) {
        out.extend_from_slice(b"data: ");
        json(&mut out, message);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.shrink_to_fit();
    out.into()
}

fn live(entry: &Entry, detail: Detail) -> Message<'_> {
    let publication = &entry.publication;
    let position = Some(publication.position.clone());
    match (&publication.event, &publication.game) {
        (Event::Update(update), Some(game)) if publication.base == 0 => {
            Message::State { game, version: publication.version, state: Shaped(&update.patch, detail) }
        }
        (Event::Update(update), Some(game)) => {
            let (base, version) = match detail {
                Detail::Full => (publication.base, publication.version),
                Detail::Score => (publication.score_base, publication.score_version),
            };
            Message::Update { game, base, version, patch: Shaped(&update.patch, detail), position, at: publication.at }
        }
        (Event::Removed { .. }, Some(game)) => Message::Removed { game, position },
        (Event::Feed { feed, status }, _) => Message::Feed { feed, status: *status, position },
        (_, None) => unreachable!("an update and a removal are of a game"),
    }
}
