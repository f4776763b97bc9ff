//! What a sport calls its periods, and which one is played.

use super::wire::{Competition, Status};
use crate::Game;
use crate::game::{ClockMode, Half, Period, PeriodKind};

/// In what the sports of two sides differ.
pub(super) struct Rules {
    /// What a regular period is called.
    pub(super) kind: PeriodKind,
    /// How many there are, where the payload does not say; 0 = not known.
    pub(super) of: u32,
    /// Which way the clock runs, where there is one.
    pub(super) clock: Option<ClockMode>,
    /// What the period number `n` is: the rules, the number, how many are regular, the status.
    pub(super) period: fn(&Rules, u32, u32, &Status) -> Period,
    /// What only this sport has.
    pub(super) fill: fn(&Competition, &mut Game),
}

/// The period that a status speaks of.
pub(super) fn period(rules: &Rules, competition: &Competition, status: &Status) -> Option<Period> {
    let of = regular(competition).unwrap_or(rules.of);
    let number = u32::try_from(status.period?).ok().filter(|number| (1..=1000).contains(number))?;
    let period = (rules.period)(rules, number, of, status);
    Some(Period { number: Some(number), of: Some(of).filter(|of| *of > 0), ..period })
}

/// How many periods the competition's format has.
pub(super) fn regular<C>(competition: &Competition<C>) -> Option<u32> {
    let periods = competition.format.as_ref().and_then(|format| format.regulation.as_ref()?.periods);
    periods.and_then(|of| u32::try_from(of).ok()).filter(|of| (1..=20).contains(of))
}

/// Always the same kind: sets.
pub(super) fn plain(rules: &Rules, _number: u32, _of: u32, _status: &Status) -> Period {
    Period { kind: Some(rules.kind), ..Period::default() }
}

/// No kind: a number.
pub(super) fn numbered(_rules: &Rules, _number: u32, _of: u32, _status: &Status) -> Period {
    Period::default()
}

/// Overtime after the regular periods, a shoot-out where the status says so. College basketball plays two halves.
pub(super) fn with_overtime(rules: &Rules, number: u32, of: u32, status: &Status) -> Period {
    let regular = if of == 2 { PeriodKind::Half } else { rules.kind };
    let kind = match number {
        _ if number <= of => regular,
        _ if shootout(status) => PeriodKind::Shootout,
        _ => PeriodKind::Overtime,
    };
    Period { kind: Some(kind), ..Period::default() }
}

/// Hockey tells a shoot-out (`Final/SO`) from a second overtime in words only.
fn shootout(status: &Status) -> bool {
    let word = |text: &Option<String>| {
        text.as_deref().is_some_and(|text| {
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            words.any(|word| matches!(word, "SO" | "Shootout" | "SHOOTOUT"))
        })
    };
    word(&status.kind.name) || word(&status.kind.detail)
}

/// Extra time is two periods in soccer, and the fifth is the shoot-out.
pub(super) fn soccer(rules: &Rules, number: u32, of: u32, _status: &Status) -> Period {
    let kind = match number {
        _ if number <= of => rules.kind,
        _ if number <= of + 2 => PeriodKind::Extra,
        _ => PeriodKind::Shootout,
    };
    Period { kind: Some(kind), ..Period::default() }
}

/// Which half of an inning is said in words only: `Top 6th`, `Bot 6th`. Between the halves (`Mid 6th`) neither is played.
pub(super) fn inning(rules: &Rules, _number: u32, _of: u32, status: &Status) -> Period {
    let words = status.kind.detail.as_deref().unwrap_or_default();
    let (half, label) = words
        .split([' ', ','])
        .find_map(|word| match word {
            "Top" => Some((Some(Half::Top), None)),
            "Bot" | "Bottom" => Some((Some(Half::Bottom), None)),
            "Mid" | "Middle" | "End" => Some((None, Some(words.to_owned()))),
            _ => None,
        })
        .unwrap_or_default();
    Period { kind: Some(rules.kind), half, label, ..Period::default() }
}
