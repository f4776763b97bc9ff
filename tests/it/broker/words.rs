//! The suite's small language: drafts to publish, and what became of them.

use std::sync::Arc;

use feeds::{Document, Topic, document};
use scoreline::broker::{Answer, Broker, Draft, Event, Heard, Key, Outcome, Reading, RecordBody, Stamp, Update};
use serde_json::{Value, json};

/// `soccer/eng.1/<name>`
pub(crate) fn game(name: &str) -> Topic {
    Topic::game("soccer", "eng.1", name).unwrap()
}

/// An object.
pub(crate) fn object(value: Value) -> Document {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// The document of a game in which `total` goals fell.
pub(crate) fn score(total: i64) -> Document {
    object(json!({"status": "live", "competitors": {"home": {"team": "arsenal", "score": {"total": total}}}}))
}

/// A draft of provider `acme` that makes the total `total` of the game `name`, held at version `expected` with one less.
pub(crate) fn goal(name: &str, expected: u64, total: i64) -> Draft {
    let held = if expected == 0 { Document::new() } else { score(total - 1) };
    change(name, expected, &held, score(total))
}

/// A draft of provider `acme` that makes `after` out of `before`.
pub(crate) fn change(name: &str, expected: u64, before: &Document, after: Document) -> Draft {
    let game = game(name);
    let patch = document::diff(before, &after);
    let update = Update {
        undo: document::diff(&after, before),
        topics: document::routing_topics(&game, &after),
        entered: Vec::new(),
        left: Vec::new(),
        score: document::touches_score(&patch),
        urgent: false,
        provider: "acme".into(),
        event_at: None,
        accepted_at: 1_795_363_980_000,
        patch,
    };
    let event = Event::Update(update);
    let record = RecordBody { document: after, leader: Some("acme".into()), ..RecordBody::default() };
    let (provider, stamp) = ("acme".into(), Stamp::default());
    Draft { game, expected, event, record, provider, key: None, stamp, image: None }
}

/// A draft that removes the game `name`, which `document` was the last of.
pub(crate) fn removal(name: &str, expected: u64, document: Document) -> Draft {
    let event = Event::Removed { topics: document::routing_topics(&game(name), &document) };
    Draft { event, ..change(name, expected, &Document::new(), document) }
}

/// The same draft under an id.
pub(crate) fn with_id(id: &str, hash: &str, draft: Draft) -> Draft {
    Draft { key: Some(Key { id: id.into(), hash: hash.into() }), ..draft }
}

/// The same draft with stamps.
pub(crate) fn stamped(event_at: Option<i64>, seq: Option<i64>, draft: Draft) -> Draft {
    Draft { stamp: Stamp { event_at, seq }, ..draft }
}

/// A report that changed nothing, by provider `acme`.
pub(crate) fn heard(name: &str, event_at: Option<i64>, seq: Option<i64>, image: Option<Document>) -> Heard {
    Heard { game: game(name), provider: "acme".into(), stamp: Stamp { event_at, seq }, image }
}

/// Publishes what must be taken.
pub(crate) async fn publish(broker: &dyn Broker, draft: Draft) -> Answer {
    match broker.publish(draft).await.unwrap() {
        Outcome::Published(answer) => answer,
        other => panic!("{other:?} instead of published"),
    }
}

/// Publishes and gives the outcome's name.
pub(crate) async fn outcome(broker: &dyn Broker, draft: Draft) -> &'static str {
    name(&broker.publish(draft).await.unwrap())
}

/// An outcome's name.
pub(crate) fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Published(_) => "published",
        Outcome::Replayed(_) => "replayed",
        Outcome::IdReused => "id reused",
        Outcome::Outdated => "outdated",
        Outcome::Conflict => "conflict",
        Outcome::Full => "full",
    }
}

/// What the broker holds for provider `acme` of the game `name`.
pub(crate) async fn read(broker: &dyn Broker, name: &str) -> Reading {
    broker.read(&game(name), "acme", None).await.unwrap()
}

/// The answer that an id of provider `acme` got.
pub(crate) async fn answer(broker: &dyn Broker, id: &str) -> Option<Answer> {
    broker.read(&game("any"), "acme", Some(id)).await.unwrap().answer
}

/// Publishes `each` goals in each of these games, all games at once; gives the newest offset that was answered.
pub(crate) async fn flood(broker: &Arc<dyn Broker>, games: &[&str], each: i64) -> u64 {
    let publishers = games.iter().map(|name| {
        let (broker, name) = (broker.clone(), (*name).to_owned());
        tokio::spawn(async move {
            let held = read(&*broker, &name).await.record;
            let (mut version, total) = held.map_or((0, 0), |held| {
                (held.version, held.body.document["competitors"]["home"]["score"]["total"].as_i64().unwrap())
            });
            let mut offset = 0;
            for n in total + 1..=total + each {
                let answer = publish(&*broker, goal(&name, version, n)).await;
                (version, offset) = (answer.version, answer.position.offset);
            }
            offset
        })
    });
    let mut newest = 0;
    for publisher in publishers.collect::<Vec<_>>() {
        newest = newest.max(publisher.await.unwrap());
    }
    newest
}
