//! What a run is asked.

use std::time::Duration;

use hyper::Uri;

use super::conn::Pace;
use super::gauge::Gauge;
use super::http::Target;
use crate::cli::Failure;
use crate::wire::Detail;

/// Loads a service and checks what it delivers.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Subscribers
    #[arg(long, default_value_t = 1_000)]
    pub(super) connections: usize,

    /// Reports per second
    #[arg(long, default_value_t = 50.0, value_parser = rate)]
    pub(super) rate: f64,

    /// How long it is measured
    #[arg(long, default_value = "30s", value_parser = time)]
    pub(super) duration: Duration,

    /// Games that the reports take turns with
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(super) games: u64,

    /// Games that each subscriber follows; 0 = all, by the topic above them
    #[arg(long, default_value_t = 1)]
    pub(super) topics_per_connection: u64,

    /// Reports leave in bursts of so many within 10 ms, at the same rate
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) burst: u64,

    /// full or score
    #[arg(long, default_value = "full", value_parser = detail)]
    pub(super) detail: Detail,

    /// Time over which the subscribers connect; 0s = as fast as they are taken
    #[arg(long, default_value = "0s", value_parser = time)]
    pub(super) ramp: Duration,

    /// Spoiler delays in seconds that subscribers take turns with, comma separated
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(0..=300))]
    pub(super) delays: Vec<u32>,

    /// Share of subscribers that read 4 KiB a second and no more
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub(super) slow: f64,

    /// Share of subscribers that read nothing until the end
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub(super) stalled: f64,

    /// How often, evenly spread, all connections break at once and resume
    #[arg(long, default_value_t = 0)]
    pub(super) storms: u32,

    /// Offer permessage-deflate, and fail where it is not taken
    #[arg(long)]
    pub(super) compress: bool,

    /// Publish nothing: follow --topics, which others publish
    #[arg(long, requires = "topics")]
    pub(super) no_publish: bool,

    /// What each subscriber follows with --no-publish, comma separated
    #[arg(long, value_delimiter = ',', requires = "no_publish")]
    pub(super) topics: Vec<String>,

    /// Print the figures as one JSON object
    #[arg(long)]
    pub(super) json: bool,

    /// The service
    #[arg(long, env = "SCORELINE_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: Uri,

    /// The provider's key; the demo's, which opens a demo on loopback, by default
    #[arg(long, env = "SCORELINE_KEY", default_value = "demo", hide_env_values = true)]
    pub(super) key: String,

    /// The service's ops listener, for its CPU and memory
    #[arg(long, conflicts_with = "pid")]
    pub(super) ops_url: Option<Uri>,

    /// The service's process on this machine, for the same, finer
    #[arg(long)]
    pub(super) pid: Option<u32>,
}

impl Args {
    pub(super) fn gauge(&self) -> Result<Option<Gauge>, Failure> {
        Ok(match (self.pid, &self.ops_url) {
            (Some(pid), _) => Some(Gauge::Process(pid)),
            (None, Some(url)) => Some(Gauge::Ops(Target::of(url)?)),
            (None, None) => None,
        })
    }
}

/// How many of the subscribers read slowly, and not at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shares {
    /// 0 to 1.
    pub slow: f64,
    /// 0 to 1.
    pub stalled: f64,
}

impl Shares {
    /// How the n-th of `count` reads: the last ones are stalled, those before them slow.
    pub(super) fn pace(&self, number: usize, count: usize) -> Pace {
        let from_end = (count - number) as f64 / count as f64;
        match from_end {
            share if share <= self.stalled => Pace::Stalled,
            share if share <= self.stalled + self.slow => Pace::Slow,
            _ => Pace::Prompt,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a number of reports per second".to_owned())?;
    if rate > 0.0 && rate <= 1e6 { Ok(rate) } else { Err("above 0, at most 1000000".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "a share, as 0.1".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("0 to 1".to_owned()) }
}

/// `30s`, `500ms`, `2m`.
fn time(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or("a time, as 30s")?;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| "a time, as 30s".to_owned())?;
    let unit = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err("units are ms, s, m and h".to_owned()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

fn detail(text: &str) -> Result<Detail, String> {
    match text {
        "full" => Ok(Detail::Full),
        "score" => Ok(Detail::Score),
        _ => Err("full or score".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(time("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert!(time("30").is_err() && time("s").is_err() && time("-1s").is_err() && time("3 weeks").is_err());
    }

    #[test]
    fn shares_are_cut_from_the_end() {
        let shares = Shares { slow: 0.2, stalled: 0.1 };
        let count = |pace| (0..100).filter(|&n| shares.pace(n, 100) == pace).count();
        assert_eq!((count(Pace::Prompt), count(Pace::Slow), count(Pace::Stalled)), (70, 20, 10));
        assert_eq!(Shares::default().pace(0, 1), Pace::Prompt);
    }
}
