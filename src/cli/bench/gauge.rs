//! What the server uses of its machine, as seen from outside: by its process, or by its own `/metrics`.

use std::fs;
use std::io;
use std::time::Duration;

use serde::Serialize;

use super::http::Target;

/// Where it is read.
#[derive(Debug, Clone)]
pub enum Gauge {
    /// Of a process of this machine: the scheduler's nanoseconds and the proportional set size.
    Process(u32),
    /// Of the ops listener: CPU and the resident set size.
    Ops(Target),
}

/// One reading.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Reading {
    /// CPU time used so far by all threads that live.
    pub cpu: Duration,
    /// Memory; bytes.
    pub memory: u64,
}

impl Gauge {
    /// Reads both.
    ///
    /// # Errors
    /// When the process is gone, is not ours to look at, or the listener does not answer.
    pub fn read(&self) -> io::Result<Reading> {
        match self {
            Gauge::Process(pid) => Ok(Reading { cpu: cpu(*pid)?, memory: pss(*pid)? }),
            Gauge::Ops(target) => {
                let (_, metrics) = target.ask("GET", "/metrics", None)?;
                let cpu = Duration::from_secs_f64(metric(&metrics, "process_cpu_seconds_total")?);
                Ok(Reading { cpu, memory: metric(&metrics, "process_resident_memory_bytes")? as u64 })
            }
        }
    }

    /// What its memory figure is.
    #[must_use]
    pub fn memory_name(&self) -> &'static str {
        match self {
            Gauge::Process(_) => "PSS",
            Gauge::Ops(_) => "RSS",
        }
    }
}

/// CPU time of a process: the sum over its threads, in the scheduler's nanoseconds (`/proc/PID/schedstat` alone is the
/// first thread's). Threads that ended are not in it; the service's live as long as it does.
fn cpu(pid: u32) -> io::Result<Duration> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while it is looked at.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        sum += text.split(' ').next().and_then(|on_cpu| on_cpu.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(sum))
}

/// Proportional set size; bytes.
fn pss(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1_024).ok_or_else(|| io::Error::other("smaps_rollup has no Pss"))
}

/// The value of a series without labels.
fn metric(text: &str, name: &str) -> io::Result<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
    value.ok_or_else(|| io::Error::other(format!("the ops listener's /metrics has no {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_and_its_work_shows() {
        let gauge = Gauge::Process(std::process::id());
        let before = gauge.read().unwrap();
        let kept: Vec<u64> = (0..4_000_000).map(std::hint::black_box).collect();
        let after = gauge.read().unwrap();
        assert!(after.cpu > before.cpu, "{before:?} {after:?}");
        assert!(after.memory > 0 && kept.len() == 4_000_000);
    }

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# HELP a b\na_total 1\na 2.5\na{b=\"c\"} 3\n";
        assert_eq!(metric(text, "a").unwrap(), 2.5);
        assert!(metric(text, "b").is_err());
    }
}
