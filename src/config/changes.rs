//! What becomes of settings that are read again: which change while the service runs, and which wait for the next start.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Config, ConfigError, Limits};

/// Settings that were read again, against those in force.
#[derive(Debug)]
pub struct Reread {
    /// What is in force from now on.
    pub config: Config,
    /// The names of what changes.
    pub changed: Vec<String>,
    /// The names of what stays as it is until the next start.
    pub waiting: Vec<String>,
}

impl Config {
    /// What becomes of these settings when those are read.
    ///
    /// # Errors
    /// When what changes at once does not fit what cannot.
    pub fn reread(&self, read: &Config) -> Result<Reread, ConfigError> {
        let config = self.taking(read);
        config.check()?;
        let (changed, waiting) = (differences(self, &config), differences(&config, read));
        Ok(Reread { config, changed, waiting })
    }

    /// Whether a feed is the other's too, with the same settings and the same program of its adapter.
    #[must_use]
    pub fn has_same_feed(&self, other: &Config, name: &str) -> bool {
        match (self.feeds.get(name), other.feeds.get(name)) {
            (Some(feed), Some(others)) => feed == others && self.formats.are_one(&other.formats, &feed.adapter),
            (feed, others) => feed.is_none() && others.is_none(),
        }
    }

    /// These settings, with those that change at once as they were read. Whether there is a certificate at all, and
    /// whether tokens are asked for, is not among them.
    fn taking(&self, read: &Config) -> Config {
        let (read, held) = (read.clone(), self.clone());
        Config {
            allow_origin: read.allow_origin,
            limits: held.limits.taking(read.limits),
            providers: read.providers,
            plain_keys: read.plain_keys,
            feeds: read.feeds,
            formats: read.formats,
            tls: held.tls.map(|held| read.tls.unwrap_or(held)),
            tokens: held.tokens.map(|held| read.tokens.unwrap_or(held)),
            ..held
        }
    }
}

impl Limits {
    /// The log and the scoreboard are built with their bounds, and subscribers were told the heartbeat; all others change
    /// at once.
    fn taking(self, read: Limits) -> Limits {
        let Limits { recent_time, recent_bytes, delay, tombstones, .. } = self;
        let Limits { retention, id_time, ids, games, broker_grace, heartbeat, .. } = self;
        let stays = Limits { recent_time, recent_bytes, delay, tombstones, retention, ..read };
        Limits { id_time, ids, games, broker_grace, heartbeat, ..stays }
    }
}

/// The names of the settings in which the two differ.
fn differences(a: &Config, b: &Config) -> Vec<String> {
    let whole = [
        ("listen", a.listen != b.listen),
        ("ops_listen", a.ops_listen != b.ops_listen),
        ("broker", a.broker != b.broker),
        ("demo", a.demo != b.demo),
        ("shards", a.shards != b.shards),
        ("drain", a.drain != b.drain),
        ("allow_origin", a.allow_origin != b.allow_origin),
        ("log", a.log != b.log),
        ("test_echo", a.test_echo != b.test_echo),
        ("tls", a.tls != b.tls),
        ("trusted_proxies", a.trusted_proxies != b.trusted_proxies),
        ("proxy_protocol", a.proxy_protocol != b.proxy_protocol),
        ("reuse_port", a.reuse_port != b.reuse_port),
        ("pairing", a.pairing != b.pairing),
        ("tokens", a.tokens != b.tokens),
    ];
    let mut names: Vec<String> =
        whole.iter().filter(|(_, differ)| *differ).map(|(name, _)| (*name).to_owned()).collect();
    names.extend(in_table("limits", &bounds(a), &bounds(b), |_, a, b| a == b));
    names.extend(in_table("adapters", &a.formats.own(), &b.formats.own(), |_, a, b| std::ptr::eq(*a, *b)));
    names.extend(in_table("providers", &a.providers, &b.providers, |name, one, other| {
        one == other && plain_keys(a, name).eq(plain_keys(b, name))
    }));
    names.extend(in_table("feeds", &a.feeds, &b.feeds, |name, _, _| a.has_same_feed(b, name)));
    names
}

/// The names of a table that only one of the two has, or for which they say different things.
fn in_table<K: AsRef<str> + Ord, T>(
    table: &str,
    a: &BTreeMap<K, T>,
    b: &BTreeMap<K, T>,
    same: impl Fn(&str, &T, &T) -> bool,
) -> Vec<String> {
    let told = |name: &K| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) if same(name.as_ref(), a, b) => None,
        (None, _) => Some(format!("{table}.{} (new)", name.as_ref())),
        (_, None) => Some(format!("{table}.{} (gone)", name.as_ref())),
        _ => Some(format!("{table}.{}", name.as_ref())),
    };
    let names: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    names.into_iter().filter_map(told).collect()
}

fn plain_keys<'a>(config: &'a Config, name: &str) -> impl Iterator<Item = &'a String> {
    config.plain_keys.iter().filter(move |(of, _)| of == name).map(|(_, key)| key)
}

fn bounds(config: &Config) -> BTreeMap<String, Value> {
    match serde_json::to_value(&config.limits) {
        Ok(Value::Object(limits)) => limits.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Span;
    use super::*;

    fn read(text: &str) -> Config {
        Config::parse(text).unwrap()
    }

    #[test]
    fn what_can_changes_and_what_cannot_is_named() {
        let held = read("[limits]\ntopics = 3\n[providers.acme]\n[providers.old]\n");
        let again = read(
            "listen = \"127.0.0.1:9\"\nallow_origin = [\"https://a.example\"]\nprovider = [\"acme=k\"]\n\
             [limits]\ntopics = 4\nids = 7\n[providers.new]\n[tokens]\nalgorithm = \"HS256\"\njwks = \"keys.json\"\n",
        );
        let Reread { config, changed, waiting } = held.reread(&again).unwrap();
        assert_eq!(
            changed,
            ["allow_origin", "limits.topics", "providers.acme", "providers.new (new)", "providers.old (gone)"]
        );
        assert_eq!(waiting, ["listen", "tokens", "limits.ids"]);
        assert_eq!((config.limits.topics, config.limits.ids), (4, Limits::default().ids));
        assert_eq!((&config.listen, config.tokens), (&held.listen, None));
        // Until then it is named each time, and changes nothing.
        let Reread { changed, waiting, .. } = config_again(&held, &again).reread(&again).unwrap();
        assert_eq!((changed.len(), waiting.len()), (0, 3));
    }

    fn config_again(held: &Config, read: &Config) -> Config {
        held.reread(read).unwrap().config
    }

    #[test]
    fn the_same_is_no_change() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/feeds/examples/harbour.jq");
        let text = format!(
            "[adapters]\nharbour = \"jq:{file}\"\n[feeds.one]\nadapter = \"jq:{file}\"\nurl = \"https://a.example\"\n\
             [feeds.two]\nadapter = \"harbour\"\nurl = \"https://a.example\"\ninterval = \"30s\""
        );
        let held = read(&text);
        assert_eq!(held.reread(&read(&text)).unwrap().changed, [""; 0]);
        let again = held.reread(&read(&text.replace("30s", "20s"))).unwrap();
        assert_eq!(again.changed, ["feeds.two"]);
        assert_eq!(again.config.feeds["two"].interval, Span::seconds(20));
    }

    #[test]
    fn what_does_not_fit_what_stays_is_refused() {
        let held = read("demo = true");
        let error = held.reread(&read("[providers.demo]")).unwrap_err().to_string();
        assert!(error.starts_with("providers.demo: "), "{error}");
    }
}
