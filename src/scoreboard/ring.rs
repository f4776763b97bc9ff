//! The recent publications: dense by offset, bounded by time and by bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;

/// The ring of recent entries, shared by every shard and subscriber as cursors.
#[derive(Debug, Default)]
pub(super) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    weight: usize,
    /// What was stored when, of what is no longer held; the last is the floor. At most one in a second.
    marks: VecDeque<Mark>,
}

/// At this moment there was everything up to this offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// By the log's clock; ms.
    pub(super) at: i64,
    pub(super) offset: u64,
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
        let oldest = entry.publication.at - bounds.age_ms;
        self.weight += entry.weight;
        self.entries.push_back(entry);
        while let Some(first) = self.entries.front() {
            let old = first.publication.at < oldest || self.weight > bounds.bytes;
            if !old || self.entries.len() == 1 {
                break;
            }
            self.weight -= first.weight;
            let mark = Mark { at: first.publication.at, offset: first.offset() };
            self.entries.pop_front();
            self.mark(mark);
        }
        while self.marks.get(1).is_some_and(|next| next.at < oldest) {
            self.marks.pop_front();
        }
    }

    /// Remembers what was there when: the floor, and of those before it one in a second.
    fn mark(&mut self, mark: Mark) {
        const APART_MS: i64 = 1_000;
        let crowded = self.marks.len() > 1 && {
            let before = self.marks[self.marks.len() - 2];
            self.marks.back().is_some_and(|last| last.at - before.at < APART_MS)
        };
        if crowded {
            self.marks.pop_back();
        }
        self.marks.push_back(mark);
    }

    /// Whether nothing was put into it yet.
    pub(super) fn is_new(&self) -> bool {
        self.entries.is_empty() && self.marks.is_empty()
    }

    /// Forgets every entry: what is held begins after `floor`.
    pub(super) fn restart(&mut self, floor: Mark) {
        for entry in std::mem::take(&mut self.entries) {
            self.mark(Mark { at: entry.publication.at, offset: entry.offset() });
        }
        self.weight = 0;
        self.mark(floor);
    }

    /// What else is known of the time before the floor, in order.
    pub(super) fn remember(&mut self, marks: impl IntoIterator<Item = Mark>) {
        let Some(floor) = self.marks.pop_back() else { return };
        for mark in marks.into_iter().take_while(|mark| mark.offset < floor.offset) {
            self.mark(mark);
        }
        self.mark(floor);
    }

    /// Everything after this offset is held: a cursor at or after it can be served from here.
    pub(super) fn floor(&self) -> u64 {
        self.marks.back().map_or(0, |floor| floor.offset)
    }

    pub(super) fn get(&self, offset: u64) -> Option<&Arc<Entry>> {
        let first = self.entries.front()?.offset();
        self.entries.get(usize::try_from(offset.checked_sub(first)?).ok()?)
    }

    /// The newest offset that is known to have been stored at `moment` (ms) or before.
    pub(super) fn until(&self, moment: i64) -> u64 {
        let older = self.entries.partition_point(|entry| entry.publication.at <= moment);
        if older > 0 || self.marks.back().is_none_or(|floor| floor.at <= moment) {
            return self.floor() + older as u64;
        }
        let older = self.marks.partition_point(|mark| mark.at <= moment);
        older.checked_sub(1).map_or(0, |last| self.marks[last].offset)
    }

    /// When what comes after an offset was stored (ms), or something later that is known to contain it.
    pub(super) fn at_after(&self, offset: u64) -> Option<i64> {
        if offset < self.floor() {
            let later = self.marks.partition_point(|mark| mark.offset <= offset);
            return self.marks.get(later).map(|mark| mark.at);
        }
        self.get(offset + 1).map(|entry| entry.publication.at)
    }

    /// Entries after an offset, oldest first.
    pub(super) fn after(&self, offset: u64) -> impl Iterator<Item = &Arc<Entry>> {
        let first = self.entries.front().map_or(0, |entry| entry.offset());
        let skip = (offset + 1).saturating_sub(first);
        self.entries.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }
}
