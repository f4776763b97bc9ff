//! What is written into Redis, and back: a line of what the scripts decide by, then JSON that they only carry.

use std::sync::Arc;

use feeds::Topic;

use crate::broker::{Answer, BrokerError, Event, FORMAT, Publication, Record, Stamp};
use crate::wire::Position;

/// An entry of the log, as the stream holds it and as it is published.
pub(super) struct Entry {
    pub(super) epoch: Arc<str>,
    pub(super) offset: u64,
    /// The game it concerns; `None` for a feed's status.
    pub(super) game: Option<Topic>,
    /// `None`: of a later format, or not to be parsed.
    pub(super) publication: Option<Arc<Publication>>,
}

/// Reads an entry. `epoch`: the one it most likely is of, so that its name is shared.
///
/// # Errors
/// When not even its place can be read.
pub(super) fn entry(bytes: &[u8], epoch: &Arc<str>) -> Result<Entry, BrokerError> {
    let (line, event) = split(bytes).ok_or_else(|| broken("an entry of the log"))?;
    let mut words = line.split(' ');
    let format: u32 = number(words.next())?;
    let name = words.next().unwrap_or_default();
    let epoch = if *name == **epoch { epoch.clone() } else { name.into() };
    let (offset, at) = (number(words.next())?, number(words.next())?);
    let game: Option<Topic> = words.next().and_then(|game| game.parse().ok());
    let mut version = || number(words.next()).ok();
    let read = || {
        let (base, after, score_base, score_version) = (version()?, version()?, version()?, version()?);
        let event: Event = serde_json::from_slice(event).ok().filter(|_| format <= FORMAT)?;
        if game.is_none() && !matches!(event, Event::Feed { .. }) {
            return None;
        }
        let (position, game) = (Position { epoch: epoch.clone(), offset }, game.clone());
        let publication =
            Publication { format, position, at, game, base, version: after, score_base, score_version, event };
        Some(Arc::new(publication))
    };
    let publication = { read }();
    Ok(Entry { epoch, offset, game, publication })
}

/// Reads a game's row.
///
/// # Errors
/// When a later build wrote what this one cannot read.
pub(super) fn record(game: &str, bytes: &[u8]) -> Result<Record, BrokerError> {
    let what = || broken(&format!("the row of {game}"));
    let (line, body) = split(bytes).ok_or_else(what)?;
    let mut words = line.split(' ');
    Ok(Record {
        game: game.parse().map_err(|_| what())?,
        version: number(words.next())?,
        score_version: number(words.next())?,
        offset: number(words.next())?,
        at: number(words.next())?,
        removed: words.next() == Some("1"),
        body: serde_json::from_slice(body).map_err(|_| what())?,
    })
}

/// Reads an id's row, unless its time is over at `now`.
///
/// # Errors
/// When it is none.
pub(super) fn answer(row: &str, now: i64, id_ms: i64) -> Result<Option<Answer>, BrokerError> {
    let mut words = row.splitn(5, ' ');
    let version = number(words.next())?;
    let epoch = words.next().unwrap_or_default().into();
    let (offset, at) = (number(words.next())?, number::<i64>(words.next())?);
    let answer =
        Answer { version, position: Position { epoch, offset }, hash: words.next().unwrap_or_default().into() };
    Ok((now - at <= id_ms).then_some(answer))
}

/// A stamp's number so that its order as text is its order as a number: Lua's own numbers end at 2^53. `None` = empty.
pub(super) fn stamp(number: Option<i64>) -> String {
    number.map_or(String::new(), |number| format!("{:020}", number.cast_unsigned() ^ (1 << 63)))
}

/// And back.
///
/// # Errors
/// When they are none.
pub(super) fn stamps(event_at: Option<&str>, seq: Option<&str>) -> Result<Stamp, BrokerError> {
    let back = |text: Option<&str>| text.map(|text| number::<u64>(Some(text)).map(|n| (n ^ (1 << 63)).cast_signed()));
    Ok(Stamp { event_at: back(event_at).transpose()?, seq: back(seq).transpose()? })
}

/// Reads a number that Redis gave.
///
/// # Errors
/// When it is none.
pub(super) fn number<T: std::str::FromStr>(word: Option<&str>) -> Result<T, BrokerError> {
    word.and_then(|word| word.parse().ok()).ok_or_else(|| broken("a number"))
}

fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

fn broken(what: &str) -> BrokerError {
    BrokerError::Broken(format!("{what} in Redis cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_ordered_as_text_and_come_back() {
        let numbers = [i64::MIN, -1, 0, 9, 10, 9_007_199_254_740_993, i64::MAX];
        let texts: Vec<String> = numbers.iter().map(|number| stamp(Some(*number))).collect();
        assert!(texts.is_sorted() && texts.iter().all(|text| text.len() == 20));
        for (number, text) in numbers.into_iter().zip(&texts) {
            assert_eq!(stamps(Some(text), None).unwrap(), Stamp { event_at: Some(number), seq: None });
        }
    }

    #[test]
    fn an_entry_of_a_later_format_still_has_its_place() {
        let epoch: Arc<str> = "abc".into();
        let entry = entry(b"2 abc 7 1795363980000 soccer/eng.1/a 5 6 5 6 more\n{\"kind\":\"merged\"}", &epoch).unwrap();
        assert_eq!((entry.offset, entry.game.unwrap().as_str()), (7, "soccer/eng.1/a"));
        assert!(entry.publication.is_none());
        assert!(super::entry(b"nonsense", &epoch).is_err());
    }
}
