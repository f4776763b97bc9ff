//! Real servers for the tests: redis-server, redis-sentinel and clusters on free ports of loopback, and a proxy of our own
//! between them and the program that loses, doubles, swaps and cuts.

mod acl;
pub(crate) mod cluster;
mod feeds;
pub(crate) mod proxy;
pub(crate) mod roles;
pub(crate) mod sentinel;
pub(crate) mod server;
