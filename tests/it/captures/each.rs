//! One capture of each provider through `POST /v1/feeds/<adapter>`: posted, read back by GET, and posted again, which is no
//! news.

use std::io::Read;
use std::path::Path;

use feeds::Change;
use flate2::read::GzDecoder;
use serde_json::Value;

use super::{captures, served};

/// Adapter, folder, file, and how many games it holds.
const CAPTURES: [(&str, &str, &str, usize); 11] = [
    ("api-football", "api-football", "fixtures_live_all_2024-02-21.json", 14),
    ("espn", "espn", "multi_sport_a.json", 60),
    ("espn", "espn/series_golf_the_open_2026", "20260717T124615Z.json.gz", 1),
    ("football-data", "football-data-org", "today_matches.json", 18),
    ("mlb", "mlb-statsapi", "gumbo_746551_20240530_030926_gameover.json.gz", 1),
    ("mlb", "mlb-statsapi", "schedule_doubleheader.json", 2),
    ("nba", "nba", "cdn_todaysScoreboard_2023-04-20_live.json", 3),
    ("nba", "nba", "cdn_playbyplay_0022000001.json", 1),
    ("nhl", "nhl", "landing_2023020207.json", 1),
    ("nhl", "nhl", "legacy_schedule_2016-03-01_final_reg_ot_so.json", 9),
    ("sofascore", "sofascore", "live_events_233.json.gz", 233),
];

fn payload(file: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(file).unwrap();
    if file.extension().is_some_and(|ending| ending == "gz") {
        let packed = std::mem::take(&mut bytes);
        GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    }
    bytes
}

#[tokio::test]
async fn a_capture_of_each_provider_is_posted_and_read_back() {
    let service = served().await;
    let mut acme = service.acme().await;
    for (adapter, folder, file, games) in CAPTURES {
        let Some(folder) = captures(folder) else { continue };
        let payload = payload(&folder.join(file));
        let path = format!("/v1/feeds/{adapter}");
        let decoded = feeds::provider::adapter(adapter).unwrap().decode(&payload).unwrap();
        assert_eq!(decoded.reports.len(), games, "{file}");

        let answer = acme.ask("POST", &path, &["content-type: application/json"], payload.clone()).await;
        assert!([200, 207].contains(&answer.status.as_u16()), "{file}: {answer:?}");
        let results = answer.json()["results"].as_array().unwrap().clone();
        assert_eq!(results.iter().filter(|result| result["applied"] == true).count(), games, "{file}: {results:?}");
        assert_eq!(results.len(), games + decoded.refused.len(), "{file}");

        for report in &decoded.reports {
            let (Change::Image(image) | Change::Patch(image)) = &report.change;
            let held = acme.get(&format!("/v1/games/{}", report.game)).await.json();
            let state = held["state"].as_object().unwrap();
            for (field, said) in image.iter().filter(|(field, _)| *field != "clock") {
                assert_eq!(state.get(field), Some(said), "{}: {field}", report.game);
            }
            let readings =
                [state.get("clock"), image.get("clock")].map(|clock| clock.and_then(|clock| clock.get("ms")));
            assert_eq!(readings[0], readings[1], "{}: clock", report.game);
        }

        let again = acme.ask("POST", &path, &["content-type: application/json"], payload).await.json();
        let unchanged = |result: &&Value| result["reason"] == "unchanged";
        assert_eq!(again["results"].as_array().unwrap().iter().filter(unchanged).count(), games, "{file}: {again}");
        println!("{adapter}: {file}: {games} games");
    }
}
