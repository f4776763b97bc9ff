//! `scoreline bench`: a load generator. It opens connections, publishes on a fixed schedule whatever comes back (an open
//! loop: a slow server shows as latency, not as a lower rate), times every delivery and holds every connection to the
//! contract: each update fits what the connection holds, and in the end everybody holds the newest of every game.
//!
//! Its parts are public for the benchmarks in `benches/`.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;

pub mod crowd;
pub mod fixture;
pub mod gauge;
pub mod http;
pub mod plan;
pub mod publisher;
pub mod schedule;
pub mod tally;

mod conn;
mod judge;
mod options;
mod run;
mod summary;
#[cfg(test)]
mod tests;

pub use crowd::Crowd;
pub use fixture::Fixture;
pub use gauge::{Gauge, Reading};
pub use http::Target;
pub(super) use options::Args;
pub use options::Shares;
pub use plan::Plan;
pub use publisher::{Published, Publisher};
pub use schedule::Schedule;
pub use tally::{Quantiles, Tally};

use tally::{micros, new_histogram};

pub(super) fn command(args: Args) -> Result<(), Failure> {
    let json = args.json;
    let summary = run::run(args)?;
    match json {
        true => super::out::line(serde_json::to_string(&summary).expect("figures are JSON"))?,
        false => super::out::print(&summary)?,
    }
    match summary.ok {
        true => Ok(()),
        false => Err(Failure::Failed("something was lost".to_owned())),
    }
}

/// Raises this process' limit of open files to what it may be.
///
/// # Errors
/// When `wanted` are not to be had.
pub fn need_files(wanted: usize) -> Result<usize, Failure> {
    let limit = super::serve::file_limit();
    match limit >= wanted {
        true => Ok(limit),
        false => {
            Err(Failure::Failed(format!("{wanted} open files are needed, the hard limit is {limit} (ulimit -Hn)")))
        }
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(length: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:>10} {wide_bar:.green} {pos}/{len} {msg}");
    ProgressBar::new(length).with_prefix(what).with_style(style.expect("a template that the bar knows"))
}

/// Fails a command with what the system said.
fn failed(what: &str) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |error| Failure::Failed(format!("{what}: {error}"))
}
