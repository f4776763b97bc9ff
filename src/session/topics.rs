//! The topics of a command: how many there may be, and each once.

use std::collections::HashSet;

use feeds::Topic;
use feeds::topic::TopicError;

use crate::wire::{ErrorCode, ErrorReply};

pub(super) fn too_many(id: u64, most: usize) -> ErrorReply {
    let message = format!("a connection has at most {most} topics");
    ErrorReply { id: Some(id), code: ErrorCode::TopicLimit, message }
}

/// The topics of a command, without doubles, of which there may be thousands.
///
/// # Errors
/// When one is none, or there are more than a connection may have.
pub fn parse_topics(id: u64, texts: &[String], most: usize) -> Result<Vec<Topic>, ErrorReply> {
    let invalid = |message| ErrorReply { id: Some(id), code: ErrorCode::TopicInvalid, message };
    if texts.is_empty() {
        return Err(ErrorReply::bad(Some(id), "topics is empty".into()));
    }
    let (mut topics, mut known) = (Vec::new(), HashSet::new());
    for text in texts {
        let topic: Topic = text.parse().map_err(|error: TopicError| invalid(error.to_string()))?;
        if known.insert(topic.clone()) {
            topics.push(topic);
        }
        if topics.len() > most {
            return Err(too_many(id, most));
        }
    }
    Ok(topics)
}
