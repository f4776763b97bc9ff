//! The open loop: when each report is due, whatever became of those before it.

use std::time::{Duration, Instant};

/// The reports of one burst leave evenly over this time.
const BURST_TIME: Duration = Duration::from_millis(10);

/// Reports are numbered from 0; number r is the `total(r)`-th of game `game(r)`, so that a received total says which
/// report it was, and therefore when that was due.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// When the first report of this stretch is due.
    pub start: Instant,
    /// Reports per second; infinite = each as soon as the one before is sent.
    pub rate: f64,
    /// Reports that leave together, within 10 ms; 1 = evenly.
    pub burst: u64,
    /// Games that take turns.
    pub games: u64,
    /// The first report of this stretch.
    pub first: u64,
    /// How many reports it has.
    pub count: u64,
}

impl Schedule {
    /// `time` of reports from `start` on.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Schedule {
        self.count = (self.rate * time.as_secs_f64()).round() as u64;
        self
    }

    /// When a report of this stretch is due.
    #[must_use]
    pub fn due(&self, report: u64) -> Instant {
        let place = report - self.first;
        if self.rate.is_infinite() {
            return self.start;
        }
        let (bursts, within) = (place / self.burst, place % self.burst);
        let begins = Duration::from_secs_f64((bursts * self.burst) as f64 / self.rate);
        self.start + begins + BURST_TIME.mul_f64(within as f64 / self.burst as f64)
    }

    /// When the report that gave this game this total was due; `None` where it is of an earlier stretch.
    #[must_use]
    pub fn due_of(&self, game: u64, total: u64) -> Option<Instant> {
        let report = total.checked_sub(1)?.checked_mul(self.games)?.checked_add(game)?;
        (self.first..self.first + self.count).contains(&report).then(|| self.due(report))
    }

    /// The number of a report's game.
    #[must_use]
    pub fn game(&self, report: u64) -> u64 {
        report % self.games
    }

    /// The total that a report gives its game: 1, 2, 3, …
    #[must_use]
    pub fn total(&self, report: u64) -> u64 {
        report / self.games + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: f64, burst: u64) -> Schedule {
        Schedule { start: Instant::now(), rate, burst, games: 3, first: 6, count: 60 }
    }

    #[test]
    fn a_total_says_when_its_report_was_due() {
        let schedule = schedule(10.0, 1);
        assert_eq!((schedule.game(7), schedule.total(7)), (1, 3));
        assert_eq!(schedule.due_of(1, 3), Some(schedule.start + Duration::from_millis(100)));
        assert_eq!(schedule.due_of(1, 2), None, "of an earlier stretch");
        assert_eq!(schedule.due_of(1, 0), None);
        assert_eq!(schedule.due_of(2, 23), None, "after the end");
    }

    #[test]
    fn bursts_keep_the_rate() {
        let schedule = schedule(100.0, 10);
        let after = |report| schedule.due(report) - schedule.start;
        assert_eq!(after(6), Duration::ZERO);
        assert_eq!(after(15), Duration::from_millis(9));
        assert_eq!(after(16), Duration::from_millis(100));
        assert_eq!(schedule.lasting(Duration::from_secs(2)).count, 200);
    }
}
