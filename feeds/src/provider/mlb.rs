//! MLB's StatsAPI: `statsapi.mlb.com/api/v1.1/game/{pk}/feed/live` (GUMBO), `/feed/live/diffPatch`, `/api/v1/schedule`; polled
//! at the pace that the document itself names. Diffs are joined to documents by [`Diffs`]; a linescore alone does not say
//! of which game and is refused.
//!
//! Topics are `baseball/league/game-pk` (`baseball/mlb/746551`); a game that is moved keeps its key.
//!
//! - **A schedule lists a game that is moved on both days**, under one key: the day that it is not postponed on counts.
//! - **Stamps**: `metaData.timeStamp`, UTC to the second.
//! - **A half-inning that was not batted has no runs**: its part stays out, which is not the same as 0.
//! - **Plays are edited in place** and their places shift: an incident is named by `atBatIndex`.
//! - **A base that is not named is empty**; between half-innings nobody is named.

mod diffs;
mod status;
mod wire;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::lists::{self, List};
use super::{Adapter, Assembler, Decoded, read};
use crate::document::Document;
use crate::game::{Competition, Half, Incident, IncidentStatus, Period, PeriodKind, Score, Status};
use crate::report::{Change, Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};
pub(super) use diffs::Diffs;
use wire::{Feed, GameData, Linescore, Play, Scheduled, Sides, Team};

const LISTS: [List; 1] = [List::of::<Play>("/liveData/plays/allPlays")];

/// The adapter `mlb`.
pub(super) struct Mlb;

impl Adapter for Mlb {
    fn name(&self) -> &'static str {
        "mlb"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let Value::Object(mut payload) = read::json(payload)? else {
            return Err(Invalid::new("", "a JSON object is expected; diffs are read where the whole is held"));
        };
        if payload.contains_key("gameData") {
            return Ok(lists::each(vec![(String::new(), Value::Object(payload))], &LISTS, live));
        }
        let Some(Value::Array(days)) = payload.remove("dates") else {
            return Err(Invalid::new("", "neither a live feed nor a schedule"));
        };
        Ok(one_listing_each(read::each(read::games_of_days("/dates", days), scheduled)))
    }

    fn assembler(&self) -> Option<Box<dyn Assembler>> {
        Some(Box::new(Diffs::default()))
    }
}

/// Of the listings of one game the last that is not `postponed`, else the last: as two images of one game each would take
/// the other back, with every poll again.
fn one_listing_each(mut decoded: Decoded) -> Decoded {
    let mut kept: Vec<Report> = Vec::new();
    let mut places: BTreeMap<Topic, usize> = BTreeMap::new();
    for report in decoded.reports {
        match places.get(&report.game) {
            None => {
                places.insert(report.game.clone(), kept.len());
                kept.push(report);
            }
            Some(place) if !is_postponed(&report) || is_postponed(&kept[*place]) => kept[*place] = report,
            Some(_) => {}
        }
    }
    decoded.reports = kept;
    decoded
}

fn is_postponed(report: &Report) -> bool {
    let (Change::Image(document) | Change::Patch(document)) = &report.change;
    document.get("status").and_then(Value::as_str) == Some("postponed")
}

/// The league, from the sport that the teams belong to: 1 is the major leagues.
fn place(team: &Team, id: Option<&str>, pointer: &str) -> Result<(String, Topic), Invalid> {
    let sport = team.sport.as_ref();
    let league = match sport.and_then(|sport| sport.id.as_deref()) {
        None | Some("1") => Some("mlb".to_owned()),
        Some(other) => sport.and_then(|sport| sport.name.as_deref()).and_then(slug).or_else(|| slug(other)),
    };
    let league = league.unwrap_or_else(|| "mlb".to_owned());
    let topic = read::topic("baseball", &league, id, pointer)?;
    Ok((league, topic))
}

