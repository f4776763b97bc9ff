//! What a report is answered: the result objects of the contract's section 5.

use feeds::{Invalid, Topic};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::metrics::{Label, ReportOutcome};
use crate::wire::Position;

/// The answer to one report.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The game it speaks of, when that could be read.
    pub game: Option<Topic>,
    /// What became of it.
    pub said: Said,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It is in the log.
    Applied {
        /// The game's version.
        version: u64,
        /// Its place in the log.
        position: Position,
        /// Its id had been applied before; this is the answer it got then.
        replayed: bool,
        /// What of it was left out, because the game is full.
        note: Option<String>,
    },
    /// It says what is held already.
    Unchanged {
        /// The held version; 0 = the game was removed.
        version: u64,
    },
    /// It was not applied.
    Refused {
        /// Why.
        reason: Reason,
        /// For a person.
        detail: String,
        /// The field at fault, from the report's root.
        pointer: Option<String>,
        /// The held version, where that is the reason.
        version: Option<u64>,
    },
}

/// Why a report was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its provider said something newer before.
    Outdated,
    /// Another provider leads the game.
    NotLeading,
    /// The game is not at `if_version`.
    Conflict,
    /// It cannot be read, or makes no valid game.
    Invalid,
    /// The key does not cover the game.
    Forbidden,
    /// Its id was applied before with another body.
    IdReused,
    /// The broker cannot take it now.
    Unavailable,
}

impl Said {
    /// Not applied, for this reason.
    pub fn refused(reason: Reason, detail: impl Into<String>) -> Said {
        Said::Refused { reason, detail: detail.into(), pointer: None, version: None }
    }

    /// With a note to an applied report.
    pub(super) fn noting(mut self, said: Option<String>) -> Said {
        if let Said::Applied { note, .. } = &mut self {
            *note = said;
        }
        self
    }

    /// How it is counted.
    #[must_use]
    pub fn outcome(&self) -> ReportOutcome {
        match self {
            Said::Applied { replayed: false, .. } => ReportOutcome::Applied,
            Said::Applied { replayed: true, .. } => ReportOutcome::Replayed,
            Said::Unchanged { .. } => ReportOutcome::Unchanged,
            Said::Refused { reason, .. } => reason.outcome(),
        }
    }

    /// Whether the report was understood: applied, or rightly not.
    #[must_use]
    pub fn understood(&self) -> bool {
        match self {
            Said::Applied { .. } | Said::Unchanged { .. } => true,
            Said::Refused { reason, .. } => matches!(reason, Reason::Outdated | Reason::NotLeading),
        }
    }
}

impl Reason {
    fn outcome(self) -> ReportOutcome {
        match self {
            Reason::Outdated => ReportOutcome::Outdated,
            Reason::NotLeading => ReportOutcome::NotLeading,
            Reason::Conflict => ReportOutcome::Conflict,
            Reason::Invalid => ReportOutcome::Invalid,
            Reason::Forbidden => ReportOutcome::Forbidden,
            Reason::IdReused => ReportOutcome::IdReused,
            Reason::Unavailable => ReportOutcome::Unavailable,
        }
    }
}

impl From<Invalid> for Said {
    fn from(fault: Invalid) -> Said {
        let Invalid { pointer, detail } = fault;
        Said::Refused { reason: Reason::Invalid, detail, pointer: Some(pointer), version: None }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(game) = &self.game {
            map.serialize_entry("game", game)?;
        }
        match &self.said {
            Said::Applied { version, position, replayed, note } => {
                map.serialize_entry("applied", &true)?;
                map.serialize_entry("version", version)?;
                map.serialize_entry("position", position)?;
                if *replayed {
                    map.serialize_entry("replayed", &true)?;
                }
                if let Some(note) = note {
                    map.serialize_entry("detail", note)?;
                }
            }
            Said::Unchanged { version } => {
                map.serialize_entry("applied", &false)?;
                map.serialize_entry("reason", ReportOutcome::Unchanged.name())?;
                map.serialize_entry("version", version)?;
            }
            Said::Refused { reason, detail, pointer, version } => {
                map.serialize_entry("applied", &false)?;
                map.serialize_entry("reason", reason.outcome().name())?;
                map.serialize_entry("detail", detail)?;
                if let Some(pointer) = pointer {
                    map.serialize_entry("pointer", pointer)?;
                }
                if let Some(version) = version {
                    map.serialize_entry("version", version)?;
                }
            }
        }
        map.end()
    }
}
