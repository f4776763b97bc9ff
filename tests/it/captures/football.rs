//! A real Saturday of world football through `POST /v1/updates`: each row of the capture as an image of its match.

use std::collections::BTreeMap;
use std::io::Read;

use feeds::topic::slug;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::crowd::Crowd;
use super::{captures, served};
use crate::support::Client;

/// One match of a snapshot, as the capture has it.
#[derive(Debug, Deserialize)]
struct Row {
    league: String,
    country: String,
    home: String,
    away: String,
    /// `1 - 0`.
    score: String,
    /// `1st half`, `Halftime`, `Started`, …
    minute: String,
    /// `Nico Paz 32'(H)`, newest first.
    scorers: Vec<String>,
}

impl Row {
    /// Where it stands in the house: `soccer/spain.laliga/home-away`.
    fn topic(&self) -> String {
        let word = |text: &str, most: usize| {
            let slug = slug(text).unwrap_or_else(|| format!("x{:x}", text.bytes().map(u64::from).sum::<u64>()));
            slug[..slug.len().min(most)].trim_end_matches('-').to_owned()
        };
        let competition = format!("{}.{}", word(&self.country, 20), word(&self.league, 42));
        format!("soccer/{competition}/{}-{}", word(&self.home, 29), word(&self.away, 29))
    }

    fn totals(&self) -> [i64; 2] {
        let (home, away) = self.score.split_once(" - ").expect("home - away");
        [home, away].map(|total| total.parse().expect("a number"))
    }

    fn image(&self) -> Value {
        let (status, period) = match self.minute.as_str() {
            "Halftime" => ("break", None),
            "1st half" => ("live", Some(1)),
            "2nd half" => ("live", Some(2)),
            _ => ("live", None),
        };
        let [home, away] = self.totals();
        let side = |name: &str, total: i64| {
            let mut side = json!({"kind": "team", "name": name, "score": {"total": total}});
            if let Some(team) = slug(name) {
                side["team"] = team.into();
            }
            side
        };
        let mut image = json!({
            "status": status,
            "competition": {"name": format!("{}: {}", self.country, self.league)},
            "competitors": {"home": side(&self.home, home), "away": side(&self.away, away)},
            "incidents": self.goals(),
        });
        if let Some(number) = period {
            image["period"] = json!({"number": number, "kind": "half", "of": 2});
        }
        image
    }

    /// The goals by side, minute and how many of them came before in that minute.
    fn goals(&self) -> Map<String, Value> {
        let mut goals = Map::new();
        for scorer in self.scorers.iter().rev() {
            let parts = scorer.strip_suffix(')').and_then(|rest| rest.rsplit_once("'("));
            let Some((named, side)) = parts else { continue };
            let Some((athlete, minute)) = named.rsplit_once(' ') else { continue };
            let Ok(minute) = minute.parse::<u64>() else { continue };
            let (letter, side) = if side == "H" { ("h", "home") } else { ("a", "away") };
            let nth = (1..).map(|nth| format!("{letter}{minute}-{nth}")).find(|id| !goals.contains_key(id));
            let mut goal = json!({"type": "goal", "side": side, "minute": minute, "order": goals.len() + 1});
            if athlete != "Unknown" {
                goal["athlete"] = athlete.into();
            }
            goals.insert(nth.expect("there are numbers enough"), goal);
        }
        goals
    }
}

/// One look at all the matches.
struct Snapshot {
    at_ms: i64,
    rows: BTreeMap<String, Row>,
}

/// Reads a capture. Two rows of one name in one snapshot are two matches: the later one gets a number.
fn snapshots(text: &str) -> Vec<Snapshot> {
    #[derive(Deserialize)]
    struct Line {
        committed_at: String,
        body: Body,
    }
    #[derive(Deserialize)]
    struct Body {
        matches: Vec<Row>,
    }
    let lines = text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str::<Line>(line).unwrap());
    lines
        .map(|line| {
            let mut rows = BTreeMap::new();
            for row in line.body.matches {
                let topic = row.topic();
                let free = (1..).map(|nth| if nth == 1 { topic.clone() } else { format!("{topic}.{nth}") });
                rows.insert(free.into_iter().find(|topic| !rows.contains_key(topic)).expect("a number is free"), row);
            }
            Snapshot { at_ms: line.committed_at.parse::<jiff::Timestamp>().unwrap().as_millisecond(), rows }
        })
        .collect()
}

/// A score that went down, as the rows themselves tell.
struct TakenBack {
    game: String,
    before: [i64; 2],
    after: [i64; 2],
}

impl TakenBack {
    fn between(game: &str, before: [i64; 2], after: [i64; 2]) -> Option<TakenBack> {
        let down = after[0] < before[0] || after[1] < before[1];
        down.then(|| TakenBack { game: game.to_owned(), before, after })
    }

    /// The game says so, and how it was before.
    async fn check(&self, client: &mut Client) {
        let game = client.get(&format!("/v1/games/{}", self.game)).await.json();
        let correction = &game["state"]["correction"];
        let totals = |[home, away]: [i64; 2]| json!({"home": home, "away": away});
        assert!(["score_decreased", "side_swapped"].contains(&correction["reason"].as_str().unwrap()), "{game}");
        assert_eq!(correction["before"], totals(self.before), "{game}");
        assert_eq!(correction["after"], totals(self.after), "{game}");
    }
}

