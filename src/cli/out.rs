//! What commands say on stdout.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use super::Failure;

/// Says it, with no line's end but its own.
///
/// # Errors
/// [`Failure::Unread`] when whoever read it has gone, as `head` does.
pub(super) fn print(text: impl Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).map_err(unsaid)
}

/// Says a line.
///
/// # Errors
/// As [`print`].
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    print(format_args!("{text}\n"))
}

/// Why stdout takes no more.
pub(super) fn unsaid(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::Unread,
        _ => Failure::Failed(format!("stdout: {error}")),
    }
}
