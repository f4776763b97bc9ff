//! A game in few words: who plays, the score, where it stands, what happened last.

use feeds::Document;
use serde_json::Value;

/// The sides and the score, as `Arsenal 2–1 Chelsea`; of a field of many the first three.
pub(super) fn score(game: &Document) -> String {
    let competitors = game.get("competitors").and_then(Value::as_object);
    let side = |key: &str| competitors.and_then(|all| all.get(key));
    match (side("home"), side("away")) {
        (None, None) => field(competitors),
        (home, away) => {
            let (left, right) = (total(home), total(away));
            let shootout = match (part(home, "shootout"), part(away, "shootout")) {
                (Some(home), Some(away)) => format!(" ({home}–{away} pens)"),
                _ => String::new(),
            };
            let between =
                if left.is_empty() && right.is_empty() { "–".to_owned() } else { format!("{left}–{right}") };
            format!("{} {between} {}{shootout}", name(home), name(away))
        }
    }
}

/// The text on one line that moves no cursor: names are a provider's, and a terminal does what control characters say.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn field(competitors: Option<&Document>) -> String {
    let mut all: Vec<(i64, &Value)> = competitors
        .into_iter()
        .flat_map(Document::values)
        .filter_map(|one| Some((one.pointer("/score/rank")?.as_i64()?, one)))
        .collect();
    all.sort_by_key(|(rank, _)| *rank);
    let first = all.iter().take(3).map(|(rank, one)| {
        let score = ["/score/gap", "/score/display", "/score/total"].into_iter().find_map(|at| one.pointer(at));
        let score = score.map_or(String::new(), |score| format!(" {}", plain(score)));
        format!("{rank} {}{score}", name(Some(one)))
    });
    first.collect::<Vec<_>>().join("  ")
}

fn name(side: Option<&Value>) -> &str {
    let said = |key| side.and_then(|side| side.get(key)).and_then(Value::as_str);
    said("name").or_else(|| said("abbr")).unwrap_or("?")
}

/// The score of a side: runs for wickets, sets with games and points, or the total.
fn total(side: Option<&Value>) -> String {
    let said = |key| part(side, key);
    let total = said("total").or_else(|| said("sets")).or_else(|| said("display"));
    match (total, said("wickets"), said("points")) {
        (Some(total), Some(wickets), _) => format!("{total}/{wickets}"),
        (Some(total), None, Some(points)) => format!("{total} ({points})"),
        (total, ..) => total.unwrap_or_default(),
    }
}

