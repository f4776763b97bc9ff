//! Who may subscribe, where that is not everybody: signed tokens (JWT, RFC 7519) and what they grant. Knows no HTTP and
//! fetches nothing: whoever has the keys hands them over.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feeds::Topic;
use feeds::topic::Kind;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use parking_lot::Mutex;
use serde::{Deserialize, Deserializer};
use tokio::sync::Notify;

use super::verify;
use crate::live::Live;

/// The longest token, in bytes: a third of a request's headers.
const MAX_BYTES: usize = 8 << 10;
/// Keys of a set that are looked at.
const MAX_KEYS: usize = 64;
/// Seconds that an issuer's clock may be ahead: `nbf`. At `exp` there is no grace.
const LEEWAY: u64 = 30;

/// What a subscriber may see, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    topics: Vec<Topic>,
    /// Seconds that everything is held back at least.
    pub min_delay: u16,
    /// Flushes a second at most; 0 = no cap.
    pub max_rate: f64,
    sub: Option<String>,
    /// Until when; ms since the Unix epoch.
    pub expires_at: i64,
}

impl Access {
    /// Everything, at once, for ever: where no tokens are asked for.
    #[must_use]
    pub fn everything() -> Access {
        Access { topics: vec![Topic::all()], min_delay: 0, max_rate: 0.0, sub: None, expires_at: i64::MAX }
    }

    /// Whether it covers all that this topic does. The games of a team are all of its sport.
    #[must_use]
    pub fn allows(&self, topic: &Topic) -> bool {
        let team_of = |granted: &Topic| {
            topic.kind() == Kind::Team && granted.kind() == Kind::Sport && granted.as_str() == topic.sport()
        };
        self.topics.iter().any(|granted| granted.covers_path(topic) || team_of(granted))
    }

    /// All that it covers.
    #[must_use]
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// How long it lasts from now.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.expires_at.saturating_sub(now_ms())).unwrap_or(0))
    }
}

/// Why a token does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// There is none.
    Missing,
    /// It is none of ours, for this reason.
    Wrong(String),
    /// It is over.
    Expired,
    /// The keys are not here yet.
    Unloaded,
    /// Its subject has as many connections as it may.
    Crowded,
}

impl Denied {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Denied::Missing => "a token is needed".to_owned(),
            Denied::Wrong(why) => format!("the token is refused: {why}"),
            Denied::Expired => "the token has expired".to_owned(),
            Denied::Unloaded => "the keys of tokens are not loaded yet".to_owned(),
            Denied::Crowded => "this token's subject has as many connections as it may".to_owned(),
        }
    }
}

/// What is asked of a token.
#[derive(Debug, Clone)]
pub struct Rules {
    /// HS256, RS256, ES256 or EdDSA: no other is looked at.
    pub algorithm: String,
    /// What `aud` must name; `None`: a token with an audience is for somebody else.
    pub audience: Option<String>,
    /// What `iss` must be.
    pub issuer: Option<String>,
    /// Connections of one `sub`; 0 = any number.
    pub connections_per_sub: usize,
    /// The longest delay that the service can hold somebody behind; s.
    pub longest_delay: u16,
}

/// The door: rules, keys, and who is in.
#[derive(Debug)]
pub struct Tokens {
    lock: Live<Lock>,
    unknown: Notify,
    seats: Arc<Seats>,
}

/// What a token must fit.
#[derive(Debug, Clone)]
struct Lock {
    algorithm: Algorithm,
    validation: Validation,
    longest_delay: u16,
    keys: Vec<(Option<String>, DecodingKey)>,
}

/// Connections by subject.
#[derive(Debug, Default)]
struct Seats {
    most: AtomicUsize,
    taken: Mutex<HashMap<String, usize>>,
}

/// One of a subject's connections, as long as it is held.
#[derive(Debug)]
pub struct Seat {
    sub: String,
    seats: Arc<Seats>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        if let Some(count) = taken.get_mut(&self.sub) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.sub);
            }
        }
    }
}

