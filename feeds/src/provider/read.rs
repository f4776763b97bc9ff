//! Reading what providers send: lenient where their formats drift (numbers as texts, null for nothing), exact about
//! where the fault is.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Decoded;
use crate::document::Document;
use crate::game::{Competitor, CompetitorKind, MAX_KEY_BYTES, MAX_SCORE_TEXT_BYTES, MAX_TEXT_BYTES, Score};
use crate::report::{Change, Invalid, Report};
use crate::topic::{MAX_SEGMENT_BYTES, slug};
use crate::{Game, Topic, json, located};

/// A payload as JSON.
pub(super) fn json(payload: &[u8]) -> Result<Value, Invalid> {
    json::parse_lenient(payload).map_err(|error| Invalid::new("", format!("no JSON: {error}")))
}

/// A part of a payload as the adapter's own type; the pointer leads from that part to the field at fault.
pub(super) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Invalid> {
    located::from_value(value).map_err(|Invalid { pointer, detail }| match detail.split_once(", expected struct ") {
        // Our types' names mean nothing to whoever sent it.
        Some((found, _)) => Invalid::new(pointer, format!("{found}, expected an object")),
        None => Invalid::new(pointer, detail),
    })
}

/// The same fault, seen from further up.
pub(super) fn below(pointer: &str, fault: Invalid) -> Invalid {
    Invalid::new(format!("{pointer}{}", fault.pointer), fault.detail)
}

/// The items of an array, each with its pointer.
pub(super) fn items(pointer: &str, items: Vec<Value>) -> Vec<(String, Value)> {
    items.into_iter().enumerate().map(|(i, item)| (format!("{pointer}/{i}"), item)).collect()
}

/// The games of a list of days, each with its pointer.
pub(super) fn games_of_days(pointer: &str, days: Vec<Value>) -> Vec<(String, Value)> {
    let days = items(pointer, days).into_iter().filter_map(|(pointer, mut day)| {
        let games = day.get_mut("games").map(Value::take)?;
        Some((format!("{pointer}/games"), games))
    });
    let games = days.filter_map(|(pointer, games)| match games {
        Value::Array(games) => Some(items(&pointer, games)),
        _ => None,
    });
    games.flatten().collect()
}

/// Reads each part of a payload; what cannot be read costs that part alone.
pub(super) fn each(parts: Vec<(String, Value)>, read: impl Fn(Value) -> Result<Report, Invalid>) -> Decoded {
    let mut decoded = Decoded::default();
    for (pointer, part) in parts {
        match read(part) {
            Ok(report) => decoded.reports.push(report),
            Err(fault) => decoded.refuse(below(&pointer, fault)),
        }
    }
    decoded
}

/// The topic of a game whose id stands at `pointer`.
pub(super) fn topic(sport: &str, competition: &str, id: Option<&str>, pointer: &str) -> Result<Topic, Invalid> {
    let id = id.ok_or_else(|| Invalid::new(pointer, "a game without an id"))?;
    Topic::game(sport, competition, &id.to_lowercase()).map_err(|error| Invalid::new(pointer, error.to_string()))
}

/// A team as one side; the segment of its topic is made of its name.
pub(super) fn team(name: Option<String>, abbr: Option<String>, score: Score) -> Competitor {
    Competitor {
        kind: Some(CompetitorKind::Team),
        team: name.as_deref().and_then(slug),
        name,
        abbr,
        score: Some(score).filter(|score| *score != Score::default()),
        ..Competitor::default()
    }
}

/// Home and away.
pub(super) fn sides(home: Competitor, away: Competitor) -> BTreeMap<String, Competitor> {
    [("home", home), ("away", away)].map(|(key, side)| (key.to_owned(), side)).into()
}

/// Scores by the number of their period, where both are said.
pub(super) fn parts(numbered: impl IntoIterator<Item = (Option<i64>, Option<i64>)>) -> BTreeMap<String, i64> {
    let counted = numbered.into_iter().filter(|(period, _)| period.is_some_and(|period| (1..=9999).contains(&period)));
    counted.filter_map(|(period, score)| Some((period?.to_string(), score?))).collect()
}

/// The id of an incident that its provider gives none: what it is, in words. Leaves room for a counter, see [`unique`].
pub(super) fn incident_id<'a>(words: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let words: Vec<&str> = words.into_iter().flatten().collect();
    slug(&words.join(" ")).unwrap_or_else(|| "incident".to_owned()).chars().take(56).collect()
}

