//! A follower: its own connection, and the care of it. Subscribe, await the confirmation, ask where the log stands, load
//! or read what is missing, then tell each message in its offset's turn; ask again each second. Whatever goes wrong with
//! the connection is a gap, to be read from the stream on the next one; there is no end of trying.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisError, cmd};
use feeds::Topic;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::finder::{Finder, fault};
use super::inbox::{Inbox, Mail};
use super::rows::{self, Entry};
use super::url::Address;
use super::{Place, Shared, place};
use crate::broker::{BrokerError, Followed};

/// The time between two position checks, ± 10 % so that gateways do not ask in step.
const CHECK: Duration = Duration::from_secs(1);
/// The time between two questions whether the log has gone elsewhere.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// Pauses between tries: any up to a bound that doubles from the first to the second of these.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// Entries that are read at once.
const PAGE: usize = 128;

/// Why a follower does not simply go on.
pub(super) enum Stop {
    /// The receiver was dropped.
    Gone,
    /// What comes next cannot be told without a hole.
    StartOver,
    /// The connection is of no use any more.
    Away(BrokerError),
}

impl From<BrokerError> for Stop {
    fn from(error: BrokerError) -> Stop {
        Stop::Away(error)
    }
}

impl From<RedisError> for Stop {
    fn from(error: RedisError) -> Stop {
        Stop::Away(fault(error))
    }
}

impl From<mpsc::error::SendError<Followed>> for Stop {
    fn from(_: mpsc::error::SendError<Followed>) -> Stop {
        Stop::Gone
    }
}

/// [`crate::broker::Broker::follow`].
pub(super) async fn follow(shared: &Shared, tell: mpsc::Sender<Followed>) {
    let closed = tell.clone();
    tokio::select! {
        () = closed.closed() => {}
        () = Follower::new(shared, tell).run() => {}
    }
}

/// What was told so far, and to whom.
pub(super) struct Follower<'a> {
    pub(super) shared: &'a Shared,
    pub(super) tell: mpsc::Sender<Followed>,
    pub(super) epoch: Arc<str>,
    /// The last offset that was told.
    pub(super) cursor: u64,
    /// Whether what was told is whole; else all must be told anew.
    pub(super) loaded: bool,
    /// The greatest clock that was told: the server's may be set back.
    pub(super) now: i64,
    /// History begins after this entry, which cannot be read; 0 = with the first that is kept.
    pub(super) unreadable: u64,
    /// Games that were told as they were after a later offset than the cursor's.
    ahead: HashMap<Topic, u64>,
    away: bool,
    pause: Duration,
}

