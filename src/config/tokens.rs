//! Tokens of subscribers: `[tokens]` in the config file.

use std::fmt;

use serde::Deserialize;

use super::{ConfigError, Feed, Span, fail};

/// What is asked of whoever subscribes. Without this table everybody may.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// How they are signed: HS256, RS256, ES256 or EdDSA, and no other way.
    pub algorithm: String,
    /// The environment variable that holds the secret of HS256; 32 bytes or more.
    pub secret_env: Option<String>,
    /// The keys as a JSON Web Key Set: a file, or an https URL, whose host is asked and no other.
    pub jwks: Option<String>,
    /// How often the set is read again; also at once when a token names a key that is not in it, but no oftener than every
    /// 30 s.
    #[serde(default = "refresh")]
    pub refresh: Span,
    /// What a token's `aud` must name. Without this, a token that has an audience is refused.
    pub audience: Option<String>,
    /// What its `iss` must be.
    pub issuer: Option<String>,
    /// Connections of one `sub` at a time; 0 = any number. More → 503.
    #[serde(default)]
    pub connections_per_sub: usize,
    /// Whether the URL may be asked without TLS.
    #[serde(default)]
    pub allow_http: bool,
    /// Whether it may be in a private network.
    #[serde(default)]
    pub allow_private: bool,
}

/// Where the keys come from.
#[derive(Debug, Clone, PartialEq)]
pub enum KeySource {
    /// One secret.
    Secret(Vec<u8>),
    /// A set in a file.
    File(String),
    /// A set that is asked for, with the care that any feed is asked with.
    Url(Box<Feed>),
}

fn refresh() -> Span {
    Span::seconds(600)
}

impl fmt::Display for Tokens {
    /// In one line, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.secret_env.as_ref().or(self.jwks.as_ref()).map_or("", String::as_str);
        write!(f, "{}, keys: {keys}, refresh: {}", self.algorithm, self.refresh)?;
        let rules = [("audience", &self.audience), ("issuer", &self.issuer)];
        rules.iter().try_for_each(|(name, said)| said.as_ref().map_or(Ok(()), |said| write!(f, ", {name}: {said}")))
    }
}

impl Tokens {
    /// Where the keys come from.
    ///
    /// # Errors
    /// When that is not said, or said twice, or the secret is not there or too short.
    pub fn source(&self) -> Result<KeySource, ConfigError> {
        match (&self.secret_env, &self.jwks) {
            (Some(name), None) if self.algorithm == "HS256" => self.secret(name),
            (Some(_), None) => fail("tokens.secret_env: a secret is for HS256; other keys come as jwks"),
            (None, Some(jwks)) if !jwks.contains("://") => Ok(KeySource::File(jwks.clone())),
            (None, Some(_)) if self.algorithm == "HS256" => {
                fail("tokens.jwks: HS256 has a secret, which is not asked for over the network: a file, or secret_env")
            }
            (None, Some(url)) => Ok(KeySource::Url(Box::new(self.feed(url)?))),
            _ => fail("tokens: secret_env (for HS256) or jwks must say the keys, one of the two"),
        }
    }

    fn secret(&self, name: &str) -> Result<KeySource, ConfigError> {
        /// As long as the hash: RFC 7518 section 3.2.
        const SHORTEST: usize = 32;
        match std::env::var(name) {
            Ok(secret) if secret.len() >= SHORTEST => Ok(KeySource::Secret(secret.into_bytes())),
            Ok(_) => fail(format!("tokens.secret_env: {name} has less than {SHORTEST} bytes")),
            Err(_) => fail(format!("tokens.secret_env: {name} is not in the environment")),
        }
    }

    /// The set as something that is asked for. It names no other host that it may lead to.
    fn feed(&self, url: &str) -> Result<Feed, ConfigError> {
        let Tokens { allow_http, allow_private, .. } = *self;
        let feed = Feed::of_url(url, allow_http, allow_private);
        feed.check_url(url).map_err(|why| ConfigError(format!("tokens.jwks: {why}")))?;
        if feed.is_stream() {
            return fail(format!("tokens.jwks: {url:?} has no end"));
        }
        Ok(feed)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(1_000..=86_400_000).contains(&self.refresh.ms()) {
            return fail("tokens.refresh: 1s to 24h");
        }
        if !["HS256", "RS256", "ES256", "EdDSA"].contains(&self.algorithm.as_str()) {
            return fail(format!("tokens.algorithm: {:?}: HS256, RS256, ES256 or EdDSA", self.algorithm));
        }
        self.source().map(drop)
    }
}
