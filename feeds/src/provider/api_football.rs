//! API-FOOTBALL, version 3 of api-sports.io: `/fixtures?live=all`, `/fixtures?ids=…`; polled with a key.
//!
//! A payload is `{"response":[…]}`; with status 200 too when the key or the quota is at fault, which `errors` says. Some
//! who pass it on flatten it to `{"fixtures":[…]}`, which is read as well. Topics are `soccer/league-id/fixture-id`
//! (`soccer/39/1148845`): by the number, because many countries have a Premier League.
//!
//! - **Events have no ids**: one is made of type, team, player, minute and added minute; a goal's without the player, so
//!   that a scorer named later amends it.
//! - **A disallowed goal vanishes**, and only an event of type `Var` is left: the one is found by comparing images, the
//!   other is a `review`.
//! - **`goals` leave the shoot-out out**; its kicks are events with the comment `Penalty Shootout`.
//! - **Whom an own goal counts for is not documented**: it carries no side.

mod wire;

use serde_json::Value;

use super::{Adapter, Decoded, read};
use crate::Game;
use crate::game::{Clock, ClockMode, Competition, Incident, Period, PeriodKind, Score, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use wire::{Event, Fixture, Own, Tally};

/// The adapter `api-football`.
pub(super) struct ApiFootball;

impl Adapter for ApiFootball {
    fn name(&self) -> &'static str {
        "api-football"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let Value::Object(mut payload) = read::json(payload)? else {
            return Err(Invalid::new("", "a JSON object is expected"));
        };
        if let Some(Value::Object(errors)) = payload.get("errors")
            && let Some((name, said)) = errors.iter().next()
        {
            let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
            return Err(Invalid::new("/errors", format!("{name}: {said}")));
        }
        for place in ["response", "fixtures"] {
            if let Some(Value::Array(fixtures)) = payload.remove(place) {
                return Ok(read::each(read::items(&format!("/{place}"), fixtures), game));
            }
        }
        Err(Invalid::new("/response", "neither response nor fixtures"))
    }
}

/// What the short status says: where it stands, and the period that is played.
static STATUSES: [(&str, Status, Option<PeriodKind>); 19] = [
    ("TBD", Status::Scheduled, None),
    ("NS", Status::Scheduled, None),
    ("1H", Status::Live, Some(PeriodKind::Half)),
    ("HT", Status::Break, Some(PeriodKind::Half)),
    ("2H", Status::Live, Some(PeriodKind::Half)),
    ("ET", Status::Live, Some(PeriodKind::Extra)),
    ("BT", Status::Break, Some(PeriodKind::Extra)),
    ("P", Status::Live, Some(PeriodKind::Shootout)),
    ("LIVE", Status::Live, None),
    ("INT", Status::Interrupted, None),
    ("SUSP", Status::Suspended, None),
    ("PST", Status::Postponed, None),
    ("CANC", Status::Cancelled, None),
    ("ABD", Status::Abandoned, None),
    ("AWD", Status::Awarded, None),
    ("WO", Status::Awarded, None),
    ("FT", Status::Final, None),
    ("AET", Status::Final, None),
    ("PEN", Status::Final, None),
];

