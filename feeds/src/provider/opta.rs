//! Opta's F24: every event of a soccer match, as XML. Topics are `soccer/<competition_id>/<game id>` (`soccer/8/1234567`).
//!
//! - **No score is told** beside the events, and a score is never summed from incidents; only `home_score` and
//!   `away_score` of the game, where a document has them, are one. Goals are incidents.
//! - **The same event comes again with a greater `version`**, anywhere in the list; the greatest counts. A deleted event
//!   turns into type 43: it is no incident any more, and ingest says what that takes back.
//! - **Where the match stands** is told by period marks: 32 begins a period, 30 ends it; period 14 is over. A document
//!   without any is `unknown`.
//! - **`min` counts from 0**: 47:19 is the 48th minute; beyond its period's end it is added time.
//! - **An own goal is an event of the side that scored it**, and counts for the other.
//! - **Players are numbers**, no names: incidents have none.

use std::collections::BTreeMap;

use super::xml::Element;
use super::{Adapter, Decoded, read};
use crate::game::{Competition, Competitor, CompetitorKind, Incident, Period, PeriodKind, Score, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};

/// The adapter `opta`.
pub(super) struct Opta;

impl Adapter for Opta {
    fn name(&self) -> &'static str {
        "opta"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let root = Element::parse(payload)?;
        if root.name != "Games" {
            return Err(Invalid::new("", format!("the root is {:?}; Games is read", read::cut(&root.name))));
        }
        let mut decoded = Decoded::default();
        for one in root.all(&["Game"]) {
            match game(one, &mut decoded.refused) {
                Ok(report) => decoded.reports.push(report),
                Err(fault) => decoded.refuse(fault),
            }
        }
        Ok(decoded)
    }
}

/// Types of events, by Opta's numbers.
mod kind {
    pub(super) const MISS: i64 = 13;
    pub(super) const POST: i64 = 14;
    pub(super) const SAVED: i64 = 15;
    pub(super) const GOAL: i64 = 16;
    pub(super) const CARD: i64 = 17;
    pub(super) const PLAYER_ON: i64 = 19;
    pub(super) const PERIOD_END: i64 = 30;
    pub(super) const PERIOD_START: i64 = 32;
    /// Takes the place of the event of its id.
    pub(super) const DELETED: i64 = 43;
    /// Those that become incidents.
    pub(super) const TOLD: [i64; 6] = [MISS, POST, SAVED, GOAL, CARD, PLAYER_ON];
}

/// Qualifiers, by Opta's numbers.
mod qualifier {
    pub(super) const PENALTY: i64 = 9;
    pub(super) const OWN_GOAL: i64 = 28;
    pub(super) const YELLOW: i64 = 31;
    pub(super) const SECOND_YELLOW: i64 = 32;
    pub(super) const RED: i64 = 33;
}

const SHOOTOUT: i64 = 5;
const HALF_TIME: i64 = 10;
const OVER: i64 = 14;

struct Event<'a> {
    element: &'a Element,
    id: i64,
    kind: i64,
    period: i64,
    min: i64,
    sec: i64,
    version: i64,
}

