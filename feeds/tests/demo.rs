//! The demo match day holds together as a story: every line is a report, in order, and applies; and it shows what a
//! ticker must be able to show.
#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::collections::{BTreeMap, BTreeSet};

use feeds::document::Document;
use feeds::revision::{Context, Correction, revise};
use feeds::{Report, Topic, json};
use serde_json::Value;

const DEMO: &str = include_str!("../recordings/demo.jsonl");

/// The lines in order: ms since the start of the loop, and the report.
fn demo() -> Vec<(u64, Report)> {
    let line = |(i, line): (usize, &str)| -> (u64, Report) {
        let mut value = json::parse(line.as_bytes()).unwrap_or_else(|error| panic!("line {}: {error}", i + 1));
        let t = value["t"].as_u64().unwrap_or_else(|| panic!("line {}: t", i + 1));
        let report = Report::from_value(value["report"].take());
        (t, report.unwrap_or_else(|fault| panic!("line {}: {fault}", i + 1)))
    };
    DEMO.lines().enumerate().map(line).collect()
}

/// A game before and after one report.
struct Scene {
    t: u64,
    game: Topic,
    before: Document,
    after: Document,
    correction: Option<Correction>,
}

/// The whole loop as ingest would take it.
fn story() -> Vec<Scene> {
    let mut games: BTreeMap<Topic, Document> = BTreeMap::new();
    let step = |(t, report): (u64, Report)| {
        let Report { game, change, .. } = report;
        let held = games.get(&game);
        let now = 1_795_363_200_000 + i64::try_from(t).unwrap();
        let context = Context { game: &game, held, last_image: None, leader: "demo", now, event_at: None };
        let revision = revise(&context, &change).unwrap_or_else(|fault| panic!("at {t} {game}{fault}"));
        let revision = revision.unwrap_or_else(|| panic!("at {t} {game}: changes nothing"));
        assert_eq!(revision.note, None, "at {t} {game}");
        let before = held.cloned().unwrap_or_default();
        games.insert(game.clone(), revision.document.clone());
        Scene { t, game, before, after: revision.document, correction: revision.correction }
    };
    demo().into_iter().map(step).collect()
}

fn total(game: &Document, side: &str) -> Option<i64> {
    game.get("competitors")?.get(side)?.get("score")?.get("total")?.as_i64()
}

fn incidents(game: &Document) -> impl Iterator<Item = &Value> {
    game.get("incidents").and_then(Value::as_object).into_iter().flat_map(|incidents| incidents.values())
}

#[test]
fn lines_are_in_order_and_the_loop_is_about_four_minutes() {
    let times: Vec<u64> = demo().iter().map(|(t, _)| *t).collect();
    assert!(times.is_sorted());
    assert!((200_000..=300_000).contains(times.last().unwrap()));
    assert!(DEMO.len() <= 120 * 1024, "{} bytes", DEMO.len());
}

#[test]
fn every_game_is_there_from_the_start_and_comes_to_an_end() {
    let mut last = BTreeMap::new();
    for Scene { t, game, before, after, .. } in story() {
        let is_new = before.is_empty();
        assert_eq!(is_new, !last.contains_key(&game));
        assert!(!is_new || t == 0, "{game} begins at {t}");
        let names = after["competitors"].as_object().unwrap().values();
        assert!(names.clone().count() >= 2 && names.clone().all(|side| side["name"].is_string()), "{game}: names");
        last.insert(game, after);
    }
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for game in last.values() {
        *ends.entry(game["status"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!((ends.remove("suspended"), ends.remove("scheduled")), (Some(1), Some(1)));
    assert_eq!(ends.keys().copied().collect::<Vec<_>>(), ["final"]);
}

#[test]
fn the_first_goal_falls_within_eight_seconds() {
    let goal = story().into_iter().find(|scene| {
        scene.game.sport() == "soccer" && incidents(&scene.after).any(|incident| incident["type"] == "goal")
    });
    assert!(goal.unwrap().t < 8000);
}

#[test]
fn a_goal_is_taken_back_and_its_score_with_it() {
    let corrections: Vec<Scene> = story().into_iter().filter(|scene| scene.correction.is_some()).collect();
    // One, and none by accident.
    let [Scene { before, after, correction, .. }] = corrections.as_slice() else {
        panic!("{} corrections", corrections.len())
    };
    assert_eq!(*correction, Some(Correction::ScoreDecreased));
    assert_eq!((total(before, "away"), total(after, "away")), (Some(1), Some(0)));
    let review = before["situation"]["review"].as_str().unwrap();
    assert_eq!(before["incidents"][review]["status"], "provisional");
    assert_eq!(after["incidents"][review]["status"], "void");
    let cause = after["incidents"][review]["cause"].as_str().unwrap();
    assert_eq!(after["incidents"][cause]["type"], "review");
    assert!(after["situation"].get("review").is_none());
}

#[test]
fn it_shows_what_a_ticker_must_show() {
    let story = story();
    let sports: BTreeSet<&str> = story.iter().map(|scene| scene.game.sport()).collect();
    assert!(sports.len() >= 6, "{sports:?}");
    let any = |shows: &dyn Fn(&Document) -> bool| story.iter().any(|scene| shows(&scene.after));
    assert!(any(&|game| incidents(game).any(|i| i["detail"] == "red")), "a red card");
    assert!(any(&|game| incidents(game).any(|i| i["detail"] == "yellow")), "a yellow card");
    assert!(any(&|game| incidents(game).any(|i| i["type"] == "wicket")), "a wicket");
    assert!(any(&|game| game.get("period").is_some_and(|period| period["kind"] == "overtime")), "an overtime");
    assert!(any(&|game| game.get("clock").is_some_and(|clock| clock["added_min"].is_i64())), "added time");
    assert!(any(&|game| game.get("situation").is_some_and(|now| now["power_play"].is_string())), "a power play");
    assert!(any(&|game| game["competitors"].get("8").is_some_and(|one| one["score"]["rank"].is_i64())), "a race");
    assert!(any(&|game| game["competitors"].get("9").is_some_and(|one| one["status"] == "retired")), "one retires");
    for score in ["points", "sets", "wickets", "balls", "shootout", "laps", "gap", "hits"] {
        let said = |side: &Value| side["score"].get(score).is_some();
        assert!(any(&|game| game["competitors"].as_object().unwrap().values().any(said)), "{score}");
    }
}

/// A recording that is posted to the demo, as the README does, shows games beside these, not these twice.
#[test]
fn no_recording_has_a_name_of_the_demo() {
    let mut names = BTreeSet::new();
    for Scene { after, .. } in story() {
        let named = after["competitors"].as_object().unwrap().values().chain(after.get("competition"));
        names.extend(named.filter_map(|named| named["name"].as_str().map(str::to_owned)));
    }
    assert!(names.contains("Harbour League"), "{names:?}");
    let recordings = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/recordings")).unwrap();
    for path in recordings.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("demo.jsonl")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let taken: Vec<&String> = names.iter().filter(|name| text.contains(&format!("\"{name}\""))).collect();
        assert_eq!(taken, Vec::<&String>::new(), "{}", path.display());
    }
}
