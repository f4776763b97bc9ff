//! Bytes from outside before each of our doors: mutants of a few good ones, by a seed. The short run of what tests/fuzz
//! does for hours, led by the code that it reaches; the adapters have theirs in feeds/tests/fuzz.rs.
//!
//! A fault is told with the bytes that made it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::doors::{self, Door};
use crate::mutate::{Random, mutant};

fn short(door: &Door, cases: usize) {
    let mut random = Random(24_112_026);
    for case in 0..cases {
        let bytes = mutant(&door.seeds, &mut random);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (door.check)(&bytes))) {
            eprintln!("case {case}: {:?}\n{bytes:?}", String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn topics() {
    short(&doors::topics(), 20_000);
}

#[test]
fn positions() {
    short(&doors::positions(), 20_000);
}

#[test]
fn commands() {
    short(&doors::commands(), 20_000);
}

#[test]
fn cbor() {
    short(&doors::cbor(), 20_000);
}

#[test]
fn reports() {
    short(&doors::reports(), 20_000);
}

#[test]
fn frames() {
    short(&doors::frames(), 10_000);
}

#[test]
fn tokens() {
    short(&doors::tokens(), 10_000);
}

#[test]
fn claims() {
    short(&doors::claims(), 10_000);
}

#[test]
fn signatures() {
    short(&doors::signatures(), 10_000);
}

#[test]
fn sessions() {
    short(&doors::sessions(), 100);
}
