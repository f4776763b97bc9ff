//! GoalServe's soccer livescores: XML, or the JSON that converters make of it (`$` or `@` for attributes). Today's
//! `scores › category › matches › match` with `localteam` and `visitorteam`, and the older `livescore › league › match` with
//! `home` and `away`. Topics are `soccer/<league's id>/<match's id>` (`soccer/2906/4115292`).
//!
//! - **Three ids a match**, of which `id` may still be blank and comes later: `static_id` or `alternate_id_2` is the one
//!   that is always there, so that a match keeps its topic.
//! - **`status` is a minute, a time of day or a word**: `76`, `20:30`, `FT`. A time of day means that it has not begun.
//! - **Goals of a match that has not begun are `?`**: nothing.
//! - **Times are without a zone**, so there is no start and no stamp.
//! - **Own goals and penalties** stand behind the player's name, and a goal's side is the one that it counts for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::xml::Element;
use super::{Adapter, Decoded, read};
use crate::game::{Clock, ClockMode, Competition, Competitor, CompetitorKind, Incident, Score, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};

/// The adapter `goalserve`.
pub(super) struct GoalServe;

impl Adapter for GoalServe {
    fn name(&self) -> &'static str {
        "goalserve"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let root = root(payload)?;
        if !matches!(root.name.as_str(), "livescore" | "scores") {
            return Err(Invalid::new(
                "",
                format!("the root is {:?}; livescore or scores is read", read::cut(&root.name)),
            ));
        }
        if let Some(sport) = root.text("sport")?.filter(|sport| *sport != "soccer") {
            return Err(Invalid::new("/@sport", format!("{:?} is not read; soccer is", read::cut(sport))));
        }
        let mut decoded = Decoded::default();
        let refused = &mut decoded.refused;
        for league in root.found(&["league", "category"], refused) {
            let mut matches = league.found(&["match"], refused);
            for days in league.found(&["matches"], refused) {
                matches.extend(days.found(&["match"], refused));
            }
            for one in matches {
                match game(league, one, refused) {
                    Ok(report) => decoded.reports.push(report),
                    Err(fault) => refused.push(fault),
                }
            }
        }
        Ok(decoded)
    }
}

fn root(payload: &[u8]) -> Result<Element, Invalid> {
    let text = payload.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(payload).trim_ascii_start();
    if !text.starts_with(b"{") {
        return Element::parse(payload);
    }
    match read::json(payload)? {
        // In front of the document may stand its XML declaration, `?xml`.
        Value::Object(fields) => {
            match fields.into_iter().find(|(key, value)| !key.starts_with('?') && value.is_object()) {
                Some((name, Value::Object(document))) => Ok(Element::from_json(&name, document)),
                _ => Err(Invalid::new("", "no document")),
            }
        }
        _ => Err(Invalid::new("", "no document")),
    }
}

fn game(league: &Element, one: &Element, refused: &mut Vec<Invalid>) -> Result<Report, Invalid> {
    let competition = slug(league.need("id")?).unwrap_or_default();
    let id = first_text(one, &["static_id", "alternate_id_2", "alternate_id", "id"])?;
    let id = id.ok_or_else(|| Invalid::new(&*one.pointer, "a match without an id"))?;
    let topic = format!("soccer/{competition}/{}", slug(id).unwrap_or_default());
    let topic: Topic = topic.parse().map_err(|_| Invalid::new(&*one.pointer, format!("no game {topic:?}")))?;
    let Standing { status, status_reason, clock } = standing(one.text("status")?.unwrap_or_default());
    let begun = !matches!(status, Status::Scheduled | Status::Postponed | Status::Cancelled);
    let [home, away] = [["home", "localteam"], ["away", "visitorteam"]].map(|names| {
        let missing = || Invalid::new(&*one.pointer, format!("a match without {} and {}", names[0], names[1]));
        one.elements(&names)?.first().copied().ok_or_else(missing)
    });
    let [ht, kicks] = [["ht"], ["penalty"]].map(|list| one.found(&list, refused).first().copied());
    let half_time = ht.and_then(|ht| told(ht, "score", refused)).and_then(pair);
    let kicks = ["localteam", "visitorteam"]
        .map(|side| kicks.and_then(|kicks| told(kicks, side, refused)).and_then(read::number));
    let mut side = |side: &Element, index: usize| {
        let score = Score {
            parts: half_time.map(|score| ("1".to_owned(), score[index])).into_iter().collect(),
            shootout: kicks[index],
            ..Score::default()
        };
        competitor(side, score, begun, refused)
    };
    let (home, away) = (side(home?, 0)?, side(away?, 1)?);
    let mut info = |name: &str| told(one, name, refused).map(|text| Value::from(read::cut(text)));
    let info = read::scalars([("date", info("date")), ("time", info("time")), ("venue", info("venue"))]);
    let game = Game {
        sport: Some("soccer".to_owned()),
        competition: Some(Competition {
            id: Some(topic.competition().to_owned()),
            name: told(league, "name", refused).map(|name| read::cut(name).to_owned()),
            round: None,
        }),
        status: Some(status),
        status_reason,
        clock,
        competitors: [("home", home), ("away", away)].map(|(key, side)| (key.to_owned(), side)).into(),
        incidents: incidents(one, refused)?,
        info,
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

struct Standing {
    status: Status,
    status_reason: Option<String>,
    clock: Option<Clock>,
}

/// `status` is a minute (`90+3` too), a time of day, or one of these words.
fn standing(word: &str) -> Standing {
    let (minute, added) = word.split_once('+').map_or((word, None), |(base, added)| (base, added.parse().ok()));
    if let Ok(minute) = minute.parse::<u8>() {
        let ms = Some(i64::from(minute) * 60_000);
        let clock = Clock { mode: Some(ClockMode::Up), ms, added_min: added, ..Clock::default() };
        return Standing { status: Status::Live, status_reason: None, clock: Some(clock) };
    }
    let reason = Some(read::cut(word).to_owned()).filter(|word| !word.is_empty());
    let (status, status_reason) = match word {
        "FT" => (Status::Final, None),
        "AET" | "Pen." => (Status::Final, reason),
        "HT" | "Break Time" => (Status::Break, None),
        "ET" | "P" => (Status::Live, reason),
        "Postp." => (Status::Postponed, None),
        "Cancl." => (Status::Cancelled, None),
        "Aban." => (Status::Abandoned, None),
        "Susp." => (Status::Suspended, None),
        "Int." => (Status::Interrupted, None),
        "Awarded" | "WO" => (Status::Awarded, reason),
        "TBA" | "To be defined" => (Status::Scheduled, reason),
        word if is_time(word) => (Status::Scheduled, None),
        _ => (Status::Unknown, reason),
    };
    Standing { status, status_reason, clock: None }
}

fn is_time(word: &str) -> bool {
    let two = |text: &str, most: u8| text.len() == 2 && text.parse::<u8>().is_ok_and(|number| number < most);
    word.split_once(':').is_some_and(|(hours, minutes)| two(hours, 24) && two(minutes, 60))
}

/// A side; `score` is what stands beside its goals, which a match without them does not have either.
fn competitor(side: &Element, score: Score, begun: bool, refused: &mut Vec<Invalid>) -> Result<Competitor, Invalid> {
    let name = told(side, "name", refused);
    let goals = side.text("goals")?.and_then(read::number).filter(|goals| begun && (0..1_000).contains(goals));
    let score = goals.map(|goals| Score { total: Some(goals), ..score });
    Ok(Competitor {
        kind: Some(CompetitorKind::Team),
        name: name.map(|name| read::cut(name).to_owned()),
        team: name.and_then(slug),
        score,
        ..Competitor::default()
    })
}

/// An attribute that is worth no game.
fn told<'a>(element: &'a Element, name: &str, refused: &mut Vec<Invalid>) -> Option<&'a str> {
    element.text(name).unwrap_or_else(|fault| {
        refused.push(fault);
        None
    })
}

