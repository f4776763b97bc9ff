//! Where a session stands. A qualifying is one session of three parts, after each of which its status says `Finished`;
//! minutes later the next part is named, then the status is `Inactive` as before the first, until it is `Started` again.

use serde::Deserialize;
use serde_json::Value;

use super::wire::Standing;
use crate::game::Status;
use crate::provider::read::{int, millis, text};

/// Parts of a qualifying; a sprint's has as many.
const PARTS: i64 = 3;

/// An item of one of the two lists of `SessionData`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Item {
    #[serde(default, deserialize_with = "text")]
    utc: Option<String>,
    #[serde(default, deserialize_with = "int")]
    qualifying_part: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    session_status: Option<String>,
}

impl Item {
    fn at(&self) -> Option<i64> {
        self.utc.as_deref().and_then(millis)
    }
}

/// The status, and the provider's word where nobody knows it; an early answer may lack the topic, then the last that
/// `SessionData` lists counts.
pub(super) fn status(
    said: Standing,
    qualifying: bool,
    listed: &[Item],
    series: &[Item],
    timing: Option<&Value>,
) -> (Status, Option<String>) {
    let last = |but: &str| {
        let words = listed.iter().rev().filter_map(|item| item.session_status.as_deref());
        words.into_iter().find(|word| *word != but).map(str::to_owned)
    };
    let Some(word) = said.status.or_else(|| last("")) else { return (Status::Unknown, None) };
    let before = last("Inactive").or(said.started).filter(|before| before != "Inactive");
    let status = match (word.as_str(), before.as_deref()) {
        ("Inactive", Some("Started" | "Aborted")) | ("Aborted", _) => Status::Interrupted,
        ("Inactive", Some("Finished")) if qualifying => Status::Break,
        ("Inactive", None) => Status::Scheduled,
        ("Started", _) => Status::Live,
        ("Finished", _) if qualifying && goes_on(listed, series, timing) => Status::Break,
        ("Finished", _) | ("Inactive", Some("Finished")) => Status::Ended,
        ("Finalised" | "Ends", _) | ("Inactive", Some("Finalised" | "Ends")) => Status::Final,
        _ => return (Status::Unknown, Some(word)),
    };
    (status, None)
}

/// Whether another part follows the one that is `Finished`; where nobody says which part it was, none does.
fn goes_on(listed: &[Item], series: &[Item], timing: Option<&Value>) -> bool {
    let named = series.iter().rfind(|item| item.qualifying_part.is_some());
    // The list may lag behind the topic: then its last is the start of this very part.
    let last = listed.iter().rfind(|item| item.session_status.as_deref().is_some_and(|word| word != "Inactive"));
    let finished = last.filter(|item| item.session_status.as_deref() == Some("Finished"));
    let times = named.and_then(Item::at).zip(finished.and_then(Item::at));
    // The third part too is named before it starts.
    if times.is_some_and(|(named, finished)| named > finished) {
        return true;
    }
    let timed = timing.and_then(|timing| int(timing.get("SessionPart")?).ok()?);
    let part = named.and_then(|item| item.qualifying_part).max(timed);
    part.is_some_and(|part| (1..PARTS).contains(&part))
}
