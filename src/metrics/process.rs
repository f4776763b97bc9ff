//! What the kernel says of this process and of what it may use, read when it is asked for: [`prometheus`]' own collector, but
//! for the CPU time, which that one cuts to whole seconds.

use std::path::Path;

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge};
use rustix::time::{ClockId, clock_gettime};

/// Counted here.
const CPU: &str = "process_cpu_seconds_total";
/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// This process.
pub(super) struct Process {
    rest: ProcessCollector,
    cpu: Counter,
    cpus: IntGauge,
    memory_limit: IntGauge,
}

impl Process {
    pub(super) fn new() -> Process {
        let gauge = |name, help| IntGauge::new(name, help).expect("a valid name");
        // The rest describes it as well; a registry takes a description once.
        let cpu = Counter::new(CPU, "Total user and system CPU time spent in seconds.").expect("a valid name");
        let (cpus, memory_limit) = (
            gauge("process_cpus", "Cores that the process may use: its control group's quota and affinity."),
            gauge("process_memory_limit_bytes", "Memory that its control groups allow, or the machine has."),
        );
        Process { rest: ProcessCollector::for_self(), cpu, cpus, memory_limit }
    }

    fn read(&self) {
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        let spent = spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9;
        self.cpu.inc_by((spent - self.cpu.get()).max(0.0));
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        self.cpus.set(i64::try_from(cpus).unwrap_or(i64::MAX));
        self.memory_limit.set(allowed_memory());
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        [self.rest.desc(), self.cpus.desc(), self.memory_limit.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        let mut families = self.rest.collect();
        families.retain(|family| family.name() != CPU);
        families.extend([self.cpu.collect(), self.cpus.collect(), self.memory_limit.collect()].concat());
        families
    }
}

/// Bytes; 0 where nothing is told.
fn allowed_memory() -> i64 {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let groups = group_limit(&read(Path::new("/proc/self/cgroup")).unwrap_or_default(), read);
    groups.into_iter().chain(machine_memory()).min().unwrap_or(0)
}

/// The least that the process' control group (version 2, as systemd sets it by `MemoryMax=`) or one above it allows, by
/// `/proc/self/cgroup`. In a container its own group is the root.
fn group_limit(own: &str, read: impl Fn(&Path) -> Option<String>) -> Option<i64> {
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = |group: &Path| read(&Path::new(GROUPS).join(group).join("memory.max"))?.trim().parse().ok();
    Path::new(own).ancestors().filter_map(limit).min()
}

fn machine_memory() -> Option<i64> {
    let told = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = told.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix(" kB")?;
    kib.parse::<i64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_the_narrowest_control_group_allows() {
        let limits = [
            ("system.slice/scoreline.service", "536870912\n"),
            ("system.slice", "max\n"),
            ("user.slice", "400\n"),
            ("user.slice/app.slice", "700\n"),
        ];
        let read = |path: &Path| {
            let held = |(group, _): &&(&str, &str)| Path::new(GROUPS).join(group).join("memory.max") == path;
            limits.iter().find(held).map(|(_, limit)| (*limit).to_owned())
        };
        assert_eq!(group_limit("0::/system.slice/scoreline.service\n", read), Some(512 << 20), "MemoryMax=512M");
        assert_eq!(group_limit("0::/user.slice/app.slice\n", read), Some(400), "one above allows less");
        assert_eq!(group_limit("0::/system.slice\n", read), None);
        assert_eq!(group_limit("1:name=systemd:/\n0::/\n", read), None);
        assert_eq!(group_limit("0::/\n", |_| Some("1024\n".to_owned())), Some(1_024), "a container's own");
    }

    #[test]
    fn cpu_time_is_told_in_fractions_of_a_second() {
        let process = Process::new();
        process.collect();
        let (begun, mut work) = (process.cpu.get(), 0_u64);
        while process.cpu.get() == begun {
            work = std::hint::black_box(work + 1);
            process.read();
        }
        let spent = process.cpu.get() - begun;
        assert!(spent > 0.0 && spent < 1.0, "{spent}");
        let named = process.collect().iter().filter(|family| family.name() == CPU).count();
        assert_eq!(named, 1);
        assert!(process.cpus.get() > 0 && process.memory_limit.get() > 0);
    }
}
