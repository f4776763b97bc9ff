//! The house's order, held by a test: layers, homes of outside crates, lengths of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each module's layer; it may use its own folder and what is below it.
const LAYERS: [(&str, u8); 16] = [
    ("main", 8),
    ("cli", 7),
    ("gateway", 6),
    ("fanout", 5),
    ("session", 4),
    ("scoreboard", 3),
    ("ingest", 3),
    ("broker", 2),
    ("wire", 1),
    ("auth", 1),
    ("codec", 1),
    ("config", 1),
    ("drain", 1),
    ("live", 0),
    ("noise", 0),
    ("metrics", 1),
];

/// Where an outside crate may be named: files whose path starts so.
const HOMES: [(&str, &[&str]); 19] = [
    ("warp", &["src/gateway"]),
    ("prometheus", &["src/metrics"]),
    ("redis", &["src/broker/redis"]),
    ("redb", &["src/broker/embedded"]),
    ("mio", &["src/fanout", "src/cli/bench"]),
    ("clap", &["src/cli", "src/config"]),
    ("tokio_rustls", &["src/gateway", "src/cli/client/tls.rs"]),
    ("rustls_native_certs", &["src/cli/client/tls.rs"]),
    ("x509_parser", &["src/gateway/tls.rs"]),
    ("listenfd", &["src/cli/serve"]),
    ("rust_embed", &["src/gateway/pages.rs"]),
    ("governor", &["src/gateway/tries.rs"]),
    ("jsonwebtoken", &["src/auth"]),
    ("reqwest", &["src/ingest/poll"]),
    ("backon", &["src/ingest/poll"]),
    ("ciborium", &["src/wire/cbor.rs"]),
    ("ratatui", &["src/cli/watch"]),
    ("sd_notify", &["src/cli/serve/systemd.rs"]),
    ("schemars", &["src/gateway/contract", "src/wire"]),
];

/// What the pure crate may use: nothing that has a socket, a clock or a file.
const FEEDS_MAY_USE: [&str; 12] = [
    "serde",
    "serde_json",
    "schemars",
    "thiserror",
    "jiff",
    "strsim",
    "roxmltree",
    "csv",
    "json-patch",
    "jaq-core",
    "jaq-std",
    "jaq-json",
];

const LINES_AT_MOST: usize = 500;

/// A source file: its path from the package's root, and its code without comments.
struct Source {
    path: String,
    lines: usize,
    code: String,
}

impl Source {
    /// The top module it belongs to: `src/broker/embedded/batch.rs` → `broker`.
    fn module(&self) -> &str {
        let inner = self.path.strip_prefix("src/").expect("only src is asked");
        inner.split(['/', '.']).next().expect("a path has a first part")
    }

    /// The modules after each `prefix::` in its code.
    fn named<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.code.match_indices(prefix).filter_map(move |(at, _)| {
            let before = self.code[..at].chars().next_back();
            let name = self.code[at + prefix.len()..].strip_prefix("::")?;
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            (!before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')).then_some(&name[..end])
        })
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(&root.join(folder), &mut files);
    assert!(files.len() > 5, "{folder} is not where it was");
    files.iter().map(|file| source(root, file)).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn source(root: &Path, file: &Path) -> Source {
    let text = std::fs::read_to_string(file).unwrap();
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect();
    let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    Source { path, lines: text.lines().count(), code: code.join("\n") }
}

#[test]
fn each_layer_uses_only_those_below_it() {
    let layers = BTreeMap::from(LAYERS);
    let mut faults = Vec::new();
    for source in sources("src").iter().filter(|source| source.path != "src/lib.rs") {
        let module = source.module();
        let Some(own) = layers.get(module) else {
            faults.push(format!("{}: {module} has no layer", source.path));
            continue;
        };
        for used in source.named("crate").chain(source.named("scoreline")) {
            // What is no module is an item of the crate's root, of which there are none.
            let below = layers.get(used).is_some_and(|layer| layer < own);
            if used != module && !below {
                faults.push(format!("{}: {module} (layer {own}) uses {used}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_outside_crate_has_its_home() {
    let mut faults = Vec::new();
    for source in sources("src") {
        for (name, homes) in HOMES {
            let at_home = homes.iter().any(|home| source.path.starts_with(home));
            if !at_home && source.named(name).next().is_some() {
                faults.push(format!("{} names {name}, whose home is {homes:?}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_domain_is_pure() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let uses: Vec<&String> = manifest["dependencies"].as_table().unwrap().keys().collect();
    assert!(uses.iter().all(|name| FEEDS_MAY_USE.contains(&name.as_str())), "feeds uses {uses:?}");
    let tests = |source: &Source| source.path.ends_with("tests.rs");
    for source in sources("feeds/src").iter().filter(|source| !tests(source)) {
        let code = source.code.split("#[cfg(test)]").next().unwrap_or("");
        for named in
            ["std::fs", "std::net", "std::time::SystemTime", "std::time::Instant", "Instant::now", "Zoned::now"]
        {
            assert!(!code.contains(named), "{} names {named}", source.path);
        }
    }
}

#[test]
fn files_are_short() {
    let mut long: Vec<Source> = sources("src").into_iter().chain(sources("feeds/src")).collect();
    long.retain(|source| source.lines > 400);
    for source in &long {
        println!("{}: {} lines", source.path, source.lines);
    }
    long.retain(|source| source.lines > LINES_AT_MOST);
    let names: Vec<&str> = long.iter().map(|source| source.path.as_str()).collect();
    assert!(names.is_empty(), "longer than {LINES_AT_MOST} lines: {names:?}");
}

#[test]
fn modules_have_no_mod_rs() {
    let named_so = |source: &Source| source.path.ends_with("/mod.rs");
    let sources: Vec<Source> = ["src", "feeds/src", "tests"].into_iter().flat_map(sources).collect();
    assert!(!sources.iter().any(named_so), "a folder's module is in the file of its name beside it");
}
