//! Random operations, on the engine and on a plain model of the contract: they must agree in every answer, and in the end
//! about everything that is held.

use std::collections::BTreeMap;

use feeds::Document;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scoreline::broker::{Bounds, Broker, Draft, Event, Heard, Key, Outcome, Stamp};
use scoreline::wire::FeedStatus;
use serde_json::json;
use tokio::runtime::Handle;

use super::engine::Engine;
use super::follower::{Follower, loaded};
use super::words::*;

const GAMES: [&str; 3] = ["a", "a.b", "b"];
const PROVIDERS: [&str; 2] = ["acme", "zenith"];
const IDS: [&str; 3] = ["evt-1", "evt-2", "evt-3"];

#[derive(Debug, Clone)]
enum Operation {
    Publish { said: Said, change: Change, expected: Expected, id: Option<(usize, bool)> },
    Heard(Said),
    Announce,
}

/// Who says something of which game.
#[derive(Debug, Clone)]
struct Said {
    game: usize,
    provider: usize,
    stamp: Stamp,
    image: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Goal(i64),
    Venue(i64),
    Remove,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    TheHeldVersion,
    Nothing,
    TheOneBefore,
}

fn operation() -> impl Strategy<Value = Operation> {
    let stamp = (prop::option::of(0..6_i64), prop::option::of(0..40_i64));
    let said = (0..GAMES.len(), 0..PROVIDERS.len(), stamp, prop::option::of(0..3_i64)).prop_map(
        |(game, provider, (event_at, seq), image)| Said { game, provider, stamp: Stamp { event_at, seq }, image },
    );
    let change = prop_oneof![
        4 => (0..9_i64).prop_map(Change::Goal),
        2 => (0..9_i64).prop_map(Change::Venue),
        1 => Just(Change::Remove),
    ];
    let expected = prop_oneof![
        8 => Just(Expected::TheHeldVersion),
        1 => Just(Expected::Nothing),
        1 => Just(Expected::TheOneBefore),
    ];
    let id = prop::option::weighted(0.3, (0..IDS.len(), any::<bool>()));
    prop_oneof![
        8 => (said.clone(), change, expected, id)
            .prop_map(|(said, change, expected, id)| Operation::Publish { said, change, expected, id }),
        2 => said.prop_map(Operation::Heard),
        1 => Just(Operation::Announce),
    ]
}

#[derive(Default)]
struct Model {
    games: BTreeMap<usize, Held>,
    stamps: BTreeMap<(usize, usize), Stamp>,
    images: BTreeMap<(usize, usize), Document>,
    /// Version, offset and hash by provider and id.
    ids: BTreeMap<(usize, usize), (u64, u64, &'static str)>,
    head: u64,
}

#[derive(Clone)]
struct Held {
    version: u64,
    score_version: u64,
    offset: u64,
    removed: bool,
    document: Document,
}

fn hash(same: bool) -> &'static str {
    if same { "h1" } else { "h2" }
}

impl Model {
    fn version(&self, game: usize) -> u64 {
        self.games.get(&game).filter(|held| !held.removed).map_or(0, |held| held.version)
    }

    fn draft(&self, said: &Said, change_: Change, expected: Expected, id: Option<(usize, bool)>) -> Draft {
        let version = self.version(said.game);
        let expected = match expected {
            Expected::TheHeldVersion => version,
            Expected::Nothing => 0,
            Expected::TheOneBefore => version.saturating_sub(1),
        };
        let held = self.games.get(&said.game).map(|held| held.document.clone()).unwrap_or_default();
        let before = if version == 0 { Document::new() } else { held.clone() };
        let mut after = before.clone();
        let name = GAMES[said.game];
        let draft = match change_ {
            Change::Goal(total) => {
                after.insert("total".into(), json!(total));
                change(name, expected, &before, after)
            }
            Change::Venue(number) => {
                after.insert("info".into(), json!({"venue": number}));
                change(name, expected, &before, after)
            }
            Change::Remove if version > 0 => removal(name, expected, held),
            // There is nothing to remove: nobody asks for that.
            Change::Remove => change(name, expected, &before, score(0)),
        };
        let key = id.map(|(id, same)| Key { id: IDS[id].into(), hash: hash(same).into() });
        let image = said.image.map(image);
        Draft { provider: PROVIDERS[said.provider].into(), key, stamp: said.stamp, image, ..draft }
    }

