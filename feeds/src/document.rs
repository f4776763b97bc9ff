//! A game's document as a JSON tree, and merge patches on it (RFC 7396).
//!
//! A document holds objects and scalars only: no arrays, no nulls. So a merge patch can say every change, `null` in a
//! patch always means "gone", and [`diff`] and [`apply`] are exact inverses.

use serde_json::{Map, Value};

use crate::topic::Topic;

/// A game's document, or a patch on one. Keys are sorted, so equal documents have equal bytes.
pub type Document = Map<String, Value>;

/// What the score detail leaves out of the full document.
pub const FULL_ONLY: [&str; 3] = ["incidents", "situation", "info"];

/// Applies a merge patch: RFC 7396 section 2.
pub fn apply(document: &mut Document, patch: &Document) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                document.remove(key);
            }
            Value::Object(change) => match document.get_mut(key) {
                Some(Value::Object(held)) => apply(held, change),
                _ => {
                    let mut fresh = Document::new();
                    apply(&mut fresh, change);
                    document.insert(key.clone(), Value::Object(fresh));
                }
            },
            scalar => {
                document.insert(key.clone(), scalar.clone());
            }
        }
    }
}

/// The smallest merge patch that makes `new` out of `old`; empty when they are equal.
#[must_use]
pub fn diff(old: &Document, new: &Document) -> Document {
    let mut patch = Document::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(held), value) if held == value => {}
            (Some(Value::Object(held)), Value::Object(value)) => {
                patch.insert(key.clone(), Value::Object(diff(held, value)));
            }
            (_, value) => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    patch
}

/// A patch without what it says that `document` says already: it makes the same of that document, and is empty where it
/// changes nothing.
#[must_use]
pub fn reduce(patch: &Document, document: &Document) -> Document {
    let mut news = Document::new();
    for (key, change) in patch {
        let change = match (change, document.get(key)) {
            (Value::Null, None) => continue,
            (change, Some(held)) if change == held => continue, // in one walk, without looking up each key
            (Value::Object(change), Some(Value::Object(held))) => match reduce(change, held) {
                inner if inner.is_empty() => continue,
                inner => Value::Object(inner),
            },
            _ => change.clone(),
        };
        news.insert(key.clone(), change);
    }
    news
}

/// One patch that does what `first` and then `then` do, whatever document they are applied to; `None` where a merge
/// patch cannot say it (an object that was taken away and came back: its old keys must go, and are not known here).
#[must_use]
pub fn compose(first: &Document, then: &Document) -> Option<Document> {
    let mut both = first.clone();
    for (key, change) in then {
        let merged = match (both.get(key), change) {
            (Some(Value::Object(a)), Value::Object(b)) => Value::Object(compose(a, b)?),
            (Some(Value::Null), Value::Object(_)) => return None,
            // A scalar over an object, then an object again: the object's old keys are gone, and only a null says so.
            (Some(held), Value::Object(_)) if !held.is_object() => return None,
            (_, change) => change.clone(),
        };
        both.insert(key.clone(), merged);
    }
    Some(both)
}

/// The score detail of a document or of a patch: without incidents, situation and info.
#[must_use]
pub fn score_detail(document: &Document) -> Document {
    document
        .iter()
        .filter(|(key, _)| !FULL_ONLY.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Whether a patch changes the score detail.
#[must_use]
pub fn touches_score(patch: &Document) -> bool {
    patch.keys().any(|key| !FULL_ONLY.contains(&key.as_str()))
}

/// Every topic that covers a game with this document: the game, its competition, its sport, its teams, `*`; no doubles.
#[must_use]
pub fn routing_topics(game: &Topic, document: &Document) -> Vec<Topic> {
    let (sport, competition) = (game.sport(), game.competition());
    let mut topics = vec![game.clone()];
    topics.extend(format!("{sport}/{competition}").parse());
    topics.extend(sport.parse());
    topics.push(Topic::all());
    let competitors = document.get("competitors").and_then(Value::as_object);
    for competitor in competitors.into_iter().flat_map(Map::values) {
        let team = competitor.get("team").and_then(Value::as_str);
        let topic = team.and_then(|team| Topic::team(sport, team));
        topics.extend(topic.filter(|topic| !topics.contains(topic)));
    }
    topics
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Document {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_reduced_patch_says_only_what_is_new() {
        let document = read(json!({"a": 1, "b": {"c": 1, "d": 2}, "e": 5}));
        let check = |patch: Value, news: Value| assert_eq!(reduce(&read(patch), &document), read(news));
        check(json!({"a": 1, "b": {"c": 1}, "x": null}), json!({}));
        check(json!({"a": 2, "b": {"c": null, "d": 2}}), json!({"a": 2, "b": {"c": null}}));
        check(json!({"b": {}, "e": {}, "x": {"y": null}}), json!({"e": {}, "x": {"y": null}}));
    }

    #[test]
    fn what_went_and_came_back_whole_cannot_be_one_patch() {
        let both = |first: Value, then: Value| compose(&read(first), &read(then)).map(Value::Object);
        assert_eq!(both(json!({"a": null}), json!({"a": {"b": 1}})), None);
        assert_eq!(both(json!({"a": 1}), json!({"a": {"b": 1}})), None);
        assert_eq!(both(json!({"x": {"a": null}}), json!({"x": {"a": {}}})), None);
        assert_eq!(both(json!({"a": null}), json!({"a": 1})), Some(json!({"a": 1})));
        assert_eq!(both(json!({"a": {"b": 1}}), json!({"a": null})), Some(json!({"a": null})));
    }

    #[test]
    fn the_score_detail_leaves_out_what_is_beside_the_score() {
        let document = read(json!({"status": "live", "incidents": {}, "situation": {}, "info": {}}));
        assert_eq!(score_detail(&document), read(json!({"status": "live"})));
        assert!(touches_score(&document));
        assert!(!touches_score(&read(json!({"incidents": {"g1": null}, "situation": null}))));
    }

    #[test]
    fn a_game_is_found_under_each_of_its_topics_once() {
        let game: Topic = "soccer/eng.1/derby".parse().unwrap();
        let document = read(json!({"competitors": {
            "1": {"team": "arsenal"}, "2": {"team": "arsenal"}, "3": {"team": "No Segment"}, "4": {}}}));
        let topics: Vec<String> = routing_topics(&game, &document).iter().map(Topic::to_string).collect();
        assert_eq!(topics, ["soccer/eng.1/derby", "soccer/eng.1", "soccer", "*", "team/soccer/arsenal"]);
    }
}
