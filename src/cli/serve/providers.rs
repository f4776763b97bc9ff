//! Who may publish, as it is configured: grants, keys, and whose silence means something.

use std::sync::Arc;

use crate::auth::{self, Grant, Keys, Rate};
use crate::cli::Failure;
use crate::config::{Config, DEMO, Provider, Span};
use crate::ingest::Paced;

/// Each provider's grant, and the hashes of its keys; the demo's own has none here.
pub(super) fn grants(config: &Config) -> Vec<(Arc<Grant>, Vec<auth::KeyHash>)> {
    let configured = config.providers.iter().map(|(name, provider)| {
        let plain = config.plain_keys.iter().filter(|(of, _)| of == name).map(|(_, key)| auth::hash(key.as_bytes()));
        let hashed = provider.key_sha256.iter().map(|hash| {
            let mut bytes = auth::KeyHash::default();
            hex::decode_to_slice(hash, &mut bytes).expect("the config was checked: 64 hex digits");
            bytes
        });
        (Arc::new(grant(name, provider)), hashed.chain(plain).collect())
    });
    // Nobody posts as a feed: it has no key.
    let pulled = config.feeds.iter().map(|(name, feed)| {
        let (topics, priority) = (feed.topics.clone(), feed.priority);
        (Arc::new(Grant { topics, priority, ..Grant::everything(name) }), Vec::new())
    });
    let demo = config.demo.then(|| (Arc::new(Grant::everything(DEMO)), Vec::new()));
    configured.chain(pulled).chain(demo).collect()
}

pub(super) fn grant(name: &str, provider: &Provider) -> Grant {
    Grant {
        provider: name.into(),
        topics: provider.topics.clone(),
        adapters: provider.adapters.clone(),
        priority: provider.priority,
        desk: provider.desk,
        rate: provider.rate.map(Rate::new),
    }
}

/// `demo_key`: the demo's key is no secret, so it opens only what is on loopback.
pub(super) fn keys(
    config: &Config,
    grants: &[(Arc<Grant>, Vec<auth::KeyHash>)],
    demo_key: bool,
) -> Result<Keys, Failure> {
    let mut keys = Keys::default();
    for (grant, hashes) in grants {
        let provider = config.providers.get(&*grant.provider);
        for secret in provider.and_then(Provider::signing_secrets).unwrap_or_default() {
            let secret = auth::Secret::parse(&secret);
            let wrong = |why| Failure::Usage(format!("providers.{}.signing_secret_env: {why}", grant.provider));
            keys.add_secret(&secret.map_err(wrong)?, grant);
        }
        hashes.iter().for_each(|hash| keys.add(*hash, grant));
        if demo_key && &*grant.provider == DEMO {
            keys.add(auth::hash(DEMO.as_bytes()), grant);
        }
    }
    Ok(keys)
}

/// The providers whose silence means something.
pub(super) fn paced(config: &Config) -> Vec<Paced> {
    let paced = |name: &str, interval: Span, pulled| Paced { provider: name.into(), interval: interval.0, pulled };
    let posting = config.providers.iter().filter_map(|(name, said)| Some(paced(name, said.interval?, false)));
    posting.chain(config.feeds.iter().map(|(name, feed)| paced(name, feed.interval, true))).collect()
}
