//! Who is still there. A provider that has said how often it reports is silent after three times as long. Processes on one
//! log know it together: whoever hears a provider holds a lease in its name for that time, and only where nobody has it
//! any more is the provider silent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Paced;
use crate::broker::Broker;
use crate::wire::FeedStatus;

/// Silent for so many of its intervals, a provider is not there.
const INTERVALS: u32 = 3;
/// Whom nobody heard is asked for in this name, for a moment.
const NOBODY: &str = "nobody";
/// How long telling a provider's status stays with one process.
const TELLING: Duration = Duration::from_secs(4);

/// The providers whose silence means something.
#[derive(Debug)]
pub(super) struct Liveness {
    providers: Mutex<HashMap<Arc<str>, Provider>>,
    /// This process, among those that tell.
    process: String,
}

#[derive(Debug)]
struct Provider {
    interval: Duration,
    /// Its silence is told here; a pulled feed's is told by whoever pulls it.
    told_here: bool,
    /// Since when it could have been heard.
    known: Instant,
    heard: Option<Instant>,
    written: Option<Instant>,
    silent: Option<Instant>,
    asked_to_tell: Option<Instant>,
    told: Option<FeedStatus>,
}

impl Default for Liveness {
    /// Nobody's.
    fn default() -> Liveness {
        Liveness { providers: Mutex::default(), process: format!("{:032x}", fastrand::u128(..)) }
    }
}

impl Provider {
    fn new(interval: Duration, told_here: bool) -> Provider {
        let (heard, written, silent, asked_to_tell, told) = (None, None, None, None, None);
        Provider { interval, told_here, known: Instant::now(), heard, written, silent, asked_to_tell, told }
    }
}

impl Liveness {
    /// From now on these. What is known of those who stay stays.
    pub(super) fn watch(&self, paced: impl IntoIterator<Item = Paced>) {
        let mut providers = self.providers.lock();
        let mut before = std::mem::take(&mut *providers);
        providers.extend(paced.into_iter().map(|Paced { provider, interval, pulled }| {
            let held = before.remove(&provider).filter(|held| held.told_here != pulled);
            let known = match held {
                // Whoever pulls a feed says how often it is heard.
                Some(held) if pulled => held,
                Some(held) => Provider { interval, ..held },
                None => Provider::new(interval, !pulled),
            };
            (provider, known)
        }));
    }

    /// It said something, or that it has nothing to say.
    pub(super) fn heard(&self, provider: &str) {
        if let Some(provider) = self.providers.lock().get_mut(provider) {
            (provider.heard, provider.silent) = (Some(Instant::now()), None);
        }
    }

    /// How often it will be heard from now on.
    pub(super) fn expect(&self, provider: &str, interval: Duration) {
        if let Some(provider) = self.providers.lock().get_mut(provider) {
            provider.interval = interval;
        }
    }

    /// For how long it has counted as silent; `None` while it does not.
    pub(super) fn silent(&self, provider: &str) -> Option<Duration> {
        self.providers.lock().get(provider)?.silent.map(|since| since.elapsed())
    }

    /// Looks at each provider; gives what is to be told.
    pub(super) async fn check(&self, broker: &dyn Broker) -> Vec<(Arc<str>, FeedStatus)> {
        let mut news = Vec::new();
        let names: Vec<Arc<str>> = self.providers.lock().keys().cloned().collect();
        for name in names {
            self.look(broker, &name).await;
            if let Some(status) = self.news(broker, &name).await {
                news.push((name, status));
            }
        }
        news
    }

    async fn look(&self, broker: &dyn Broker, name: &Arc<str>) {
        let lease = format!("heard:{name}");
        let found = self.providers.lock().get(name).map(|provider| {
            let left = (provider.interval * INTERVALS).checked_sub(provider.heard.unwrap_or(provider.known).elapsed());
            (provider.heard, provider.written, left)
        });
        let Some((heard, written, left)) = found else { return };
        match left {
            Some(left) if heard > written => {
                if broker.lease(&lease, name, left).await.is_ok_and(|ours| ours) {
                    self.change(name, |provider| provider.written = heard);
                }
            }
            Some(_) => {}
            // Not heard here. What the broker does not say leaves it as it is.
            None => match broker.lease(&lease, NOBODY, Duration::from_millis(1)).await {
                Ok(true) => self.change(name, |provider| {
                    if provider.heard == heard {
                        provider.silent.get_or_insert_with(Instant::now);
                    }
                }),
                Ok(false) => self.change(name, |provider| provider.silent = None),
                Err(_) => {}
            },
        }
    }

    /// What is to be told of it, where this process is the one that tells.
    async fn news(&self, broker: &dyn Broker, name: &Arc<str>) -> Option<FeedStatus> {
        let status = {
            let mut providers = self.providers.lock();
            let provider = providers.get_mut(name).filter(|provider| provider.told_here)?;
            let status = match (provider.silent, provider.written) {
                (Some(_), _) => FeedStatus::Stale,
                (None, Some(_)) => FeedStatus::Live,
                (None, None) => return None, // nobody knows yet
            };
            let due = provider.asked_to_tell.is_none_or(|asked| asked.elapsed() > TELLING / 4);
            if provider.told == Some(status) && !due {
                return None;
            }
            provider.asked_to_tell = Some(Instant::now());
            status
        };
        let ours = broker.lease(&format!("feed:{name}"), &self.process, TELLING).await.unwrap_or(false);
        let mut told = None;
        self.change(name, |provider| {
            told = provider.told.replace(status);
            if !ours {
                provider.told = None; // another tells; should it end, this one tells what then holds
            }
        });
        (ours && told != Some(status)).then_some(status)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Provider)) {
        if let Some(provider) = self.providers.lock().get_mut(name) {
            change(provider);
        }
    }
}
