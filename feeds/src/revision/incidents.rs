//! Incidents are never removed by a provider: who saw a goal must see that it was taken back.

use serde_json::{Value, json};

use super::{object, text};
use crate::document::Document;

/// Turns deletions into voids, and reports of what was void into amendments.
pub(super) fn settle(patch: &mut Document, said: &Document, held: &Document) {
    let nothing = Document::new();
    let held = object(held, "incidents").unwrap_or(&nothing);
    if patch.get("incidents").is_some_and(Value::is_null) {
        let all = held.keys().map(|id| (id.clone(), Value::Null)).collect::<Document>();
        patch.insert("incidents".to_owned(), all.into());
    }
    // What was void counts as reported also where the report says nothing new of it, so it is not in the patch.
    for (id, says) in object(said, "incidents").into_iter().flatten() {
        if is_amended(says, object(held, id)) {
            let incidents = patch.entry("incidents").or_insert_with(|| json!({}));
            incidents[id]["status"] = "amended".into();
        }
    }
    let Some(Value::Object(changes)) = patch.get_mut("incidents") else { return };
    changes.retain(|id, change| !change.is_null() || can_be_void(object(held, id)));
    changes.values_mut().filter(|change| change.is_null()).for_each(|change| *change = json!({"status": "void"}));
    if changes.is_empty() {
        patch.remove("incidents"); // else a merge would leave an empty object behind
    }
}

/// Whether a report makes an incident amended, or leaves it so: it was void, and nobody says that it still is.
fn is_amended(says: &Value, held: Option<&Document>) -> bool {
    let (Value::Object(says), Some(held)) = (says, held) else { return false };
    let said = says.get("status");
    let stands = said.is_some_and(|said| said.is_null() || said == "confirmed" || said == "provisional");
    match text(held, "status") {
        Some("void") => stands || said.is_none(),
        Some("amended") => stands,
        _ => false,
    }
}

fn can_be_void(held: Option<&Document>) -> bool {
    held.is_some_and(|held| text(held, "status") != Some("void"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    /// What becomes of the held incident `g1` (and of `c2` beside it) when a patch says so of the incidents.
    fn check_incident(status: Value, says: Value, published: Value) {
        let held = match status {
            Value::Null => json!({"type": "goal"}),
            status => json!({"type": "goal", "status": status}),
        };
        let published = match published {
            Value::Null => Value::Null,
            status => json!({"incidents": {"g1": {"status": status}}}),
        };
        let report = json!({"patch": {"incidents": {"g1": says}}});
        // What is corrected is tested beside the corrections; here two of them do not hide each other.
        check_quietly(json!({"incidents": {"g1": held, "c2": {"type": "card"}}}), report, published);
    }

    fn check_quietly(held: Value, report: Value, published: Value) {
        let held = super::super::tests::game(held);
        let outcome = super::super::tests::revised(&held.into(), &report).unwrap();
        let mut patch = outcome.map_or(Value::Null, |revision| revision.patch.into());
        if let Value::Object(patch) = &mut patch {
            patch.remove("correction");
        }
        assert_eq!(patch, published, "{report}");
    }

    #[test]
    fn a_deletion_means_void() {
        for status in [json!("confirmed"), json!("provisional"), json!("amended"), json!(null)] {
            check_incident(status, json!(null), json!("void"));
        }
    }

    #[test]
    fn deleting_what_is_void_or_unknown_changes_nothing() {
        check_incident(json!("void"), json!(null), json!(null));
        check(json!({}), json!({"patch": {"incidents": {"g1": null}}}), json!(null));
        check(json!({}), json!({"patch": {"incidents": null}}), json!(null));
        check(json!({}), json!({"patch": {"incidents": {}}}), json!(null));
    }

    #[test]
    fn deleting_all_voids_each() {
        check_quietly(
            json!({"incidents": {"g1": {"status": "confirmed"}, "g2": {"status": "void"}, "c3": {}}}),
            json!({"patch": {"incidents": null}}),
            json!({"incidents": {"g1": {"status": "void"}, "c3": {"status": "void"}}}),
        );
    }

    #[test]
    fn what_was_void_comes_back_amended() {
        for says in
            [json!({"status": "confirmed"}), json!({"status": "provisional"}), json!({}), json!({"status": null})]
        {
            check_incident(json!("void"), says, json!("amended"));
        }
        check_incident(json!("void"), json!({"status": "amended"}), json!("amended"));
        check_incident(json!("void"), json!({"status": "void"}), json!(null));
    }

    #[test]
    fn what_is_amended_stays_so() {
        for says in
            [json!({"status": "confirmed"}), json!({"status": "provisional"}), json!({}), json!({"status": null})]
        {
            check_incident(json!("amended"), says, json!(null));
        }
        check_incident(json!("amended"), json!({"status": "void"}), json!("void"));
    }

    #[test]
    fn what_was_never_void_goes_its_way() {
        check_incident(json!("provisional"), json!({"status": "confirmed"}), json!("confirmed"));
        check_incident(json!("confirmed"), json!({"status": "provisional"}), json!("provisional"));
        check_incident(json!("confirmed"), json!({"type": "goal"}), json!(null));
    }

    #[test]
    fn nonsense_is_refused_not_mended() {
        check(
            json!({"incidents": {"g1": {"status": "void"}}}),
            json!({"patch": {"incidents": {"g1": {"status": "sure"}}}}),
            json!("/patch/incidents/g1/status: \"sure\" is none of provisional, confirmed, amended, void"),
        );
        check(
            json!({}),
            json!({"patch": {"incidents": {"g1": 5}}}),
            json!("/patch/incidents/g1: invalid type: integer `5`, expected an object"),
        );
    }
}
