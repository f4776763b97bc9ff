//! Cricsheet's matches (`cricsheet.org`, JSON, ODC-By): every delivery of a match that is over, one document a match.
//! Topics are `cricket/<event>/<date and teams>` (`cricket/indian-premier-league/2020-10-18-mumbai-indians-kings-xi-punjab`);
//! the id is only in the file's name.
//!
//! - **The score is what the deliveries say**: nothing else in the document is one. Runs and wickets by innings are counted
//!   from them, wides and no-balls are no balls, penalty runs beside the deliveries are runs.
//! - **Super overs are innings of their own**, two for each tie of one, any number of times: in `parts` and the display,
//!   never in the total.
//! - **Sides**: the document names no home side. The first of `teams` is `home`.
//! - **The date is a day**, no instant, so there is no start.
//! - **The outcome** may be a winner, a tie that an eliminator decides, a draw, no result (`abandoned`), with a method (D/L)
//!   beside it: in words the reason of the status.

mod wire;

use serde_json::Value;

use super::{Adapter, Decoded, read};
use crate::game::{Competition, Competitor, CompetitorKind, Incident, Period, PeriodKind, Score, Status};
use crate::report::Invalid;
use crate::topic::slug;
use crate::{Game, Topic};
use wire::{Info, Innings, Match, Outcome};

/// The adapter `cricsheet`.
pub(super) struct Cricsheet;

impl Adapter for Cricsheet {
    fn name(&self) -> &'static str {
        "cricsheet"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let one: Match = read::typed(read::object(payload)?)?;
        let info = &one.info;
        let topic = topic(info)?;
        let mut innings = Vec::new();
        for (index, value) in one.innings.into_iter().enumerate() {
            // A score without one of its innings would be a wrong one, so nothing of the match is told.
            let read = read::typed::<Innings>(value).and_then(|read| Ok((side(info, &read)?, read)));
            let (side, read) = read.map_err(|fault| read::below(&format!("/innings/{index}"), fault))?;
            innings.push(Played { number: index + 1, side, innings: read });
        }
        let game = game(&topic, info, &innings);
        Ok(Decoded { reports: vec![read::image(topic, game)], refused: Vec::new() })
    }
}

/// An innings with its number in the match and the side that bats.
struct Played {
    number: usize,
    side: usize,
    innings: Innings,
}

const SIDES: [&str; 2] = ["home", "away"];

fn topic(info: &Info) -> Result<Topic, Invalid> {
    let [first, second] = info.teams.as_slice() else {
        return Err(Invalid::new("/info/teams", "two teams are expected"));
    };
    let date = info.dates.first().ok_or_else(|| Invalid::new("/info/dates", "a match without a date"))?;
    let event = info.event.as_ref().and_then(|event| event.name.as_deref());
    let competition = event.or(info.match_type.as_deref()).and_then(slug);
    let competition = competition.ok_or_else(|| Invalid::new("/info/event", "a match without event and type"))?;
    let game = read::segment([date, first, second]).unwrap_or_default();
    let topic = format!("cricket/{competition}/{game}");
    topic.parse().map_err(|_| Invalid::new("/info/teams", format!("date and teams name no game: {topic:?}")))
}

fn side(info: &Info, innings: &Innings) -> Result<usize, Invalid> {
    let side = info.teams.iter().position(|team| Some(team) == innings.team.as_ref());
    side.ok_or_else(|| Invalid::new("/team", "not one of the match's teams"))
}

fn game(topic: &Topic, info: &Info, innings: &[Played]) -> Game {
    let (status, status_reason) = status(&info.outcome);
    let event = info.event.as_ref();
    let round = event.and_then(|event| event.stage.clone().or_else(|| Some(format!("Match {}", event.match_number?))));
    let toss = info.toss.as_ref();
    let toss = toss.and_then(|toss| Some(format!("{}, {}", toss.winner.as_deref()?, toss.decision.as_deref()?)));
    let competitor = |side: usize| Competitor {
        kind: Some(CompetitorKind::Team),
        name: info.teams.get(side).map(|team| read::cut(team).to_owned()),
        team: info.teams.get(side).and_then(|team| slug(team)),
        score: score(innings, side, info.balls_per_over()),
        ..Competitor::default()
    };
    Game {
        sport: Some("cricket".to_owned()),
        competition: Some(Competition {
            id: Some(topic.competition().to_owned()),
            name: event.and_then(|event| event.name.clone()),
            round,
        }),
        status: Some(status),
        status_reason,
        period: innings.last().map(|last| Period {
            number: u32::try_from(last.number).ok(),
            kind: Some(PeriodKind::Innings),
            of: info.innings(),
            ..Period::default()
        }),
        competitors: [0, 1].map(|side| (SIDES[side].to_owned(), competitor(side))).into(),
        incidents: innings.iter().flat_map(|played| wickets(played, info.balls_per_over())).collect(),
        info: read::scalars([
            ("date", info.dates.first().map(|date| read::cut(date).into())),
            ("venue", info.venue.clone().map(Value::from)),
            ("city", info.city.clone().map(Value::from)),
            ("season", info.season.clone().map(Value::from)),
            ("match_type", info.match_type.clone().map(Value::from)),
            ("toss", toss.map(|toss| read::cut(&toss).into())),
            ("player_of_match", info.player_of_match.first().map(|player| read::cut(player).into())),
            (
                "target",
                innings.iter().filter_map(|played| played.innings.target.as_ref()?.runs).next_back().map(Value::from),
            ),
        ]),
        ..Game::default()
    }
}

