//! Every capture of every provider, decoded: `cargo test -p feeds --test table -- --nocapture` prints payloads, games,
//! reports and what was refused with its reason. The captures are not ours to ship: a provider's row says so where its
//! folder is not beside the project.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use feeds::provider::{Adapter, adapter, adapters, f1};
use feeds::report::Invalid;
use feeds::{Change, Document, document, game};
use flate2::read::GzDecoder;
use serde_json::Value;

/// The folder of captures of each adapter.
const FOLDERS: [(&str, &str); 16] = [
    ("api-football", "api-football"),
    ("betfair", "betfair"),
    ("cricsheet", "cricsheet"),
    ("espn", "espn"),
    ("f1", "f1-livetiming"),
    ("football-data", "football-data-org"),
    ("goalserve", "goalserve"),
    ("mlb", "mlb-statsapi"),
    ("nba", "nba"),
    ("nhl", "nhl"),
    ("openfootball", "openfootball"),
    ("openligadb", "openligadb"),
    ("opta", "opta"),
    ("sofascore", "sofascore"),
    ("sportradar", "sportradar"),
    ("tennis-slam-pbp", "tennis-slam-pbp"),
];

/// Folders whose format has no adapter: events without the game they belong to.
const NO_ADAPTER: [&str; 3] = ["datafactory", "fiba", "statsbomb"];

/// Files that are no payloads of their provider's format, and why.
const NO_PAYLOADS: [(&str, &str); 8] = [
    ("series_scottish_premiership_2026-04-11_19.jsonl.gz", "rewritten by whoever collected it"),
    ("series_golf_masters_2026_r1_r2.jsonl.gz", "rewritten by whoever collected it"),
    ("series_all_live_football_sat_2026-03-28.jsonl.gz", "rewritten by whoever collected it"),
    ("series_all_live_football_wed_2026-03-18.jsonl.gz", "rewritten by whoever collected it"),
    ("score_decreases_2025-12_2026-02.jsonl", "pairs that were made from such a series"),
    ("diffpatch_746139_20240612_041302.json", "a diff is for the assembler"),
    ("malformed_play_events.json", "one play"),
    ("lap_count.raw", "one topic of a session that nothing names"),
];

/// Documents of a provider of which nothing can be made, and each is refused as a whole: they name no game, are another
/// format (DataCore), or say themselves that they are old (503).
const NOTHING: [&str; 5] = [
    "sofascore/incidents.json",
    "rightrail_2023020206.json",
    "linescore_747175.json",
    "datacore_handball_8322fed8_first_half.json",
    "streaming_503.json",
];

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

/// A file's bytes, unpacked.
fn read(file: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(file).unwrap();
    if file.extension().is_some_and(|ending| ending == "gz") {
        let packed = std::mem::take(&mut bytes);
        GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    }
    bytes
}

/// The topics of a recorded session of Formula 1, whose files are named in snake case, through the assembler: a payload
/// for each message with news.
fn assembled(session: &Path) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for file in files(session) {
        let name = file.file_name().unwrap().to_str().unwrap().split('.').next().unwrap();
        let topic: String = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let bytes = read(&file);
        lines.extend(f1::archive(&topic, &bytes).map(Result::unwrap));
    }
    lines.sort_by_key(|line| line.at);
    let mut assembler = adapter("f1").unwrap().assembler().unwrap();
    lines.iter().filter_map(|line| assembler.take(&line.message).unwrap()).collect()
}

/// A file's payloads: itself, or the bodies that a series holds line by line.
fn payloads(file: &Path) -> Vec<Vec<u8>> {
    let bytes = read(file);
    let name = file.file_name().unwrap().to_str().unwrap();
    if name == "f24_sample.xml" {
        // Whoever collected it took its ids out.
        let ids = "<Game id='1' competition_id='8' home_team_id='569' away_team_id='2592'>";
        return vec![String::from_utf8(bytes).unwrap().replace("<Game>", ids).into_bytes()];
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
        let nothing = NOTHING.iter().any(|name| file.ends_with(name));
        let decoded = match adapter.decode(payload) {
            Ok(decoded) => decoded,
            Err(fault) => {
                assert!(nothing, "{}: {fault}", file.display());
                return self.refuse(&fault);
            }
        };
        assert!(!nothing, "{} was to be refused", file.display());
        for report in &decoded.reports {
            let (Change::Image(change) | Change::Patch(change)) = &report.change;
            let mut document = Document::new();
            document::apply(&mut document, change);
            game::validate(&document, &report.game).unwrap_or_else(|fault| panic!("{}{fault}", report.game));
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
        for file in files(&folder).into_iter().filter(|file| !file.to_str().unwrap().contains(".raw")) {
            payloads(&file).iter().for_each(|payload| row.add(adapter, &file, payload));
        }
        let session = folder.join("2020_05_FP2");
        if session.is_dir() {
            assembled(&session).iter().for_each(|payload| row.add(adapter, &session, payload));
        }
        let Row { payloads, games, reports, refused } = &row;
        println!("{name:<16}{payloads:>9}{:>7}{reports:>9}{:>9}", games.len(), refused.values().sum::<usize>());
        refused.iter().for_each(|(reason, count)| println!("{:>18}× {reason}", count));
        assert!(*reports > 0, "{name}: no report");
    }
}

/// What the summary and the scoreboard of one match have in common they say alike: incidents by their ids, sides, status.
#[test]
fn a_summary_says_what_its_scoreboard_does() {
    let files = ["scoreboard", "summary"].map(|name| captures().join(format!("espn/wc2026_mex_{name}.json")));
    if files.iter().any(|file| !file.is_file()) {
        return println!("skipped: no captures at {}", captures().display());
    }
    let [listed, summed] = files.map(|file| {
        let report = adapter("espn").unwrap().decode(&read(&file)).unwrap().reports.remove(0);
        let Change::Image(image) = report.change else { panic!("an image") };
        (report.game, image)
    });
    assert_eq!(listed.0, summed.0);
    let ids = |image: &Document| image["incidents"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&listed.1), ids(&summed.1));
    for said in ["sport", "competition", "start", "status", "info"] {
        assert_eq!(listed.1[said], summed.1[said], "{said}");
    }
}

#[test]
fn every_adapter_and_every_folder_is_in_the_table() {
    let registered: Vec<&str> = adapters().iter().map(|adapter| adapter.name()).collect();
    assert_eq!(registered, FOLDERS.map(|(name, _)| name));
    let mut known: Vec<&str> = FOLDERS.iter().map(|(_, folder)| *folder).chain(NO_ADAPTER).collect();
    known.sort_unstable();
    if captures().is_dir() {
        let mut there: Vec<PathBuf> =
            std::fs::read_dir(captures()).unwrap().map(|entry| entry.unwrap().path()).collect();
        there.retain(|path| path.is_dir());
        there.sort();
        let there: Vec<&str> = there.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(there, known);
    }
}

/// `feeds/README.md`: a row for each adapter, in their order, none without what was verified.
#[test]
fn the_support_table_has_a_row_for_each_adapter() {
    let readme = include_str!("../README.md");
    let table = readme.split("## Support").nth(1).unwrap().split("\n\n").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split('|').map(str::trim).collect()).collect();
    let names: Vec<String> = adapters().iter().map(|adapter| format!("`{}`", adapter.name())).collect();
    assert_eq!(rows.iter().map(|row| row[1]).collect::<Vec<_>>(), names);
    assert!(rows.iter().all(|row| row.len() == 6 && row[2..5].iter().all(|cell| !cell.is_empty())), "{rows:?}");
}
