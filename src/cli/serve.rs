//! `scoreline serve`: builds the parts, connects them, runs them, drains them.

mod limits;
mod listeners;
mod log;
mod providers;
mod show;
mod stop;
mod systemd;
mod tokens;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use self::limits::{longest_delay, server_limits};
use self::listeners::{Listeners, address};
use self::providers::{grants, keys, paced};
use self::show::show;
use self::watch::{watch_broker, watch_games};
use super::Failure;
use crate::auth::{self, Grant};
use crate::broker::{self, Broker};
use crate::config::{Config, DEMO, Role};
use crate::drain::{self, Drain, Drainer};
use crate::fanout::Fanout;
use crate::gateway;
use crate::gateway::ops::{About, Health, Ops};
use crate::gateway::publish::Publishing;
use crate::gateway::server::{self, Proxies};
use crate::gateway::tls::Tls;
use crate::gateway::tries::Tries;
use crate::ingest::{Ingest, Sources, poll, replay};
use crate::metrics::Metrics;

pub(super) use self::limits::{bounds, connections, file_limit};
pub(super) use self::stop::Stop;

pub(super) fn command(config: Config) -> Result<(), Failure> {
    log::to_stderr(&config.log)?;
    super::runtime()?.block_on(async {
        // Before anything listens: a signal that comes early must not be lost.
        let no_signals = |error: std::io::Error| Failure::Failed(format!("no signals: {error}"));
        let mut stop = Stop::new().map_err(no_signals)?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(no_signals)?;
        let service = start(config).await?;
        systemd::begin();
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                () = stop.asked() => break,
                () = service.lost() => {
                    outcome = Err(Failure::Failed("a shard is lost: see the log".to_owned()));
                    break;
                }
                _ = hang_up.recv() => {
                    systemd::reloading();
                    service.reload();
                    systemd::ready();
                }
            }
        }
        systemd::stopping();
        tracing::info!("draining");
        tokio::select! {
            () = service.stop() => {}
            () = stop.asked() => tracing::info!("stopped at once"),
        }
        outcome
    })
}

/// A running service.
pub struct Service {
    /// Where subscribers and providers connect.
    pub main: SocketAddr,
    /// Where operations are asked.
    pub ops: SocketAddr,
    /// Its metrics.
    pub metrics: Arc<Metrics>,
    /// Its log.
    pub broker: Arc<dyn Broker>,
    ingest: Option<Arc<Ingest>>,
    pulls: Vec<JoinHandle<()>>,
    fanout: Option<Arc<Fanout>>,
    tls: Option<Arc<Tls>>,
    drainer: Drainer,
    drain_time: Duration,
    main_server: JoinHandle<()>,
    ops_server: JoinHandle<()>,
    ops_drainer: Drainer,
}

/// Opens the log, builds every part and connects them.
///
/// # Errors
/// When an address or the broker cannot be had.
pub async fn start(config: Config) -> Result<Service, Failure> {
    // Addresses first: a wrong one must not leave a new log behind.
    let listeners = Listeners::bind(&config)?;
    let broker = broker::connect(&config.broker, bounds(&config.limits)).await;
    let broker = broker
        .map_err(|error| Failure::Failed(format!("broker {}: {error}", broker::without_secrets(&config.broker))))?;
    run(config, broker, listeners)
}

/// Builds every part on a log that is open.
///
/// # Errors
/// When an address cannot be had.
pub async fn start_on(config: Config, broker: Arc<dyn Broker>) -> Result<Service, Failure> {
    let listeners = Listeners::bind(&config)?;
    run(config, broker, listeners)
}

