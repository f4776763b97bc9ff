//! The subscribers: one thread, one event queue, any number of connections, each held to the contract.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use mio::{Events, Interest, Poll, Token};

use super::conn::{Conn, Pace, Phase, Sources};
use super::http::Target;
use super::judge::{Judge, Meaning};
use super::micros;
use super::plan::Plan;
use super::schedule::Schedule;
use super::tally::Tally;
use crate::codec::{self, Incoming, Inflater, Limits, Opcode, Upgrade};
use crate::wire::Detail;

/// Connections that are being opened at a time; more would only wait in the server's listen queue, and be dropped there.
const OPENING: usize = 256;
/// A slow reader reads so much at a time, this often.
const SIP: usize = 4 << 10;
const SIPS: Duration = Duration::from_secs(1);
const SCRATCH: usize = 64 << 10;
/// Longer than any state of the contract.
const MESSAGES: Limits = Limits { message_bytes: 1 << 20, fragments: 64 };

/// Subscribers.
pub struct Crowd {
    plan: Plan,
    poll: Poll,
    events: Option<Events>,
    conns: Vec<Conn>,
    sources: Sources,
    /// Those to be opened, and how many are being opened.
    waiting: VecDeque<usize>,
    opening: usize,
    ramp: (Instant, Duration, usize),
    sipped: Instant,
    judge: Judge,
    /// What totals mean in time.
    schedule: Option<Schedule>,
    upgrade: Upgrade,
    scratch: Vec<u8>,
    inflater: Inflater,
    /// What happened so far.
    pub tally: Tally,
}

impl Crowd {
    /// Nobody is connected yet.
    ///
    /// # Errors
    /// When the system gives no event queue.
    pub fn new(plan: Plan) -> io::Result<Crowd> {
        let pace = |number| plan.shares.pace(number, plan.connections);
        let conns = (0..plan.connections).map(|number| Conn::new(pace(number))).collect();
        let now = Instant::now();
        Ok(Crowd {
            poll: Poll::new()?,
            events: Some(Events::with_capacity(1_024)),
            conns,
            sources: Sources::new(),
            waiting: VecDeque::new(),
            opening: 0,
            ramp: (now, plan.ramp, 0),
            sipped: now,
            judge: Judge::default(),
            schedule: None,
            upgrade: Upgrade::new(fastrand::u128(..)),
            scratch: vec![0; SCRATCH],
            inflater: Inflater::new(),
            tally: Tally::default(),
            plan,
        })
    }

    /// From now on, who is not connected will be.
    pub fn connect(&mut self) {
        self.waiting = (0..self.conns.len()).filter(|&n| matches!(self.conns[n].phase, Phase::Closed)).collect();
        self.ramp = (Instant::now(), self.plan.ramp, 0);
    }

    /// From the next connection on, another server.
    pub fn move_to(&mut self, target: Target) {
        self.plan.target = target;
    }

    /// Everybody's connection breaks at once, and comes back from where it was: no ramp.
    pub fn storm(&mut self) {
        for conn in &mut self.conns {
            conn.socket = None;
            conn.phase = Phase::Closed;
        }
        (self.opening, self.tally.live) = (0, 0);
        self.connect();
        self.ramp.1 = Duration::ZERO;
    }

    /// From now on totals are of this schedule's reports.
    pub fn expect(&mut self, schedule: Schedule) {
        self.schedule = Some(schedule);
    }

    /// The publisher knows of this version of a game; 0 only names it. Games of a schedule are named first, in its order.
    pub fn know(&mut self, game: &str, version: u64) {
        self.judge.know(game, version);
    }

    /// Everybody reads promptly from now on.
    pub fn wake(&mut self) {
        self.conns.iter_mut().for_each(|conn| conn.pace = Pace::Prompt);
    }

    /// Serves its sockets until `done`, which is asked after each turn (each 10 ms at the latest), or `until`.
    ///
    /// # Errors
    /// When the event queue fails, or no connection can be opened.
    pub fn serve(&mut self, until: Instant, mut done: impl FnMut(&Crowd) -> bool) -> io::Result<bool> {
        while !done(self) {
            if Instant::now() >= until {
                return Ok(false);
            }
            self.turn()?;
        }
        Ok(true)
    }

    /// How many are connected and have their end mark.
    #[must_use]
    pub fn live(&self) -> usize {
        self.tally.live
    }

    /// Where those stand that are not live, for a person.
    #[must_use]
    pub fn stragglers(&self) -> String {
        let count = |is: fn(&Phase) -> bool| self.conns.iter().filter(|conn| is(&conn.phase)).count();
        let connecting = count(|phase| matches!(phase, Phase::Connecting));
        let upgrading = count(|phase| matches!(phase, Phase::Upgrading(_)));
        let loading = count(|phase| matches!(phase, Phase::Loading));
        format!(
            "{connecting} connecting, {upgrading} awaiting the upgrade, {loading} loading, {} to come",
            self.waiting.len()
        )
    }

