//! Unchanged reports: the provider was heard, and its stamp counts although nothing was published.
//!
//! A poll that says the same every second must not write every second, and yet an older report after it must be
//! `outdated`. So the newest stamps are remembered here and written down at most once per [`PACE`] for a game and
//! provider: the first at once, what follows within the pace by [`HeardBook::flush`]. An image that differs from the
//! kept one is written at once, always, because what it no longer says is read from it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use feeds::Topic;
use parking_lot::Mutex;

use crate::broker::{Broker, BrokerError, Heard, Stamp};

/// The time between two writes for a game and provider.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// Games and providers that are remembered; beyond it every stamp is written at once.
const MAX_NOTES: usize = 100_000;

type Name = (Topic, String);

/// The stamps that were accepted here lately.
#[derive(Default)]
pub(super) struct HeardBook {
    notes: Mutex<HashMap<Name, Note>>,
}

struct Note {
    stamp: Stamp,
    written: Instant,
    dirty: bool,
}

impl HeardBook {
    /// The newest stamp of this provider on this game that may not be written yet.
    pub(super) fn stamp(&self, game: &Topic, provider: &str) -> Stamp {
        let notes = self.notes.lock();
        if notes.is_empty() {
            return Stamp::default();
        }
        notes.get(&(game.clone(), provider.to_owned())).map_or(Stamp::default(), |note| note.stamp)
    }

    /// Notes an unchanged report. `held` is the newest stamp so far, written or only noted.
    pub(super) async fn note(&self, broker: &dyn Broker, heard: Heard, held: Stamp) -> Result<(), BrokerError> {
        let stamp = held.newest(heard.stamp);
        if heard.image.is_none() && (stamp == held || self.postpone(&heard, stamp)) {
            return Ok(());
        }
        let name = (heard.game.clone(), heard.provider.clone());
        broker.heard(heard).await?;
        let mut notes = self.notes.lock();
        if notes.len() < MAX_NOTES || notes.contains_key(&name) {
            notes.insert(name, Note { stamp, written: Instant::now(), dirty: false });
        }
        Ok(())
    }

    /// Leaves it to the next flush when this was written within the pace.
    fn postpone(&self, heard: &Heard, stamp: Stamp) -> bool {
        let mut notes = self.notes.lock();
        let Some(note) = notes.get_mut(&(heard.game.clone(), heard.provider.clone())) else { return false };
        let early = note.written.elapsed() < PACE;
        if early {
            note.stamp = stamp;
            note.dirty = true;
        }
        early
    }

    /// Writes what is only noted, and forgets what is written. What cannot be written now stays for the next time.
    pub(super) async fn flush(&self, broker: &dyn Broker) {
        let dirty: Vec<(Name, Stamp)> = {
            let mut notes = self.notes.lock();
            notes.retain(|_, note| note.dirty || note.written.elapsed() < PACE);
            notes.iter().filter(|(_, note)| note.dirty).map(|(name, note)| (name.clone(), note.stamp)).collect()
        };
        for ((game, provider), stamp) in dirty {
            let heard = Heard { game: game.clone(), provider: provider.clone(), stamp, image: None };
            if broker.heard(heard).await.is_err() {
                return;
            }
            if let Some(note) = self.notes.lock().get_mut(&(game, provider)) {
                note.written = Instant::now();
                note.dirty = note.stamp != stamp;
            }
        }
    }
}
