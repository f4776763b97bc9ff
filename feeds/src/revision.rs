//! What a report makes of the held game: the heart of ingest, a pure function.
//!
//! Every report becomes one merge patch on the held document. An image brings nulls for what its provider no longer says
//! ([`image`]); incidents are voided where a patch would remove them ([`incidents`]); a clock that tells nothing new is
//! left out ([`clock`]). The patched document is held to the schema, compared with the held one for what was taken back
//! ([`correction`]) and for what cannot wait ([`urgency`]), and kept within its size ([`size`]).

use serde_json::Value;

use crate::document::{Document, apply, compose, diff, reduce};
use crate::game::{validate_counts, validate_fields};
use crate::report::{Change, Invalid, escape};
use crate::topic::Topic;

mod clock;
mod correction;
mod image;
mod incidents;
mod size;
mod urgency;

#[cfg(test)]
mod tests;

pub use correction::Correction;
pub use size::{MAX_BYTES, fits};

/// What ingest knows when a report arrives.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The game.
    pub game: &'a Topic,
    /// Its document now; `None` where there is no game (also after its removal).
    pub held: Option<&'a Document>,
    /// The last image that this provider sent of this game, if any.
    pub last_image: Option<&'a Document>,
    /// The provider that leads the game: the document's `feed`.
    pub leader: &'a str,
    /// When the report was accepted, ms since the Unix epoch.
    pub now: i64,
    /// When it happened, where the report says so; ms since the Unix epoch.
    pub event_at: Option<i64>,
}

impl Context<'_> {
    /// The instant that the report speaks of.
    fn at(&self) -> i64 {
        self.event_at.unwrap_or(self.now)
    }
}

/// The game after a report, and the way there and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The new document; valid.
    pub document: Document,
    /// Makes it out of the held one (out of nothing for a new game).
    pub patch: Document,
    /// Makes the held one out of it.
    pub undo: Document,
    /// Whether it cannot wait for a capped rate: section 4 rule 7 of the contract.
    pub urgent: bool,
    /// What this report took back; the document says more.
    pub correction: Option<Correction>,
    /// What was left out because the document is full, for the provider and the log.
    pub note: Option<String>,
}

impl Revision {
    /// A revision that leaves the document as it is: for what is kept beside it.
    #[must_use]
    pub fn nothing(document: Document) -> Revision {
        let (patch, undo) = (Document::new(), Document::new());
        Revision { document, patch, undo, urgent: false, correction: None, note: None }
    }
}

/// What `change` makes of the held game; `None` when it changes nothing.
///
/// # Errors
/// When the game would not be valid any more; the pointer starts with `/patch` or `/image`.
pub fn revise(context: &Context, change: &Change) -> Result<Option<Revision>, Invalid> {
    let root = match change {
        Change::Patch(_) => "/patch",
        Change::Image(_) => "/image",
    };
    let nothing = Document::new();
    let held = context.held.unwrap_or(&nothing);
    let patch = settle(context, held, change).map_err(|invalid| below(root, invalid))?;
    if patch.is_empty() && text(held, "feed") == Some(context.leader) {
        return Ok(None); // most of what is polled ends here, before anything is copied
    }
    let (document, correction) = outcome(context, held, &patch);
    let difference = diff(held, &document);
    if difference.is_empty() {
        return Ok(None);
    }
    validate_fields(&without_nulls(&difference), context.game)
        .and_then(|()| validate_counts(&document))
        .map_err(|invalid| below(root, invalid))?;
    Ok(match size::fits(&document) {
        true => Some(finish(held, document, difference, correction, None)),
        false => shrink(context, held, &patch, (document, correction)),
    })
}

/// What the change says anew, as a merge patch on the held document: the rules for images, incidents and clocks.
fn settle(context: &Context, held: &Document, change: &Change) -> Result<Document, Invalid> {
    let (Change::Patch(said) | Change::Image(said)) = change;
    if let Some(name) = ["feed", "correction"].into_iter().find(|name| said.contains_key(*name)) {
        return Err(Invalid::new(format!("/{name}"), format!("{name} is set by the service, not by a report")));
    }
    let mut patch = reduce(said, held);
    if let Change::Image(image) = change {
        no_nulls(image)?;
        if let Some(last) = context.last_image {
            let gone = image::gone(image, last, held, clock::resolution_ms(context.game));
            patch = compose(&gone, &patch).expect("an image says nothing about what it no longer says");
        }
    }
    incidents::settle(&mut patch, said, held);
    clock::settle(context, &mut patch, said, held);
    Ok(patch)
}

/// The held document with a settled patch, the fields that the service sets, and what was taken back.
fn outcome(context: &Context, held: &Document, patch: &Document) -> (Document, Option<Correction>) {
    let mut document = held.clone();
    apply(&mut document, patch);
    document.entry("sport").or_insert_with(|| context.game.sport().into());
    document.entry("status").or_insert_with(|| "unknown".into());
    document.insert("feed".to_owned(), context.leader.into());
    if let Value::Object(competition) = document.entry("competition").or_insert_with(|| Document::new().into()) {
        competition.entry("id").or_insert_with(|| context.game.competition().into());
    }
    let found = correction::find(context, held, &document, patch);
    let correction = found.map(|(reason, told)| {
        document.insert("correction".to_owned(), told.into());
        reason
    });
    (document, correction)
}

/// Makes a document that is too big fit: without its oldest incidents, else with the score, status and clock alone.
fn shrink(
    context: &Context,
    held: &Document,
    patch: &Document,
    whole: (Document, Option<Correction>),
) -> Option<Revision> {
    let (mut document, mut correction) = whole;
    let mut note = None;
    if !size::evict(&mut document) {
        (document, correction) = outcome(context, held, &size::essential(patch, held));
        size::evict(&mut document);
        note = Some(format!("the game is full ({MAX_BYTES} bytes): only status, period, clock and scores were taken"));
    }
    let difference = diff(held, &document);
    (!difference.is_empty()).then(|| finish(held, document, difference, correction, note))
}

fn finish(
    held: &Document,
    document: Document,
    patch: Document,
    correction: Option<Correction>,
    note: Option<String>,
) -> Revision {
    let undo = diff(&document, held);
    let urgent = correction.is_some() || urgency::is_urgent(held, &document, &patch);
    Revision { document, patch, undo, urgent, correction, note }
}

/// A patch without its nulls: what it sets, as a part of a document.
fn without_nulls(patch: &Document) -> Document {
    let mut part = Document::new();
    apply(&mut part, patch);
    part
}

/// An image says what is, so it has no null to say what is not.
fn no_nulls(image: &Document) -> Result<(), Invalid> {
    for (key, value) in image {
        match value {
            Value::Null => Err(Invalid::new("", "an image says what is; leave the field out")),
            Value::Object(inner) => no_nulls(inner),
            _ => Ok(()),
        }
        .map_err(|invalid| below(&format!("/{}", escape(key)), invalid))?;
    }
    Ok(())
}

fn below(pointer: &str, invalid: Invalid) -> Invalid {
    Invalid { pointer: format!("{pointer}{}", invalid.pointer), ..invalid }
}

/// The object at a key.
fn object<'a>(document: &'a Document, key: &str) -> Option<&'a Document> {
    document.get(key).and_then(Value::as_object)
}

/// The text at a key.
fn text<'a>(document: &'a Document, key: &str) -> Option<&'a str> {
    document.get(key).and_then(Value::as_str)
}
