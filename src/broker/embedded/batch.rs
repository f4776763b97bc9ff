//! One write transaction: the contract's checks in the contract's order, then the writes, then what is due to be trimmed.

use std::sync::Arc;

use feeds::Topic;
use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use super::ids::{Changes, Ids, Index};
use super::tables::{self, State};
use crate::broker::{Answer, Bounds, Event, FORMAT, Key, Outcome, Publication, Stamp};
use crate::wire::Position;

/// A draft with its JSON, which is made on the publisher's thread: all publishers wait for the one writer.
pub(super) struct Written {
    pub(super) game: Topic,
    pub(super) expected: u64,
    pub(super) event: Event,
    pub(super) event_json: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) provider: String,
    pub(super) key: Option<Key>,
    pub(super) stamp: Stamp,
    pub(super) image: Option<Vec<u8>>,
}

/// A change of the log about no game.
pub(super) struct Announced {
    pub(super) event: Event,
    pub(super) event_json: Vec<u8>,
}

/// A report that changed nothing, with its image's JSON.
pub(super) struct Noted {
    pub(super) game: Topic,
    pub(super) provider: String,
    pub(super) stamp: Stamp,
    pub(super) image: Option<Vec<u8>>,
}

/// A game's versions, as its row has them; zeros where there is none.
#[derive(Default)]
struct Held {
    version: u64,
    score_version: u64,
    removed: bool,
    /// There is a row: a game or a tombstone.
    known: bool,
}

impl Held {
    /// The version a compare-and-set is made against.
    fn version(&self) -> u64 {
        if self.removed { 0 } else { self.version }
    }
}

/// The tables of a transaction, and what it has done so far.
pub(super) struct Batch<'t> {
    bounds: &'t Bounds,
    now: i64,
    state: State,
    /// What it adds to the log, with the bytes of the event.
    published: Vec<(Arc<Publication>, usize)>,
    written: bool,
    state_table: Table<'t, (), tables::StateRow>,
    log: Table<'t, u64, tables::LogRow>,
    games: Table<'t, &'static str, tables::GameRow>,
    ids: Ids<'t>,
    stamps: Table<'t, tables::Pair, tables::StampRow>,
    images: Table<'t, tables::Pair, &'static [u8]>,
    removals: Table<'t, u64, (i64, &'static str)>,
}

/// What a transaction did: to be told once it is committed.
pub(super) struct Done {
    /// The newest offset afterwards.
    pub(super) head: u64,
    /// Its publications in order, with the bytes of their events.
    pub(super) published: Vec<(Arc<Publication>, usize)>,
    /// What it does to the ids.
    pub(super) ids: Changes,
    /// Whether there is anything to commit.
    pub(super) written: bool,
}