/// The claims that count; others may be there. A claim of another type than it should be is refused, not left out.
#[derive(Debug, Deserialize)]
struct Claims {
    exp: f64,
    #[expect(dead_code, reason = "jsonwebtoken looks at it; here it must be a number")]
    #[serde(default, deserialize_with = "said")]
    nbf: Option<f64>,
    #[expect(dead_code, reason = "jsonwebtoken looks at it; here it must be of a type that it looks at")]
    #[serde(default, deserialize_with = "said")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "said")]
    sub: Option<String>,
    #[serde(default, deserialize_with = "said")]
    topics: Option<Vec<Topic>>,
    #[serde(default, deserialize_with = "said")]
    min_delay: Option<f64>,
    #[serde(default, deserialize_with = "said")]
    max_rate: Option<f64>,
}

/// One or several (RFC 7519, section 4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "that it is one of these is all that is asked")]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// What is said is a value: an issuer whose list came out `null` did not mean everything.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

impl Tokens {
    /// A door without keys: nobody comes in yet.
    ///
    /// # Errors
    /// When there is no such algorithm here.
    pub fn new(rules: &Rules) -> Result<Tokens, String> {
        verify::install();
        let algorithm = Algorithm::from_str(&rules.algorithm).ok().filter(|known| verify::KNOWN.contains(known));
        let algorithm = algorithm.ok_or("algorithm: HS256, RS256, ES256 or EdDSA")?;
        let mut validation = Validation::new(algorithm);
        (validation.leeway, validation.validate_nbf) = (LEEWAY, true);
        let mut required = vec!["exp"];
        if let Some(audience) = &rules.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        if let Some(issuer) = &rules.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        let seats = Arc::new(Seats { most: rules.connections_per_sub.into(), taken: Mutex::default() });
        let (keys, longest_delay) = (Vec::new(), rules.longest_delay);
        let lock = Live::new(Lock { algorithm, validation, longest_delay, keys });
        Ok(Tokens { lock, unknown: Notify::new(), seats })
    }

    /// From now on it asks what this other door asks, and takes its keys: if it has none yet, those from before, where they
    /// are still looked for at the same place. Who is in stays in, and goes on counting among those of his subject.
    pub fn change(&self, other: &Tokens, same_place: bool) {
        let (held, mut lock) = (self.lock.get(), (*other.lock.get()).clone());
        if lock.keys.is_empty() && same_place && lock.algorithm == held.algorithm {
            lock.keys.clone_from(&held.keys);
        }
        self.lock.set(lock);
        self.seats.most.store(other.seats.most.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The one key of HS256.
    pub fn set_secret(&self, secret: &[u8]) {
        self.take(vec![(None, DecodingKey::from_secret(secret))]);
    }

    /// The keys of a set (JWKS, RFC 7517) that are of the configured algorithm, in place of those before. How many.
    ///
    /// # Errors
    /// When it is no set, or has no such key; then nothing is changed.
    pub fn set_keys(&self, set: &[u8]) -> Result<usize, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let algorithm = self.lock.get().algorithm;
        let set: Set = serde_json::from_slice(set).map_err(|error| format!("no JWKS: {error}"))?;
        let keys = set.keys.into_iter().take(MAX_KEYS).filter_map(|key| {
            let said: Jwk = serde_json::from_value(key).ok().filter(|key| is_for(key, algorithm))?;
            let key = DecodingKey::from_jwk(&said).ok().filter(verify::is_whole)?;
            Some((said.common.key_id, key))
        });
        let keys: Vec<_> = keys.collect();
        if keys.is_empty() {
            return Err(format!("no key for {algorithm:?} is in it"));
        }
        let count = keys.len();
        self.take(keys);
        Ok(count)
    }

    fn take(&self, keys: Vec<(Option<String>, DecodingKey)>) {
        self.lock.set(Lock { keys, ..(*self.lock.get()).clone() });
    }

    /// Returns when a token named a key that is not here: the set may have a new one.
    pub async fn asks_for_keys(&self) {
        self.unknown.notified().await;
    }

    /// What a token grants.
    ///
    /// # Errors
    /// Why it grants nothing.
    pub fn admit(&self, token: &str) -> Result<Arc<Access>, Denied> {
        if token.len() > MAX_BYTES {
            return Err(Denied::Wrong(format!("it has more than {MAX_BYTES} bytes")));
        }
        let lock = self.lock.get();
        let key = lock.key_of(token)?.ok_or_else(|| {
            self.unknown.notify_one();
            Denied::Wrong("it names no key that is known (kid)".to_owned())
        })?;
        let claims = decode::<Claims>(token, key, &lock.validation).map_err(|error| denied(error.into_kind()))?.claims;
        lock.access(claims).map(Arc::new)
    }

    /// Counts a connection of the token's subject, as long as the seat is held; `None`: nobody counts.
    ///
    /// # Errors
    /// [`Denied::Crowded`].
    pub fn seat(&self, access: &Access) -> Result<Option<Seat>, Denied> {
        let most = self.seats.most.load(Ordering::Relaxed);
        let Some(sub) = access.sub.as_ref().filter(|_| most > 0) else { return Ok(None) };
        let mut taken = self.seats.taken.lock();
        let count = taken.entry(sub.clone()).or_default();
        if *count >= most {
            return Err(Denied::Crowded);
        }
        *count += 1;
        Ok(Some(Seat { sub: sub.clone(), seats: Arc::clone(&self.seats) }))
    }
}

impl Lock {
    /// The key that the token's header names, where it is known. The header chooses among keys, never how they are used.
    fn key_of(&self, token: &str) -> Result<Option<&DecodingKey>, Denied> {
        let header = decode_header(token).map_err(|_| Denied::Wrong("it is no JWT".to_owned()))?;
        if header.alg != self.algorithm {
            return Err(Denied::Wrong(format!("it must be signed with {:?}", self.algorithm)));
        }
        if header.crit.is_some() {
            return Err(Denied::Wrong("its header asks for what is not known here (crit)".to_owned()));
        }
        let named = header.kid.as_ref().and_then(|kid| self.keys.iter().find(|(held, _)| held.as_ref() == Some(kid)));
        match (named, &*self.keys) {
            (_, []) => Err(Denied::Unloaded),
            (Some((_, key)), _) => Ok(Some(key)),
            // A lone key needs no name, and one without a name goes by any.
            (None, [(held, key)]) if held.is_none() || header.kid.is_none() => Ok(Some(key)),
            (None, _) => Ok(None),
        }
    }