impl<'a> Follower<'a> {
    fn new(shared: &'a Shared, tell: mpsc::Sender<Followed>) -> Follower<'a> {
        Follower {
            shared,
            tell,
            epoch: "".into(),
            cursor: 0,
            loaded: false,
            now: 0,
            unreadable: 0,
            ahead: HashMap::new(),
            away: false,
            pause: PAUSES.0,
        }
    }

    /// Tries without end, until nobody listens.
    async fn run(mut self) {
        loop {
            match self.connected().await.map_or_else(|stop| stop, |never| match never {}) {
                Stop::Gone => return,
                Stop::StartOver => self.loaded = false,
                Stop::Away(error) => {
                    tracing::warn!(%error, "the log is away");
                    if !self.away && self.tell.send(Followed::Away).await.is_err() {
                        return;
                    }
                    self.away = true;
                }
            }
            sleep(self.pause.mul_f64(fastrand::f64())).await;
            self.pause = (self.pause * 2).min(PAUSES.1);
        }
    }

    /// Follows on one connection.
    async fn connected(&mut self) -> Result<Infallible, Stop> {
        let Shared { finder, names, .. } = self.shared;
        let inbox = Arc::new(Inbox::default());
        let (mut connection, at) = finder.open(inbox.receiver()).await?;
        // Its answer is the confirmation: from here on every message comes.
        cmd(names.subscribe).arg(&names.channel).query_async::<::redis::Value>(&mut connection).await?;
        loop {
            match self.caught_up(&mut connection, &inbox, &at).await {
                Err(Stop::StartOver) => self.loaded = false,
                Err(stop) => return Err(stop),
                Ok(never) => match never {},
            }
        }
    }

    /// Tells what is missing, then what comes.
    async fn caught_up(
        &mut self,
        connection: &mut MultiplexedConnection,
        inbox: &Inbox,
        at: &Address,
    ) -> Result<Infallible, Stop> {
        let place = self.place(connection).await?;
        if !self.loaded || place.epoch != self.epoch {
            self.loaded = false;
            self.ahead.clear();
            self.load(connection, place).await?;
        } else {
            self.check(connection, inbox, place).await?;
        }
        (self.away, self.pause) = (false, PAUSES.0);
        self.go_on(connection, inbox, at).await
    }

    async fn go_on(
        &mut self,
        connection: &mut MultiplexedConnection,
        inbox: &Inbox,
        at: &Address,
    ) -> Result<Infallible, Stop> {
        let mut moved = pin!(moved(&self.shared.finder, at));
        let mut next = Instant::now() + jittered(CHECK);
        loop {
            tokio::select! {
                mail = inbox.next() => self.hear(connection, mail).await?,
                () = sleep_until(next) => {
                    let place = self.place(connection).await?;
                    self.check(connection, inbox, place).await?;
                    next = Instant::now() + jittered(CHECK);
                }
                there = &mut moved => {
                    self.shared.link.forget();
                    return Err(Stop::Away(BrokerError::Away(format!("the log is no longer at {at}, but at {there}"))));
                }
            }
        }
    }

    /// Asks where the log stands, saying what was seen of it.
    async fn place(&mut self, connection: &mut MultiplexedConnection) -> Result<Place, Stop> {
        Ok(place(self.shared.opened(connection, &self.epoch, self.cursor).await?)?)
    }

    /// Compares where the log stands with what was told.
    async fn check(&mut self, connection: &mut MultiplexedConnection, inbox: &Inbox, place: Place) -> Result<(), Stop> {
        if place.epoch != self.epoch {
            return Err(Stop::StartOver);
        }
        // What was published before the answer came before it.
        while self.cursor < place.head {
            match inbox.try_next() {
                Some(mail) => self.hear(connection, mail).await?,
                None => self.fill(connection).await?,
            }
        }
        self.now = self.now.max(place.now);
        self.tell.send(Followed::Checked { now: self.now }).await?;
        Ok(())
    }

    /// Takes a message, in its turn.
    async fn hear(&mut self, connection: &mut MultiplexedConnection, mail: Mail) -> Result<(), Stop> {
        let message = match mail {
            Mail::Message(message) => message,
            Mail::Over(why) => return Err(Stop::Away(BrokerError::Away(why.to_owned()))),
        };
        let Ok(entry) = rows::entry(&message, &self.epoch) else {
            tracing::warn!("a message that is no entry of the log was left out");
            return Ok(());
        };
        // Doubled, or held while it was read from the stream.
        if entry.offset <= self.cursor {
            return Ok(());
        }
        if entry.epoch != self.epoch {
            return Err(Stop::StartOver);
        }
        if entry.offset == self.cursor + 1 { self.tell(connection, entry).await } else { self.fill(connection).await }
    }

    /// Reads from the stream what comes after the cursor.
    async fn fill(&mut self, connection: &mut MultiplexedConnection) -> Result<(), Stop> {
        loop {
            let page = self.page(connection, self.cursor).await?;
            let whole = page.len() == PAGE;
            // Trimmed, or of another epoch: the hole cannot be filled.
            if page.first().is_none_or(|first| first.offset != self.cursor + 1 || first.epoch != self.epoch) {
                return Err(Stop::StartOver);
            }
            for entry in page {
                if entry.epoch != self.epoch || entry.offset != self.cursor + 1 {
                    return Err(Stop::StartOver);
                }
                self.tell(connection, entry).await?;
            }
            if !whole {
                self.tell.send(Followed::Filled).await?;
                return Ok(());
            }
        }
    }

    /// Up to [`PAGE`] entries after an offset.
    pub(super) async fn page(&self, connection: &mut MultiplexedConnection, after: u64) -> Result<Vec<Entry>, Stop> {
        let mut range = cmd("XRANGE");
        range.arg(&self.shared.names.log).arg(format!("{}-0", after + 1)).arg("+").arg("COUNT").arg(PAGE);
        let found = range.query_async(connection).await?;
        Ok(self.entries(&found)?)
    }

    /// The entries of a part of the stream.
    pub(super) fn entries(&self, found: &Stream) -> Result<Vec<Entry>, BrokerError> {
        found.iter().map(|(_, fields)| rows::entry(&fields.1, &self.epoch)).collect()
    }

    /// Tells the next entry.
    async fn tell(&mut self, connection: &mut MultiplexedConnection, entry: Entry) -> Result<(), Stop> {
        let Entry { offset, game, publication, .. } = entry;
        let ahead = game.as_ref().and_then(|game| self.ahead.get(game)).is_some_and(|ahead| offset <= *ahead);
        match publication {
            Some(publication) if !ahead => {
                // The check that follows may have been answered before this was published.
                self.now = self.now.max(publication.at);
                self.tell.send(Followed::Published(publication)).await?;
            }
            // What it changes was told before, with what could not be read.
            Some(_) => self.tell_game(connection, offset, game).await?,
            None => {
                tracing::warn!(offset, game = game.as_ref().map(Topic::as_str), "an entry of the log cannot be read");
                self.tell_game(connection, offset, game).await?;
            }
        }
        self.cursor = offset;
        Ok(())
    }

    /// Tells, in place of an entry, its game as it is now.
    async fn tell_game(
        &mut self,
        connection: &mut MultiplexedConnection,
        offset: u64,
        game: Option<Topic>,
    ) -> Result<(), Stop> {
        let mut record = None;
        if let Some(game) = game {
            let mut question = cmd("HGET");
            question.arg(&self.shared.names.games).arg(game.as_str());
            let row: Option<Vec<u8>> = question.query_async(connection).await?;
            record = row.map(|row| rows::record(game.as_str(), &row)).transpose()?.map(Box::new);
            match record.as_ref().filter(|record| record.offset > offset) {
                Some(record) => self.ahead.insert(game, record.offset),
                None => self.ahead.remove(&game),
            };
        }
        self.tell.send(Followed::Unreadable { offset, record }).await?;
        Ok(())
    }
}

/// A part of the stream: ids, and each entry's one field.
pub(super) type Stream = Vec<(String, (String, Vec<u8>))>;

/// Waits until the log is elsewhere: a primary that was cut off does not know that it is none any more. Where nobody tells,
/// a connection that works goes on.
async fn moved(finder: &Finder, at: &Address) -> Address {
    loop {
        sleep(jittered(ELSEWHERE)).await;
        match finder.find().await {
            Ok(there) if there != *at => return there,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "nobody tells where the log is"),
        }
    }
}

fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.9 + 0.2 * fastrand::f64())
}
