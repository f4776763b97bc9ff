//! The log of the process, on stderr: for eyes on a terminal, one JSON object a line elsewhere.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use super::super::Failure;

/// What is logged.
///
/// # Errors
/// When the filter is none.
pub(in crate::cli) fn filter(said: &str) -> Result<Targets, Failure> {
    said.parse().map_err(|error| Failure::Usage(format!("log {said:?}: {error}")))
}

/// # Errors
/// When the filter is none.
pub(super) fn to_stderr(said: &str) -> Result<(), Failure> {
    let filter = filter(said)?;
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match std::io::stderr().is_terminal() {
        true => log.with_target(false).boxed(),
        false => log.json().flatten_event(true).with_ansi(false).boxed(),
    };
    let begun = tracing_subscriber::registry().with(log).with(filter).try_init();
    begun.map_err(|error| Failure::Failed(format!("no log: {error}")))
}
