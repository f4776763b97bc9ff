//! Words for whoever sent a document that is no game: where the fault is, and what would be right.

use super::Game;
use crate::document::Document;
use crate::located;
use crate::report::Invalid;

/// As much of a text as an error message repeats.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Reads a document that is no game once more, slower, for the place and the words.
pub(super) fn explain(document: &Document) -> Result<Game, Invalid> {
    located::from_value(document.clone().into()).map_err(|fault| Invalid::new(fault.pointer, reword(&fault.detail)))
}

/// serde's message in words for people who do not know Rust, with the nearest of the names it expected.
fn reword(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else { return cut(message) };
    let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let given = found.split_once('`').map_or("", |(_, rest)| rest.trim_end_matches('`'));
    let hint = nearest(given, &names).map_or(String::new(), |name| format!("; did you mean {name:?}?"));
    let names = names.join(", ");
    match found.split('`').next() {
        Some("unknown field ") => format!("unknown field {:?}{hint} (known: {names})", cut(given)),
        Some("unknown variant ") => format!("{:?} is none of {names}{hint}", cut(given)),
        _ => format!("{}, expected {}", cut(found), plain_words(expected)),
    }
}

/// The name that a wrong one was most likely meant to be, if any is near.
#[must_use]
pub fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let near = 1 + given.len() / 3;
    let distance = |name: &&str| strsim::damerau_levenshtein(given, name);
    names.iter().copied().min_by_key(distance).filter(|name| distance(name) <= near)
}

fn plain_words(expected: &str) -> &str {
    match expected {
        "i64" => "a whole number",
        "u32" => "a whole number, 0 or more",
        "a string" => "a text",
        "a boolean" => "true or false",
        _ => "an object",
    }
}
