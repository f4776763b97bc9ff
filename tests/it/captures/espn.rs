//! Every ESPN payload through `POST /v1/feeds/espn`.

use std::path::PathBuf;

use super::crowd::Crowd;
use super::{captures, served};

#[tokio::test]
async fn every_payload_reaches_everybody() {
    let Some(folder) = captures("espn") else { return };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
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
    let (mut applied, mut unchanged) = (0, 0);
    for file in files.iter().chain(back).chain(&files) {
        let payload = std::fs::read(file).unwrap();
        let answer = acme.ask("POST", "/v1/feeds/espn", &["content-type: application/json"], payload).await;
        assert!([200, 207].contains(&answer.status.as_u16()), "{}: {answer:?}", file.display());
        for result in answer.json()["results"].as_array().unwrap() {
            match (result["applied"].as_bool(), result["reason"].as_str()) {
                (Some(true), _) => applied += 1,
                (_, Some("unchanged")) => unchanged += 1,
                _ => panic!("{}: {result}", file.display()),
            }
        }
        crowd.posted();
    }
    println!("{} payloads three times: {applied} applied, {unchanged} unchanged", files.len());
    assert!(applied > 60 && unchanged > 60);
    crowd.check(&mut service.client().await).await;
}
