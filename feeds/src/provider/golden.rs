//! Golden pairs: `<name>.jsonl` holds payloads, one a line; `<name>.reports.jsonl` what the adapter `<name>` makes of
//! each. Both are texts here; whoever has them in files reads and writes those. A payload that is no JSON, or of several
//! lines, stands as a JSON string.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Adapter, Decoded};
use crate::report::{Invalid, Report};

/// A payload that is not decoded as its golden pair says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line, from 1.
    pub line: usize,
    /// What the pair says; `None` where it has no such line.
    pub expected: Option<String>,
    /// What the adapter says; `None` where there is no such payload.
    pub found: Option<String>,
}

/// The payload that a line stands for.
#[must_use]
pub fn payload(line: &str) -> Cow<'_, [u8]> {
    match line.starts_with('"').then(|| serde_json::from_str(line)) {
        Some(Ok(Value::String(text))) => Cow::Owned(text.into_bytes()),
        _ => Cow::Borrowed(line.as_bytes()),
    }
}

/// What an adapter makes of payloads, one a line, as lines.
#[must_use]
pub fn decode_lines(adapter: &dyn Adapter, payloads: &str) -> String {
    payloads.lines().map(|line| format!("{}\n", outcome(adapter, &payload(line)))).collect()
}

/// Where payloads are not decoded as expected; empty when all is well.
#[must_use]
pub fn differences(adapter: &dyn Adapter, payloads: &str, expected: &str) -> Vec<Difference> {
    let found = decode_lines(adapter, payloads);
    let (mut found, mut expected) = (found.lines(), expected.lines());
    let mut differences = Vec::new();
    for line in 1.. {
        let (found, expected) = (found.next(), expected.next());
        if found.is_none() && expected.is_none() {
            break;
        }
        if found != expected {
            let (found, expected) = (found.map(str::to_owned), expected.map(str::to_owned));
            differences.push(Difference { line, expected, found });
        }
    }
    differences
}

/// One line: `{"reports":[…],"refused":[…]}`, or `{"error":…}` where nothing could be read.
fn outcome(adapter: &dyn Adapter, payload: &[u8]) -> Value {
    match adapter.decode(payload) {
        Ok(Decoded { reports, refused }) => json!({
            "reports": reports.iter().map(Report::to_json).collect::<Vec<_>>(),
            "refused": refused.iter().map(fault).collect::<Vec<_>>(),
        }),
        Err(error) => json!({ "error": fault(&error) }),
    }
}

fn fault(fault: &Invalid) -> Value {
    json!({ "pointer": fault.pointer, "detail": fault.detail })
}
