//! What a game's document must hold to. The types of [`Game`] say most of it; here is what types cannot say, and the
//! words for whoever broke a rule.

use serde::Deserialize;
use serde_json::Value;

use super::words::{cut, explain};
use super::{Competitor, Game, Score};
use crate::document::Document;
use crate::report::{Invalid, escape};
use crate::topic::{Topic, is_segment};

/// The most competitors of a game.
pub const MAX_COMPETITORS: usize = 256;
/// The most keys of `info`.
pub const MAX_INFO_KEYS: usize = 32;
/// The longest key (so the longest incident id too), in bytes.
pub const MAX_KEY_BYTES: usize = 64;
/// The longest text, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;
/// The longest text inside a score, in bytes: a score is never refused for the document's size, so it must stay small.
pub const MAX_SCORE_TEXT_BYTES: usize = 100;
/// How deep objects may nest in a document.
const MAX_DEPTH: usize = 16;
/// The greatest whole number that a browser holds exactly.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Whether a document is a game of this topic: section 3 of the contract.
///
/// # Errors
/// The first fault, with a pointer from the document's root, as `/competitors/home/score/total`.
pub fn validate(document: &Document, game: &Topic) -> Result<(), Invalid> {
    validate_fields(document, game)?;
    validate_counts(document)
}

/// The rules of single fields; so a part of a document can be checked without the rest of it.
pub(crate) fn validate_fields(part: &Document, game: &Topic) -> Result<(), Invalid> {
    plain(part, MAX_DEPTH)?;
    let typed = Game::deserialize(part).or_else(|_| explain(part))?;
    same_as_topic("/sport", "first", typed.sport.as_deref(), game.sport())?;
    let competition = typed.competition.as_ref().and_then(|competition| competition.id.as_deref());
    same_as_topic("/competition/id", "second", competition, game.competition())?;
    if let Some(start) = typed.start.as_deref().filter(|start| !is_rfc_3339(start)) {
        return fault("/start", format!("{:?} is no RFC 3339 instant, as 2026-11-22T15:00:00Z", cut(start)));
    }
    for (key, competitor) in &typed.competitors {
        check_competitor(competitor).map_err(|invalid| below("competitors", below(key, invalid)))?;
    }
    match typed.info.iter().find(|(_, value)| value.is_object()) {
        Some((key, _)) => fault(format!("/info/{}", escape(key)), "info holds scalars only"),
        None => Ok(()),
    }
}

/// The rules that need the whole document.
pub(crate) fn validate_counts(document: &Document) -> Result<(), Invalid> {
    let object = |name| document.get(name).and_then(Value::as_object);
    if object("info").is_some_and(|info| info.len() > MAX_INFO_KEYS) {
        return fault("/info", format!("info has at most {MAX_INFO_KEYS} keys"));
    }
    let Some(competitors) = object("competitors") else { return Ok(()) };
    if competitors.len() > MAX_COMPETITORS {
        return fault("/competitors", format!("a game has at most {MAX_COMPETITORS} competitors"));
    }
    let (sides, field): (Vec<_>, Vec<_>) = competitors.keys().partition(|key| matches!(key.as_str(), "home" | "away"));
    if let Some(key) = field.iter().find(|key| !is_count(key) || key.as_str() == "0") {
        return fault(format!("/competitors/{}", escape(key)), "competitors are home and away, or 1, 2, 3, …");
    }
    match sides.is_empty() || field.is_empty() {
        true => Ok(()),
        false => fault("/competitors", "competitors are home and away, or 1, 2, 3, …; not both"),
    }
}

