//! Which sport and league an event belongs to. ESPN says it in numbers in the event's uid (`s:600~l:700~e:740898`), and
//! in words in the payload's `leagues`, in a situation's link, and for some leagues in the event's links.

use std::borrow::Cow;

use serde_json::Value;

use super::period::Rules;
use super::wire::{Head, League};
use super::{cricket, golf, mma, period, racing, situation, soccer, tennis};
use crate::game::{ClockMode, PeriodKind};
use crate::report::{Invalid, Report};

/// A sport at ESPN.
#[derive(Clone)]
pub(super) struct Sport {
    /// `s:` of a uid.
    number: Cow<'static, str>,
    /// ESPN's word in links.
    slug: &'static str,
    /// Ours: the first segment of the topic.
    pub(super) word: Cow<'static, str>,
    pub(super) shape: Shape,
}

/// How an event of a sport is read.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// One competition of two sides, home and away.
    Match(&'static Rules),
    /// One competition of many, or many competitions: each is a game of its own.
    Each(fn(&Place, &Head, Value) -> Result<Report, Invalid>),
}

/// Where an event belongs: the first two segments of its topic.
pub(super) struct Place {
    pub(super) sport: Cow<'static, str>,
    pub(super) league: String,
    /// The league's name, where the payload says it.
    pub(super) name: Option<String>,
}

const fn sport(number: &'static str, slug: &'static str, word: &'static str, shape: Shape) -> Sport {
    Sport { number: Cow::Borrowed(number), slug, word: Cow::Borrowed(word), shape }
}

static SPORTS: [Sport; 12] = [
    sport("600", "soccer", "soccer", Shape::Match(&soccer::RULES)),
    sport("20", "football", "football", Shape::Match(&FOOTBALL)),
    sport("40", "basketball", "basketball", Shape::Match(&BASKETBALL)),
    sport("1", "baseball", "baseball", Shape::Match(&BASEBALL)),
    sport("70", "hockey", "hockey", Shape::Match(&HOCKEY)),
    sport("400", "volleyball", "volleyball", Shape::Match(&VOLLEYBALL)),
    // Union and league.
    sport("300", "rugby", "rugby", Shape::Match(&RUGBY)),
    sport("200", "cricket", "cricket", Shape::Each(cricket::read)),
    sport("850", "tennis", "tennis", Shape::Each(tennis::read)),
    sport("1100", "golf", "golf", Shape::Each(golf::read)),
    sport("2000", "racing", "racing", Shape::Each(racing::read)),
    sport("3301", "mma", "mma", Shape::Each(mma::read)),
];

static FOOTBALL: Rules = Rules {
    kind: PeriodKind::Quarter,
    of: 4,
    clock: Some(ClockMode::Down),
    period: period::with_overtime,
    fill: situation::football,
};
static BASKETBALL: Rules = Rules { fill: situation::none, ..FOOTBALL };
static HOCKEY: Rules = Rules { kind: PeriodKind::Period, of: 3, ..BASKETBALL };
static BASEBALL: Rules =
    Rules { kind: PeriodKind::Inning, of: 9, clock: None, period: period::inning, fill: situation::baseball };
static VOLLEYBALL: Rules =
    Rules { kind: PeriodKind::Set, of: 5, clock: None, period: period::plain, fill: situation::sets };
static RUGBY: Rules = Rules {
    kind: PeriodKind::Half,
    of: 2,
    clock: Some(ClockMode::Up),
    period: period::with_overtime,
    fill: situation::none,
};
/// A sport that is not in the table: neither what it calls its periods nor which way its clock runs is known.
static ANY: Rules =
    Rules { kind: PeriodKind::Period, of: 0, clock: None, period: period::numbered, fill: situation::none };

/// Leagues by their uid, for payloads that name none. The link into ESPN's core service says it for the others.
static LEAGUES: [(&str, &str); 26] = [
    ("s:1~l:10", "mlb"),
    ("s:20~l:28", "nfl"),
    ("s:20~l:23", "college-football"),
    ("s:40~l:46", "nba"),
    ("s:40~l:59", "wnba"),
    ("s:40~l:41", "mens-college-basketball"),
    ("s:40~l:54", "womens-college-basketball"),
    ("s:70~l:90", "nhl"),
    ("s:400~l:402", "womens-college-volleyball"),
    ("s:850~l:851", "atp"),
    ("s:850~l:900", "wta"),
    ("s:1100~l:1106", "pga"),
    ("s:2000~l:2030", "f1"),
    ("s:3301~l:3321", "ufc"),
    ("s:600~l:606", "fifa.world"),
    ("s:600~l:700", "eng.1"),
    ("s:600~l:710", "fra.1"),
    ("s:600~l:720", "ger.1"),
    ("s:600~l:730", "ita.1"),
    ("s:600~l:740", "esp.1"),
    ("s:600~l:770", "usa.1"),
    ("s:600~l:725", "ned.1"),
    ("s:600~l:775", "uefa.champions"),
    ("s:600~l:776", "uefa.europa"),
    ("s:600~l:781", "uefa.euro"),
    ("s:600~l:3914", "eng.2"),
];

