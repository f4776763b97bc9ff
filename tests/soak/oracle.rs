//! The oracle: journals against the log, offline. It counts what it finds, and it is itself tested with journals that
//! were tampered with.

mod follow;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::journal::{Ack, Entry, GAMES, Journal};

/// What it found. Everything from `log` on must be 0.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Findings {
    pub(super) publications: u64,
    pub(super) acknowledged: u64,
    /// States and changes that subscribers were told.
    pub(super) deliveries: u64,
    pub(super) resumed: u64,
    pub(super) resets: u64,
    /// States and changes that came once more because the position that was resumed from did not cover them: the
    /// connection before was cut in the middle of a load, or after a live state, which carries no position.
    pub(super) repeated: u64,
    /// Entries of the log that do not follow from those before.
    pub(super) log: u64,
    /// Answers that no entry is, and entries that nobody was answered.
    pub(super) unstored: u64,
    /// Changes that did not join what was held, positions up to which not everything was told, and games that did not end
    /// as the log does.
    pub(super) lost: u64,
    /// What was told again, on the same connection or though the position that was resumed from covers it.
    pub(super) doubled: u64,
    /// Changes and states older than what was held.
    pub(super) reordered: u64,
    /// Documents that are not those of the log.
    pub(super) altered: u64,
    /// The first of what is wrong, in words.
    pub(super) words: Vec<String>,
}

/// Of what is wrong, so much is said in words.
const WORDS: usize = 10;

impl Findings {
    pub(super) fn is_clean(&self) -> bool {
        self.wrong() == 0
    }

    /// How much is wrong.
    fn wrong(&self) -> u64 {
        let Findings { log, unstored, lost, doubled, reordered, altered, .. } = *self;
        log + unstored + lost + doubled + reordered + altered
    }

    /// Says what was found, if anything was since `before`.
    fn say(&mut self, before: u64, what: impl FnOnce() -> String) {
        if self.wrong() > before && self.words.len() < WORDS {
            self.words.push(what());
        }
    }
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Findings { publications, acknowledged, deliveries, resumed, resets, repeated, .. } = self;
        let Findings { log, unstored, lost, doubled, reordered, altered, .. } = self;
        write!(f, "{publications} publications, {acknowledged} answered, {deliveries} deliveries checked, ")?;
        write!(f, "{resumed} resumed, {resets} resets, {repeated} repeated after a cut; ")?;
        write!(f, "wrong in the log {log}, not stored {unstored}, lost {lost}, ")?;
        write!(f, "doubled {doubled}, reordered {reordered}, altered {altered}")?;
        self.words.iter().try_for_each(|words| write!(f, "\n  {words}"))
    }
}

/// The log, to be looked up.
struct Log<'a> {
    entries: &'a [Entry],
    /// Each game's, in order.
    of: Vec<Vec<&'a Entry>>,
    versions: HashMap<(usize, u64), &'a Entry>,
}

impl<'a> Log<'a> {
    fn entry(&self, game: usize, version: u64) -> Option<&'a Entry> {
        self.versions.get(&(game, version)).copied()
    }

    /// The game's last entry up to this offset.
    fn up_to(&self, game: usize, offset: u64) -> Option<&'a Entry> {
        let entries = &self.of[game];
        entries[..entries.partition_point(|entry| entry.offset <= offset)].last().copied()
    }

    /// The game's first removal after this offset.
    fn removal_after(&self, game: usize, offset: u64) -> Option<&'a Entry> {
        let entries = &self.of[game];
        entries[entries.partition_point(|entry| entry.offset <= offset)..].iter().find(|entry| entry.removed).copied()
    }

    /// What was published after one offset and up to another.
    fn between(&self, after: u64, to: u64) -> &'a [Entry] {
        let place = |offset| self.entries.partition_point(|entry| entry.offset <= offset);
        self.entries.get(place(after)..place(to)).unwrap_or_default()
    }

    /// The game's last entry.
    fn last(&self, game: usize) -> Option<&'a Entry> {
        self.of[game].last().copied()
    }
}

/// Holds the journals against the log.
pub(super) fn judge(truth: &[Entry], acks: &[Ack], journals: &[Journal]) -> Findings {
    let mut found =
        Findings { publications: truth.len() as u64, acknowledged: acks.len() as u64, ..Findings::default() };
    let log = contiguous(truth, &mut found);
    stored(truth, acks, &mut found);
    for (nth, journal) in journals.iter().enumerate() {
        follow::follow(nth, journal, &log, &mut found);
    }
    found
}

/// Offsets are dense, versions join, and a publisher's reports are in the order in which it made them, each once.
fn contiguous<'a>(truth: &'a [Entry], found: &mut Findings) -> Log<'a> {
    let mut log = Log { entries: truth, of: vec![Vec::new(); GAMES], versions: HashMap::new() };
    let mut reports = vec![0; GAMES];
    for (place, entry) in truth.iter().enumerate() {
        let held = log.last(entry.game).filter(|last| !last.removed).map_or(0, |last| last.version);
        let version = if entry.base == 0 { entry.offset } else { entry.base + 1 };
        let follows = entry.removed || entry.report > reports[entry.game];
        let dense = entry.offset == place as u64 + 1;
        let before = found.wrong();
        found.log += u64::from(!(dense && entry.base == held && entry.version == version && follows));
        found.say(before, || format!("{entry:?} does not follow"));
        if !entry.removed {
            reports[entry.game] = entry.report;
        }
        log.of[entry.game].push(entry);
        log.versions.insert((entry.game, entry.version), entry);
    }
    log
}

/// Every entry was answered to its publisher, and every answer is an entry.
fn stored(truth: &[Entry], acks: &[Ack], found: &mut Findings) {
    let mut of: HashMap<u64, &Entry> = truth.iter().map(|entry| (entry.offset, entry)).collect();
    for ack in acks {
        let entry = of.remove(&ack.offset);
        let is_it = |entry: &Entry| {
            (entry.game, entry.version) == (ack.game, ack.version) && (entry.removed || entry.report == ack.report)
        };
        let before = found.wrong();
        found.unstored += u64::from(!entry.is_some_and(is_it));
        found.say(before, || format!("{ack:?} is not {entry:?}"));
    }
    found.unstored += of.len() as u64;
}