fn live(feed: Value) -> Result<Report, Invalid> {
    let Feed { id, meta, data, live } = read::typed(feed)?;
    let (league, topic) = place(&data.teams.home, id.as_deref().or(data.game.pk.as_deref()), "/gamePk")?;
    let line = &live.linescore;
    let (status, status_reason) = status::status(&data.status, line);
    let begun = status::begun(status);
    let is_live = matches!(status, Status::Live | Status::Interrupted);
    let mut game = Game {
        sport: Some("baseball".to_owned()),
        competition: Some(Competition { id: Some(league), ..Competition::default() }),
        start: data.datetime.start.as_deref().filter(|_| !data.status.start_unknown).and_then(read::instant),
        status: Some(status),
        status_reason,
        period: Some(line).filter(|_| begun).and_then(period),
        competitors: read::sides(
            read::team(
                data.teams.home.name.clone(),
                data.teams.home.abbreviation.clone(),
                score(line, begun, |s| &s.home),
            ),
            read::team(
                data.teams.away.name.clone(),
                data.teams.away.abbreviation.clone(),
                score(line, begun, |s| &s.away),
            ),
        ),
        situation: if is_live { situation(line) } else { Document::new() },
        info: info(&data, &live),
        ..Game::default()
    };
    if begun {
        game.incidents = live.plays.all.iter().filter_map(incidents).flatten().collect();
    }
    if is_live && let Some(review) = status::review(&data.status) {
        game.situation.insert("review".to_owned(), review.into());
    }
    Ok(Report { event_at: meta.time_stamp.as_deref().and_then(stamp), ..read::image(topic, game) })
}

/// `20240530_030250`, UTC.
fn stamp(text: &str) -> Option<i64> {
    let at = DateTime::strptime("%Y%m%d_%H%M%S", text).ok()?;
    TimeZone::UTC.to_timestamp(at).ok().map(Timestamp::as_millisecond)
}

