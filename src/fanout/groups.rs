//! Delay groups and capped connections: who is fanned out to when, in one shard.

use std::time::{Duration, Instant};

use super::audience::{Group, Key};
use super::shard::{Follower, SWEEP, Shard};
use crate::scoreboard::View;

impl Shard {
    /// The scoreboard as a group may see it: what was fanned out to it, and nothing newer. The live ones see it all.
    pub(super) fn view_of(&self, group: Group) -> View<'_> {
        let view = self.board.view();
        match self.groups.get(&group).filter(|_| group > 0) {
            Some(follower) => view.until(follower.cursor),
            None => view,
        }
    }

    pub(super) fn cursor_of(&self, group: Group) -> u64 {
        self.groups.get(&group).map_or(0, |follower| follower.cursor)
    }

    /// A connection begins to watch with this delay.
    pub(super) fn enter(&mut self, key: Key, group: Group) {
        let board = &self.board;
        let follower = self.groups.entry(group).or_insert_with(|| Follower {
            cursor: board.view().offset_ago(Duration::from_secs(group.into())),
            ..Follower::default()
        });
        follower.members += 1;
        self.conns[key].group = group;
    }

    pub(super) fn quit(&mut self, group: Group) {
        let Some(follower) = self.groups.get_mut(&group) else { return };
        follower.members -= 1;
        if follower.members == 0 && group > 0 {
            self.groups.remove(&group);
        }
    }

    /// A connection changes its delay.
    pub(super) fn regroup(&mut self, key: Key, to: Group) {
        let from = self.conns[key].group;
        self.enter(key, to);
        self.audience.regroup(key, to);
        self.quit(from);
    }

    /// A capped connection has something to flush then; sooner than it was to have, when its cap has changed.
    pub(super) fn flush_at(&mut self, key: Key, at: Instant) {
        if let Some(conn) = self.conns.get_mut(key)
            && conn.flushes.is_none_or(|planned| at < planned)
        {
            let planned = conn.flushes.replace(at);
            self.flushes.insert((at, key));
            self.unplan(planned, key);
        }
    }

    /// A planned flush is not to be any more.
    pub(super) fn unplan(&mut self, planned: Option<Instant>, key: Key) {
        if let Some(at) = planned {
            self.flushes.remove(&(at, key));
        }
    }

    /// Enqueues the capped connections whose flush is due.
    pub(super) fn flush_capped(&mut self) {
        while let Some(&(at, key)) = self.flushes.first()
            && at <= self.now
        {
            self.flushes.pop_first();
            if let Some(conn) = self.conns.get_mut(key) {
                conn.flushes = None;
                self.enqueue(key);
            }
        }
    }

    /// How long the shard may sleep.
    pub(super) fn until_due(&self) -> Duration {
        let flush = self.flushes.first().map(|next| next.0);
        let departure = self.departures.as_ref().and_then(|all| all.front()).map(|next| next.0);
        let due = [flush, departure, self.next_due].into_iter().flatten().min();
        due.map_or(SWEEP, |due| due.saturating_duration_since(Instant::now()).min(SWEEP))
    }
}
