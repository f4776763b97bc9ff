//! Cricsheet's shape (data version 1.x), as far as it is read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::provider::read::{int, or_default, text};

#[derive(Deserialize)]
pub(super) struct Match {
    pub(super) info: Info,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) innings: Vec<Value>,
}

#[derive(Deserialize)]
pub(super) struct Info {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) teams: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) dates: Vec<String>,
    pub(super) event: Option<Event>,
    #[serde(default, deserialize_with = "text")]
    pub(super) match_type: Option<String>,
    #[serde(default, deserialize_with = "int")]
    balls_per_over: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    pub(super) season: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) venue: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) city: Option<String>,
    pub(super) toss: Option<Toss>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) player_of_match: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) outcome: Outcome,
}

impl Info {
    pub(super) fn balls_per_over(&self) -> i64 {
        self.balls_per_over.filter(|balls| (1..=10).contains(balls)).unwrap_or(6)
    }

    /// How many innings this kind of match has.
    pub(super) fn innings(&self) -> Option<u32> {
        match self.match_type.as_deref()? {
            "T20" | "IT20" | "ODI" | "ODM" => Some(2),
            "Test" | "MDM" => Some(4),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "int")]
    pub(super) match_number: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    pub(super) stage: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Toss {
    #[serde(default, deserialize_with = "text")]
    pub(super) winner: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) decision: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Outcome {
    #[serde(default, deserialize_with = "text")]
    pub(super) winner: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) result: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) eliminator: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) bowl_out: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) method: Option<String>,
    /// `{"runs": 12}`, `{"wickets": 5}`, `{"innings": 1, "runs": 30}`.
    pub(super) by: Option<BTreeMap<String, i64>>,
}

#[derive(Deserialize)]
pub(super) struct Innings {
    #[serde(default, deserialize_with = "text")]
    pub(super) team: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) overs: Vec<Over>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) super_over: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) declared: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) penalty_runs: PenaltyRuns,
    pub(super) target: Option<Target>,
}

#[derive(Default, Deserialize)]
pub(super) struct PenaltyRuns {
    #[serde(default, deserialize_with = "runs")]
    pub(super) pre: i64,
    #[serde(default, deserialize_with = "runs")]
    pub(super) post: i64,
}

#[derive(Deserialize)]
pub(super) struct Target {
    #[serde(default, deserialize_with = "int")]
    pub(super) runs: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Over {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) over: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
pub(super) struct Delivery {
    #[serde(default, deserialize_with = "text")]
    pub(super) bowler: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) runs: Runs,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) extras: Extras,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) wickets: Vec<Wicket>,
}

#[derive(Default, Deserialize)]
pub(super) struct Runs {
    #[serde(default, deserialize_with = "runs")]
    pub(super) total: i64,
}

#[derive(Default, Deserialize)]
pub(super) struct Extras {
    wides: Option<i64>,
    noballs: Option<i64>,
}

impl Extras {
    /// Whether the delivery counts in the over.
    pub(super) fn is_ball(&self) -> bool {
        self.wides.is_none() && self.noballs.is_none()
    }
}

#[derive(Deserialize)]
pub(super) struct Wicket {
    #[serde(default, deserialize_with = "text")]
    pub(super) player_out: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) fielders: Vec<Fielder>,
}

impl Wicket {
    /// Whoever goes off hurt may come back.
    pub(super) fn is_out(&self) -> bool {
        !matches!(self.kind.as_deref(), Some("retired hurt" | "retired not out"))
    }
}

#[derive(Deserialize)]
pub(super) struct Fielder {
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
}

/// No delivery brings more; so sums cannot overflow.
fn runs<'de, D: serde::Deserializer<'de>>(input: D) -> Result<i64, D::Error> {
    let runs = int(input)?.unwrap_or(0);
    if (-100..=100).contains(&runs) {
        Ok(runs)
    } else {
        Err(serde::de::Error::custom("no delivery brings so many runs"))
    }
}
