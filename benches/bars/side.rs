//! One side of a comparison: a server, its crowd, and the games that are played on it.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use scoreline::cli::bench::{Crowd, Fixture, Plan, Publisher, Quantiles, Schedule};
use scoreline::wire::Detail;

use crate::service::{KEY, Service};

const PATIENCE: Duration = Duration::from_secs(60);

/// What both sides are loaded with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) games: u64,
    /// Games per connection.
    pub(crate) each: u64,
    pub(crate) rate: f64,
    pub(crate) burst: u64,
}

/// What serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scoreline,
    Deflated,
    /// Another build of ours: the environment's `BARS_AGAINST` is its path.
    Against,
    Bare,
}

/// A server under load.
pub(crate) struct Side {
    kind: Kind,
    pub(crate) service: Service,
    pub(crate) crowd: Crowd,
    fixture: Fixture,
    load: Load,
    /// Reports so far.
    reports: u64,
}

/// One measured stretch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Server CPU per delivered update; µs.
    pub(crate) cpu: f64,
    /// Median from report due to update received; ms.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Bytes per message, frame header included.
    pub(crate) size: f64,
    /// Updates that did not come, or did not fit.
    pub(crate) lost: u64,
}

impl Side {
    /// A server with its crowd connected, nothing published but the games' beginnings.
    pub(crate) fn new(kind: Kind, load: Load, arguments: &[&str]) -> Result<Side, Box<dyn Error>> {
        Side::on("memory:", kind, load, arguments)
    }

    /// The same, on another log.
    pub(crate) fn on(broker: &str, kind: Kind, load: Load, arguments: &[&str]) -> Result<Side, Box<dyn Error>> {
        let service = match kind {
            Kind::Bare => Service::bare()?,
            Kind::Scoreline | Kind::Deflated => Service::scoreline(broker, arguments)?,
            Kind::Against => Service::build(&std::env::var("BARS_AGAINST")?, broker, arguments)?,
        };
        let fixture = Fixture::new(load.games);
        let plan = Plan {
            target: service.target.clone(),
            connections: load.connections,
            topics: fixture.topics(load.each),
            detail: Detail::Full,
            compress: kind == Kind::Deflated,
            delays: Vec::new(),
            shares: Default::default(),
            ramp: Duration::ZERO,
        };
        let mut side = Side { kind, service, crowd: Crowd::new(plan)?, fixture, load, reports: 0 };
        side.begin()?;
        Ok(side)
    }

    fn begin(&mut self) -> Result<(), Box<dyn Error>> {
        for name in self.fixture.names() {
            self.crowd.know(&name, 0);
        }
        if self.kind == Kind::Bare {
            return Ok(());
        }
        let fixture = self.fixture.clone();
        let schedule = Schedule { start: Instant::now(), rate: f64::INFINITY, ..self.schedule(Duration::ZERO) };
        let schedule = Schedule { count: self.load.games, ..schedule };
        let published =
            Publisher::start(&self.service.target, Some(KEY), schedule, move |number| fixture.begin(number))?
                .finish()?;
        published.answers.reason.map_or(Ok(()), |reason| Err(reason.into()))
    }

    /// Opens every connection and waits until all are loaded.
    pub(crate) fn connect(&mut self) -> Result<Duration, Box<dyn Error>> {
        let (begun, all) = (Instant::now(), self.load.connections);
        self.crowd.connect();
        let done = |crowd: &Crowd| crowd.live() == all || !crowd.tally.lost.is_empty();
        self.crowd.serve(begun + PATIENCE, done)?;
        match self.crowd.live() == all {
            true => Ok(begun.elapsed()),
            false => {
                let (kind, live, others) = (self.kind, self.crowd.live(), self.crowd.stragglers());
                Err(format!("{kind:?}: {live} of {all} connected; {others}; lost: {:?}", self.crowd.tally.lost).into())
            }
        }
    }

    fn schedule(&self, time: Duration) -> Schedule {
        let Load { rate, burst, games, .. } = self.load;
        let start = Instant::now() + Duration::from_millis(30);
        Schedule { start, rate, burst, games, first: self.reports, count: 0 }.lasting(time)
    }

    /// Publishes for this time and waits until everything came.
    pub(crate) fn stretch(&mut self, time: Duration) -> Result<Sample, Box<dyn Error>> {
        self.crowd.tally.due.reset();
        let (messages, bytes) = (self.crowd.tally.messages, self.crowd.tally.bytes);
        let (updates, gaps) = (self.crowd.tally.updates, self.crowd.tally.gaps);
        let before = self.service.gauge.read()?;
        let schedule = self.schedule(time);
        self.crowd.expect(schedule);
        let (fixture, kind) = (self.fixture.clone(), self.kind);
        let line = move |report| line(kind, &fixture, schedule.game(report), schedule.total(report));
        let publisher = Publisher::start(&self.service.target, Some(KEY), schedule, line)?;
        self.reports += schedule.count;

        let receivers = self.load.connections as u64 * self.load.each;
        let expected: u64 = schedule.count * receivers / self.load.games;
        let done = |crowd: &Crowd| publisher.is_finished() && crowd.tally.updates - updates >= expected;
        self.crowd.serve(schedule.start + time + Duration::from_secs(5), done)?;
        let published = publisher.finish()?;
        if let Some(reason) = published.answers.reason {
            return Err(format!("a report was not applied: {reason}").into());
        }
        let after = self.service.gauge.read()?;
        let tally = &self.crowd.tally;
        let came = tally.updates - updates;
        let latency = Quantiles::of(&tally.due).ok_or("nothing came")?;
        Ok(Sample {
            cpu: (after.cpu - before.cpu).as_secs_f64() * 1e6 / came as f64,
            p50: latency.p50,
            p99: latency.p99,
            size: (tally.bytes - bytes) as f64 / (tally.messages - messages) as f64,
            lost: expected.saturating_sub(came) + tally.gaps - gaps,
        })
    }

    /// Reads what came meanwhile: heartbeats.
    pub(crate) fn rest(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        self.crowd.serve(Instant::now() + time, |_| false)?;
        Ok(())
    }
}

fn line(kind: Kind, fixture: &Fixture, game: u64, total: u64) -> String {
    if kind != Kind::Bare {
        return fixture.report(game, total);
    }
    let at = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    fixture.message(game, total, i64::try_from(at).unwrap_or(i64::MAX))
}
