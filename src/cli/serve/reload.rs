//! Settings that are read again, on SIGHUP: all that can change at once does, or nothing.

use super::Service;
use super::providers::{Providers, paced};
use super::tokens::Door;
use crate::cli::Failure;
use crate::config::{Config, Reread};

impl Service {
    /// Takes settings that were read again, and tells what became of it in one line.
    pub async fn reload(&mut self, read: Result<Config, Failure>) {
        let taken = match read {
            Ok(read) => self.take(&read).await,
            Err(failure) => Err(failure),
        };
        match taken {
            Ok(Reread { changed, waiting, .. }) => {
                let list = |names: Vec<String>| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                let waits =
                    if waiting.is_empty() { String::new() } else { format!("; needs a restart: {}", list(waiting)) };
                tracing::info!("settings were read again; changed: {}{waits}", list(changed));
            }
            Err(failure) => tracing::error!("the settings in force stay: {failure}"),
        }
    }

    /// What can fail comes first, so that what is refused changes nothing.
    async fn take(&mut self, read: &Config) -> Result<Reread, Failure> {
        let reread = self.config.reread(read)?;
        let config = &reread.config;
        let providers = Providers::of(config, self.main.ip().is_loopback(), Some(&self.providers))?;
        let door = if self.door.is_some() { Door::open(config)? } else { None };
        if let (Some(tls), Some(files)) = (&self.tls, &config.tls) {
            tls.change(&files.cert, &files.key).map_err(|error| Failure::Failed(format!("tls: {error}")))?;
        }
        if let (Some(held), Some(door)) = (&mut self.door, door) {
            held.change(door).await;
        }
        self.metrics.know(providers.names());
        self.live.change(config, &providers);
        self.metrics.connections_max(self.live.server.get().connections);
        if let Some(ingest) = &self.ingest {
            ingest.change_sources(providers.speaking(), paced(config), config.limits.failover_patience.0);
            self.pulls.change((&self.config, config), providers.grants(), ingest);
        }
        self.providers = providers;
        self.config = config.clone();
        Ok(reread)
    }
}
