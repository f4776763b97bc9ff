//! Sofascore, undocumented: `/api/v1/sport/{sport}/events/live`, `/api/v1/event/{id}`; polled.
//!
//! A payload is `{"events":[…]}` or `{"event":{…}}`; a list of incidents does not say of which event and is refused. Topics
//! are `sport/country.tournament/event-id` (`soccer/spain.laliga-2/14083461`): the tournament's slug alone is not unique.
//!
//! - **A code says where a match stands**, and a coarser word beside it where the code is not known here.
//! - **Half of all matches have no clock** (`Started`): they have score and status. The others say when the period started
//!   and at which second: a clock that runs from there, no poll needed.
//! - **`current` counts a shoot-out's goals**, `display` does not: the score is `display`.
//! - **`changes.changeTimestamp`** is when the event last changed: reports are stamped with it.

mod wire;

use serde_json::Value;

use super::{Adapter, Decoded, read};
use crate::document::Document;
use crate::game::{Clock, ClockMode, Competition, Competitor, CompetitorKind, Period, PeriodKind, Score, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};
use wire::{Event, Team, Tournament};

/// The adapter `sofascore`.
pub(super) struct Sofascore;

impl Adapter for Sofascore {
    fn name(&self) -> &'static str {
        "sofascore"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let Value::Object(mut payload) = read::json(payload)? else {
            return Err(Invalid::new("", "a JSON object is expected"));
        };
        if let Some(Value::Array(events)) = payload.remove("events") {
            return Ok(read::each(read::items("/events", events), game));
        }
        if let Some(event @ Value::Object(_)) = payload.remove("event") {
            return Ok(read::each(vec![("/event".to_owned(), event)], game));
        }
        match payload.contains_key("incidents") {
            true => Err(Invalid::new("/incidents", "incidents that do not say of which event")),
            false => Err(Invalid::new("/events", "neither events nor one event")),
        }
    }
}

/// Ours for Sofascore's words; another sport keeps its own.
static SPORTS: [(&str, &str); 3] =
    [("football", "soccer"), ("american-football", "football"), ("ice-hockey", "hockey")];

const START_DELAYED: i64 = 61;

/// Codes that mean the same in all sports; the coarse word says the rest.
static CODES: [(i64, Status); 22] = [
    (0, Status::Scheduled),
    (6, Status::Live),
    (7, Status::Live),
    (20, Status::Live),
    (30, Status::Break),
    (31, Status::Break),
    (32, Status::Break),
    (33, Status::Break),
    (34, Status::Break),
    (60, Status::Postponed),
    (START_DELAYED, Status::Scheduled),
    (70, Status::Cancelled),
    (80, Status::Interrupted),
    (81, Status::Suspended),
    // The coarse word calls it cancelled, which would take the score away.
    (90, Status::Abandoned),
    // A walkover is `finished` too, but not by play.
    (91, Status::Awarded),
    (100, Status::Final),
    (110, Status::Final),
    (120, Status::Final),
    // Breaks between the periods of other sports.
    (301, Status::Break),
    (302, Status::Break),
    (303, Status::Break),
];

static TYPES: [(&str, Status); 9] = [
    ("notstarted", Status::Scheduled),
    ("inprogress", Status::Live),
    ("finished", Status::Final),
    ("postponed", Status::Postponed),
    ("canceled", Status::Cancelled),
    ("interrupted", Status::Interrupted),
    ("suspended", Status::Suspended),
    ("willcontinue", Status::Suspended),
    ("abandoned", Status::Abandoned),
];

/// What the words say of a code that is not known here, where the coarse word says less.
fn by_words(words: &str) -> Option<Status> {
    let words = words.to_lowercase();
    match words.as_str() {
        "pause" => Some(Status::Break),
        _ if words.ends_with(" break") => Some(Status::Break),
        _ if words.starts_with("walkover") => Some(Status::Awarded),
        _ => None,
    }
}

