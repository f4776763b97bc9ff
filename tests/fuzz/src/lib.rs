//! The targets of a fuzzer that is led by the code it reaches (libFuzzer): a [`doors::Door`] each, whose seeds and checks
//! the short runs of the tests share.
#![allow(missing_docs, clippy::unwrap_used)] // a panic is a finding

pub mod adapters;
pub mod doors;
#[path = "../../it"]
mod it {
    #[allow(unused, reason = "its tests need more")]
    pub(crate) mod delivery;
}
#[path = "../../../feeds/tests/fuzz/mutate.rs"]
mod mutate;

pub use libfuzzer_sys;

use it::delivery;
use mutate::{Random, changed, mutant};

/// The binary of one target.
#[macro_export]
macro_rules! target {
    ($place:ident::$door:ident()) => {
        static DOOR: std::sync::LazyLock<$crate::doors::Door> = std::sync::LazyLock::new($crate::$place::$door);

        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (DOOR.check)(bytes));

        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
            $crate::mutate(&DOOR.seeds, data, size, most, seed)
        });
    };
}

/// Mutates what libFuzzer found worth keeping: half of the time as it would, else as somebody who knows the formats. One in
/// eight begins at a seed, so a corpus needs no files to begin with.
pub fn mutate(seeds: &[Vec<u8>], data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(seed.into());
    let bytes = match random.below(8) {
        0 => mutant(seeds, &mut random),
        1..4 => changed(&data[..size], seeds, &mut random),
        _ => return libfuzzer_sys::fuzzer_mutate(data, size, most),
    };
    let size = bytes.len().min(most);
    data[..size].copy_from_slice(&bytes[..size]);
    size
}
