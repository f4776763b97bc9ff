//! One way to test every rule of [`revise`]: JSON in, the published patch out.

use serde_json::json;

use super::*;
use crate::game;

/// A document from what matters in it: of the game `soccer/eng.1/ars-che`, live, led by `espn`.
pub(super) fn game(matters: Value) -> Document {
    let mut document = read(json!({
        "sport": "soccer", "competition": {"id": "eng.1"}, "status": "live", "feed": "espn"}));
    apply(&mut document, &read(matters));
    document
}

pub(super) fn read(document: Value) -> Document {
    document.as_object().unwrap().clone()
}

/// Revises `held` (null = no game) by a report, accepted at 1,000,000 ms, and holds the outcome to its promises.
/// The report: `{"patch": …}` or `{"image": …, "last": …}`, and perhaps `event_at`, `topic`, `leader`.
pub(super) fn revised(held: &Value, report: &Value) -> Result<Option<Revision>, Invalid> {
    let topic = report["topic"].as_str().unwrap_or("soccer/eng.1/ars-che").parse().unwrap();
    let held = held.as_object();
    let context = Context {
        game: &topic,
        held,
        last_image: report["last"].as_object(),
        leader: report["leader"].as_str().unwrap_or("espn"),
        now: 1_000_000,
        event_at: report["event_at"].as_i64(),
    };
    let change = match (report["patch"].as_object(), report["image"].as_object()) {
        (Some(patch), _) => Change::Patch(patch.clone()),
        (_, image) => Change::Image(image.unwrap().clone()),
    };
    let revision = revise(&context, &change)?;
    if let Some(revision) = &revision {
        let mut there = held.cloned().unwrap_or_default();
        apply(&mut there, &revision.patch);
        assert_eq!(there, revision.document, "the patch makes the document");
        apply(&mut there, &revision.undo);
        assert_eq!(there, held.cloned().unwrap_or_default(), "the undo patch restores the held one");
        assert_eq!(game::validate(&revision.document, &topic), Ok(()));
        assert!(revision.urgent || revision.correction.is_none(), "a correction is urgent");
    }
    Ok(revision)
}

/// Checks what is published when a report meets a live game: the patch, null for nothing, a text for a refusal.
pub(super) fn check(held: Value, report: Value, published: Value) {
    check_exact(game(held).into(), report, published);
}

pub(super) fn check_exact(held: Value, report: Value, published: Value) {
    let outcome = match revised(&held, &report) {
        Ok(Some(revision)) => revision.patch.into(),
        Ok(None) => Value::Null,
        Err(invalid) => invalid.to_string().into(),
    };
    assert_eq!(outcome, published, "\nheld {held}\nreport {report}");
}

#[test]
fn a_patch_may_create_a_game_and_says_only_what_it_knows() {
    check_exact(
        Value::Null,
        json!({"patch": {"info": {"venue": "Emirates", "referee": null}}}),
        json!({"sport": "soccer", "competition": {"id": "eng.1"}, "status": "unknown", "feed": "espn",
            "info": {"venue": "Emirates"}}),
    );
    let created = revised(&Value::Null, &json!({"patch": {}})).unwrap().unwrap();
    assert!(created.urgent && created.correction.is_none());
}

#[test]
fn what_the_topic_says_cannot_be_taken_away() {
    check(json!({}), json!({"patch": {"sport": null, "competition": null, "status": "live"}}), Value::Null);
    check(
        json!({"competition": {"name": "Premier League"}}),
        json!({"patch": {"competition": {"id": null, "name": null}}}),
        json!({"competition": {"name": null}}),
    );
    check(json!({}), json!({"patch": {"status": null}}), json!({"status": "unknown"}));
}

#[test]
fn what_changes_nothing_is_unchanged() {
    check(json!({}), json!({"patch": {}}), Value::Null);
    check(json!({}), json!({"patch": {"status": "live", "info": null}}), Value::Null);
    check(json!({"info": {"leg": 1}}), json!({"image": {"info": {"leg": 1}}}), Value::Null);
}

#[test]
fn a_new_leader_is_a_change() {
    check(json!({}), json!({"patch": {"status": "live"}, "leader": "opta"}), json!({"feed": "opta"}));
}

#[test]
fn feed_and_correction_are_the_services() {
    check(
        json!({}),
        json!({"patch": {"feed": "me"}}),
        json!("/patch/feed: feed is set by the service, not by a report"),
    );
    check(
        json!({}),
        json!({"image": {"correction": {}}}),
        json!("/image/correction: correction is set by the service, not by a report"),
    );
    check(
        json!({"correction": {"reason": "score_decreased"}}),
        json!({"patch": {"correction": null}}),
        json!("/patch/correction: correction is set by the service, not by a report"),
    );
}

#[test]
fn a_fault_is_named_from_the_reports_root() {
    check(
        json!({}),
        json!({"patch": {"competitors": {"home": {"score": {"total": "2"}}}}}),
        json!("/patch/competitors/home/score/total: invalid type: string \"2\", expected a whole number"),
    );
    check(
        json!({}),
        json!({"image": {"situation": {"bases": [1, 2]}}}),
        json!("/image/situation/bases: a game holds no arrays; use an object keyed by id"),
    );
    check(
        json!({}),
        json!({"image": {"situation": {"server": null}}}),
        json!("/image/situation/server: an image says what is; leave the field out"),
    );
    check(
        json!({"competitors": {"home": {}}}),
        json!({"patch": {"competitors": {"1": {}}}}),
        json!("/patch/competitors: competitors are home and away, or 1, 2, 3, …; not both"),
    );
    check(
        json!({}),
        json!({"patch": {"sport": "rugby"}}),
        json!("/patch/sport: \"rugby\" is not \"soccer\", the first segment of the game"),
    );
    check(
        json!({}),
        json!({"patch": {"clock": {"ms": "1"}}}),
        json!("/patch/clock/ms: invalid type: string \"1\", expected a whole number"),
    );
}

#[test]
fn sides_may_become_a_field_in_one_patch() {
    check(
        json!({"competitors": {"home": {}}}),
        json!({"patch": {"competitors": {"home": null, "1": {}}}}),
        json!({"competitors": {"home": null, "1": {}}}),
    );
}