fn game(fixture: Value) -> Result<Report, Invalid> {
    // Flattened, what is the fixture's own stands beside the rest.
    let flat: Option<Own> = match fixture.get("fixture") {
        Some(_) => None,
        None => Some(read::typed(fixture.clone())?),
    };
    let mut fixture: Fixture = read::typed(fixture)?;
    // Equal events are numbered by who they name, not by the list's order.
    fixture.events.sort_by_key(|event| event.player.as_ref().and_then(|player| player.id.clone()));
    let own = flat.as_ref().unwrap_or(&fixture.fixture);
    let league = fixture.league.id.as_deref().and_then(slug);
    let league = league.ok_or_else(|| Invalid::new("/league/id", "a fixture without a league"))?;
    let topic = read::topic("soccer", &league, own.id.as_deref(), "/fixture/id")?;
    let short = own.status.short.as_deref();
    let (status, period) = match STATUSES.iter().find(|(known, ..)| Some(*known) == short) {
        Some((_, status, kind)) => (*status, kind.map(|kind| period(kind, short))),
        None => (Status::Unknown, None),
    };
    let begun = !matches!(status, Status::Scheduled | Status::Postponed | Status::Cancelled);
    let side = |team: &wire::Team, pick: fn(&Tally) -> Option<i64>| {
        let score = if begun { score(&fixture, pick) } else { Score::default() };
        read::team(team.name.clone(), team.code.clone(), score)
    };
    let game = Game {
        sport: Some("soccer".to_owned()),
        competition: Some(Competition {
            id: Some(league),
            name: fixture.league.name.clone(),
            round: fixture.league.round.clone(),
        }),
        start: own.date.as_deref().filter(|_| short != Some("TBD")).and_then(read::instant),
        status: Some(status),
        status_reason: reason(status, &own.status),
        period,
        clock: clock(&own.status).filter(|_| matches!(status, Status::Live | Status::Break | Status::Interrupted)),
        competitors: read::sides(
            side(&fixture.teams.home, |tally| tally.home),
            side(&fixture.teams.away, |tally| tally.away),
        ),
        incidents: read::unique(fixture.events.iter().map(|event| incident(&fixture, event))),
        info: read::scalars([
            ("venue", own.venue.as_ref().and_then(|venue| venue.name.clone()).map(Value::from)),
            ("city", own.venue.as_ref().and_then(|venue| venue.city.clone()).map(Value::from)),
            ("country", fixture.league.country.clone().map(Value::from)),
        ]),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

fn period(kind: PeriodKind, short: Option<&str>) -> Period {
    let number = match short {
        // At half-time the first half is the one that was played.
        Some("1H" | "HT") => Some(1),
        Some("2H") => Some(2),
        _ => None,
    };
    Period { number, kind: Some(kind), of: number.and(Some(2)), ..Period::default() }
}

/// The provider's words where the status alone does not say it all.
fn reason(status: Status, told: &wire::Status) -> Option<String> {
    match (status, told.short.as_deref()) {
        (Status::Unknown, _) => told.long.clone().or_else(|| told.short.clone()),
        (_, Some("AET" | "PEN" | "WO" | "TBD")) => told.long.clone(),
        _ => None,
    }
}

/// No minute of play is greater: 120 and what is added.
const LAST_MINUTE: i64 = 200;

fn clock(told: &wire::Status) -> Option<Clock> {
    let minute = told.elapsed.filter(|minute| (0..=LAST_MINUTE).contains(minute))?;
    let added_min = read::count(told.extra.filter(|extra| *extra <= LAST_MINUTE));
    Some(Clock { mode: Some(ClockMode::Up), ms: Some(minute * 60_000), added_min, ..Clock::default() })
}

fn score(fixture: &Fixture, pick: fn(&Tally) -> Option<i64>) -> Score {
    let of = |tally: &Option<Tally>| tally.as_ref().and_then(pick);
    Score {
        total: of(&fixture.goals),
        parts: read::parts([(Some(1), of(&fixture.score.halftime))]),
        shootout: of(&fixture.score.penalty),
        ..Score::default()
    }
}

fn incident(fixture: &Fixture, event: &Event) -> (String, Incident) {
    let (kind, detail) = kind(event);
    let team = event.team.as_ref().and_then(|team| team.id.as_deref().or(team.name.as_deref()));
    let player = event.player.as_ref().and_then(|player| player.id.as_deref().or(player.name.as_deref()));
    let (minute, added_min) = (read::count(event.time.elapsed), read::count(event.time.extra));
    let when = added_min.map_or(minute.unwrap_or(0).to_string(), |added| format!("{}.{added}", minute.unwrap_or(0)));
    let (player, more) = if kind == "goal" { (None, None) } else { (player, detail.as_deref()) };
    let id = read::incident_id([Some(&*kind), more, team, player, Some(&when)]);
    let own_goal = detail.as_deref() == Some("own_goal");
    let incident = Incident {
        order: minute.map(|minute| i64::from(minute) * 100 + i64::from(added_min.unwrap_or(0).min(99))),
        side: side_of(fixture, team).filter(|_| !own_goal),
        athlete: event.player.as_ref().and_then(|player| player.name.clone()),
        other: event.assist.as_ref().and_then(|player| player.name.clone()),
        minute,
        added_min,
        text: (kind == "review").then(|| event.detail.clone()).flatten().or_else(|| event.comments.clone()),
        kind: Some(kind),
        detail,
        ..Incident::default()
    };
    (id, incident)
}

/// Type and detail.
fn kind(event: &Event) -> (String, Option<String>) {
    let word = |text: &Option<String>| text.as_deref().and_then(slug).map(|word| word.replace('-', "_"));
    let is_kick = event.comments.as_deref() == Some("Penalty Shootout");
    let (kind, detail) = match (event.kind.as_deref(), event.detail.as_deref()) {
        (Some("Goal"), Some("Missed Penalty")) if is_kick => ("shootout", Some("missed")),
        (Some("Goal"), _) if is_kick => ("shootout", Some("scored")),
        (Some("Goal"), Some("Missed Penalty")) => ("penalty", Some("missed")),
        (Some("Goal"), Some("Own Goal")) => ("goal", Some("own_goal")),
        (Some("Goal"), Some("Penalty")) => ("goal", Some("penalty")),
        (Some("Goal"), _) => ("goal", None),
        (Some("Card"), Some("Yellow Card")) => ("card", Some("yellow")),
        (Some("Card"), Some("Red Card")) => ("card", Some("red")),
        (Some("Card"), Some(detail)) if detail.eq_ignore_ascii_case("second yellow card") => {
            ("card", Some("second_yellow"))
        }
        (Some("subst"), _) => ("substitution", None),
        (Some("Var"), _) => return ("review".to_owned(), word(&event.detail)),
        _ => return (word(&event.kind).unwrap_or_else(|| "other".to_owned()), word(&event.detail)),
    };
    (kind.to_owned(), detail.map(str::to_owned))
}

fn side_of(fixture: &Fixture, team: Option<&str>) -> Option<String> {
    let is = |side: &wire::Team| team.is_some() && (side.id.as_deref() == team || side.name.as_deref() == team);
    match (is(&fixture.teams.home), is(&fixture.teams.away)) {
        (true, false) => Some("home".to_owned()),
        (false, true) => Some("away".to_owned()),
        _ => None,
    }
}