fn run(config: Config, broker: Arc<dyn Broker>, listeners: Listeners) -> Result<Service, Failure> {
    let Listeners { main, ops, tls, inherited } = listeners;
    let (main_address, ops_address) = (address(&main)?, address(&ops)?);
    let connections = connections(&config.limits, file_limit());
    let (drainer, drain) = drain::channel();
    let (ops_drainer, ops_drain) = drain::channel();

    let grants = grants(&config);
    let metrics = Metrics::new(grants.iter().map(|(grant, _)| &*grant.provider));
    metrics.connections_max(connections);
    let health = Health::new(config.limits.broker_grace.0, drain.clone());
    let showing = match config.role {
        Role::Ingest => {
            health.loaded(true);
            None
        }
        Role::Both | Role::Gateway => Some(show(&config, &broker, &metrics, &health, &drain)?),
    };
    let ingest = (config.role != Role::Gateway).then(|| {
        let grants = grants.iter().map(|(grant, _)| &**grant);
        let sources = Sources::new(grants, paced(&config), config.limits.failover_patience.0);
        Ingest::new(Arc::clone(&broker), Arc::clone(&metrics), sources, config.pairing.clone())
    });
    if let Some(ingest) = &ingest {
        tokio::spawn(Arc::clone(ingest).keep_heard());
        tokio::spawn(Arc::clone(ingest).watch_sources());
        tokio::spawn(Arc::clone(ingest).follow_games());
        tokio::spawn(Arc::clone(ingest).keep_retention(config.limits.retention.0, drain.clone()));
    }
    let ops_parts = Arc::new(Ops::new(
        about(&config, main_address, ops_address),
        Arc::clone(&metrics),
        Arc::clone(&health),
        showing.as_ref().map(|showing| Arc::clone(&showing.board)),
    ));
    tokio::spawn(watch_broker(Arc::clone(&broker), Arc::clone(&ops_parts), drain.clone()));
    tokio::spawn(watch_games(Arc::downgrade(&ops_parts)));
    let pulls = ingest.as_ref().map_or_else(Vec::new, |ingest| pull_feeds(&config, &grants, ingest, &drain));
    if let Some(ingest) = ingest.as_ref().filter(|_| config.demo) {
        let demo = grants.iter().find(|(grant, _)| &*grant.provider == DEMO).map(|(grant, _)| Arc::clone(grant));
        let demo = demo.expect("the demo's grant is among them");
        tokio::spawn(replay::play_demo(Arc::clone(ingest), demo, drain.clone()));
    }

    let publishing = ingest.as_ref().map(|ingest| {
        Ok::<_, Failure>(Arc::new(Publishing {
            keys: keys(&config, &grants, config.demo && main_address.ip().is_loopback())?,
            tries: Tries::new(&metrics),
            ingest: Arc::clone(ingest),
            formats: config.formats.clone(),
            metrics: Arc::clone(&metrics),
            limits: config.limits.clone(),
            drain: drain.clone(),
        }))
    });
    let publishing = publishing.transpose()?;
    if showing.is_some() {
        tracing::info!("{}", tokens::who_may_subscribe(&config));
    }
    let routes = gateway::routes(showing.as_ref(), publishing.as_ref());
    let fanout = showing.map(|showing| showing.fanout);
    let ops_routes = gateway::ops_routes(&ops_parts);
    let limits = server_limits(&config.limits, connections);
    let ops_limits = server::Limits { connections: 256, per_address: 0, ..limits.clone() };
    let main_server = server::Server {
        routes,
        limits,
        tls: tls.clone(),
        proxies: proxies(&config),
        metrics: Arc::clone(&metrics),
        drain,
        inherited,
    };
    let ops_server = server::Server {
        routes: ops_routes,
        limits: ops_limits,
        tls: None,
        proxies: Proxies::default(),
        metrics: Arc::clone(&metrics),
        drain: ops_drain,
        inherited: true,
    };
    let main_server = tokio::spawn(server::serve(main, main_server));
    let ops_server = tokio::spawn(server::serve(ops, ops_server));
    if let Some(tls) = &tls {
        tokio::spawn(Arc::clone(tls).keep_up());
    }

    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{main_address}");
    tracing::info!("operations on http://{ops_address}");
    let (main, ops, drain_time) = (main_address, ops_address, config.drain);
    Ok(Service {
        main,
        ops,
        metrics,
        broker,
        ingest,
        pulls,
        fanout,
        tls,
        drainer,
        drain_time,
        main_server,
        ops_server,
        ops_drainer,
    })
}

impl Service {
    /// Reads again what may change while it runs: the certificate.
    pub fn reload(&self) {
        match &self.tls {
            Some(tls) => tls.reload(),
            None => tracing::info!("there is no certificate to read again"),
        }
    }

    /// Waits until it cannot go on: see [`Fanout::lost`].
    async fn lost(&self) {
        match &self.fanout {
            Some(fanout) => fanout.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Drains: not ready any more, requests finish, subscribers are sent away; at the latest after the drain's time.
    pub async fn stop(self) {
        self.drainer.begin();
        let gone = async {
            if let Some(fanout) = &self.fanout {
                fanout.drain(self.drain_time);
            }
            // Ends when every connection has, also those that shards serve.
            let _ = self.main_server.await;
            if let Some(fanout) = &self.fanout {
                fanout.end().await;
            }
        };
        if tokio::time::timeout(self.drain_time + Duration::from_secs(2), gone).await.is_err() {
            tracing::warn!("connections were cut: the drain's time is over");
        }
        for pull in self.pulls {
            let _ = tokio::time::timeout(Duration::from_secs(1), pull).await;
        }
        if let Some(ingest) = &self.ingest {
            ingest.close().await;
        }
        // Last: until now it says that this process drains.
        self.ops_drainer.begin();
        let _ = tokio::time::timeout(Duration::from_millis(500), self.ops_server).await;
    }
}

/// Pulls every feed, until the drain begins.
fn pull_feeds(
    config: &Config,
    grants: &[(Arc<Grant>, Vec<auth::KeyHash>)],
    ingest: &Arc<Ingest>,
    drain: &Drain,
) -> Vec<JoinHandle<()>> {
    let pulled = grants.iter().filter_map(|(grant, _)| {
        let feed = config.feeds.get(&*grant.provider)?;
        let adapter = config.formats.find(&feed.adapter)?;
        Some(tokio::spawn(poll::pull(feed.clone(), adapter, Arc::clone(grant), Arc::clone(ingest), drain.clone())))
    });
    pulled.collect()
}

/// What the status page says of the process.
fn about(config: &Config, main: SocketAddr, ops: SocketAddr) -> About {
    About {
        name: format!("{}:{}", host_name(), main.port()),
        role: match config.role {
            Role::Both => "serve",
            Role::Gateway => "gateway",
            Role::Ingest => "ingest",
        },
        ops: ops.to_string(),
        broker: broker::without_secrets(&config.broker),
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The proxies whose word on addresses is taken.
fn proxies(config: &Config) -> Proxies {
    Proxies { trusted: config.trusted_proxies.clone(), headers: config.proxy_protocol }
}
