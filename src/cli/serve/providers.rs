//! Who may publish, as it is configured: grants, keys, and whose silence means something.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::{self, Grant, KeyHash, Keys, Rate, Secret};
use crate::cli::Failure;
use crate::config::{Config, DEMO, Provider, Span};
use crate::ingest::Paced;

/// Who may publish.
pub(super) struct Providers(Vec<Known>);

/// A provider.
struct Known {
    grant: Arc<Grant>,
    keys: Vec<KeyHash>,
    /// What it signs its pushes with.
    secrets: Vec<Secret>,
    /// It speaks without a key: it is asked.
    is_asked: bool,
}

impl Providers {
    /// Those of a config. The demo's key is no secret, so it opens only what is on loopback.
    ///
    /// # Errors
    /// When a signing secret is none, or two have the same key.
    /// `before`: those in force until now, whose rates go on.
    pub(super) fn of(config: &Config, on_loopback: bool, before: Option<&Providers>) -> Result<Providers, Failure> {
        let mut known = Vec::new();
        for (name, provider) in &config.providers {
            let plain =
                config.plain_keys.iter().filter(|(of, _)| of == name).map(|(_, key)| auth::hash(key.as_bytes()));
            let keys = provider.key_sha256.iter().map(|hash| from_hex(hash)).chain(plain).collect();
            let secrets = provider.signing_secrets().unwrap_or_default();
            let secrets: Result<_, _> = secrets.iter().map(|secret| Secret::parse(secret)).collect();
            let wrong = |why| Failure::Usage(format!("providers.{name}.signing_secret_env: {why}"));
            known.push(Known {
                grant: Arc::new(grant(name, provider, before)),
                keys,
                secrets: secrets.map_err(wrong)?,
                is_asked: false,
            });
        }
        // Nobody posts as a feed: it has no key.
        known.extend(config.feeds.iter().map(|(name, feed)| {
            let (topics, priority) = (feed.topics.clone(), feed.priority);
            Known::from(Grant { topics, priority, ..Grant::everything(name) })
        }));
        if config.demo {
            let keys = if on_loopback { vec![auth::hash(DEMO.as_bytes())] } else { Vec::new() };
            known.push(Known { keys, ..Known::from(Grant::everything(DEMO)) });
        }
        one_holder_each(&known)?;
        Ok(Providers(known))
    }

    pub(super) fn grants(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.0.iter().map(|known| &known.grant)
    }

    /// Of those who can say anything: whoever lost its last key leads no games any more.
    pub(super) fn speaking(&self) -> impl Iterator<Item = &Arc<Grant>> {
        let speaks = |known: &&Known| known.is_asked || !known.keys.is_empty() || !known.secrets.is_empty();
        self.0.iter().filter(speaks).map(|known| &known.grant)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.grants().map(|grant| &*grant.provider)
    }

    /// What opens their grants.
    pub(super) fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        for Known { grant, keys: hashes, secrets, .. } in &self.0 {
            hashes.iter().for_each(|hash| keys.add(*hash, grant));
            secrets.iter().for_each(|secret| keys.add_secret(secret, grant));
        }
        keys
    }
}

/// A key says who one is. What the file says of it is looked at with the file.
fn one_holder_each(known: &[Known]) -> Result<(), Failure> {
    let mut holders = HashMap::new();
    for Known { grant, keys, .. } in known {
        for key in keys {
            if let Some(other) = holders.insert(key, &grant.provider).filter(|other| **other != grant.provider) {
                return Err(Failure::Usage(format!("providers {other} and {} have the same key", grant.provider)));
            }
        }
    }
    Ok(())
}

impl From<Grant> for Known {
    /// One who is asked, and has no key.
    fn from(grant: Grant) -> Known {
        Known { grant: Arc::new(grant), keys: Vec::new(), secrets: Vec::new(), is_asked: true }
    }
}

fn grant(name: &str, provider: &Provider, before: Option<&Providers>) -> Grant {
    let before = before.and_then(|before| before.grants().find(|grant| &*grant.provider == name));
    let old = before.and_then(|grant| grant.rate.as_ref());
    Grant {
        provider: name.into(),
        topics: provider.topics.clone(),
        adapters: provider.adapters.clone(),
        priority: provider.priority,
        desk: provider.desk,
        rate: provider.rate.map(|rate| Rate::new(rate).after(old)),
    }
}

fn from_hex(hash: &str) -> KeyHash {
    let mut bytes = KeyHash::default();
    hex::decode_to_slice(hash, &mut bytes).expect("the config was checked: 64 hex digits");
    bytes
}

/// The providers whose silence means something.
pub(super) fn paced(config: &Config) -> Vec<Paced> {
    let paced = |name: &str, interval: Span, pulled| Paced { provider: name.into(), interval: interval.0, pulled };
    let posting = config.providers.iter().filter_map(|(name, said)| Some(paced(name, said.interval?, false)));
    posting.chain(config.feeds.iter().map(|(name, feed)| paced(name, feed.interval, true))).collect()
}
