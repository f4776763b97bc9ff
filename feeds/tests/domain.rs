//! The laws of the domain, on documents and reports that nobody thought of.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

use feeds::document::{apply, compose, diff, reduce};
use feeds::game::validate;
use feeds::json::{parse, parse_lenient};
use feeds::revision::{Context, MAX_BYTES, Revision, revise};
use feeds::topic::{is_segment, slug};
use feeds::{Change, Document, Invalid, Report, Topic};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

// Documents and patches in general: few keys, so that they meet.

fn tree(scalars: BoxedStrategy<Value>) -> impl Strategy<Value = Document> {
    let values = scalars.prop_recursive(3, 24, 4, |inner| btree_map("[a-d]", inner, 0..4).prop_map(object));
    btree_map("[a-d]", values, 0..5).prop_map(|fields| fields.into_iter().collect())
}

fn object(fields: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(fields.into_iter().collect())
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![any::<bool>().prop_map(Value::from), (0..4_i64).prop_map(Value::from), "[xyz]".prop_map(Value::from)]
        .boxed()
}

fn document() -> impl Strategy<Value = Document> {
    tree(scalar())
}

fn patch() -> impl Strategy<Value = Document> {
    tree(prop_oneof![3 => scalar(), 1 => Just(Value::Null)].boxed())
}

fn applied(document: &Document, patch: &Document) -> Document {
    let mut document = document.clone();
    apply(&mut document, patch);
    document
}

proptest! {
    #[test]
    fn diff_and_apply_are_inverse(old in document(), new in document()) {
        prop_assert_eq!(applied(&old, &diff(&old, &new)), new.clone());
        prop_assert_eq!(applied(&new, &diff(&new, &old)), old);
        prop_assert!(diff(&new, &new).is_empty());
    }

    #[test]
    fn apply_is_rfc_7396(document in document(), patch in patch()) {
        let mut merged = Value::Object(document.clone());
        json_patch::merge(&mut merged, &Value::Object(patch.clone()));
        prop_assert_eq!(Value::Object(applied(&document, &patch)), merged);
    }

    #[test]
    fn a_reduced_patch_does_the_same(document in document(), patch in patch()) {
        let reduced = reduce(&patch, &document);
        prop_assert_eq!(applied(&document, &reduced), applied(&document, &patch));
        prop_assert!(reduce(&diff(&document, &applied(&document, &patch)), &applied(&document, &patch)).is_empty());
    }

    #[test]
    fn a_composed_patch_does_what_both_do(document in document(), first in patch(), then in patch()) {
        if let Some(both) = compose(&first, &then) {
            prop_assert_eq!(applied(&document, &both), applied(&applied(&document, &first), &then));
        }
    }

    #[test]
    fn the_patches_of_a_game_compose(a in document(), b in document(), c in document()) {
        if let Some(both) = compose(&diff(&a, &b), &diff(&b, &c)) {
            prop_assert_eq!(applied(&a, &both), c);
        }
    }

    #[test]
    fn strict_json_reads_what_was_written(document in patch()) {
        let text = serde_json::to_vec(&document).unwrap();
        prop_assert_eq!(parse(&text), Ok(Value::Object(document)));
    }

    #[test]
    fn strict_json_is_lenient_json_or_an_error(text in "[{}\\[\\]\",:a-c0-9.e \\\\u-]{0,40}") {
        if let Ok(value) = parse(text.as_bytes()) {
            prop_assert_eq!(parse_lenient(text.as_bytes()), Ok(value));
        }
    }

    #[test]
    fn a_topic_is_its_text(text in "\\*|[a-z0-9][a-z0-9._-]{0,8}(/[a-z0-9][a-z0-9._-]{0,8}){0,3}|.{0,20}") {
        if let Ok(topic) = text.parse::<Topic>() {
            prop_assert_eq!(topic.as_str(), text.as_str());
            prop_assert_eq!(serde_json::from_value::<Topic>(json!(text)).unwrap(), topic.clone());
            prop_assert!(topic.covers_path(&topic) && Topic::all().covers_path(&topic));
        }
    }

    #[test]
    fn a_slug_is_a_segment(text in "\\PC{0,80}") {
        let slug = slug(&text);
        prop_assert!(slug.as_deref().is_none_or(is_segment), "{:?}", slug);
    }
}

// Reports as providers send them.

/// An object with any of these fields, each perhaps null.
fn fields(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let pairs: Vec<_> = fields
        .into_iter()
        .map(|(name, values)| {
            option::of(prop_oneof![5 => values, 1 => Just(Value::Null)]).prop_map(move |value| (name.to_owned(), value))
        })
        .collect();
    pairs.prop_map(|pairs| object(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))))).boxed()
}

fn word(words: &'static str) -> BoxedStrategy<Value> {
    select(words.split(' ').collect::<Vec<_>>()).prop_map(Value::from).boxed()
}

fn number(range: std::ops::Range<i64>) -> BoxedStrategy<Value> {
    range.prop_map(Value::from).boxed()
}

fn yes_or_no() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::from).boxed()
}

