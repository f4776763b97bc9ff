//! One game in two providers' words: names differ, and ids of incidents never match. After a switch the new leader's goals
//! are the held ones under other names, and must not be told twice; teams keep the names, and the topics, they had.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use feeds::{Change, Document, Report};
use serde_json::Value;

/// How far the minutes that two providers say of one incident lie apart.
const MINUTES: u64 = 1;

/// Of more pairs of incidents than this, as no game has them, none is looked for.
const PAIRS: usize = 250_000;

/// What a competitor is called.
const CALLED: [&str; 4] = ["name", "abbr", "team", "kind"];

/// The report in the words in which the game is held.
pub(super) fn align<'r>(report: &'r Report, held: &Document) -> Cow<'r, Report> {
    let mut aligned = report.clone();
    let (Change::Patch(says) | Change::Image(says)) = &mut aligned.change;
    let names = names(says, held);
    if let Some(Value::Object(incidents)) = says.get_mut("incidents") {
        *incidents = std::mem::take(incidents)
            .into_iter()
            .map(|(id, incident)| (names.get(&id).cloned().unwrap_or(id), incident))
            .collect();
    }
    if let (Some(says), Some(held)) = (object_mut(says, "competition"), object(held, "competition")) {
        keep(says, held, &["id", "name", "round"]);
    }
    if let (Some(says), Some(held)) = (object_mut(says, "competitors"), object(held, "competitors")) {
        for (key, held) in held {
            if let (Some(says), Some(held)) = (object_mut(says, key), held.as_object()) {
                keep(says, held, &CALLED);
            }
        }
    }
    if aligned == *report { Cow::Borrowed(report) } else { Cow::Owned(aligned) }
}

/// Leaves these fields as they are held.
fn keep(says: &mut Document, held: &Document, fields: &[&str]) {
    for field in fields {
        if held.get(*field).is_some_and(|held| says.get(*field).is_some_and(|said| said != held)) {
            says.remove(*field);
        }
    }
}

fn object<'d>(document: &'d Document, key: &str) -> Option<&'d Document> {
    document.get(key)?.as_object()
}

fn object_mut<'d>(document: &'d mut Document, key: &str) -> Option<&'d mut Document> {
    document.get_mut(key)?.as_object_mut()
}

/// What the ousted leader said and the new one does not, of the kinds of incidents that the new one tells: as if it had
/// said it before, and took it back. `None` where it does not say all that it knows.
pub(super) fn disputed(report: &Report, held: &Document) -> Option<Document> {
    let Change::Image(image) = &report.change else { return None };
    let says = object(image, "incidents")?;
    let told = |incident: &Value| says.values().any(|said| said.get("type") == incident.get("type"));
    let held = object(held, "incidents")?.iter().filter(|(_, incident)| told(incident));
    let held: Document = held.map(|(id, incident)| (id.clone(), incident.clone())).collect();
    Some(Document::from_iter([("incidents".to_owned(), held.into())]))
}

/// The held name of each incident of the report that is held under another one. Each is taken once, the nearest first.
fn names(says: &Document, held: &Document) -> BTreeMap<String, String> {
    let nothing = Document::new();
    let (Some(says), Some(held)) = (object(says, "incidents"), object(held, "incidents")) else {
        return BTreeMap::new();
    };
    if says.len() * held.len() > PAIRS {
        return BTreeMap::new();
    }
    let mut pairs: Vec<(u64, &String, &String)> = Vec::new();
    for (id, new) in says.iter().filter(|(id, _)| !held.contains_key(*id)) {
        let new = new.as_object().unwrap_or(&nothing);
        for (name, old) in held.iter().filter(|(name, _)| !says.contains_key(*name)) {
            pairs.extend(apart(new, old.as_object().unwrap_or(&nothing)).map(|apart| (apart, id, name)));
        }
    }
    pairs.sort();
    let (mut names, mut taken) = (BTreeMap::new(), HashSet::new());
    for (_, id, name) in pairs {
        if !names.contains_key(id) && taken.insert(name) {
            names.insert(id.clone(), name.clone());
        }
    }
    names
}

/// How far two incidents lie apart, where they may be one; minutes.
fn apart(new: &Document, old: &Document) -> Option<u64> {
    let same = |key: &str| new.get(key) == old.get(key);
    let minute = |incident: &Document| incident.get("minute").and_then(Value::as_i64);
    let alike = new.get("type").is_some() && same("type") && same("side");
    let apart = match (minute(new), minute(old)) {
        (Some(new), Some(old)) => new.abs_diff(old),
        (None, None) if same("period") => 0,
        _ => return None,
    };
    (alike && apart <= MINUTES).then_some(apart)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(held: Value, says: Value, aligned: Value) {
        let document = |incidents: Value| json!({ "incidents": incidents }).as_object().unwrap().clone();
        let game = "soccer/x/a".parse().unwrap();
        let change = Change::Image(document(says));
        let report = Report { game, change, id: None, event_at: None, seq: None, if_version: None };
        let found = align(&report, &document(held));
        assert_eq!(found.change, Change::Image(document(aligned)));
    }

    #[test]
    fn teams_keep_their_names() {
        let document = |value: Value| value.as_object().unwrap().clone();
        let held = document(json!({"competition": {"id": "x", "name": "X"},
            "competitors": {"home": {"name": "Alpha", "team": "alpha"}}}));
        let change = Change::Image(document(json!({"competition": {"name": "Liga X", "round": "3"},
            "competitors": {"home": {"name": "Alpha FC", "team": "alpha", "score": {"total": 1}}, "away": {"name": "B"}}})));
        let game = "soccer/x/a".parse().unwrap();
        let report = Report { game, change, id: None, event_at: None, seq: None, if_version: None };
        let aligned = document(json!({"competition": {"round": "3"},
            "competitors": {"home": {"team": "alpha", "score": {"total": 1}}, "away": {"name": "B"}}}));
        assert_eq!(align(&report, &held).change, Change::Image(aligned));
    }

    fn goal(side: &str, minute: i64) -> Value {
        json!({"type": "goal", "side": side, "minute": minute})
    }

    #[test]
    fn one_goal_has_one_name() {
        check(json!({"a1": goal("home", 61)}), json!({"b7": goal("home", 62)}), json!({"a1": goal("home", 62)}));
        check(json!({"a1": goal("home", 61)}), json!({"b7": goal("away", 61)}), json!({"b7": goal("away", 61)}));
        check(json!({"a1": goal("home", 61)}), json!({"b7": goal("home", 64)}), json!({"b7": goal("home", 64)}));
        // Whether a game has such a minute is asked later.
        let never = json!({"b7": goal("home", i64::MIN)});
        check(json!({"a1": goal("home", 61)}), never.clone(), never);
    }

    #[test]
    fn two_goals_have_two() {
        check(
            json!({"a1": goal("home", 61), "a2": goal("home", 62)}),
            json!({"b1": goal("home", 62), "b2": goal("home", 62), "b3": goal("home", 62)}),
            json!({"a2": goal("home", 62), "a1": goal("home", 62), "b3": goal("home", 62)}),
        );
        check(
            json!({"a1": goal("home", 61)}),
            json!({"a1": goal("home", 61), "b1": goal("home", 62)}),
            json!({"a1": goal("home", 61), "b1": goal("home", 62)}),
        );
    }
}
