//! ESPN's shape, as far as it is read. Everything may be missing, null, or a text where a number is meant.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::provider::items::{Item, Items};
use crate::provider::read::{int, or_default, text};

#[derive(Debug, Deserialize)]
pub(super) struct League {
    /// `s:600~l:700`.
    #[serde(default, deserialize_with = "text")]
    pub(super) uid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) slug: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
}

/// What an event says of all its competitions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Head {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) date: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    /// `{"number": 5}`; in a summary the number alone.
    #[serde(deserialize_with = "week")]
    pub(super) week: Option<i64>,
    pub(super) status: Option<Status>,
    /// Racing: where it is.
    pub(super) circuit: Option<Venue>,
    /// Golf.
    #[serde(deserialize_with = "or_default")]
    pub(super) courses: Vec<Course>,
    pub(super) tournament: Option<Tournament>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Course {
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    pub(super) address: Option<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tournament {
    #[serde(rename = "numberOfRounds", deserialize_with = "int")]
    pub(super) rounds: Option<i64>,
}

fn week<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    let value = match Value::deserialize(input)? {
        Value::Object(mut week) => week.remove("number").unwrap_or_default(),
        value => value,
    };
    int(value).map_err(serde::de::Error::custom)
}

/// One competition of `C`s: sides, players, drivers.
#[derive(Debug, Deserialize)]
#[serde(bound = "C: Deserialize<'de>")]
pub(super) struct Competition<C = Competitor> {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Kind>,
    pub(super) round: Option<Named>,
    #[serde(default, deserialize_with = "text")]
    pub(super) date: Option<String>,
    /// False: the day is known, the time of day is a filler.
    #[serde(rename = "timeValid")]
    pub(super) time_valid: Option<bool>,
    pub(super) status: Option<Status>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) competitors: Vec<C>,
    #[serde(default)]
    pub(super) details: Items<Detail>,
    pub(super) situation: Option<Situation>,
    pub(super) venue: Option<Venue>,
    pub(super) format: Option<Format>,
    #[serde(default)]
    pub(super) notes: Items<Note>,
    #[serde(rename = "altGameNote", default, deserialize_with = "text")]
    pub(super) game_note: Option<String>,
}

/// What a competition is: a session, a weight class.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Kind {
    #[serde(deserialize_with = "text")]
    pub(super) abbreviation: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    #[serde(rename = "displayName", deserialize_with = "text")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Status {
    /// Seconds; capped at the end of the half in soccer.
    pub(super) clock: Option<f64>,
    #[serde(rename = "displayClock", default, deserialize_with = "text")]
    pub(super) display_clock: Option<String>,
    #[serde(default, deserialize_with = "int")]
    pub(super) period: Option<i64>,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(super) kind: StatusType,
    /// Cricket: how it stands, in words.
    #[serde(default, deserialize_with = "text")]
    pub(super) summary: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct StatusType {
    /// `STATUS_SECOND_HALF`.
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    /// `pre`, `in`, `post`.
    #[serde(default, deserialize_with = "text")]
    pub(super) state: Option<String>,
    pub(super) completed: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    pub(super) description: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) detail: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Competitor {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "homeAway", default, deserialize_with = "text")]
    pub(super) home_away: Option<String>,
    pub(super) team: Option<Team>,
    #[serde(default, deserialize_with = "int")]
    pub(super) score: Option<i64>,
    #[serde(rename = "shootoutScore", default, deserialize_with = "int")]
    pub(super) shootout_score: Option<i64>,
    #[serde(default)]
    pub(super) linescores: Items<Linescore>,
    #[serde(default, deserialize_with = "int")]
    pub(super) hits: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) errors: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Team {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "displayName", default, deserialize_with = "text")]
    pub(super) display_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) abbreviation: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Linescore {
    #[serde(default, deserialize_with = "int")]
    pub(super) value: Option<i64>,
    /// A summary has this alone: `"1"`.
    #[serde(rename = "displayValue", default, deserialize_with = "text")]
    pub(super) shown: Option<String>,
    /// Absent in older payloads: the place in the list says it.
    #[serde(default, deserialize_with = "int")]
    pub(super) period: Option<i64>,
}

impl Item for Linescore {
    const VITAL: &'static [&'static str] = &[];
}

