//! Which ids were applied, and what they were answered.
//!
//! The table is in the order of the log: it grows at its end and is trimmed at its beginning, so a commit touches few of its
//! pages. An index in memory finds an id's row, by a hash; the row says whether it is the one. (A table in the order of the
//! ids dirtied a page of its own for nearly every report: over a quarter of the writer's instructions, measured.)

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};

use crate::broker::{Answer, Key};
use crate::wire::Position;

/// Applied ids, by offset: at, provider, id, version, hash of the body.
pub(super) const IDS: TableDefinition<u64, IdRow> = TableDefinition::new("ids");
type IdRow = (i64, &'static str, &'static str, u64, &'static str);

/// Finds rows of the table: 1,000,000 ids take about 36 MiB.
#[derive(Debug, Default)]
pub(super) struct Index {
    offsets: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Index {
    /// The same read from the table, with the same hashes: a commit's [`Changes`] fit both.
    pub(super) fn reread(&self, table: &impl ReadableTable<u64, IdRow>) -> Result<Index, redb::Error> {
        let mut index = Index { offsets: HashMap::new(), hasher: self.hasher.clone() };
        for row in table.iter()? {
            let (offset, row) = row?;
            let (_, provider, id, ..) = row.value();
            index.offsets.insert(index.hash(provider, id), offset.value());
        }
        Ok(index)
    }

    /// The answer that a provider's id got, when it was applied at `oldest` or later.
    pub(super) fn answer(
        &self,
        table: &impl ReadableTable<u64, IdRow>,
        id: (&str, &str),
        oldest: i64,
        epoch: &Arc<str>,
    ) -> Result<Option<Answer>, redb::Error> {
        let offset = self.offsets.get(&self.hash(id.0, id.1));
        offset.map_or(Ok(None), |offset| answer_at(*offset, table, id, oldest, epoch))
    }

    /// Takes over what was committed.
    pub(super) fn apply(&mut self, changes: Changes) {
        self.offsets.extend(changes.added);
        for (hash, offset) in changes.dropped {
            // Applied again after its window, the id has a newer row.
            if self.offsets.get(&hash) == Some(&offset) {
                self.offsets.remove(&hash);
            }
        }
    }

    fn hash(&self, provider: &str, id: &str) -> u64 {
        self.hasher.hash_one((provider, id))
    }
}

/// The answer in the row at `offset`, when it is this id's and not too old.
fn answer_at(
    offset: u64,
    table: &impl ReadableTable<u64, IdRow>,
    id: (&str, &str),
    oldest: i64,
    epoch: &Arc<str>,
) -> Result<Option<Answer>, redb::Error> {
    let Some(row) = table.get(offset)? else { return Ok(None) };
    let (at, its_provider, its_id, version, hash) = row.value();
    let found = (its_provider, its_id) == id && at >= oldest;
    let position = Position { epoch: epoch.clone(), offset };
    Ok(found.then(|| Answer { version, position, hash: hash.to_owned() }))
}

/// What a transaction does to the index once it is committed: offsets by hash.
#[derive(Debug, Default)]
pub(super) struct Changes {
    added: HashMap<u64, u64>,
    dropped: Vec<(u64, u64)>,
}

/// The ids within a write transaction.
pub(super) struct Ids<'t> {
    table: Table<'t, u64, IdRow>,
    index: &'t Index,
    changes: Changes,
}

impl<'t> Ids<'t> {
    pub(super) fn open(txn: &'t WriteTransaction, index: &'t Index) -> Result<Ids<'t>, redb::Error> {
        Ok(Ids { table: txn.open_table(IDS)?, index, changes: Changes::default() })
    }

    /// As [`Index::answer`], with what this transaction added.
    pub(super) fn answer(
        &self,
        id: (&str, &str),
        oldest: i64,
        epoch: &Arc<str>,
    ) -> Result<Option<Answer>, redb::Error> {
        match self.changes.added.get(&self.index.hash(id.0, id.1)) {
            Some(offset) => answer_at(*offset, &self.table, id, oldest, epoch),
            None => self.index.answer(&self.table, id, oldest, epoch),
        }
    }

    /// Remembers an id that was just applied.
    pub(super) fn add(
        &mut self,
        provider: &str,
        key: &Key,
        at: i64,
        offset: u64,
        version: u64,
    ) -> Result<(), redb::Error> {
        self.table.insert(offset, (at, provider, key.id.as_str(), version, key.hash.as_str()))?;
        self.changes.added.insert(self.index.hash(provider, &key.id), offset);
        Ok(())
    }

    /// Forgets up to `rows` ids that were applied before `oldest` or are more than `most`.
    pub(super) fn trim(&mut self, oldest: i64, most: u64, rows: usize) -> Result<(), redb::Error> {
        for _ in 0..rows {
            let Some(first) = self.table.first()? else { break };
            let (at, provider, id, ..) = first.1.value();
            if at >= oldest && self.table.len()? <= most {
                break;
            }
            let (offset, hash) = (first.0.value(), self.index.hash(provider, id));
            drop(first);
            self.table.remove(offset)?;
            self.changes.dropped.push((hash, offset));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Changes {
        self.changes
    }
}
