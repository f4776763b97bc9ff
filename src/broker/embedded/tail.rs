//! The newest publications in memory, so that followers need not parse what was just written.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::broker::Publication;

/// The most it holds, in publications and in bytes of their events. A follower further behind reads the table.
const PUBLICATIONS: usize = 1_024;
const BYTES: usize = 8 << 20;

/// A dense run of publications up to the newest.
#[derive(Default)]
pub(super) struct Tail {
    held: VecDeque<(Arc<Publication>, usize)>,
    bytes: usize,
}

impl Tail {
    /// Adds the newest. After a hole it begins anew.
    pub(super) fn push(&mut self, publication: Arc<Publication>, bytes: usize) {
        let last = self.held.back().map(|(last, _)| last.position.offset);
        if last.is_some_and(|last| last + 1 != publication.position.offset) {
            *self = Tail::default();
        }
        self.bytes += bytes;
        self.held.push_back((publication, bytes));
        while self.held.len() > PUBLICATIONS || self.bytes > BYTES {
            self.bytes -= self.held.pop_front().map_or(0, |(_, bytes)| bytes);
        }
    }

    /// Up to `most` publications after `cursor`; empty when the next one is not held.
    pub(super) fn after(&self, cursor: u64, most: usize) -> Vec<Arc<Publication>> {
        let first = self.held.front().map_or(u64::MAX, |(first, _)| first.position.offset);
        let Some(skip) = (cursor + 1).checked_sub(first).and_then(|skip| usize::try_from(skip).ok()) else {
            return Vec::new();
        };
        self.held.iter().skip(skip).take(most).map(|(publication, _)| publication.clone()).collect()
    }
}
