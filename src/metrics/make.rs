//! Makes metrics, and keeps one for each value of a label.

use std::marker::PhantomData;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::labels::Label;

/// From 0.5 ms, a publication's way through an idle service, to 4 s, where a subscriber gives up; s.
pub(super) const SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 4.0];

/// The same span for requests, which have a histogram for each route; s.
pub(super) const REQUEST_SECONDS: [f64; 5] = [0.0005, 0.005, 0.05, 0.5, 4.0];

/// One metric for each value of a label.
pub(super) struct Each<L, M> {
    metrics: Vec<M>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, M> std::ops::Index<L> for Each<L, M> {
    type Output = M;

    fn index(&self, label: L) -> &M {
        &self.metrics[label.index()]
    }
}

/// Makes metrics in a registry. Names and labels are this file's own, so what prometheus could refuse is a bug that any
/// test shows.
pub(super) struct Make(pub(super) Registry);

impl Make {
    pub(super) fn register<C: Collector + Clone + 'static>(&self, metric: C) -> C {
        self.0.register(Box::new(metric.clone())).expect("each metric has its own name");
        metric
    }

    pub(super) fn build_info(&self) {
        self.gauge_vec("build_info", &["version"], "1, and which build this is.")
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(options(name, help)).expect("a valid name"))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(options(name, help)).expect("a valid name"))
    }

    pub(super) fn histogram(&self, name: &str, help: &str) -> Histogram {
        let options = HistogramOpts::from(options(name, help)).buckets(SECONDS.to_vec());
        self.register(Histogram::with_opts(options).expect("a valid name"))
    }

    pub(super) fn counter_vec(&self, name: &str, labels: &[&str], help: &str) -> IntCounterVec {
        self.register(IntCounterVec::new(options(name, help), labels).expect("valid names"))
    }

    pub(super) fn gauge_vec(&self, name: &str, labels: &[&str], help: &str) -> IntGaugeVec {
        self.register(IntGaugeVec::new(options(name, help), labels).expect("valid names"))
    }

    pub(super) fn counters<L: Label>(&self, name: &str, label: &str, help: &str) -> Each<L, IntCounter> {
        let family = self.counter_vec(name, &[label], help);
        each(|value| family.with_label_values(&[value]))
    }

    pub(super) fn gauges<L: Label>(&self, name: &str, label: &str, help: &str) -> Each<L, IntGauge> {
        let family = self.gauge_vec(name, &[label], help);
        each(|value| family.with_label_values(&[value]))
    }

    pub(super) fn histograms<L: Label>(
        &self,
        name: &str,
        label: &str,
        buckets: &[f64],
        help: &str,
    ) -> Each<L, Histogram> {
        let options = HistogramOpts::from(options(name, help)).buckets(buckets.to_vec());
        let family = self.register(HistogramVec::new(options, &[label]).expect("valid names"));
        each(|value| family.with_label_values(&[value]))
    }
}

fn each<L: Label, M>(make: impl Fn(&str) -> M) -> Each<L, M> {
    Each { metrics: L::ALL.iter().map(|label| make(label.name())).collect(), label: PhantomData }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(format!("scoreline_{name}"), help)
}
