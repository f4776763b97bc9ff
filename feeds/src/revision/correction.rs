//! Corrections: what a game's document says when something was taken back, so that nobody need guess it from numbers.

use serde_json::{Value, json};

use super::{Context, object, text};
use crate::document::Document;

/// What was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Correction {
    /// A total went down.
    ScoreDecreased,
    /// One total went down and another up.
    SideSwapped,
    /// A game went back to an earlier stage.
    StatusReverted,
    /// A game that was decided is not any more.
    FinalReopened,
    /// An incident turned void, and nothing else was taken back.
    IncidentVoid,
}

impl Correction {
    /// Every kind, for a metric that has each from the start.
    pub const ALL: [Correction; 5] = [
        Correction::ScoreDecreased,
        Correction::SideSwapped,
        Correction::StatusReverted,
        Correction::FinalReopened,
        Correction::IncidentVoid,
    ];

    /// The contract's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Correction::ScoreDecreased => "score_decreased",
            Correction::SideSwapped => "side_swapped",
            Correction::StatusReverted => "status_reverted",
            Correction::FinalReopened => "final_reopened",
            Correction::IncidentVoid => "incident_void",
        }
    }
}

/// The first kind of correction that the new document is to the held one, and what the document tells of it.
pub(super) fn find(
    context: &Context,
    held: &Document,
    document: &Document,
    patch: &Document,
) -> Option<(Correction, Document)> {
    let of_score = || match context.game.sport() {
        "golf" => None, // to par goes down by good play
        _ => score(object(held, "competitors")?, object(document, "competitors")?),
    };
    let of_incident =
        || incident(object(held, "incidents")?, object(document, "incidents")?, object(patch, "incidents")?);
    let (reason, before, after) = of_score().or_else(|| status(held, document)).or_else(of_incident)?;
    let told = json!({"reason": reason.as_str(), "before": before, "after": after, "at": context.at()});
    told.as_object().map(|told| (reason, told.clone()))
}

type Found = (Correction, Value, Value);

fn score(held: &Document, now: &Document) -> Option<Found> {
    let total = |competitor: &Value| competitor.get("score")?.get("total")?.as_i64();
    let both = |(key, was): (&String, &Value)| Some((key.clone(), total(was)?, total(now.get(key)?)?));
    let totals: Vec<(String, i64, i64)> = held.iter().filter_map(both).collect();
    let fell = totals.iter().any(|(_, before, after)| after < before);
    let rose = totals.iter().any(|(_, before, after)| after > before);
    let reason = match (fell, rose) {
        (true, true) => Correction::SideSwapped,
        (true, false) => Correction::ScoreDecreased,
        _ => return None,
    };
    // Of a field of many only those whose total changed: the others would fill the document.
    let told = || totals.iter().filter(|(_, before, after)| before != after || totals.len() <= 2);
    let before: Document = told().map(|(key, before, _)| (key.clone(), json!(before))).collect();
    let after: Document = told().map(|(key, _, after)| (key.clone(), json!(after))).collect();
    Some((reason, before.into(), after.into()))
}

fn status(held: &Document, now: &Document) -> Option<Found> {
    let (before, after) = (text(held, "status")?, text(now, "status")?);
    let reason = match (before, stage(before), stage(after)) {
        ("final" | "awarded", _, back) if back != Some(DECIDED) && after != "unknown" => Correction::FinalReopened,
        (_, Some(before), Some(after)) if after < before => Correction::StatusReverted,
        _ => return None,
    };
    Some((reason, json!({"status": before}), json!({"status": after})))
}

const DECIDED: u8 = 3;

/// How far a game is that stands so; postponed and unknown games are nowhere.
fn stage(status: &str) -> Option<u8> {
    match status {
        "scheduled" => Some(0),
        "live" | "break" | "interrupted" | "suspended" => Some(1),
        "ended" => Some(2),
        "final" | "awarded" | "abandoned" | "cancelled" => Some(DECIDED),
        _ => None,
    }
}

