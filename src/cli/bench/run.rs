//! A run: begin the games, connect, publish and listen, wait for the last, judge.

use super::crowd::Crowd;
use super::summary::{Publishing, Server, Storm, Summary};
use super::*;

/// How long the connections may take to be loaded, beyond the ramp; and the last deliveries.
const PATIENCE: Duration = Duration::from_secs(60);
const SETTLE: Duration = Duration::from_secs(10);

pub(super) fn run(args: Args) -> Result<Summary, Failure> {
    need_files(args.connections + 64)?;
    let target = Target::of(&args.url)?;
    let gauge = args.gauge()?;
    let fixture = Fixture::new(args.games);
    let publish = !args.no_publish;
    let topics = if publish { fixture.topics(args.topics_per_connection) } else { vec![args.topics.clone()] };
    let shares = Shares { slow: args.slow, stalled: args.stalled };
    let Args { connections, detail, compress, ramp, .. } = args;
    let delays = args.delays.clone();
    let plan = Plan { target: target.clone(), connections, topics, detail, compress, delays, shares, ramp };
    let crowd = Crowd::new(plan).map_err(failed("no event queue"))?;
    let mut run = Run { args, target, gauge, fixture, crowd, storms: Vec::new() };
    let summary = run.all(publish);
    if publish {
        run.remove_games();
    }
    summary
}

struct Run {
    args: Args,
    target: Target,
    gauge: Option<Gauge>,
    fixture: Fixture,
    crowd: Crowd,
    storms: Vec<Storm>,
}

impl Run {
    fn all(&mut self, publish: bool) -> Result<Summary, Failure> {
        if publish {
            self.begin_games()?;
        }
        let before = self.reading()?;
        let connected = self.connect()?;
        let idle = self.reading()?;
        let (begun, messages, bytes) = (Instant::now(), self.crowd.tally.messages, self.crowd.tally.bytes);
        let published = self.measure(publish)?;
        self.settle(published.as_ref())?;
        let seconds = begun.elapsed().as_secs_f64();
        let after = self.reading()?;

        let missing = self.crowd.missing();
        let tally = &self.crowd.tally;
        let (messages, bytes) = (tally.messages - messages, tally.bytes - bytes);
        let server = before.zip(idle).zip(after).map(|((before, idle), after)| {
            let cpu = after.cpu.saturating_sub(idle.cpu).as_secs_f64();
            let growth = idle.memory as f64 - before.memory as f64;
            Server {
                cpu_us_per_message: cpu * 1e6 / messages.max(1) as f64,
                cpu_share: cpu / seconds,
                memory: self.gauge.as_ref().map_or("", Gauge::memory_name),
                memory_bytes: after.memory,
                memory_bytes_per_connection: growth / self.args.connections.max(1) as f64,
            }
        });
        let published = published.map(|Published { answers, late }| Publishing {
            games: self.args.games,
            applied: answers.applied,
            not_applied: answers.others,
            reason: answers.reason,
            due_to_answered_ms: Quantiles::of(&answers.answered),
            due_to_sent_ms: Quantiles::of(&late),
        });
        let refused = published.as_ref().is_some_and(|published| published.not_applied > 0);
        let storms_over = self.storms.iter().all(|storm| storm.recovered_s.is_some());
        // Another machine's clock is not ours.
        let here = self.target.address.ip().is_loopback();
        let early = if here { tally.early } else { 0 };
        Ok(Summary {
            url: self.args.url.to_string(),
            connections: self.args.connections,
            connected_s: connected.as_secs_f64(),
            seconds,
            messages,
            messages_per_second: messages as f64 / seconds,
            bytes_per_message: bytes as f64 / messages.max(1) as f64,
            due_to_received_ms: Quantiles::of(&tally.due),
            accepted_to_received_ms: Quantiles::of(&tally.accepted).filter(|_| here),
            delayed_late_ms: Quantiles::of(&tally.late).filter(|_| here),
            early,
            storms: self.storms.clone(),
            server,
            gaps: tally.gaps,
            missing,
            resets: tally.resets,
            lost_connections: tally.lost.clone(),
            ok: tally.gaps == 0 && early == 0 && missing == 0 && tally.lost.is_empty() && !refused && storms_over,
            published,
        })
    }

    fn reading(&self) -> Result<Option<Reading>, Failure> {
        self.gauge.as_ref().map(Gauge::read).transpose().map_err(failed("the server's CPU and memory"))
    }

    /// Every game at 0–0, so that the subscribers have something to load.
    fn begin_games(&mut self) -> Result<(), Failure> {
        let (start, count, fixture) = (Instant::now(), self.args.games, self.fixture.clone());
        let schedule = Schedule { start, rate: f64::INFINITY, burst: 1, games: count, first: 0, count };
        let published = self.publish(schedule, move |number| fixture.begin(number))?.finish();
        let answers = published.map_err(failed("publishing"))?.answers;
        if let Some(reason) = answers.reason {
            return Err(Failure::Failed(format!("publishing: {reason}")));
        }
        self.know(&answers.newest);
        Ok(())
    }

