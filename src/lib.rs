//! Scoreline: a live sports ticker. Score updates in, one order, streams out.
//!
//! ```text
//! provider → feeds::Adapter → ingest → broker → scoreboard → fan-out → session → WebSocket · SSE · long poll → ticker
//! ```

pub mod auth;
pub mod broker;
pub mod cli;
pub mod config;
pub mod drain;
pub mod fanout;
pub mod gateway;
pub mod ingest;
pub mod metrics;
pub mod scoreboard;
pub mod session;
pub mod wire;
