//! Who may post what, and how much: as it is in force when a request comes, and for a stream with each of its lines.

use std::sync::Arc;

use bytes::Bytes;
use hyper::HeaderMap;

use super::answer::forbidden;
use super::headers::{Media, idempotency_key, media, signed, signed_media, webhook_id};
use crate::auth::{Grant, Keys};
use crate::config::{Formats, Limits};
use crate::gateway::problem::Problem;
use crate::live::Live;

/// What may change while the service runs.
pub struct Rules {
    /// Who may publish.
    pub keys: Keys,
    /// Which native formats there are.
    pub formats: Formats,
    /// Bounds.
    pub limits: Limits,
}

impl Rules {
    pub(super) fn adapter(&self, grant: &Grant, name: &str) -> Result<&'static dyn feeds::provider::Adapter, Problem> {
        let adapter = self.formats.find(name).ok_or_else(|| {
            Problem::not_found(format!("there is no such adapter; there are {}", self.formats.names()))
        })?;
        match grant.may_post(name) {
            true => Ok(adapter),
            false => Err(forbidden(format!("the key may not post the format {name}"))),
        }
    }
}

/// A push's right to be taken, and a stream's to go on.
pub(super) struct Pass {
    /// Those that `grant` is of.
    pub(super) rules: Arc<Rules>,
    pub(super) grant: Arc<Grant>,
    pub(super) shown: Shown,
}

/// What was presented.
pub(super) enum Shown {
    Key(Vec<u8>),
    /// The headers that sign this body, at that time (s).
    Signature(HeaderMap, Bytes, i64),
}

impl Shown {
    /// The id of the whole push.
    pub(super) fn id(&self, headers: &HeaderMap) -> Result<Option<String>, Problem> {
        match self {
            Shown::Key(_) => idempotency_key(headers),
            Shown::Signature(..) => webhook_id(headers),
        }
    }

    /// What kind of body it may be, and is.
    pub(super) fn media(&self, headers: &HeaderMap) -> Result<Media, Problem> {
        match self {
            Shown::Key(_) => media(headers),
            Shown::Signature(_, body, _) => signed_media(headers, body),
        }
    }

    /// What it opens.
    pub(super) fn opens<'k>(&self, keys: &'k Keys) -> Result<&'k Arc<Grant>, &'static str> {
        match self {
            Shown::Key(key) => keys.find(key).ok_or("the key is not known"),
            Shown::Signature(headers, body, at) => keys.signer(&signed(headers).ok_or("nothing is signed")?, body, *at),
        }
    }
}

impl Pass {
    /// What it grants now; `None`: its key or secret was taken away.
    pub(super) fn renewed(&mut self, live: &Live<Rules>) -> Option<Arc<Grant>> {
        let now = live.get();
        if !Arc::ptr_eq(&now, &self.rules) {
            self.grant = Arc::clone(self.shown.opens(&now.keys).ok()?);
            self.rules = now;
        }
        Some(Arc::clone(&self.grant))
    }

    /// The same, for one that has come as a whole.
    pub(super) fn again(&mut self, live: &Live<Rules>) -> Result<Arc<Grant>, Problem> {
        self.renewed(live).ok_or_else(Problem::unauthorized)
    }
}
