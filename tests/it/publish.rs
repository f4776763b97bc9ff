//! Publishing over real sockets: every answer of the contract's section 5, and the server around it.

mod answers;
mod away;
mod batches;
pub(crate) mod command;
mod formats;
mod keys;
mod limits;
mod listeners;
mod racing;
mod recording;
mod removing;
mod secure;
mod signed;
mod streams;
