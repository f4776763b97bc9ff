//! The config file as text: read with the place of what is wrong in it.

use std::path::Path;

use feeds::game::nearest;
use toml::de::DeTable;

use super::{ConfigError, Settings};

/// A file's text.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| one_line(&format!("{}: {error}", path.display())))
}

/// What a file says.
pub(super) fn parse(text: &str) -> Result<Settings, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let why = match error.message() {
            "duplicate key" => format!("`{}` is there twice", &text[span.clone()]),
            message => reword(message),
        };
        at(text, span.start, &why)
    })
}

/// A fault that was found after reading, with the place of the setting that its message begins with.
pub(super) fn placed(text: &str, error: ConfigError) -> ConfigError {
    let table = DeTable::parse(text).ok();
    match table.and_then(|table| find(table.get_ref(), &error.0)) {
        Some(byte) => at(text, byte, &error.0),
        None => error,
    }
}

/// Where the setting is that a text begins with; where it is not there, its table.
fn find(table: &DeTable<'_>, text: &str) -> Option<usize> {
    let named = table.iter().filter_map(|(key, value)| {
        let rest = text.strip_prefix(key.get_ref().as_ref())?;
        (!rest.starts_with(|next: char| next.is_alphanumeric() || "_-".contains(next))).then_some((key, value, rest))
    });
    // Names may have dots in them: the longest it is.
    let (key, value, rest) = named.min_by_key(|(.., rest)| rest.len())?;
    let own = || if value.get_ref().is_table() { key.span().start } else { value.span().start };
    let deeper = rest.strip_prefix('.').zip(value.get_ref().as_table()).and_then(|(rest, table)| find(table, rest));
    Some(deeper.unwrap_or_else(own))
}

fn at(text: &str, byte: usize, why: &str) -> ConfigError {
    let (line, column) = place(text, byte);
    one_line(&format!("line {line}, column {column}: {why}"))
}

/// What serde calls what it expects, and what people do.
const KINDS: [(&str, &str); 13] = [
    ("a string", "text in quotes"),
    ("usize", "a whole number, 0 or more"),
    ("u64", "a whole number, 0 or more"),
    ("u32", "a whole number, 0 or more"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
    ("a sequence", "a list"),
    ("a map", "a table"),
    ("struct TlsFiles", "a table, [tls]"),
    ("struct Limits", "a table, [limits]"),
    ("struct Provider", "a table, [providers.NAME]"),
    ("struct Feed", "a table, [feeds.NAME]"),
    ("struct Tokens", "a table, [tokens]"),
];

/// The message in a person's words. One that lists every name there is has the one that was meant instead where one is
/// near.
fn reword(message: &str) -> String {
    if let Some(missing) = message.strip_prefix("missing field ") {
        return format!("{missing} is missing");
    }
    let Some((wrong, known)) = message.split_once(", expected ") else { return message.to_owned() };
    if !wrong.starts_with("unknown ") {
        let kind = KINDS.iter().find(|(serde, _)| *serde == known).map_or(known, |(_, kind)| kind);
        return format!("{}, expected {kind}", wrong.replace("invalid type: map", "invalid type: a table"));
    }
    let wrong = wrong.replace("unknown field", "unknown setting");
    let quoted = |text| str::split(text, '`').skip(1).step_by(2);
    let known: Vec<&str> = quoted(known).collect();
    match quoted(&wrong).next().and_then(|given| nearest(given, &known)) {
        Some(near) => format!("{wrong}; did you mean `{near}`?"),
        None => format!("{wrong}; there are {}", known.join(", ")),
    }
}

/// Line and column, from 1, of a byte in a text.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A message without line breaks.
pub(super) fn one_line(text: &str) -> ConfigError {
    ConfigError(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
