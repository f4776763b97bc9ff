//! The clock rule: a reported clock that agrees with the held one changes nothing, so nothing is sent per tick.

use serde::Deserialize;
use serde_json::Value;

use super::{Context, object, text};
use crate::document::{Document, apply};
use crate::game::{Clock, ClockMode};
use crate::topic::Topic;

/// How far two readings of one clock may lie apart: a soccer provider says minutes, the others seconds.
pub(super) fn resolution_ms(game: &Topic) -> i64 {
    match game.sport() {
        "soccer" => 60_000,
        _ => 2_000,
    }
}

/// Stamps a reported clock with its instant, and drops it from the patch where it agrees with the held one.
pub(super) fn settle(context: &Context, patch: &mut Document, said: &Document, held: &Document) {
    let Some(said) = object(said, "clock") else { return };
    let was_live = text(held, "status") == Some("live");
    let is_live = patch.get("status").map_or(was_live, |status| status == "live");
    let mut merged = object(held, "clock").cloned().unwrap_or_default();
    if let Some(Value::Object(news)) = patch.get("clock") {
        apply(&mut merged, news);
    }
    let Ok(mut clock) = Clock::deserialize(&merged) else { return }; // the schema will say what is wrong
    let before = object(held, "clock").and_then(|held| Clock::deserialize(held).ok()).unwrap_or_default();
    let ticked = ticks(&before, was_live);
    stamp(&mut clock, said, &before, ticked, context.at());
    // A clock that does not say whether it runs goes by the status: it is not the same clock when it starts or stops.
    let same_pace = ticked == ticks(&clock, is_live);
    if same_pace && agrees(&before, &clock, ticked, resolution_ms(context.game)) {
        patch.remove("clock");
        return;
    }
    let news = patch.entry("clock").or_insert_with(|| Value::Object(Document::new()));
    for (name, value) in [("ms", clock.ms), ("at", clock.at)] {
        if let Some(value) = value {
            news[name] = value.into();
        }
    }
}

/// Whether the held clock is still the one that was said, within the resolution. A clock that was said without its
/// instant is compared without its reading.
pub(super) fn is_same(said: Option<&Document>, held: Option<&Document>, resolution_ms: i64) -> bool {
    let read = |clock: Option<&Document>| Clock::deserialize(clock?).ok();
    let (Some(mut said), Some(held)) = (read(said), read(held)) else { return false };
    if said.at.is_none() {
        said.ms = held.ms;
    }
    // Both are of the same provider, so they ran alike; either way of reading may be the right one.
    [true, false].into_iter().any(|ticks| agrees(&held, &said, ticks, resolution_ms))
}

/// Gives a clock the instant of its reading, where the report says a reading, or that it runs or stands, without one.
fn stamp(clock: &mut Clock, said: &Document, before: &Clock, ticked: bool, at: i64) {
    let says = |name: &str| said.get(name).is_some_and(|value| !value.is_null());
    if says("at") || clock.ms.is_none() {
        return;
    }
    if says("ms") || clock.at.is_none() {
        clock.at = Some(at);
    } else if clock.running != before.running {
        clock.ms = reading(before, at, ticked);
        clock.at = Some(at);
    }
}

fn ticks(clock: &Clock, is_live: bool) -> bool {
    clock.running.unwrap_or(is_live)
}

fn agrees(held: &Clock, clock: &Clock, ticks: bool, resolution_ms: i64) -> bool {
    let alike = (held.mode, held.running, held.added_min) == (clock.mode, clock.running, clock.added_min);
    let at = clock.at.or(held.at).unwrap_or_default();
    alike
        && match (reading(held, at, ticks), clock.ms) {
            (Some(held), Some(ms)) => held.abs_diff(ms) <= resolution_ms.unsigned_abs(),
            (held, ms) => held == ms,
        }
}