    /// The contract, plainly: an outcome's name, and version and offset where it has them.
    fn publish(&mut self, said: &Said, draft: &Draft, id: Option<(usize, bool)>) -> (&'static str, u64, u64) {
        let known = id.and_then(|(id, _)| self.ids.get(&(said.provider, id)));
        if let (Some(&(version, offset, first)), Some((_, same))) = (known, id) {
            return if first == hash(same) { ("replayed", version, offset) } else { ("id reused", 0, 0) };
        }
        let stamp = self.stamps.get(&(said.game, said.provider)).copied().unwrap_or_default();
        if stamp.outdates(&said.stamp) {
            return ("outdated", 0, 0);
        }
        let base = self.version(said.game);
        if draft.expected != base {
            return ("conflict", 0, 0);
        }
        self.head += 1;
        let offset = self.head;
        let version = if base == 0 { offset } else { base + 1 };
        let scored = base == 0 || !matches!(&draft.event, Event::Update(update) if !update.score);
        let last = self.games.get(&said.game);
        let score_version = if scored { version } else { last.map_or(0, |held| held.score_version) };
        if last.is_some_and(|held| held.removed) {
            self.images.retain(|(game, _), _| *game != said.game);
        }
        let removed = matches!(draft.event, Event::Removed { .. });
        let document = draft.record.document.clone();
        self.games.insert(said.game, Held { version, score_version, offset, removed, document });
        if let Some((id, same)) = id {
            self.ids.insert((said.provider, id), (version, offset, hash(same)));
        }
        self.note(said);
        ("published", version, offset)
    }

    fn heard(&mut self, said: &Said) {
        if self.games.contains_key(&said.game) {
            self.note(said);
        }
    }

    fn note(&mut self, said: &Said) {
        let key = (said.game, said.provider);
        let stamp = self.stamps.entry(key).or_default();
        *stamp = stamp.newest(said.stamp);
        self.images.extend(said.image.map(|number| (key, image(number))));
    }
}

fn image(number: i64) -> Document {
    object(json!({"total": number}))
}

/// See the module.
pub(super) async fn random_operations_agree_with_the_model<E: Engine>() {
    let handle = Handle::current();
    let test = move || {
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let operations = prop::collection::vec(operation(), 1..60);
        TestRunner::new(config).run(&operations, |operations| {
            handle.block_on(agree::<E>(operations));
            Ok(())
        })
    };
    tokio::task::spawn_blocking(test).await.unwrap().unwrap();
}

async fn agree<E: Engine>(operations: Vec<Operation>) {
    let engine = E::fresh(Bounds::default()).await;
    let broker = engine.broker();
    let mut model = Model::default();
    let mut follower = Follower::of(&broker, 16);
    for operation in operations {
        match operation {
            Operation::Publish { said, change, expected, id } => {
                let draft = model.draft(&said, change, expected, id);
                let told = model.publish(&said, &draft, id);
                assert_eq!(plain(broker.publish(draft).await.unwrap()), told);
            }
            Operation::Heard(said) => {
                model.heard(&said);
                let (game, provider) = (game(GAMES[said.game]), PROVIDERS[said.provider].into());
                let image = said.image.map(image);
                broker.heard(Heard { game, provider, stamp: said.stamp, image }).await.unwrap();
            }
            Operation::Announce => {
                model.head += 1;
                assert_eq!(broker.announce("espn", FeedStatus::Live).await.unwrap().offset, model.head);
            }
        }
    }
    follower.until(model.head).await;
    same_readings(&*broker, &model).await;
    for replica in [&follower, &loaded(&broker).await] {
        same_games(replica, &model);
    }
}

fn plain(outcome: Outcome) -> (&'static str, u64, u64) {
    let word = name(&outcome);
    match outcome {
        Outcome::Published(answer) | Outcome::Replayed(answer) => (word, answer.version, answer.position.offset),
        Outcome::IdReused | Outcome::Outdated | Outcome::Conflict | Outcome::Full => (word, 0, 0),
    }
}

async fn same_readings(broker: &dyn Broker, model: &Model) {
    for (g, p) in (0..GAMES.len()).flat_map(|g| (0..PROVIDERS.len()).map(move |p| (g, p))) {
        for (i, id) in IDS.iter().enumerate() {
            let reading = broker.read(&game(GAMES[g]), PROVIDERS[p], Some(id)).await.unwrap();
            let answer = reading.answer.map(|a| (a.version, a.position.offset, a.hash));
            let known = model.ids.get(&(p, i)).map(|&(version, offset, hash)| (version, offset, hash.to_owned()));
            assert_eq!(answer, known);
            assert_eq!(reading.stamp, model.stamps.get(&(g, p)).copied().unwrap_or_default());
            assert_eq!(reading.image.as_ref(), model.images.get(&(g, p)));
            assert_eq!(reading.record.is_some(), model.games.contains_key(&g));
        }
    }
}

fn same_games(replica: &Follower, model: &Model) {
    assert_eq!(replica.head, model.head);
    assert_eq!(replica.records.len(), model.games.len());
    for (g, held) in &model.games {
        let record = &replica.records[&game(GAMES[*g])];
        let versions = (record.version, record.score_version, record.offset, record.removed);
        assert_eq!(versions, (held.version, held.score_version, held.offset, held.removed));
        assert_eq!(record.body.document, held.document);
    }
}
