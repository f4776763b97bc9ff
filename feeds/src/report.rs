//! Reports: what one provider says about one game at one moment.

use serde_json::{Value, json};

use crate::document::Document;
use crate::topic::Topic;

/// One provider's word on one game.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The game it speaks of.
    pub game: Topic,
    /// What it says.
    pub change: Change,
    /// The provider's own id of this report: applied once, answered alike ever after.
    pub id: Option<String>,
    /// When it happened, by the provider's clock; ms since the Unix epoch.
    pub event_at: Option<i64>,
    /// The provider's own count, in place of or beside `event_at`.
    pub seq: Option<i64>,
    /// Apply only when the game is at this version; 0 = must not exist.
    pub if_version: Option<u64>,
}

/// The two ways to say what a game is now.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A merge patch (RFC 7396) on the game.
    Patch(Document),
    /// All that the provider says of the game now.
    Image(Document),
}

/// Why a report cannot be taken, and where the fault is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Invalid {
    /// JSON pointer (RFC 6901) from the report's root, as `/patch/competitors/home/score/total`; empty = the whole.
    pub pointer: String,
    /// What is wrong, for a person.
    pub detail: String,
}

impl Invalid {
    /// A fault at a pointer.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Invalid {
        Invalid { pointer: pointer.into(), detail: detail.into() }
    }
}

impl Report {
    /// Reads a report from parsed JSON (see [`crate::json::parse`]). The patch or image is only checked to be an object;
    /// [`crate::revision`] checks what it makes of the game.
    ///
    /// # Errors
    /// Names the first field that is unknown, missing or of the wrong type.
    pub fn from_value(value: Value) -> Result<Report, Invalid> {
        let Value::Object(mut fields) = value else {
            return Err(Invalid::new("", "a report is a JSON object"));
        };
        if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            let unknown: String = unknown.chars().take(80).collect();
            return Err(Invalid::new(
                format!("/{}", escape(&unknown)),
                format!("unknown field {unknown:?}; a report has {}", FIELDS.join(", ")),
            ));
        }
        Ok(Report {
            game: take_game(&mut fields)?,
            change: take_change(&mut fields)?,
            id: take_id(&mut fields)?,
            event_at: take_integer(&mut fields, "event_at")?,
            seq: take_integer(&mut fields, "seq")?,
            if_version: take_version(&mut fields)?,
        })
    }

    /// The report as it is posted: what [`Report::from_value`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut report = json!({ "game": self.game });
        match &self.change {
            Change::Patch(patch) => report["patch"] = patch.clone().into(),
            Change::Image(image) => report["image"] = image.clone().into(),
        }
        let numbers = [("event_at", self.event_at.map(Value::from)), ("seq", self.seq.map(Value::from))];
        let others = [("if_version", self.if_version.map(Value::from)), ("id", self.id.clone().map(Value::from))];
        for (name, value) in numbers.into_iter().chain(others) {
            if let Some(value) = value {
                report[name] = value;
            }
        }
        report
    }
}

const FIELDS: [&str; 7] = ["game", "patch", "image", "id", "event_at", "seq", "if_version"];

/// The longest report id, in bytes.
pub const MAX_ID_BYTES: usize = 200;

fn take_game(fields: &mut Document) -> Result<Topic, Invalid> {
    let Some(Value::String(text)) = fields.remove("game") else {
        return Err(Invalid::new("/game", "game is missing or no text; it is a topic sport/competition/game"));
    };
    Topic::parse_game(&text).map_err(|error| Invalid::new("/game", error.to_string()))
}

fn take_change(fields: &mut Document) -> Result<Change, Invalid> {
    match (fields.remove("patch"), fields.remove("image")) {
        (Some(Value::Object(patch)), None) => Ok(Change::Patch(patch)),
        (None, Some(Value::Object(image))) => Ok(Change::Image(image)),
        (Some(_), None) => Err(Invalid::new("/patch", "a patch is a JSON object")),
        (None, Some(_)) => Err(Invalid::new("/image", "an image is a JSON object")),
        (Some(_), Some(_)) => Err(Invalid::new("/image", "a report has a patch or an image, not both")),
        (None, None) => Err(Invalid::new("/patch", "a report has a patch or an image; both are missing")),
    }
}

fn take_id(fields: &mut Document) -> Result<Option<String>, Invalid> {
    match fields.remove("id") {
        None => Ok(None),
        Some(Value::String(id)) if (1..=MAX_ID_BYTES).contains(&id.len()) => Ok(Some(id)),
        Some(_) => Err(Invalid::new("/id", "an id is a text of 1 to 200 bytes")),
    }
}

fn take_integer(fields: &mut Document, name: &str) -> Result<Option<i64>, Invalid> {
    match fields.remove(name) {
        None => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(Invalid::new(format!("/{name}"), format!("{name} is an integer"))),
        },
    }
}

fn take_version(fields: &mut Document) -> Result<Option<u64>, Invalid> {
    match fields.remove("if_version") {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(version) => Ok(Some(version)),
            None => Err(Invalid::new("/if_version", "if_version is an integer, 0 or more")),
        },
    }
}

/// One key as a reference token of a JSON pointer: RFC 6901 section 3.
#[must_use]
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(report: Value, fault: &str) {
        let read = Report::from_value(report.clone());
        assert_eq!(read.map_or_else(|invalid| invalid.pointer, |_| String::new()), fault, "{report}");
    }

    #[test]
    fn reads_a_whole_report() {
        let report = json!({"game": "soccer/eng.1/ars-che", "patch": {"status": "live"}, "id": "evt-883",
            "event_at": 1795363999000_i64, "seq": -3, "if_version": 0});
        let expected = Report {
            game: "soccer/eng.1/ars-che".parse().unwrap(),
            change: Change::Patch(Document::from_iter([("status".to_owned(), json!("live"))])),
            id: Some("evt-883".to_owned()),
            event_at: Some(1_795_363_999_000),
            seq: Some(-3),
            if_version: Some(0),
        };
        assert_eq!(expected.to_json(), report);
        assert_eq!(Report::from_value(report), Ok(expected));
        check(json!({"game": "soccer/eng.1/ars-che", "image": {}}), "");
    }

    #[test]
    fn points_at_the_field_at_fault() {
        let with = |name: &str, value: Value| {
            let mut report = json!({"game": "soccer/eng.1/ars-che", "patch": {}});
            report[name] = value;
            report
        };
        check(json!([]), "");
        assert!(Report::from_value(json!([])).is_err());
        check(json!({"patch": {}}), "/game");
        for game in [json!(5), json!("soccer/eng.1"), json!("team/soccer/arsenal"), json!("*"), json!("A/b/c")] {
            check(with("game", game), "/game");
        }
        check(json!({"game": "soccer/eng.1/ars-che"}), "/patch");
        check(with("patch", json!([])), "/patch");
        check(with("patch", json!(null)), "/patch");
        check(with("image", json!({})), "/image");
        check(json!({"game": "soccer/eng.1/ars-che", "image": []}), "/image");
        for id in [json!(""), json!(5), json!("x".repeat(201)), json!(null)] {
            check(with("id", id), "/id");
        }
        check(with("event_at", json!("2026-11-22T15:00:00Z")), "/event_at");
        check(with("event_at", json!(1.5)), "/event_at");
        check(with("seq", json!(u64::MAX)), "/seq");
        check(with("if_version", json!(-1)), "/if_version");
        check(with("evnt/at", json!(1)), "/evnt~1at");
    }
}