fn game(event: Value) -> Result<Report, Invalid> {
    let event: Event = read::typed(event)?;
    let (sport, league, topic) = place(&event)?;
    let (status, status_reason) = status(&event.status);
    let begun = !matches!(status, Status::Scheduled | Status::Postponed | Status::Cancelled);
    let period = begun.then(|| period(&sport, &event)).flatten();
    let mut competitors = read::sides(
        competitor(&sport, &event.home_team, &event.home_score, begun),
        competitor(&sport, &event.away_team, &event.away_score, begun),
    );
    competitors.retain(|_, side| side.name.is_some() || side.score.is_some());
    let named = event.tournament.unique.as_ref().and_then(|unique| unique.name.clone());
    let game = Game {
        sport: Some(sport.clone()),
        competition: Some(Competition {
            id: Some(league),
            name: named.or_else(|| event.tournament.name.clone()),
            round: event.round.as_ref().and_then(|round| round.name.clone().or_else(|| round.number.clone())),
        }),
        start: event.start.and_then(read::epoch),
        status: Some(status),
        status_reason,
        period,
        clock: (sport == "soccer" && status == Status::Live).then(|| clock(&event)).flatten(),
        competitors,
        situation: if status == Status::Final { Document::new() } else { situation(&event) },
        info: read::scalars([
            ("venue", event.venue.as_ref().and_then(|venue| venue.name.clone()).map(Value::from)),
            ("city", event.venue.as_ref().and_then(|venue| venue.city.as_ref()?.name.clone()).map(Value::from)),
            ("home_red_cards", event.home_red_cards.map(Value::from)),
            ("away_red_cards", event.away_red_cards.map(Value::from)),
        ]),
        ..Game::default()
    };
    let changed = event.changes.as_ref().and_then(|changes| changes.timestamp).filter(|seconds| *seconds > 0);
    Ok(Report { event_at: changed.map(|seconds| seconds.saturating_mul(1000)), ..read::image(topic, game) })
}

fn place(event: &Event) -> Result<(String, String, Topic), Invalid> {
    let Tournament { slug: own, id, unique, category, .. } = &event.tournament;
    let category = category.as_ref().ok_or_else(|| Invalid::new("/tournament/category", "an event without a sport"))?;
    let word = category.sport.as_ref().and_then(|sport| sport.slug.as_deref()).and_then(slug);
    let word = word.ok_or_else(|| Invalid::new("/tournament/category/sport/slug", "an event without a sport"))?;
    let sport = SPORTS.iter().find(|(theirs, _)| *theirs == word).map_or(word, |(_, ours)| (*ours).to_owned());
    let unique = unique.as_ref().and_then(|unique| unique.slug.as_deref().or(unique.id.as_deref()));
    let named = unique.or(own.as_deref()).or(id.as_deref()).and_then(slug);
    let named = named.ok_or_else(|| Invalid::new("/tournament/slug", "an event without a tournament"))?;
    let league = category.slug.as_deref().and_then(slug).map_or(named.clone(), |country| format!("{country}.{named}"));
    let league: String = league.chars().take(60).collect();
    let topic = read::topic(&sport, &league, event.id.as_deref(), "/id")?;
    Ok((sport, league, topic))
}

fn status(told: &wire::Status) -> (Status, Option<String>) {
    let by_code = CODES.iter().find(|(code, _)| Some(*code) == told.code).map(|(_, status)| *status);
    let by_type = || TYPES.iter().find(|(word, _)| Some(*word) == told.kind.as_deref()).map(|(_, status)| *status);
    let by_words = || by_words(told.description.as_deref()?);
    let status = by_code.or_else(by_words).or_else(by_type).unwrap_or(Status::Unknown);
    let reason = match (status, told.code) {
        (Status::Unknown, _) => told.description.clone().or_else(|| told.kind.clone()),
        (Status::Scheduled, Some(START_DELAYED)) => told.description.clone(),
        (Status::Final, Some(100)) | (Status::Scheduled | Status::Live | Status::Break, _) => None,
        _ => told.description.clone(),
    };
    (status, reason)
}