/// What a clock reads at an instant.
fn reading(clock: &Clock, at: i64, ticks: bool) -> Option<i64> {
    let ms = clock.ms?;
    let elapsed = match (ticks, clock.at) {
        (true, Some(since)) => at.saturating_sub(since),
        _ => 0,
    };
    Some(match clock.mode {
        Some(ClockMode::Down) => ms.saturating_sub(elapsed).max(0),
        _ => ms.saturating_add(elapsed),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{check, check_exact, game};

    /// Basketball counts seconds; what matters of a game that is live.
    fn check_seconds(held: Value, report: Value, published: Value) {
        let mut report = report;
        report["topic"] = "basketball/nba/bos-nyk".into();
        let mut held = game(held);
        held.insert("sport".to_owned(), "basketball".into());
        held.insert("competition".to_owned(), json!({"id": "nba"}));
        check_exact(held.into(), report, published);
    }

    #[test]
    fn a_clock_without_an_instant_gets_the_reports() {
        check(json!({}), json!({"patch": {"clock": {"ms": 5}}}), json!({"clock": {"ms": 5, "at": 1_000_000}}));
        check(
            json!({}),
            json!({"patch": {"clock": {"ms": 5}}, "event_at": 990_000}),
            json!({"clock": {"ms": 5, "at": 990_000}}),
        );
        check(
            json!({}),
            json!({"image": {"clock": {"ms": 5, "at": 7}}, "event_at": 990_000}),
            json!({"clock": {"ms": 5, "at": 7}}),
        );
        check(json!({}), json!({"patch": {"clock": {"mode": "up"}}}), json!({"clock": {"mode": "up"}}));
    }

    #[test]
    fn a_new_reading_never_keeps_the_old_instant() {
        check(
            json!({"clock": {"running": true, "ms": 5, "at": 7}}),
            json!({"patch": {"clock": {"ms": 500_000}}}),
            json!({"clock": {"ms": 500_000, "at": 1_000_000}}),
        );
    }

    #[test]
    fn the_same_minute_of_a_running_soccer_clock_changes_nothing() {
        let held = json!({"clock": {"mode": "up", "running": true, "ms": 60_000, "at": 940_000}});
        for (ms, agrees) in [(120_000, true), (180_000, true), (60_000, true), (180_001, false), (59_999, false)] {
            let said = json!({"mode": "up", "running": true, "ms": ms});
            let published = match agrees {
                true => Value::Null,
                false => json!({"clock": {"ms": ms, "at": 1_000_000}}),
            };
            check(held.clone(), json!({"image": {"clock": said}}), published);
        }
    }

    #[test]
    fn other_sports_agree_to_two_seconds() {
        let held = json!({"clock": {"mode": "down", "running": true, "ms": 90_000, "at": 970_000}});
        for (ms, published) in [
            (60_000, Value::Null),
            (62_000, Value::Null),
            (58_000, Value::Null),
            (62_001, json!({"clock": {"ms": 62_001, "at": 1_000_000}})),
        ] {
            check_seconds(held.clone(), json!({"patch": {"clock": {"ms": ms}}}), published);
        }
    }

    #[test]
    fn a_clock_that_counts_down_stops_at_zero() {
        let held = json!({"clock": {"mode": "down", "running": true, "ms": 10_000, "at": 900_000}});
        check_seconds(held, json!({"patch": {"clock": {"ms": 0}}}), Value::Null);
    }

    #[test]
    fn a_standing_clock_is_compared_as_it_stands() {
        let held = json!({"clock": {"running": false, "ms": 90_000, "at": 0}});
        check_seconds(held.clone(), json!({"patch": {"clock": {"ms": 90_000}}}), Value::Null);
        check_seconds(
            held,
            json!({"patch": {"clock": {"ms": 80_000}}}),
            json!({"clock": {"ms": 80_000, "at": 1_000_000}}),
        );
    }

    #[test]
    fn a_clock_that_does_not_say_goes_by_the_status() {
        let clock = json!({"ms": 60_000, "at": 940_000});
        check_seconds(json!({"clock": clock}), json!({"patch": {"clock": {"ms": 120_000}}}), Value::Null);
        check_seconds(
            json!({"clock": clock, "status": "break"}),
            json!({"patch": {"clock": {"ms": 60_000}}}),
            Value::Null,
        );
        check_seconds(
            json!({"clock": clock, "status": "break"}),
            json!({"patch": {"clock": {"ms": 120_000}}}),
            json!({"clock": {"ms": 120_000, "at": 1_000_000}}),
        );
    }

    #[test]
    fn the_second_half_starts_anew_where_the_first_one_ended() {
        // 45:00 since the whistle of half time, 15 minutes ago: the reading is the same, but now it ticks again.
        check(
            json!({"status": "break", "clock": {"ms": 2_700_000, "at": 100_000}}),
            json!({"patch": {"status": "live", "clock": {"ms": 2_700_000}}}),
            json!({"status": "live", "clock": {"at": 1_000_000}}),
        );
    }

    #[test]
    fn mode_running_and_added_time_are_changes_of_their_own() {
        let held = json!({"clock": {"mode": "up", "running": true, "ms": 60_000, "at": 940_000}});
        check(held.clone(), json!({"patch": {"clock": {"added_min": 3}}}), json!({"clock": {"added_min": 3}}));
        check(held.clone(), json!({"patch": {"clock": {"mode": "down"}}}), json!({"clock": {"mode": "down"}}));
        check(held.clone(), json!({"patch": {"clock": null}}), json!({"clock": null}));
        check(held, json!({"patch": {"clock": {}}}), Value::Null);
    }

    #[test]
    fn a_clock_that_only_stops_or_starts_keeps_its_reading() {
        check(
            json!({"clock": {"mode": "up", "running": true, "ms": 60_000, "at": 400_000}}),
            json!({"patch": {"clock": {"running": false}}, "event_at": 900_000}),
            json!({"clock": {"running": false, "ms": 560_000, "at": 900_000}}),
        );
        check(
            json!({"clock": {"mode": "up", "running": false, "ms": 60_000, "at": 400_000}}),
            json!({"patch": {"clock": {"running": true}}}),
            json!({"clock": {"running": true, "at": 1_000_000}}),
        );
    }

    #[test]
    fn a_clock_that_is_no_number_is_no_panic() {
        let held = json!({"clock": {"running": true, "ms": 1, "at": 0}});
        check(
            held.clone(),
            json!({"patch": {"clock": {"ms": 5, "at": i64::MIN}}}),
            json!("/patch/clock/at: -9223372036854775808 is beyond 2^53, more than a browser can count"),
        );
        check(
            held,
            json!({"patch": {"clock": 5}}),
            json!("/patch/clock: invalid type: integer `5`, expected an object"),
        );
    }
}
