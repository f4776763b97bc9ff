//! What tokio says of its workers and tasks, read when it is asked for.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge};
use tokio::runtime::Handle;

/// The runtime in which it was made.
pub(super) struct Runtime {
    runtime: Option<Handle>,
    busy: Counter,
    tasks: IntGauge,
    queued: IntGauge,
    workers: IntGauge,
}

impl Runtime {
    pub(super) fn new() -> Runtime {
        let gauge = |name, help| IntGauge::new(name, help).expect("a valid name");
        let busy = Counter::new("tokio_busy_seconds_total", "Time that tokio's workers did something, all together.");
        Runtime {
            runtime: Handle::try_current().ok(),
            busy: busy.expect("a valid name"),
            tasks: gauge("tokio_tasks", "Tasks that live."),
            queued: gauge("tokio_queued_tasks", "Tasks that wait for any worker."),
            workers: gauge("tokio_workers", "Threads that run tasks."),
        }
    }

    fn all(&self) -> [&dyn Collector; 4] {
        [&self.busy, &self.tasks, &self.queued, &self.workers]
    }
}

impl Collector for Runtime {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if let Some(runtime) = self.runtime.as_ref().map(Handle::metrics) {
            let workers = runtime.num_workers();
            let busy: f64 = (0..workers).map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64()).sum();
            self.busy.inc_by((busy - self.busy.get()).max(0.0));
            self.tasks.set(count(runtime.num_alive_tasks()));
            self.queued.set(count(runtime.global_queue_depth()));
            self.workers.set(count(workers));
        }
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
