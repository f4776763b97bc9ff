//! A fuzzer for every adapter and assembler: payloads of the golden pairs, mutated as bytes and spliced with each other. A
//! short run with a fixed seed is a test; the long one, led by the code that it reaches, is `tests/fuzz` of the program.
//!
//! A fault is told with the bytes that made it.
#![allow(clippy::unwrap_used)] // a panic here is a failed test

#[path = "fuzz/adapter.rs"]
mod adapter;
#[path = "fuzz/mutate.rs"]
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};

use adapter::{check, recordings};
use feeds::provider::{Adapter, Jq, adapters};
use mutate::{Random, mutant};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn short(adapter: &dyn Adapter, corpus: &[Vec<u8>], cases: usize) {
    let mut random = Random(26_112_026);
    for case in 0..cases {
        let bytes = mutant(corpus, &mut random);
        let ran = catch_unwind(AssertUnwindSafe(|| check(adapter, &bytes)));
        if let Err(panic) = ran {
            eprintln!("{}, case {case}: {:?}", adapter.name(), String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn no_payload_breaks_an_adapter() {
    for adapter in adapters() {
        short(*adapter, &recordings(HERE, "recordings", adapter.name()), 400);
    }
}

#[test]
fn no_payload_breaks_a_program() {
    let program = include_str!("../examples/harbour.jq");
    short(&Jq::new("harbour", program).unwrap(), &recordings(HERE, "examples", "harbour"), 100);
}
