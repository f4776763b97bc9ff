//! One subscriber's journal against the log, by the contract's rules for clients (section 4).

use super::super::journal::{Entry, GAMES, Heard, Journal};
use super::{Findings, Log};

/// A game as a journal has told it so far.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// Version and document, where the client holds it.
    held: Option<(u64, u32)>,
    /// The place in the log that this is of; 0 = of none.
    as_of: u64,
    /// This connection has told everything up to here, or the position that it resumed from covers it: none of it may come
    /// again.
    spoken: u64,
    /// Whether it may go back. What is told anew is told as *this* gateway holds it, and at the end mark the client drops
    /// the rest (rule 4); a reset has said that what was held counts no more (rules 4, 5 and 9). So a state may be older
    /// than what was held, and a game gone that another gateway had already shown. Traced: after the log began a new epoch
    /// at 157 one gateway was at 164 of it, the other still at 156 of the old one; whoever came from the first to the
    /// second got `reset: epoch`, dropped the game that began at 161, and had it again with the second's own reset. The
    /// same befalls, without a reset, whoever is cut in the middle of a load told anew: it has no position to come with,
    /// and nobody can know what it holds. Nothing may be missing that the log had at the end mark's position, and that is
    /// looked at; so nothing is lost in silence.
    anew: bool,
}

struct Follower<'a> {
    journal: &'a Journal,
    log: &'a Log<'a>,
    found: &'a mut Findings,
    games: Vec<Standing>,
    /// Up to where everything was looked at, on this connection.
    reached: Option<u64>,
}

/// Goes through what a subscriber heard, from its first connection to its end.
pub(super) fn follow(nth: usize, journal: &Journal, log: &Log<'_>, found: &mut Findings) {
    let games = vec![Standing::default(); GAMES];
    let mut follower = Follower { journal, log, found, games, reached: None };
    for (at, heard) in journal.heard.iter().enumerate() {
        let before = follower.found.wrong();
        follower.hear(heard);
        follower.found.say(before, || {
            format!("subscriber {nth}, {at}: {heard:?}, after {:?}", &journal.heard[at.saturating_sub(5)..at])
        });
    }
    for &game in journal.games.iter() {
        let before = follower.found.wrong();
        let (held, last) = (follower.games[game].held, log.last(game).filter(|last| !last.removed));
        follower.found.lost += u64::from(held.map(|held| held.1) != last.map(|last| follower.document(last)));
        follower
            .found
            .say(before, || format!("subscriber {nth} ends with {held:?} of game {game}, the log with {last:?}"));
    }
}

impl Follower<'_> {
    fn hear(&mut self, heard: &Heard) {
        match heard {
            Heard::Connected => {
                self.reached = None;
                self.games.iter_mut().for_each(|game| (game.spoken, game.anew) = (0, false));
            }
            Heard::Reset { games } => {
                self.found.resets += 1;
                self.reached = None;
                for &game in games.iter() {
                    (self.games[game].spoken, self.games[game].anew) = (0, true);
                }
            }
            Heard::Loading { games, since } => {
                self.found.resumed += u64::from(since.is_some());
                for &game in games.iter() {
                    let game = &mut self.games[game];
                    (game.spoken, game.anew) = (game.spoken.max(since.unwrap_or(0)), since.is_none());
                }
            }
            Heard::Loaded { games, at } => {
                for &game in games.iter() {
                    self.games[game].anew = false;
                    // What is told beyond the mark would be told again by whoever resumes from it.
                    self.found.doubled += u64::from(self.games[game].spoken > *at);
                    self.look(game, *at);
                }
            }
            Heard::Reached { at } => self.reach(*at),
            Heard::State { game, version, crc } => self.state(*game, (*version, *crc)),
            Heard::Update { game, base, version, crc } => self.update(*game, *base, (*version, *crc)),
            Heard::Removed { game } => self.removed(*game),
            Heard::Dropped { game } => {
                self.found.lost += u64::from(!self.games[*game].anew);
                (self.games[*game].held, self.games[*game].as_of) = (None, 0);
            }
        }
    }

    fn document(&self, entry: &Entry) -> u32 {
        if self.journal.score { entry.score } else { entry.full }
    }

    /// A position that speaks for all: of every game what the log had there was told, or what came later.
    fn reach(&mut self, at: u64) {
        match self.reached.replace(at) {
            None => self.journal.games.iter().for_each(|game| self.look(*game, at)),
            Some(before) => {
                let ours = |entry: &&Entry| self.journal.games.binary_search(&entry.game).is_ok();
                let changed: Vec<usize> = self.log.between(before, at).iter().filter(ours).map(|e| e.game).collect();
                changed.into_iter().for_each(|game| self.look(game, at));
            }
        }
    }

    /// Whether the client holds what the log had at this offset, or what came later.
    fn look(&mut self, game: usize, at: u64) {
        let Some(owed) = self.log.up_to(game, at) else { return };
        let Standing { held, as_of, .. } = self.games[game];
        let is_same = match held {
            None => owed.removed,
            // What does not touch the score detail is not told to whoever has only that.
            Some((_, crc)) => !owed.removed && crc == self.document(owed),
        };
        self.found.lost += u64::from(as_of < owed.offset && !is_same);
    }

    /// What the log has of this version; counts what was told before, or is other than there.
    fn told(&mut self, game: usize, (version, crc): (u64, u32)) -> Option<u64> {
        self.found.deliveries += 1;
        let entry = self.log.entry(game, version).filter(|entry| !entry.removed);
        let Some(entry) = entry else {
            self.found.altered += 1;
            return None;
        };
        let standing = &mut self.games[game];
        if entry.offset <= standing.spoken {
            let is_older = entry.offset < standing.as_of;
            *(if is_older { &mut self.found.reordered } else { &mut self.found.doubled }) += 1;
            return None;
        }
        standing.spoken = entry.offset;
        let is_news = standing.anew || entry.offset > standing.as_of;
        self.found.repeated += u64::from(!is_news && entry.offset == standing.as_of);
        self.found.altered += u64::from(is_news && self.document(entry) != crc);
        Some(entry.offset)
    }

    fn state(&mut self, game: usize, said: (u64, u32)) {
        let Some(offset) = self.told(game, said) else { return };
        let standing = &mut self.games[game];
        self.found.reordered += u64::from(!standing.anew && offset < standing.as_of);
        (standing.held, standing.as_of) = (Some(said), offset);
    }

    fn update(&mut self, game: usize, base: u64, said: (u64, u32)) {
        let Some(offset) = self.told(game, said) else { return };
        let standing = &mut self.games[game];
        match standing.held {
            // Rule 1: ignored.
            Some((held, _)) if said.0 <= held => self.found.repeated += u64::from(said.0 < held),
            Some((held, _)) if base <= held => (standing.held, standing.as_of) = (Some(said), offset),
            _ => self.found.lost += 1,
        }
    }

    /// The log must have removed it after all that was told of it.
    fn removed(&mut self, game: usize) {
        self.found.deliveries += 1;
        let standing = &mut self.games[game];
        let next = self.log.removal_after(game, standing.spoken.max(standing.as_of));
        match next.or_else(|| self.log.removal_after(game, standing.spoken)) {
            Some(removal) => {
                self.found.reordered += u64::from(!standing.anew && removal.offset < standing.as_of);
                (standing.as_of, standing.spoken) = (removal.offset, removal.offset);
            }
            None if standing.held.is_none() => self.found.doubled += 1,
            None => self.found.lost += 1,
        }
        standing.held = None;
    }
}