impl<'t> Batch<'t> {
    /// Opens (in a new database: creates) the tables. `now` is the log's clock, ms.
    pub(super) fn open(
        txn: &'t WriteTransaction,
        index: &'t Index,
        bounds: &'t Bounds,
        now: i64,
    ) -> Result<Batch<'t>, redb::Error> {
        let state_table = txn.open_table(tables::STATE)?;
        let state = State::read(&state_table)?;
        let written = state.is_none();
        let state = state.unwrap_or_else(State::fresh);
        Ok(Batch {
            bounds,
            now: now.max(state.at),
            state,
            published: Vec::new(),
            written,
            state_table,
            log: txn.open_table(tables::LOG)?,
            games: txn.open_table(tables::GAMES)?,
            ids: Ids::open(txn, index)?,
            stamps: txn.open_table(tables::STAMPS)?,
            images: txn.open_table(tables::IMAGES)?,
            removals: txn.open_table(tables::REMOVALS)?,
        })
    }

    /// The state as it is now.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// [`crate::broker::Broker::publish`].
    pub(super) fn publish(&mut self, draft: Written) -> Result<Outcome, redb::Error> {
        if let Some(key) = &draft.key {
            let id = (draft.provider.as_str(), key.id.as_str());
            match self.ids.answer(id, self.now - self.bounds.id_ms, &self.state.epoch)? {
                Some(answer) if answer.hash == key.hash => return Ok(Outcome::Replayed(answer)),
                Some(_) => return Ok(Outcome::IdReused),
                None => {}
            }
        }
        let said = (draft.game.as_str(), draft.provider.as_str());
        if tables::stamp(&self.stamps, said)?.outdates(&draft.stamp) {
            return Ok(Outcome::Outdated);
        }
        let held = self.held(&draft.game)?;
        if held.version() != draft.expected {
            return Ok(Outcome::Conflict);
        }
        if !held.known && self.games.len()? >= self.bounds.games && !self.forgets()? {
            return Ok(Outcome::Full);
        }
        self.append_change(draft, &held).map(Outcome::Published)
    }

    /// Whether a tombstone's time is over: writing forgets more than it adds.
    fn forgets(&self) -> Result<bool, redb::Error> {
        let oldest = self.removals.first()?;
        Ok(oldest.is_some_and(|(_, row)| self.now - row.value().0 > self.bounds.tombstone_ms))
    }

    fn append_change(&mut self, draft: Written, held: &Held) -> Result<Answer, redb::Error> {
        let offset = self.state.head + 1;
        let base = held.version();
        let version = if base == 0 { offset } else { base + 1 };
        let score_base = if base == 0 { 0 } else { held.score_version };
        let scored = base == 0 || !matches!(&draft.event, Event::Update(update) if !update.score);
        let score_version = if scored { version } else { score_base };
        let removed = matches!(draft.event, Event::Removed { .. });
        let game = draft.game.as_str();

        let row = (version, score_version, offset, self.now, removed, draft.body.as_slice());
        self.games.insert(game, row)?;
        if removed {
            self.removals.insert(offset, (self.now, game))?;
        }
        if held.removed {
            self.forget(Forgotten::Images, game)?;
        }
        self.note(game, &draft.provider, draft.stamp, draft.image.as_deref())?;
        if let Some(key) = &draft.key {
            self.ids.add(&draft.provider, key, self.now, offset, version)?;
        }
        let versions = Versions { base, version, score_base, score_version };
        let position = self.append(Some(draft.game), versions, draft.event, &draft.event_json)?;
        Ok(Answer { version, position, hash: draft.key.map(|key| key.hash).unwrap_or_default() })
    }

    /// [`crate::broker::Broker::announce`].
    pub(super) fn announce(&mut self, announced: Announced) -> Result<Position, redb::Error> {
        self.append(None, Versions::default(), announced.event, &announced.event_json)
    }

    /// [`crate::broker::Broker::heard`]. Of a game that is not there (any more) nothing is kept: it would never go.
    pub(super) fn heard(&mut self, noted: &Noted) -> Result<(), redb::Error> {
        if self.held(&noted.game)?.known {
            self.note(noted.game.as_str(), &noted.provider, noted.stamp, noted.image.as_deref())?;
            self.written = true;
        }
        Ok(())
    }

    /// Trims what is due and writes the state's row.
    pub(super) fn finish(mut self, rows: usize) -> Result<Done, redb::Error> {
        if self.written {
            self.trim_log(rows)?;
            self.ids.trim(self.now - self.bounds.id_ms, self.bounds.ids, rows)?;
            self.trim_removals(rows)?;
            let State { epoch, head, at, log_bytes, horizon } = &self.state;
            self.state_table.insert((), (&**epoch, *head, *at, *log_bytes, *horizon))?;
        }
        let ids = self.ids.finish();
        Ok(Done { head: self.state.head, published: self.published, ids, written: self.written })
    }

    /// Appends an entry at the next offset.
    fn append(
        &mut self,
        game: Option<Topic>,
        versions: Versions,
        event: Event,
        event_json: &[u8],
    ) -> Result<Position, redb::Error> {
        let Versions { base, version, score_base, score_version } = versions;
        let offset = self.state.head + 1;
        let name = game.as_ref().map(Topic::as_str);
        self.log.insert(offset, (FORMAT, self.now, name, base, version, score_base, score_version, event_json))?;
        self.state.head = offset;
        self.state.at = self.now;
        self.state.log_bytes += event_json.len() as u64;
        self.written = true;
        let position = Position { epoch: self.state.epoch.clone(), offset };
        let publication = Publication {
            format: FORMAT,
            position: position.clone(),
            at: self.now,
            game,
            base,
            version,
            score_base,
            score_version,
            event,
        };
        self.published.push((Arc::new(publication), event_json.len()));
        Ok(position)
    }

    fn held(&self, game: &Topic) -> Result<Held, redb::Error> {
        let row = self.games.get(game.as_str())?;
        Ok(row.map_or(Held::default(), |row| {
            let (version, score_version, _, _, removed, _) = row.value();
            Held { version, score_version, removed, known: true }
        }))
    }

    /// Keeps a provider's stamp and image of a game.
    fn note(&mut self, game: &str, provider: &str, stamp: Stamp, image: Option<&[u8]>) -> Result<(), redb::Error> {
        let said = (game, provider);
        if stamp != Stamp::default() {
            let newest = tables::stamp(&self.stamps, said)?.newest(stamp);
            self.stamps.insert(said, (newest.event_at, newest.seq))?;
        }
        if let Some(image) = image {
            self.images.insert(said, image)?;
        }
        Ok(())
    }

    fn forget(&mut self, what: Forgotten, game: &str) -> Result<(), redb::Error> {
        // Topics hold no character below '-', so '\u{1}' comes after the game and before any other.
        let range = (game, "")..(game, "\u{10ffff}");
        self.images.retain_in(range.clone(), |_, _| false)?;
        if what == Forgotten::ImagesAndStamps {
            self.stamps.retain_in(range, |_, _| false)?;
        }
        Ok(())
    }

    /// The oldest goes when the one after it is old, too: so the first that is held tells that all recent ones are.
    fn trim_log(&mut self, rows: usize) -> Result<(), redb::Error> {
        for _ in 0..rows {
            let mut oldest = self.log.iter()?;
            let (Some(first), Some(second)) = (oldest.next().transpose()?, oldest.next().transpose()?) else { break };
            let (offset, bytes, at) = (first.0.value(), first.1.value().7.len() as u64, second.1.value().1);
            if self.now - at <= self.bounds.recent_ms && self.state.log_bytes <= self.bounds.recent_bytes {
                break;
            }
            drop((oldest, first, second));
            self.log.remove(offset)?;
            self.state.log_bytes -= bytes;
        }
        Ok(())
    }

    /// Tombstones go with their stamps and images, unless the game came back.
    fn trim_removals(&mut self, rows: usize) -> Result<(), redb::Error> {
        for _ in 0..rows {
            let Some(first) = self.removals.first()? else { break };
            let (at, game) = first.1.value();
            if self.now - at <= self.bounds.tombstone_ms {
                break;
            }
            let (offset, game) = (first.0.value(), game.to_owned());
            drop(first);
            self.removals.remove(offset)?;
            if self.games.get(game.as_str())?.is_some_and(|row| row.value().2 == offset) {
                self.games.remove(game.as_str())?;
                self.forget(Forgotten::ImagesAndStamps, &game)?;
                self.state.horizon = offset;
            }
        }
        Ok(())
    }
}

/// The versions of an entry; zeros where it is about no game.
#[derive(Default)]
struct Versions {
    base: u64,
    version: u64,
    score_base: u64,
    score_version: u64,
}

/// What of a game's providers is forgotten: a game that begins afresh has no image to be compared with, and its stamps hold.
#[derive(PartialEq)]
enum Forgotten {
    Images,
    ImagesAndStamps,
}
