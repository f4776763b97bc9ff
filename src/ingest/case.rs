//! A report against what the log holds: every check before it is applied, in the contract's order.

use std::sync::Arc;

use feeds::revision::{Context, Revision, revise};
use feeds::{Change, Document, Invalid, Report, Topic};
use serde_json::Value;

use super::pins;
use super::verdict::{Reason, Said};
use crate::auth::Grant;
use crate::broker::{Key, Reading, Record, Stamp};

/// One report on its way.
pub(super) struct Case<'a> {
    pub(super) grant: &'a Arc<Grant>,
    pub(super) report: &'a Report,
    pub(super) key: Option<Key>,
    /// By the wall clock; ms.
    pub(super) accepted_at: i64,
}

impl Case<'_> {
    /// The same case with what its report says in other words.
    pub(super) fn saying<'r>(&'r self, report: &'r Report) -> Case<'r> {
        let Case { grant, key, accepted_at, .. } = self;
        Case { grant, report, key: key.clone(), accepted_at: *accepted_at }
    }

    /// Whether it pins something else than is pinned.
    pub(super) fn repins(&self, held: &Record) -> bool {
        self.grant.desk && pins::after(&held.body.pins, &self.report.change) != held.body.pins
    }

    /// Its own stamps.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp { event_at: self.report.event_at, seq: self.report.seq }
    }

    /// The image it is, if it is one.
    pub(super) fn image(&self) -> Option<&Document> {
        match &self.report.change {
            Change::Image(image) => Some(image),
            Change::Patch(_) => None,
        }
    }

    /// The checks that need no look into the game: grant, stamps, version.
    pub(super) fn refused(&self, reading: &Reading, held_stamp: &Stamp) -> Option<Said> {
        let report = self.report;
        let version = reading.record.as_ref().map_or(0, Record::held_version);
        if !self.grant.covers(&report.game) {
            return Some(forbidden(&report.game));
        }
        if held_stamp.outdates(&self.stamp()) {
            return Some(outdated());
        }
        match report.if_version {
            Some(wanted) if wanted != version => Some(conflict(wanted, version)),
            _ => None,
        }
    }

    /// What it makes of the game; `None` = it changes nothing.
    /// `last`: an image to compare with in place of the provider's own last one.
    pub(super) fn revise(
        &self,
        reading: &Reading,
        leader: &str,
        last: Option<Document>,
    ) -> Result<Option<Revision>, Invalid> {
        let change = &self.report.change;
        let last = last.as_ref().or(reading.image.as_ref());
        match &reading.record {
            Some(record) if record.removed => match self.adds_nothing(record) {
                true => Ok(None),
                false => self.revise_from(change, None, None, leader),
            },
            Some(record) if self.grant.desk || record.body.pins.is_empty() => {
                self.revise_from(change, Some(&record.body.document), last, leader)
            }
            Some(record) => {
                let (pins, mut last) = (&record.body.pins, last.cloned());
                if let Some(last) = &mut last {
                    pins::strip(last, pins);
                }
                let beside = pins::beside(change, pins);
                self.revise_from(&beside, Some(&record.body.document), last.as_ref(), leader)
            }
            None => self.revise_from(change, None, None, leader),
        }
    }

    /// Whether everything it says was said by the removed game: a poll that still lists it does not bring it back.
    fn adds_nothing(&self, removed: &Record) -> bool {
        let document = &removed.body.document;
        let feed = document.get("feed").and_then(Value::as_str).unwrap_or(&self.grant.provider);
        let said = match &self.report.change {
            Change::Patch(patch) => Change::Patch(sayings(patch)),
            image @ Change::Image(_) => image.clone(),
        };
        matches!(self.revise_from(&said, Some(document), None, feed), Ok(None))
    }

    fn revise_from(
        &self,
        change: &Change,
        held: Option<&Document>,
        last_image: Option<&Document>,
        leader: &str,
    ) -> Result<Option<Revision>, Invalid> {
        let (game, now, event_at) = (&self.report.game, self.accepted_at, self.report.event_at);
        revise(&Context { game, held, last_image, leader, now, event_at }, change)
    }
}

/// A patch without what it takes away.
fn sayings(patch: &Document) -> Document {
    let said = patch.iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::Object(inner) => Some(sayings(inner)).filter(|inner| !inner.is_empty()).map(|inner| (key, inner.into())),
        scalar => Some((key, scalar.clone())),
    });
    said.map(|(key, value)| (key.clone(), value)).collect()
}

/// The game, when it is there and not removed.
pub(super) fn held(reading: &Reading) -> Option<&Record> {
    reading.record.as_ref().filter(|record| !record.removed)
}

/// The answer to an id that was applied before.
pub(super) fn known(reading: &Reading, key: Option<&Key>) -> Option<Said> {
    let (answer, key) = (reading.answer.as_ref()?, key?);
    Some(match answer.hash == key.hash {
        true => {
            Said::Applied { version: answer.version, position: answer.position.clone(), replayed: true, note: None }
        }
        false => id_reused(),
    })
}

pub(super) fn forbidden(game: &Topic) -> Said {
    Said::refused(Reason::Forbidden, format!("the key does not cover {game}"))
}

pub(super) fn outdated() -> Said {
    Said::refused(
        Reason::Outdated,
        "this provider's report on the game with a newer event_at or seq was accepted before",
    )
}

pub(super) fn id_reused() -> Said {
    Said::refused(Reason::IdReused, "this id was applied before with another body")
}

fn conflict(wanted: u64, version: u64) -> Said {
    let detail = match version {
        0 => format!("if_version is {wanted}, but the game is not there"),
        _ => format!("if_version is {wanted}, but the game is at {version}"),
    };
    Said::Refused { reason: Reason::Conflict, detail, pointer: Some("/if_version".to_owned()), version: Some(version) }
}
