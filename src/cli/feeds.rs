//! `scoreline feeds test DIR`: golden pairs, `<name>.jsonl` in and `<name>.reports.jsonl` out, decoded by the program
//! `<name>.jq` beside them, or by the built-in adapter of that name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use feeds::provider::golden::{Difference, decode_lines, differences};
use feeds::provider::{Adapter, Jq, adapter};

use super::{Failure, out};
use crate::config::program;

/// What there is to do with formats.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Feeds {
    /// Decode the payloads of a folder (NAME.jsonl) and compare with what is expected (NAME.reports.jsonl)
    Test(Test),
}

/// Golden pairs of a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The folder
    dir: PathBuf,
    /// Write what is decoded as what is expected from now on; then read it
    #[arg(long)]
    update: bool,
}

const EXPECTED: &str = ".reports.jsonl";

pub(super) fn command(feeds: &Feeds) -> Result<(), Failure> {
    let Feeds::Test(test) = feeds;
    let names = names(&test.dir)?;
    if names.is_empty() {
        return Err(Failure::Failed(format!("{}: there is no NAME.jsonl", test.dir.display())));
    }
    let mut seen = BTreeMap::new();
    for name in &names {
        *seen.entry(pair(test, name)?).or_insert(0) += 1;
    }
    match (seen.get(&Seen::Differs), seen.get(&Seen::AsExpected)) {
        (Some(differing), _) => Err(Failure::Failed(format!("{differing} of {} formats differ", names.len()))),
        (None, None) => Err(Failure::Failed("nothing was tested".to_owned())),
        (None, Some(_)) => Ok(()),
    }
}

/// How a pair turned out.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    AsExpected,
    Differs,
    /// There is nothing to decode it by.
    LeftOut,
}

/// The names of the recordings, sorted.
fn names(dir: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", dir.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name();
        let name = file.to_str().filter(|file| !file.ends_with(EXPECTED)).and_then(|file| file.strip_suffix(".jsonl"));
        names.extend(name.map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Looks at one pair, and says how it is.
fn pair(test: &Test, name: &str) -> Result<Seen, Failure> {
    let Some(adapter) = find(&test.dir, name)? else {
        out::line(format_args!("{name}: no {name}.jq and no built-in adapter, left out"))?;
        return Ok(Seen::LeftOut);
    };
    let adapter = adapter.as_ref();
    let payloads = read(&test.dir.join(format!("{name}.jsonl")))?;
    let path = test.dir.join(format!("{name}{EXPECTED}"));
    if test.update {
        let failed = |error| Failure::Failed(format!("{}: {error}", path.display()));
        let decoded = decode_lines(adapter, &payloads);
        std::fs::write(&path, &decoded).map_err(failed)?;
        let count = payloads.lines().count();
        let unread = decoded.lines().filter(|line| line.starts_with("{\"error\"")).count();
        let unread = if unread == 0 { String::new() } else { format!(", {unread} of them not read at all") };
        out::line(format_args!("{name}: {count} payloads{unread}, written to {}", path.display()))?;
        return Ok(Seen::AsExpected);
    }
    let differences = differences(adapter, &payloads, &read(&path)?);
    for Difference { line, expected, found } in &differences {
        let [expected, found] = [expected, found].map(|text| text.as_deref().unwrap_or("nothing"));
        out::line(format_args!("{name}.jsonl, line {line}\n  expected {expected}\n     found {found}"))?;
    }
    let found = if differences.is_empty() { "all".to_owned() } else { format!("{} not", differences.len()) };
    out::line(format_args!("{name}: {} payloads, {found} as expected", payloads.lines().count()))?;
    Ok(if differences.is_empty() { Seen::AsExpected } else { Seen::Differs })
}

/// A program beside the recording, or what is built in.
fn find(dir: &Path, name: &str) -> Result<Option<Box<dyn Adapter>>, Failure> {
    let file = dir.join(format!("{name}.jq"));
    if file.exists() {
        let program: Jq = program(name, &file).map_err(Failure::Failed)?;
        return Ok(Some(Box::new(program)));
    }
    Ok(adapter(name).map(|built_in| Box::new(built_in) as Box<dyn Adapter>))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}
