//! The schedule of `statsapi.web.nhl.com`, closed in 2023, with `linescore` and `scoringPlays` where they were asked for;
//! [`live`](super::live) makes one of a game's feed.

use serde::Deserialize;
use serde_json::Value;

use super::goals::minute;
use super::shootout;
use crate::Game;
use crate::game::{Clock, ClockMode, Competition, Incident, Period, PeriodKind, Score, Status};
use crate::provider::items::{Item, Items};
use crate::provider::read::{self, int, or_default, text};
use crate::report::{Invalid, Report};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Match {
    #[serde(rename = "gamePk", deserialize_with = "text")]
    id: Option<String>,
    #[serde(deserialize_with = "text")]
    game_date: Option<String>,
    #[serde(deserialize_with = "or_default")]
    status: Told,
    #[serde(deserialize_with = "or_default")]
    teams: Sides<Side>,
    linescore: Option<Linescore>,
    scoring_plays: Items<Play>,
    venue: Option<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    #[serde(deserialize_with = "text")]
    status_code: Option<String>,
    #[serde(deserialize_with = "text")]
    detailed_state: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound = "T: serde::Deserialize<'de> + Default")]
struct Sides<T> {
    #[serde(deserialize_with = "or_default")]
    home: T,
    #[serde(deserialize_with = "or_default")]
    away: T,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Side {
    #[serde(deserialize_with = "int")]
    score: Option<i64>,
    team: Option<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    #[serde(deserialize_with = "text")]
    abbreviation: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Linescore {
    #[serde(deserialize_with = "int")]
    current_period: Option<i64>,
    /// `11:38`, `END`, `Final`.
    #[serde(deserialize_with = "text")]
    current_period_time_remaining: Option<String>,
    #[serde(deserialize_with = "or_default")]
    has_shootout: bool,
    shootout_info: Option<Sides<Kicks>>,
    intermission_info: Option<Intermission>,
    periods: Items<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kicks {
    #[serde(deserialize_with = "int")]
    scores: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Intermission {
    #[serde(rename = "inIntermission", deserialize_with = "or_default")]
    now: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    #[serde(deserialize_with = "int")]
    num: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    home: Goals,
    #[serde(deserialize_with = "or_default")]
    away: Goals,
}

impl Item for Part {
    const VITAL: &'static [&'static str] = &[];
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Goals {
    #[serde(deserialize_with = "int")]
    goals: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Play {
    #[serde(deserialize_with = "or_default")]
    about: About,
    #[serde(deserialize_with = "or_default")]
    result: Outcome,
    team: Option<Named>,
    #[serde(deserialize_with = "or_default")]
    players: Vec<Role>,
}

impl Item for Play {
    const VITAL: &'static [&'static str] = &[
        "/about/eventId",
        "/about/eventIdx",
        "/about/period",
        "/about/periodTime",
        "/about/periodType",
        "/result/eventTypeId",
        "/players",
    ];

    fn vital(item: &Value) -> &'static [&'static str] {
        let is_numbered = item.pointer("/about/eventId").is_some_and(|id| !id.is_null());
        let numbered = &["/about/eventId", "/about/eventIdx", "/about/periodType", "/result/eventTypeId", "/players"];
        if is_numbered { numbered } else { Self::VITAL }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct About {
    #[serde(deserialize_with = "text")]
    event_id: Option<String>,
    /// In order, where `eventId` is not.
    #[serde(deserialize_with = "int")]
    event_idx: Option<i64>,
    #[serde(deserialize_with = "int")]
    period: Option<i64>,
    /// `REGULAR`, `OVERTIME`, `SHOOTOUT`.
    #[serde(deserialize_with = "text")]
    period_type: Option<String>,
    #[serde(deserialize_with = "text")]
    period_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Outcome {
    #[serde(deserialize_with = "text")]
    event_type_id: Option<String>,
    #[serde(deserialize_with = "text")]
    description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Role {
    #[serde(deserialize_with = "text")]
    player_type: Option<String>,
    player: Option<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    #[serde(deserialize_with = "text")]
    id: Option<String>,
    #[serde(rename = "fullName", deserialize_with = "text")]
    name: Option<String>,
}

static STATUSES: [(&str, Status); 9] = [
    ("1", Status::Scheduled),
    ("2", Status::Scheduled),
    ("3", Status::Live),
    ("4", Status::Live),
    // Over, but not closed.
    ("5", Status::Ended),
    ("6", Status::Ended),
    ("7", Status::Final),
    ("8", Status::Scheduled),
    ("9", Status::Postponed),
];

pub(super) fn read(one: Value) -> Result<(Report, Vec<Invalid>), Invalid> {
    let one: Match = read::typed(one)?;
    let topic = read::topic("hockey", "nhl", one.id.as_deref(), "/gamePk")?;
    let line = one.linescore.as_ref();
    let (status, status_reason) = status(&one);
    let begun = !matches!(status, Status::Scheduled | Status::Postponed);
    let score = |side: &Side, goals: fn(&Part) -> Option<i64>, kicks: fn(&Sides<Kicks>) -> Option<i64>| Score {
        total: side.score.filter(|_| begun),
        parts: line
            .map(|line| read::parts(line.periods.iter().map(|part| (part.num, goals(part)))))
            .unwrap_or_default(),
        shootout: line.filter(|line| line.has_shootout).and_then(|line| line.shootout_info.as_ref()).and_then(kicks),
        ..Score::default()
    };
    let team = |side: &Side, score: Score| {
        let named = side.team.as_ref();
        let name = named.and_then(|team| team.name.clone());
        read::team(name, named.and_then(|team| team.abbreviation.clone()), score)
    };
    let home = score(&one.teams.home, |part| part.home.goals, |kicks| kicks.home.scores);
    let away = score(&one.teams.away, |part| part.away.goals, |kicks| kicks.away.scores);
    let period = line.filter(|_| begun).and_then(period);
    let remaining =
        line.filter(|_| status == Status::Live).and_then(|line| line.current_period_time_remaining.as_deref());
    let game = Game {
        sport: Some("hockey".to_owned()),
        competition: Some(Competition { id: Some("nhl".to_owned()), ..Competition::default() }),
        start: one
            .game_date
            .as_deref()
            .filter(|_| one.status.status_code.as_deref() != Some("8"))
            .and_then(read::instant),
        status: Some(status),
        status_reason,
        clock: remaining.and_then(read::reading).map(|ms| Clock {
            mode: Some(ClockMode::Down),
            ms: Some(ms),
            ..Clock::default()
        }),
        period,
        competitors: read::sides(team(&one.teams.home, home), team(&one.teams.away, away)),
        incidents: read::unique(one.scoring_plays.iter().map(|play| match play.is_kick() {
            true => kick(&one, play),
            false => incident(&one, play),
        })),
        info: read::scalars([("venue", one.venue.as_ref().and_then(|venue| venue.name.clone()).map(Value::from))]),
        ..Game::default()
    };
    let parts = line.into_iter().flat_map(|line| line.periods.refused("/linescore/periods"));
    let refused = one.scoring_plays.refused("/scoringPlays").chain(parts).collect();
    Ok((read::image(topic, game), refused))
}

fn status(one: &Match) -> (Status, Option<String>) {
    let line = one.linescore.as_ref();
    let resting = line.is_some_and(|line| {
        let over = line.current_period_time_remaining.as_deref() == Some("END");
        over || line.intermission_info.as_ref().is_some_and(|intermission| intermission.now)
    });
    let code = one.status.status_code.as_deref();
    match STATUSES.iter().find(|(known, _)| Some(*known) == code) {
        Some((_, Status::Live)) if resting => (Status::Break, None),
        Some((_, status)) => (*status, None),
        None => (Status::Unknown, one.status.detailed_state.clone().or_else(|| one.status.status_code.clone())),
    }
}

fn period(line: &Linescore) -> Option<Period> {
    let number = read::count(line.current_period).filter(|number| (1..=99).contains(number))?;
    let kind = match number {
        1..=3 => PeriodKind::Period,
        5 if line.has_shootout => PeriodKind::Shootout,
        _ => PeriodKind::Overtime,
    };
    Some(Period { number: Some(number), kind: Some(kind), of: Some(3), ..Period::default() })
}

impl Play {
    fn is_kick(&self) -> bool {
        self.about.period_type.as_deref() == Some("SHOOTOUT")
    }

    fn player(&self, role: &str) -> Option<&Person> {
        self.players.iter().find(|player| player.player_type.as_deref() == Some(role))?.player.as_ref()
    }
}

fn side(one: &Match, play: &Play) -> Option<String> {
    let team = play.team.as_ref().and_then(|team| team.id.as_ref());
    let is = |side: &Side| team.is_some() && side.team.as_ref().and_then(|team| team.id.as_ref()) == team;
    match (is(&one.teams.home), is(&one.teams.away)) {
        (true, false) => Some("home".to_owned()),
        (false, true) => Some("away".to_owned()),
        _ => None,
    }
}

/// A kick of a shoot-out; who failed altogether is listed first, without a role.
fn kick(one: &Match, play: &Play) -> (String, Incident) {
    let first = || play.players.first()?.player.as_ref();
    let player = play.player("Scorer").or_else(|| play.player("Shooter")).or_else(first);
    let scored = play.result.event_type_id.as_deref() == Some("GOAL");
    let (id, incident) = shootout::kick(
        player.and_then(|player| player.id.as_deref()),
        play.about.event_idx.unwrap_or_default(),
        scored,
    );
    let incident = Incident {
        order: play.about.event_idx,
        side: side(one, play),
        athlete: player.and_then(|player| player.name.clone()),
        text: play.result.description.clone(),
        ..incident
    };
    (id, incident)
}

fn incident(one: &Match, play: &Play) -> (String, Incident) {
    let About { event_id, event_idx, period, period_time, .. } = &play.about;
    let number = period.map(|period| period.to_string());
    let words = || read::incident_id([Some("goal"), number.as_deref(), period_time.as_deref()]);
    let id = event_id.as_ref().map_or_else(words, |event| read::incident_id([Some("e"), Some(event)]));
    let who = |role: &str| play.player(role).and_then(|player| player.name.clone());
    let incident = Incident {
        order: *event_idx,
        kind: Some(play.result.event_type_id.as_deref().unwrap_or("goal").to_lowercase()),
        side: side(one, play),
        athlete: who("Scorer"),
        other: who("Assist"),
        period: read::count(*period),
        minute: minute(*period, period_time.as_deref()),
        text: play.result.description.clone(),
        ..Incident::default()
    };
    (id, incident)
}
