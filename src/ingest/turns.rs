//! Turns: reports on one game go one after another, in the order in which they queued.
//!
//! Without turns, many writers of one game would lose the compare-and-set to each other again and again; and reports of
//! one batch could overtake one another.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use feeds::Topic;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// How many lines there are to queue in. Two games in one line only wait for each other.
const LINES: usize = 4_096;

/// The lines, by the game's hash; each holds who came last.
pub(super) struct Turns {
    lines: Box<[Mutex<Option<Baton>>]>,
    hasher: RandomState,
}

/// Arrives when the one before is done. One that leaves without having had its turn hands on the baton it waited for.
struct Baton(oneshot::Receiver<Option<Baton>>);

/// A place in a line. Dropped, it lets the next one come.
pub(super) struct Turn {
    before: Option<Baton>,
    after: Option<oneshot::Sender<Option<Baton>>>,
}

impl Default for Turns {
    fn default() -> Turns {
        let lines = (0..LINES).map(|_| Mutex::new(None)).collect();
        Turns { lines, hasher: RandomState::new() }
    }
}

impl Turns {
    /// Takes the next place for this game.
    pub(super) fn queue(&self, game: &Topic) -> Turn {
        let hash = usize::try_from(self.hasher.hash_one(game) % LINES as u64).expect("less than LINES");
        let (sender, receiver) = oneshot::channel();
        let before = self.lines[hash].lock().replace(Baton(receiver));
        Turn { before, after: Some(sender) }
    }
}

impl Turn {
    /// Returns when it is this one's turn, which lasts until the value is dropped.
    pub(super) async fn come(mut self) -> Turn {
        while let Some(Baton(receiver)) = &mut self.before {
            self.before = receiver.await.ok().flatten();
        }
        self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let baton = self.before.take();
        if let Some(after) = self.after.take() {
            let _ = after.send(baton);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    fn game() -> Topic {
        "soccer/eng.1/ars-che".parse().unwrap()
    }

    #[test]
    fn places_are_taken_when_queued_and_not_when_awaited() {
        let turns = Turns::default();
        let (first, second) = (turns.queue(&game()), turns.queue(&game()));
        let mut second = pin!(second.come());
        assert!(second.as_mut().now_or_never().is_none());
        let first = first.come().now_or_never().unwrap();
        assert!(second.as_mut().now_or_never().is_none(), "the first is not done");
        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn one_that_leaves_the_line_does_not_let_the_next_one_past_those_before() {
        let turns = Turns::default();
        let first = turns.queue(&game()).come().now_or_never().unwrap();
        let (leaves, mut third) = (turns.queue(&game()), pin!(turns.queue(&game()).come()));
        drop(leaves);
        assert!(third.as_mut().now_or_never().is_none(), "the first still has its turn");
        drop(first);
        assert!(third.now_or_never().is_some());
    }
}
