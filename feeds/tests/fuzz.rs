//! A fuzzer for every adapter and assembler: payloads of the golden pairs, mutated as bytes and spliced with each other. A
//! short run with a fixed seed is a test; a long one is for the hand:
//!
//! ```sh
//! FUZZ_SECONDS=600 FUZZ_ADAPTER=betfair cargo test --release -p feeds --test fuzz -- --nocapture
//! ```
//!
//! Whatever comes: no panic, a decoded report is valid, and the same bytes say the same again. A fault is told with the
//! bytes that made it.
#![allow(clippy::unwrap_used)] // a panic here is a failed test

#[path = "fuzz/mutate.rs"]
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use feeds::provider::{Adapter, Jq, adapters, golden};
use feeds::{Change, Document, document, game};

use mutate::{Random, mutant};

fn recordings(folder: &str, name: &str) -> Vec<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| golden::payload(line).into_owned()).collect()
}

/// Decodes, and holds what comes out to what adapters owe.
fn check(adapter: &dyn Adapter, bytes: &[u8]) {
    let decoded = adapter.decode(bytes);
    assert_eq!(decoded, adapter.decode(bytes), "the same bytes say the same");
    for report in decoded.into_iter().flat_map(|decoded| decoded.reports) {
        let mut applied = Document::new();
        let document = match &report.change {
            Change::Image(image) => image,
            Change::Patch(patch) => {
                document::apply(&mut applied, patch);
                &applied
            }
        };
        assert_eq!(game::validate(document, &report.game), Ok(()), "{}", report.game);
        assert!(report.game.is_game());
    }
}

/// Fuzzes one adapter for a number of cases, or as long as the environment says.
fn fuzz(adapter: &dyn Adapter, corpus: &[Vec<u8>], cases: usize) {
    let told = std::env::var("FUZZ_SECONDS").ok().map(|text| Duration::from_secs(text.parse().unwrap()));
    if std::env::var("FUZZ_ADAPTER").is_ok_and(|name| name != adapter.name()) {
        return;
    }
    let mut random = Random(std::env::var("FUZZ_SEED").map_or(26_112_026, |seed| seed.parse().unwrap()));
    let (begun, mut done) = (Instant::now(), 0_usize);
    let mut assembler = adapter.assembler();
    while told.map_or(done < cases, |time| begun.elapsed() < time) {
        let bytes = mutant(corpus, &mut random);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            check(adapter, &bytes);
            // What a connection holds is made of many messages, broken ones too.
            if let Some(Ok(Some(payload))) = assembler.as_mut().map(|assembler| assembler.take(&bytes)) {
                check(adapter, &payload);
            }
        }));
        if let Err(panic) = ran {
            eprintln!("{}, case {done}: {:?}", adapter.name(), String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(panic);
        }
        done += 1;
    }
    println!("{}: {done} payloads", adapter.name());
}

#[test]
fn no_payload_breaks_an_adapter() {
    for adapter in adapters() {
        fuzz(*adapter, &recordings("recordings", adapter.name()), 400);
    }
}

#[test]
fn no_payload_breaks_a_program() {
    let program = include_str!("../examples/harbour.jq");
    fuzz(&Jq::new("harbour", program).unwrap(), &recordings("examples", "harbour"), 100);
}
