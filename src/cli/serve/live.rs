//! The settings that change while the service runs, in one place. The parts read them here, each where it uses them.

use std::sync::Arc;
use std::time::Duration;

use super::limits::server_limits;
use super::providers::Providers;
use super::tokens::Door;
use super::{connections, file_limit, host_name, longest_delay};
use crate::auth::Tokens;
use crate::codec;
use crate::config::Config;
use crate::fanout;
use crate::gateway::publish::Rules;
use crate::gateway::server;
use crate::live::Live;
use crate::session;

/// What the parts were given. Beside it, tokens, certificate, sources and pulled feeds change by themselves.
pub(super) struct InForce {
    /// Whose pages may connect.
    pub(super) origins: Arc<Live<Vec<String>>>,
    /// Bounds of the main listener.
    pub(super) server: Arc<Live<server::Limits>>,
    /// And of the one for operations.
    pub(super) ops: Arc<Live<server::Limits>>,
    /// How subscribers are served.
    pub(super) fanout: Arc<Live<fanout::Settings>>,
    /// Who may publish what.
    pub(super) rules: Arc<Live<Rules>>,
}

impl InForce {
    pub(super) fn new(config: &Config, providers: &Providers, door: Option<&Door>) -> InForce {
        InForce {
            origins: live(config.allow_origin.clone()),
            server: live(main_limits(config)),
            ops: live(ops_limits(config)),
            fanout: live(fanout_settings(config, door.map(|door| Arc::clone(&door.tokens)))),
            rules: live(rules(config, providers)),
        }
    }

    pub(super) fn change(&self, config: &Config, providers: &Providers) {
        self.origins.set(config.allow_origin.clone());
        self.server.set(main_limits(config));
        self.ops.set(ops_limits(config));
        self.fanout.set(fanout_settings(config, self.fanout.get().tokens.clone()));
        self.rules.set(rules(config, providers));
    }
}

fn live<T>(value: T) -> Arc<Live<T>> {
    Arc::new(Live::new(value))
}

fn main_limits(config: &Config) -> server::Limits {
    server_limits(&config.limits, connections(&config.limits, file_limit()))
}

fn ops_limits(config: &Config) -> server::Limits {
    server::Limits { connections: 256, per_address: 0, ..main_limits(config) }
}

fn rules(config: &Config, providers: &Providers) -> Rules {
    Rules { keys: providers.keys(), formats: config.formats.clone(), limits: config.limits.clone() }
}

fn fanout_settings(config: &Config, tokens: Option<Arc<Tokens>>) -> fanout::Settings {
    let limits = &config.limits;
    fanout::Settings {
        gateway: host_name(),
        heartbeat: limits.heartbeat.0,
        session: session::Limits {
            topics: limits.topics,
            ahead_wait: Duration::from_secs(2),
            delay: longest_delay(limits),
        },
        message: codec::Limits { message_bytes: limits.command_bytes, ..Default::default() },
        commands: (limits.commands_per_second, limits.commands_burst),
        tokens,
        token_time: limits.header_time.0,
    }
}