/// A patch that no rule refuses.
fn report() -> BoxedStrategy<Value> {
    let score = || fields(vec![("total", number(0..4)), ("rank", number(1..3)), ("gap", word("+1 +2"))]);
    let side =
        || fields(vec![("name", word("Arsenal Chelsea")), ("team", word("arsenal chelsea")), ("score", score())]);
    let incident = || {
        let status = word("provisional confirmed amended void");
        fields(vec![("type", word("goal foul card")), ("status", status), ("order", number(0..5))])
    };
    let clock = vec![
        ("mode", word("up down")),
        ("running", yes_or_no()),
        ("ms", number(0..200_000)),
        ("at", number(0..200_000)),
        ("added_min", number(0..5)),
    ];
    let status = "scheduled live break interrupted suspended postponed cancelled abandoned awarded ended final unknown";
    fields(vec![
        ("sport", word("soccer")),
        ("competition", fields(vec![("id", word("eng.1")), ("name", word("League Cup"))])),
        ("status", word(status)),
        ("period", fields(vec![("number", number(1..3)), ("kind", word("half"))])),
        ("clock", fields(clock)),
        ("competitors", fields(vec![("home", side()), ("away", side())])),
        ("incidents", fields(vec![("g1", incident()), ("g2", incident()), ("g3", incident())])),
        ("situation", fields(vec![("server", word("home away")), ("bases", fields(vec![("first", yes_or_no())]))])),
        ("info", fields(vec![("venue", word("Wembley")), ("leg", number(1..3))])),
    ])
}

/// Anything, in the words of the contract: hardly ever a game.
fn nonsense() -> BoxedStrategy<Value> {
    let key = "status|clock|ms|at|competitors|home|1|score|total|parts|incidents|g1|info|feed|sport|[a-z/~]{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}|live|void".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            4 => btree_map(key, inner.clone(), 0..5).prop_map(object),
            1 => vec(inner, 0..3).prop_map(Value::from),
        ]
    })
    .boxed()
}

/// What a provider says in a row: (whether it is an image, what it says, when it happened).
type Said = (bool, Value, Option<i64>);

fn says(what: BoxedStrategy<Value>) -> impl Strategy<Value = Vec<Said>> {
    vec((any::<bool>(), what, option::of(0..200_000_i64)), 1..8)
}

/// A game and what ingest keeps beside it.
#[derive(Default)]
struct Held {
    document: Option<Document>,
    last_image: Option<Document>,
}

impl Held {
    fn hear(&mut self, (is_image, says, event_at): &Said) -> Result<Option<Revision>, Invalid> {
        let says = says.as_object().cloned().unwrap_or_default();
        let game: Topic = "soccer/eng.1/ars-che".parse().unwrap();
        // An image has no nulls: what a patch makes of nothing is one.
        let change = match is_image {
            true => Change::Image(applied(&Document::new(), &says)),
            false => Change::Patch(says),
        };
        let (held, last_image) = (self.document.as_ref(), self.last_image.as_ref());
        let context = Context { game: &game, held, last_image, leader: "espn", now: 100_000, event_at: *event_at };
        let revision = revise(&context, &change)?;
        if let Some(revision) = &revision {
            let before = self.document.take().unwrap_or_default();
            assert_eq!(applied(&before, &revision.patch), revision.document);
            assert_eq!(applied(&revision.document, &revision.undo), before);
            assert_eq!(validate(&revision.document, &game), Ok(()));
            assert!(serde_json::to_vec(&revision.document).unwrap().len() <= MAX_BYTES);
            self.document = Some(revision.document.clone());
        }
        if let Change::Image(image) = change {
            self.last_image = Some(image);
        }
        Ok(revision)
    }
}

proptest! {
    #[test]
    fn every_report_makes_a_valid_game_and_can_be_undone(reports in says(report())) {
        let mut held = Held::default();
        for said in &reports {
            prop_assert!(held.hear(said).is_ok(), "{:?}", said);
        }
    }

    #[test]
    fn the_same_report_again_changes_nothing(reports in says(report())) {
        let mut held = Held::default();
        for said in &reports {
            held.hear(said).unwrap();
            prop_assert_eq!(held.hear(said).unwrap(), None);
        }
    }

    #[test]
    fn an_incident_is_never_removed(reports in says(report())) {
        let ids = |held: &Held| -> Vec<String> {
            let incidents = held.document.as_ref().and_then(|document| document.get("incidents")?.as_object());
            incidents.map(|incidents| incidents.keys().cloned().collect()).unwrap_or_default()
        };
        let mut held = Held::default();
        for said in &reports {
            let before = ids(&held);
            held.hear(said).unwrap();
            let after = ids(&held);
            prop_assert!(before.iter().all(|id| after.contains(id)), "{:?} → {:?}", before, after);
        }
    }

    #[test]
    fn nonsense_is_refused_or_harmless(reports in says(prop_oneof![nonsense(), report()].boxed())) {
        let mut held = Held::default();
        for said in &reports {
            let root = if said.0 { "/image" } else { "/patch" };
            if let Err(invalid) = held.hear(said) {
                prop_assert!(invalid.pointer.starts_with(root) && !invalid.detail.is_empty(), "{}", invalid);
            }
        }
    }

    #[test]
    fn a_report_of_anything_is_read_or_refused(value in nonsense(), patch in nonsense()) {
        let _ = Report::from_value(value.clone());
        let mut report = json!({"game": "soccer/eng.1/ars-che", "patch": patch});
        let pointer = Report::from_value(report.clone()).err().map(|invalid| invalid.pointer);
        prop_assert_eq!(pointer.as_deref(), (!patch.is_object()).then_some("/patch"));
        report["extra"] = value;
        prop_assert_eq!(Report::from_value(report).unwrap_err().pointer, "/extra", "a typo before all that it brings about");
    }
}
