//! `[providers.NAME]`: who may publish what.

use feeds::Topic;
use feeds::topic::Kind;
use serde::Deserialize;

use super::{ConfigError, Span, fail};

/// The SHA-256 of nothing, which is what a hash is made of where a variable is not set.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A provider: who may publish what. Section 9 of the contract.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provider {
    /// SHA-256 of its keys, in hex; two during rotation.
    pub key_sha256: Vec<String>,
    /// The environment variable with the secret that it signs its pushes with (`whsec_…`); with a space between, two during
    /// rotation.
    pub signing_secret_env: Option<String>,
    /// Topics whose games it may report; default everything.
    pub topics: Vec<Topic>,
    /// Native formats it may post; `None` = any.
    pub adapters: Option<Vec<String>>,
    /// Reports per second; `None` = no cap.
    pub rate: Option<f64>,
    /// How often it reports while games are live: silent for three times as long, it is stale, and a witness takes its
    /// games over. `None` = its silence means nothing.
    pub interval: Option<Span>,
    /// Who leads a game when several report it; lower leads.
    pub priority: u32,
    /// An operator's desk: reports beside whoever leads.
    #[serde(rename = "override")]
    pub desk: bool,
}

impl Default for Provider {
    fn default() -> Provider {
        let topics = vec![Topic::all()];
        Provider {
            key_sha256: Vec::new(),
            signing_secret_env: None,
            topics,
            adapters: None,
            rate: None,
            interval: None,
            priority: 100,
            desk: false,
        }
    }
}

impl Provider {
    /// Its signing secrets as text; `None`: it has none, or the environment does not.
    #[must_use]
    pub fn signing_secrets(&self) -> Option<Vec<String>> {
        let text = std::env::var(self.signing_secret_env.as_ref()?).ok()?;
        Some(text.split_whitespace().map(str::to_owned).collect())
    }

    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        if !feeds::topic::is_segment(name) {
            return fail(format!("providers.{name}: a name is [a-z0-9][a-z0-9._-]*"));
        }
        if let Some(variable) = &self.signing_secret_env
            && self.signing_secrets().is_none_or(|secrets| secrets.is_empty())
        {
            return fail(format!("providers.{name}.signing_secret_env: {variable} is not in the environment"));
        }
        if let Some(bad) = self.key_sha256.iter().find(|hash| !is_sha256(hash)) {
            return fail(format!("providers.{name}.key_sha256: {bad:?} is no SHA-256 in hex (64 digits)"));
        }
        if self.key_sha256.iter().any(|hash| hash.eq_ignore_ascii_case(OF_NOTHING)) {
            return fail(format!("providers.{name}.key_sha256: this is the SHA-256 of an empty key"));
        }
        if let Some(team) = self.topics.iter().find(|topic| topic.kind() == Kind::Team) {
            return fail(format!("providers.{name}.topics: {team}: a grant names sports, competitions or games"));
        }
        if self.interval.is_some_and(|interval| !(100..=86_400_000).contains(&interval.ms())) {
            return fail(format!("providers.{name}.interval: 100ms to 24h"));
        }
        match self.rate {
            Some(rate) if !(rate.is_finite() && rate > 0.0) => fail(format!("providers.{name}.rate: more than 0")),
            _ => Ok(()),
        }
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
