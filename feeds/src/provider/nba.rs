//! The NBA's files: `cdn.nba.com/static/json/liveData/` with `scoreboard/todaysScoreboard_00.json`,
//! `boxscore/boxscore_{id}.json` and `playbyplay/playbyplay_{id}.json`; static objects, polled with validators.
//!
//! Topics are `basketball/league/game-id` (`basketball/nba/0042200163`); the id's first two digits are the league. A
//! box score says what the scoreboard says of a game, and the arena. Poll one kind of document a feed: each is an image, and
//! what the other kind said would be taken back.
//!
//! - **Before a period is played its score is a filler**: parts are said up to the current period.
//! - **Numbers are texts in actions**, `actionNumber` names an action but is not in order, `orderNumber` is, and actions are
//!   edited for hours: see [`plays`].
//! - **The play-by-play names no teams and no status**: it says score, period and clock of its last action.

mod plays;
mod wire;

use serde_json::{Map, Value};

use super::{Adapter, Decoded, lists, read};
use crate::document::Document;
use crate::game::{Clock, ClockMode, Competition, Competitor, Period, PeriodKind, Score, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};
use wire::{Match, Team};

/// The adapter `nba`.
pub(super) struct Nba;

impl Adapter for Nba {
    fn name(&self) -> &'static str {
        "nba"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let Value::Object(mut payload) = read::json(payload)? else {
            return Err(Invalid::new("", "a JSON object is expected"));
        };
        if let Some(Value::Object(mut scoreboard)) = payload.remove("scoreboard") {
            let league = League::of(&scoreboard);
            return match scoreboard.remove("games") {
                Some(Value::Array(games)) => {
                    Ok(read::each(read::items("/scoreboard/games", games), |one| game(one, league.as_ref())))
                }
                _ => Err(Invalid::new("/scoreboard/games", "a scoreboard without games")),
            };
        }
        match payload.remove("game") {
            Some(one) if one.get("actions").is_some() => {
                Ok(lists::each(vec![("/game".to_owned(), one)], &plays::LISTS, plays::read))
            }
            Some(one @ Value::Object(_)) => Ok(read::each(vec![("/game".to_owned(), one)], |one| game(one, None))),
            _ => Err(Invalid::new("", "neither a scoreboard nor a game")),
        }
    }
}

/// The league that a scoreboard says it is of.
struct League {
    /// The first two digits of its games' ids.
    digits: String,
    slug: String,
}

impl League {
    fn of(scoreboard: &Map<String, Value>) -> Option<League> {
        let text = |name: &str| scoreboard.get(name).and_then(Value::as_str);
        Some(League { digits: text("leagueId")?.to_owned(), slug: text("leagueName").and_then(slug)? })
    }
}

/// The league of an id's first two digits; one that is not known here may be named by its scoreboard.
fn place(id: Option<&str>, told: Option<&League>) -> Result<(String, Topic), Invalid> {
    let digits = id.and_then(|id| id.get(..2));
    let league = match digits {
        Some("00") => "nba",
        Some("10") => "wnba",
        // California Classic, Orlando, Las Vegas, Salt Lake City.
        Some("13" | "14" | "15" | "16") => "nba-summer-league",
        Some("20") => "nba-g-league",
        _ => match told.filter(|league| digits == Some(&league.digits)) {
            Some(league) => &league.slug,
            None => return Err(Invalid::new("/gameId", "an id of no league that is known")),
        },
    };
    Ok((league.to_owned(), read::topic("basketball", league, id, "/gameId")?))
}

fn game(one: Value, league: Option<&League>) -> Result<Report, Invalid> {
    let one: Match = read::typed(one)?;
    let (league, topic) = place(one.id.as_deref(), league)?;
    let text = one.status_text.as_deref().unwrap_or_default();
    let (status, status_reason) = status(one.status, text);
    let begun = !matches!(status, Status::Scheduled | Status::Postponed);
    let current = one.period.filter(|period| *period > 0 && begun);
    let side = |team: &Team| competitor(team, current);
    let game = Game {
        sport: Some("basketball".to_owned()),
        competition: Some(Competition {
            id: Some(league),
            name: None,
            round: one.round.clone().or_else(|| one.series_game.clone()),
        }),
        start: one.start_utc.as_deref().and_then(read::instant),
        status: Some(status),
        status_reason,
        period: current.and_then(|number| period(number, one.regulation_periods)),
        clock: one.clock.as_deref().filter(|_| current.is_some()).and_then(clock),
        competitors: read::sides(side(&one.home_team), side(&one.away_team)),
        situation: if status == Status::Live { situation(&one) } else { Document::new() },
        info: read::scalars([
            ("venue", one.arena.as_ref().and_then(|arena| arena.name.clone()).map(Value::from)),
            ("city", one.arena.as_ref().and_then(|arena| arena.city.clone()).map(Value::from)),
            ("attendance", one.attendance.filter(|people| *people > 0).map(Value::from)),
            ("series", one.series.clone().map(Value::from)),
        ]),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

/// A number, and a text that says more: `Halftime`, `End Q1`, `PPD`.
fn status(number: Option<i64>, text: &str) -> (Status, Option<String>) {
    let starts = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    match number {
        Some(1) if starts("PPD") || starts("Postponed") => (Status::Postponed, None),
        Some(1) => (Status::Scheduled, None),
        Some(2) if starts("Half") || starts("End") => (Status::Break, None),
        Some(2) => (Status::Live, None),
        Some(3) => (Status::Final, Some(text.to_owned()).filter(|text| text.contains("OT"))),
        Some(other) if text.is_empty() => (Status::Unknown, Some(other.to_string())),
        _ => (Status::Unknown, Some(text.to_owned()).filter(|text| !text.is_empty())),
    }
}

fn period(number: i64, regular: Option<i64>) -> Option<Period> {
    let of = read::count(regular).filter(|of| (1..=20).contains(of)).unwrap_or(4);
    let number = read::count(Some(number)).filter(|number| (1..=99).contains(number))?;
    let kind = if number <= of { PeriodKind::Quarter } else { PeriodKind::Overtime };
    Some(Period { number: Some(number), kind: Some(kind), of: Some(of), ..Period::default() })
}

/// `PT07M15.00S`, counting down.
fn clock(text: &str) -> Option<Clock> {
    let (minutes, seconds) = text.strip_prefix("PT")?.strip_suffix('S')?.split_once('M')?;
    let ms = read::reading(&format!("{minutes}:{seconds}"))?;
    Some(Clock { mode: Some(ClockMode::Down), ms: Some(ms), ..Clock::default() })
}

fn competitor(team: &Team, current: Option<i64>) -> Competitor {
    let words: Vec<&str> = [&team.city, &team.name].into_iter().flatten().map(String::as_str).collect();
    let name = Some(read::cut(&words.join(" ")).to_owned()).filter(|name| !name.is_empty());
    let played = team.periods.iter().filter(|period| period.number <= current);
    let score = Score {
        total: team.score.filter(|_| current.is_some()),
        parts: read::parts(played.map(|period| (period.number, period.score))),
        ..Score::default()
    };
    read::team(name, team.tricode.clone(), score)
}

fn situation(one: &Match) -> Document {
    let bonus = |team: &Team| team.in_bonus.as_deref().map(|bonus| Value::from(bonus == "1"));
    read::scalars([
        ("home_timeouts", one.home_team.timeouts.map(Value::from)),
        ("away_timeouts", one.away_team.timeouts.map(Value::from)),
        ("home_bonus", bonus(&one.home_team)),
        ("away_bonus", bonus(&one.away_team)),
    ])
}
