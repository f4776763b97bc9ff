//! Which games a topic covers, in the order of their last change, and which it covered.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::ops::Bound;

use feeds::Topic;

/// One topic's games.
#[derive(Debug, Default)]
pub(super) struct TopicIndex {
    /// Games under the topic by the offset of their last change.
    live: BTreeMap<u64, Topic>,
    /// Games that left it (or were removed) by the offset at which they did, and when: tombstones.
    gone: BTreeMap<u64, (Topic, i64)>,
    gone_at: HashMap<Topic, u64>,
}

impl TopicIndex {
    /// The game changed at `now` (its change before was at `before`, 0 = none) and is under the topic.
    pub(super) fn covers(&mut self, game: &Topic, before: u64, now: u64) {
        self.live.remove(&before);
        self.live.insert(now, game.clone());
        if let Some(offset) = self.gone_at.remove(game) {
            self.gone.remove(&offset);
        }
    }

    /// The game, last changed at `before`, left the topic at `now`.
    pub(super) fn left(&mut self, game: &Topic, before: u64, now: u64, at: i64) {
        self.live.remove(&before);
        if let Some(offset) = self.gone_at.insert(game.clone(), now) {
            self.gone.remove(&offset);
        }
        self.gone.insert(now, (game.clone(), at));
    }

    /// Drops tombstones older than `before` (ms); gives the greatest offset dropped.
    pub(super) fn forget(&mut self, before: i64) -> u64 {
        let mut horizon = 0;
        while let Some(first) = self.gone.first_entry().filter(|first| first.get().1 < before) {
            horizon = *first.key();
            let (game, _) = first.remove();
            self.gone_at.remove(&game);
        }
        horizon
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.gone.is_empty()
    }

    pub(super) fn games(&self) -> impl Iterator<Item = &Topic> {
        self.live.values()
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// The first change or departure after an offset.
    fn next(&self, offset: u64) -> Option<(u64, bool, &Topic)> {
        let after = (Bound::Excluded(offset), Bound::Unbounded);
        let live = self.live.range(after).next().map(|(offset, game)| (*offset, false, game));
        let left = self.gone.range(after).next().map(|(offset, (game, _))| (*offset, true, game));
        match (live, left) {
            (Some(live), Some(left)) if left.0 < live.0 => Some(left),
            (live, left) => live.or(left),
        }
    }

    /// The offset of the last change under the topic.
    pub(super) fn last_change(&self) -> u64 {
        let last = |key: Option<u64>| key.unwrap_or(0);
        last(self.live.keys().next_back().copied()).max(last(self.gone.keys().next_back().copied()))
    }
}

/// The changes and departures of several topics after a cursor, in the order of the log, each offset once: a game that
/// left one topic and is under another has changed.
pub(super) struct Merge<'a> {
    topics: Vec<&'a TopicIndex>,
    heap: BinaryHeap<Reverse<(u64, bool, usize)>>,
    last: u64,
}

impl<'a> Merge<'a> {
    pub(super) fn new(topics: impl Iterator<Item = &'a TopicIndex>, cursor: u64) -> Merge<'a> {
        let topics: Vec<_> = topics.collect();
        let first = |(number, topic): (usize, &&TopicIndex)| {
            topic.next(cursor).map(|(offset, gone, _)| Reverse((offset, gone, number)))
        };
        let heap = topics.iter().enumerate().filter_map(first).collect();
        Merge { topics, heap, last: cursor }
    }
}

impl<'a> Iterator for Merge<'a> {
    type Item = (u64, bool, &'a Topic);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(Reverse((offset, gone, number))) = self.heap.pop() {
            let topic = self.topics[number];
            self.heap.extend(topic.next(offset).map(|(offset, gone, _)| Reverse((offset, gone, number))));
            if offset > self.last {
                self.last = offset;
                let game = if gone { topic.gone.get(&offset).map(|(game, _)| game) } else { topic.live.get(&offset) };
                return game.map(|game| (offset, gone, game));
            }
        }
        None
    }
}