/// Posts reports in one batch, each of which must be understood; how many were applied.
async fn post(client: &mut Client, reports: &[Value]) -> usize {
    let answer = client.post(&reports.into()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json()["results"].as_array().unwrap().clone();
    let known = |result: &&Value| result["applied"] == true || result["reason"] == "unchanged";
    assert!(results.iter().all(|result| known(&result)), "{results:?}");
    results.iter().filter(|result| result["applied"] == true).count()
}

#[tokio::test]
async fn a_saturday_reaches_everybody() {
    let Some(folder) = captures("sofascore") else { return };
    let file = std::fs::File::open(folder.join("series_all_live_football_sat_2026-03-28.jsonl.gz")).unwrap();
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let day = snapshots(&text);
    assert!(day.iter().any(|snapshot| snapshot.rows.len() == 1_436), "the busiest minute");

    let service = served().await;
    let mut acme = service.acme().await;
    let (competition, game, team) = most_seen(&day);
    let crowd = Crowd::new(service.main(), 1_000, &["*", &competition, &game, &team]);
    let mut held: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    let (mut posted, mut applied, mut corrections) = (0, 0, 0);
    for snapshot in &day {
        let rows: Vec<(&String, &Row)> = snapshot.rows.iter().collect();
        for batch in rows.chunks(250) {
            let report =
                |(game, row): &(&String, &Row)| json!({"game": game, "image": row.image(), "event_at": snapshot.at_ms});
            let reports: Vec<Value> = batch.iter().map(report).collect();
            posted += reports.len();
            applied += post(&mut acme, &reports).await;
            crowd.posted();
            for (game, row) in batch {
                let before = held.insert(game, row.totals());
                if let Some(taken) = before.and_then(|before| TakenBack::between(game, before, row.totals())) {
                    taken.check(&mut acme).await;
                    corrections += 1;
                }
            }
        }
    }
    println!("{posted} reports of {} games, {applied} applied, {corrections} goals taken back", held.len());
    assert!(corrections > 0, "the day had goals that were taken back");
    let counted =
        ["score_decreased", "side_swapped"].map(|reason| format!("scoreline_corrections_total{{reason=\"{reason}\"}}"));
    assert_eq!(counted.iter().map(|series| service.metric(series)).sum::<f64>(), f64::from(corrections));
    let mut client = service.client().await;
    assert_eq!(client.games("*", "score").await.len(), held.len());
    crowd.check(&mut client).await;
}

/// The competition with the most matches, the match that is seen the longest, and one of its teams.
fn most_seen(day: &[Snapshot]) -> (String, String, String) {
    let (mut competitions, mut games) = (BTreeMap::new(), BTreeMap::new());
    for (topic, row) in day.iter().flat_map(|snapshot| &snapshot.rows) {
        *competitions.entry(topic.rsplit_once('/').expect("a game").0).or_insert(0) += 1;
        let (seen, _) = games.entry(topic).or_insert((0, row));
        *seen += row.scorers.len() + 1;
    }
    let competition = competitions.into_iter().max_by_key(|(_, count)| *count).expect("a day").0;
    let (game, (_, row)) = games.into_iter().max_by_key(|(_, (seen, _))| *seen).expect("a day");
    (competition.to_owned(), game.clone(), format!("team/soccer/{}", slug(&row.home).expect("a name")))
}

#[tokio::test]
async fn every_goal_that_was_taken_back_is_a_correction() {
    #[derive(Deserialize)]
    struct Pair {
        before: Row,
        after: Row,
    }
    let Some(folder) = captures("sofascore") else { return };
    let text = std::fs::read_to_string(folder.join("score_decreases_2025-12_2026-02.jsonl")).unwrap();
    let pairs = text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str::<Pair>(line).unwrap());
    let pairs: Vec<(String, Pair)> =
        pairs.enumerate().map(|(number, pair)| (format!("{}.{number}", pair.before.topic()), pair)).collect();
    let service = served().await;
    let mut acme = service.acme().await;
    let report = |game: &str, row: &Row| json!({"game": game, "image": row.image()});
    let before: Vec<Value> = pairs.iter().map(|(game, pair)| report(game, &pair.before)).collect();
    let after: Vec<Value> = pairs.iter().map(|(game, pair)| report(game, &pair.after)).collect();
    let mut watcher = crate::subscriber::Subscriber::new(service.main(), [("*", crate::subscriber::Detail::Score)]);
    assert_eq!(post(&mut acme, &before).await, pairs.len());
    watcher.connect().await;
    watcher.until(|replica| replica.reached().is_some()).await;
    assert_eq!(post(&mut acme, &after).await, pairs.len());
    for (game, pair) in &pairs {
        let taken = TakenBack::between(game, pair.before.totals(), pair.after.totals());
        taken.expect("what the capture is of").check(&mut acme).await;
    }
    assert!(pairs.len() > 100);
    watcher.until(|replica| replica.counts.corrections == pairs.len()).await;
    assert_eq!(watcher.replica.documents(), acme.games("*", "score").await);
}
