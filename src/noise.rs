//! What is said in the log of single connections or messages: some lines a second, and how many more there would have been. A
//! crowd that comes back, or a provider that sends rubbish, must not bury what matters.

use std::time::{Duration, Instant};

/// Lines in a second.
const LINES: u32 = 20;

/// A second's lines.
#[derive(Debug)]
pub(crate) struct Noise {
    since: Instant,
    said: u32,
    unsaid: u64,
}

impl Default for Noise {
    fn default() -> Noise {
        Noise::new(Instant::now())
    }
}

impl Noise {
    pub(crate) fn new(now: Instant) -> Noise {
        Noise { since: now, said: 0, unsaid: 0 }
    }

    /// Whether there is room for one more line.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            if self.unsaid > 0 {
                tracing::info!(lines = self.unsaid, "more happened than is told one by one");
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
