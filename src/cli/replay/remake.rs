//! Reports that make a game what it was. What only the service sets is not said but made to happen again: a correction
//! by taking the same thing back, at the same moment.

use feeds::document::diff;
use feeds::revision::{Context, revise};
use feeds::{Change, Document, Report, Topic};
use serde_json::Value;

/// The reports after which the game is `target`, or as near to it as reports bring it; whether it is the same.
pub(super) fn remake(game: &Topic, held: Option<&Document>, target: &Document) -> (Vec<Report>, bool) {
    let direct = play(game, held, [Some(target)]);
    // Its correction happened before the recording, or while nobody listened: from what it was before, over what it
    // became, to what it is now.
    let again = || play(game, held, [past(target, "before").as_ref(), past(target, "after").as_ref(), Some(target)]);
    match direct {
        Some((reports, end)) if end == *target => (reports, true),
        direct => match again() {
            Some((reports, end)) if end == *target => (reports, true),
            again => (direct.or(again).map(|(reports, _)| reports).unwrap_or_default(), false),
        },
    }
}

/// The reports that lead through these documents, and where that ends; `None` when one of them is not valid.
fn play<'d>(
    game: &Topic,
    held: Option<&Document>,
    through: impl IntoIterator<Item = Option<&'d Document>>,
) -> Option<(Vec<Report>, Document)> {
    let (mut reports, mut held) = (Vec::new(), held.cloned());
    for target in through {
        let target = target?;
        let report = report(game, held.as_ref(), target);
        let leader = target.get("feed").and_then(Value::as_str).unwrap_or_default();
        let context =
            Context { game, held: held.as_ref(), last_image: None, leader, now: 0, event_at: report.event_at };
        if let Some(revision) = revise(&context, &report.change).ok()? {
            held = Some(revision.document);
        }
        let Change::Patch(patch) = &report.change else { return None };
        // A new leader alone is nothing that a report says.
        if reports.is_empty() || !patch.is_empty() {
            reports.push(report);
        }
    }
    Some((reports, held?))
}

/// What a provider says to make `target` out of what is held.
fn report(game: &Topic, held: Option<&Document>, target: &Document) -> Report {
    let nothing = Document::new();
    let held = held.unwrap_or(&nothing);
    let mut patch = diff(held, target);
    patch.remove("feed");
    let corrected = patch.remove("correction").is_some();
    // A clock without its reading, and an incident without its status, would be read as news of now.
    whole(&mut patch, held, target, "clock");
    if let Some(Value::Object(incidents)) = patch.get_mut("incidents") {
        // Those that left a full document leave it again by themselves: a deletion would mean void.
        incidents.retain(|_, incident| !incident.is_null());
        let at =
            |document: &Document| document.get("incidents").and_then(Value::as_object).cloned().unwrap_or_default();
        let (held, target) = (at(held), at(target));
        target.keys().for_each(|id| whole(incidents, &held, &target, id));
    }
    let at = target.get("correction").and_then(|correction| correction.get("at")).and_then(Value::as_i64);
    let event_at = at.filter(|_| corrected);
    Report { game: game.clone(), change: Change::Patch(patch), id: None, event_at, seq: None, if_version: None }
}

/// Where a patch touches the object at `key`, it says all of it.
fn whole(patch: &mut Document, held: &Document, target: &Document, key: &str) {
    let (Some(Value::Object(touched)), Some(Value::Object(target))) = (patch.get_mut(key), target.get(key)) else {
        return;
    };
    if held.contains_key(key) {
        touched.extend(target.iter().filter(|(_, value)| !value.is_object()).map(|(k, v)| (k.clone(), v.clone())));
    }
}