/// Incidents by their ids; equal ids get a counter.
pub(super) fn unique<T>(named: impl IntoIterator<Item = (String, T)>) -> BTreeMap<String, T> {
    let mut equal: BTreeMap<String, usize> = BTreeMap::new();
    let numbered = named.into_iter().map(|(id, incident)| {
        let count = equal.entry(id.clone()).or_default();
        *count += 1;
        (if *count == 1 { id } else { format!("{id}-{count}") }, incident)
    });
    numbered.collect()
}

/// A count that fits a document's small number; negative is nothing.
pub(super) fn count(number: Option<i64>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

/// The report of a game as this payload shows it.
pub(super) fn image(topic: Topic, game: Game) -> Report {
    let change = Change::Image(game.into_document());
    Report { game: topic, change, id: None, event_at: None, seq: None, if_version: None }
}

/// A text, or a number in its place (ids are both); blank is nothing, and what is longer than a document takes is cut.
pub(super) fn text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(input)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(cut(text.trim()).to_owned()).filter(|text| !text.is_empty())),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(D::Error::custom("a text is expected")),
    }
}

/// As much of a text as a document takes.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// As much of a text as a score takes.
pub(super) fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_SCORE_TEXT_BYTES)]
}

/// A whole number, also as text (`"26"`), as float (`26.0`) or wrapped (`{"value": 26.0}`); blank is nothing.
pub(super) fn int<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    let value = match Value::deserialize(input)? {
        Value::Object(wrapped) => {
            unwrapped(wrapped, "value", "a whole number is expected").map_err(D::Error::custom)?
        }
        value => value,
    };
    match &value {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => whole(text.trim().parse().ok(), text.trim().parse().ok()),
        Value::Number(number) => whole(number.as_i64(), number.as_f64()),
        _ => Err("a whole number is expected"),
    }
    .map_err(D::Error::custom)
}

/// What an object wraps; an empty one wraps nothing.
fn unwrapped(mut wrapped: Document, key: &str, fault: &'static str) -> Result<Value, &'static str> {
    if wrapped.is_empty() { Ok(Value::Null) } else { wrapped.remove(key).ok_or(fault) }
}

/// No provider counts further, and a browser hardly can.
const GREATEST: i64 = 1_000_000_000_000_000;

/// A text as a whole number that a document takes.
pub(super) fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|number| (-GREATEST..=GREATEST).contains(number))
}

fn whole(exact: Option<i64>, float: Option<f64>) -> Result<Option<i64>, &'static str> {
    match (exact, float) {
        (Some(number), _) if (-GREATEST..=GREATEST).contains(&number) => Ok(Some(number)),
        (None, Some(float)) if float.fract() == 0.0 && float.abs() <= GREATEST as f64 => Ok(Some(float as i64)),
        _ => Err("a whole number is expected"),
    }
}

/// A text that may be wrapped with its translations: `{"default": "Canadiens", "fr": …}`.
pub(super) fn localized<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let value = match Value::deserialize(input)? {
        Value::Object(wrapped) => unwrapped(wrapped, "default", "a text is expected").map_err(D::Error::custom)?,
        value => value,
    };
    text(value).map_err(D::Error::custom)
}

/// A value or its default where there is null.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// An instant with its offset from UTC, seconds or not (`2022-09-17T17:00Z`), as RFC 3339 in UTC; a local time is nothing.
pub(super) fn instant(text: &str) -> Option<String> {
    text.parse::<jiff::Timestamp>().ok().map(|instant| instant.to_string())
}

