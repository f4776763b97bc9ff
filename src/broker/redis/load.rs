//! Loading: all games as they were at one offset, and the recent history up to it, while publishers go on. The games are
//! read page by page, each at another moment; then those that changed meanwhile are read again, in one step with the end
//! of the stream that proves that no other did. No script and no command is long: nobody waits for a load.

use std::collections::{BTreeMap, BTreeSet};

use ::redis::aio::MultiplexedConnection;
use ::redis::{cmd, pipe};

use super::follow::{Follower, Stop, Stream};
use super::{Place, now, rows};
use crate::broker::Followed;

/// Games that are read at once, as a hint: a small hash comes whole.
const GAMES: usize = 64;

/// Entries that are read at once to see what changed meanwhile: more than come in the time of the asking.
const MEANWHILE: usize = 512;

/// Games' rows by name. A page may repeat what another had.
type Rows = BTreeMap<String, Vec<u8>>;

impl Follower<'_> {
    /// Tells all that is held and what is recent. `place`: where the log stood after the subscription's confirmation.
    pub(super) async fn load(&mut self, connection: &mut MultiplexedConnection, place: Place) -> Result<(), Stop> {
        if self.epoch != place.epoch {
            (self.epoch, self.unreadable, self.now) = (place.epoch.clone(), 0, 0);
        }
        self.tell.send(Followed::Loading { epoch: self.epoch.clone() }).await?;
        let mut games = self.games(connection).await?;
        let place = self.settle(connection, &mut games, place).await?;
        for (game, row) in games {
            match rows::record(&game, &row) {
                Ok(record) => self.tell.send(Followed::Record(Box::new(record))).await?,
                Err(error) => tracing::warn!(%error, "a game was left out"),
            }
        }
        self.recent(connection, place.head).await?;
        self.now = self.now.max(place.now);
        let loaded = Followed::Loaded { head: place.head, now: self.now, horizon: place.horizon };
        self.tell.send(loaded).await?;
        (self.cursor, self.loaded) = (place.head, true);
        Ok(())
    }

    async fn games(&self, connection: &mut MultiplexedConnection) -> Result<Rows, Stop> {
        let mut games = Rows::new();
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = cmd("HSCAN");
            scan.arg(&self.shared.names.games).arg(&cursor).arg("COUNT").arg(GAMES);
            let (next, page): (String, Vec<(String, Vec<u8>)>) = scan.query_async(connection).await?;
            games.extend(page);
            if next == "0" {
                return Ok(games);
            }
            cursor = next;
        }
    }

    /// Brings the games to one offset, which it gives with the clock and the horizon of that moment.
    async fn settle(
        &self,
        connection: &mut MultiplexedConnection,
        games: &mut Rows,
        place: Place,
    ) -> Result<Place, Stop> {
        let names = &self.shared.names;
        let mut changed = BTreeSet::new();
        let mut head = place.head;
        loop {
            let mut step = pipe();
            step.atomic();
            step.cmd("HMGET").arg(&names.state).arg(&["epoch", "head", "at", "horizon"]);
            step.cmd("TIME");
            step.cmd("XRANGE").arg(&names.log).arg(format!("{}-0", head + 1)).arg("+").arg("COUNT").arg(MEANWHILE);
            // A field that no game has: the command needs one.
            step.cmd("HMGET").arg(&names.games).arg("-").arg(&changed);
            type Step = ((String, u64, i64, u64), (i64, i64), Stream, Vec<Option<Vec<u8>>>);
            let (state, time, stream, rows): Step = step.query_async(connection).await?;
            let (epoch, newest, at, horizon) = state;
            if *epoch != *self.epoch {
                return Err(Stop::StartOver);
            }
            let mut others = false;
            for entry in self.entries(&stream)? {
                if entry.offset != head + 1 {
                    return Err(Stop::StartOver);
                }
                head = entry.offset;
                others |= entry.game.is_some_and(|game| changed.insert(game.as_str().to_owned()));
            }
            if head == newest && !others {
                for (game, row) in changed.into_iter().zip(rows.into_iter().skip(1)) {
                    match row {
                        Some(row) => games.insert(game, row),
                        None => games.remove(&game),
                    };
                }
                return Ok(Place { epoch: place.epoch, head, now: now(Some(at), time), horizon });
            }
            if stream.is_empty() {
                // The head is further on than the stream: it was taken away.
                return Err(Stop::StartOver);
            }
        }
    }

    /// Tells the recent history up to `head`.
    async fn recent(&mut self, connection: &mut MultiplexedConnection, head: u64) -> Result<(), Stop> {
        let (mut last, mut unreadable) = (None, None);
        while last.unwrap_or(self.unreadable) < head {
            let page = self.page(connection, last.unwrap_or(self.unreadable)).await?;
            if page.is_empty() {
                break;
            }
            for entry in page.into_iter().take_while(|entry| entry.offset <= head) {
                if last.is_some_and(|last| entry.offset != last + 1) {
                    return Err(Stop::StartOver);
                }
                last = Some(entry.offset);
                match entry.publication {
                    Some(publication) if unreadable.is_none() => {
                        self.tell.send(Followed::Recent(publication)).await?;
                    }
                    Some(_) => {}
                    None => unreadable = last,
                }
            }
        }
        // Told is only what is dense up to the head; so once more, from after the last that cannot be read.
        match unreadable {
            Some(offset) => {
                self.unreadable = offset;
                Err(Stop::StartOver)
            }
            None => Ok(()),
        }
    }
}
