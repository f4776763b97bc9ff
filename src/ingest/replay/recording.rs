//! Recordings: NDJSON, each line when it was (ms since the first) and what was said then: a report, as providers post
//! it, or a message, as `/v1/ws` sends it in full detail and mode `every`.

use feeds::{Document, Report, Topic};
use serde::Deserialize;

use crate::wire::Position;

/// No recording lasts longer, ms: ten years.
const LONGEST_MS: u64 = 10 * 366 * 86_400_000;

/// One line.
#[derive(Debug)]
pub struct Line {
    /// ms since the recording began.
    pub t: u64,
    /// What was said.
    pub said: Said,
}

/// What a line says.
#[derive(Debug)]
pub enum Said {
    /// `{"t":…,"report":{…}}`
    Report(Report),
    /// `{"t":…,"message":{…}}`
    Message(Message),
}

/// A server's message, as far as games are concerned.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(missing_docs)] // fields are the contract's, word for word
pub enum Message {
    Hello {
        time_ms: i64,
    },
    Subscribed {
        resumed: bool,
    },
    State {
        game: Topic,
        version: u64,
        state: Document,
    },
    Update {
        game: Topic,
        base: u64,
        version: u64,
        patch: Document,
        position: Option<Position>,
        at: i64,
    },
    Removed {
        game: Topic,
        position: Option<Position>,
    },
    Position {
        position: Position,
    },
    Reset,
    #[serde(other)]
    Other,
}

impl Message {
    /// The place in the log up to which everything was said.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        match self {
            Message::Update { position, .. } | Message::Removed { position, .. } => position.as_ref(),
            Message::Position { position } => Some(position),
            _ => None,
        }
    }
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Line, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            t: u64,
            report: Option<serde_json::Value>,
            message: Option<Message>,
        }
        let raw: Raw = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let said = match (raw.report, raw.message) {
            (Some(report), None) => Said::Report(Report::from_value(report).map_err(|fault| fault.to_string())?),
            (None, Some(message)) => Said::Message(message),
            _ => return Err("a line has a report or a message".to_owned()),
        };
        if raw.t > LONGEST_MS {
            return Err(format!("t is {}, but no recording lasts longer than {LONGEST_MS} ms", raw.t));
        }
        Ok(Line { t: raw.t, said })
    }
}
