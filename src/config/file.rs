//! The config file as text: read with the place of what is wrong in it.

use std::path::Path;

use feeds::game::nearest;

use super::{ConfigError, Settings};

/// A file's text.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| one_line(&format!("{}: {error}", path.display())))
}

/// What a file says.
pub(super) fn parse(text: &str) -> Result<Settings, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        one_line(&format!("line {line}, column {column}: {}", reword(error.message())))
    })
}

/// The message, which lists every name there is, with the one that was meant instead where one is near.
fn reword(message: &str) -> String {
    let Some((wrong, known)) = message.split_once(", expected ") else { return message.to_owned() };
    if !wrong.starts_with("unknown ") {
        return message.to_owned();
    }
    let quoted = |text| str::split(text, '`').skip(1).step_by(2);
    let known: Vec<&str> = quoted(known).collect();
    match quoted(wrong).next().and_then(|given| nearest(given, &known)) {
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
