//! Every metric, one domain verb each (`verbs`). Labels come from closed enums or from the configured providers, never from
//! input, and every series exists from the start, at 0. This is the only module that names prometheus.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use feeds::game::Status;
use feeds::revision::Correction;
use prometheus::{Encoder, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder};

use crate::live::Live;

pub mod labels;
mod make;
mod process;
mod runtime;
mod verbs;

pub use labels::{
    Bound, CloseReason, Door, GapOutcome, Hop, Label, PayloadOutcome, ReportOutcome, ResetReason, ResumeOutcome, Route,
    Transport,
};
use make::{Each, Make, REQUEST_SECONDS, SECONDS};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How a provider stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// Heard as it should be.
    pub up: bool,
    /// Live games that it leads.
    pub live_games: i64,
}

/// What a process serves.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections that it takes at most.
    pub max: i64,
    /// Places of these that are taken.
    pub taken: i64,
    /// Subscribers that take less than is due to them.
    pub lagging: i64,
    /// Subscriptions.
    pub subscriptions: i64,
}

/// The metrics of one service. Each has a registry of its own, so that tests run several in one process.
pub struct Metrics {
    registry: Registry,
    providers: Live<Vec<String>>,
    connections: Each<Transport, IntGauge>,
    connections_max: IntGauge,
    connections_taken: IntGauge,
    refused: Each<Bound, IntCounter>,
    opened: Each<Transport, IntCounter>,
    closed: IntCounterVec,
    auth_failures: Each<Door, IntCounter>,
    subscriptions: IntGauge,
    games: Each<Status, IntGauge>,
    payloads: IntCounterVec,
    reports: IntCounterVec,
    publications: IntCounter,
    deliveries: Each<Transport, IntCounter>,
    delivered_bytes: Each<Transport, IntCounter>,
    conflated: IntCounter,
    encodings: IntCounter,
    lagging: IntGauge,
    resumes: Each<ResumeOutcome, IntCounter>,
    resets: Each<ResetReason, IntCounter>,
    hops: Each<Hop, Histogram>,
    delivery: Histogram,
    client_rtt: Histogram,
    feed_up: IntGaugeVec,
    feed_live_games: IntGaugeVec,
    feed_last_report: IntGaugeVec,
    feed_failovers: IntCounter,
    corrections: Each<Correction, IntCounter>,
    broker_up: IntGauge,
    broker_reconnects: IntCounter,
    broker_gaps: Each<GapOutcome, IntCounter>,
    broker_publish: Histogram,
    log_offset: IntGauge,
    /// Whether this process follows the log.
    follows: AtomicBool,
    http_requests: IntCounterVec,
    http_seconds: Each<Route, Histogram>,
}

