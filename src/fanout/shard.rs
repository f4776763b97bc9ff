//! A shard: one thread, one event queue, its connections. It reads and writes outlets and never waits for a client.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::{Events, Poll, Token, Waker};
use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::watch;

use super::audience::{Audience, Group, Key};
use super::conn::Conn;
use super::frame::Encoder;
use super::live::Turn;
use super::{Admission, Arrival, Settings, Subscribe};
use crate::auth::Access;
use crate::codec::Inflater;
use crate::live::Live;
use crate::metrics::{Label, Metrics, Transport};
use crate::noise::Noise;
use crate::scoreboard::{Liveness, Scoreboard};
use crate::session::{Out, Session};
use crate::wire::{Close, ErrorCode, Message};

const WAKE: Token = Token(usize::MAX);
/// Bytes read from a socket at once; a client's longest message may take several reads.
const SCRATCH: usize = 32 << 10;
/// Handshakes that wait at a shard's door.
const DOOR: usize = 4_096;
/// How often connections are looked over for silence.
pub(super) const SWEEP: Duration = Duration::from_millis(250);

/// The way to a shard from other threads.
#[derive(Clone)]
pub(super) struct Handle(Arc<Door>);

struct Door {
    waker: Waker,
    woken: AtomicBool,
    /// What the log brings waits for the end of a rest, which is planned: the shard need not be woken for it.
    resting: AtomicBool,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    arrivals: VecDeque<Arrival>,
    /// Connections whose outlet has room or input again, each at most once for either: see [`super::outlet`].
    ready: Vec<Key>,
    drain: Option<Duration>,
    ended: bool,
}

impl Handle {
    pub(super) fn wake(&self) {
        if !self.0.woken.swap(true, Ordering::AcqRel) {
            // It fails only when the queue is gone, and then nobody needs waking.
            let _ = self.0.waker.wake();
        }
    }

    /// There is something new in the log. A shard that rests looks when its rest is over: the scoreboard is changed before it
    /// is told so, and the shard ends its rest before it looks, so that one of the two sees the other's.
    pub(super) fn log_moved(&self) {
        if !self.0.resting.load(Ordering::Acquire) {
            self.wake();
        }
    }

    pub(super) fn adopt(&self, arrival: Arrival) -> bool {
        let mut inbox = self.0.inbox.lock();
        let open = inbox.arrivals.len() < DOOR;
        if open {
            inbox.arrivals.push_back(arrival);
        }
        drop(inbox);
        self.wake();
        open
    }

    /// The connection's outlet can be written or read again.
    pub(super) fn ready(&self, key: Key) {
        self.0.inbox.lock().ready.push(key);
        self.wake();
    }

    pub(super) fn drain(&self, window: Duration) {
        self.0.inbox.lock().drain = Some(window);
        self.wake();
    }

    pub(super) fn end(&self) {
        self.0.inbox.lock().ended = true;
        self.wake();
    }
}

/// One group's place in the log.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// Everything up to here was fanned out.
    pub(super) cursor: u64,
    /// Connections that watch with this delay.
    pub(super) members: usize,
    /// What comes until then leaves together.
    pub(super) rests_until: Option<Instant>,
}

/// A shard.
pub(super) struct Shard {
    pub(super) poll: Poll,
    door: Arc<Door>,
    pub(super) board: Arc<Scoreboard>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) settings: Arc<Settings>,
    /// Looked at with each sweep.
    pub(super) live: Arc<Live<Settings>>,
    pub(super) conns: Slab<Conn>,
    pub(super) audience: Audience,
    pub(super) encoder: Encoder,
    pub(super) turn: Turn,
    /// Those who watch with the same delay; 0, the live ones, is always there.
    pub(super) groups: BTreeMap<Group, Follower>,
    /// When the first of the groups has something due: old enough, or rested.
    pub(super) next_due: Option<Instant>,
    /// The live ones have something that waits for the end of their rest.
    pub(super) rests: bool,
    /// Capped connections with something held back, soonest flush first.
    pub(super) flushes: BTreeSet<(Instant, Key)>,
    pub(super) generation: u64,
    pub(super) noise: Noise,
    liveness: watch::Receiver<Liveness>,
    /// Connections to be served, each once.
    pub(super) queue: VecDeque<Key>,
    /// Connections whose load waits for the scoreboard or a moment.
    pub(super) waiting: Vec<Key>,
    pub(super) inflater: Inflater,
    pub(super) scratch: Vec<u8>,
    pub(super) out: Vec<Out>,
    pub(super) outgoing: Vec<Bytes>,
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) swept: Instant,
    /// While draining: when each connection is closed, soonest first.
    pub(super) departures: Option<VecDeque<(Instant, Key)>>,
    /// Nobody comes any more.
    ended: bool,
    /// What everybody may see where no token is asked for.
    everything: Arc<Access>,
    /// Messages and bytes handed to outlets since they were last counted, by transport.
    pub(super) delivered: [(u64, u64); Transport::ALL.len()],
}

