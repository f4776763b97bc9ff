//! Scoreline: a live sports ticker. Score updates in, one order, streams out.
//!
//! ```text
//! provider → feeds::Adapter → ingest → broker → scoreboard → fan-out → session → WebSocket · SSE · long poll → ticker
//! ```

// A reader of stdout who leaves early must not end a command in a panic: `cli::out` prints.
#![deny(clippy::print_stdout)]

pub mod auth;
pub mod broker;
pub mod cli;
pub mod codec;
pub mod config;
pub mod drain;
pub mod fanout;
pub mod gateway;
pub mod ingest;
pub mod live;
pub mod metrics;
mod noise;
pub mod scoreboard;
pub mod session;
pub mod wire;