fn status(outcome: &Outcome) -> (Status, Option<String>) {
    let by = outcome.by.iter().flatten().map(|(what, much)| format!("by {much} {what}"));
    let decided = [("winner", &outcome.winner), ("eliminator", &outcome.eliminator), ("bowl-out", &outcome.bowl_out)];
    let words: Vec<String> = outcome
        .result
        .iter()
        .cloned()
        .chain(decided.into_iter().filter_map(|(what, team)| Some(format!("{what} {}", team.as_deref()?))))
        .chain(by)
        .chain(outcome.method.clone())
        .collect();
    let reason = Some(read::cut(&words.join(", ")).to_owned()).filter(|reason| !reason.is_empty());
    match (outcome.result.as_deref(), &outcome.winner) {
        (Some("tie" | "draw"), _) | (None, Some(_)) => (Status::Final, reason),
        (Some("no result"), _) => (Status::Abandoned, reason),
        _ => (Status::Unknown, reason),
    }
}

/// Runs, wickets and balls of an innings.
struct Count {
    runs: i64,
    wickets: i64,
    balls: i64,
}

fn count(innings: &Innings) -> Count {
    let mut count = Count { runs: innings.penalty_runs.pre + innings.penalty_runs.post, wickets: 0, balls: 0 };
    for delivery in innings.overs.iter().flat_map(|over| &over.deliveries) {
        count.runs += delivery.runs.total;
        count.wickets += delivery.wickets.iter().filter(|wicket| wicket.is_out()).count() as i64;
        count.balls += i64::from(delivery.extras.is_ball());
    }
    count
}

fn score(innings: &[Played], side: usize, balls_per_over: i64) -> Option<Score> {
    let own: Vec<(&Played, Count)> =
        innings.iter().filter(|played| played.side == side).map(|played| (played, count(&played.innings))).collect();
    let regular = || own.iter().filter(|(played, _)| !played.innings.super_over);
    let (_, last) = regular().next_back()?;
    let display = own.iter().map(|(played, count)| display(&played.innings, count, balls_per_over));
    Some(Score {
        total: Some(regular().map(|(_, count)| count.runs).sum()),
        parts: own.iter().map(|(played, count)| (played.number.to_string(), count.runs)).collect(),
        wickets: Some(last.wickets),
        balls: Some(last.balls),
        display: Some(display.collect::<Vec<_>>().join(" & "))
            .filter(|text| text.len() <= crate::game::MAX_SCORE_TEXT_BYTES),
        ..Score::default()
    })
}

/// `176/6`, `412/8d`, `5/2 (super over)`, all out without wickets.
fn display(innings: &Innings, count: &Count, balls_per_over: i64) -> String {
    let overs = format!("{}.{}", count.balls / balls_per_over, count.balls % balls_per_over);
    match (innings.super_over, innings.declared) {
        (true, _) => format!("{}/{} (super over)", count.runs, count.wickets),
        (false, true) => format!("{}/{}d", count.runs, count.wickets),
        (false, false) if count.wickets >= 10 => format!("{}", count.runs),
        (false, false) => format!("{}/{} ({overs} ov)", count.runs, count.wickets),
    }
}

/// The wickets of an innings, each named by innings, over and ball.
fn wickets(played: &Played, balls_per_over: i64) -> Vec<(String, Incident)> {
    let mut wickets = Vec::new();
    for over in &played.innings.overs {
        for (ball, delivery) in (1..).zip(&over.deliveries) {
            for (index, wicket) in delivery.wickets.iter().enumerate().filter(|(_, wicket)| wicket.is_out()) {
                let id =
                    format!("w{}-{}.{ball}{}", played.number, over.over, ["", "b", "c"].get(index).unwrap_or(&"d"));
                let fielder = wicket.fielders.iter().find_map(|fielder| fielder.name.clone());
                let order = (played.number as i64 * 1_000 + over.over.clamp(0, 999)) * 100 + ball.min(99);
                let incident = Incident {
                    order: Some(order),
                    kind: Some("wicket".to_owned()),
                    side: Some(SIDES[played.side].to_owned()),
                    athlete: wicket.player_out.clone(),
                    other: fielder.or_else(|| delivery.bowler.clone()),
                    period: u32::try_from(played.number).ok(),
                    detail: wicket.kind.as_deref().and_then(slug).map(|kind| kind.replace('-', "_")),
                    text: Some(format!("{}.{} ov", over.over, ball.min(balls_per_over * 10))),
                    ..Incident::default()
                };
                wickets.push((id, incident));
            }
        }
    }
    wickets
}
