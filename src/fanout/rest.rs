//! After a pass its games rest for a moment: what comes of them meanwhile leaves together, so that a burst costs each socket
//! two or three writes in place of ten. What comes after a quiet moment never waits, nor does a game that was not in that pass.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use feeds::Topic;

/// A rest is so many times what the pass took, and no longer than this.
const TIMES: u32 = 3;
const LONGEST: Duration = Duration::from_millis(10);
/// A pass that took less has nothing to gain: the finest grain of a shard's timers is 1 ms.
const SHORT: Duration = Duration::from_micros(500);

/// The rest after one pass.
#[derive(Debug)]
pub(super) struct Rest {
    until: Instant,
    games: HashSet<Topic>,
}

impl Rest {
    /// After a pass over entries of these games (`None`: of no game); `None` when it was short.
    pub(super) fn after<'e>(
        games: impl Iterator<Item = Option<&'e Topic>>,
        took: Duration,
        now: Instant,
    ) -> Option<Rest> {
        let until = now + (took * TIMES).min(LONGEST);
        (took >= SHORT).then(|| Rest { until, games: games.flatten().cloned().collect() })
    }

    /// Until when entries of these games wait; `None` when one of them is of another game, or the rest is over.
    pub(super) fn holds<'e>(
        &self,
        mut games: impl Iterator<Item = Option<&'e Topic>>,
        now: Instant,
    ) -> Option<Instant> {
        let rests = |game: Option<&Topic>| game.is_some_and(|game| self.games.contains(game));
        (now < self.until && games.all(rests)).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn games(names: &[&str]) -> Vec<Option<Topic>> {
        names.iter().map(|name| name.parse().ok()).collect()
    }

    fn rest(passed: &[&str], took: Duration, now: Instant) -> Option<Rest> {
        Rest::after(games(passed).iter().map(Option::as_ref), took, now)
    }

    #[test]
    fn the_games_of_a_pass_rest_and_no_others() {
        let now = Instant::now();
        let rest = rest(&["soccer/eng.1/a", "soccer/eng.1/b"], Duration::from_millis(2), now).unwrap();
        let holds =
            |names: &[&str], ms| rest.holds(games(names).iter().map(Option::as_ref), now + Duration::from_millis(ms));
        assert_eq!(holds(&["soccer/eng.1/b"], 0), Some(now + Duration::from_millis(6)), "three times what it took");
        assert_eq!(
            holds(&["soccer/eng.1/b", "soccer/eng.1/a", "soccer/eng.1/b"], 3),
            Some(now + Duration::from_millis(6))
        );
        assert_eq!(holds(&["soccer/eng.1/b", "soccer/eng.1/c"], 0), None, "another game does not wait");
        assert_eq!(holds(&["no topic"], 0), None, "nor does what is of no game");
        assert_eq!(holds(&["soccer/eng.1/b"], 6), None, "it is over");
    }

    #[test]
    fn a_rest_is_bounded_and_a_short_pass_has_none() {
        let now = Instant::now();
        let long = rest(&["soccer/eng.1/a"], Duration::from_secs(1), now).unwrap();
        assert_eq!(long.until, now + LONGEST);
        assert!(rest(&["soccer/eng.1/a"], SHORT - Duration::from_nanos(1), now).is_none());
    }
}
