//! API-FOOTBALL's shape, as far as it is read.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::provider::read::{int, or_default, text};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fixture {
    #[serde(deserialize_with = "or_default")]
    pub(super) fixture: Own,
    #[serde(deserialize_with = "or_default")]
    pub(super) league: League,
    #[serde(deserialize_with = "or_default")]
    pub(super) teams: Teams,
    pub(super) goals: Option<Tally>,
    #[serde(deserialize_with = "or_default")]
    pub(super) score: Score,
    #[serde(deserialize_with = "or_default")]
    pub(super) events: Vec<Event>,
}

/// What stands below `fixture`, or beside the rest where it was flattened.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Own {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) date: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) status: Status,
    #[serde(deserialize_with = "venue")]
    pub(super) venue: Option<Venue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    /// `2H`.
    #[serde(deserialize_with = "text")]
    pub(super) short: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) long: Option<String>,
    #[serde(deserialize_with = "int")]
    pub(super) elapsed: Option<i64>,
    /// Minutes into added time.
    #[serde(deserialize_with = "int")]
    pub(super) extra: Option<i64>,
}

/// Flattened, a venue is its name alone.
fn venue<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Venue>, D::Error> {
    let venue = match Value::deserialize(input)? {
        name @ Value::String(_) => text(name).map(|name| Some(Venue { name, city: None })),
        venue => Option::<Venue>::deserialize(venue),
    };
    venue.map_err(D::Error::custom)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Venue {
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) city: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct League {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) country: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) round: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Teams {
    #[serde(deserialize_with = "or_default")]
    pub(super) home: Team,
    #[serde(deserialize_with = "or_default")]
    pub(super) away: Team,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    #[serde(deserialize_with = "int")]
    pub(super) home: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) away: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Score {
    /// The first half's goals, also while it is played.
    pub(super) halftime: Option<Tally>,
    pub(super) penalty: Option<Tally>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    #[serde(deserialize_with = "or_default")]
    pub(super) time: Time,
    pub(super) team: Option<Team>,
    pub(super) player: Option<Player>,
    pub(super) assist: Option<Player>,
    /// `Goal`, `Card`, `subst`, `Var`.
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) detail: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) comments: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Player {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Time {
    #[serde(deserialize_with = "int")]
    pub(super) elapsed: Option<i64>,
    #[serde(deserialize_with = "int")]
    pub(super) extra: Option<i64>,
}
