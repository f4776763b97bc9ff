//! Who may post what, and how much: as it is in force when a request comes, and for a stream with each of its lines.

use std::sync::Arc;

use super::answer::forbidden;
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

/// A stream's right to go on.
pub(super) struct Pass {
    /// Those that `grant` is of.
    pub(super) rules: Arc<Rules>,
    /// What was presented; empty for a body that was signed, which was here as a whole.
    pub(super) key: Vec<u8>,
    pub(super) grant: Arc<Grant>,
}

impl Pass {
    /// What it grants now; `None`: its key was taken away.
    pub(super) fn renewed(&mut self, live: &Live<Rules>) -> Option<Arc<Grant>> {
        let now = live.get();
        if !Arc::ptr_eq(&now, &self.rules) && !self.key.is_empty() {
            self.grant = Arc::clone(now.keys.find(&self.key)?);
            self.rules = now;
        }
        Some(Arc::clone(&self.grant))
    }
}
