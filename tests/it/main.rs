//! The integration tests: one binary, so that it links once.

// A panic is a failed test, also in the helpers, which clippy's allow-unwrap-in-tests does not reach.
#![allow(clippy::unwrap_used)]

mod broker;
mod captures;
mod cbor;
mod codec;
mod delivery;
mod documents;
#[path = "../fuzz/src/doors.rs"]
mod doors;
mod fuzz;
mod gateway;
mod hazards;
mod hostile;
mod monitoring;
#[path = "../../feeds/tests/fuzz/mutate.rs"]
mod mutate;
mod proxies;
mod publish;
mod pull;
mod redis;
mod reload;
#[path = "../soak/soak.rs"]
mod soak;
mod sources;
mod subscriber;
mod support;
mod tidy;
mod tls;
mod tokens;
mod transports;
