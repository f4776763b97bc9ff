//! The door of subscribers, as it is configured.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::longest_delay;
use crate::auth::{Rules, Tokens};
use crate::cli::Failure;
use crate::config::{Config, KeySource};
use crate::ingest::poll;

/// The door, and who keeps its keys.
pub(super) struct Door {
    pub(super) tokens: Arc<Tokens>,
    source: KeySource,
    refresh: Duration,
    /// Not before the door is in use.
    keeper: Option<JoinHandle<()>>,
}

impl Door {
    /// The door with the keys that are here; `None`: everybody may subscribe.
    pub(super) fn open(config: &Config) -> Result<Option<Door>, Failure> {
        let Some(said) = &config.tokens else { return Ok(None) };
        let usage = |why: String| Failure::Usage(format!("tokens.{why}"));
        let rules = Rules {
            algorithm: said.algorithm.clone(),
            audience: said.audience.clone(),
            issuer: said.issuer.clone(),
            connections_per_sub: said.connections_per_sub,
            longest_delay: longest_delay(&config.limits),
        };
        let tokens = Arc::new(Tokens::new(&rules).map_err(usage)?);
        let source = said.source().map_err(|error| Failure::Usage(error.to_string()))?;
        match &source {
            KeySource::Secret(secret) => tokens.set_secret(secret),
            KeySource::File(file) => {
                let wrong = |why: String| Failure::Failed(format!("tokens.jwks {file}: {why}"));
                let set = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
                tokens.set_keys(&set).map_err(wrong)?;
            }
            // Who asks before they came is asked to come again.
            KeySource::Url(_) => {}
        }
        Ok(Some(Door { tokens, source, refresh: said.refresh.0, keeper: None }))
    }

    /// Keeps its keys from now on.
    pub(super) fn keep(&mut self) {
        let keeping = poll::keep_keys(Arc::clone(&self.tokens), self.source.clone(), self.refresh);
        self.keeper = Some(tokio::spawn(keeping));
    }

    /// Asks what another door asks, and keeps its keys.
    pub(super) async fn change(&mut self, other: Door) {
        if let Some(keeper) = self.keeper.take() {
            keeper.abort();
            // Until it has ended it might still set keys of before.
            let _ = keeper.await;
        }
        self.tokens.change(&other.tokens, self.source == other.source);
        (self.source, self.refresh) = (other.source, other.refresh);
        self.keep();
    }
}

/// For whoever starts it.
pub(super) fn who_may_subscribe(config: &Config) -> String {
    match &config.tokens {
        None => "anyone may subscribe: there is no [tokens] in the config".to_owned(),
        Some(tokens) => format!("subscribers need a token signed with {}", tokens.algorithm),
    }
}