fn part(side: Option<&Value>, key: &str) -> Option<String> {
    Some(plain(side?.get("score")?.get(key)?))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Where it stands: `63'`, `Q3 04:12`, `half-time`, `15:00`.
pub(super) fn standing(game: &Document, now: i64) -> String {
    let text = |key: &str| game.get(key).and_then(Value::as_str);
    match text("status").unwrap_or("unknown") {
        "live" => live(game, now),
        "scheduled" => {
            let start = text("start").and_then(|start| start.parse::<jiff::Timestamp>().ok());
            start.map_or("scheduled".to_owned(), |start| {
                start.to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%d %b %H:%M").to_string()
            })
        }
        other => other.to_owned(),
    }
}

fn live(game: &Document, now: i64) -> String {
    let period = |key: &str| game.get("period").and_then(|period| period.get(key));
    let clock = clock(game, now);
    if let Some(label) = period("label").and_then(Value::as_str) {
        return format!("{label} {}", clock.unwrap_or_default()).trim_end().to_owned();
    }
    let number = period("number").and_then(Value::as_i64).unwrap_or(0);
    match (period("kind").and_then(Value::as_str), clock) {
        (Some("half" | "extra") | None, Some(clock)) => clock,
        (Some(kind), clock) => {
            let letter = kind.chars().next().unwrap_or(' ').to_ascii_uppercase();
            let half = period("half").and_then(Value::as_str).map_or("", |half| if half == "top" { "▲" } else { "▼" });
            format!("{letter}{number}{half} {}", clock.unwrap_or_default()).trim_end().to_owned()
        }
        (None, None) => "live".to_owned(),
    }
}

/// The clock as it reads now: nobody sends its ticks.
fn clock(game: &Document, now: i64) -> Option<String> {
    let clock = game.get("clock")?;
    let ms = clock.get("ms")?.as_i64()?;
    let passed = match clock.get("running").and_then(Value::as_bool) {
        Some(true) => now - clock.get("at").and_then(Value::as_i64).unwrap_or(now),
        _ => 0,
    };
    if clock.get("mode").and_then(Value::as_str) == Some("down") {
        let left = (ms - passed).max(0) / 1_000;
        return Some(format!("{:02}:{:02}", left / 60, left % 60));
    }
    let minute = (ms + passed).max(0) / 60_000 + 1;
    let added = clock.get("added_min").and_then(Value::as_i64).filter(|added| *added > 0);
    Some(added.map_or_else(|| format!("{minute}'"), |added| format!("{minute}' (+{added})")))
}

/// An incident: `goal Saka 61'`, struck out where it was taken back.
pub(super) fn incident(incident: &Value) -> String {
    let text = |key: &str| incident.get(key).and_then(Value::as_str);
    let kind = text("detail").filter(|detail| *detail != "regular").or_else(|| text("type")).unwrap_or("?");
    let mut said = kind.replace('_', " ");
    if let Some(athlete) = text("athlete") {
        said = format!("{said} {athlete}");
    }
    if let Some(minute) = incident.get("minute").and_then(Value::as_i64) {
        said = format!("{said} {minute}'");
    }
    match text("status") {
        Some("void") => format!("{said} – taken back"),
        Some("provisional") => format!("{said}?"),
        _ => said,
    }
}

/// The newest incident of a game, with its id.
pub(super) fn newest(game: &Document) -> Option<(&str, &Value)> {
    let incidents = game.get("incidents")?.as_object()?;
    let order = |(_, incident): &(&String, &Value)| incident.get("order").and_then(Value::as_i64).unwrap_or(0);
    incidents.iter().max_by_key(order).map(|(id, incident)| (id.as_str(), incident))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: Value) -> Document {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_name_moves_no_cursor() {
        assert_eq!(printable("Ars\u{1b}[2Jenal\n2–1\u{9b}Ünion\0"), "Ars [2Jenal 2–1 Ünion ");
    }

    #[test]
    fn a_game_in_few_words() {
        let game = document(json!({"status": "live", "period": {"number": 2, "kind": "half"},
            "clock": {"mode": "up", "running": true, "ms": 3_600_000, "at": 1_000},
            "competitors": {"home": {"name": "Arsenal", "score": {"total": 2}}, "away": {"abbr": "CHE", "score": {"total": 1}}},
            "incidents": {"a": {"type": "goal", "order": 1}, "b": {"type": "goal", "athlete": "Saka", "minute": 61, "order": 2, "status": "void"}}}));
        assert_eq!(score(&game), "Arsenal 2–1 CHE");
        assert_eq!(standing(&game, 61_000), "62'");
        assert_eq!(incident(newest(&game).unwrap().1), "goal Saka 61' – taken back");
    }

    #[test]
    fn each_sport_has_its_own() {
        let side = |score: Value| json!({"name": "A", "score": score});
        for (home, away, said) in [
            (json!({"total": 120, "wickets": 4}), json!({}), "A 120/4– A"),
            (json!({"total": 1, "points": "40"}), json!({"total": 0, "points": "15"}), "A 1 (40)–0 (15) A"),
            (json!({"total": 1, "shootout": 4}), json!({"total": 1, "shootout": 3}), "A 1–1 A (4–3 pens)"),
            (json!({}), json!({}), "A – A"),
        ] {
            assert_eq!(score(&document(json!({"competitors": {"home": side(home), "away": side(away)}}))), said);
        }
        let field = json!({"competitors": {"1": {"name": "Ada", "score": {"rank": 2, "gap": "+1.2"}}, "2": {"name": "Bo", "score": {"rank": 1}}}});
        assert_eq!(score(&document(field)), "1 Bo  2 Ada +1.2");
        let quarter = document(json!({"status": "live", "period": {"number": 3, "kind": "quarter"},
            "clock": {"mode": "down", "running": false, "ms": 252_000, "at": 0}}));
        assert_eq!(standing(&quarter, 99_000), "Q3 04:12");
        let inning = document(json!({"status": "live", "period": {"number": 7, "kind": "inning", "half": "top"}}));
        assert_eq!(standing(&inning, 0), "I7▲");
        assert_eq!(standing(&document(json!({"status": "final"})), 0), "final");
    }
}