    fn know(&mut self, newest: &[u64]) {
        for (name, &version) in self.fixture.names().zip(newest) {
            self.crowd.know(&name, version);
        }
    }

    fn publish(
        &self,
        schedule: Schedule,
        line: impl FnMut(u64) -> String + Send + 'static,
    ) -> Result<Publisher, Failure> {
        Publisher::start(&self.target, Some(&self.args.key), schedule, line).map_err(failed("publishing"))
    }

    fn connect(&mut self) -> Result<Duration, Failure> {
        let (begun, count) = (Instant::now(), self.args.connections);
        let bar = bar(count as u64, "connecting");
        self.crowd.connect();
        let done = |crowd: &Crowd| {
            bar.set_position(crowd.live() as u64);
            crowd.live() == count || !crowd.tally.lost.is_empty()
        };
        self.crowd.serve(begun + self.args.ramp + PATIENCE, done).map_err(failed("connecting"))?;
        bar.finish_and_clear();
        match (self.crowd.tally.lost.keys().next(), self.crowd.live()) {
            (Some(why), live) => {
                let others = self.crowd.stragglers();
                Err(Failure::Failed(format!("{live} of {count} connected ({others}) when one was lost: {why}")))
            }
            (None, live) if live < count => {
                let others = self.crowd.stragglers();
                Err(Failure::Failed(format!(
                    "only {live} of {count} connections were loaded in {PATIENCE:?}: {others}"
                )))
            }
            _ => Ok(begun.elapsed()),
        }
    }

    /// The measured time: storms within it, if any.
    fn measure(&mut self, publish: bool) -> Result<Option<Published>, Failure> {
        let Args { rate, burst, games, duration, storms, .. } = self.args;
        // A moment for the publishing connection.
        let start = Instant::now() + Duration::from_millis(50);
        let schedule = Schedule { start, rate, burst, games, first: 0, count: 0 }.lasting(duration);
        let publisher = match publish {
            true => {
                self.crowd.expect(schedule);
                let fixture = self.fixture.clone();
                let line = move |report| fixture.report(schedule.game(report), schedule.total(report));
                Some(self.publish(schedule, line)?)
            }
            false => None,
        };
        let bar = bar(duration.as_secs(), "measuring");
        for storm in 1..=storms {
            self.listen(start + duration * storm / (storms + 1), start, &bar)?;
            let begun = Instant::now();
            self.crowd.storm();
            let (all, until) = (self.args.connections, start + duration * (storm + 1) / (storms + 1));
            let back = self.crowd.serve(until, |crowd| crowd.live() == all).map_err(failed("listening"))?;
            self.storms.push(Storm { recovered_s: back.then(|| begun.elapsed().as_secs_f64()) });
        }
        self.listen(start + duration, start, &bar)?;
        if let Some(publisher) = &publisher {
            let until = Instant::now() + PATIENCE;
            self.crowd.serve(until, |_| publisher.is_finished()).map_err(failed("listening"))?;
        }
        bar.finish_and_clear();
        publisher.map(Publisher::finish).transpose().map_err(failed("publishing"))
    }

    fn listen(&mut self, until: Instant, start: Instant, bar: &ProgressBar) -> Result<(), Failure> {
        let mut told = 0;
        let listening = self.crowd.serve(until, |crowd| {
            let second = start.elapsed().as_secs();
            if second != told {
                told = second;
                let (due, tally) = (&crowd.tally.due, &crowd.tally);
                let p99 = due.value_at_quantile(0.99) as f64 / 1e3;
                bar.set_message(format!("{} messages, p99 {p99:.1} ms, {} gaps", tally.messages, tally.gaps));
                bar.set_position(second);
            }
            false
        });
        listening.map(drop).map_err(failed("listening"))
    }

    /// Everybody reads again, until nothing is missing.
    fn settle(&mut self, published: Option<&Published>) -> Result<(), Failure> {
        if let Some(published) = published {
            self.know(&published.answers.newest);
        }
        self.crowd.wake();
        let longest = self.args.delays.iter().max().copied().unwrap_or(0);
        let until = Instant::now() + Duration::from_secs(longest.into()) + SETTLE;
        while self.crowd.missing() > 0 && Instant::now() < until {
            let turn = Instant::now() + Duration::from_millis(100);
            self.crowd.serve(turn, |_| false).map_err(failed("listening"))?;
        }
        Ok(())
    }

    /// The run leaves nothing behind. Where that fails, retention does it.
    fn remove_games(&self) {
        for name in self.fixture.names() {
            if self.target.ask("DELETE", &format!("/v1/games/{name}"), Some(&self.args.key)).is_err() {
                return;
            }
        }
    }
}
