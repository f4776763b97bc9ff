//! Archives and documents that come whole: cricsheet, openfootball, tennis point by point, GoalServe, Opta, Betfair.

use feeds::Change;
use feeds::provider::{Decoded, adapter};
use serde_json::{Value, json};

use super::{captures, decode, decode_file};

/// Every capture of a folder, decoded: reports and faults.
fn all(name: &str, folder: &str, endings: &[&str]) -> Vec<(String, Decoded)> {
    let Some(path) = captures(folder) else { return Vec::new() };
    let mut files: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| endings.iter().any(|ending| file.extension().is_some_and(|found| found == *ending)));
    files.sort();
    let named = |file: &std::path::PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
    let decoded: Vec<_> = files.into_iter().map(|file| (named(&file), decode_file(name, file))).collect();
    for report in decoded.iter().flat_map(|(_, decoded)| &decoded.reports) {
        super::validate(report);
    }
    let sum = |count: fn(&Decoded) -> usize| decoded.iter().map(|(_, decoded)| count(decoded)).sum::<usize>();
    let (reports, refused) = (sum(|decoded| decoded.reports.len()), sum(|decoded| decoded.refused.len()));
    println!("{name}: {} payloads, {reports} reports, {refused} refused", decoded.len());
    decoded
}

fn one<'a>(all: &'a [(String, Decoded)], file: &str) -> &'a Decoded {
    &all.iter().find(|(name, _)| name == file).unwrap_or_else(|| panic!("{file} is not there")).1
}

/// The document that the only report of a payload brings.
fn only(decoded: &Decoded) -> Value {
    assert_eq!((decoded.reports.len(), &decoded.refused), (1, &Vec::new()));
    let (Change::Image(document) | Change::Patch(document)) = &decoded.reports[0].change;
    Value::Object(document.clone())
}

#[test]
fn cricsheet_captures_decode() {
    let all = all("cricsheet", "cricsheet", &["json"]);
    if all.is_empty() {
        return;
    }
    // A tie with two super overs.
    let tie = only(one(&all, "1216517.json"));
    let score = |game: &Value, side: &str, field: &str| game["competitors"][side]["score"][field].clone();
    assert_eq!((score(&tie, "home", "total"), score(&tie, "away", "total")), (json!(176), json!(176)));
    assert_eq!(score(&tie, "home", "parts"), json!({"1": 176, "4": 5, "5": 11}));
    assert_eq!(score(&tie, "away", "parts"), json!({"2": 176, "3": 5, "6": 15}));
    assert_eq!((&tie["status"], &tie["status_reason"]), (&json!("final"), &json!("tie, eliminator Kings XI Punjab")));
    let abandoned = only(one(&all, "1359519.json"));
    assert_eq!((&abandoned["status"], score(&abandoned, "home", "wickets")), (&json!("abandoned"), json!(7)));
    let shortened = only(one(&all, "1370353.json"));
    assert_eq!(shortened["status_reason"], "winner Chennai Super Kings, by 5 wickets, D/L");
    assert_eq!((&shortened["info"]["target"], score(&shortened, "away", "balls")), (&json!(171), json!(90)));
    let wickets = |game: &Value| game["incidents"].as_object().unwrap().len();
    assert_eq!(wickets(&only(one(&all, "1426312.json"))), 12, "ten and two");
}

#[test]
fn openfootball_captures_decode() {
    let all = all("openfootball", "openfootball", &["json"]);
    if all.is_empty() {
        return;
    }
    assert_eq!(all.iter().map(|(_, decoded)| decoded.reports.len()).sum::<usize>(), 189 + 306 + 380);
    assert!(all.iter().all(|(_, decoded)| decoded.refused.is_empty()));
    let league = one(&all, "2025-26_en.1.json");
    let of = |status: &str| {
        let is = |change: &Change| matches!(change, Change::Image(image) if image["status"] == status);
        league.reports.iter().filter(|report| is(&report.change)).count()
    };
    assert_eq!((of("final"), of("postponed"), of("unknown")), (291, 1, 88));
    let cup = super::image(
        one(&all, "2024-25_uefa.cl.json"),
        "soccer/uefa-champions-league-2024-25/finals-round-of-16-liverpool-fc-eng-paris-saint-germain-fc-fra",
    );
    assert_eq!(cup["competitors"]["home"]["score"], json!({"total": 0, "parts": {"1": 0}, "shootout": 4}));
}

#[test]
fn tennis_captures_decode() {
    let all = all("tennis-slam-pbp", "tennis-slam-pbp", &["csv"]);
    if all.is_empty() {
        return;
    }
    let men = only(one(&all, "2013-wimbledon-1701_Djokovic_Murray.csv"));
    assert_eq!((&men["status"], &men["period"]), (&json!("final"), &json!({"number": 3, "kind": "set", "of": 5})));
    assert_eq!(men["competitors"]["away"]["score"], json!({"total": 3, "sets": 3, "parts": {"1": 6, "2": 7, "3": 6}}));
    let women = only(one(&all, "2013-wimbledon-2701_Lisicki_Bartoli.csv"));
    assert_eq!((&women["status"], &women["info"]["elapsed"]), (&json!("final"), &json!("1:21:25")));
}

