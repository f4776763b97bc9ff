//! The size of a document: when it is full, old incidents leave; the score never waits for room.

use std::io;

use serde::Serialize;
use serde_json::Value;

use super::{object, text};
use crate::document::Document;

/// The most bytes of a document, as JSON without spaces. Only a score, status, period, clock or void that found no room
/// may take it a little beyond.
pub const MAX_BYTES: usize = 64 * 1024;

/// Types of incidents that score, beside all that end in `_goal`; these never leave.
const SCORING: [&str; 14] = [
    "goal",
    "score",
    "point",
    "basket",
    "touchdown",
    "safety",
    "conversion",
    "extra_point",
    "try",
    "penalty_try",
    "run",
    "home_run",
    "behind",
    "wicket",
];

/// Whether a game may hold it.
#[must_use]
pub fn fits(document: &Document) -> bool {
    bytes(document) <= MAX_BYTES
}

/// Takes out the oldest incidents that neither score nor are void, until the document fits; whether it does.
pub(super) fn evict(document: &mut Document) -> bool {
    let mut excess = bytes(document).saturating_sub(MAX_BYTES);
    if let Some(Value::Object(incidents)) = document.get_mut("incidents") {
        let mut oldest: Vec<(Option<i64>, String)> = incidents
            .iter()
            .filter(|(_, incident)| may_leave(incident))
            .map(|(id, it)| (order(it), id.clone()))
            .collect();
        oldest.sort_unstable();
        for (_, id) in oldest {
            if excess == 0 {
                break;
            }
            let left = incidents.remove(&id);
            excess = excess.saturating_sub(bytes(&id) + bytes(&left) + ":,".len());
        }
    }
    fits(document)
}

/// The part of a patch that is never refused for size: status, period, clock, scores, and that an incident is void.
pub(super) fn essential(patch: &Document, held: &Document) -> Document {
    let mut part = Document::new();
    for name in ["status", "status_reason", "period", "clock"] {
        part.extend(patch.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    let scores = object(patch, "competitors").map(|all| only(all, "score", |_, _| true));
    let known = |id: &str| object(held, "incidents").is_some_and(|held| held.contains_key(id));
    let voids = object(patch, "incidents").map(|all| only(all, "status", |id, status| status == "void" && known(id)));
    for (name, change) in [("competitors", scores), ("incidents", voids)] {
        if let Some(change) = change.filter(|change| !change.is_empty()) {
            part.insert(name.to_owned(), change.into());
        }
    }
    part
}

/// The entries with one of their fields alone, where they have it and it is wanted.
fn only(entries: &Document, field: &str, wanted: impl Fn(&str, &Value) -> bool) -> Document {
    let pick = |(key, entry): (&String, &Value)| {
        let value = entry.get(field).filter(|value| wanted(key, value))?;
        Some((key.clone(), Document::from_iter([(field.to_owned(), value.clone())]).into()))
    };
    entries.iter().filter_map(pick).collect()
}

fn order(incident: &Value) -> Option<i64> {
    incident.get("order")?.as_i64()
}

fn may_leave(incident: &Value) -> bool {
    let Some(incident) = incident.as_object() else { return true };
    let kind = text(incident, "type").unwrap_or("");
    let scores = SCORING.contains(&kind) || kind.ends_with("_goal");
    !scores && text(incident, "status") != Some("void")
}

/// How many bytes a value has as JSON without spaces; nothing is kept of it.
fn bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("counting cannot fail, and every key is a text");
    count.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{game, revised};
    use super::*;

    /// A game with `n` incidents of a type, each about 540 bytes, in order `1`, `2`, …
    fn full(n: usize, kind: &str) -> Value {
        let text = "x".repeat(500);
        let incidents = (1..=n).map(|i| (format!("i{i}"), json!({"type": kind, "order": i, "text": text})));
        game(json!({"competitors": {"home": {"score": {"total": 1}}}, "incidents": incidents.collect::<Document>()}))
            .into()
    }

    fn revise(held: &Value, patch: Value) -> super::super::Revision {
        revised(held, &json!({"patch": patch})).unwrap().expect("something changes")
    }

    #[test]
    fn the_oldest_leave_and_no_more_than_must() {
        let mut held = full(119, "foul");
        held["incidents"]["i1"]["status"] = "void".into();
        held["incidents"]["i2"]["type"] = "goal".into();
        assert!(fits(held.as_object().unwrap()));
        let news = json!({"incidents": {"new": {"type": "foul", "order": 200, "text": "x".repeat(1000)}}});
        let revision = revise(&held, news);
        assert!(fits(&revision.document) && bytes(&revision.document) > MAX_BYTES - 600);
        let incidents = object(&revision.document, "incidents").unwrap();
        assert!(incidents.contains_key("i1"), "void incidents stay");
        assert!(incidents.contains_key("i2"), "goals stay");
        assert!(!incidents.contains_key("i3"), "the oldest of the rest leaves");
        assert!(incidents.contains_key("i10") && incidents.contains_key("new"), "by order, not by id");
        assert_eq!(revision.note, None);
        assert!(!revision.urgent, "what leaves is no news");
    }

    #[test]
    fn the_same_image_again_is_unchanged() {
        let image = json!({"status": "live", "incidents": full(200, "foul")["incidents"]});
        let first = revised(&Value::Null, &json!({"image": image})).unwrap().unwrap();
        let again = revised(&first.document.into(), &json!({"image": image, "last": image})).unwrap();
        assert_eq!(again, None);
    }

    #[test]
    fn the_score_never_waits_for_room() {
        let mut held = full(118, "goal");
        held["incidents"]["i5"]["status"] = "provisional".into();
        let patch = json!({
            "status": "ended", "clock": {"ms": 5}, "period": {"number": 2}, "info": {"a": "x".repeat(1000)},
            "competitors": {"home": {"name": "Arsenal", "score": {"total": 2}}},
            "situation": {"a": "x".repeat(1000)},
            "incidents": {"i5": null, "new": {"type": "goal", "order": 200, "text": "x".repeat(1000)}}});
        let revision = revise(&held, patch);
        let applied = json!({
            "status": "ended", "clock": {"ms": 5, "at": 1_000_000}, "period": {"number": 2},
            "competitors": {"home": {"score": {"total": 2}}}, "incidents": {"i5": {"status": "void"}},
            "correction": {"reason": "incident_void", "before": {"incident": "i5", "status": "provisional"},
                "after": {"incident": "i5", "status": "void"}, "at": 1_000_000}});
        assert_eq!(Value::from(revision.patch), applied);
        assert!(revision.note.is_some());
    }

    #[test]
    fn the_score_goes_on_in_a_game_that_is_too_big_already() {
        let held = full(130, "goal");
        assert!(!fits(held.as_object().unwrap()));
        let revision = revise(&held, json!({"competitors": {"home": {"score": {"total": 2}}}}));
        assert_eq!(Value::from(revision.patch), json!({"competitors": {"home": {"score": {"total": 2}}}}));
    }

    #[test]
    fn a_fault_is_named_also_where_it_would_not_fit() {
        let fault = revised(&full(118, "goal"), &json!({"patch": {"info": {"a": "x".repeat(1000), "b": []}}}));
        assert_eq!(fault.unwrap_err().pointer, "/patch/info/b");
    }

    #[test]
    fn counts_bytes_as_serde_json_writes_them() {
        let value = json!({"a": "é\"\n", "b": [1.5, null]});
        assert_eq!(bytes(&value), value.to_string().len());
    }
}