impl<'a> Event<'a> {
    fn read(element: &'a Element) -> Result<Event<'a>, Invalid> {
        let need = |name: &str| {
            element.need(name)?;
            let fault = || Invalid::new(format!("{}/@{name}", element.pointer), "a whole number is expected");
            element.number(name).ok_or_else(fault)
        };
        let said = |name: &str| if element.get(name).is_some() { need(name) } else { Ok(0) };
        let [id, kind, period] = [need("id")?, need("type_id")?, need("period_id")?];
        let [min, sec] = [said("min")?.clamp(0, 999), said("sec")?.clamp(0, 999)];
        let version = said("version")?;
        if kind::TOLD.contains(&kind) {
            element.need("team_id")?;
        }
        Ok(Event { element, id, kind, period, min, sec, version })
    }

    fn is(&self, qualifier: i64) -> bool {
        self.element.all(&["Q"]).any(|one| one.number("qualifier_id") == Some(qualifier))
    }
}

/// Whether an event is of a kind that is told, or could be.
fn matters(event: &Element) -> bool {
    use kind::{DELETED, PERIOD_END, PERIOD_START};
    let marks = [PERIOD_END, PERIOD_START, DELETED];
    event.number("type_id").is_none_or(|kind| kind::TOLD.contains(&kind) || marks.contains(&kind))
}

fn game(one: &Element, refused: &mut Vec<Invalid>) -> Result<Report, Invalid> {
    let segment = |name: &str| {
        let fault = || Invalid::new(format!("{}/@{name}", one.pointer), "no letters or digits");
        one.need(name).and_then(|text| slug(text).ok_or_else(fault))
    };
    let topic = format!("soccer/{}/{}", segment("competition_id")?, segment("id")?);
    let topic: Topic = topic.parse().map_err(|_| Invalid::new(&*one.pointer, format!("no game {topic:?}")))?;
    let mut events: BTreeMap<i64, Event<'_>> = BTreeMap::new();
    for element in one.all(&["Event"]) {
        match Event::read(element) {
            Ok(event) if events.get(&event.id).is_some_and(|held| held.version > event.version) => {}
            Ok(event) => drop(events.insert(event.id, event)),
            Err(fault) if !matters(element) => refused.push(fault),
            // Left out, it would read as taken back.
            Err(fault) => return Err(fault),
        }
    }
    let mut events: Vec<Event<'_>> = events.into_values().collect();
    events.sort_by_key(|event| (event.period, event.min, event.sec, event.id));
    let (status, period) = standing(&events);
    let text = |name: &str| one.get(name).map(|text| read::cut(text).to_owned());
    let game = Game {
        sport: Some("soccer".to_owned()),
        competition: Some(Competition {
            id: Some(topic.competition().to_owned()),
            name: text("competition_name"),
            round: text("matchday"),
        }),
        status: Some(status),
        period,
        competitors: ["home", "away"].map(|side| (side.to_owned(), competitor(one, side))).into(),
        incidents: events.iter().filter_map(|event| Some((format!("e{}", event.id), incident(one, event)?))).collect(),
        info: read::scalars([
            ("date", text("game_date").map(Into::into)),
            ("season", text("season_name").map(Into::into)),
        ]),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

fn competitor(one: &Element, side: &str) -> Competitor {
    let name = one.get(&format!("{side}_team_name"));
    let total = one.number(&format!("{side}_score")).filter(|goals| (0..1_000).contains(goals));
    Competitor {
        kind: Some(CompetitorKind::Team),
        name: name.map(|name| read::cut(name).to_owned()),
        team: name.and_then(slug),
        score: total.map(|total| Score { total: Some(total), ..Score::default() }),
        ..Competitor::default()
    }
}

/// What the last mark of a period says.
fn standing(events: &[Event<'_>]) -> (Status, Option<Period>) {
    let marks = || events.iter().filter(|event| matches!(event.kind, kind::PERIOD_START | kind::PERIOD_END));
    let played = |period: i64| (1..=SHOOTOUT).contains(&period);
    let last = marks().filter(|mark| played(mark.period)).map(|mark| mark.period).max();
    let ended = |period: i64| marks().any(|mark| mark.kind == kind::PERIOD_END && mark.period == period);
    let status = match last {
        _ if ended(OVER) => Status::Final,
        _ if ended(SHOOTOUT) => Status::Ended,
        // The break before a period that has not begun.
        Some(period) if ended(period) => Status::Break,
        Some(_) => Status::Live,
        None if marks().any(|mark| mark.period == HALF_TIME) => Status::Break,
        None => Status::Unknown,
    };
    (status, last.map(period))
}

fn period(number: i64) -> Period {
    let kind = match number {
        1 | 2 => PeriodKind::Half,
        SHOOTOUT => PeriodKind::Shootout,
        _ => PeriodKind::Extra,
    };
    let of = (number != SHOOTOUT).then_some(2);
    Period { number: u32::try_from(number).ok(), kind: Some(kind), of, ..Period::default() }
}

fn incident(one: &Element, event: &Event<'_>) -> Option<Incident> {
    let team = event.element.get("team_id")?;
    let sides = ["home", "away"];
    let own = sides.iter().position(|side| one.get(&format!("{side}_team_id")) == Some(team));
    let in_shootout = event.period == SHOOTOUT;
    let own_goal = event.kind == kind::GOAL && event.is(qualifier::OWN_GOAL);
    let (kind, detail) = match event.kind {
        kind::GOAL if in_shootout => ("shootout", Some("scored")),
        kind::MISS | kind::POST | kind::SAVED if in_shootout => ("shootout", Some("missed")),
        // A goal that does not stand has outcome 0.
        kind::GOAL if event.element.get("outcome") == Some("0") => return None,
        kind::GOAL if own_goal => ("goal", Some("own_goal")),
        kind::GOAL if event.is(qualifier::PENALTY) => ("goal", Some("penalty")),
        kind::GOAL => ("goal", None),
        kind::MISS | kind::POST | kind::SAVED if event.is(qualifier::PENALTY) => ("penalty", Some("missed")),
        kind::CARD if event.is(qualifier::RED) => ("card", Some("red")),
        kind::CARD if event.is(qualifier::SECOND_YELLOW) => ("card", Some("second_yellow")),
        kind::CARD if event.is(qualifier::YELLOW) => ("card", Some("yellow")),
        kind::CARD => ("card", None),
        kind::PLAYER_ON => ("substitution", None),
        _ => return None,
    };
    let (minute, added_min) = minute(event);
    Some(Incident {
        order: Some((event.period.clamp(0, 99) * 1_000 + event.min) * 100 + event.sec.min(99)),
        kind: Some(kind.to_owned()),
        side: own.map(|own| sides[if own_goal { 1 - own } else { own }].to_owned()),
        athlete: event.element.get("player_name").map(|name| read::cut(name).to_owned()),
        period: u32::try_from(event.period).ok(),
        minute: Some(minute).filter(|_| !in_shootout),
        added_min: added_min.filter(|_| !in_shootout),
        detail: detail.map(str::to_owned),
        rev: Some(event.version).filter(|version| *version > 0),
        ..Incident::default()
    })
}

/// The minute as people count it, and the added minute beyond the period's end.
fn minute(event: &Event<'_>) -> (u32, Option<u32>) {
    let end = match event.period {
        1 => 45,
        2 => 90,
        3 => 105,
        4 => 120,
        _ => 999,
    };
    let minute = event.min + 1;
    let whole = |minute: i64| u32::try_from(minute).unwrap_or(0);
    if minute > end { (whole(end), Some(whole(minute - end))) } else { (whole(minute), None) }
}