/// What the sport calls its periods, and how many are regular.
fn periods(sport: &str) -> Option<(PeriodKind, u32)> {
    match sport {
        "soccer" | "handball" => Some((PeriodKind::Half, 2)),
        "basketball" | "football" => Some((PeriodKind::Quarter, 4)),
        "hockey" => Some((PeriodKind::Period, 3)),
        "tennis" | "volleyball" => Some((PeriodKind::Set, 0)),
        "baseball" => Some((PeriodKind::Inning, 9)),
        _ => None,
    }
}

fn period(sport: &str, event: &Event) -> Option<Period> {
    let (kind, of) = periods(sport)?;
    let regular = |number| Period {
        number: Some(number),
        kind: Some(kind),
        of: Some(of).filter(|of| *of > 0),
        ..Period::default()
    };
    let bare = |kind| Period { kind: Some(kind), ..Period::default() };
    match (event.last_period.as_deref(), event.status.code) {
        (Some("overtime"), _) if sport == "soccer" => Some(bare(PeriodKind::Extra)),
        (Some("overtime"), _) => Some(bare(PeriodKind::Overtime)),
        (Some("penalties"), _) => Some(bare(PeriodKind::Shootout)),
        (Some(last), _) => {
            let number = last.strip_prefix("period")?.parse().ok().filter(|number| (1..=99).contains(number))?;
            Some(regular(number))
        }
        (None, Some(6)) => Some(regular(1)),
        (None, Some(7)) => Some(regular(2)),
        (None, _) => None,
    }
}

/// A clock that has run since the period started.
fn clock(event: &Event) -> Option<Clock> {
    let time = event.time.as_ref()?;
    let (initial, started) = (time.initial?, time.period_start?);
    let usable = (0..=10_000).contains(&initial) && (1..=100_000_000_000).contains(&started);
    usable.then(|| Clock {
        mode: Some(ClockMode::Up),
        running: Some(true),
        ms: Some(initial * 1000),
        at: Some(started * 1000),
        added_min: None,
    })
}

/// A running review, and the minutes that were announced to be added.
fn situation(event: &Event) -> Document {
    let review = event.var.as_ref().and_then(|var| match (var.home, var.away) {
        (Some(true), _) => Some("home"),
        (_, Some(true)) => Some("away"),
        _ => None,
    });
    let announced = event.time.as_ref().and_then(|time| match event.status.code {
        Some(6) => time.injury_time1,
        Some(7) => time.injury_time2,
        _ => None,
    });
    read::scalars([("review", review.map(Value::from)), ("announced_min", announced.map(Value::from))])
}

fn competitor(sport: &str, team: &Team, told: &wire::Score, begun: bool) -> Competitor {
    let score = if begun { score(sport, told) } else { Score::default() };
    let is_set = matches!(sport, "tennis" | "volleyball");
    let score = Score { sets: score.total.filter(|_| is_set), ..score };
    let side = read::team(team.name.clone(), team.code.clone(), score);
    match team.kind {
        // Tennis: 1 is a player, 2 a pair.
        Some(1) => Competitor { kind: Some(CompetitorKind::Athlete), team: None, ..side },
        Some(2) => Competitor { kind: Some(CompetitorKind::Pair), team: None, ..side },
        _ => side,
    }
}

fn score(sport: &str, told: &wire::Score) -> Score {
    Score {
        total: told.display.or(told.current),
        parts: read::parts((1..).map(Some).zip(told.periods())),
        shootout: told.penalties,
        points: told.point.as_deref().filter(|_| sport == "tennis").map(|points| Value::from(read::short(points))),
        ..Score::default()
    }
}
