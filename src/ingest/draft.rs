//! Drafts: what is asked of the broker, made from what was read and what the report makes of it.

use std::collections::BTreeMap;

use feeds::document::{routing_topics, touches_score};
use feeds::revision::Revision;
use feeds::{Change, Document, Report, Topic};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::case::{Case, held};
use super::pins;
use crate::broker::{Draft, Event, Key, Reading, Record, RecordBody, Stamp, Update};

/// The change that a revision is.
pub(super) fn update(case: &Case<'_>, reading: Reading, revision: Revision, leader: Option<String>) -> Draft {
    let game = &case.report.game;
    let held = held(&reading);
    let (topics, entered, left) = routes(game, reading.record.as_ref(), &revision);
    let score = held.is_none() || touches_score(&revision.patch);
    let nothing = RecordBody::default();
    let before = held.map_or(&nothing, |record| &record.body);
    let switched = before.leader.is_some() && before.leader != leader;
    let record = RecordBody {
        led_since: if switched { case.accepted_at } else { before.led_since },
        pins: match case.grant.desk {
            true => pins::after(&before.pins, &case.report.change),
            false => before.pins.clone(),
        },
        left: tombstones(reading.record.as_ref(), &topics, &left, case.accepted_at),
        document: revision.document,
        leader,
    };
    let update = Update {
        patch: revision.patch,
        undo: revision.undo,
        topics,
        entered: if held.is_some() { entered } else { Vec::new() },
        left: if held.is_some() { left } else { Vec::new() },
        score,
        urgent: revision.urgent,
        provider: case.grant.provider.to_string(),
        event_at: case.report.event_at,
        accepted_at: case.accepted_at,
    };
    Draft {
        game: game.clone(),
        expected: held.map_or(0, |record| record.version),
        event: Event::Update(update),
        record,
        provider: case.grant.provider.to_string(),
        key: case.key.clone(),
        stamp: case.stamp(),
        image: kept_image(case.report, held.is_some(), reading.image.is_some()),
    }
}

/// What is kept as the provider's last image. A game that comes back has none from before: where one is still kept, an
/// empty one takes its place.
fn kept_image(report: &Report, held: bool, kept: bool) -> Option<Document> {
    match &report.change {
        Change::Image(image) => Some(image.clone()),
        Change::Patch(_) => (kept && !held).then(Document::new),
    }
}

/// The removal of a game by a provider, or by nobody (empty).
pub(super) fn removal(by: &str, record: Record, key: Option<Key>) -> Draft {
    let topics = routing_topics(&record.game, &record.body.document);
    Draft {
        game: record.game,
        expected: record.version,
        event: Event::Removed { topics },
        record: record.body,
        provider: by.to_owned(),
        key,
        stamp: Stamp::default(),
        image: None,
    }
}

/// The topics that cover the game now, those of them that did not before, and those that did and do no longer; before is
/// also a former life of the game.
fn routes(game: &Topic, former: Option<&Record>, revision: &Revision) -> (Vec<Topic>, Vec<Topic>, Vec<Topic>) {
    let Some(former) = former else {
        let topics = routing_topics(game, &revision.document);
        return (topics.clone(), topics, Vec::new());
    };
    let before = routing_topics(game, &former.body.document);
    // Almost every report leaves the teams as they are.
    if !former.removed && !moves_teams(&revision.patch) {
        return (before, Vec::new(), Vec::new());
    }
    let topics = routing_topics(game, &revision.document);
    let (entered, left) = (without(&topics, &before), without(&before, &topics));
    (topics, entered, left)
}

/// Whether a patch on a held document may change whose team topics it is under.
fn moves_teams(patch: &Document) -> bool {
    let moves = |competitor: &Value| competitor.as_object().is_none_or(|competitor| competitor.contains_key("team"));
    let Some(competitors) = patch.get("competitors") else { return false };
    competitors.as_object().is_none_or(|competitors| competitors.values().any(moves))
}

/// The topics that the game has left, now or before, also in a former life, without those it is in again. They stay as
/// long as the game's record does: a gateway that starts must know them for every position it may be asked to honour.
fn tombstones(former: Option<&Record>, topics: &[Topic], left: &[Topic], now: i64) -> BTreeMap<Topic, i64> {
    let mut tombs = former.map(|former| former.body.left.clone()).unwrap_or_default();
    for topic in left {
        tombs.entry(topic.clone()).or_insert(now);
    }
    tombs.retain(|topic, _| !topics.contains(topic));
    tombs
}

fn without(topics: &[Topic], others: &[Topic]) -> Vec<Topic> {
    topics.iter().filter(|topic| !others.contains(topic)).cloned().collect()
}

/// The key of a report with an id. Two bodies are the same when they say the same, however they are written.
pub(super) fn key(report: &Report) -> Option<Key> {
    let id = report.id.clone()?;
    let (kind, document) = match &report.change {
        Change::Patch(patch) => ("patch", patch),
        Change::Image(image) => ("image", image),
    };
    let body = json!([report.game, kind, document, report.event_at, report.seq, report.if_version]);
    Some(Key { id, hash: hash(&body) })
}

/// The key of a removal with an id.
pub(super) fn removal_key(game: &Topic, id: String) -> Key {
    Key { id, hash: hash(&json!([game, "removed"])) }
}

fn hash(body: &Value) -> String {
    let digest = Sha256::digest(body.to_string());
    hex::encode(&digest[..16])
}
