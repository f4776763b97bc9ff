//! Real captures of real days through the whole service, with subscribers that come and go. The captures are not ours to
//! ship: where they are not beside the project, each test says so and passes.

mod crowd;
mod each;
mod espn;
mod football;

use std::path::{Path, PathBuf};

use crate::support::{ACME, Service};

/// The folder of captures, or `None` with a word about it.
fn captures(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/feed-samples").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no captures at ../shared/feed-samples/{folder}");
    None
}

/// A service whose silent subscribers soon know how far they are.
async fn served() -> Service {
    Service::start(&format!("{ACME}\n[limits]\nheartbeat = \"1s\"\nidle_time = \"10m\"")).await
}
