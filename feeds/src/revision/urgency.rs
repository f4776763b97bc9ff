//! Urgency: what a subscriber with a capped rate must see at once (section 4 rule 7 of the contract).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{object, text};
use crate::document::Document;

/// The scores that people cry out for.
const LOUD: [&str; 4] = ["total", "sets", "wickets", "shootout"];

/// Whether the way from the held document to the new one (the patch is their difference) is urgent. A new game is: its
/// status is new.
pub(super) fn is_urgent(held: &Document, document: &Document, patch: &Document) -> bool {
    patch.contains_key("status") || score_changed(held, document, patch) || incident_changed(held, document, patch)
}

fn score_changed(held: &Document, document: &Document, patch: &Document) -> bool {
    let nobody = Document::new();
    let before = object(held, "competitors").unwrap_or(&nobody);
    let after = object(document, "competitors").unwrap_or(&nobody);
    let changed: Vec<&String> = match patch.get("competitors") {
        None => return false,
        Some(Value::Object(changes)) => changes.keys().collect(),
        Some(_) => before.keys().collect(),
    };
    let loud = |key: &&String| LOUD.iter().any(|name| score(before, key, name) != score(after, key, name));
    changed.iter().any(loud) || leaders(before) != leaders(after)
}

fn score<'a>(competitors: &'a Document, key: &str, name: &str) -> Option<&'a Value> {
    competitors.get(key)?.get("score")?.get(name)
}

fn leaders(competitors: &Document) -> BTreeSet<&String> {
    competitors.keys().filter(|key| score(competitors, key, "rank").is_some_and(|rank| rank == 1)).collect()
}

fn incident_changed(held: &Document, document: &Document, patch: &Document) -> bool {
    let void = |incident: &Document| text(incident, "status") == Some("void");
    let loud = |id: &String| match (incident(held, id), incident(document, id)) {
        (_, None) => false, // it left for want of room: nothing happened
        (Some(before), Some(after)) => is_loud(before) || is_loud(after) || (void(after) && !void(before)),
        (None, Some(after)) => is_loud(after) || void(after),
    };
    object(patch, "incidents").is_some_and(|changes| changes.keys().any(loud))
}

fn incident<'a>(document: &'a Document, id: &str) -> Option<&'a Document> {
    object(object(document, "incidents")?, id)
}

fn is_loud(incident: &Document) -> bool {
    let kind = text(incident, "type").unwrap_or("");
    matches!(kind, "goal" | "card" | "wicket") || kind.ends_with("_goal") || kind.ends_with("_card")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{game, revised};
    use super::*;

    fn check(patch: Value, urgent: bool) {
        let held = game(json!({
            "clock": {"ms": 1, "at": 0},
            "competitors": {
                "1": {"score": {"total": 2, "rank": 1, "sets": 1, "gap": "+1", "laps": 3, "points": "15"}},
                "2": {"score": {"total": 1, "rank": 2}},
                "3": {"score": {"total": 0, "rank": 3}}},
            "incidents": {"s1": {"type": "substitution"}, "g2": {"type": "own_goal"}, "v3": {"status": "void"}}}));
        let revision = revised(&held.into(), &json!({"patch": patch})).unwrap().expect("something changes");
        assert_eq!(revision.urgent, urgent, "{patch}");
    }

    fn score(score: Value, urgent: bool) {
        check(json!({"competitors": {"1": {"score": score}}}), urgent);
    }

    #[test]
    fn scores_are() {
        for name in LOUD {
            score(json!({name: 7}), true);
        }
        score(json!({"total": null}), true);
        check(json!({"competitors": {"4": {"score": {"total": 0}}}}), true);
        check(json!({"competitors": null}), true);
    }

    #[test]
    fn what_changes_all_the_time_is_not() {
        for (name, value) in [("gap", json!("+2")), ("thru", json!(4)), ("laps", json!(4)), ("points", json!("30"))] {
            score(json!({name: value}), false);
        }
        check(json!({"clock": {"ms": 500_000}}), false);
        check(json!({"period": {"number": 2}, "info": {"a": 1}, "situation": {"a": 1}}), false);
        check(json!({"competitors": {"4": {"name": "late"}}}), false);
    }

    #[test]
    fn the_first_place_is_and_no_other() {
        check(json!({"competitors": {"1": {"score": {"rank": 2}}, "2": {"score": {"rank": 1}}}}), true);
        check(json!({"competitors": {"2": {"score": {"rank": 1}}}}), true);
        check(json!({"competitors": {"2": {"score": {"rank": 3}}, "3": {"score": {"rank": 2}}}}), false);
    }

    #[test]
    fn the_status_is() {
        check(json!({"status": "break"}), true);
        check(json!({"status_reason": "rain"}), false);
    }

    #[test]
    fn goals_cards_wickets_and_what_turns_void_are() {
        for kind in ["goal", "card", "wicket", "penalty_goal", "red_card"] {
            check(json!({"incidents": {"new": {"type": kind}}}), true);
        }
        check(json!({"incidents": {"new": {"type": "substitution"}}}), false);
        check(json!({"incidents": {"new": {"type": "goalkick"}}}), false);
        check(json!({"incidents": {"new": {"type": "review", "status": "void"}}}), true);
        check(json!({"incidents": {"g2": {"athlete": "Saka"}}}), true);
        check(json!({"incidents": {"g2": {"type": "shot"}}}), true);
        check(json!({"incidents": {"s1": {"athlete": "Saka"}}}), false);
        check(json!({"incidents": {"s1": null}}), true);
        check(json!({"incidents": {"v3": {"status": "confirmed"}}}), false);
        check(json!({"incidents": {"v3": {"text": "void as before", "status": "void"}}}), false);
    }
}
