//! The game clock. ESPN never says whether it runs.

use super::wire::Status;
use crate::game::{Clock, ClockMode};
use crate::provider::read::{LONGEST_S, Minute, minute, reading};

/// The clock of a status in a sport whose clock runs up (soccer) or down.
pub(super) fn clock(mode: ClockMode, status: &Status) -> Option<Clock> {
    let shown = status.display_clock.as_deref();
    let told = status.clock.filter(|seconds| (0.0..LONGEST_S).contains(seconds)).map(|s| (s * 1000.0).round() as i64);
    let (ms, added_min) = match mode {
        ClockMode::Up => match (shown.and_then(minute), told) {
            // In added time the minute stands still and the added one counts, whatever the seconds do.
            (Some(Minute { base, added: Some(added) }), _) => (i64::from(base) * 60_000, Some(added)),
            (_, Some(ms)) => (ms, None),
            (Some(Minute { base, added: None }), None) => (i64::from(base) * 60_000, None),
            (None, None) => return None,
        },
        ClockMode::Down => (told.or_else(|| shown.and_then(reading))?, None),
    };
    Some(Clock { mode: Some(mode), ms: Some(ms), added_min, ..Clock::default() })
}