impl Metrics {
    /// Every metric at 0. `providers` are the values of the label `provider`.
    #[must_use]
    pub fn new<'a>(providers: impl IntoIterator<Item = &'a str>) -> Arc<Metrics> {
        let make = Make(Registry::new());
        make.0.register(Box::new(process::Process::new())).expect("each metric has its own name");
        make.0.register(Box::new(runtime::Runtime::new())).expect("each metric has its own name");
        make.build_info();
        let metrics = Metrics {
            connections: make.gauges("connections", "transport", "Subscribers connected now."),
            connections_max: make.gauge("connections_max", "Connections that the process takes at most."),
            connections_taken: make
                .gauge("connections_taken", "Places of these that subscribers, providers and other requests hold."),
            refused: make.counters(
                "connections_refused_total",
                "bound",
                "Connections, and requests over HTTP/2 or a trusted proxy, that found no room.",
            ),
            opened: make.counters("connections_opened_total", "transport", "Subscribers that connected."),
            closed: make.counter_vec("connections_closed_total", &["transport", "reason"], "Subscribers that left."),
            auth_failures: make.counters(
                "auth_failures_total",
                "door",
                "Keys, signatures and tokens that opened nothing.",
            ),
            subscriptions: make.gauge("subscriptions", "Subscriptions of all connections."),
            games: make.gauges("games", "status", "Games on the scoreboard."),
            payloads: make.counter_vec("payloads_total", &["provider", "outcome"], "Bodies that providers posted."),
            reports: make.counter_vec("reports_total", &["provider", "outcome"], "Reports, and what became of them."),
            publications: make.counter("publications_total", "Changes that this process put into the log."),
            deliveries: make.counters("deliveries_total", "transport", "Messages written to subscribers."),
            delivered_bytes: make.counters("delivered_bytes_total", "transport", "Bytes written to subscribers."),
            conflated: make.counter("conflated_total", "Versions that a subscriber was not sent one by one."),
            encodings: make.counter("encodings_total", "Messages encoded, each shared by all who get it."),
            lagging: make.gauge("lagging_connections", "Connections that take less than is due to them."),
            resumes: make.counters("resumes_total", "outcome", "Subscriptions, each by how it began."),
            resets: make.counters("resets_total", "reason", "Resets that subscribers were told."),
            hops: make.histograms("hop_seconds", "hop", &SECONDS, "A publication's way, hop by hop; gateway_to_socket once for each shard that sends it live."),
            delivery: make.histogram(
                "delivery_seconds",
                "From a report's acceptance to the write to sockets: once for each publication and shard that sends it live.",
            ),
            client_rtt: make.histogram("client_rtt_seconds", "From a ping to its pong."),
            feed_up: make.gauge_vec("feed_up", &["provider"], "Whether a provider is heard as it should be."),
            feed_live_games: make.gauge_vec("feed_live_games", &["provider"], "Live games that a provider leads."),
            feed_failovers: make
                .counter("feed_failovers_total", "Leads taken from a provider that was silent or wrong."),
            feed_last_report: make.gauge_vec(
                "feed_last_report_timestamp_seconds",
                &["provider"],
                "When this process last heard a provider, whatever it answered; seconds since the Unix epoch, 0 = not yet.",
            ),
            corrections: make.counters("corrections_total", "reason", "Scores and states that were taken back."),
            broker_up: make.gauge("broker_up", "Whether the log engine answers."),
            broker_reconnects: make.counter("broker_reconnects_total", "Times that the log was away and came back."),
            broker_gaps: make.counters("broker_gaps_total", "outcome", "Publications that did not come by themselves."),
            broker_publish: make.histogram("broker_publish_seconds", "What the log engine takes for a change."),
            follows: AtomicBool::new(false),
            log_offset: make.gauge("log_offset", "The newest offset of the log that this process knows."),
            http_requests: make.counter_vec("http_requests_total", &["route", "method", "code"], "Requests answered."),
            http_seconds: make.histograms(
                "http_request_seconds",
                "route",
                &REQUEST_SECONDS,
                "From a request's head to its answer's.",
            ),
            registry: make.0,
            providers: Live::default(),
        };
        metrics.create_pairs();
        metrics.know(providers);
        Arc::new(metrics)
    }

    /// From now on these are the providers: new ones' series begin at 0, those of others end.
    pub fn know<'a>(&self, providers: impl IntoIterator<Item = &'a str>) {
        let providers: Vec<String> = providers.into_iter().map(str::to_owned).collect();
        let known = self.providers.get();
        // First of all: who still counts something of one that goes does not bring its series back.
        self.providers.set(providers.clone());
        providers.iter().filter(|provider| !known.contains(provider)).for_each(|provider| self.begin(provider));
        known.iter().filter(|provider| !providers.contains(provider)).for_each(|provider| self.end(provider));
    }

    /// Whether it is one of the providers, whose series are there.
    fn knows(&self, provider: &str) -> bool {
        self.providers.get().iter().any(|known| known == provider)
    }

    fn begin(&self, provider: &str) {
        PayloadOutcome::ALL.iter().for_each(|o| drop(self.payloads.with_label_values(&[provider, o.name()])));
        ReportOutcome::ALL.iter().for_each(|o| drop(self.reports.with_label_values(&[provider, o.name()])));
        for gauges in [&self.feed_last_report, &self.feed_up, &self.feed_live_games] {
            drop(gauges.with_label_values(&[provider]));
        }
    }

    fn end(&self, provider: &str) {
        // What is not there need not be removed.
        PayloadOutcome::ALL.iter().for_each(|o| drop(self.payloads.remove_label_values(&[provider, o.name()])));
        ReportOutcome::ALL.iter().for_each(|o| drop(self.reports.remove_label_values(&[provider, o.name()])));
        for gauges in [&self.feed_last_report, &self.feed_up, &self.feed_live_games] {
            let _ = gauges.remove_label_values(&[provider]);
        }
    }

    /// The series with more than one label, at 0.
    fn create_pairs(&self) {
        for transport in Transport::ALL {
            for reason in CloseReason::ALL {
                self.closed.with_label_values(&[transport.name(), reason.name()]);
            }
        }
        for route in Route::ALL {
            for (method, codes) in route.answers() {
                codes.iter().for_each(|code| drop(self.http_requests.with_label_values(&[route.name(), method, code])));
            }
        }
    }

    /// All of it in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(32 << 10);
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("a Vec takes every byte");
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.render()).unwrap()
    }

    #[test]
    fn every_series_of_a_closed_enum_exists_from_the_start() {
        let text = text(&Metrics::new(["acme"]));
        for line in [
            "scoreline_connections{transport=\"poll\"} 0",
            "scoreline_connections_closed_total{reason=\"drain\",transport=\"ws\"} 0",
            "scoreline_games{status=\"live\"} 0",
            "scoreline_payloads_total{outcome=\"refused\",provider=\"acme\"} 0",
            "scoreline_reports_total{outcome=\"id_reused\",provider=\"acme\"} 0",
            "scoreline_resumes_total{outcome=\"snapshot\"} 0",
            "scoreline_resets_total{reason=\"ahead\"} 0",
            "scoreline_hop_seconds_count{hop=\"gateway_to_socket\"} 0",
            "scoreline_corrections_total{reason=\"incident_void\"} 0",
            "scoreline_http_requests_total{code=\"207\",method=\"POST\",route=\"/v1/updates\"} 0",
            "scoreline_http_request_seconds_count{route=\"/v1/ws\"} 0",
        ] {
            assert!(text.lines().any(|held| held == line), "{line} is not in\n{text}");
        }
        assert!(text.contains(concat!("scoreline_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")));
        assert!(text.contains("process_cpu_seconds_total"));
    }

    #[test]
    fn a_provider_s_series_come_and_go_with_it() {
        let metrics = Metrics::new(["acme", "kept"]);
        metrics.report("kept", ReportOutcome::Applied);
        metrics.know(["kept", "new"]);
        // A request that began before, and whoever reads figures, still name it.
        metrics.payload("acme", PayloadOutcome::Ok);
        metrics.report("acme", ReportOutcome::Applied);
        metrics.heard("acme");
        metrics.feed("acme", Standing { up: true, live_games: 1 });
        assert_eq!((metrics.last_report("acme"), metrics.reports("acme")), (0, 0));
        assert!(!metrics.standing("acme").up);
        let text = text(&metrics);
        assert!(!text.contains("acme"), "{text}");
        for line in [
            "scoreline_reports_total{outcome=\"applied\",provider=\"kept\"} 1",
            "scoreline_reports_total{outcome=\"applied\",provider=\"new\"} 0",
            "scoreline_feed_up{provider=\"new\"} 0",
        ] {
            assert!(text.lines().any(|held| held == line), "{line} is not in\n{text}");
        }
        assert_eq!(*metrics.providers(), ["kept", "new"]);
    }

    #[test]
    fn verbs_move_their_series() {
        let metrics = Metrics::new(["acme"]);
        metrics.connection_opened(Transport::Ws);
        metrics.connection_opened(Transport::Ws);
        metrics.connection_closed(Transport::Ws, CloseReason::Client);
        metrics.report("acme", ReportOutcome::Applied);
        metrics.delivered(Transport::Ws, 3, 700);
        metrics.log_offset(7);
        metrics.log_offset(5);
        metrics.request(Route::Updates, "BREW", 405, Duration::from_millis(1));
        let text = text(&metrics);
        for line in [
            "scoreline_connections{transport=\"ws\"} 1",
            "scoreline_connections_opened_total{transport=\"ws\"} 2",
            "scoreline_connections_closed_total{reason=\"client\",transport=\"ws\"} 1",
            "scoreline_reports_total{outcome=\"applied\",provider=\"acme\"} 1",
            "scoreline_deliveries_total{transport=\"ws\"} 3",
            "scoreline_delivered_bytes_total{transport=\"ws\"} 700",
            "scoreline_log_offset 7",
            "scoreline_http_requests_total{code=\"405\",method=\"other\",route=\"page\"} 1",
        ] {
            assert!(text.lines().any(|held| held == line), "{line} is not in\n{text}");
        }
    }
}
