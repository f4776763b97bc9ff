//! Who may publish: provider keys and what they grant. Keys are held as SHA-256 only, and compared in constant time; an
//! unknown key costs the same work as a known one. Who may subscribe: [`Tokens`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::Topic;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

mod token;
mod verify;
mod webhook;

pub use token::{Access, Denied, Rules, Seat, Tokens};
pub use webhook::{Secret, Signed};

/// The SHA-256 of a key.
pub type KeyHash = [u8; 32];

/// What a provider may do.
#[derive(Debug)]
pub struct Grant {
    /// Its name.
    pub provider: Arc<str>,
    /// It may report the games that these topics cover by their path.
    pub topics: Vec<Topic>,
    /// Native formats it may post; `None` = any.
    pub adapters: Option<Vec<String>>,
    /// Who leads a game when several report it; lower leads.
    pub priority: u32,
    /// An operator's desk: it reports beside whoever leads.
    pub desk: bool,
    /// Its reports per second.
    pub rate: Option<Rate>,
}

impl Grant {
    /// Everything, at any rate, for a provider of this name.
    #[must_use]
    pub fn everything(provider: &str) -> Grant {
        let topics = vec![Topic::all()];
        Grant { provider: provider.into(), topics, adapters: None, priority: 100, desk: false, rate: None }
    }

    /// Whether it may report this game.
    #[must_use]
    pub fn covers(&self, game: &Topic) -> bool {
        self.topics.iter().any(|topic| topic.covers_path(game))
    }

    /// Whether it may post this native format.
    #[must_use]
    pub fn may_post(&self, adapter: &str) -> bool {
        self.adapters.as_ref().is_none_or(|adapters| adapters.iter().any(|name| name == adapter))
    }

    /// Takes `reports` from its rate.
    ///
    /// # Errors
    /// The time to wait when there is none left; nothing was taken.
    pub fn take(&self, reports: usize) -> Result<(), Duration> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.take(reports, Instant::now()))
    }
}

/// Every provider's keys.
#[derive(Debug, Default)]
pub struct Keys {
    entries: Vec<(KeyHash, Arc<Grant>)>,
    /// What pushes are signed with.
    secrets: Vec<(Secret, Arc<Grant>)>,
}

impl Keys {
    /// Adds a key of this provider.
    pub fn add(&mut self, hash: KeyHash, grant: &Arc<Grant>) {
        self.entries.push((hash, Arc::clone(grant)));
    }

    /// The grant of whoever presents this key.
    #[must_use]
    pub fn find(&self, presented: &[u8]) -> Option<&Arc<Grant>> {
        let presented = hash(presented);
        // All of them are compared, whichever it is: time tells neither which matched nor whether one did.
        let mut found = u64::MAX;
        for (index, (known, _)) in (0u64..).zip(&self.entries) {
            found.conditional_assign(&index, Choice::from(known.ct_eq(&presented).unwrap_u8()));
        }
        let (_, grant) = self.entries.get(usize::try_from(found).ok()?)?;
        Some(grant)
    }
}

/// The form that keys are kept in.
#[must_use]
pub fn hash(key: &[u8]) -> KeyHash {
    Sha256::digest(key).into()
}

/// Reports per second, with one second's worth at once. A batch may overdraw it: the next one waits until that is paid,
/// so that a batch larger than a second's worth is slow and not impossible. Clones share what is left.
#[derive(Debug, Clone)]
pub struct Rate {
    per_second: f64,
    /// What may be taken now (below 0: overdrawn), as of then.
    tokens: Arc<Mutex<(f64, Instant)>>,
}

impl Rate {
    /// That many reports per second; more than 0.
    #[must_use]
    pub fn new(per_second: f64) -> Rate {
        Rate { per_second, tokens: Arc::new(Mutex::new((per_second.max(1.0), Instant::now()))) }
    }

    /// It goes on from what is left of another, the old one of the same provider.
    #[must_use]
    pub fn after(self, old: Option<&Rate>) -> Rate {
        match old {
            Some(old) if old.per_second == self.per_second => old.clone(),
            Some(old) => {
                let (tokens, then) = *old.tokens.lock();
                *self.tokens.lock() = (tokens.min(self.per_second.max(1.0)), then);
                self
            }
            None => self,
        }
    }

    fn take(&self, reports: usize, now: Instant) -> Result<(), Duration> {
        let mut held = self.tokens.lock();
        let (tokens, then) = *held;
        let grown = tokens + now.saturating_duration_since(then).as_secs_f64() * self.per_second;
        let tokens = grown.min(self.per_second.max(1.0));
        if tokens < 1.0 {
            *held = (tokens, now);
            return Err(Duration::from_secs_f64(((1.0 - tokens) / self.per_second).min(3_600.0)));
        }
        *held = (tokens - reports as f64, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_its_own_grant() {
        let (acme, desk) = (Arc::new(Grant::everything("acme")), Arc::new(Grant::everything("desk")));
        let mut keys = Keys::default();
        assert!(keys.find(b"").is_none());
        keys.add(hash(b"one"), &acme);
        keys.add(hash(b"two"), &acme);
        keys.add(hash(b"three"), &desk);
        let name = |key: &[u8]| keys.find(key).map(|grant| grant.provider.to_string());
        assert_eq!(name(b"one").as_deref(), Some("acme"));
        assert_eq!(name(b"two").as_deref(), Some("acme"));
        assert_eq!(name(b"three").as_deref(), Some("desk"));
        assert_eq!(name(b"four"), None);
        assert_eq!(name(b""), None);
    }

    #[test]
    fn a_grant_covers_by_path() {
        let mut grant = Grant::everything("acme");
        let game: Topic = "soccer/eng.1/ars-che".parse().unwrap();
        assert!(grant.covers(&game));
        for (topic, covered) in [
            ("soccer", true),
            ("soccer/eng.1", true),
            ("soccer/eng", false),
            ("tennis", false),
            ("soccer/eng.1/x", false),
        ] {
            grant.topics = vec![topic.parse().unwrap()];
            assert_eq!(grant.covers(&game), covered, "{topic}");
        }
    }

    #[test]
    fn a_rate_lets_a_batch_overdraw_and_the_next_one_wait() {
        let rate = Rate::new(10.0);
        let start = rate.tokens.lock().1;
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(rate.take(30, at(0)), Ok(()));
        let wait = rate.take(1, at(0)).unwrap_err();
        assert!((2.05..2.15).contains(&wait.as_secs_f64()), "20 overdrawn and one to have: {wait:?}");
        assert!(rate.take(1, at(2_000)).is_err());
        assert_eq!(rate.take(1, at(2_100)), Ok(()));
        assert_eq!(rate.take(10, at(60_000)), Ok(()), "rest does not add up beyond a second's worth");
        assert!(rate.take(1, at(60_000)).is_err());
    }
}
