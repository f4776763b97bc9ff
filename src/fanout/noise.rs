//! What a shard says in the log of single connections: some lines a second, and how many more there would have been. A crowd
//! that comes back must not bury what matters.

use std::time::{Duration, Instant};

/// Lines in a second.
const LINES: u32 = 20;

/// A second's lines.
pub(super) struct Noise {
    since: Instant,
    said: u32,
    unsaid: u64,
}

impl Noise {
    pub(super) fn new(now: Instant) -> Noise {
        Noise { since: now, said: 0, unsaid: 0 }
    }

    /// Whether there is room for one more line.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            if self.unsaid > 0 {
                tracing::info!(connections = self.unsaid, "more connections came or went than are told one by one");
            }
            *self = Noise::new(now);
        }
        let room = self.said < LINES;
        self.said += u32::from(room);
        self.unsaid += u64::from(!room);
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_the_next_begins_anew() {
        let start = Instant::now();
        let mut noise = Noise::new(start);
        let told = (0..100).filter(|_| noise.allows(start)).count();
        assert_eq!((told, noise.unsaid), (LINES as usize, 80));
        assert!(noise.allows(start + Duration::from_secs(1)));
        assert_eq!(noise.unsaid, 0);
    }
}
