//! Tennis point by point (`tennis_slam_pointbypoint`, CC BY-NC-SA): a CSV of points, one match or all of a tournament.
//! Topics are `tennis/<tournament>/<match_id>` (`tennis/wimbledon/2013-wimbledon-1701`).
//!
//! - **A row is the state after a point**, so the last row of a match is where it stands; the game score of the row that
//!   ends a game is 0-0 already, the games of the row that ends a set are still that set's.
//! - **Sets may go on beyond 6-6** (12-12 and a tie-break, 70-68): games are whatever the row says.
//! - **No names and no end.** Players are `home` and `away` for 1 and 2. A match is over when a player has the sets that
//!   its number asks for (1xxx is the men's singles, of five; 2xxx the women's, of three); any other is `live`, because a
//!   retirement is not told.
//! - **Point numbers may be `0X`, `0Y`**: rows that stand for no point.

use std::collections::BTreeMap;

use super::{Adapter, Decoded, read};
use crate::game::{Competition, Competitor, CompetitorKind, Incident, Period, PeriodKind, Score, Status};
use crate::report::Invalid;
use crate::{Game, Topic};

/// The adapter `tennis-slam-pbp`.
pub(super) struct TennisSlamPbp;

/// The most matches of one payload: a tournament has some 700.
const MAX_MATCHES: usize = 1_000;

/// One row, as far as it is read.
#[derive(serde::Deserialize)]
struct Row {
    match_id: String,
    #[serde(rename = "ElapsedTime", default)]
    elapsed: Option<String>,
    #[serde(rename = "SetNo")]
    set: u32,
    #[serde(rename = "P1GamesWon")]
    games1: i64,
    #[serde(rename = "P2GamesWon")]
    games2: i64,
    /// 0 while the set goes on.
    #[serde(rename = "SetWinner")]
    set_winner: u8,
    #[serde(rename = "P1Score")]
    points1: String,
    #[serde(rename = "P2Score")]
    points2: String,
    #[serde(rename = "PointServer", default)]
    server: Option<u8>,
}

/// A match as far as its rows were read.
#[derive(Default)]
struct Standing {
    /// Games by set, of players 1 and 2.
    sets: BTreeMap<u32, [i64; 2]>,
    /// Who won which.
    won: BTreeMap<u32, usize>,
    points: [String; 2],
    server: Option<usize>,
    elapsed: Option<String>,
}

impl Adapter for TennisSlamPbp {
    fn name(&self) -> &'static str {
        "tennis-slam-pbp"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(payload);
        let headers = reader.headers().map_err(|error| Invalid::new("", format!("no CSV: {error}")))?.clone();
        if !headers.iter().any(|name| name == "match_id") {
            return Err(Invalid::new("", "a CSV of points begins with a header that has match_id"));
        }
        let mut decoded = Decoded::default();
        let mut matches: BTreeMap<String, Standing> = BTreeMap::new();
        for (number, record) in reader.records().enumerate() {
            let row = record.and_then(|record| record.deserialize::<Row>(Some(&headers)));
            match row {
                Ok(row) if matches.len() < MAX_MATCHES || matches.contains_key(&row.match_id) => {
                    matches.entry(row.match_id.clone()).or_default().add(row);
                }
                Ok(_) => return Err(Invalid::new(format!("/{number}"), format!("more than {MAX_MATCHES} matches"))),
                Err(error) => decoded.refuse(fault(number, &headers, &error)),
            }
        }
        for (id, standing) in matches {
            match topic(&id) {
                Some(topic) => decoded.reports.push(read::image(topic.clone(), standing.game(&topic, &id))),
                None => {
                    let detail = format!("{:?} is no match id as 2013-wimbledon-1701", read::cut(&id));
                    decoded.refuse(Invalid::new("/match_id", detail));
                }
            }
        }
        Ok(decoded)
    }
}

