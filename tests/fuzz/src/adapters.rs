//! The adapter that `FUZZ_ADAPTER` names.

use feeds::provider::adapters;

use crate::doors::Door;

#[path = "../../../feeds/tests/fuzz/adapter.rs"]
mod adapter;

pub fn named() -> Door {
    let name = std::env::var("FUZZ_ADAPTER").expect("FUZZ_ADAPTER names an adapter");
    let adapter = *adapters().iter().find(|adapter| adapter.name() == name).expect("an adapter of feeds");
    Door {
        seeds: adapter::recordings(env!("CARGO_MANIFEST_DIR"), "../../feeds/recordings", &name),
        check: Box::new(move |bytes| adapter::check(adapter, bytes)),
    }
}
