//! The adapters against real captures. The captures are not ours to ship: where they are not beside the project, each
//! test says so and passes; the golden pairs in `recordings/` hold the same traps in payloads of our own.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

#[path = "adapters/archives.rs"]
mod archives;
#[path = "adapters/f1.rs"]
mod f1;
#[path = "adapters/sportradar.rs"]
mod sportradar;

use std::io::Read;
use std::path::{Path, PathBuf};

use feeds::provider::{Decoded, adapter};
use feeds::{Change, Document, Report, Topic, document, game};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

/// The folder of captures, or `None` with a word about it.
fn captures(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/feed-samples").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no captures at ../shared/feed-samples/{folder}");
    None
}

/// Whether what a report says, said of nothing yet, is a game.
fn validate(report: &Report) {
    let mut document = Document::new();
    let (Change::Image(change) | Change::Patch(change)) = &report.change;
    document::apply(&mut document, change);
    game::validate(&document, &report.game).unwrap_or_else(|fault| panic!("{}{fault}", report.game));
}

/// A capture that is packed.
fn gunzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn decode(name: &str, payload: &[u8]) -> Decoded {
    let adapter = adapter(name).expect("registered");
    adapter.decode(payload).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn decode_file(name: &str, path: PathBuf) -> Decoded {
    let payload = std::fs::read(&path).unwrap();
    decode(name, &payload)
}

/// The image of one game of a payload, as a JSON value.
fn image(decoded: &Decoded, game: &str) -> Value {
    let topic: Topic = game.parse().unwrap();
    let report = decoded.reports.iter().find(|report| report.game == topic);
    match &report.unwrap_or_else(|| panic!("{game} is not there")).change {
        Change::Image(image) => Value::Object(image.clone()),
        Change::Patch(_) => panic!("{game}: adapters say images"),
    }
}

/// Every capture of a provider: decodes, and says how much of it.
fn decode_all(name: &str, folder: &str, skip: &[&str]) -> (usize, usize, usize) {
    let Some(path) = captures(folder) else { return (0, 0, 0) };
    let mut files: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.retain(|file| !skip.iter().any(|skipped| file.ends_with(skipped)));
    files.sort();
    let (mut payloads, mut games, mut refused) = (0, 0, 0);
    for file in files {
        let decoded = decode_file(name, file.clone());
        assert!(!decoded.reports.is_empty(), "{} holds no game", file.display());
        for report in &decoded.reports {
            let Change::Image(image) = &report.change else { panic!("{}: adapters say images", report.game) };
            game::validate(image, &report.game).unwrap_or_else(|fault| panic!("{}{fault}", report.game));
        }
        payloads += 1;
        games += decoded.reports.len();
        refused += decoded.refused.len();
    }
    println!("{name}: {payloads} payloads, {games} games, {refused} refused");
    (payloads, games, refused)
}

#[test]
fn espn_captures_decode() {
    let (_, _, refused) = decode_all("espn", "espn", &[]);
    assert_eq!(refused, 0);
}

#[test]
fn espn_soccer_clocks_keep_base_and_added_minute_apart() {
    let Some(folder) = captures("espn") else { return };
    let first_half = decode_file("espn", folder.join("status_soccer_fifa.world_first_half.json"));
    let game = image(&first_half, "soccer/fifa.world/760507");
    assert_eq!(game["status"], "live");
    assert_eq!(game["period"], json!({"number": 1, "kind": "half", "of": 2}));
    assert_eq!(game["clock"], json!({"mode": "up", "ms": 2_700_000, "added_min": 6}));
    assert_eq!(game["competitors"]["home"]["score"]["total"], 1);
    assert_eq!(game["competitors"]["away"]["score"]["total"], 2);
    assert_eq!(game["competitors"]["away"]["team"], "belgium");

    let extra = decode_file("espn", folder.join("status_soccer_fifa.world_extra_time_halftime.json"));
    let game = image(&extra, "soccer/fifa.world/760513");
    assert_eq!(game["status"], "break");
    assert_eq!(game["period"], json!({"number": 3, "kind": "extra", "of": 2}));
    assert_eq!(game["clock"], json!({"mode": "up", "ms": 6_300_000, "added_min": 2}));

    let minutes = decode_file("espn", folder.join("mls_scoreboard_4live.json"));
    assert_eq!(image(&minutes, "soccer/usa.1/623601")["clock"], json!({"mode": "up", "ms": 3_480_000}));
    let scheduled = image(&minutes, "soccer/usa.1/623604");
    assert_eq!(scheduled["status"], "scheduled");
    assert!(scheduled.get("clock").is_none() && scheduled["competitors"]["home"].get("score").is_none());
}

#[test]
fn espn_soccer_cards_and_goals() {
    let Some(folder) = captures("espn") else { return };
    let decoded = decode_file("espn", folder.join("status_soccer_fifa.world_live_red_card.json"));
    let game = image(&decoded, "soccer/fifa.world/760513");
    let incidents = game["incidents"].as_object().unwrap();
    let of = |kind: &str| incidents.values().filter(|incident| incident["type"] == kind).count();
    assert_eq!((of("goal"), of("card")), (2, 2));
    let red = incidents.values().find(|incident| incident["detail"] == "red").unwrap();
    assert_eq!((&red["minute"], &red["side"]), (&json!(72), &json!("away")));

    let decoded = decode_file("espn", folder.join("mls_scoreboard_4live.json"));
    let game = image(&decoded, "soccer/usa.1/623600");
    let own = game["incidents"].as_object().unwrap().values().find(|goal| goal["detail"] == "own_goal").unwrap();
    // The side that it counts for: Orlando at home leads 3-0.
    assert_eq!((&own["side"], &own["minute"]), (&json!("home"), &json!(47)));
    let postponed = decode_file("espn", folder.join("epl_scoreboard_finished.json"));
    assert_eq!(image(&postponed, "soccer/eng.1/740902")["status"], "postponed");
}

#[test]
fn espn_keeps_a_shootout_out_of_the_score() {
    let Some(folder) = captures("espn") else { return };
    let decoded = decode_file("espn", folder.join("status_soccer_fifa.world_shootout.json"));
    let game = image(&decoded, "soccer/fifa.world/760508");
    assert_eq!(game["status"], "live");
    assert_eq!(game["period"]["kind"], "shootout");
    assert_eq!(game["competitors"]["home"]["score"], json!({"total": 0, "shootout": 4}));
    assert_eq!(game["competitors"]["away"]["score"], json!({"total": 0, "shootout": 3}));
    let incidents = game["incidents"].as_object().unwrap();
    let mut kicks: Vec<_> = incidents.values().filter(|incident| incident["type"] == "shootout").collect();
    kicks.sort_by_key(|kick| kick["order"].as_i64());
    let sides: Vec<_> = kicks.iter().map(|kick| kick["side"].as_str().unwrap()).collect();
    assert_eq!(sides, ["away", "home", "home", "away", "home", "away", "home"]);
    assert!(kicks.iter().all(|kick| kick["detail"] == "scored"));
}

#[test]
fn espn_american_sports() {
    let Some(folder) = captures("espn") else { return };
    let nfl = decode_file("espn", folder.join("nfl_scoreboard_8live.json"));
    let game = image(&nfl, "football/nfl/401437634");
    assert_eq!(game["clock"], json!({"mode": "down", "ms": 16_000}));
    assert_eq!(game["situation"]["possession"], "home");
    assert_eq!((&game["situation"]["down"], &game["situation"]["distance"]), (&json!(2), &json!(10)));
    assert_eq!(game["competitors"]["away"]["score"]["parts"], json!({"1": 10, "2": 7, "3": 0, "4": 3}));

    let nhl = decode_file("espn", folder.join("nhl_scoreboard_5live.json"));
    let game = image(&nhl, "hockey/nhl/401461562");
    assert_eq!((&game["status"], &game["status_reason"]), (&json!("final"), &json!("Final/OT")));
    assert_eq!(game["period"], json!({"number": 4, "kind": "overtime", "of": 3}));

    let mlb = decode_file("espn", folder.join("status_mlb_live_inning.json"));
    let game = image(&mlb, "baseball/mlb/401816055");
    assert_eq!(game["period"], json!({"number": 8, "kind": "inning", "of": 9, "half": "top"}));
    assert!(game.get("clock").is_none(), "baseball has none");
    assert_eq!(game["situation"]["bases"], json!({"first": true, "second": false, "third": false}));
    assert_eq!(game["competitors"]["away"]["score"]["hits"], 10);
    // The home side has not batted in the 8th.
    assert!(game["competitors"]["home"]["score"]["parts"].get("8").is_none());

    let nba = decode_file("espn", folder.join("status_nba_halftime.json"));
    let game = image(&nba, "basketball/nba/401811036");
    assert_eq!(game["status"], "break");
    assert_eq!(game["competitors"]["home"]["score"], json!({"total": 74, "parts": {"1": 33, "2": 41}}));
}

#[test]
fn espn_reads_a_night_of_mma_and_a_summary() {
    let Some(folder) = captures("espn") else { return };
    let decoded = decode_file("espn", folder.join("multi_sport_a.json"));
    assert_eq!(decoded.reports.iter().filter(|report| report.game.sport() == "mma").count(), 13);
    let bout = image(&decoded, "mma/ufc/401505372");
    assert_eq!((&bout["status"], &bout["info"]["winner"]), (&json!("final"), &json!("home")));
    assert!(bout["competitors"]["home"].get("score").is_none(), "the judges' cards are no score");
    let summary = decode_file("espn", folder.join("wc2026_mex_summary.json"));
    let game = image(&summary, "soccer/fifa.world/760415");
    assert_eq!(game["competitors"]["home"]["score"], json!({"total": 2, "parts": {"1": 1, "2": 1}}));
    assert_eq!(game["incidents"].as_object().unwrap().len(), 8, "as many as the scoreboard has");
}

#[test]
fn espn_tournaments_and_weekends_are_games_by_their_competitions() {
    let Some(folder) = captures("espn") else { return };
    let decoded = decode_file("espn", folder.join("multi_sport_a.json"));
    let of = |sport: &str| decoded.reports.iter().filter(|report| report.game.sport() == sport).count();
    assert_eq!((of("tennis"), of("racing"), of("golf"), of("cricket")), (35, 5, 1, 1));

    let live = image(&decoded, "tennis/wta/128753");
    assert_eq!(live["status"], "live");
    assert_eq!(live["competitors"]["away"]["score"], json!({"total": 0, "sets": 0, "parts": {"1": 4}}));
    assert_eq!(live["situation"], json!({"server": "away"}));
    let final_ = image(&decoded, "tennis/wta/128726");
    assert_eq!(final_["competitors"]["home"]["score"]["sets"], 2);

    let session = image(&decoded, "racing/f1/401511286");
    assert_eq!((&session["status"], &session["info"]["session"]), (&json!("live"), &json!("SQ")));
    let race = image(&decoded, "racing/f1/401505955");
    assert_eq!(race["status"], "scheduled");
    assert!(race["competitors"].as_object().unwrap().values().all(|driver| driver.get("score").is_none()));

    let chase = image(&decoded, "cricket/8044/1324647");
    let score = &chase["competitors"]["away"]["score"];
    assert_eq!((&score["total"], &score["wickets"], &score["balls"]), (&json!(125), &json!(3), &json!(96)));
    assert_eq!(score["display"], "125/3 (16/20 ov, target 156)");
    assert_eq!(chase["situation"]["target"], 156);

    let golf = image(&decoded, "golf/pga/401465500");
    let total = |name: &str| {
        let players = golf["competitors"].as_object().unwrap().values();
        players.filter(|player| player["name"] == name).map(|player| player["score"]["total"].clone()).next()
    };
    assert_eq!((total("Rickie Fowler"), total("K.H. Lee")), (Some(json!(-14)), Some(json!(-2))));
}

#[test]
fn espn_golfers_keep_their_keys_from_moment_to_moment() {
    let Some(folder) = captures("espn/series_golf_the_open_2026") else { return };
    let mut moments: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    moments.sort();
    let mut names: Option<Vec<Value>> = None;
    for moment in &moments {
        let mut payload = Vec::new();
        GzDecoder::new(std::fs::File::open(moment).unwrap()).read_to_end(&mut payload).unwrap();
        let game = image(&decode("espn", &payload), "golf/pga/401811957");
        let players = game["competitors"].as_object().unwrap();
        assert_eq!(players.len(), 156);
        let own: Vec<Value> = (1..=156).map(|n| players[&n.to_string()]["name"].clone()).collect();
        assert_eq!(names.get_or_insert_with(|| own.clone()), &own, "{}", moment.display());
        let size = serde_json::to_vec(&game).unwrap().len();
        assert!(size < 60_000, "{size} bytes of the 65,536 that a game may have");
    }
    println!("{} moments", moments.len());
}

#[test]
fn openligadb_captures_decode() {
    let (payloads, games, refused) = decode_all("openligadb", "openligadb", &[]);
    if payloads > 0 {
        assert_eq!((games, refused), (9 + 3 + 36, 0));
    }
}

#[test]
fn openligadb_takes_results_by_type_and_goals_in_any_order() {
    let Some(folder) = captures("openligadb") else { return };
    let decoded = decode_file("openligadb", folder.join("getmatchdata_bl1_2022_1.json"));
    let game = image(&decoded, "soccer/bl1/63864");
    assert_eq!((&game["status"], &game["start"]), (&json!("final"), &json!("2022-08-05T18:30:00Z")));
    assert!(game.get("clock").is_none());
    assert_eq!(game["competitors"]["home"]["score"], json!({"total": 1, "parts": {"1": 0}}));
    assert_eq!(game["competitors"]["away"]["score"], json!({"total": 6, "parts": {"1": 5}}));
    assert_eq!(game["competitors"]["away"]["team"], "fc-bayern-munchen");
    let goals = game["incidents"].as_object().unwrap();
    let sides: Vec<_> = {
        let mut goals: Vec<_> = goals.values().collect();
        goals.sort_by_key(|goal| goal["order"].as_i64());
        goals.iter().map(|goal| goal["side"].as_str().unwrap()).collect()
    };
    assert_eq!(sides, ["away", "away", "away", "away", "away", "home", "away", "away"]);
    // The list holds a 1:7 that the result does not know.
    assert_eq!(goals["g95377"]["status"], "provisional");
    assert!(goals["g95056"].get("status").is_none());

    let older = decode_file("openligadb", folder.join("getmatchdata_multiple_pascalcase.json"));
    let game = image(&older, "soccer/3015/40493");
    assert_eq!(game["competitors"]["home"]["score"], json!({"total": 2, "parts": {"1": 1}}));
    assert_eq!(game["incidents"]["g58354"]["side"], "away");
}
