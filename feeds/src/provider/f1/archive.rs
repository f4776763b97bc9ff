//! The files of the archive (`<Topic>.jsonStream`): one message a line, each behind its time since the session's start.
//! Copies of them are found with a byte order mark, quoted as a CSV field, or with a brace too many; packed topics are JSON strings.

use serde_json::{Value, json};

use crate::provider::read;
use crate::report::Invalid;

/// One line of an archived topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Time since the start of the recording, ms.
    pub at: i64,
    /// The message as [`super::F1`]'s assembler takes it.
    pub message: Vec<u8>,
}

/// The messages of one topic's file in the order of the file; a line that cannot be read is an error by itself, its
/// pointer is the line's number from 0.
pub fn archive<'a>(topic: &'a str, file: &'a [u8]) -> impl Iterator<Item = Result<Line, Invalid>> + 'a {
    let text = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(move |(number, line)| self::line(topic, line).map_err(|fault| read::below(&format!("/{number}"), fault)))
}

fn line(topic: &str, line: &[u8]) -> Result<Line, Invalid> {
    let text = String::from_utf8_lossy(line);
    let (time, content) = text.split_at_checked("00:00:00.000".len()).unwrap_or((&text, ""));
    let at = clock(time).ok_or_else(|| Invalid::new("", "a line begins with its time, 00:00:00.000"))?;
    let content = content.trim_start_matches([',', ' ', '\t']);
    let content = match content.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')) {
        // The quotes are a CSV field's, or those of a JSON string (the packed topics, `CarData.z`).
        Some(quoted) => lenient(&quoted.replace("\"\"", "\"")).or_else(|fault| lenient(content).map_err(|_| fault))?,
        None => lenient(content)?,
    };
    Ok(Line { at, message: json!([topic, content]).to_string().into_bytes() })
}

/// JSON, also with its first or last brace doubled.
fn lenient(text: &str) -> Result<Value, Invalid> {
    let once = |text: &str| read::json(text.as_bytes());
    once(text).or_else(|fault| {
        let first = text.strip_prefix('{').filter(|rest| rest.starts_with('{'));
        let last = text.strip_suffix('}').filter(|rest| rest.ends_with('}'));
        let both = first.and_then(|rest| rest.strip_suffix('}'));
        [both, first, last].into_iter().flatten().find_map(|text| once(text).ok()).ok_or(fault)
    })
}

/// `01:51:48` or `00:05:37.123` in ms.
pub(super) fn clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let mut parts = whole.split(':').map(|part| part.parse::<u16>().ok().filter(|part| *part < 1_000).map(i64::from));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let ms: u16 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    parts.next().is_none().then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + i64::from(ms))
}
