//! After a pass to many a group rests for a moment: what comes meanwhile leaves together, so that a burst costs each socket two
//! or three writes in place of ten. What comes after a quiet moment never waits.

use std::time::Duration;

/// A rest is so long for each socket of the pass, some three times what that took, and never longer than a burst.
const EACH: Duration = Duration::from_micros(15);
const LONGEST: Duration = Duration::from_millis(10);
/// Fewer sockets have nothing to gain.
const MANY: u32 = 100;

/// How long to rest after a pass to so many sockets.
pub(super) fn after(sockets: usize) -> Option<Duration> {
    let sockets = u32::try_from(sockets).unwrap_or(u32::MAX);
    (sockets >= MANY).then(|| EACH.saturating_mul(sockets).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_grows_with_the_pass_and_is_bounded() {
        assert_eq!(after(99), None);
        assert_eq!(after(200), Some(Duration::from_millis(3)));
        assert_eq!(after(usize::MAX), Some(LONGEST));
    }
}
