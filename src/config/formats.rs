//! `[adapters]`: formats of one's own, `name = "jq:mapping.jq"`. Each is an adapter like those that are built in: providers
//! are granted it by its name, post it to `/v1/feeds/<name>`, and feeds name it.

use std::collections::BTreeMap;
use std::path::Path;

use feeds::provider::{Adapter, Jq, adapter, adapters};
use parking_lot::Mutex;

use super::{ConfigError, Feed, fail};

/// What a program's file stands behind.
const JQ: &str = "jq:";
/// The longest program, in bytes.
const MAX_PROGRAM_BYTES: u64 = 1 << 20;

/// The adapters that a service knows: those that are built in, and the config's own.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    /// By name, and those of feeds by what these say.
    own: BTreeMap<String, &'static Jq>,
}

impl Formats {
    /// Reads and compiles the programs of the table, and those that feeds name by their files.
    ///
    /// # Errors
    /// When a name is taken or no name, or a program cannot be read; the message is one line.
    pub(super) fn load(
        said: &BTreeMap<String, String>,
        feeds: &BTreeMap<String, Feed>,
    ) -> Result<Formats, ConfigError> {
        let mut own = BTreeMap::new();
        for (name, spec) in said {
            let named = |why: &str| ConfigError(format!("adapters.{name}: {why}"));
            if !feeds::topic::is_segment(name) {
                return Err(named("a name is [a-z0-9][a-z0-9._-]*"));
            }
            if adapter(name).is_some() {
                return Err(named("this name is a built-in adapter's"));
            }
            let file = spec.strip_prefix(JQ);
            let file = file.ok_or_else(|| named(&format!("{spec:?}: a format of one's own is \"jq:FILE\"")))?;
            own.insert(name.clone(), compile(name, file).map_err(|why| named(&why))?);
        }
        for (feed, Feed { adapter: spec, .. }) in feeds {
            if let Some(file) = spec.strip_prefix(JQ) {
                let named = |why: String| ConfigError(format!("feeds.{feed}.adapter: {why}"));
                own.insert(spec.clone(), compile(feed, file).map_err(named)?);
            }
        }
        Ok(Formats { own })
    }

    /// An adapter by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static dyn Adapter> {
        let own = self.own.get(name).map(|own| *own as &dyn Adapter);
        own.or_else(|| adapter(name))
    }

    /// The config's own, by name.
    pub(super) fn own(&self) -> BTreeMap<&str, &'static Jq> {
        let named = self.own.iter().filter(|(name, _)| !name.starts_with(JQ));
        named.map(|(name, own)| (name.as_str(), *own)).collect()
    }

    /// Whether others have the same adapter by this name.
    pub(super) fn are_one(&self, others: &Formats, name: &str) -> bool {
        match (self.own.get(name), others.own.get(name)) {
            (Some(own), Some(other)) => std::ptr::eq(*own, *other),
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Every name, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        let built_in = adapters().iter().map(|adapter| adapter.name());
        let own = self.own.keys().map(String::as_str).filter(|name| !name.starts_with(JQ));
        built_in.chain(own).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn check(&self, provider: &str, granted: &[String]) -> Result<(), ConfigError> {
        match granted.iter().find(|name| self.find(name).is_none()) {
            Some(adapter) => fail(format!("providers.{provider}.adapters: there is no adapter {adapter:?}")),
            None => Ok(()),
        }
    }
}

/// Compiles a program, or gives the one that was compiled of the same text. They live as long as the process, and reading
/// a config again adds none but those that are new.
fn compile(name: &str, file: &str) -> Result<&'static Jq, String> {
    static COMPILED: Mutex<BTreeMap<(String, String), &'static Jq>> = Mutex::new(BTreeMap::new());
    let file = Path::new(file);
    let named = (name.to_owned(), text(file)?);
    if let Some(known) = COMPILED.lock().get(&named) {
        return Ok(known);
    }
    let compiled: &'static Jq = Box::leak(Box::new(build(name, file, &named.1)?));
    COMPILED.lock().insert(named, compiled);
    Ok(compiled)
}

/// Compiles the program of a file.
///
/// # Errors
/// Why not, in one line with the file's name and the place in it.
pub fn program(name: &str, file: &Path) -> Result<Jq, String> {
    build(name, file, &text(file)?)
}

fn build(name: &str, file: &Path, text: &str) -> Result<Jq, String> {
    Jq::new(name, text).map_err(|fault| format!("{}: {fault}", file.display()))
}

fn text(file: &Path) -> Result<String, String> {
    let named = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    let bytes = std::fs::metadata(file).map_err(|error| named(&error))?.len();
    if bytes > MAX_PROGRAM_BYTES {
        return Err(named(&format!("a program has at most {MAX_PROGRAM_BYTES} bytes")));
    }
    std::fs::read_to_string(file).map_err(|error| named(&error))
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    #[test]
    fn a_feed_names_a_program_or_its_file() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/feeds/examples/harbour.jq");
        let config = Config::parse(&format!(
            "[adapters]\nharbour = \"jq:{file}\"\n[feeds.one]\nadapter = \"harbour\"\nurl = \"https://a.example\"\n\
             [feeds.two]\nadapter = \"jq:{file}\"\nurl = \"https://a.example\""
        ));
        let config = config.unwrap();
        for feed in config.feeds.values() {
            let adapter = config.formats.find(&feed.adapter).expect("an adapter");
            assert_eq!(adapter.decode(br#"{"league":{"id":"x"},"matches":[]}"#).unwrap().reports, []);
        }
        assert!(config.formats.names().ends_with(", harbour"), "a feed's own file has no name");
    }
}
