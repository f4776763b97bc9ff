//! What is in force, and where each setting comes from.

use feeds::Topic;
use serde_json::Value;

use super::{Config, ConfigError, Pairing, Settings, Span, Tokens, file};

/// Where a setting comes from; each beats those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The config file.
    File,
    /// `SCORELINE_…`.
    Environment,
    /// A flag.
    Flag,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its key, as in the file: `limits.topics`.
    pub name: String,
    /// What is in force, in one line and without secrets.
    pub value: String,
    /// Whose word it is.
    pub origin: Origin,
}

/// Every setting as it is in force. `told`: whether a setting was told by flag or environment.
///
/// # Errors
/// As [`Config::load`].
pub fn explain(
    said: Settings,
    told: impl Fn(&str) -> Option<Origin>,
    without_secrets: impl Fn(&str) -> String,
) -> Result<(Config, Vec<Line>), ConfigError> {
    let filed: toml::Table = match &said.config {
        Some(path) => toml::from_str(&file::read(path)?).unwrap_or_default(), // what is wrong in it is said by `load`
        None => toml::Table::new(),
    };
    let config = Config::load(said)?;
    let filed = |name: &str| {
        let mut parts = name.split('.');
        let first = parts.next().and_then(|part| filed.get(part));
        parts.try_fold(first?, |table, part| table.get(part)).map(|_| Origin::File)
    };
    let origin = |name: &str| told(name).or_else(|| filed(name)).unwrap_or(Origin::Default);
    let mut lines: Vec<Line> = Vec::new();
    for (name, value) in settings(&config, &without_secrets).into_iter().chain(bounds(&config)) {
        lines.push(Line { origin: origin(&name), name, value });
    }
    for (name, value) in named(&config) {
        // A provider may be a flag's alone.
        let own = filed(&name).or_else(|| told("provider")).unwrap_or(Origin::File);
        lines.push(Line { name, value, origin: own });
    }
    Ok((config, lines))
}

fn settings(config: &Config, without_secrets: &impl Fn(&str) -> String) -> Vec<(String, String)> {
    let list = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    let proxies: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        ("listen", config.listen.clone()),
        ("ops_listen", config.ops_listen.clone()),
        ("broker", without_secrets(&config.broker)),
        ("demo", config.demo.to_string()),
        ("shards", config.shards.to_string()),
        ("drain", Span(config.drain).to_string()),
        ("allow_origin", list(&config.allow_origin)),
        ("log", config.log.clone()),
        ("test_echo", config.test_echo.to_string()),
        ("trusted_proxies", list(&proxies)),
        ("proxy_protocol", config.proxy_protocol.to_string()),
        ("reuse_port", config.reuse_port.to_string()),
    ];
    match &config.tls {
        None => lines.push(("tls", "none".to_owned())),
        Some(tls) => {
            lines.push(("tls.cert", tls.cert.display().to_string()));
            lines.push(("tls.key", tls.key.display().to_string()));
        }
    }
    lines.push(("tokens", config.tokens.as_ref().map_or("none: anyone may subscribe".to_owned(), Tokens::to_string)));
    let pairing =
        config.pairing.as_ref().map_or("none: each provider's games are its own".to_owned(), Pairing::to_string);
    lines.push(("pairing", pairing));
    lines.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn bounds(config: &Config) -> Vec<(String, String)> {
    let Ok(Value::Object(limits)) = serde_json::to_value(&config.limits) else { return Vec::new() };
    let text = |name: &str, value: Value| match value {
        Value::String(text) => text,
        Value::Null if name == "connections" => "18000, or 90 % of the file descriptors".to_owned(),
        other => other.to_string(),
    };
    limits.into_iter().map(|(name, value)| (format!("limits.{name}"), text(&name, value))).collect()
}

/// Providers, feeds and formats, each in one line.
fn named(config: &Config) -> Vec<(String, String)> {
    let topics = |topics: &[Topic]| topics.iter().map(Topic::as_str).collect::<Vec<_>>().join(", ");
    let providers = config.providers.iter().map(|(name, provider)| {
        let plain = config.plain_keys.iter().filter(|(of, _)| of == name).count();
        let keys = provider.key_sha256.len() + plain;
        let desk = if provider.desk { ", desk" } else { "" };
        let topics = topics(&provider.topics);
        let rate = provider.rate.map_or(String::new(), |rate| format!(", rate: {rate}"));
        let signs = provider.signing_secret_env.as_ref().map_or(String::new(), |name| format!(", signs with {name}"));
        let value = format!("keys: {keys}{signs}, topics: {topics}, priority: {}{rate}{desk}", provider.priority);
        (format!("providers.{name}"), value)
    });
    let feeds = config.feeds.iter().map(|(name, feed)| {
        let (topics, interval) = (topics(&feed.topics), feed.interval);
        let value = format!("{} every {interval}, topics: {topics}, priority: {}", feed.adapter, feed.priority);
        (format!("feeds.{name}"), value)
    });
    let formats = config.formats.own().into_keys().map(|name| (format!("adapters.{name}"), "a jq program".to_owned()));
    providers.chain(feeds).chain(formats).collect()
}