/// Where a row cannot be read: its number from 0, and the column.
fn fault(number: usize, headers: &csv::StringRecord, error: &csv::Error) -> Invalid {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|field| headers.get(usize::try_from(field).ok()?));
            let below = column.map_or(String::new(), |column| format!("/{}", read::cut(column)));
            Invalid::new(format!("/{number}{below}"), err.kind().to_string())
        }
        _ => Invalid::new(format!("/{number}"), error.to_string()),
    }
}

/// `2013-wimbledon-1701`: year, tournament, number.
fn topic(id: &str) -> Option<Topic> {
    let (year, rest) = id.split_once('-')?;
    let (tournament, number) = rest.rsplit_once('-')?;
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    (is_year && !number.is_empty()).then(|| format!("tennis/{tournament}/{id}").parse().ok()).flatten()
}

impl Standing {
    fn add(&mut self, row: Row) {
        if row.set == 0 || row.set > 9 {
            return; // before the first point
        }
        self.sets.insert(row.set, [row.games1, row.games2].map(|games| games.clamp(0, 999)));
        match row.set_winner {
            winner @ 1..=2 => drop(self.won.insert(row.set, usize::from(winner) - 1)),
            _ => drop(self.won.remove(&row.set)),
        }
        self.points = [row.points1, row.points2];
        self.server = row.server.filter(|server| (1..=2).contains(server)).map(|server| usize::from(server) - 1);
        self.elapsed = row.elapsed.or(self.elapsed.take());
    }

    fn game(&self, topic: &Topic, id: &str) -> Game {
        let of = match id.rsplit('-').next().and_then(|number| number.chars().next()) {
            Some('1') => Some(5),
            Some('2') => Some(3),
            _ => None,
        };
        let sets = |side: usize| self.won.values().filter(|winner| **winner == side).count() as i64;
        let over = of.is_some_and(|of: u32| sets(0).max(sets(1)) > i64::from(of / 2));
        let competitor = |side: usize| Competitor {
            kind: Some(CompetitorKind::Athlete),
            score: Some(Score {
                total: Some(sets(side)),
                sets: Some(sets(side)),
                parts: self.sets.iter().map(|(set, games)| (set.to_string(), games[side])).collect(),
                points: (!over).then(|| self.points[side].trim()).filter(|points| is_points(points)).map(Into::into),
                ..Score::default()
            }),
            ..Competitor::default()
        };
        let server = self.server.filter(|_| !over).map(|server| SIDES[server].into());
        Game {
            sport: Some("tennis".to_owned()),
            competition: Some(Competition { id: Some(topic.competition().to_owned()), ..Competition::default() }),
            status: Some(if over { Status::Final } else { Status::Live }),
            period: self.sets.keys().next_back().map(|set| Period {
                number: Some(*set),
                kind: Some(PeriodKind::Set),
                of,
                ..Period::default()
            }),
            competitors: [0, 1].map(|side| (SIDES[side].to_owned(), competitor(side))).into(),
            situation: read::scalars([("server", server)]),
            incidents: self.won.iter().map(|(set, winner)| self.set_end(*set, *winner)).collect(),
            info: read::scalars([("elapsed", self.elapsed.as_deref().map(|time| read::cut(time).into()))]),
            ..Game::default()
        }
    }

    fn set_end(&self, set: u32, winner: usize) -> (String, Incident) {
        let games = self.sets.get(&set).copied().unwrap_or_default();
        let incident = Incident {
            order: Some(set.into()),
            kind: Some("period_end".to_owned()),
            side: Some(SIDES[winner].to_owned()),
            period: Some(set),
            text: Some(format!("{}-{}", games[0], games[1])),
            ..Incident::default()
        };
        (format!("set-{set}"), incident)
    }
}

const SIDES: [&str; 2] = ["home", "away"];

/// `0`, `15`, `40`, `AD`, or a tie-break's count.
fn is_points(text: &str) -> bool {
    !text.is_empty() && text.len() <= 3 && (text == "AD" || text.bytes().all(|byte| byte.is_ascii_digit()))
}
