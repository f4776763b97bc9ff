//! Every capture of every provider, decoded: `cargo test -p feeds --test table -- --nocapture` prints payloads, games,
//! reports and what was refused with its reason. The captures are not ours to ship: a provider's row says so where its
//! folder is not beside the project.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use feeds::provider::{Adapter, adapter, adapters};
use feeds::report::Invalid;
use feeds::{Change, game};
use flate2::read::GzDecoder;
use serde_json::Value;

/// The folders of captures by adapter.
const FOLDERS: [(&str, &str); 8] = [
    ("api-football", "api-football"),
    ("espn", "espn"),
    ("football-data", "football-data-org"),
    ("mlb", "mlb-statsapi"),
    ("nba", "nba"),
    ("nhl", "nhl"),
    ("openligadb", "openligadb"),
    ("sofascore", "sofascore"),
];

/// Files that are no payloads of their provider's format, and why.
const NO_PAYLOADS: [(&str, &str); 8] = [
    ("wc2026_mex_summary.json", "a summary is another document than a scoreboard"),
    ("series_scottish_premiership_2026-04-11_19.jsonl.gz", "rewritten by whoever collected it"),
    ("series_golf_masters_2026_r1_r2.jsonl.gz", "rewritten by whoever collected it"),
    ("series_all_live_football_sat_2026-03-28.jsonl.gz", "rewritten by whoever collected it"),
    ("series_all_live_football_wed_2026-03-18.jsonl.gz", "rewritten by whoever collected it"),
    ("score_decreases_2025-12_2026-02.jsonl", "pairs that were made from such a series"),
    ("diffpatch_746139_20240612_041302.json", "a diff is for the assembler"),
    ("malformed_play_events.json", "one play"),
];

/// Documents of a provider that name no game: nothing can be made of them, and each is refused as a whole.
const NAMELESS: [&str; 3] = ["incidents.json", "rightrail_2023020206.json", "linescore_747175.json"];

/// One provider's row.
#[derive(Debug, Default)]
struct Row {
    payloads: usize,
    games: BTreeSet<String>,
    reports: usize,
    refused: BTreeMap<String, usize>,
}

fn captures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/feed-samples")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.retain(|file| !NO_PAYLOADS.iter().any(|(name, _)| file.ends_with(name)));
    files.sort();
    files
}

/// A file's payloads: itself, or the bodies that a series holds line by line.
fn payloads(file: &Path) -> Vec<Vec<u8>> {
    let mut bytes = std::fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    if name.ends_with(".gz") {
        let packed = std::mem::take(&mut bytes);
        GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    }
    if name.contains(".jsonl") {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        return lines
            .map(|line| serde_json::from_slice::<Value>(line).unwrap()["body"].to_string().into_bytes())
            .collect();
    }
    // Some captures are wrapped by the library that made them.
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(mut wrapped)) if wrapped.contains_key("path_params") => {
            vec![wrapped.remove("response").unwrap().to_string().into_bytes()]
        }
        _ => vec![bytes],
    }
}

impl Row {
    fn refuse(&mut self, fault: &Invalid) {
        // Numbers apart, equal faults are one.
        let place: Vec<&str> =
            fault.pointer.split('/').map(|part| if part.parse::<u32>().is_ok() { "*" } else { part }).collect();
        *self.refused.entry(format!("{}: {}", place.join("/"), fault.detail)).or_default() += 1;
    }

    fn add(&mut self, adapter: &dyn Adapter, file: &Path, payload: &[u8]) {
        self.payloads += 1;
        let nameless = NAMELESS.iter().any(|name| file.ends_with(name));
        let decoded = match adapter.decode(payload) {
            Ok(decoded) => decoded,
            Err(fault) => {
                assert!(nameless, "{}: {fault}", file.display());
                return self.refuse(&fault);
            }
        };
        assert!(!nameless, "{} was to be refused", file.display());
        for report in &decoded.reports {
            let (Change::Image(document) | Change::Patch(document)) = &report.change;
            game::validate(document, &report.game).unwrap_or_else(|fault| panic!("{}{fault}", report.game));
            self.games.insert(report.game.to_string());
        }
        self.reports += decoded.reports.len();
        decoded.refused.iter().for_each(|fault| self.refuse(fault));
    }
}

#[test]
fn every_capture_decodes() {
    println!("{:<16}{:>9}{:>7}{:>9}{:>9}", "provider", "payloads", "games", "reports", "refused");
    for (name, folder) in FOLDERS {
        let folder = captures().join(folder);
        if !folder.is_dir() {
            println!("{name:<16} skipped: no captures at {}", folder.display());
            continue;
        }
        let adapter = adapter(name).expect("registered");
        let mut row = Row::default();
        for file in files(&folder) {
            payloads(&file).iter().for_each(|payload| row.add(adapter, &file, payload));
        }
        let Row { payloads, games, reports, refused } = &row;
        println!("{name:<16}{payloads:>9}{:>7}{reports:>9}{:>9}", games.len(), refused.values().sum::<usize>());
        refused.iter().for_each(|(reason, count)| println!("{:>18}× {reason}", count));
        assert!(*reports > 0, "{name}: no report");
    }
}

#[test]
fn every_adapter_with_captures_is_in_the_table() {
    for (name, _) in FOLDERS {
        assert!(adapters().iter().any(|adapter| adapter.name() == name), "{name}");
    }
}
