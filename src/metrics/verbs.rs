//! What happens in the service, each with its verb.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use feeds::game::Status;
use feeds::revision::Correction;

use super::labels::{
    Bound, CloseReason, Door, GapOutcome, Hop, Label, PayloadOutcome, ReportOutcome, ResetReason, ResumeOutcome, Route,
    Transport,
};
use super::{Load, Metrics, Standing};

/// A build for the benchmark of what all this costs.
const UNMEASURED: bool = cfg!(feature = "unmeasured");

/// Publishing.
impl Metrics {
    /// A provider's body was read, or refused as a whole: either way it is not silent.
    pub fn payload(&self, provider: &str, outcome: PayloadOutcome) {
        if self.knows(provider) {
            self.payloads.with_label_values(&[provider, outcome.name()]).inc();
            self.heard(provider);
        }
    }

    /// A report got its answer.
    pub fn report(&self, provider: &str, outcome: ReportOutcome) {
        if self.knows(provider) {
            self.reports.with_label_values(&[provider, outcome.name()]).inc();
        }
    }

    /// A provider was heard, just now.
    pub fn heard(&self, provider: &str) {
        if self.knows(provider) {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
            self.feed_last_report.with_label_values(&[provider]).set(i64::try_from(now).unwrap_or(i64::MAX));
        }
    }

    /// A change is in the log; `took` is the engine's part.
    pub fn published(&self, took: Duration, offset: u64) {
        self.publications.inc();
        self.broker_publish.observe(took.as_secs_f64());
        // Who follows the log knows what it was told, and no more: else it would look as if it were told.
        if !self.follows.load(Ordering::Relaxed) {
            self.log_offset(offset);
        }
    }

    /// Something was taken back.
    pub fn corrected(&self, reason: Correction) {
        self.corrections[reason].inc();
    }

    /// A provider took the lead of a game from one that was silent or contradicted.
    pub fn failed_over(&self) {
        self.feed_failovers.inc();
    }

    /// One hop of a publication's way.
    pub fn hop(&self, hop: Hop, took: Duration) {
        self.hops[hop].observe(took.as_secs_f64());
    }
}

/// The log.
impl Metrics {
    /// Whether the log engine answers.
    pub fn broker_up(&self, up: bool) {
        self.broker_up.set(i64::from(up));
    }

    /// It was away and answers again.
    pub fn broker_reconnected(&self) {
        self.broker_reconnects.inc();
    }

    /// Publications did not come by themselves.
    pub fn broker_gap(&self, outcome: GapOutcome) {
        self.broker_gaps[outcome].inc();
    }

    /// The log was opened and ends here; that may be before where it once was, when history was lost.
    pub fn log_opened(&self, offset: u64) {
        self.follows.store(true, Ordering::Relaxed);
        self.log_offset.set(i64::try_from(offset).unwrap_or(i64::MAX));
    }

    /// The log is at least here.
    pub fn log_offset(&self, offset: u64) {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        // Two threads may say it in the wrong order; the next one mends it.
        if offset > self.log_offset.get() {
            self.log_offset.set(offset);
        }
    }

    /// The games there are, by the text of their status; a text that is none of ours counts as unknown.
    pub fn games<'t>(&self, statuses: impl Iterator<Item = &'t str>) {
        let mut counts = vec![0; Status::ALL.len()];
        for text in statuses {
            let status = Status::ALL.iter().copied().find(|status| status.name() == text).unwrap_or(Status::Unknown);
            counts[status.index()] += 1;
        }
        for &status in Status::ALL {
            self.games[status].set(counts[status.index()]);
        }
    }
}

/// Feeds.
impl Metrics {
    /// How a provider stands.
    pub fn feed(&self, provider: &str, Standing { up, live_games }: Standing) {
        if self.knows(provider) {
            self.feed_up.with_label_values(&[provider]).set(i64::from(up));
            self.feed_live_games.with_label_values(&[provider]).set(live_games);
        }
    }
}

/// Subscribers. Shards call these with counts of a whole turn.
impl Metrics {
    /// How many connections the process takes.
    pub fn connections_max(&self, most: usize) {
        self.connections_max.set(i64::try_from(most).unwrap_or(i64::MAX));
    }

    /// A place among them is taken.
    pub fn place_taken(&self) {
        self.connections_taken.inc();
    }

    /// And free again.
    pub fn place_left(&self) {
        self.connections_taken.dec();
    }

    /// There was no room for a connection, or for a request that needs a place of its own.
    pub fn refused(&self, bound: Bound) {
        self.refused[bound].inc();
    }

    /// A subscriber connected.
    pub fn connection_opened(&self, transport: Transport) {
        self.opened[transport].inc();
        self.connections[transport].inc();
    }

    /// A subscriber left.
    pub fn connection_closed(&self, transport: Transport, reason: CloseReason) {
        self.closed.with_label_values(&[transport.name(), reason.name()]).inc();
        self.connections[transport].dec();
    }

    /// A key, a signature or a token opened nothing.
    pub fn auth_failed(&self, door: Door) {
        self.auth_failures[door].inc();
    }

