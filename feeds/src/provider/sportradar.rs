//! Sportradar's push feeds of the US leagues (NBA v7 and its like): one long HTTP stream of JSON messages. Topics are
//! `sport/league/game's id` (`basketball/nba/d8539eb6-…`).
//!
//! - **A message is one event and the score**, not all of a game: so it becomes a patch, and what a new connection was
//!   never told is not taken back by its silence. `delete` takes its incident away, which ingest shows as void.
//! - **Heartbeats** say that the stream lives, nothing of a game.
//! - **The same event comes again and again**, word by word better (2.7 times on average); [`Stream`] lets only newer
//!   revisions through, and none of a deleted event. `updated` orders revisions, `sequence` events.
//! - **The score is the game's beside the event**: the event's own is as of then.
//! - **Statuses are not pushed**, they come along as they last were; REST is the authority.
//! - Messages may follow each other without a separator.
//!
//! In a sport of many scores, incidents are what is rarer: ends of periods, reviews, technical and flagrant fouls,
//! ejections; in hockey and football the scores too.

mod stream;
mod wire;

use serde_json::Value;

use super::{Adapter, Assembler, Decoded, read};
use crate::game::{
    Clock, ClockMode, Competition, Competitor, CompetitorKind, Incident, Period, PeriodKind, Score, Status,
};
use crate::report::{Change, Invalid, Report};
use crate::topic::slug;
use crate::{Document, Game, Topic};
use stream::Stream;
use wire::{Event, Message, Team};

/// The adapter `sportradar`.
pub(super) struct Sportradar;

/// The leagues that are pushed in this form: name in the messages, sport, periods in regular play.
const LEAGUES: [(&str, &str, u32); 8] = [
    ("NBA", "basketball", 4),
    ("WNBA", "basketball", 4),
    ("GLEAGUE", "basketball", 4),
    ("NCAAMB", "basketball", 2),
    ("NCAAWB", "basketball", 4),
    ("NHL", "hockey", 3),
    ("MLB", "baseball", 9),
    ("NFL", "football", 4),
];

impl Adapter for Sportradar {
    fn name(&self) -> &'static str {
        "sportradar"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let mut decoded = Decoded::default();
        for (pointer, message) in read::numbered(payload) {
            match message.and_then(report).map_err(|fault| read::below(&pointer, fault)) {
                Ok(report) => decoded.reports.extend(report),
                Err(fault) => decoded.refuse(fault),
            }
        }
        read::unless_refused(decoded)
    }

    fn assembler(&self) -> Option<Box<dyn Assembler>> {
        Some(Box::new(Stream::default()))
    }
}

/// What a message says; a heartbeat says nothing.
fn report(message: Value) -> Result<Option<Report>, Invalid> {
    if message.get("heartbeat").is_some() {
        return Ok(None);
    }
    let Message { payload, metadata } = read::typed(message)?;
    let (game, event) = (payload.game, payload.event);
    let league = metadata.league.as_deref().unwrap_or_default();
    let known = LEAGUES.iter().find(|(name, ..)| *name == league);
    let (_, sport, periods) =
        known.ok_or_else(|| Invalid::new("/metadata/league", format!("{:?} is not read", read::cut(league))))?;
    let id = game.id.as_deref().and_then(slug);
    let id = id.ok_or_else(|| Invalid::new("/payload/game/id", "a game without an id"))?;
    let topic = format!("{sport}/{}/{id}", league.to_ascii_lowercase());
    let topic: Topic = topic.parse().map_err(|_| Invalid::new("/payload/game/id", format!("no game {topic:?}")))?;
    let event_id = event.id.as_deref().and_then(slug);
    let event_id = event_id.ok_or_else(|| Invalid::new("/payload/event/id", "an event without an id"))?;
    let deleted = match metadata.operation.as_deref() {
        Some("create" | "update") => false,
        Some("delete") => true,
        _ => return Err(Invalid::new("/metadata/operation", "create, update or delete is expected")),
    };
    let (status, status_reason) = status(game.status.as_deref());
    let mut patch = Game {
        competition: Some(Competition {
            id: Some(topic.competition().to_owned()),
            name: Some(league.to_owned()),
            round: None,
        }),
        start: game.scheduled.as_deref().and_then(read::instant),
        status: Some(status),
        status_reason,
        period: if deleted { None } else { period(&event, *periods) },
        clock: if deleted { None } else { clock(&event) },
        competitors: [("home", competitor(&game.home)), ("away", competitor(&game.away))]
            .map(|(key, side)| (key.to_owned(), side))
            .into(),
        info: read::scalars([("reference", game.reference.clone().map(Value::from))]),
        ..Game::default()
    };
    let incident = incident(sport, &event, &game.home, &game.away);
    if let Some(incident) = incident.as_ref().filter(|_| !deleted) {
        patch.incidents.insert(event_id.clone(), incident.clone());
    }
    let mut report = Report { event_at: event.revised(), ..read::patch(topic, patch) };
    if let (true, Some(_), Change::Patch(patch)) = (deleted, incident, &mut report.change) {
        patch.insert("incidents".to_owned(), Value::Object(Document::from_iter([(event_id, Value::Null)])));
    }
    Ok(Some(report))
}

