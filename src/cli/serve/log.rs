//! The log of the process, on stderr: for eyes on a terminal, one JSON object a line elsewhere.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use super::super::Failure;

/// What is logged.
///
/// # Errors
/// When the filter is none.
pub(in crate::cli) fn filter(said: &str) -> Result<Targets, Failure> {
    // `Targets` would take a span for a module's name, which no module has: nothing were logged.
    let read = if said.contains(['[', '{']) { None } else { said.parse().ok() };
    read.ok_or_else(|| {
        Failure::Usage(format!("log {said:?}: a level, or levels by module as in warn,scoreline::ingest=debug"))
    })
}

/// # Errors
/// When the filter is none.
pub(super) fn to_stderr(said: &str) -> Result<(), Failure> {
    let filter = quiet(filter(said)?, said);
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match std::io::stderr().is_terminal() {
        true => log.with_target(false).boxed(),
        false => log.json().flatten_event(true).with_ansi(false).boxed(),
    };
    let begun = tracing_subscriber::registry().with(log).with(filter).try_init();
    begun.map_err(|error| Failure::Failed(format!("no log: {error}")))
}

/// h2 warns of each connection that misbehaves, so that anybody could fill the log; where it is not asked for, it does not.
fn quiet(filter: Targets, said: &str) -> Targets {
    let most = filter.default_level().unwrap_or(LevelFilter::OFF).min(LevelFilter::ERROR);
    if said.contains("h2") { filter } else { filter.with_target("h2", most) }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn what_anybody_can_make_h2_say_is_not_logged_unasked() {
        let logs = |said: &str, level| quiet(filter(said).unwrap(), said).would_enable("h2::proto::streams", &level);
        for (said, level, logged) in [
            ("info", Level::WARN, false),
            ("trace", Level::WARN, false),
            ("info", Level::ERROR, true),
            ("off", Level::ERROR, false),
            ("info,h2=warn", Level::WARN, true),
        ] {
            assert_eq!(logs(said, level), logged, "{said}, {level}");
        }
    }

    #[test]
    fn levels_are_for_all_or_by_module() {
        let read = filter("warn,scoreline::ingest=debug").unwrap();
        assert_eq!(read.default_level(), Some(LevelFilter::WARN));
        assert_eq!(read.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["scoreline::ingest"]);
        for wrong in ["[session]=trace", "scoreline[{id=3}]=debug", "scoreline=loud", "a=b=c"] {
            let said = filter(wrong).unwrap_err().to_string();
            assert!(said.contains(wrong) && said.contains("levels by module"), "{said}");
        }
    }
}
