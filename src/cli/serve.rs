//! `scoreline serve`: builds the parts, connects them, runs them, drains them.

mod listeners;
mod log;
mod systemd;
mod tokens;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::watch::{LogWatch, watch_broker, watch_games};
use super::Failure;
use crate::auth::{self, Grant, Keys, Rate, Tokens};
use crate::broker::{self, Bounds, Broker};
use crate::config::{Config, DEMO, Limits, Provider, Role, Span};
use crate::drain::{self, Drain, Drainer};
use crate::fanout::{self, Fanout};
use crate::gateway::ops::{About, Health, Ops};
use crate::gateway::publish::Publishing;
use crate::gateway::server::{self, Proxies};
use crate::gateway::tls::Tls;
use crate::gateway::tries::Tries;
use crate::gateway::{self, Showing};
use crate::ingest::{Ingest, Paced, Sources, poll, replay};
use crate::metrics::Metrics;
use crate::scoreboard::{self, Liveness, RingBounds, Scoreboard};
use crate::session;

use listeners::{Listeners, address};

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

/// The providers whose silence means something.
fn paced(config: &Config) -> Vec<Paced> {
    let paced = |name: &str, interval: Span, pulled| Paced { provider: name.into(), interval: interval.0, pulled };
    let posting = config.providers.iter().filter_map(|(name, said)| Some(paced(name, said.interval?, false)));
    posting.chain(config.feeds.iter().map(|(name, feed)| paced(name, feed.interval, true))).collect()
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

/// What subscribers are served from.
fn show(
    config: &Config,
    broker: &Arc<dyn Broker>,
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
    drain: &Drain,
) -> Result<Showing, Failure> {
    let tokens = tokens::open(config)?;
    let board = follow(broker, metrics, &config.limits, health);
    let fanout = Fanout::start(config.shards, &board, metrics, &fanout_settings(config, tokens.clone()))
        .map_err(|error| Failure::Failed(format!("shards: {error}")))?;
    let (allow_origin, longest_delay) = (config.allow_origin.clone(), longest_delay(&config.limits));
    let drain = (drain.clone(), config.drain);
    let Config { demo, test_echo, .. } = *config;
    let metrics = Arc::clone(metrics);
    Ok(Showing { board, fanout, metrics, allow_origin, tokens, longest_delay, drain, demo, test_echo })
}

/// The scoreboard, which follows the log from now on.
fn follow(broker: &Arc<dyn Broker>, metrics: &Arc<Metrics>, limits: &Limits, health: &Arc<Health>) -> Arc<Scoreboard> {
    /// What the log has told and the scoreboard has not taken yet; a full one makes the log's reader wait.
    const TOLD: usize = 1_024;
    let recent = RingBounds {
        age_ms: limits.recent_time.ms(),
        bytes: usize::try_from(limits.recent_bytes).unwrap_or(usize::MAX),
    };
    let (tombstone_ms, grace) = (limits.tombstones.ms(), limits.broker_grace.0);
    let board = Scoreboard::new(scoreboard::Settings { recent, tombstone_ms, grace });
    let (tell, told) = mpsc::channel(TOLD);
    let mut watch = LogWatch::new(metrics);
    tokio::spawn(board.writer().follow(told, move |told| watch.hear(told)));
    let broker = Arc::clone(broker);
    tokio::spawn(async move { broker.follow(tell).await });
    let (mut liveness, health) = (board.liveness(), Arc::clone(health));
    tokio::spawn(async move {
        if liveness.wait_for(|liveness| *liveness != Liveness::Loading).await.is_ok() {
            health.loaded(true);
        }
    });
    board
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

/// Whole seconds; never more than the recent publications reach back, with a margin to load them.
pub(super) fn longest_delay(limits: &Limits) -> u16 {
    let held = limits.recent_time.0.saturating_sub(Duration::from_secs(30));
    u16::try_from(limits.delay.0.min(held).as_secs()).unwrap_or(u16::MAX)
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
        message: fanout::codec::Limits { message_bytes: limits.command_bytes, ..Default::default() },
        commands: (limits.commands_per_second, limits.commands_burst),
        tokens,
        token_time: limits.header_time.0,
    }
}

/// The bounds of the log engine.
pub(super) fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        recent_ms: limits.recent_time.ms(),
        recent_bytes: limits.recent_bytes,
        id_ms: limits.id_time.ms(),
        ids: limits.ids,
        tombstone_ms: limits.tombstones.ms(),
    }
}

/// The proxies whose word on addresses is taken.
fn proxies(config: &Config) -> Proxies {
    Proxies { trusted: config.trusted_proxies.clone(), headers: config.proxy_protocol }
}

fn server_limits(limits: &Limits, connections: usize) -> server::Limits {
    server::Limits {
        header_bytes: limits.header_bytes,
        header_time: limits.header_time.0,
        idle_time: limits.idle_time.0,
        write_time: limits.write_time.0,
        connections,
        per_address: limits.connections_per_address,
    }
}

/// Each provider's grant, and the hashes of its keys; the demo's own has none here.
fn grants(config: &Config) -> Vec<(Arc<Grant>, Vec<auth::KeyHash>)> {
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

fn grant(name: &str, provider: &Provider) -> Grant {
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
fn keys(config: &Config, grants: &[(Arc<Grant>, Vec<auth::KeyHash>)], demo_key: bool) -> Result<Keys, Failure> {
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

/// The connections that are taken: the setting, or 18,000, or 90 % of the file descriptors.
pub(super) fn connections(limits: &Limits, files: usize) -> usize {
    limits.connections.unwrap_or_else(|| (files / 10 * 9).clamp(1, 18_000))
}

/// How many files may be open, after raising it to what is allowed.
pub(super) fn file_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let limit = if raised { maximum } else { current };
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// SIGTERM and SIGINT.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn new() -> std::io::Result<Stop> {
        Ok(Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns with the next one.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
