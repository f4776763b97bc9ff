//! A client's copy of the games, without I/O: messages in, commands out. It follows the contract's rules (section 4) to the
//! letter and panics where the server breaks one.

use std::collections::{BTreeMap, BTreeSet};

use feeds::document::routing_topics;
use serde_json::{Value, json};

/// What only the full detail has.
const FULL_ONLY: [&str; 3] = ["incidents", "situation", "info"];

/// How much of a game is asked for; `Full` is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Detail {
    Score,
    Full,
}

impl Detail {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Detail::Score => "score",
            Detail::Full => "full",
        }
    }
}

/// A subscription as the client knows it.
#[derive(Debug, Clone)]
struct Subscription {
    detail: Detail,
    /// Where it would resume.
    position: Option<String>,
    /// The newest subscribe of the topic, until its end mark.
    pending: Option<u64>,
}

/// A load that was asked for.
#[derive(Debug, Default)]
struct Load {
    topics: BTreeSet<String>,
    since: Option<String>,
    reset: bool,
    resumed: bool,
    states: BTreeSet<String>,
}

/// A game as it is held.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    pub(crate) version: u64,
    pub(crate) state: Value,
}

/// What came, over all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) states: usize,
    pub(crate) updates: usize,
    /// Updates that spanned several versions.
    pub(crate) spanning: usize,
    /// Updates of what was held already.
    pub(crate) repeated: usize,
    pub(crate) removed: usize,
    pub(crate) resets: usize,
    pub(crate) resumed: usize,
    pub(crate) snapshots: usize,
    /// Messages that showed a correction of a held game which it did not have before.
    pub(crate) corrections: usize,
}

/// The copy.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    subscriptions: BTreeMap<String, Subscription>,
    next_id: u64,
    /// Unsubscribes that are not answered yet.
    leaving: BTreeSet<u64>,
    loads: BTreeMap<u64, Load>,
    /// The load whose `subscribed` came and whose end mark did not.
    running: Option<u64>,
    /// The states of a reset of the whole connection, while it is under way.
    reset: Option<BTreeSet<String>>,
    /// Whether anything was asked for in full on this connection: what was lowered since may still be on its way.
    full: bool,
    pub(crate) held: BTreeMap<String, Held>,
    pub(crate) counts: Counts,
}

