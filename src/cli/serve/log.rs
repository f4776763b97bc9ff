//! The log of the process, on stderr: for eyes on a terminal, one JSON object a line elsewhere.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::super::Failure;

/// What is logged.
///
/// # Errors
/// When the filter is none.
pub(in crate::cli) fn filter(said: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(said).map_err(|error| Failure::Usage(format!("log {said:?}: {error}")))
}

/// # Errors
/// When the filter is none.
pub(super) fn to_stderr(said: &str) -> Result<(), Failure> {
    let filter = filter(said)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match std::io::stderr().is_terminal() {
        true => log.with_target(false).try_init(),
        false => log.json().flatten_event(true).with_ansi(false).try_init(),
    };
    begun.map_err(|error| Failure::Failed(format!("no log: {error}")))
}