/// The first of these attributes that says something.
fn first_text<'a>(element: &'a Element, names: &[&str]) -> Result<Option<&'a str>, Invalid> {
    for name in names {
        if let Some(text) = element.text(name)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// `[1 - 0]` or `[1-0]`; `[-]` is none.
fn pair(text: &str) -> Option<[i64; 2]> {
    let (home, away) = text.trim().trim_start_matches('[').trim_end_matches(']').split_once('-')?;
    let goals = |text: &str| text.trim().parse().ok().filter(|goals| (0..1_000).contains(goals));
    Some([goals(home)?, goals(away)?])
}

fn incidents(one: &Element, refused: &mut Vec<Invalid>) -> Result<BTreeMap<String, Incident>, Invalid> {
    let mut incidents = BTreeMap::new();
    for list in one.elements(&["events"])? {
        for event in list.elements(&["event"])? {
            let id = first_text(event, &["id", "eventid"])?.and_then(slug);
            let (kind, team) = (event.text("type")?, event.text("team")?);
            let named = kind.zip(team);
            if let Some((id, incident)) = id.zip(named.and_then(|(kind, team)| incident(event, kind, team, refused))) {
                incidents.insert(format!("e{id}"), incident);
            }
        }
    }
    Ok(incidents)
}

fn incident(event: &Element, kind: &str, team: &str, refused: &mut Vec<Invalid>) -> Option<Incident> {
    let mut said = |name: &str| told(event, name, refused);
    let player = said("player").unwrap_or_default();
    let (name, mark) = match player.strip_suffix(')').and_then(|player| player.rsplit_once('(')) {
        Some((name, mark @ ("pen." | "o.g."))) => (name.trim(), mark),
        _ => (player, ""),
    };
    let (kind, detail) = match kind {
        "goal" if mark == "o.g." => ("goal", Some("own_goal")),
        "goal" if mark == "pen." => ("goal", Some("penalty")),
        "goal" => ("goal", None),
        "yellowcard" => ("card", Some("yellow")),
        "redcard" => ("card", Some("red")),
        "yellowred" => ("card", Some("second_yellow")),
        "subst" => ("substitution", None),
        "var" => ("review", None),
        _ => return None,
    };
    let mut count = |name: &str| {
        said(name).and_then(read::number).and_then(|minute| u32::try_from(minute).ok()).filter(|minute| *minute < 1_000)
    };
    let (minute, extra) = (count("minute"), count("extra_min"));
    Some(Incident {
        order: minute.map(|minute| i64::from(minute) * 100 + i64::from(extra.unwrap_or(0))),
        kind: Some(kind.to_owned()),
        side: match team {
            "home" | "localteam" => Some("home".to_owned()),
            "away" | "visitorteam" => Some("away".to_owned()),
            _ => None,
        },
        athlete: Some(read::cut(name).to_owned()).filter(|name| !name.is_empty()),
        other: said("assist").map(|name| read::cut(name).to_owned()),
        minute,
        added_min: extra.filter(|minutes| *minutes > 0),
        detail: detail.map(str::to_owned),
        text: said("result").map(|result| read::cut(result).to_owned()),
        ..Incident::default()
    })
}
