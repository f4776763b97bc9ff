//! The state of all topics of one connection: a whole reply first, then partial messages, each a merge of one topic.
//! Arrays come whole once and are patched afterwards by objects whose keys are indexes; both may come first.

use serde_json::{Map, Value, json};

use super::TOPICS;
use super::wire::CAR;
use crate::provider::{Assembler, Resync, Talk, read};
use crate::report::{Invalid, escape};

/// The most that is held of one connection; a race with all its messages takes a tenth of it.
const MAX_STATE_BYTES: usize = 1 << 20;
/// The longest list; a race sends a few hundred messages of race control.
const MAX_ITEMS: usize = 4_096;
/// What ends a message of SignalR Core.
const RECORD_SEPARATOR: u8 = b'\x1e';

/// Every topic that the adapter reads, as far as it was said.
#[derive(Debug, Default)]
pub(super) struct State {
    topics: Map<String, Value>,
}

impl Assembler for State {
    fn take(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Resync> {
        match self.records(message) {
            Ok(false) => Ok(None),
            Ok(true) => self.whole_payload().map(Some),
            Err(fault) => Err(self.forget(fault.to_string())),
        }
    }

    /// SignalR Core's JSON protocol: its handshake, a call of `Subscribe`, and its ping, without which the server hangs up
    /// after 30 s.
    fn talk(&self) -> Talk {
        let record = |message: Value| format!("{message}{}", char::from(RECORD_SEPARATOR));
        let subscribe = json!({"type": 1, "invocationId": "0", "target": "Subscribe", "arguments": [TOPICS]});
        Talk {
            opening: vec![record(json!({"protocol": "json", "version": 1})), record(subscribe)],
            alive: Some(record(json!({"type": 6}))),
        }
    }
}

impl State {
    /// A half-merged message would be a state that nobody sent.
    fn forget(&mut self, why: String) -> Resync {
        self.topics.clear();
        Resync::new(why)
    }

    fn whole_payload(&mut self) -> Result<Vec<u8>, Resync> {
        let payload = json!(self.topics).to_string().into_bytes();
        match payload.len() > MAX_STATE_BYTES {
            true => Err(self.forget(format!("the topics are more than {MAX_STATE_BYTES} bytes together"))),
            false => Ok(payload),
        }
    }

    fn records(&mut self, message: &[u8]) -> Result<bool, Invalid> {
        let records = message.split(|byte| *byte == RECORD_SEPARATOR).filter(|record| !record.trim_ascii().is_empty());
        let mut news = false;
        for record in records {
            news |= self.record(read::json(record)?)?;
        }
        Ok(news)
    }

    /// One message in any of its wrappings; whether it says anything.
    fn record(&mut self, mut message: Value) -> Result<bool, Invalid> {
        // In an answer to the handshake or to `Subscribe`, or as the last word.
        if let Some(error) = message.get("error").and_then(Value::as_str) {
            let cut: String = error.chars().take(200).collect();
            return Err(Invalid::new("/error", format!("the provider says {cut:?}")));
        }
        // SignalR's answer to `Subscribe`, old and new, and the bare state of an archive: whole topics.
        for (name, key) in [("/R", "R"), ("/result", "result")] {
            if let Some(reply @ Value::Object(_)) = message.get_mut(key) {
                return self.whole(name, reply.take());
            }
        }
        if let Some(calls) = message.get_mut("M").and_then(Value::as_array_mut) {
            let calls: Vec<Value> = calls.iter_mut().filter_map(|call| Some(call.get_mut("A")?.take())).collect();
            let taken = calls.into_iter().enumerate().map(|(i, call)| self.call(&format!("/M/{i}/A"), call));
            return taken.collect::<Result<Vec<bool>, _>>().map(|news| news.contains(&true));
        }
        if let Some(arguments) = message.get_mut("arguments") {
            let arguments = arguments.take();
            return self.call("/arguments", arguments);
        }
        match message {
            Value::Array(_) => self.call("", message),
            Value::Object(_) => self.whole("", message),
            _ => Err(Invalid::new("", "a message is an object, or an array of topic, content and time")),
        }
    }

    fn whole(&mut self, pointer: &str, topics: Value) -> Result<bool, Invalid> {
        let Value::Object(topics) = topics else { return Err(Invalid::new(pointer, "topics are an object")) };
        let mut news = false;
        for (name, mut content) in topics.into_iter().filter(|(name, _)| TOPICS.contains(&name.as_str())) {
            prune(&name, &mut content);
            news |= self.topics.get(&name) != Some(&content);
            self.topics.insert(name, content);
        }
        Ok(news)
    }

    /// `[topic, content, time]`.
    fn call(&mut self, pointer: &str, call: Value) -> Result<bool, Invalid> {
        let Value::Array(mut call) = call else { return Err(Invalid::new(pointer, "an array is expected")) };
        let Some(topic) = call.first().and_then(Value::as_str).map(str::to_owned) else {
            return Err(Invalid::new(format!("{pointer}/0"), "the name of a topic is expected"));
        };
        if !TOPICS.contains(&topic.as_str()) {
            return Ok(false);
        }
        let mut content = call.get_mut(1).map(Value::take).unwrap_or_default();
        prune(&topic, &mut content);
        if !content.is_object() {
            return Err(Invalid::new(format!("{pointer}/1"), "a topic's content is an object"));
        }
        let held = self.topics.entry(topic).or_insert_with(|| json!({}));
        merge(held, content).map_err(|fault| read::below(&format!("{pointer}/1"), fault))
    }
}

/// Nine messages of ten tell a car's sectors, which nobody reads: without them they bring no news.
fn prune(topic: &str, content: &mut Value) {
    let lines = content.get_mut("Lines").filter(|_| topic == "TimingData").and_then(Value::as_object_mut);
    for line in lines.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        line.retain(|key, _| CAR.contains(&key.as_str()));
    }
}

/// One patch: objects merge, `_deleted` names keys that are gone, a key frame (`_kf`) replaces, indexes reach into arrays.
/// Whether it changes anything.
fn merge(held: &mut Value, patch: Value) -> Result<bool, Invalid> {
    let mut news = false;
    match (held, patch) {
        (Value::Object(held), Value::Object(mut patch)) if !is_key_frame(&patch) => {
            for gone in patch.remove("_deleted").as_ref().and_then(Value::as_array).into_iter().flatten() {
                news |= gone.as_str().and_then(|key| held.remove(key)).is_some();
            }
            for (key, change) in patch {
                let below = |fault| read::below(&format!("/{}", escape(&key)), fault);
                news |= merge(held.entry(key.clone()).or_insert(Value::Null), change).map_err(below)?;
            }
        }
        (Value::Array(items), Value::Object(patch)) if !is_key_frame(&patch) => {
            for (key, change) in patch {
                let pointer = format!("/{}", escape(&key));
                let index = key.parse().ok().filter(|index: &usize| *index < MAX_ITEMS);
                let index = index.ok_or_else(|| Invalid::new(&*pointer, format!("an index below {MAX_ITEMS}")))?;
                if items.len() <= index {
                    items.resize(index + 1, Value::Null);
                }
                news |= merge(&mut items[index], change).map_err(|fault| read::below(&pointer, fault))?;
            }
        }
        (held, patch) => {
            news = *held != patch;
            *held = patch;
        }
    }
    Ok(news)
}

fn is_key_frame(patch: &Map<String, Value>) -> bool {
    patch.get("_kf") == Some(&Value::Bool(true))
}
