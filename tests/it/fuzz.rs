//! Bytes from outside before each of our doors: what tests/fuzz found in hours, led by the code that it reaches, and mutants of
//! that, by a seed. The adapters have theirs in feeds/tests/fuzz.rs.
//!
//! A fault is told with the bytes that made it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::doors::{self, Door};
use crate::mutate::{Random, mutant};

fn short(name: &str, mut door: Door, cases: usize) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let found: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(found.len() >= 10, "{} files", found.len());
    found.iter().for_each(|bytes| check(&door, bytes));
    door.seeds.extend(found);
    let mut random = Random(24_112_026);
    for _ in 0..cases {
        check(&door, &mutant(&door.seeds, &mut random));
    }
}

fn check(door: &Door, bytes: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (door.check)(bytes))) {
        eprintln!("{:?}\n{bytes:?}", String::from_utf8_lossy(bytes));
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn topics() {
    short("topics", doors::topics(), 20_000);
}

#[test]
fn positions() {
    short("positions", doors::positions(), 20_000);
}

#[test]
fn commands() {
    short("commands", doors::commands(), 20_000);
}

#[test]
fn cbor() {
    short("cbor", doors::cbor(), 20_000);
}

#[test]
fn reports() {
    short("reports", doors::reports(), 20_000);
}

#[test]
fn frames() {
    short("frames", doors::frames(), 10_000);
}

#[test]
fn tokens() {
    short("tokens", doors::tokens(), 10_000);
}

#[test]
fn claims() {
    short("claims", doors::claims(), 10_000);
}

#[test]
fn signatures() {
    short("signatures", doors::signatures(), 10_000);
}

#[test]
fn sessions() {
    short("sessions", doors::sessions(), 100);
}