/// The newest of the incidents that turned void.
fn incident(held: &Document, now: &Document, changes: &Document) -> Option<Found> {
    let is_void = |incidents: &Document, id: &str| Some(text(object(incidents, id)?, "status") == Some("void"));
    let turned = |id: &&String| is_void(held, id) == Some(false) && is_void(now, id) == Some(true);
    let order = |id: &&String| now.get(*id).and_then(|incident| incident.get("order")?.as_i64());
    let id = changes.keys().filter(turned).max_by_key(order)?;
    let tell = |incidents: &Document| {
        let mut told = Document::from_iter([("incident".to_owned(), json!(id))]);
        let status = object(incidents, id).and_then(|incident| incident.get("status"));
        told.extend(status.map(|status| ("status".to_owned(), status.clone())));
        Value::Object(told)
    };
    Some((Correction::IncidentVoid, tell(held), tell(now)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, game, revised};
    use super::*;

    /// The correction that a patch on a live game sets, null for none.
    fn check_correction(held: Value, patch: Value, correction: Value) {
        check_of("soccer/eng.1/ars-che", held, patch, correction);
    }

    fn check_of(topic: &str, held: Value, patch: Value, correction: Value) {
        let mut held = game(held);
        held.insert("sport".to_owned(), topic.split('/').next().into());
        let report = json!({"topic": topic, "patch": patch, "event_at": 7});
        let revision = revised(&held.into(), &report).unwrap().expect("something changes");
        let told = revision.document.get("correction").cloned().unwrap_or_default();
        assert_eq!(told, correction, "{patch}");
        assert_eq!(revision.correction.map(Correction::as_str), told["reason"].as_str());
    }

    fn scores(home: i64, away: i64) -> Value {
        json!({"competitors": {"home": {"score": {"total": home}}, "away": {"score": {"total": away}}}})
    }

    #[test]
    fn a_total_that_goes_down() {
        check_correction(
            scores(2, 1),
            json!({"competitors": {"home": {"score": {"total": 1}}}}),
            json!({"reason": "score_decreased", "before": {"home": 2, "away": 1}, "after": {"home": 1, "away": 1}, "at": 7}),
        );
        check_correction(scores(2, 1), scores(3, 2), Value::Null);
    }

    #[test]
    fn a_total_that_moves_to_the_other_side() {
        check_correction(
            scores(2, 1),
            scores(1, 2),
            json!({"reason": "side_swapped", "before": {"home": 2, "away": 1}, "after": {"home": 1, "away": 2}, "at": 7}),
        );
    }

    #[test]
    fn of_a_field_only_those_who_changed() {
        let field = |third: i64| {
            let total = |total: i64| json!({"score": {"total": total}});
            json!({"competitors": {"1": total(9), "2": total(8), "3": total(third)}})
        };
        check_correction(
            field(7),
            field(5),
            json!({"reason": "score_decreased", "before": {"3": 7}, "after": {"3": 5}, "at": 7}),
        );
    }

    #[test]
    fn to_par_goes_down_by_play() {
        check_of("golf/eng.1/masters", scores(2, 1), scores(1, 1), Value::Null);
    }

    #[test]
    fn who_leaves_or_loses_the_total_takes_nothing_back() {
        check_correction(scores(2, 1), json!({"competitors": {"home": null}}), Value::Null);
        check_correction(scores(2, 1), json!({"competitors": null}), Value::Null);
        check_correction(scores(2, 1), json!({"competitors": {"home": {"score": null}}}), Value::Null);
        let created = revised(&Value::Null, &json!({"patch": scores(-1, 0)})).unwrap().unwrap();
        assert_eq!(created.correction, None);
    }

    #[test]
    fn every_way_of_a_status() {
        use Correction::{FinalReopened as Reopened, StatusReverted as Reverted};
        let words =
            "scheduled live break interrupted suspended postponed cancelled abandoned awarded ended final unknown";
        for before in words.split(' ') {
            for after in words.split(' ').filter(|after| *after != before) {
                let decided = |status| matches!(status, "final" | "awarded" | "cancelled" | "abandoned");
                let started = |status| matches!(status, "live" | "break" | "interrupted" | "suspended");
                let expected = match (before, after) {
                    (_, "unknown") | ("unknown" | "postponed", _) => None,
                    (before, after) if decided(before) && decided(after) => None,
                    ("final" | "awarded", _) => Some(Reopened),
                    (_, "postponed") => None,
                    (before, _) if decided(before) => Some(Reverted),
                    ("ended", after) if started(after) || after == "scheduled" => Some(Reverted),
                    (before, "scheduled") if started(before) => Some(Reverted),
                    _ => None,
                };
                let held = game(json!({"status": before})).into();
                let revision = revised(&held, &json!({"patch": {"status": after}})).unwrap().unwrap();
                assert_eq!(revision.correction, expected, "{before} → {after}");
            }
        }
    }

    #[test]
    fn a_status_tells_both() {
        check_correction(
            json!({"status": "final"}),
            json!({"status": "live"}),
            json!({"reason": "final_reopened", "before": {"status": "final"}, "after": {"status": "live"}, "at": 7}),
        );
    }

    #[test]
    fn an_incident_that_turns_void() {
        let held = json!({"incidents": {"g1": {"status": "confirmed", "order": 9}, "c2": {"order": 3}}});
        check_correction(
            held.clone(),
            json!({"incidents": {"g1": null}}),
            json!({"reason": "incident_void", "before": {"incident": "g1", "status": "confirmed"},
                "after": {"incident": "g1", "status": "void"}, "at": 7}),
        );
        check_correction(
            held.clone(),
            json!({"incidents": {"c2": {"status": "void"}}}),
            json!({"reason": "incident_void", "before": {"incident": "c2"},
                "after": {"incident": "c2", "status": "void"}, "at": 7}),
        );
        check_correction(held, json!({"incidents": {"new": {"status": "void"}}}), Value::Null);
    }

    #[test]
    fn of_several_the_newest_incident_tells() {
        let held = json!({"incidents": {"a": {"order": 2}, "b": {"order": 1}}});
        let revision = revised(&game(held).into(), &json!({"patch": {"incidents": null}})).unwrap().unwrap();
        assert_eq!(revision.document["correction"]["after"], json!({"incident": "a", "status": "void"}));
    }

    #[test]
    fn the_score_tells_first() {
        let mut held = scores(2, 1);
        held["incidents"] = json!({"g1": {"status": "confirmed"}});
        check_correction(
            held,
            json!({"status": "scheduled", "incidents": null, "competitors": {"home": {"score": {"total": 1}}}}),
            json!({"reason": "score_decreased", "before": {"home": 2, "away": 1}, "after": {"home": 1, "away": 1}, "at": 7}),
        );
    }

    #[test]
    fn a_correction_stays_until_the_next_one_replaces_it_whole() {
        let mut held = scores(2, 1);
        held["correction"] =
            json!({"reason": "incident_void", "before": {"incident": "g1"}, "after": {"incident": "g1"}, "at": 3});
        check(held.clone(), json!({"patch": {"info": {"leg": 1}}}), json!({"info": {"leg": 1}}));
        check_correction(
            held,
            scores(1, 1),
            json!({"reason": "score_decreased", "before": {"home": 2, "away": 1}, "after": {"home": 1, "away": 1}, "at": 7}),
        );
    }
}
