//! Scoreline's domain, pure: bytes in, reports out; documents in, documents out. No sockets, no clock, no storage, so
//! everything here is a function of its arguments and any process may run any of it.
//!
//! - [`topic`]: the one parser that makes a [`Topic`].
//! - [`json`]: strict JSON in: duplicate keys, deep nesting and arrays where none belong are refused with a pointer.
//! - [`document`]: merge patches (RFC 7396) of a game's document: apply, diff, compose, the score detail.
//! - [`game`]: the document's schema as types, which adapters fill and [`game::validate`] checks against.
//! - [`report`]: what one provider says about one game at one moment.
//! - [`revision`]: what a report makes of the held game: voids, the clock rule, corrections, urgency.
//! - [`provider`]: the registry of adapters, one file each.

pub mod document;
pub mod game;
pub mod json;
mod located;
pub mod provider;
pub mod report;
pub mod revision;
pub mod topic;

pub use document::Document;
pub use game::Game;
pub use report::{Change, Invalid, Report};
pub use topic::Topic;
