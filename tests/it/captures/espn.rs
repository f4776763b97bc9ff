//! Every ESPN scoreboard through `POST /v1/feeds/espn`.

use std::path::PathBuf;

use super::crowd::Crowd;
use super::{captures, served};

/// A summary is another document than a scoreboard.
const NO_SCOREBOARDS: [&str; 1] = ["wc2026_mex_summary.json"];

#[tokio::test]
async fn every_scoreboard_reaches_everybody() {
    let Some(folder) = captures("espn") else { return };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.retain(|file| !NO_SCOREBOARDS.iter().any(|other| file.ends_with(other)));
    files.sort();
    let service = served().await;
    let mut acme = service.acme().await;
    let crowd = Crowd::new(
        service.main(),
        1,
        &["*", "soccer/fifa.world", "football/nfl", "soccer/fifa.world/760513", "team/soccer/belgium"],
    );
    // Forth, back and forth: what one moment of a game says, another one takes back.
    let back = files.iter().rev();
    let (mut applied, mut unchanged, mut refused) = (0, 0, 0);
    for file in files.iter().chain(back).chain(&files) {
        let payload = std::fs::read(file).unwrap();
        let answer = acme.ask("POST", "/v1/feeds/espn", &["content-type: application/json"], payload).await;
        assert!([200, 207].contains(&answer.status.as_u16()), "{}: {answer:?}", file.display());
        for result in answer.json()["results"].as_array().unwrap() {
            match (result["applied"].as_bool(), result["reason"].as_str()) {
                (Some(true), _) => applied += 1,
                (_, Some("unchanged")) => unchanged += 1,
                // What is no scoreboard of a sport that the adapter knows.
                (_, Some("invalid")) if file.ends_with("multi_sport_a.json") => refused += 1,
                _ => panic!("{}: {result}", file.display()),
            }
        }
        crowd.posted();
    }
    println!("{} payloads three times: {applied} applied, {unchanged} unchanged, {refused} refused", files.len());
    assert!(applied > 60 && unchanged > 60);
    assert_eq!(refused, 3, "MMA of the one mixed payload");
    crowd.check(&mut service.client().await).await;
}
