//! The shape of Formula 1's topics, as far as it is read.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::provider::read::{int, or_default, text};
use crate::report::Invalid;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SessionInfo {
    #[serde(default, deserialize_with = "text")]
    pub(super) key: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "text", rename = "Type")]
    pub(super) kind: Option<String>,
    /// Local time.
    #[serde(default, deserialize_with = "text")]
    pub(super) start_date: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) gmt_offset: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) meeting: Meeting,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Meeting {
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) location: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) circuit: Circuit,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Circuit {
    #[serde(default, deserialize_with = "text")]
    pub(super) short_name: Option<String>,
}

/// `SessionStatus`; `TrackStatus` is alike.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Standing {
    #[serde(default, deserialize_with = "text")]
    pub(super) status: Option<String>,
    /// The last status but `Inactive`; older sessions do not say it.
    #[serde(default, deserialize_with = "text")]
    pub(super) started: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LapCount {
    #[serde(default, deserialize_with = "int")]
    pub(super) current_lap: Option<i64>,
    #[serde(default, deserialize_with = "int")]
    pub(super) total_laps: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ExtrapolatedClock {
    #[serde(default, deserialize_with = "text")]
    pub(super) utc: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) remaining: Option<String>,
    pub(super) extrapolating: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Weather {
    #[serde(default, deserialize_with = "text")]
    pub(super) air_temp: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) track_temp: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) rainfall: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Driver {
    #[serde(default, deserialize_with = "text")]
    pub(super) full_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) broadcast_name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) tla: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) team_name: Option<String>,
}

/// What is read of a car.
pub(super) const CAR: [&str; 8] = [
    "_deleted",
    "BestLapTime",
    "GapToLeader",
    "KnockedOut",
    "NumberOfLaps",
    "Position",
    "Retired",
    "TimeDiffToFastest",
];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Car {
    #[serde(default, deserialize_with = "int")]
    pub(super) position: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    pub(super) gap_to_leader: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) time_diff_to_fastest: Option<String>,
    #[serde(default, deserialize_with = "int")]
    pub(super) number_of_laps: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) best_lap_time: Lap,
    pub(super) retired: Option<bool>,
    pub(super) knocked_out: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Lap {
    #[serde(default, deserialize_with = "text")]
    pub(super) value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RaceControl {
    #[serde(default, deserialize_with = "int")]
    pub(super) lap: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    pub(super) category: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) flag: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) scope: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) racing_number: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) message: Option<String>,
}

/// What is below a key, by index or name: an array, or an object that stands for one; the provider sends both.
pub(super) fn items(topic: Option<Value>, key: &str) -> Result<Vec<(String, Value)>, Invalid> {
    let fault = |pointer: String| Err(Invalid::new(pointer, "an object is expected"));
    let items = match topic {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(mut topic)) => topic.remove(key).unwrap_or_default(),
        Some(_) => return fault(String::new()),
    };
    match items {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => Ok(items.into_iter().enumerate().map(|(i, item)| (i.to_string(), item)).collect()),
        Value::Object(items) => Ok(by_number(items)),
        _ => fault(format!("/{key}")),
    }
}

/// In the order of the keys' numbers; what is no item (`_kf`) is left out.
pub(super) fn by_number(items: Map<String, Value>) -> Vec<(String, Value)> {
    let mut items: Vec<(String, Value)> = items.into_iter().filter(|(key, _)| !key.starts_with('_')).collect();
    items.sort_by_key(|(key, _)| key.parse().unwrap_or(u64::MAX));
    items
}
