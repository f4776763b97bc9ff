//! What one connection was told: the newest revision of each event, so that repeats and what comes late go no further.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::provider::{Assembler, Resync, read};

/// Events that are remembered; a night of basketball has some 6,000.
const MAX_EVENTS: usize = 20_000;

/// The newest revision of an event.
#[derive(Debug, Clone, Copy)]
struct Revision {
    at: i64,
    deleted: bool,
    /// Of the whole message, the score beside the event too.
    content: u64,
    /// In which order it came.
    came: u64,
}

/// The assembler of a push stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    events: HashMap<String, Revision>,
    came: u64,
}

impl Assembler for Stream {
    fn take(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Resync> {
        let mut news = Vec::new();
        for message in read::documents(message) {
            let message = message.map_err(|fault| {
                self.events.clear();
                Resync::new(fault.to_string())
            })?;
            if message.get("heartbeat").is_none() && self.is_news(&message) {
                news.extend_from_slice(message.to_string().as_bytes());
                news.push(b'\n');
            }
        }
        Ok(Some(news).filter(|news| !news.is_empty()))
    }
}

impl Stream {
    fn is_news(&mut self, message: &Value) -> bool {
        let event = &message["payload"]["event"];
        // What has no id or time is for the adapter to refuse.
        let Some(id) = event["id"].as_str() else { return true };
        let stamp = event["deleted"].as_str().or_else(|| event["updated"].as_str());
        let Some(at) = stamp.and_then(read::millis) else { return true };
        let mut hasher = DefaultHasher::new();
        message.to_string().hash(&mut hasher);
        self.came += 1;
        let deleted = message["metadata"]["operation"] == "delete";
        let revision = Revision { at, deleted, content: hasher.finish(), came: self.came };
        let held = self.events.get(id).copied();
        let late = held.is_some_and(|held| held.at > at || (held.at == at && held.deleted && !deleted));
        if late || held.is_some_and(|held| held.at == at && held.content == revision.content) {
            return false;
        }
        self.events.insert(id.to_owned(), revision);
        if self.events.len() > MAX_EVENTS {
            let oldest = self.came.saturating_sub(MAX_EVENTS as u64 / 2);
            self.events.retain(|_, event| event.came >= oldest);
        }
        true
    }
}