    fn access(&self, claims: Claims) -> Result<Access, Denied> {
        let wrong = |why: &str| Err(Denied::Wrong(why.to_owned()));
        let Claims { exp, sub, topics, min_delay, max_rate, .. } = claims;
        #[allow(clippy::cast_possible_truncation)] // it saturates
        let expires_at = (exp * 1_000.0) as i64;
        if expires_at <= now_ms() {
            return Err(Denied::Expired);
        }
        let min_delay = min_delay.unwrap_or(0.0);
        if !(0.0..=f64::from(self.longest_delay)).contains(&min_delay) {
            return wrong("its min_delay is not within the delays that are held here");
        }
        let max_rate = max_rate.unwrap_or(0.0);
        if !(max_rate.is_finite() && max_rate >= 0.0) {
            return wrong("its max_rate is less than 0");
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // its range was checked
        let min_delay = min_delay.ceil() as u16;
        let topics = topics.unwrap_or_else(|| vec![Topic::all()]);
        Ok(Access { topics, min_delay, max_rate, sub, expires_at })
    }
}

/// Whether a key of a set is one to check signatures of this algorithm with.
fn is_for(key: &Jwk, algorithm: Algorithm) -> bool {
    let common = &key.common;
    let named = common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
    let signs = common.public_key_use.as_ref().is_none_or(|said| *said == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|said| said.contains(&KeyOperations::Verify));
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::OctetKey(_), Algorithm::HS256) | (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    named && signs && kind
}

impl Seat {
    /// Whether it is of this token's subject.
    #[must_use]
    pub fn is_of(&self, access: &Access) -> bool {
        access.sub.as_ref() == Some(&self.sub)
    }
}

fn denied(kind: ErrorKind) -> Denied {
    match kind {
        ErrorKind::ExpiredSignature => Denied::Expired,
        ErrorKind::InvalidSignature => Denied::Wrong("its signature is wrong".to_owned()),
        ErrorKind::ImmatureSignature => Denied::Wrong("it is not valid yet (nbf)".to_owned()),
        ErrorKind::InvalidAudience => Denied::Wrong("it is for another audience (aud)".to_owned()),
        ErrorKind::InvalidIssuer => Denied::Wrong("it is of another issuer (iss)".to_owned()),
        ErrorKind::MissingRequiredClaim(claim) => Denied::Wrong(format!("it has no {claim}")),
        ErrorKind::Json(error) => Denied::Wrong(format!("its claims: {error}")),
        _ => Denied::Wrong("it is no JWT".to_owned()),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