fn status(word: Option<&str>) -> (Status, Option<String>) {
    let reason = || word.map(str::to_owned);
    match word.unwrap_or_default() {
        "scheduled" | "created" | "time-tbd" | "if-necessary" => (Status::Scheduled, None),
        "inprogress" => (Status::Live, None),
        "halftime" => (Status::Break, None),
        "delayed" => (Status::Interrupted, None),
        // Baseball's: by the weather, of the facility, another.
        "wdelay" | "fdelay" | "odelay" => (Status::Interrupted, reason()),
        "suspended" => (Status::Suspended, None),
        "postponed" => (Status::Postponed, None),
        "cancelled" | "canceled" => (Status::Cancelled, None),
        "unnecessary" => (Status::Cancelled, reason()),
        "complete" => (Status::Ended, None),
        "closed" => (Status::Final, None),
        _ => (Status::Unknown, reason()),
    }
}

fn competitor(team: &Team) -> Competitor {
    let name = match (team.market.as_deref(), team.name.as_deref()) {
        (Some(market), Some(name)) => Some(format!("{market} {name}")),
        (market, name) => name.or(market).map(str::to_owned),
    };
    Competitor {
        kind: Some(CompetitorKind::Team),
        team: name.as_deref().and_then(slug),
        name: name.map(|name| read::cut(&name).to_owned()),
        abbr: team.alias.clone(),
        score: team.points().map(|total| Score { total: Some(total), ..Score::default() }),
        ..Competitor::default()
    }
}

/// `sequence` counts on into overtime, `number` begins anew.
fn period(event: &Event, regular: u32) -> Option<Period> {
    let period = event.period.as_ref()?;
    let number = period.sequence.or(period.number).and_then(|number| u32::try_from(number).ok())?;
    let (kind, of) = match period.kind.as_deref()? {
        "quarter" => (PeriodKind::Quarter, Some(regular)),
        "half" => (PeriodKind::Half, Some(regular)),
        "period" => (PeriodKind::Period, Some(regular)),
        "inning" => (PeriodKind::Inning, Some(regular)),
        "overtime" => (PeriodKind::Overtime, None),
        "shootout" => (PeriodKind::Shootout, None),
        _ => return None,
    };
    Some(Period { number: Some(number), kind: Some(kind), of, ..Period::default() })
}

/// `11:50`, or `0:45.3`.
fn clock(event: &Event) -> Option<Clock> {
    let (minutes, seconds) = event.clock_decimal.as_deref().or(event.clock.as_deref())?.split_once(':')?;
    let minutes: u8 = minutes.parse().ok()?;
    let seconds: f64 = seconds.parse().ok().filter(|seconds| (0.0..60.0).contains(seconds))?;
    let ms = i64::from(minutes) * 60_000 + (seconds * 1_000.0).round() as i64;
    Some(Clock { mode: Some(ClockMode::Down), ms: Some(ms), ..Clock::default() })
}

fn incident(sport: &str, event: &Event, home: &Team, away: &Team) -> Option<Incident> {
    let kind = match (sport, event.kind.as_deref()?) {
        (_, "endperiod") => "period_end",
        (_, "review" | "requestreview" | "challenge") => "review",
        (_, "technicalfoul" | "technicalfoulnonunsportsmanlike") => "technical_foul",
        (_, "flagrantone" | "flagranttwo") => "flagrant_foul",
        (_, "ejection") => "ejection",
        // A shoot-out's are no goals of the game.
        ("hockey", "goal") if !event.is_in_shootout() => "goal",
        ("football", "touchdown") => "touchdown",
        ("football", "fieldgoal") => "field_goal",
        _ => return None,
    };
    let by = event.attribution.as_ref().and_then(|team| team.id.as_deref());
    let side = [("home", home), ("away", away)].into_iter().find(|(_, team)| by.is_some() && team.id.as_deref() == by);
    Some(Incident {
        order: event.sequence,
        kind: Some(kind.to_owned()),
        side: side.map(|(side, _)| side.to_owned()),
        period: event.period.as_ref().and_then(|period| u32::try_from(period.sequence.or(period.number)?).ok()),
        text: event.description.clone(),
        ..Incident::default()
    })
}