/// Objects and scalars only, and every text, key and number within bounds.
fn plain(object: &Document, room: usize) -> Result<(), Invalid> {
    for (key, value) in object {
        if key.is_empty() || key.len() > MAX_KEY_BYTES || key.contains(char::is_control) {
            let detail = format!("the key {:?}: 1 to {MAX_KEY_BYTES} bytes, no control characters", cut(key));
            return fault("", detail);
        }
        if key == "__proto__" {
            // No field of its own in JavaScript: a browser's document would be another than ours.
            return fault("", "the key \"__proto__\" cannot be held by a browser");
        }
        let checked = match value {
            Value::Null => fault("", "null stands only in a patch; leave the field out"),
            Value::Array(_) => fault("", "a game holds no arrays; use an object keyed by id"),
            Value::String(text) if text.len() > MAX_TEXT_BYTES => {
                fault("", format!("a text of {} bytes; at most {MAX_TEXT_BYTES}", text.len()))
            }
            Value::Number(number) if !fits_browser(number) => {
                fault("", format!("{number} is beyond 2^53, more than a browser can count"))
            }
            Value::Object(_) if room == 0 => fault("", format!("nested deeper than {MAX_DEPTH} levels")),
            Value::Object(inner) => plain(inner, room - 1),
            _ => Ok(()),
        };
        checked.map_err(|invalid| below(key, invalid))?;
    }
    Ok(())
}

fn fits_browser(number: &serde_json::Number) -> bool {
    number.is_f64() || number.as_i64().is_some_and(|integer| integer.unsigned_abs() <= MAX_INTEGER)
}

fn same_as_topic(pointer: &str, which: &str, said: Option<&str>, segment: &str) -> Result<(), Invalid> {
    match said {
        Some(said) if said != segment => {
            fault(pointer, format!("{:?} is not {segment:?}, the {which} segment of the game", cut(said)))
        }
        _ => Ok(()),
    }
}

fn check_competitor(competitor: &Competitor) -> Result<(), Invalid> {
    match &competitor.team {
        Some(team) if !is_segment(team) => {
            fault("/team", format!("{:?} is no topic segment, [a-z0-9][a-z0-9._-]*", cut(team)))
        }
        _ => competitor
            .score
            .as_ref()
            .map_or(Ok(()), |score| check_score(score).map_err(|invalid| below("score", invalid))),
    }
}

fn check_score(score: &Score) -> Result<(), Invalid> {
    if let Some(key) = score.parts.keys().find(|key| !is_count(key)) {
        return fault(format!("/parts/{}", escape(key)), "parts are keyed by the number of the period");
    }
    for (name, value) in [("points", &score.points), ("gap", &score.gap), ("thru", &score.thru)] {
        match value {
            Some(Value::String(text)) => short(name, text)?,
            Some(Value::Bool(_) | Value::Object(_)) => return fault(format!("/{name}"), "a number or a text"),
            _ => {}
        }
    }
    score.display.as_ref().map_or(Ok(()), |text| short("display", text))
}

fn short(name: &str, text: &str) -> Result<(), Invalid> {
    match text.len() {
        0..=MAX_SCORE_TEXT_BYTES => Ok(()),
        long => fault(format!("/{name}"), format!("a text of {long} bytes; at most {MAX_SCORE_TEXT_BYTES} in a score")),
    }
}

/// Whether a key is a whole number as people write it, 0 to 9999.
fn is_count(key: &str) -> bool {
    key.len() <= 4 && key.bytes().all(|b| b.is_ascii_digit()) && (key == "0" || !key.starts_with('0'))
}

/// jiff reads more than RFC 3339 (no seconds, no colons, a zone's name), which a browser may not.
fn is_rfc_3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let at = |i: usize, any: &[u8]| bytes.get(i).is_some_and(|b| any.contains(b));
    let date = at(4, b"-") && at(7, b"-") && at(10, b"Tt");
    let time = at(13, b":") && at(16, b":") && at(19, b".Zz+-");
    let offset = |end: usize| end >= 19 && at(end, b"+-") && at(end + 3, b":");
    let zone = text.ends_with(['Z', 'z']) || bytes.len().checked_sub(6).is_some_and(offset);
    date && time && zone && text.parse::<jiff::Timestamp>().is_ok()
}

fn fault<T>(pointer: impl Into<String>, detail: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid::new(pointer, detail))
}