/// An instant with its offset from UTC as ms since the Unix epoch.
pub(super) fn millis(text: &str) -> Option<i64> {
    text.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// One segment of a topic made of several texts, each cut to its share, so that all of them stay told apart.
pub(super) fn segment<const N: usize>(parts: [&str; N]) -> Option<String> {
    let share = MAX_SEGMENT_BYTES.saturating_sub(N - 1) / N;
    // What short ones leave over goes to the long ones.
    let slugs: Vec<String> = parts.iter().filter_map(|part| slug(part)).collect();
    let spare: usize = slugs.iter().map(|slug| share.saturating_sub(slug.len())).sum();
    let long = slugs.iter().filter(|slug| slug.len() > share).count();
    let share = share + spare / long.max(1);
    let cut = |slug: &String| slug[..slug.len().min(share)].trim_matches('-').to_owned();
    Some(slugs.iter().map(cut).collect::<Vec<_>>().join("-")).filter(|segment| !segment.is_empty())
}

/// A payload as a JSON object.
pub(super) fn object(payload: &[u8]) -> Result<Value, Invalid> {
    json(payload).and_then(|value| match value {
        object @ Value::Object(_) => Ok(object),
        _ => Err(Invalid::new("", "an object is expected")),
    })
}

/// A payload's documents with their pointers: of several each has its number, one alone is the whole payload.
pub(super) fn numbered(payload: &[u8]) -> Vec<(String, Result<Value, Invalid>)> {
    let documents: Vec<_> = documents(payload).collect();
    let alone = documents.len() == 1;
    let pointer = |index| if alone { String::new() } else { format!("/{index}") };
    documents.into_iter().enumerate().map(|(index, document)| (pointer(index), document)).collect()
}

/// A payload that says one thing which cannot be read is refused as a whole.
pub(super) fn unless_refused(mut decoded: Decoded) -> Result<Decoded, Invalid> {
    match decoded.refused.pop() {
        Some(fault) if decoded.reports.is_empty() && decoded.refused.is_empty() => Err(fault),
        fault => {
            decoded.refused.extend(fault);
            Ok(decoded)
        }
    }
}

/// The JSON documents of a payload that follow each other, with or without separators. What cannot be read is an error,
/// and reading goes on behind the next line's end.
pub(super) fn documents(payload: &[u8]) -> impl Iterator<Item = Result<Value, Invalid>> + '_ {
    let mut rest = payload.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(payload).trim_ascii_start();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut reader = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        let read = reader.next()?;
        let end = match &read {
            Ok(_) => reader.byte_offset(),
            Err(_) => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        };
        rest = rest.get(end..).unwrap_or_default().trim_ascii_start();
        Some(read.map_err(|error| Invalid::new("", format!("no JSON: {error}"))))
    })
}

/// The report of what a part of a game's payload says; what it leaves out stays as it is, but for the reason of another
/// status.
pub(super) fn patch(topic: Topic, game: Game) -> Report {
    let another = game.status.is_some() && game.status_reason.is_none();
    let mut patch = game.into_document();
    if another {
        patch.insert("status_reason".to_owned(), Value::Null);
    }
    let change = Change::Patch(patch);
    Report { game: topic, change, id: None, event_at: None, seq: None, if_version: None }
}

/// As much of a text as a document's key takes.
pub(super) fn key(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_KEY_BYTES)]
}

/// An instant of seconds since the Unix epoch, as RFC 3339.
pub(super) fn epoch(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|instant| instant.to_string())
}

/// No game lasts longer, s.
pub(super) const LONGEST_S: f64 = 86_400.0;

/// A clock's reading, `4:37` or `37.4`, ms.
pub(super) fn reading(text: &str) -> Option<i64> {
    let (minutes, seconds) = text.split_once(':').unwrap_or(("0", text));
    let (minutes, seconds): (u32, f64) = (minutes.parse().ok()?, seconds.parse().ok()?);
    let total = f64::from(minutes) * 60.0 + seconds;
    (0.0..LONGEST_S).contains(&total).then(|| (total * 1000.0).round() as i64)
}

/// A minute of soccer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Minute {
    pub(super) base: u32,
    pub(super) added: Option<u32>,
}

/// Reads `58'`, `90'+3'` and its spellings. The added minute is a number of its own: `90'+3'` without its marks is 903.
pub(super) fn minute(text: &str) -> Option<Minute> {
    let number = |text: &str| -> Option<u32> {
        text.trim().trim_end_matches(['\'', '’', '′']).parse().ok().filter(|minute| *minute < 1000)
    };
    match text.split_once('+') {
        Some((base, added)) => Some(Minute { base: number(base)?, added: Some(number(added)?) }),
        None => Some(Minute { base: number(text)?, added: None }),
    }
}

/// Free scalars, without those that are not said.
pub(super) fn scalars<const N: usize>(fields: [(&str, Option<Value>); N]) -> Document {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_added_minute_is_a_number_of_its_own() {
        let at = |base, added| Some(Minute { base, added });
        assert_eq!(minute("58'"), at(58, None));
        assert_eq!(minute("90'+3'"), at(90, Some(3)));
        assert_eq!(minute("90'+10'"), at(90, Some(10)));
        assert_eq!(minute("45+2"), at(45, Some(2)));
        for no in ["HT", "", "'", "+", "90'+", "-3'", "99999999999'"] {
            assert_eq!(minute(no), None, "{no}");
        }
    }

    #[test]
    fn a_clock_may_show_tenths() {
        assert_eq!(reading("4:37"), Some(277_000));
        assert_eq!(reading("0.0"), Some(0));
        assert_eq!(reading("37.4"), Some(37_400));
        assert_eq!(reading("Final"), None);
        assert_eq!(reading("0:NaN"), None);
    }
}
