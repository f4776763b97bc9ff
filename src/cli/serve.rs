//! `scoreline serve`: builds the parts, connects them, runs them, drains them.

mod limits;
mod listeners;
mod live;
mod log;
mod providers;
mod pulls;
mod reload;
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

use self::limits::longest_delay;
use self::listeners::{Listeners, address};
use self::live::InForce;
use self::providers::{Providers, paced};
use self::pulls::Pulls;
use self::show::show;
use self::tokens::Door;
use self::watch::{watch_broker, watch_games};
use super::Failure;
use crate::auth::Grant;
use crate::broker::{self, Broker};
use crate::config::{Config, DEMO, Role};
use crate::drain::{self, Drainer};
use crate::fanout::Fanout;
use crate::gateway;
use crate::gateway::ops::{About, Health, Ops};
use crate::gateway::publish::{Lobby, Publishing};
use crate::gateway::server::{self, Audience, Proxies};
use crate::gateway::tls::Tls;
use crate::gateway::tries::Tries;
use crate::ingest::{Ingest, Sources, replay};
use crate::metrics::Metrics;

pub(super) use self::limits::{bounds, connections, file_limit};
pub(super) use self::listeners::find;
pub(super) use self::log::filter;
pub(super) use self::stop::Stop;

/// Whether keys, secrets and key sets can be used, beside what the config says of each.
pub(super) fn check_keys(config: &Config) -> Result<(), Failure> {
    Providers::of(config, true, None)?;
    Door::open(config).map(drop)
}

/// `load` gives the settings, and gives them again when they are to be read again.
pub(super) fn command(load: impl Fn() -> Result<Config, Failure>) -> Result<(), Failure> {
    let config = load()?;
    log::to_stderr(&config.log)?;
    super::runtime()?.block_on(async {
        // Before anything listens: a signal that comes early must not be lost.
        let no_signals = |error: std::io::Error| Failure::Failed(format!("no signals: {error}"));
        let mut stop = Stop::new().map_err(no_signals)?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(no_signals)?;
        let mut service = start(config).await?;
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
                    service.reload(load()).await;
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
    config: Config,
    providers: Providers,
    live: InForce,
    ingest: Option<Arc<Ingest>>,
    pulls: Pulls,
    fanout: Option<Arc<Fanout>>,
    door: Option<Door>,
    tls: Option<Arc<Tls>>,
    drainer: Drainer,
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
    let (drainer, drain) = drain::channel();
    let (ops_drainer, ops_drain) = drain::channel();

    let providers = Providers::of(&config, main_address.ip().is_loopback(), None)?;
    let metrics = Metrics::new(providers.names());
    let mut door = if config.role == Role::Ingest { None } else { Door::open(&config)? };
    door.iter_mut().for_each(Door::keep);
    let live = InForce::new(&config, &providers, door.as_ref());
    metrics.connections_max(live.server.get().connections);
    let health = Health::new(config.limits.broker_grace.0, drain.clone());
    let showing = match config.role {
        Role::Ingest => {
            health.loaded(true);
            None
        }
        Role::Both | Role::Gateway => Some(show(&config, &live, door.as_ref(), &broker, &metrics, &health, &drain)?),
    };
    let ingest = (config.role != Role::Gateway).then(|| {
        let sources = Sources::new(providers.speaking(), paced(&config), config.limits.failover_patience.0);
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
    let pulls = ingest.as_ref().map_or_else(Pulls::default, |ingest| Pulls::start(&config, providers.grants(), ingest));
    if let Some(ingest) = ingest.as_ref().filter(|_| config.demo) {
        let demo = Arc::new(Grant::everything(DEMO));
        tokio::spawn(replay::play_demo(Arc::clone(ingest), demo, drain.clone()));
    }

    let publishing = ingest.as_ref().map(|ingest| {
        Arc::new(Publishing {
            rules: Arc::clone(&live.rules),
            tries: Tries::new(&metrics),
            lobby: Lobby::default(),
            ingest: Arc::clone(ingest),
            metrics: Arc::clone(&metrics),
            drain: drain.clone(),
        })
    });
    if showing.is_some() {
        tracing::info!("{}", tokens::who_may_subscribe(&config));
    }
    if ingest.is_some() && providers.speaking().next().is_none() {
        tracing::warn!(
            "nobody may publish: there are no [providers] with a key and no [feeds] in the config (--demo has its own)"
        );
    }
    let routes = gateway::routes(showing.as_ref(), publishing.as_ref());
    let fanout = showing.map(|showing| showing.fanout);
    let ops_routes = gateway::ops_routes(&ops_parts);
    let main_server = server::Server {
        audience: Audience::Public,
        routes,
        limits: Arc::clone(&live.server),
        tls: tls.clone(),
        proxies: proxies(&config),
        metrics: Arc::clone(&metrics),
        drain,
        inherited,
    };
    let ops_server = server::Server {
        audience: Audience::Operators,
        routes: ops_routes,
        limits: Arc::clone(&live.ops),
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
    let (main, ops) = (main_address, ops_address);
    Ok(Service {
        main,
        ops,
        metrics,
        broker,
        config,
        providers,
        live,
        ingest,
        pulls,
        fanout,
        door,
        tls,
        drainer,
        main_server,
        ops_server,
        ops_drainer,
    })
}

impl Service {
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
        let pulls = self.pulls.stop();
        let gone = async {
            if let Some(fanout) = &self.fanout {
                fanout.drain(self.config.drain);
            }
            // Ends when every connection has, also those that shards serve.
            let _ = self.main_server.await;
            if let Some(fanout) = &self.fanout {
                fanout.end().await;
            }
        };
        if tokio::time::timeout(self.config.drain + Duration::from_secs(2), gone).await.is_err() {
            tracing::warn!("connections were cut: the drain's time is over");
        }
        pulls.await;
        if let Some(ingest) = &self.ingest {
            ingest.close().await;
        }
        // Last: until now it says that this process drains.
        self.ops_drainer.begin();
        let _ = tokio::time::timeout(Duration::from_millis(500), self.ops_server).await;
    }
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
