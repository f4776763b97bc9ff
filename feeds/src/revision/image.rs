//! Images: what a provider no longer says is taken back, where nobody else has said otherwise since.

use serde_json::Value;

use super::{clock, object};
use crate::document::Document;

/// A patch of nulls alone, for every path of the last image that this one does not have and where the held value is
/// still what the last one said.
pub(super) fn gone(image: &Document, last: &Document, held: &Document, resolution_ms: i64) -> Document {
    if image == last {
        return Document::new(); // most polls bring nothing new
    }
    let mut gone = gone_fields(image, last, held, &["clock", "incidents"]);
    // The held clock keeps the reading that later ones agreed with, so its numbers need not be the last image's.
    let (said, says) = (object(last, "clock"), image.get("clock"));
    if says.is_none() && clock::is_same(said, object(held, "clock"), resolution_ms) {
        gone.insert("clock".to_owned(), Value::Null);
    } else if let (Some(said), Some(Value::Object(says)), Some(held)) = (said, says, object(held, "clock")) {
        insert(&mut gone, "clock", gone_fields(says, said, held, &[]));
    }
    if let (Some(last), Some(held)) = (object(last, "incidents"), object(held, "incidents")) {
        insert(&mut gone, "incidents", gone_incidents(object(image, "incidents"), last, held));
    }
    gone
}

/// An incident that vanished is voided, whoever touched it since: nobody may go on believing in it.
fn gone_incidents(image: Option<&Document>, last: &Document, held: &Document) -> Document {
    let mut gone = Document::new();
    for (id, was) in last {
        match (image.and_then(|image| image.get(id)), was, held.get(id)) {
            (Some(says), was, _) if says == was => {}
            (None, _, Some(_)) => {
                gone.insert(id.clone(), Value::Null);
            }
            (Some(Value::Object(says)), Value::Object(was), Some(Value::Object(is))) => {
                insert(&mut gone, id, gone_fields(says, was, is, &[]));
            }
            _ => {}
        }
    }
    gone
}

fn gone_fields(image: &Document, last: &Document, held: &Document, except: &[&str]) -> Document {
    let mut gone = Document::new();
    for (key, was) in last.iter().filter(|(key, _)| !except.contains(&key.as_str())) {
        match (image.get(key), was, held.get(key)) {
            (Some(says), was, _) if says == was => {}
            (Some(Value::Object(says)), Value::Object(was), Some(Value::Object(is))) => {
                insert(&mut gone, key, gone_fields(says, was, is, &[]));
            }
            (None, was, Some(is)) if was == is => {
                gone.insert(key.clone(), Value::Null);
            }
            (None, Value::Object(was), Some(Value::Object(is))) => {
                let inner = gone_fields(&Document::new(), was, is, &[]);
                match inner.len() == is.len() && inner.values().all(Value::is_null) {
                    true => drop(gone.insert(key.clone(), Value::Null)),
                    false => insert(&mut gone, key, inner),
                }
            }
            _ => {}
        }
    }
    gone
}

fn insert(gone: &mut Document, key: &str, inner: Document) {
    if !inner.is_empty() {
        gone.insert(key.to_owned(), inner.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{check, game, revised};
    use super::*;

    #[test]
    fn what_an_image_no_longer_says_is_taken_back() {
        check(
            json!({"info": {"venue": "Emirates", "leg": 1}, "period": {"number": 2}, "status_reason": "rain"}),
            json!({"image": {"status": "live", "info": {"leg": 1}},
                "last": {"status": "live", "info": {"venue": "Emirates", "leg": 1}, "period": {"number": 2}}}),
            json!({"info": {"venue": null}, "period": null}),
        );
    }

    #[test]
    fn what_others_set_stays() {
        check(
            json!({"info": {"venue": "Wembley", "referee": "Oliver"}}),
            json!({"image": {"status": "live"}, "last": {"status": "live", "info": {"venue": "Emirates"}}}),
            Value::Null,
        );
        check(
            json!({"info": {"venue": "Emirates", "referee": "Oliver"}}),
            json!({"image": {"status": "live"}, "last": {"status": "live", "info": {"venue": "Emirates"}}}),
            json!({"info": {"venue": null}}),
        );
    }

    #[test]
    fn a_competitor_leaves_whole() {
        let two = json!({"1": {"name": "Sinner", "score": {"rank": 1}}, "2": {"name": "Alcaraz"}});
        check(
            json!({"competitors": two}),
            json!({"image": {"status": "live", "competitors": {"1": two["1"]}},
                "last": {"status": "live", "competitors": two}}),
            json!({"competitors": {"2": null}}),
        );
    }

    #[test]
    fn a_status_that_is_no_longer_said_is_unknown() {
        check(json!({}), json!({"image": {}, "last": {"status": "live"}}), json!({"status": "unknown"}));
    }

    #[test]
    fn without_a_last_image_nothing_is_taken_back() {
        check(json!({"info": {"leg": 1}}), json!({"image": {}}), Value::Null);
    }

    #[test]
    fn a_vanished_incident_is_void_whoever_touched_it() {
        let goal = json!({"type": "goal", "status": "confirmed"});
        let held = game(json!({"incidents": {"g1": {"type": "goal", "status": "amended", "text": "by the desk"},
            "g2": goal, "other": goal}}));
        let report = json!({"image": {"status": "live", "incidents": {"g2": goal}},
            "last": {"status": "live", "incidents": {"g1": goal, "g2": goal, "never-held": goal}}});
        let revision = revised(&held.into(), &report).unwrap().unwrap();
        assert_eq!(revision.patch["incidents"], json!({"g1": {"status": "void"}}));
    }

    #[test]
    fn a_vanished_incident_that_is_back_is_amended_for_good() {
        let goal = json!({"type": "goal", "status": "confirmed"});
        let image = json!({"status": "live", "incidents": {"g1": goal}});
        check(
            json!({"incidents": {"g1": {"type": "goal", "status": "void"}}}),
            json!({"image": image, "last": {"status": "live"}}),
            json!({"incidents": {"g1": {"status": "amended"}}}),
        );
        check(
            json!({"incidents": {"g1": {"type": "goal", "status": "amended"}}}),
            json!({"image": image, "last": image}),
            Value::Null,
        );
    }

    #[test]
    fn a_field_of_an_incident_may_vanish() {
        check(
            json!({"incidents": {"g1": {"type": "goal", "athlete": "Saka", "text": "by the desk"}}}),
            json!({"image": {"incidents": {"g1": {"type": "goal"}}},
                "last": {"incidents": {"g1": {"type": "goal", "athlete": "Saka"}}}}),
            json!({"incidents": {"g1": {"athlete": null}}}),
        );
    }

    #[test]
    fn a_vanished_clock_goes_also_when_the_held_one_has_older_numbers() {
        let held = json!({"clock": {"mode": "up", "ms": 60_000, "at": 100_000}});
        let agreed = json!({"clock": {"mode": "up", "ms": 660_000, "at": 700_000}});
        let unstamped = json!({"clock": {"mode": "up", "ms": 660_000}});
        for last in [agreed, unstamped] {
            check(held.clone(), json!({"image": {}, "last": last}), json!({"clock": null}));
        }
        let another = json!({"clock": {"mode": "down", "ms": 660_000}});
        check(held, json!({"image": {}, "last": another}), Value::Null);
    }
}