impl Replica {
    pub(crate) fn new<'t>(subscriptions: impl IntoIterator<Item = (&'t str, Detail)>) -> Replica {
        let mut replica = Replica::default();
        for (topic, detail) in subscriptions {
            let fresh = Subscription { detail, position: None, pending: None };
            replica.subscriptions.insert(topic.to_owned(), fresh);
        }
        replica
    }

    /// A new connection begins: a command for each topic with its own position, full ones first.
    pub(crate) fn reconnect(&mut self) -> Vec<Value> {
        (self.running, self.reset) = (None, None);
        self.full = false;
        self.loads.clear();
        self.leaving.clear();
        self.strip();
        let mut topics: Vec<_> = self
            .subscriptions
            .iter()
            .map(|(topic, held)| (held.detail, topic.clone(), held.position.clone()))
            .collect();
        topics.sort_by_key(|(detail, ..)| std::cmp::Reverse(*detail));
        let commands = topics.into_iter().map(|(detail, topic, since)| self.ask(&[&topic], detail, since));
        commands.collect()
    }

    /// A new connection begins that subscribes by its URL, from the position that all topics have in common: the query.
    pub(crate) fn by_url(&mut self) -> String {
        (self.running, self.reset) = (None, None);
        self.loads.clear();
        let topics: Vec<String> = self.subscriptions.keys().cloned().collect();
        let same: BTreeSet<_> = self.subscriptions.values().map(|held| (held.detail, held.position.clone())).collect();
        let [(detail, since)] = Vec::from_iter(same).try_into().expect("one detail and one position");
        self.expect_load(0, &topics.iter().map(String::as_str).collect::<Vec<_>>(), detail, since.clone());
        let since = since.map_or(String::new(), |since| format!("&since={since}"));
        format!("topics={}&detail={}{since}", topics.join(","), detail.name())
    }

    /// What is no longer asked for in full loses what only the full detail has, before it is resumed in the other.
    fn strip(&mut self) {
        let full = |topic: &String| self.subscriptions.get(topic).is_some_and(|held| held.detail == Detail::Full);
        let lowered: Vec<String> = self
            .held
            .iter()
            .filter(|(game, held)| !topics(game, &held.state).iter().any(full))
            .map(|(game, _)| game.clone())
            .collect();
        for game in lowered {
            let state = self.held.get_mut(&game).and_then(|held| held.state.as_object_mut()).unwrap();
            FULL_ONLY.iter().for_each(|key| drop(state.remove(*key)));
        }
    }

    /// Subscribes, without a position.
    pub(crate) fn subscribe(&mut self, topics: &[&str], detail: Detail) -> Value {
        self.ask(topics, detail, None)
    }

    fn ask(&mut self, topics: &[&str], detail: Detail, since: Option<String>) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut command = json!({"type": "subscribe", "id": id, "topics": topics, "detail": detail.name()});
        if let Some(since) = &since {
            command["since"] = since.as_str().into();
        }
        self.expect_load(id, topics, detail, since);
        command
    }

    fn expect_load(&mut self, id: u64, topics: &[&str], detail: Detail, position: Option<String>) {
        let load = Load {
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            since: position.clone(),
            ..Load::default()
        };
        self.full |= detail == Detail::Full;
        for topic in load.topics.iter().cloned() {
            self.subscriptions.insert(topic, Subscription { detail, position: position.clone(), pending: Some(id) });
        }
        self.loads.insert(id, load);
    }

    pub(crate) fn unsubscribe(&mut self, topics: &[&str]) -> Value {
        self.next_id += 1;
        self.leaving.insert(self.next_id);
        json!({"type": "unsubscribe", "id": self.next_id, "topics": topics})
    }

    /// What the server says.
    pub(crate) fn take(&mut self, message: &Value) {
        let id = message.get("id").and_then(Value::as_u64);
        match message["type"].as_str().expect("a type") {
            "subscribed" => self.on_subscribed(id.expect("an id"), message),
            "reset" => self.on_reset(id, message),
            "position" => self.on_end(id, &text(message, "position")),
            "unsubscribed" => self.on_unsubscribed(id.expect("an id"), &list(&message["topics"])),
            "state" => self.on_state(&text(message, "game"), message),
            "update" => {
                self.on_update(&text(message, "game"), message);
                self.on_position(message);
            }
            "removed" => {
                self.held.remove(&text(message, "game"));
                self.counts.removed += 1;
                self.on_position(message);
            }
            "heartbeat" | "feed" => self.on_position(message),
            "error" => panic!("{message}"),
            _ => {}
        }
    }

    fn on_subscribed(&mut self, id: u64, message: &Value) {
        assert_eq!(self.running, None, "one load at a time: {message}");
        self.running = Some(id);
        let load = self.loads.get_mut(&id).unwrap_or_else(|| panic!("nobody asked: {message}"));
        assert_eq!(list(&message["topics"]).into_iter().collect::<BTreeSet<_>>(), load.topics);
        load.resumed = message["resumed"].as_bool().expect("resumed");
        assert_eq!(
            load.resumed,
            load.since.is_some() && !load.reset,
            "a position is honoured or there is a reset: {message}"
        );
        match load.resumed {
            true => self.counts.resumed += 1,
            false => self.counts.snapshots += 1,
        }
    }

    fn on_reset(&mut self, id: Option<u64>, message: &Value) {
        assert!(["epoch", "trimmed", "delay", "ahead"].contains(&text(message, "reason").as_str()), "{message}");
        self.counts.resets += 1;
        let Some(id) = id else {
            self.reset = Some(BTreeSet::new());
            return self.subscriptions.values_mut().for_each(|held| held.position = None);
        };
        let load = self.loads.get_mut(&id).unwrap_or_else(|| panic!("nobody asked: {message}"));
        assert!(load.since.is_some() && !load.reset, "one reset, and only where there was a position: {message}");
        load.reset = true;
        let ours = self.subscriptions.iter_mut().filter(|(topic, _)| load.topics.contains(*topic));
        ours.for_each(|(_, held)| held.position = None);
    }

    fn on_end(&mut self, id: Option<u64>, position: &str) {
        let Some(id) = id else { return self.on_reset_end(position) };
        assert_eq!(self.running.take(), Some(id), "the end mark of the load that runs");
        let load = self.loads.remove(&id).expect("it runs");
        if !load.resumed {
            self.keep_only(&load.topics, &load.states);
        }
        for topic in &load.topics {
            if let Some(held) = self.subscriptions.get_mut(topic).filter(|held| held.pending == Some(id)) {
                (held.pending, held.position) = (None, Some(position.to_owned()));
            }
        }
    }

    /// Queued loads are still to come; all else starts from here.
    fn on_reset_end(&mut self, position: &str) {
        let states = self.reset.take().expect("an end mark without id ends a reset");
        let queued = |pending: Option<u64>| pending.is_some() && pending != self.running;
        let loaded =
            self.subscriptions.iter().filter(|(_, held)| !queued(held.pending)).map(|(topic, _)| topic.clone());
        let loaded: BTreeSet<String> = loaded.collect();
        self.keep_only(&loaded, &states);
        for (_, held) in
            self.subscriptions.iter_mut().filter(|(topic, held)| loaded.contains(*topic) && held.pending.is_none())
        {
            held.position = Some(position.to_owned());
        }
    }

    fn keep_only(&mut self, under: &BTreeSet<String>, states: &BTreeSet<String>) {
        self.held.retain(|game, held| {
            states.contains(game) || !topics(game, &held.state).iter().any(|topic| under.contains(topic))
        });
    }

    fn on_unsubscribed(&mut self, id: u64, gone: &[String]) {
        assert!(self.leaving.remove(&id), "nobody asked: {id}");
        // A subscribe that was sent later stands.
        self.subscriptions.retain(|topic, held| !gone.contains(topic) || held.pending > Some(id));
        let subscriptions = &self.subscriptions;
        self.held.retain(|game, held| topics(game, &held.state).iter().any(|topic| subscriptions.contains_key(topic)));
    }

    fn on_state(&mut self, game: &str, message: &Value) {
        self.counts.states += 1;
        let fresh = Held { version: number(message, "version"), state: message["state"].clone() };
        assert!(fresh.version > 0 && fresh.state.is_object(), "{message}");
        self.check_detail(&fresh.state, message);
        if let Some(load) = self.running.and_then(|id| self.loads.get_mut(&id)) {
            load.states.insert(game.to_owned());
        }
        if let Some(states) = &mut self.reset {
            states.insert(game.to_owned());
        }
        let before = self.held.insert(game.to_owned(), fresh);
        self.look_for_correction(game, before.map(|held| held.state["correction"].clone()));
    }

    fn on_update(&mut self, game: &str, message: &Value) {
        let (base, version) = (number(message, "base"), number(message, "version"));
        assert!(base < version && message["at"].is_i64(), "{message}");
        self.check_detail(&message["patch"], message);
        let held = self.held.get_mut(game).unwrap_or_else(|| panic!("a gap, it is not held: {message}"));
        if version <= held.version {
            self.counts.repeated += 1;
            return;
        }
        assert!(base <= held.version, "a gap, held is {}: {message}", held.version);
        self.counts.updates += 1;
        self.counts.spanning += usize::from(version > base + 1);
        let correction = held.state["correction"].clone();
        json_patch::merge(&mut held.state, &message["patch"]);
        held.version = version;
        self.look_for_correction(game, Some(correction));
    }

    fn look_for_correction(&mut self, game: &str, before: Option<Value>) {
        let after = &self.held[game].state["correction"];
        self.counts.corrections += usize::from(before.is_some_and(|before| before != *after));
    }

    /// Who asks for nothing but the score detail is not sent more.
    fn check_detail(&self, said: &Value, message: &Value) {
        assert!(self.full || !FULL_ONLY.iter().any(|key| said.get(key).is_some()), "more than the score: {message}");
    }

    /// A frame's position speaks for topics whose newest subscribe had its end mark; it never goes back.
    fn on_position(&mut self, message: &Value) {
        let Some(position) = message.get("position").filter(|_| self.reset.is_none()) else { return };
        let position = position.as_str().expect("a text").to_owned();
        for held in self.subscriptions.values_mut().filter(|held| held.pending.is_none()) {
            let before = held.position.as_deref().map(split);
            let back = before.is_some_and(|(epoch, offset)| split(&position).0 == epoch && split(&position).1 < offset);
            assert!(!back, "back behind {:?}: {message}", held.position);
            held.position = Some(position.clone());
        }
    }

    /// The offset up to which everything is known under all topics; `None` while one of them loads or leaves.
    pub(crate) fn reached(&self) -> Option<u64> {
        let loaded = |held: &Subscription| held.position.as_deref().filter(|_| held.pending.is_none()).map(offset);
        let all: Option<Vec<u64>> = self.subscriptions.values().map(loaded).collect();
        all.filter(|_| self.reset.is_none() && self.leaving.is_empty())?.into_iter().min()
    }

    /// What a load that has no end mark yet asked for: topics, and the offset of its position.
    pub(crate) fn asked(&self, id: u64) -> (Vec<String>, Option<u64>) {
        let load = self.loads.get(&id).unwrap_or_else(|| panic!("nobody asked: {id}"));
        (load.topics.iter().cloned().collect(), load.since.as_deref().map(offset))
    }

    /// The topics that have a position, and no load to come.
    pub(crate) fn loaded(&self) -> Vec<String> {
        let loaded = |held: &Subscription| held.pending.is_none() && held.position.is_some();
        self.subscriptions.iter().filter(|(_, held)| loaded(held)).map(|(topic, _)| topic.clone()).collect()
    }

    /// What is subscribed, as far as the server has confirmed that something is not.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = (&str, Detail)> {
        self.subscriptions.iter().map(|(topic, held)| (topic.as_str(), held.detail))
    }

    /// Every game as it is held.
    pub(crate) fn documents(&self) -> BTreeMap<String, Value> {
        self.held.iter().map(|(game, held)| (game.clone(), held.state.clone())).collect()
    }
}

/// The offset of a position. A client does not look into it; a test may.
pub(crate) fn offset(position: &str) -> u64 {
    split(position).1
}

fn split(position: &str) -> (&str, u64) {
    let (epoch, offset) = position.split_once('.').expect("epoch.offset");
    (epoch, offset.parse().expect("an integer"))
}

/// The topics that cover a game.
fn topics(game: &str, state: &Value) -> Vec<String> {
    let game = game.parse().expect("the server names games");
    let state = state.as_object().expect("a state is an object");
    routing_topics(&game, state).iter().map(ToString::to_string).collect()
}

fn text(message: &Value, key: &str) -> String {
    message[key].as_str().unwrap_or_else(|| panic!("{key} is a text: {message}")).to_owned()
}

fn number(message: &Value, key: &str) -> u64 {
    message[key].as_u64().unwrap_or_else(|| panic!("{key} is a number: {message}"))
}

fn list(texts: &Value) -> Vec<String> {
    texts.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}