    /// Games that a connection does not hold at the newest known version, over all connections. Costs a pass over all.
    pub fn missing(&mut self) -> u64 {
        let Crowd { plan, conns, judge, .. } = self;
        let wanted: Vec<Vec<u32>> = plan.topics.iter().map(|topics| games_of(topics, judge)).collect();
        let behind = |(number, conn): (usize, &Conn)| {
            let asked = wanted[number % wanted.len()].iter();
            let asked = asked.filter(|&&game| conn.held.version(game) < judge.newest(game)).count();
            let held = conn.held.games().filter(|&(game, version)| version != 0 && version < judge.newest(game));
            asked.max(held.count()) as u64
        };
        conns.iter().enumerate().map(behind).sum()
    }

    fn turn(&mut self) -> io::Result<()> {
        self.open()?;
        let mut events = self.events.take().expect("it is put back below");
        // A short wait, so that the caller's clock is kept too.
        let polled = self.poll.poll(&mut events, Some(Duration::from_millis(10)));
        for event in &events {
            let number = event.token().0;
            if event.is_writable() && matches!(self.conns[number].phase, Phase::Connecting) {
                self.ask(number);
            }
            let connecting = matches!(self.conns[number].phase, Phase::Connecting);
            if !connecting && (event.is_readable() || event.is_read_closed() || event.is_error()) {
                self.conns[number].unread = true;
                if self.conns[number].pace == Pace::Prompt || !self.conns[number].is_live() {
                    self.drain(number);
                }
            }
        }
        self.events = Some(events);
        self.sip();
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens those who are due.
    fn open(&mut self) -> io::Result<()> {
        let (begun, time, _) = self.ramp;
        let due = match time.is_zero() {
            true => usize::MAX,
            false => (begun.elapsed().as_secs_f64() / time.as_secs_f64() * self.conns.len() as f64) as usize,
        };
        while self.opening < OPENING && self.ramp.2 < due {
            let Some(number) = self.waiting.pop_front() else { break };
            let Crowd { conns, poll, plan, sources, .. } = self;
            let socket = conns[number].open(plan.target.address, *sources, number)?;
            poll.registry().register(socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
            self.opening += 1;
            self.ramp.2 += 1;
        }
        Ok(())
    }

    fn ask(&mut self, number: usize) {
        let request = self.request(number);
        if let Err(error) = self.conns[number].ask(&request) {
            self.lose(number, &error.to_string());
        }
    }

    fn request(&self, number: usize) -> String {
        let Plan { target, topics, detail, compress, .. } = &self.plan;
        let topics = topics[number % topics.len()].join(",");
        let since = self.conns[number].position.as_ref().map_or_else(String::new, |at| format!("&since={at}"));
        let detail = if *detail == Detail::Score { "score" } else { "full" };
        let deflate = if *compress { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
        let delay = match self.plan.delay(number) {
            0 => String::new(),
            delay => format!("&delay={delay}"),
        };
        let asks: String = self.upgrade.headers().map(|(name, value)| format!("{name}: {value}\r\n")).concat();
        format!(
            "GET /v1/ws?topics={topics}&detail={detail}{delay}{since} HTTP/1.1\r\nHost: {}\r\n{asks}{deflate}\r\n",
            target.host
        )
    }

    /// Reads what is there.
    fn drain(&mut self, number: usize) {
        while self.conns[number].unread {
            self.read(number, SCRATCH);
        }
    }

    /// Those who read slowly take a little, once a second; those who were woken take all.
    fn sip(&mut self) {
        if self.sipped.elapsed() < SIPS {
            return;
        }
        self.sipped = Instant::now();
        for number in 0..self.conns.len() {
            match self.conns[number].pace {
                Pace::Slow if self.conns[number].unread => self.read(number, SIP),
                Pace::Prompt => self.drain(number),
                _ => {}
            }
        }
    }

    fn read(&mut self, number: usize, most: usize) {
        let mut scratch = std::mem::take(&mut self.scratch);
        match self.conns[number].read(&mut scratch[..most]) {
            Ok(None) => {}
            Ok(Some(count)) => self.hear(number, &mut scratch[..count]),
            Err(error) => self.lose(number, &error.to_string()),
        }
        self.scratch = scratch;
    }

    fn hear(&mut self, number: usize, bytes: &mut [u8]) {
        match std::mem::replace(&mut self.conns[number].phase, Phase::Closed) {
            Phase::Upgrading(mut head) => {
                head.extend_from_slice(bytes);
                let Some(end) = head.windows(4).position(|end| end == b"\r\n\r\n") else {
                    self.conns[number].phase = Phase::Upgrading(head);
                    return;
                };
                let mut rest = head.split_off(end + 4);
                let text = String::from_utf8_lossy(&head);
                if !text.starts_with("HTTP/1.1 101 ") || !text.contains(&self.upgrade.accept) {
                    let first = text.lines().next().unwrap_or("").to_owned();
                    return self.lose(number, &format!("the upgrade was answered {first:?}"));
                }
                if self.plan.compress && !text.to_ascii_lowercase().contains("permessage-deflate") {
                    return self.lose(number, "the server does not compress");
                }
                self.conns[number].phase = Phase::Loading;
                self.frames(number, &mut rest);
            }
            phase => {
                self.conns[number].phase = phase;
                self.frames(number, bytes);
            }
        }
    }

    fn frames(&mut self, number: usize, bytes: &mut [u8]) {
        self.tally.bytes += bytes.len() as u64;
        let arrived = Instant::now();
        let Crowd { conns, judge, tally, inflater, plan, schedule, .. } = self;
        let (conn, delay) = (&mut conns[number], plan.delay(number));
        let mut decoder = std::mem::replace(&mut conn.decoder, codec::Decoder::new(codec::Role::Client));
        let mut fault = None;
        let mut heard = |incoming: Incoming<'_>| match incoming {
            Incoming::Text(text) => {
                tally.messages += 1;
                let taken = judge.read(text).and_then(|(meaning, position)| {
                    take(conn, tally, (schedule.as_ref(), arrived, delay), &meaning)?;
                    // While it loads, a position does not speak for its topics.
                    if position.is_some() && (conn.is_live() || meaning == Meaning::Position) {
                        conn.position = position;
                    }
                    Ok(())
                });
                fault = fault.take().or(taken.err());
            }
            Incoming::Ping(payload) => {
                let pong: Bytes = codec::masked(Opcode::Pong, payload, fastrand::u32(..).to_be_bytes());
                conn.send(&pong);
            }
            Incoming::Close(said) => fault = fault.take().or_else(|| Some(format!("the server closed: {said:?}"))),
            Incoming::Binary(_) | Incoming::Pong(_) => {}
        };
        let inflate = plan.compress.then_some(inflater);
        let fed = decoder.feed(bytes, &MESSAGES, inflate, &mut heard);
        conn.decoder = decoder;
        let was_loading = matches!(conn.phase, Phase::Loading);
        if was_loading && tally.end_mark {
            conn.phase = Phase::Live;
            tally.live += 1;
            self.opening -= 1;
        }
        tally.end_mark = false;
        if let Some(fault) = fed.err().map(|fault| fault.to_string()).or(fault) {
            self.lose(number, &fault);
        }
    }

    fn lose(&mut self, number: usize, why: &str) {
        let conn = &mut self.conns[number];
        match conn.phase {
            Phase::Live => self.tally.live -= 1,
            Phase::Closed if conn.socket.is_none() => return,
            _ => self.opening -= 1,
        }
        conn.socket = None;
        conn.phase = Phase::Closed;
        conn.unread = false;
        self.tally.lost(why);
    }
}

/// One message of one connection.
fn take(
    conn: &mut Conn,
    tally: &mut Tally,
    (schedule, arrived, delay): (Option<&Schedule>, Instant, u32),
    meaning: &Meaning,
) -> Result<(), String> {
    match conn.held.take(meaning) {
        Err(_) => tally.gaps += 1,
        Ok(false) => {}
        Ok(true) => {
            tally.updates += 1;
            if let (Meaning::Update { game, total: Some(total), at, .. }, Some(schedule), true) =
                (meaning, schedule, conn.timed && conn.is_live())
            {
                time(tally, schedule, (arrived, delay), (*game, *total, *at));
            }
        }
    }
    match meaning {
        Meaning::State { .. } => tally.states += 1,
        Meaning::Position => tally.end_mark = true,
        Meaning::Reset => {
            tally.resets += 1;
            conn.position = None;
        }
        Meaning::Subscribed { resumed: true } => tally.resumed += 1,
        Meaning::Goodbye => return Err("the server says goodbye".to_owned()),
        Meaning::Error(message) => return Err(format!("the server says: {message}")),
        _ => {}
    }
    Ok(())
}

fn time(tally: &mut Tally, schedule: &Schedule, (arrived, delay): (Instant, u32), (game, total, at): (u32, u64, i64)) {
    let Some(due) = schedule.due_of(u64::from(game), total) else { return };
    let wall = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let at = Duration::from_millis(u64::try_from(at).unwrap_or(0));
    if delay == 0 {
        tally.due.saturating_record(micros(arrived.saturating_duration_since(due)));
        tally.accepted.saturating_record(micros(wall.saturating_sub(at)));
        return;
    }
    match wall.checked_sub(at + Duration::from_secs(delay.into())) {
        Some(late) => tally.late.saturating_record(micros(late)),
        None => tally.early += 1,
    }
}

/// The numbers of the games among some topics.
fn games_of(topics: &[String], judge: &mut Judge) -> Vec<u32> {
    topics.iter().filter(|topic| topic.split('/').count() == 3).map(|game| judge.number(game)).collect()
}