    /// Subscriptions came (or, below 0, went).
    pub fn subscriptions(&self, delta: i64) {
        self.subscriptions.add(delta);
    }

    /// Connections fell behind (or, below 0, caught up).
    pub fn lagging(&self, delta: i64) {
        self.lagging.add(delta);
    }

    /// Messages were written.
    pub fn delivered(&self, transport: Transport, messages: u64, bytes: u64) {
        if UNMEASURED {
            return;
        }
        self.deliveries[transport].inc_by(messages);
        self.delivered_bytes[transport].inc_by(bytes);
    }

    /// Messages were encoded.
    pub fn encoded(&self, messages: u64) {
        if UNMEASURED {
            return;
        }
        self.encodings.inc_by(messages);
    }

    /// Versions were skipped for a subscriber.
    pub fn conflated(&self, versions: u64) {
        if UNMEASURED {
            return;
        }
        self.conflated.inc_by(versions);
    }

    /// A subscription began.
    pub fn resumed(&self, outcome: ResumeOutcome) {
        self.resumes[outcome].inc();
    }

    /// A subscriber was told a reset.
    pub fn reset(&self, reason: ResetReason) {
        self.resets[reason].inc();
    }

    /// A publication reached this gateway `now`; it was accepted (when it is an update) and stored then. Clocks of several
    /// machines: what is below 0 counts as 0. All in ms since the Unix epoch.
    pub fn arrived(&self, accepted_at: Option<i64>, at: i64, now: i64) {
        if UNMEASURED {
            return;
        }
        if let Some(accepted_at) = accepted_at {
            self.hops[Hop::IngestToLog].observe(seconds(at - accepted_at));
        }
        self.hops[Hop::LogToGateway].observe(seconds(now - at));
    }

    /// A shard wrote it to its sockets; from its arrival at this gateway.
    pub fn gateway_to_socket(&self, took: Duration) {
        if UNMEASURED {
            return;
        }
        self.hop(Hop::GatewayToSocket, took);
    }

    /// A shard wrote it to its sockets; from the report's acceptance.
    pub fn delivery_seconds(&self, ms: i64) {
        if UNMEASURED {
            return;
        }
        self.delivery.observe(seconds(ms));
    }

    /// A pong came; from its ping.
    pub fn client_rtt(&self, took: Duration) {
        self.client_rtt.observe(took.as_secs_f64());
    }
}

/// What the status page shows of them.
impl Metrics {
    /// The configured providers.
    #[must_use]
    pub fn providers(&self) -> Arc<Vec<String>> {
        self.providers.get()
    }

    /// When this process last heard a provider; seconds since the Unix epoch, 0 = not yet.
    #[must_use]
    pub fn last_report(&self, provider: &str) -> i64 {
        if self.knows(provider) { self.feed_last_report.with_label_values(&[provider]).get() } else { 0 }
    }

    /// A provider's reports to this process so far.
    #[must_use]
    pub fn reports(&self, provider: &str) -> u64 {
        let of = |outcome: &ReportOutcome| self.reports.with_label_values(&[provider, outcome.name()]).get();
        if self.knows(provider) { ReportOutcome::ALL.iter().map(of).sum() } else { 0 }
    }

    /// How a provider stands.
    #[must_use]
    pub fn standing(&self, provider: &str) -> Standing {
        if !self.knows(provider) {
            return Standing::default();
        }
        let up = self.feed_up.with_label_values(&[provider]).get() == 1;
        Standing { up, live_games: self.feed_live_games.with_label_values(&[provider]).get() }
    }

    /// Connections, by transport.
    pub fn connected(&self) -> impl Iterator<Item = (Transport, i64)> {
        Transport::ALL.iter().map(|transport| (*transport, self.connections[*transport].get()))
    }

    /// What the process serves, and how much it would.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            max: self.connections_max.get(),
            taken: self.connections_taken.get(),
            lagging: self.lagging.get(),
            subscriptions: self.subscriptions.get(),
        }
    }

    /// Whether the log engine answers, how often it came back, and the newest offset that is known.
    #[must_use]
    pub fn log(&self) -> (bool, u64, i64) {
        (self.broker_up.get() == 1, self.broker_reconnects.get(), self.log_offset.get())
    }
}

/// HTTP.
impl Metrics {
    /// A request was answered; `took` from its head to the answer's.
    pub fn request(&self, route: Route, method: &str, code: u16, took: Duration) {
        let (named, method) = match method {
            "HEAD" if route.methods().contains(&"HEAD") => (route, "GET"),
            _ => match route.methods().iter().find(|known| **known == method) {
                Some(known) => (route, *known),
                // Anybody can ask anything of any route: that is one series for each code.
                None => (Route::Page, "other"),
            },
        };
        self.http_requests.with_label_values(&[named.name(), method, &code.to_string()]).inc();
        self.http_seconds[route].observe(took.as_secs_f64());
    }
}

fn seconds(ms: i64) -> f64 {
    ms.max(0) as f64 / 1e3
}