/// The document with what its correction says of the time before or after it.
fn past(target: &Document, when: &str) -> Option<Document> {
    let told = target.get("correction")?.get(when)?.as_object()?;
    let mut document = target.clone();
    if when == "before" {
        document.remove("correction");
    }
    match told.get("incident") {
        Some(id) => {
            let incident = document.get_mut("incidents")?.get_mut(id.as_str()?)?.as_object_mut()?;
            match told.get("status") {
                Some(status) => drop(incident.insert("status".to_owned(), status.clone())),
                None => drop(incident.remove("status")),
            }
        }
        None => {
            for (key, value) in told {
                let place = match key.as_str() {
                    "status" => document.get_mut("status")?,
                    competitor => {
                        document.get_mut("competitors")?.get_mut(competitor)?.get_mut("score")?.get_mut("total")?
                    }
                };
                *place = value.clone();
            }
        }
    }
    Some(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: Value) -> Document {
        let mut document = json!({"sport": "soccer", "competition": {"id": "x"}, "status": "live", "feed": "acme"});
        let Value::Object(mut base) = document.take() else { unreachable!() };
        feeds::document::apply(&mut base, value.as_object().unwrap());
        base
    }

    /// Remakes a document out of nothing; the reports.
    fn check(target: Value) -> Vec<Report> {
        let game: Topic = "soccer/x/a".parse().unwrap();
        let (reports, exact) = remake(&game, None, &document(target.clone()));
        assert!(exact, "{target}");
        reports
    }

    fn score(home: i64, away: i64) -> Value {
        json!({"home": {"score": {"total": home}}, "away": {"score": {"total": away}}})
    }

    #[test]
    fn a_game_without_a_correction_is_one_report() {
        let clock = json!({"mode": "up", "running": true, "ms": 5, "at": 7});
        assert_eq!(check(json!({"competitors": score(2, 1), "clock": clock})).len(), 1);
        assert_eq!(check(json!({"incidents": {"g1": {"type": "goal", "status": "void"}}})).len(), 1);
    }

    #[test]
    fn a_correction_that_nobody_saw_happens_again() {
        let fell = json!({"reason": "score_decreased", "before": {"home": 2, "away": 1},
            "after": {"home": 1, "away": 1}, "at": 77});
        let reports = check(json!({"competitors": score(4, 1), "correction": fell}));
        assert_eq!(reports.iter().map(|report| report.event_at).collect::<Vec<_>>(), [None, Some(77), None]);
        check(json!({"competitors": score(1, 1), "correction": fell}));
        let swapped = json!({"reason": "side_swapped", "before": {"home": 2, "away": 1},
            "after": {"home": 1, "away": 2}, "at": 77});
        check(json!({"competitors": score(1, 2), "correction": swapped}));
        let reopened = json!({"reason": "final_reopened", "before": {"status": "final"}, "after": {"status": "live"},
            "at": 3});
        check(json!({"correction": reopened}));
        check(json!({"status": "final", "correction": reopened}));
        for now in ["void", "amended"] {
            let void = json!({"reason": "incident_void", "before": {"incident": "g1", "status": "confirmed"},
                "after": {"incident": "g1", "status": "void"}, "at": 3});
            check(json!({"incidents": {"g1": {"type": "goal", "status": now}}, "correction": void}));
        }
    }

    #[test]
    fn a_void_incident_whose_text_changes_stays_void() {
        let game: Topic = "soccer/x/a".parse().unwrap();
        let held = document(json!({"incidents": {"g1": {"type": "goal", "status": "void"}}}));
        let target = document(json!({"incidents": {"g1": {"type": "goal", "status": "void", "text": "offside"}}}));
        assert!(remake(&game, Some(&held), &target).1);
    }

    #[test]
    fn what_reports_cannot_make_is_told() {
        let game: Topic = "soccer/x/a".parse().unwrap();
        let strange = json!({"reason": "score_decreased", "before": {"home": 1}, "after": {"home": 2}, "at": 77});
        let (reports, exact) =
            remake(&game, None, &document(json!({"competitors": score(2, 2), "correction": strange})));
        assert_eq!((reports.len(), exact), (1, false));
    }
}
