//! What the types of settings cannot say. A message begins with the name of its setting, by which its place is found.

use std::collections::HashMap;
use std::time::Duration;

use super::{Config, ConfigError, DEMO, Limits, Pairing, Tokens, fail};

impl Config {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=256).contains(&self.shards) {
            return fail(format!("shards = {}: 1 to 256", self.shards));
        }
        self.allow_origin.iter().try_for_each(|origin| check_origin(origin))?;
        self.limits.check()?;
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            return fail("proxy_protocol: trusted_proxies must say whose headers are taken");
        }
        for (name, provider) in &self.providers {
            provider.check(name)?;
            self.formats.check(name, provider.adapters.as_deref().unwrap_or_default())?;
            if self.demo && name == DEMO {
                return fail("providers.demo: with --demo this name is the demo's own");
            }
        }
        self.check_keys()?;
        self.pairing.as_ref().map_or(Ok(()), Pairing::check)?;
        self.tokens.as_ref().map_or(Ok(()), Tokens::check)?;
        for (name, feed) in &self.feeds {
            feed.check(name)?;
            if self.formats.find(&feed.adapter).is_none() {
                return fail(format!("feeds.{name}.adapter: there is no adapter {:?}", feed.adapter));
            }
            if self.providers.contains_key(name) || (self.demo && name == DEMO) {
                return fail(format!("feeds.{name}: a provider has this name"));
            }
        }
        Ok(())
    }

    /// A key says who one is: it is one provider's.
    fn check_keys(&self) -> Result<(), ConfigError> {
        let mut holders = HashMap::new();
        for (name, provider) in &self.providers {
            let hashes = provider.key_sha256.iter().map(|hash| ("key_sha256", hash.to_ascii_lowercase()));
            let secrets = provider.signing_secrets().unwrap_or_default();
            for key in hashes.chain(secrets.into_iter().map(|secret| ("signing_secret_env", secret))) {
                let field = key.0;
                if let Some(other) = holders.insert(key, name).filter(|other| *other != name) {
                    return fail(format!("providers.{name}.{field}: providers.{other} has the same"));
                }
            }
        }
        Ok(())
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
        if self.header_bytes < 8 << 10 {
            return fail("limits.header_bytes: at least 8192");
        }
        if self.recent_time.0 < self.delay.0 + Duration::from_secs(30) {
            return fail("limits.recent_time must hold limits.delay and 30s");
        }
        // Subscribers are told it in whole seconds.
        if self.heartbeat.0 < Duration::from_secs(1) {
            return fail("limits.heartbeat: at least 1s");
        }
        let times = [
            ("body_time", self.body_time),
            ("stream_idle", self.stream_idle),
            ("header_time", self.header_time),
            ("idle_time", self.idle_time),
            ("write_time", self.write_time),
        ];
        match times.iter().find(|(_, time)| time.0.is_zero()) {
            Some((name, _)) => fail(format!("limits.{name}: more than 0")),
            None => Ok(()),
        }
    }
}

/// Browsers say no more than scheme, host and port: what has more would never be met.
fn check_origin(origin: &str) -> Result<(), ConfigError> {
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let told =
        authority.is_some_and(|authority| !authority.is_empty() && !authority.contains(['/', '?', '#', '@', '*']));
    let usual = [("https://", ":443"), ("http://", ":80")];
    let usual = usual.iter().any(|(scheme, port)| origin.starts_with(scheme) && origin.ends_with(port));
    let told = told && !usual && origin.to_ascii_lowercase() == origin;
    match told || origin == "*" || origin == "null" {
        true => Ok(()),
        false => fail(format!("allow_origin: {origin:?} is no origin as https://example.com or http://localhost:3000")),
    }
}