/// The sport of an event.
pub(super) fn sport_of(leagues: &[League], event: &Value) -> Result<Sport, Invalid> {
    let only = match leagues {
        [only] => only.uid.as_deref(),
        _ => None,
    };
    let number = uid(event).or(only).and_then(|uid| part(uid, "s:"));
    let slug = core_link(event).and_then(|link| after(link, "/sports/"));
    let found = match (number, slug) {
        (Some(number), _) => SPORTS.iter().find(|sport| sport.number == number),
        (None, Some(slug)) => SPORTS.iter().find(|sport| sport.slug == slug),
        (None, None) => None,
    };
    let found = found.cloned().or_else(|| number.and_then(|number| unlisted(number, event)));
    found.ok_or_else(|| match number.or(slug) {
        Some(named) => Invalid::new("/uid", format!("sport {named} is not known")),
        None => Invalid::new("/uid", "the sport of this event cannot be told"),
    })
}

/// A sport that is not in the table, where its event is one competition of two sides. It is called by its number, which
/// every event says: a word in a link would come and go with the link, and the topic with it.
fn unlisted(number: &str, event: &Value) -> Option<Sport> {
    let [competition] = &event.get("competitions")?.as_array()?[..] else { return None };
    let sides = competition.get("competitors")?.as_array()?.iter().map(|side| side.get("homeAway")?.as_str());
    let mut sides: Vec<&str> = sides.collect::<Option<_>>()?;
    sides.sort_unstable();
    (sides == ["away", "home"]).then(|| Sport {
        number: Cow::Owned(number.to_owned()),
        slug: "",
        word: Cow::Owned(format!("s{number}")),
        shape: Shape::Match(&ANY),
    })
}

/// The league of an event of that sport.
pub(super) fn place(sport: &Sport, leagues: &[League], event: &Value) -> Result<Place, Invalid> {
    let uid = uid(event).and_then(league_uid);
    let named = match uid {
        Some(uid) => leagues.iter().find(|league| league.uid.as_deref() == Some(uid)),
        // Without a league in the uid, the payload's only league is meant, where it is one of this sport.
        None => match leagues {
            [only] if only.uid.as_deref().is_none_or(|uid| part(uid, "s:") == Some(&*sport.number)) => Some(only),
            _ => None,
        },
    };
    let slug = named
        .and_then(|league| league.slug.as_deref())
        .or_else(|| event.pointer("/league/slug").and_then(Value::as_str))
        .or_else(|| core_link(event).and_then(|link| after(link, "/leagues/")))
        .or_else(|| LEAGUES.iter().find(|(known, _)| Some(*known) == uid).map(|(_, slug)| *slug))
        .or_else(|| linked(event, "espn.com/").find(|named| LEAGUES.iter().any(|(_, slug)| slug == named)))
        // A series of cricket has a number only.
        .or_else(|| linked(event, "/cricket/series/").find(|series| series.bytes().all(|b| b.is_ascii_digit())))
        // As has a league of rugby.
        .or_else(|| uid.filter(|_| sport.word == "rugby").and_then(|uid| part(uid, "l:")));
    match slug {
        Some(slug) => Ok(Place {
            sport: sport.word.clone(),
            league: slug.to_lowercase(),
            name: named.and_then(|league| league.name.clone()),
        }),
        None => Err(Invalid::new("/uid", format!("the league of this {} event cannot be told", sport.word))),
    }
}

fn uid(event: &Value) -> Option<&str> {
    event.get("uid")?.as_str()
}

/// The link into ESPN's core service that a situation carries: `…/v2/sports/soccer/leagues/usa.1/events/…`.
fn core_link(event: &Value) -> Option<&str> {
    event.pointer("/competitions/0/situation/$ref")?.as_str()
}

/// `s:600~l:700` of `s:600~l:700~e:740898`.
fn league_uid(uid: &str) -> Option<&str> {
    match uid.find("~e:") {
        Some(end) => Some(&uid[..end]),
        None => Some(uid),
    }
    .filter(|uid| uid.contains("~l:"))
}

fn part<'a>(uid: &'a str, name: &str) -> Option<&'a str> {
    uid.split('~').find_map(|part| part.strip_prefix(name))
}

/// The path segment after a marker: `usa.1` after `/leagues/`.
fn after<'a>(link: &'a str, marker: &str) -> Option<&'a str> {
    let (_, rest) = link.split_once(marker)?;
    rest.split(['/', '?']).next().filter(|segment| !segment.is_empty())
}

/// What follows a marker in the addresses of an event's pages: `nba` of `espn.com/nba/game/…`.
fn linked<'a>(event: &'a Value, marker: &'a str) -> impl Iterator<Item = &'a str> {
    let links = event.get("links").and_then(Value::as_array).into_iter().flatten();
    links.filter_map(move |link| after(link.get("href")?.as_str()?, marker))
}
