//! Every setting with its default, unit and meaning. A setting comes from the config file, or over it from the
//! environment (`SCORELINE_…`), or over both from a flag. What is unknown or not yet built is refused, never ignored.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

mod changes;
mod check;
mod explain;
mod feed;
mod file;
mod formats;
mod limits;
mod pairing;
mod provider;
mod tokens;

use file::{one_line, parse};

pub use changes::Reread;
pub use explain::{Line, Origin, explain};
pub use feed::{Asked, Feed};
pub use formats::{Formats, program};
pub use limits::{Limits, Span};
pub use pairing::Pairing;
pub use provider::Provider;
pub use tokens::{KeySource, Tokens};

/// What one source says: flags and environment (clap reads both), or the config file's top level. `None` = not said.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where subscribers and providers connect [default: 127.0.0.1:8080]
    #[arg(long, env = "SCORELINE_LISTEN", value_name = "ADDR")]
    pub listen: Option<String>,

    /// Where /metrics, /livez and /readyz answer [default: 127.0.0.1:8081]
    #[arg(long, env = "SCORELINE_OPS_LISTEN", value_name = "ADDR")]
    pub ops_listen: Option<String>,

    /// The log engine: memory:, embedded:DIR, redis://… (rediss, redis+sentinel, redis+cluster) [default: memory: with --demo, else embedded:./scoreline-data]
    #[arg(long, env = "SCORELINE_BROKER", value_name = "URL")]
    pub broker: Option<String>,

    /// Settings in TOML
    #[arg(long, env = "SCORELINE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Play a recorded match day on a loop [default when nothing at all is said]
    #[arg(long, env = "SCORELINE_DEMO", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub demo: Option<bool>,

    /// Threads that fan out to subscribers [default: one per core]
    #[arg(long, env = "SCORELINE_SHARDS", value_name = "N")]
    pub shards: Option<usize>,

    /// How long connections are given to move away when the service stops [default: 10s]
    #[arg(long, env = "SCORELINE_DRAIN", value_name = "TIME")]
    pub drain: Option<Span>,

    /// A page of this origin may connect; may be given again; * = any [default: only pages of the same host]
    #[arg(long, env = "SCORELINE_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Option<Vec<String>>,

    /// A provider and its key, for a first try; may be given again (key_sha256 in the config file is for real use)
    #[arg(long, env = "SCORELINE_PROVIDER", value_name = "NAME=KEY", value_delimiter = ',')]
    #[serde(default, deserialize_with = "pairs")]
    pub provider: Option<Vec<String>>,

    /// What is logged: error, warn, info, debug, trace, or by module as in warn,scoreline::ingest=debug [default: info]
    #[arg(long, env = "SCORELINE_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    /// Open /__echo for WebSocket conformance tests, on loopback only
    #[arg(long, env = "SCORELINE_TEST_ECHO", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub test_echo: Option<bool>,

    /// The certificate; in the file only.
    #[arg(skip)]
    pub tls: Option<TlsFiles>,
    /// Proxies whose word on a client's address is taken: addresses or networks (10.0.0.0/8); in the file only.
    #[arg(skip)]
    pub trusted_proxies: Option<Vec<String>>,
    /// Whether their connections begin with a PROXY protocol header, version 2; in the file only.
    #[arg(skip)]
    pub proxy_protocol: Option<bool>,
    /// Whether another process may listen on the same address (SO_REUSEPORT); in the file only.
    #[arg(skip)]
    pub reuse_port: Option<bool>,
    /// Bounds; in the file only.
    #[arg(skip)]
    pub limits: Option<Limits>,
    /// Who may publish, by name; in the file only.
    #[arg(skip)]
    pub providers: Option<BTreeMap<String, Provider>>,
    /// Formats of one's own, name = "jq:FILE"; in the file only.
    #[arg(skip)]
    pub adapters: Option<BTreeMap<String, String>>,

    /// Providers that are pulled, by name; in the file only.
    #[arg(skip)]
    pub feeds: Option<BTreeMap<String, Feed>>,
    /// How games of several providers find together; in the file only.
    #[arg(skip)]
    pub pairing: Option<Pairing>,
    /// What is asked of whoever subscribes; in the file only.
    #[arg(skip)]
    pub tokens: Option<Tokens>,
}

/// A certificate chain and its key, both PEM. Read again with the settings, and when they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Subscribers and providers.
    Both,
    /// Subscribers.
    Gateway,
    /// Providers.
    Ingest,
}

/// The settings as they are in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the process is for: the command says it.
    pub role: Role,
    /// Where subscribers and providers connect.
    pub listen: String,
    /// Where operations are asked.
    pub ops_listen: String,
    /// The log engine's URL.
    pub broker: String,
    /// Whether the demo plays.
    pub demo: bool,
    /// Threads that fan out.
    pub shards: usize,
    /// Time to drain.
    pub drain: Duration,
    /// Origins that may connect beside the own host's; `*` = any.
    pub allow_origin: Vec<String>,
    /// The log filter.
    pub log: String,
    /// Whether `/__echo` is open.
    pub test_echo: bool,
    /// The certificate of the main listener; `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Proxies whose word on a client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether their connections begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// Whether another process may listen on the same address.
    pub reuse_port: bool,
    /// Bounds.
    pub limits: Limits,
    /// Who may publish, by name.
    pub providers: BTreeMap<String, Provider>,
    /// Who is pulled, by name.
    pub feeds: BTreeMap<String, Feed>,
    /// How games of several providers find together; `None`: they do not.
    pub pairing: Option<Pairing>,
    /// What is asked of whoever subscribes; `None`: nothing.
    pub tokens: Option<Tokens>,
    /// The adapters there are.
    pub formats: Formats,
    /// Keys given as plain text with `--provider`: name and key.
    pub plain_keys: Vec<(String, String)>,
}

