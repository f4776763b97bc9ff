//! A log to be followed: games that change at random, with everything an engine would keep.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use feeds::document::{apply, diff, routing_topics, touches_score};
use feeds::{Document, Topic};
use scoreline::broker::{Event, FORMAT, Followed, Publication, Record, RecordBody, Update};
use scoreline::wire::Position;
use serde_json::json;

pub(super) struct Log {
    pub(super) epoch: Arc<str>,
    rolls: u32,
    pub(super) records: BTreeMap<Topic, Record>,
    pub(super) publications: Vec<Arc<Publication>>,
}

impl Default for Log {
    fn default() -> Log {
        Log { epoch: "e0".into(), rolls: 0, records: BTreeMap::new(), publications: Vec::new() }
    }
}

const GAMES: [&str; 6] = ["s/a/1", "s/a/2", "s/a/3", "s/b/4", "s/b/5", "s/c/6"];

impl Log {
    pub(super) fn head(&self) -> u64 {
        self.publications.len() as u64
    }

    pub(super) fn roll(&mut self) {
        self.rolls += 1;
        self.epoch = format!("e{}", self.rolls).into();
    }

    /// Changes (or begins) a game; `None` when the seed changes nothing.
    pub(super) fn change(&mut self, game: u8, seed: u16) -> Option<Followed> {
        let game: Topic = GAMES[usize::from(game) % GAMES.len()].parse().unwrap();
        let held = self.records.get(&game).filter(|record| !record.removed).cloned();
        let before = held.as_ref().map(|record| record.body.document.clone()).unwrap_or_default();
        let mut after = before.clone();
        for patch in patches(seed) {
            apply(&mut after, &patch);
        }
        if after == before {
            return None;
        }
        let patch = diff(&before, &after);
        let topics = routing_topics(&game, &after);
        let topics_before = held.as_ref().map(|_| routing_topics(&game, &before));
        let not_in = |these: &[Topic], those: &[Topic]| -> Vec<Topic> {
            these.iter().filter(|topic| !those.contains(topic)).cloned().collect()
        };
        let entered = topics_before.as_ref().map_or(Vec::new(), |held| not_in(&topics, held));
        let left = topics_before.map_or(Vec::new(), |held| not_in(&held, &topics));
        let score = touches_score(&patch);
        let offset = self.head() + 1;
        let base = held.as_ref().map_or(0, |record| record.version);
        let version = if base == 0 { offset } else { base + 1 };
        let score_base = held.as_ref().map_or(0, |record| record.score_version);
        let score_version = if score || base == 0 { version } else { score_base };
        // Of a game that was removed and comes back, the topics of its former life are remembered too.
        let former = self.records.get(&game);
        let mut gone = former.map_or(BTreeMap::new(), |record| record.body.left.clone());
        let former = former.map_or(Vec::new(), |record| routing_topics(&game, &record.body.document));
        gone.extend(former.into_iter().map(|topic| (topic, 0)));
        gone.retain(|topic, _| !topics.contains(topic));
        self.records.insert(
            game.clone(),
            Record {
                game: game.clone(),
                version,
                score_version,
                offset,
                at: 0,
                removed: false,
                body: RecordBody { document: after.clone(), left: gone, ..RecordBody::default() },
            },
        );
        let update = Update {
            patch,
            undo: diff(&after, &before),
            topics,
            entered,
            left,
            score,
            urgent: false,
            provider: "test".into(),
            event_at: None,
            accepted_at: 0,
        };
        Some(self.append(game, (base, version), (score_base, score_version), Event::Update(update)))
    }

    pub(super) fn remove(&mut self, game: u8) -> Option<Followed> {
        let game: Topic = GAMES[usize::from(game) % GAMES.len()].parse().unwrap();
        let offset = self.head() + 1;
        let record = self.records.get_mut(&game).filter(|record| !record.removed)?;
        let topics = routing_topics(&game, &record.body.document);
        let (base, score) = (record.version, record.score_version);
        (record.removed, record.offset, record.version) = (true, offset, base + 1);
        Some(self.append(game, (base, base + 1), (score, score), Event::Removed { topics }))
    }

    fn append(&mut self, game: Topic, versions: (u64, u64), scores: (u64, u64), event: Event) -> Followed {
        let publication = Arc::new(Publication {
            format: FORMAT,
            position: Position { epoch: self.epoch.clone(), offset: self.head() + 1 },
            at: 0,
            game: Some(game),
            base: versions.0,
            version: versions.1,
            score_base: scores.0,
            score_version: scores.1,
            event,
        });
        self.publications.push(publication.clone());
        Followed::Published(publication)
    }

    /// What an engine tells a follower that begins, with the publications after `trimmed`.
    pub(super) fn load(&self, trimmed: u64) -> Vec<Followed> {
        let mut told = vec![Followed::Loading { epoch: self.epoch.clone() }];
        told.extend(self.records.values().map(|record| Followed::Record(Box::new(record.clone()))));
        let kept = self.publications.iter().filter(|publication| publication.position.offset > trimmed);
        told.extend(kept.cloned().map(Followed::Recent));
        told.push(Followed::Loaded { head: self.head(), now: 0, horizon: 0 });
        told
    }

    /// The games under a topic, by what the log holds.
    pub(super) fn under(&self, topic: &Topic) -> HashMap<Topic, &Record> {
        let live = self.records.values().filter(|record| !record.removed);
        let covered = live.filter(|record| routing_topics(&record.game, &record.body.document).contains(topic));
        covered.map(|record| (record.game.clone(), record)).collect()
    }
}

/// One or two small changes, some of which touch the score detail, teams, or take an object away and bring it back.
fn patches(seed: u16) -> Vec<Document> {
    let value = seed / 10 % 7;
    let team = ["x", "y", "z"][usize::from(value) % 3];
    let patch = match seed % 10 {
        0 | 1 => json!({"competitors":{"home":{"score":{"total":value}}}}),
        2 => json!({"competitors":{"away":{"score":{"total":value}}}}),
        3 => json!({"info":{"n":value}}),
        4 => json!({"incidents":{format!("i{value}"):{"order":value}}}),
        5 => json!({"competitors":{"home":{"team":team}}}),
        6 => json!({"competitors":{"away":{"team":team}}}),
        7 => json!({"situation":null}),
        8 => json!({"situation":{format!("k{}", value % 2):value}}),
        _ => json!({"competitors":{"home":null}}),
    };
    let serde_json::Value::Object(patch) = patch else { unreachable!("it is an object") };
    vec![patch]
}
