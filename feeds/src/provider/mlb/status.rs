//! Where a game stands: a code of one letter, words, and between half-innings the line score.

use super::wire::{Linescore, Told};
use crate::game::Status;

/// By the first letter of `statusCode`, which is `codedGameState`; the second is a reason.
static CODES: [(&str, Status); 13] = [
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
static WORDS: [(&str, Status); 5] = [
    ("Delayed Start", Status::Scheduled),
    ("Delayed", Status::Interrupted),
    ("Suspended", Status::Suspended),
    ("Forfeit", Status::Awarded),
    ("Postponed", Status::Postponed),
];

/// The canonical status, and MLB's words where they say more.
pub(super) fn status(told: &Told, line: &Linescore) -> (Status, Option<String>) {
    let words = told.detailed.as_deref().unwrap_or_default();
    let by_words = WORDS.iter().find(|(start, _)| words.starts_with(start)).map(|(_, status)| *status);
    let status = by_words.or_else(|| by_code(told)).unwrap_or(Status::Unknown);
    match status {
        Status::Live if matches!(line.state.as_deref(), Some("Middle" | "End")) => (Status::Break, None),
        Status::Live | Status::Break => (status, None),
        // `Final` says no more than the status; `Final: Tied` does. What the rain completes early (`FR`, `OG`, `FO`) counts
        // as it stands, so it is over like any other, with these words beside it.
        Status::Final | Status::Ended => {
            let early = words.starts_with("Completed Early").then(|| words.to_owned());
            let why = words.split_once(": ").map(|(_, why)| why.to_owned());
            let code = told.codes().find(|code| code.len() > 1).map(str::to_owned);
            (status, early.or_else(|| told.reason.clone()).or(why).or(code))
        }
        Status::Scheduled if !words.starts_with("Delayed") => (status, None),
        // `Postponed` says no more than the status; why does.
        _ => (
            status,
            told.reason.clone().or_else(|| told.detailed.clone()).or_else(|| told.codes().next().map(str::to_owned)),
        ),
    }
}

fn by_code(told: &Told) -> Option<Status> {
    let (letter, _) = told.codes().next()?.split_at_checked(1)?;
    CODES.iter().find(|(code, _)| *code == letter).map(|(_, status)| *status)
}

/// What is being reviewed, in MLB's words.
pub(super) fn review(told: &Told) -> Option<String> {
    told.codes().any(|code| matches!(code, "M" | "N" | "IH")).then(|| told.detailed.clone()).flatten()
}

pub(super) fn begun(status: Status) -> bool {
    !matches!(status, Status::Scheduled | Status::Postponed | Status::Cancelled)
}
