//! Messages and commands as CBOR (RFC 8949): the same structure as in JSON, in fewer bytes for binary frames.

use feeds::json::StrictValue;
use serde_json::Value;

use super::{Command, ErrorReply, Message};

/// Writes a message behind what is in `out`.
pub fn write(out: &mut Vec<u8>, message: &Message<'_>) {
    ciborium::into_writer(message, out).expect("messages are made of texts, numbers and maps with text keys");
}

impl Command {
    /// Reads a command from CBOR: one item, of JSON's kinds of values.
    ///
    /// # Errors
    /// As [`Command::parse`].
    pub fn parse_cbor(bytes: &[u8]) -> Result<Command, ErrorReply> {
        let value = read(bytes).map_err(|error| ErrorReply::bad(None, format!("no command: {error}")))?;
        Command::of_value(value)
    }
}

fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let StrictValue(value) = ciborium::from_reader(&mut rest).map_err(|error| match error {
        ciborium::de::Error::Semantic(_, why) => why,
        ciborium::de::Error::Io(_) => "the CBOR item is cut off".to_owned(),
        ciborium::de::Error::RecursionLimitExceeded => "nested too deep".to_owned(),
        ciborium::de::Error::Syntax(at) => format!("no CBOR at byte {at}"),
    })?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes behind the CBOR item", rest.len())) }
}