impl Shard {
    pub(super) fn new(
        board: Arc<Scoreboard>,
        metrics: Arc<Metrics>,
        live: Arc<Live<Settings>>,
    ) -> std::io::Result<(Shard, Handle)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let door = Arc::new(Door {
            waker,
            woken: AtomicBool::new(false),
            resting: AtomicBool::new(false),
            inbox: Mutex::default(),
        });
        let (cursor, generation) = {
            let view = board.view();
            (view.head(), view.generation())
        };
        let liveness = board.liveness();
        let start = Instant::now();
        let shard = Shard {
            poll,
            door: door.clone(),
            board,
            metrics,
            settings: live.get(),
            live,
            conns: Slab::new(),
            audience: Audience::default(),
            encoder: Encoder::default(),
            turn: Turn::default(),
            groups: BTreeMap::from([(0, Follower { cursor, ..Follower::default() })]),
            next_due: None,
            rests: false,
            flushes: BTreeSet::new(),
            generation,
            noise: Noise::new(start),
            liveness,
            queue: VecDeque::new(),
            waiting: Vec::new(),
            inflater: Inflater::new(),
            scratch: vec![0; SCRATCH],
            out: Vec::new(),
            outgoing: Vec::new(),
            start,
            now: start,
            swept: start,
            departures: None,
            ended: false,
            everything: Arc::new(Access::everything()),
            delivered: Default::default(),
        };
        Ok((shard, Handle(door)))
    }

    /// Serves until it was drained and ended.
    ///
    /// # Errors
    /// When its event queue fails.
    pub(super) fn run(mut self) -> std::io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        while !(self.ended && self.conns.is_empty()) {
            let timeout = if self.queue.is_empty() { self.until_due() } else { Duration::ZERO };
            self.door.resting.store(self.rests, Ordering::Release);
            if let Err(error) = self.poll.poll(&mut events, Some(timeout))
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            self.now = Instant::now();
            self.take_events(&events);
            self.take_inbox();
            self.tell_liveness();
            self.follow();
            self.flush_capped();
            self.work();
            self.sweep();
            self.count();
        }
        Ok(())
    }

    fn take_events(&mut self, events: &Events) {
        for event in events.iter().filter(|event| event.token() != WAKE) {
            let key = event.token().0;
            let Some(conn) = self.conns.get_mut(key) else { continue };
            conn.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            let writable = event.is_writable() && (!conn.is_clear() || conn.session.is_busy());
            if conn.readable || writable {
                self.enqueue(key);
            }
        }
    }

    fn take_inbox(&mut self) {
        let rested = self.door.resting.swap(false, Ordering::AcqRel);
        if !self.door.woken.swap(false, Ordering::AcqRel) && !rested {
            return;
        }
        let Inbox { arrivals, ready, drain, ended } = std::mem::take(&mut *self.door.inbox.lock());
        self.ended |= ended;
        for key in ready {
            // Its number may be another's by now, who then looks in vain.
            if let Some(conn) = self.conns.get_mut(key) {
                conn.readable = true;
                self.enqueue(key);
            }
        }
        for arrival in arrivals {
            self.adopt(arrival);
        }
        if let Some(window) = drain {
            self.begin_drain(window);
        }
        // What waited for the scoreboard looks again.
        for key in std::mem::take(&mut self.waiting) {
            self.enqueue(key);
        }
    }

    fn adopt(&mut self, arrival: Arrival) {
        let Arrival { mut outlet, read_ahead, form, options, admission, subscribe, permit } = arrival;
        let entry = self.conns.vacant_entry();
        let key = entry.key();
        if let Err(error) = outlet.open(self.poll.registry(), &Handle(self.door.clone()), key) {
            tracing::warn!(%error, "a connection could not be watched");
            return;
        }
        let now = u64::try_from((self.now - self.start).as_millis()).unwrap_or(u64::MAX);
        let access = match &admission {
            Admission::Granted(access, _) => Arc::clone(access),
            Admission::Awaited | Admission::Refused(_) => Arc::clone(&self.everything),
        };
        let conn = Conn::new(outlet, form, Session::new(options, access), permit, now);
        self.metrics.connection_opened(conn.transport());
        entry.insert(conn);
        self.enter(key, options.delay);
        if let Admission::Refused(denied) = admission {
            return self.deny(key, None, &denied);
        }
        self.admit(key, admission);
        self.greet(key, subscribe.as_ref());
        if self.departures.is_some() {
            return self.send_away(key);
        }
        if let Some(subscribe) = subscribe {
            let session = &mut self.conns[key].session;
            let limits = &self.settings.session;
            let taken = session.subscribe(0, &subscribe.topics, subscribe.detail, subscribe.since.as_deref(), limits);
            if let Err(reply) = taken {
                let forbidden = reply.code == ErrorCode::Forbidden;
                self.refuse(key, reply);
                if forbidden {
                    return self.close(key, &Close::Forbidden);
                }
            }
        }
        if !read_ahead.is_empty() {
            let mut bytes = read_ahead;
            self.hear(key, &mut bytes);
        }
        self.enqueue(key);
    }

    fn greet(&mut self, key: Key, subscribe: Option<&Subscribe>) {
        let name = uuid::Uuid::now_v7();
        self.conns[key].name = name;
        let session = name.to_string();
        if tracing::enabled!(tracing::Level::DEBUG) && self.noise.allows(self.now) {
            let topics = subscribe.map(|subscribe| &subscribe.topics);
            let _session = tracing::debug_span!("session", session, ?topics).entered();
            tracing::debug!(transport = self.conns[key].transport().name(), "a subscriber came");
        }
        let heartbeat = u32::try_from(self.settings.heartbeat.as_secs()).unwrap_or(u32::MAX);
        let view = self.view_of(self.conns[key].group);
        let time_ms = view.now();
        let feeds: Vec<_> = view
            .feeds()
            .filter(|(_, status)| *status != crate::wire::FeedStatus::Live)
            .map(|(feed, status)| (feed.to_owned(), status))
            .collect();
        drop(view);
        let gateway = self.settings.gateway.clone();
        self.say(key, &Message::Hello { session: &session, gateway: &gateway, heartbeat, time_ms });
        for (feed, status) in &feeds {
            self.say(key, &Message::Feed { feed, status: *status, position: None });
        }
        if *self.liveness.borrow() == Liveness::Away {
            self.say(key, &Message::Status { live: false, reason: Some("broker") });
        }
    }

    fn tell_liveness(&mut self) {
        if !self.liveness.has_changed().unwrap_or(false) {
            return;
        }
        let (was_away, now) = (self.turn.away, *self.liveness.borrow_and_update());
        self.turn.away = now == Liveness::Away;
        if was_away == self.turn.away {
            return;
        }
        let reason = self.turn.away.then_some("broker");
        self.broadcast(&Message::Status { live: !self.turn.away, reason });
    }

    fn broadcast(&mut self, message: &Message<'_>) {
        for key in self.keys() {
            self.say(key, message);
        }
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.conns.iter().map(|(key, _)| key).collect()
    }

    pub(super) fn enqueue(&mut self, key: Key) {
        if let Some(conn) = self.conns.get_mut(key).filter(|conn| !conn.queued) {
            conn.queued = true;
            self.queue.push_back(key);
        }
    }

    /// Milliseconds since the shard began.
    pub(super) fn ms(&self) -> u64 {
        u64::try_from((self.now - self.start).as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment that far from now, by the same clock.
    pub(super) fn in_ms(&self, time: Duration) -> u64 {
        self.ms().saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    fn count(&mut self) {
        for (transport, (messages, bytes)) in Transport::ALL.iter().zip(std::mem::take(&mut self.delivered)) {
            if messages > 0 {
                self.metrics.delivered(*transport, messages, bytes);
            }
        }
        let encoded = std::mem::take(&mut self.encoder.encoded);
        if encoded > 0 {
            self.metrics.encoded(encoded);
        }
    }
}