fn scheduled(one: Value) -> Result<Report, Invalid> {
    let one: Scheduled = read::typed(one)?;
    let line = one.linescore.as_ref();
    let home = one.teams.home.team.as_ref();
    let (league, topic) = place(home.unwrap_or(&Team::default()), one.id.as_deref(), "/gamePk")?;
    let (status, status_reason) = status::status(&one.status, line.unwrap_or(&Linescore::default()));
    let begun = status::begun(status);
    let side = |side: &wire::ScheduledSide, pick: fn(&Sides<wire::Tally>) -> &wire::Tally| {
        let detailed = line.map(|line| score(line, begun, pick)).unwrap_or_default();
        let total = side.score.filter(|_| begun).or(detailed.total);
        let team = side.team.as_ref();
        let abbr = team.and_then(|team| team.abbreviation.clone());
        read::team(team.and_then(|team| team.name.clone()), abbr, Score { total, ..detailed })
    };
    let game = Game {
        sport: Some("baseball".to_owned()),
        competition: Some(Competition { id: Some(league), name: None, round: one.series.clone() }),
        start: one.date.as_deref().filter(|_| !one.status.start_unknown).and_then(read::instant),
        status: Some(status),
        status_reason,
        period: line.filter(|_| begun).and_then(period),
        competitors: read::sides(side(&one.teams.home, |s| &s.home), side(&one.teams.away, |s| &s.away)),
        info: read::scalars([
            ("venue", one.venue.as_ref().and_then(|venue| venue.name.clone()).map(Value::from)),
            ("game_number", one.number.filter(|_| one.double_header.as_deref() != Some("N")).map(Value::from)),
            ("note", one.description.clone().map(Value::from)),
        ]),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

fn period(line: &Linescore) -> Option<Period> {
    let number = read::count(line.inning).filter(|number| (1..=99).contains(number))?;
    let (half, label) = match line.state.as_deref() {
        Some("Top") => (Some(Half::Top), None),
        Some("Bottom") => (Some(Half::Bottom), None),
        // Between the halves neither is played.
        Some(between) => (None, Some(read::cut(&format!("{between} {number}")).to_owned())),
        None => (line.is_top.map(|top| if top { Half::Top } else { Half::Bottom }), None),
    };
    let of = read::count(line.scheduled).filter(|of| (1..=99).contains(of)).or(Some(9));
    Some(Period { number: Some(number), kind: Some(PeriodKind::Inning), of, half, label })
}

fn score(line: &Linescore, begun: bool, pick: fn(&Sides<wire::Tally>) -> &wire::Tally) -> Score {
    if !begun {
        return Score::default();
    }
    let all = pick(&line.teams);
    Score {
        total: all.runs,
        hits: all.hits,
        errors: all.errors,
        parts: read::parts(line.innings.iter().map(|inning| (inning.number, pick(&inning.sides).runs))),
        ..Score::default()
    }
}

/// The count, the bases, and who pitches to whom.
fn situation(line: &Linescore) -> Document {
    let name = |person: &Option<wire::Person>| person.as_ref().and_then(|person| person.name.clone()).map(Value::from);
    let bases = line.offense.batter.as_ref().map(|_| {
        let on = [&line.offense.first, &line.offense.second, &line.offense.third].map(Option::is_some);
        json!({ "first": on[0], "second": on[1], "third": on[2] })
    });
    read::scalars([
        ("balls", line.balls.map(Value::from)),
        ("strikes", line.strikes.map(Value::from)),
        ("outs", line.outs.map(Value::from)),
        ("bases", bases),
        ("pitcher", name(&line.defense.pitcher)),
        ("batter", name(&line.offense.batter)),
    ])
}

fn info(data: &GameData, live: &wire::Live) -> Document {
    let decided =
        |person: &Option<wire::Person>| person.as_ref().and_then(|person| person.name.clone()).map(Value::from);
    let venue = data.venue.as_ref();
    read::scalars([
        ("venue", venue.and_then(|venue| venue.name.clone()).map(Value::from)),
        ("city", venue.and_then(|venue| venue.location.as_ref()?.city.clone()).map(Value::from)),
        ("attendance", data.info.attendance.filter(|people| *people > 0).map(Value::from)),
        ("game_number", data.game.number.filter(|_| data.game.double_header.as_deref() != Some("N")).map(Value::from)),
        ("winning_pitcher", decided(&live.decisions.winner)),
        ("losing_pitcher", decided(&live.decisions.loser)),
    ])
}

/// Plays that score, and plays that are looked at again.
fn incidents(play: &Play) -> Option<BTreeMap<String, Incident>> {
    let number = play.about.at_bat.or(play.at_bat)?;
    let base = Incident {
        order: Some(number),
        side: match play.about.half.as_deref() {
            Some("top") => Some("away".to_owned()),
            Some("bottom") => Some("home".to_owned()),
            _ => None,
        },
        athlete: play.matchup.batter.as_ref().and_then(|batter| batter.name.clone()),
        period: read::count(play.about.inning),
        ..Incident::default()
    };
    let mut incidents = BTreeMap::new();
    if play.about.scoring {
        let incident = Incident {
            kind: Some("run".to_owned()),
            status: (!play.about.complete).then_some(IncidentStatus::Provisional),
            detail: play.result.kind.clone(),
            text: play.result.description.clone(),
            ..base.clone()
        };
        incidents.insert(format!("ab{number}"), incident);
    }
    if let Some(review) = &play.review {
        let detail = match (review.running, review.overturned) {
            (true, _) => None,
            (false, true) => Some("overturned".to_owned()),
            (false, false) => Some("upheld".to_owned()),
        };
        let status = review.running.then_some(IncidentStatus::Provisional);
        incidents
            .insert(format!("review{number}"), Incident { kind: Some("review".to_owned()), status, detail, ..base });
    }
    Some(incidents)
}
