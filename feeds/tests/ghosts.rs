//! No ghost goal: whoever was shown a goal that is taken back ends up seeing that it was, whichever versions they saw and
//! missed on the way. A subscriber that is conflated, delayed or resumed sees some of the versions, in order, and last
//! the newest; each step brings it from one document to a later one.

use std::collections::{BTreeMap, BTreeSet};

use feeds::document::{apply, diff};
use feeds::revision::{Context, revise};
use feeds::{Change, Document, Topic};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What the provider says next.
#[derive(Debug, Clone)]
enum Word {
    /// All it knows: these goals.
    Image(BTreeSet<u8>),
    /// A goal, by a patch.
    Goal(u8),
    /// Not a goal, by deletion.
    Deleted(u8),
    /// Not a goal, by its word.
    Void(u8),
    /// None of them ever was, by one deletion.
    AllDeleted,
}

fn words() -> impl Strategy<Value = Word> {
    prop_oneof![
        4 => prop::collection::btree_set(0u8..6, 0..6).prop_map(Word::Image),
        2 => (0u8..6).prop_map(Word::Goal),
        1 => (0u8..6).prop_map(Word::Deleted),
        1 => (0u8..6).prop_map(Word::Void),
        1 => Just(Word::AllDeleted),
    ]
}

fn id(goal: u8) -> String {
    format!("g{goal}")
}

fn object(value: Value) -> Document {
    value.as_object().expect("an object").clone()
}

impl Word {
    fn change(&self) -> Change {
        let goal = json!({"type": "goal", "side": "home", "status": "confirmed"});
        let patch = |goal: u8, says: Value| Change::Patch(object(json!({"incidents": {id(goal): says}})));
        match self {
            Word::Image(goals) => {
                let incidents: Document = goals.iter().map(|&n| (id(n), goal.clone())).collect();
                let total = json!({"home": {"score": {"total": goals.len()}}});
                Change::Image(object(json!({"status": "live", "competitors": total, "incidents": incidents})))
            }
            Word::Goal(n) => patch(*n, goal),
            Word::Deleted(n) => patch(*n, Value::Null),
            Word::Void(n) => patch(*n, json!({"status": "void"})),
            Word::AllDeleted => Change::Patch(object(json!({"incidents": null}))),
        }
    }

    /// Which goals stand after it, of those that are known.
    fn stand(&self, stands: &mut BTreeMap<String, bool>) {
        match self {
            Word::Image(goals) => stands.extend(goals.iter().map(|&n| (id(n), true))),
            Word::Goal(n) => stands.extend([(id(*n), true)]),
            Word::Void(n) => stands.extend([(id(*n), false)]),
            Word::Deleted(n) => void(stands, &id(*n)),
            Word::AllDeleted => stands.values_mut().for_each(|stands| *stands = false),
        }
    }
}

/// Takes back what is known; what is not stays unknown.
fn void(stands: &mut BTreeMap<String, bool>, goal: &str) {
    if let Some(stands) = stands.get_mut(goal) {
        *stands = false;
    }
}

fn goals(document: &Document) -> BTreeMap<String, bool> {
    let incidents = document.get("incidents").and_then(Value::as_object);
    incidents.into_iter().flatten().map(|(id, goal)| (id.clone(), goal["status"] != "void")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn who_was_shown_a_goal_sees_its_end(
        story in prop::collection::vec((words(), any::<bool>()), 1..24),
    ) {
        let game: Topic = "soccer/x/a".parse().unwrap();
        let (mut held, mut last_image): (Option<Document>, Option<Document>) = (None, None);
        let (mut stands, mut from_image): (BTreeMap<String, bool>, BTreeSet<String>) = Default::default();
        let (mut subscriber, mut shown) = (Document::new(), BTreeSet::new());
        for (step, (word, listens)) in story.iter().enumerate() {
            let change = word.change();
            let context = Context {
                game: &game, held: held.as_ref(), last_image: last_image.as_ref(), leader: "acme", now: step as i64,
                event_at: None,
            };
            if let Some(revision) = revise(&context, &change).unwrap() {
                held = Some(revision.document);
            }
            // What an image said and the next one does not say any more is void.
            if let (Word::Image(goals), Change::Image(image)) = (word, change) {
                let says: BTreeSet<String> = goals.iter().map(|&n| id(n)).collect();
                for gone in from_image.difference(&says) {
                    void(&mut stands, gone);
                }
                from_image = says;
                last_image = Some(image);
            }
            word.stand(&mut stands);
            prop_assert_eq!(&goals(held.as_ref().unwrap_or(&Document::new())), &stands);
            if *listens || step + 1 == story.len() {
                let now = held.clone().unwrap_or_default();
                let patch = diff(&subscriber, &now);
                apply(&mut subscriber, &patch);
                shown.extend(goals(&subscriber).into_iter().filter(|(_, stands)| *stands).map(|(id, _)| id));
            }
        }
        let sees = goals(&subscriber);
        for goal in shown {
            prop_assert_eq!(sees.get(&goal), stands.get(&goal), "{} was shown", goal);
        }
    }
}
