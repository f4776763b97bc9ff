//! Pins: what an operator's desk sets stays so, whoever else says otherwise, until the desk deletes it with null.

use std::borrow::Cow;

use feeds::document::apply;
use feeds::{Change, Document};
use serde_json::Value;

/// The pins after a desk's report: what it sets is pinned, what it deletes is not any more.
pub(super) fn after(pins: &Document, said: &Change) -> Document {
    match said {
        Change::Image(image) => image.clone(),
        Change::Patch(patch) => {
            let mut pins = pins.clone();
            apply(&mut pins, patch);
            prune(&mut pins);
            pins
        }
    }
}

/// What others say beside the pins: without the pinned fields.
pub(super) fn beside<'c>(said: &'c Change, pins: &Document) -> Cow<'c, Change> {
    if pins.is_empty() {
        return Cow::Borrowed(said);
    }
    let mut beside = said.clone();
    let (Change::Patch(fields) | Change::Image(fields)) = &mut beside;
    strip(fields, pins);
    Cow::Owned(beside)
}

/// A document without the pinned fields.
pub(super) fn strip(document: &mut Document, pins: &Document) {
    for (key, pin) in pins {
        match (document.get_mut(key), pin) {
            (Some(Value::Object(inner)), Value::Object(pins)) => strip(inner, pins),
            // Neither may it be deleted with what is around it.
            (Some(_), _) => drop(document.remove(key)),
            (None, _) => {}
        }
    }
}

/// Objects that pin nothing pin nothing.
fn prune(pins: &mut Document) {
    pins.retain(|_, pin| match pin {
        Value::Object(inner) => {
            prune(inner);
            !inner.is_empty()
        }
        _ => true,
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Document {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_field_is_pinned_until_it_is_deleted() {
        let pins = after(&Document::new(), &Change::Patch(object(json!({"status": "live", "info": {"venue": "x"}}))));
        assert_eq!(pins, object(json!({"status": "live", "info": {"venue": "x"}})));
        let pins = after(&pins, &Change::Patch(object(json!({"info": {"venue": null}, "start": null}))));
        assert_eq!(pins, object(json!({"status": "live"})));
        assert_eq!(after(&pins, &Change::Image(object(json!({})))), Document::new());
    }

    #[test]
    fn others_speak_beside_the_pins() {
        let pins = object(json!({"status": "live", "competitors": {"home": {"score": {"total": 2}}}}));
        for (said, left) in [
            (
                json!({"status": "final", "competitors": {"home": {"name": "A", "score": {"total": 1, "shootout": 3}}}}),
                json!({"competitors": {"home": {"name": "A", "score": {"shootout": 3}}}}),
            ),
            (json!({"competitors": null, "start": null}), json!({"start": null})),
            (json!({"competitors": {"home": null, "away": null}}), json!({"competitors": {"away": null}})),
        ] {
            assert_eq!(*beside(&Change::Patch(object(said)), &pins), Change::Patch(object(left)));
        }
    }
}
