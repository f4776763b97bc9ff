//! Where a game stands, from ESPN's `status.type.name`.

use super::wire::StatusType;
use crate::game::Status;

/// What ESPN's names mean. A name that is not here is `unknown`, with ESPN's words as the reason: better than a guess.
static NAMES: [(&str, Status); 36] = [
    ("SCHEDULED", Status::Scheduled),
    ("TBD", Status::Scheduled),
    ("PREGAME", Status::Scheduled),
    ("IN_PROGRESS", Status::Live),
    ("IN_PROGRESS_2", Status::Live),
    ("FIRST_HALF", Status::Live),
    ("SECOND_HALF", Status::Live),
    ("OVERTIME", Status::Live),
    ("EXTRA_TIME", Status::Live),
    ("FIRST_HALF_EXTRA_TIME", Status::Live),
    ("SECOND_HALF_EXTRA_TIME", Status::Live),
    ("SHOOTOUT", Status::Live),
    ("HALFTIME", Status::Break),
    ("HALFTIME_ET", Status::Break),
    ("END_PERIOD", Status::Break),
    ("END_OF_REGULATION", Status::Break),
    ("END_OF_EXTRATIME", Status::Break),
    ("PLAY_COMPLETE", Status::Break),
    ("RAIN_DELAY", Status::Interrupted),
    ("DELAYED", Status::Interrupted),
    ("SUSPENDED", Status::Suspended),
    ("POSTPONED", Status::Postponed),
    ("CANCELED", Status::Cancelled),
    ("CANCELLED", Status::Cancelled),
    ("ABANDONED", Status::Abandoned),
    ("FORFEIT", Status::Awarded),
    ("FORFEIT_HOME", Status::Awarded),
    ("FORFEIT_AWAY", Status::Awarded),
    ("WALKOVER", Status::Awarded),
    ("FULL_TIME", Status::Final),
    ("FINAL", Status::Final),
    ("FINAL_AET", Status::Final),
    ("FINAL_PEN", Status::Final),
    ("FINAL_AGT", Status::Final),
    ("FINAL_SHOOTOUT", Status::Final),
    ("RETIRED", Status::Final),
];

/// What ESPN writes where the status alone says it all.
const PLAIN: [&str; 10] =
    ["scheduled", "result", "ft", "final", "full time", "postponed", "canceled", "cancelled", "suspended", "abandoned"];

/// The canonical status, and ESPN's words where they say more: `AET`, `Final/OT`, `Rain Delay`, a name nobody knows.
pub(super) fn status(kind: &StatusType) -> (Status, Option<String>) {
    let status = match kind.name.as_deref() {
        Some(name) => named(name),
        // Cricket has no name, only a state.
        None => stated(kind),
    };
    // A start that is delayed is no stop: nothing has begun.
    let status = match (status, kind.state.as_deref()) {
        (Status::Interrupted, Some("pre")) => Status::Scheduled,
        (status, _) => status,
    };
    (status, reason(status, kind))
}

fn named(name: &str) -> Status {
    let bare = name.strip_prefix("STATUS_").unwrap_or(name);
    NAMES.iter().find(|(known, _)| *known == bare).map_or(Status::Unknown, |(_, status)| *status)
}

/// Words of cricket. Others, while it is played, are `unknown`: most of them tell of a stop.
static WORDS: [(&str, Status); 16] = [
    ("live", Status::Live),
    ("in progress", Status::Live),
    ("result", Status::Final),
    ("no result", Status::Abandoned),
    ("abandoned", Status::Abandoned),
    ("innings break", Status::Break),
    ("lunch", Status::Break),
    ("tea", Status::Break),
    ("dinner", Status::Break),
    ("drinks", Status::Break),
    ("strategic timeout", Status::Break),
    ("stumps", Status::Break),
    ("rain", Status::Interrupted),
    ("bad light", Status::Interrupted),
    ("delayed", Status::Interrupted),
    ("match delayed", Status::Interrupted),
];

fn stated(kind: &StatusType) -> Status {
    let word = kind.description.as_deref().map(str::to_lowercase);
    if let Some((_, status)) = WORDS.iter().find(|(known, _)| Some(*known) == word.as_deref()) {
        return *status;
    }
    match (kind.state.as_deref(), kind.completed) {
        (Some("pre"), _) => Status::Scheduled,
        (Some("in"), _) if word.is_none() => Status::Live,
        (Some("post"), Some(true)) => Status::Final,
        _ => Status::Unknown,
    }
}

fn reason(status: Status, kind: &StatusType) -> Option<String> {
    let words = match status {
        Status::Unknown => kind.name.as_ref().or(kind.description.as_ref()).or(kind.detail.as_ref()),
        // While it is played, ESPN's detail is the clock or the period.
        Status::Live | Status::Break => None,
        // And before, it is the date in words.
        Status::Scheduled => kind.description.as_ref().filter(|_| kind.name.as_deref() != Some("STATUS_SCHEDULED")),
        _ => kind.detail.as_ref().or(kind.description.as_ref()),
    };
    words.filter(|words| !PLAIN.contains(&words.to_lowercase().as_str())).cloned()
}

/// Whether scores, clock and period are said: before a game begins ESPN fills them in (0–0, 15:00 of the 1st quarter),
/// whatever else it calls the status.
pub(super) fn begun(status: Status, kind: &StatusType) -> bool {
    !matches!(status, Status::Scheduled | Status::Postponed | Status::Cancelled) && kind.state.as_deref() != Some("pre")
}