/// A key event of soccer. It has no id.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(super) kind: DetailType,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) clock: DetailClock,
    pub(super) team: Option<TeamRef>,
    #[serde(rename = "scoringPlay", default, deserialize_with = "or_default")]
    pub(super) scoring: bool,
    #[serde(rename = "redCard", default, deserialize_with = "or_default")]
    pub(super) red_card: bool,
    #[serde(rename = "yellowCard", default, deserialize_with = "or_default")]
    pub(super) yellow_card: bool,
    #[serde(rename = "penaltyKick", default, deserialize_with = "or_default")]
    pub(super) penalty: bool,
    #[serde(rename = "ownGoal", default, deserialize_with = "or_default")]
    pub(super) own_goal: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) shootout: bool,
    #[serde(rename = "athletesInvolved", default, deserialize_with = "or_default")]
    pub(super) athletes: Vec<Athlete>,
    /// A summary's word for them.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) participants: Vec<Player>,
}

impl Item for Detail {
    const VITAL: &'static [&'static str] = &[
        "/type",
        "/clock/displayValue",
        "/team",
        "/scoringPlay",
        "/redCard",
        "/yellowCard",
        "/penaltyKick",
        "/shootout",
        "/athletesInvolved",
        "/participants",
    ];
}

impl Detail {
    /// Whom it is about.
    pub(super) fn athlete(&self) -> Option<&Athlete> {
        self.athletes.first().or_else(|| self.participants.first()?.athlete.as_ref())
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct DetailType {
    #[serde(default, deserialize_with = "text")]
    pub(super) text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct DetailClock {
    /// Seconds; capped at the end of the half.
    pub(super) value: Option<f64>,
    /// `90'+2'`.
    #[serde(rename = "displayValue", default, deserialize_with = "text")]
    pub(super) display: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TeamRef {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Athlete {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(rename = "displayName", default, deserialize_with = "text")]
    pub(super) name: Option<String>,
}

/// What only this moment knows: football, baseball, tennis, and everybody's last play.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Situation {
    /// Tennis: who serves.
    pub(super) server: Option<Link>,
    #[serde(rename = "lastPlay")]
    pub(super) last_play: Option<Play>,
    #[serde(default, deserialize_with = "int")]
    pub(super) down: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) distance: Option<i64>,
    #[serde(rename = "yardLine", default, deserialize_with = "int")]
    pub(super) yard_line: Option<i64>,
    /// `NO 10`.
    #[serde(rename = "possessionText", default, deserialize_with = "text")]
    pub(super) spot: Option<String>,
    /// A team's id.
    #[serde(default, deserialize_with = "text")]
    pub(super) possession: Option<String>,
    #[serde(rename = "isRedZone")]
    pub(super) red_zone: Option<bool>,
    #[serde(rename = "homeTimeouts", default, deserialize_with = "int")]
    pub(super) home_timeouts: Option<i64>,
    #[serde(rename = "awayTimeouts", default, deserialize_with = "int")]
    pub(super) away_timeouts: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) balls: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) strikes: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) outs: Option<i64>,
    #[serde(rename = "onFirst")]
    pub(super) on_first: Option<bool>,
    #[serde(rename = "onSecond")]
    pub(super) on_second: Option<bool>,
    #[serde(rename = "onThird")]
    pub(super) on_third: Option<bool>,
    pub(super) pitcher: Option<Player>,
    pub(super) batter: Option<Player>,
}

/// A link into ESPN's core service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    #[serde(rename = "$ref", deserialize_with = "text")]
    pub(super) target: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Play {
    #[serde(default, deserialize_with = "text")]
    pub(super) text: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Player {
    pub(super) athlete: Option<Athlete>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Venue {
    #[serde(rename = "fullName", deserialize_with = "text")]
    pub(super) name: Option<String>,
    /// Tennis.
    #[serde(deserialize_with = "text")]
    pub(super) court: Option<String>,
    pub(super) address: Option<Address>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    #[serde(deserialize_with = "text")]
    pub(super) city: Option<String>,
    /// Tennis has this alone: `Limoges, France`.
    #[serde(deserialize_with = "text")]
    pub(super) summary: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Format {
    pub(super) regulation: Option<Regulation>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Regulation {
    #[serde(default, deserialize_with = "int")]
    pub(super) periods: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Note {
    #[serde(default, deserialize_with = "text")]
    pub(super) headline: Option<String>,
}

impl Item for Note {
    const VITAL: &'static [&'static str] = &[];
}

/// A number as a JSON value.
pub(super) fn number(number: Option<i64>) -> Option<Value> {
    number.map(Value::from)
}
