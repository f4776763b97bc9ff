//! Where a game stands: a code of one letter, words, and between half-innings the line score.

use super::wire::{Linescore, Told};
use crate::game::Status;

/// By `statusCode`, whose second letter is a reason, and its first letter, `codedGameState`.
static CODES: [(&str, Status); 15] = [
    // Over, but not played to its end: the rain came.
    ("FR", Status::Abandoned),
    ("FO", Status::Awarded),
    ("S", Status::Scheduled),
    ("P", Status::Scheduled),
    ("I", Status::Live),
    // A manager's challenge, an umpires' review: play goes on when it is decided.
    ("M", Status::Live),
    ("N", Status::Live),
    ("U", Status::Suspended),
    ("T", Status::Suspended),
    ("D", Status::Postponed),
    ("C", Status::Cancelled),
    ("O", Status::Ended),
    ("F", Status::Final),
    ("Q", Status::Awarded),
    ("R", Status::Awarded),
];

/// By the start of `detailedState`, which says more than the code: a delay is coded as in progress.
static WORDS: [(&str, Status); 6] = [
    ("Delayed Start", Status::Scheduled),
    ("Delayed", Status::Interrupted),
    ("Suspended", Status::Suspended),
    ("Completed Early", Status::Abandoned),
    ("Forfeit", Status::Awarded),
    ("Postponed", Status::Postponed),
];

/// The canonical status, and MLB's words where they say more.
pub(super) fn status(told: &Told, line: &Linescore) -> (Status, Option<String>) {
    let words = told.detailed.as_deref().unwrap_or_default();
    let by_words = WORDS.iter().find(|(start, _)| words.starts_with(start));
    let by_code = || told.codes().find_map(|told| CODES.iter().find(|(code, _)| *code == told));
    let status = by_words.or_else(by_code).map_or(Status::Unknown, |(_, status)| *status);
    match status {
        Status::Live if matches!(line.state.as_deref(), Some("Middle" | "End")) => (Status::Break, None),
        Status::Live | Status::Break | Status::Final | Status::Ended => (status, None),
        Status::Scheduled if !words.starts_with("Delayed") => (status, None),
        // `Postponed` says no more than the status; why does.
        _ => (
            status,
            told.reason.clone().or_else(|| told.detailed.clone()).or_else(|| told.codes().next().map(str::to_owned)),
        ),
    }
}

/// What is being reviewed, in MLB's words.
pub(super) fn review(told: &Told) -> Option<String> {
    told.codes().any(|code| matches!(code, "M" | "N")).then(|| told.detailed.clone()).flatten()
}

pub(super) fn begun(status: Status) -> bool {
    !matches!(status, Status::Scheduled | Status::Postponed | Status::Cancelled)
}
