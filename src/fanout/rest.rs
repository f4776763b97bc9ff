//! After a pass a group rests for a moment: what comes meanwhile leaves together, so that a burst costs each socket two or
//! three writes in place of ten. What comes after a quiet moment never waits.

use std::time::Duration;

/// A rest is so many times what the pass took, and no longer than this.
const TIMES: u32 = 3;
const LONGEST: Duration = Duration::from_millis(10);
/// A pass that took less has nothing to gain: the finest grain of a shard's timers is 1 ms.
const SHORT: Duration = Duration::from_micros(500);

/// How long to rest after a pass that took so long.
pub(super) fn after(took: Duration) -> Option<Duration> {
    (took >= SHORT).then(|| (took * TIMES).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_bounded_and_a_short_pass_has_none() {
        assert_eq!(after(Duration::from_millis(2)), Some(Duration::from_millis(6)), "three times what it took");
        assert_eq!(after(Duration::from_secs(1)), Some(LONGEST));
        assert_eq!(after(SHORT - Duration::from_nanos(1)), None);
    }
}
