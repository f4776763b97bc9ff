//! The recent publications: dense by offset, bounded by time and by bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;

/// The ring of recent entries, shared by every shard and subscriber as cursors.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Everything after this offset is held: a cursor at or after it can be served from here.
    floor: u64,
    entries: VecDeque<Arc<Entry>>,
    weight: usize,
}

/// Bounds of the ring.
#[derive(Debug, Clone, Copy)]
pub struct RingBounds {
    /// How long an entry is kept, by the log's clock; ms.
    pub age_ms: i64,
    /// How much all of them may weigh, about; bytes.
    pub bytes: usize,
}

impl Ring {
    pub(super) fn push(&mut self, entry: Arc<Entry>, bounds: RingBounds) {
        let now = entry.publication.at;
        self.weight += entry.weight;
        self.entries.push_back(entry);
        while let Some(first) = self.entries.front() {
            let old = first.publication.at < now - bounds.age_ms || self.weight > bounds.bytes;
            if !old || self.entries.len() == 1 {
                break;
            }
            self.weight -= first.weight;
            self.floor = first.offset();
            self.entries.pop_front();
        }
    }

    /// Forgets everything: history begins after `floor`.
    pub(super) fn restart(&mut self, floor: u64) {
        *self = Ring { floor, ..Ring::default() };
    }

    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    pub(super) fn get(&self, offset: u64) -> Option<&Arc<Entry>> {
        let first = self.entries.front()?.offset();
        self.entries.get(usize::try_from(offset.checked_sub(first)?).ok()?)
    }

    /// The newest offset whose entry was stored at `moment` (ms) or before; the floor where all are newer.
    pub(super) fn until(&self, moment: i64) -> u64 {
        let older = self.entries.partition_point(|entry| entry.publication.at <= moment);
        self.floor + older as u64
    }

    /// Entries after an offset, oldest first.
    pub(super) fn after(&self, offset: u64) -> impl Iterator<Item = &Arc<Entry>> {
        let first = self.entries.front().map_or(0, |entry| entry.offset());
        let skip = (offset + 1).saturating_sub(first);
        self.entries.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }
}