#[test]
fn goalserve_captures_decode_and_keep_their_topics() {
    let all = all("goalserve", "goalserve", &["xml", "json"]);
    if all.is_empty() {
        return;
    }
    let [before, after] =
        ["soccernew_2014-06-15T1830.xml", "soccernew_2014-06-15T1850.json"].map(|file| one(&all, file));
    assert_eq!((before.reports.len(), &before.refused), (134, &Vec::new()));
    assert_eq!(after.refused, []);
    // Twenty minutes later every match that is listed again has its topic still, also those whose first id is blank.
    let again = after.reports.iter().filter(|report| before.reports.iter().any(|held| held.game == report.game));
    assert_eq!(again.count(), after.reports.len());
    let image = |report: &feeds::Report| match &report.change {
        Change::Image(image) => Value::Object(image.clone()),
        Change::Patch(_) => panic!("images"),
    };
    let unknown = before.reports.iter().filter(|report| image(report)["status"] == "unknown");
    assert_eq!(unknown.count(), 0);
    let kicks = before.reports.iter().map(image).find(|game| game["status_reason"] == "Pen.").unwrap();
    assert_eq!(kicks["competitors"]["home"]["score"], json!({"total": 1, "parts": {"1": 1}, "shootout": 3}));
    let goals = before.reports.iter().map(image).map(|game| {
        let incidents = game["incidents"].as_object().cloned().unwrap_or_default();
        incidents.values().filter(|incident| incident["type"] == "goal").count()
    });
    assert_eq!(goals.sum::<usize>(), 177);
}

#[test]
fn an_opta_game_without_ids_is_refused_and_with_them_read() {
    let Some(folder) = captures("opta") else { return };
    let xml = std::fs::read_to_string(folder.join("f24_sample.xml")).unwrap();
    let bare = decode("opta", xml.as_bytes());
    assert_eq!(bare.refused[0].pointer, "/Game/0/@competition_id", "the sample's repository took them out");
    let named = xml.replace("<Game>", "<Game id='1' competition_id='8' home_team_id='569' away_team_id='2592'>");
    let game = only(&decode("opta", named.as_bytes()));
    println!("opta: 1 payload, 1 game with its ids put back, without them refused");
    assert_eq!(game["status"], "final", "period 14 has its end");
    let incidents = game["incidents"].as_object().unwrap();
    let of = |kind: &str| incidents.values().filter(|incident| incident["type"] == kind).collect::<Vec<_>>();
    assert_eq!((of("goal").len(), of("shootout").len(), of("card").len(), of("substitution").len()), (3, 1, 1, 1));
    let own = of("goal").into_iter().find(|goal| goal["detail"] == "own_goal").unwrap();
    assert_eq!((&own["side"], &own["minute"]), (&json!("home"), &json!(50)));
}

#[test]
fn betfair_captures_decode() {
    let Some(folder) = captures("betfair") else { return };
    let read = |file: &str| decode_file("betfair", folder.join(file));
    let mut silent = 0;
    for file in [
        "streaming_connection.json",
        "streaming_mcm_HEARTBEAT.json",
        "streaming_mcm_update.json",
        "streaming_rcm.json",
        "streaming_status.json",
    ] {
        let decoded = read(file);
        assert_eq!((decoded.reports.len(), decoded.refused.len()), (0, 0), "{file}");
        silent += 1;
    }
    let old = std::fs::read(folder.join("streaming_503.json")).unwrap();
    assert_eq!(adapter("betfair").unwrap().decode(&old).unwrap_err().pointer, "/status");
    let race = only(&read("streaming_mcm_SUB_IMAGE.json"));
    assert_eq!((&race["status"], &race["info"]["venue"]), (&json!("scheduled"), &json!("Kempton")));
    assert_eq!(only(&read("streaming_mcm_UPDATE_md.json"))["status"], "live", "a suspended market of a live match");
    let delta = read("streaming_mcm_RESUB_DELTA.json");
    assert_eq!((delta.reports.len(), delta.refused.len()), (2, 0), "two definitions among the prices");
    let goals = only(&read("scores.json"));
    assert_eq!((&goals["clock"]["ms"], &goals["period"]["number"]), (&json!(4_620_000), &json!(2)));
    let timeline = only(&read("eventtimeline.json"));
    assert_eq!(timeline["incidents"].as_object().unwrap().len(), 4, "two goals, a card, an end");
    let tennis = only(&read("incidents.json"));
    assert_eq!(tennis["competitors"]["away"]["score"]["points"], "AD");
    assert_eq!(tennis["competitors"]["away"]["score"]["parts"], json!({"1": 2}));
    for file in ["ccm0.json", "ccm1.json", "ccm2.json", "ccm3.json"] {
        assert_eq!(only(&read(file))["status"], "live", "{file}");
    }
    let second = only(&read("ccm2.json"));
    assert_eq!(second["competitors"]["home"]["name"], "Perth Scorchers", "bats first");
    assert_eq!(
        second["competitors"]["away"]["score"],
        json!({"total": 6, "parts": {"2": 6}, "wickets": 1, "balls": 10})
    );

    // A stream of cricket: the last line is without figures, and older than the one before.
    let cricket = read("historic_cricket_1.179676557.ndjson");
    let whole: Vec<bool> = cricket.reports.iter().map(|report| matches!(report.change, Change::Image(_))).collect();
    assert_eq!(whole, [true, true, false]);
    assert!(cricket.reports[2].event_at < cricket.reports[1].event_at);
    let market = read("historic_1.132153978.ndjson");
    assert_eq!(market.refused, []);
    println!("betfair: 18 payloads, {silent} of them silent, {} reports of one market", market.reports.len());
}