/// The same fault, seen from one level higher.
fn below(key: &str, invalid: Invalid) -> Invalid {
    Invalid { pointer: format!("/{}{}", escape(key), invalid.pointer), ..invalid }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Validates a document of the game `soccer/eng.1/ars-che`: "" = it is a game, else the fault.
    fn check(document: Value, fault: &str) {
        let game: Topic = "soccer/eng.1/ars-che".parse().unwrap();
        let outcome = validate(document.as_object().unwrap(), &game);
        assert_eq!(outcome.map_or_else(|invalid| invalid.to_string(), |()| String::new()), fault, "{document}");
    }

    fn score(score: Value, fault: &str) {
        check(json!({"competitors": {"home": {"score": score}}}), fault);
    }

    #[test]
    fn takes_the_game_of_the_contract() {
        check(
            json!({"sport": "soccer", "competition": {"id": "eng.1", "name": "Premier League", "round": "12"},
                "start": "2026-11-22T15:00:00Z", "status": "live", "period": {"number": 2, "kind": "half", "of": 2},
                "clock": {"mode": "up", "running": true, "ms": 3720000, "at": 1795363980000_i64, "added_min": 3},
                "competitors": {"home": {"kind": "team", "name": "Arsenal", "abbr": "ARS", "team": "arsenal",
                    "score": {"total": 2, "parts": {"1": 1, "2": 1}}}, "away": {}},
                "situation": {"review": "g77", "bases": {"first": true}},
                "incidents": {"g77": {"order": 17, "type": "goal", "status": "provisional", "side": "home",
                    "athlete": "Saka", "period": 2, "minute": 61, "rev": 1}},
                "info": {"venue": "Emirates Stadium", "leg": 1}, "feed": "espn"}),
            "",
        );
        check(json!({}), "");
    }

    #[test]
    fn names_the_nearest_field() {
        score(
            json!({"totl": 1}),
            "/competitors/home/score/totl: unknown field \"totl\"; did you mean \"total\"? (known: total, parts, \
             shootout, sets, wickets, balls, points, hits, errors, strokes, rank, gap, laps, thru, display)",
        );
        check(
            json!({"a/b~c": 1}),
            "/a~1b~0c: unknown field \"a/b~c\" (known: sport, competition, start, status, \
             status_reason, period, clock, competitors, situation, incidents, info, correction, feed)",
        );
    }

    #[test]
    fn names_the_allowed_values() {
        check(
            json!({"period": {"half": "bottum"}}),
            "/period/half: \"bottum\" is none of top, bottom; did you mean \"bottom\"?",
        );
        check(
            json!({"incidents": {"g/1": {"status": "sure"}}}),
            "/incidents/g~11/status: \"sure\" is none of provisional, confirmed, amended, void",
        );
    }

    #[test]
    fn says_what_type_it_wants() {
        score(
            json!({"total": "2"}),
            "/competitors/home/score/total: invalid type: string \"2\", expected a whole number",
        );
        score(
            json!({"total": 1.5}),
            "/competitors/home/score/total: invalid type: floating point `1.5`, expected a whole number",
        );
        check(
            json!({"period": {"number": -1}}),
            "/period/number: invalid value: integer `-1`, expected a whole number, 0 or more",
        );
        check(json!({"clock": 5}), "/clock: invalid type: integer `5`, expected an object");
        check(
            json!({"clock": {"running": "yes"}}),
            "/clock/running: invalid type: string \"yes\", expected true or false",
        );
        check(
            json!({"competitors": {"home": "Arsenal"}}),
            "/competitors/home: invalid type: string \"Arsenal\", expected an object",
        );
        check(json!({"status": 5}), "/status: invalid type: integer `5`, expected a text");
        check(json!({"status_reason": 5}), "/status_reason: invalid type: integer `5`, expected a text");
    }

    #[test]
    fn holds_no_arrays_and_no_nulls_anywhere() {
        check(
            json!({"situation": {"a": {"b": [1]}}}),
            "/situation/a/b: a game holds no arrays; use an object keyed by id",
        );
        check(json!({"incidents": []}), "/incidents: a game holds no arrays; use an object keyed by id");
        check(json!({"info": {"a": null}}), "/info/a: null stands only in a patch; leave the field out");
        check(json!({"status": null}), "/status: null stands only in a patch; leave the field out");
    }

    #[test]
    fn bounds_what_is_free() {
        check(json!({"info": {"a": {}}}), "/info/a: info holds scalars only");
        let many: Document = (0..33).map(|i| (format!("k{i}"), json!(i))).collect();
        check(json!({"info": many}), "/info: info has at most 32 keys");
        check(json!({"info": {"a": "x".repeat(1025)}}), "/info/a: a text of 1025 bytes; at most 1024");
        let id = "i".repeat(65);
        check(
            json!({"incidents": {&id: {}}}),
            &format!("/incidents: the key {id:?}: 1 to 64 bytes, no control characters"),
        );
        check(
            json!({"incidents": {"a\u{7f}": {}}}),
            "/incidents: the key \"a\\u{7f}\": 1 to 64 bytes, no control characters",
        );
        check(
            json!({"situation": {"n": 9_007_199_254_740_992_i64}}),
            "/situation/n: 9007199254740992 is beyond 2^53, more than a browser can count",
        );
        let deep = (0..20).fold(json!(1), |inner, _| json!({"a": inner}));
        let pointer = "/a".repeat(16);
        check(json!({"situation": deep}), &format!("/situation{pointer}: nested deeper than 16 levels"));
    }

    #[test]
    fn competitors_are_sides_or_a_field() {
        let numbered = |n: usize| -> Value {
            json!({"competitors": (1..=n).map(|i| (i.to_string(), json!({}))).collect::<Document>()})
        };
        check(numbered(256), "");
        check(numbered(257), "/competitors: a game has at most 256 competitors");
        check(
            json!({"competitors": {"home": {}, "1": {}}}),
            "/competitors: competitors are home and away, or 1, 2, 3, …; not both",
        );
        for key in ["0", "01", "x", "+1"] {
            check(
                json!({"competitors": {key: {}}}),
                &format!("/competitors/{key}: competitors are home and away, or 1, 2, 3, …"),
            );
        }
        check(
            json!({"competitors": {"home": {"team": "Arsenal FC"}}}),
            "/competitors/home/team: \"Arsenal FC\" is no topic segment, [a-z0-9][a-z0-9._-]*",
        );
    }

    #[test]
    fn a_score_holds_short_values() {
        score(json!({"points": "AD", "gap": 1.2, "thru": "F", "parts": {"0": 1, "12": 2}}), "");
        score(json!({"gap": true}), "/competitors/home/score/gap: a number or a text");
        score(
            json!({"display": "x".repeat(101)}),
            "/competitors/home/score/display: a text of 101 bytes; at most 100 in a score",
        );
        score(
            json!({"parts": {"one": 1}}),
            "/competitors/home/score/parts/one: parts are keyed by the number of the period",
        );
        score(
            json!({"parts": {"1": "1"}}),
            "/competitors/home/score/parts/1: invalid type: string \"1\", expected a whole number",
        );
    }

    #[test]
    fn sport_and_competition_are_the_topics() {
        check(json!({"sport": "rugby"}), "/sport: \"rugby\" is not \"soccer\", the first segment of the game");
        check(
            json!({"competition": {"id": "eng.2"}}),
            "/competition/id: \"eng.2\" is not \"eng.1\", the second segment of the game",
        );
    }

    #[test]
    fn start_is_an_rfc_3339_instant() {
        for start in
            ["2026-11-22T15:00:00Z", "2026-11-22T15:00:00.5+01:00", "2026-11-22t15:00:00z", "2026-11-22T15:00:00-00:30"]
        {
            check(json!({"start": start}), "");
        }
        for start in [
            "",
            "2026-11-22",
            "2026-11-22T15:00Z",
            "2026-11-22T15:00:00",
            "2026-11-22 15:00:00Z",
            "2026-02-30T15:00:00Z",
            "20261122T150000Z",
            "2026-11-22T15:00:00+01",
            "2026-11-22T15:00:00Z[UTC]",
            "2026-11-22T15:00:00,5Z",
        ] {
            check(
                json!({"start": start}),
                &format!("/start: {start:?} is no RFC 3339 instant, as 2026-11-22T15:00:00Z"),
            );
        }
    }
}
