//! The adapter that `FUZZ_ADAPTER` names.

use std::cell::RefCell;

use feeds::provider::{Assembler, adapters};

use crate::doors::Door;

#[path = "../../../feeds/tests/fuzz/adapter.rs"]
mod adapter;

pub fn named() -> Door {
    let name = std::env::var("FUZZ_ADAPTER").expect("FUZZ_ADAPTER names an adapter");
    let adapter = *adapters().iter().find(|adapter| adapter.name() == name).expect("an adapter of feeds");
    thread_local!(static HELD: RefCell<Option<Box<dyn Assembler>>> = const { RefCell::new(None) });
    HELD.set(adapter.assembler());
    Door {
        seeds: adapter::recordings(env!("CARGO_MANIFEST_DIR"), "../../feeds/recordings", &name),
        check: Box::new(move |bytes| HELD.with_borrow_mut(|held| adapter::check(adapter, held.as_mut(), bytes))),
    }
}