/// A setting that cannot be taken; one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Default for Config {
    fn default() -> Config {
        Config::resolve(Settings::default(), Settings::default()).expect("the defaults fit together")
    }
}

impl Config {
    /// The settings that a config file's text says, alone.
    ///
    /// # Errors
    /// When a setting is unknown or does not fit; the message is one line.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::resolve(Settings::default(), parse(text)?).map_err(|error| file::placed(text, error))
    }

    /// The settings in force: `said` by flags and environment, over the file that it names.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting is unknown or does not fit; the message is one line.
    pub fn load(said: Settings) -> Result<Config, ConfigError> {
        match said.config.clone() {
            None => Config::resolve(said, Settings::default()),
            Some(path) => {
                let named = |why: &dyn std::fmt::Display| one_line(&format!("{}: {why}", path.display()));
                let text = file::read(&path)?;
                let filed = parse(&text).map_err(|error| named(&error))?;
                Config::resolve(said, filed).map_err(|error| match Config::parse(&text) {
                    // It is the file's fault alone.
                    Err(alone) => named(&alone),
                    Ok(_) => error,
                })
            }
        }
    }

    fn resolve(said: Settings, filed: Settings) -> Result<Config, ConfigError> {
        let demo = said.demo.or(filed.demo).unwrap_or(false);
        let broker = said.broker.or(filed.broker);
        let mut providers = filed.providers.unwrap_or_default();
        let plain_keys = plain_keys(filed.provider.into_iter().chain(said.provider).flatten())?;
        for (name, _) in &plain_keys {
            providers.entry(name.clone()).or_default();
        }
        let feeds = filed.feeds.unwrap_or_default();
        let formats = Formats::load(&filed.adapters.unwrap_or_default(), &feeds)?;
        let config = Config {
            role: Role::Both,
            listen: said.listen.or(filed.listen).unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            ops_listen: said.ops_listen.or(filed.ops_listen).unwrap_or_else(|| "127.0.0.1:8081".to_owned()),
            broker: broker.unwrap_or_else(|| if demo { "memory:" } else { "embedded:./scoreline-data" }.to_owned()),
            demo,
            shards: said.shards.or(filed.shards).unwrap_or_else(cores),
            drain: said.drain.or(filed.drain).unwrap_or(Span::seconds(10)).0,
            allow_origin: said.allow_origin.or(filed.allow_origin).unwrap_or_default(),
            log: said.log.or(filed.log).unwrap_or_else(|| "info".to_owned()),
            test_echo: said.test_echo.or(filed.test_echo).unwrap_or(false),
            tls: filed.tls,
            trusted_proxies: filed
                .trusted_proxies
                .iter()
                .flatten()
                .map(|text| network(text))
                .collect::<Result<_, _>>()?,
            proxy_protocol: filed.proxy_protocol.unwrap_or(false),
            reuse_port: filed.reuse_port.unwrap_or(false),
            limits: filed.limits.unwrap_or_default(),
            providers,
            feeds,
            pairing: filed.pairing,
            tokens: filed.tokens,
            formats,
            plain_keys,
        };
        config.check()?;
        Ok(config)
    }

    /// The same for one role only.
    ///
    /// # Errors
    /// When the role needs what these settings do not have.
    pub fn with_role(self, role: Role) -> Result<Config, ConfigError> {
        if role != Role::Both && !self.broker.starts_with("redis") {
            return fail(format!("broker = {:?}: one role alone needs a shared broker, as redis://host", self.broker));
        }
        if role == Role::Gateway && self.demo {
            return fail("demo: a gateway alone publishes nothing");
        }
        Ok(Config { role, ..self })
    }
}

/// The provider that the demo plays as.
pub const DEMO: &str = "demo";

/// A list; whoever writes a table means another one.
fn pairs<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a list as [\"NAME=KEY\"]; a provider's table is [providers.NAME]")]
    enum Said {
        List(Vec<String>),
    }
    Said::deserialize(input).map(|Said::List(pairs)| Some(pairs))
}

fn plain_keys(pairs: impl Iterator<Item = String>) -> Result<Vec<(String, String)>, ConfigError> {
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((name, key)) if !name.is_empty() && !key.is_empty() => Ok((name.to_owned(), key.to_owned())),
            _ => fail("provider: a provider is NAME=KEY"),
        })
        .collect()
}

/// An address or a network.
fn network(text: &str) -> Result<IpNet, ConfigError> {
    let alone = text.parse::<std::net::IpAddr>().map(IpNet::from);
    let wrong = |_| ConfigError(format!("trusted_proxies: {text:?} is no address and no network as 10.0.0.0/8"));
    alone.or_else(|_| text.parse()).map_err(wrong)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(256)
}

fn fail<T>(why: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError(why.into()))
}

#[cfg(test)]
mod tests;
