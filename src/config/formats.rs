//! `[adapters]`: formats of one's own, `name = "jq:mapping.jq"`. Each is an adapter like those that are built in: providers
//! are granted it by its name, post it to `/v1/feeds/<name>`, and feeds name it.

use std::collections::BTreeMap;
use std::path::Path;

use feeds::provider::{Adapter, Jq, adapter, adapters};

use super::{ConfigError, Feed, fail};

/// What a program's file stands behind.
const JQ: &str = "jq:";
/// The longest program, in bytes.
const MAX_PROGRAM_BYTES: u64 = 1 << 20;

/// The adapters that a service knows: those that are built in, and the config's own.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    /// By name, and those of feeds by what these say. They live as long as the process, which reads its config once.
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

fn compile(name: &str, file: &str) -> Result<&'static Jq, String> {
    program(name, Path::new(file)).map(|program| &*Box::leak(Box::new(program)))
}

/// Compiles the program of a file.
///
/// # Errors
/// Why not, in one line with the file's name and the place in it.
pub fn program(name: &str, file: &Path) -> Result<Jq, String> {
    let named = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
    let bytes = std::fs::metadata(file).map_err(|error| named(&error))?.len();
    if bytes > MAX_PROGRAM_BYTES {
        return Err(named(&format!("a program has at most {MAX_PROGRAM_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    Jq::new(name, &text).map_err(|fault| named(&fault))
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
