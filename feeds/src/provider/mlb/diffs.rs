//! `diffPatch`: what changed since a time code, as JSON patches (RFC 6902) on the document that was held then. When the
//! code is too old, the server answers with the whole document instead.

use std::time::Duration;

use json_patch::{PatchOperation, patch_unsafe};
use serde::Deserialize;
use serde_json::Value;

use crate::json::parse_lenient;
use crate::provider::{Assembler, Resync};

/// The longest pause that a document may ask for.
const LONGEST_WAIT_S: u64 = 3600;
/// How many values one answer may copy: a real one copies some hundreds, a hostile one doubles the document each time.
const MOST_COPIED: usize = 1_000_000;

/// Holds the document of one game.
#[derive(Debug, Default)]
pub(in crate::provider) struct Diffs {
    held: Option<Value>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    diff: Vec<PatchOperation>,
}

impl Assembler for Diffs {
    fn take(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Resync> {
        // What was held comes back only when all of it fits.
        let held = self.held.take();
        let parsed = parse_lenient(message).map_err(|error| Resync::new(format!("no JSON: {error}")))?;
        let document = match (parsed, held) {
            (whole @ Value::Object(_), _) if whole.get("gameData").is_some() => whole,
            // A schedule, which has no diffs; or what the adapter refuses.
            (Value::Object(_), None) => return Ok(Some(message.to_vec())),
            (Value::Array(steps), Some(held)) if steps.is_empty() => {
                self.held = Some(held);
                return Ok(None);
            }
            (Value::Array(steps), Some(held)) => patched(held, steps)?,
            (Value::Array(_), None) => return Err(Resync::new("a diff, and no document is held")),
            _ => return Err(Resync::new("neither a live feed nor diffs")),
        };
        let payload = serde_json::to_vec(&document).map_err(|error| Resync::new(error.to_string()))?;
        self.held = Some(document);
        Ok(Some(payload))
    }

    fn resume(&self) -> Option<String> {
        self.held.as_ref()?.pointer("/metaData/timeStamp")?.as_str().map(str::to_owned)
    }

    fn pace(&self) -> Option<Duration> {
        let seconds = self.held.as_ref()?.pointer("/metaData/wait")?.as_u64()?;
        (1..=LONGEST_WAIT_S).contains(&seconds).then(|| Duration::from_secs(seconds))
    }
}

fn patched(mut document: Value, steps: Vec<Value>) -> Result<Value, Resync> {
    let mut room = MOST_COPIED;
    for (i, step) in steps.into_iter().enumerate() {
        let step = Step::deserialize(step).map_err(|error| Resync::new(format!("/{i}: {error}")))?;
        for (j, operation) in step.diff.iter().enumerate() {
            let fault = |detail: String| Resync::new(format!("/{i}/diff/{j}: {detail}"));
            if let PatchOperation::Copy(copy) = operation {
                let size = document.pointer(copy.from.as_str()).map_or(0, values);
                room = room.checked_sub(size).ok_or_else(|| fault("copies too much".to_owned()))?;
            }
            patch_unsafe(&mut document, std::slice::from_ref(operation)).map_err(|error| fault(error.to_string()))?;
        }
    }
    Ok(document)
}

fn values(value: &Value) -> usize {
    let inner: usize = match value {
        Value::Object(fields) => fields.values().map(values).sum(),
        Value::Array(items) => items.iter().map(values).sum(),
        _ => 0,
    };
    inner + 1
}
