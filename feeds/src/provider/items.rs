//! Lists whose items stand each for themselves: goals, cards, scores of periods. A value that cannot be read costs itself,
//! and is told: an item without it is still better than none, which would read as taken back.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Decoded, read};
use crate::report::{Invalid, Report};

/// So many values of an item may be broken; beyond it is none.
const MENDED: usize = 8;

/// A list, and what could not be read of it.
#[derive(Debug)]
pub(super) struct Items<T> {
    /// In their places; `None` where nothing could be read.
    items: Vec<Option<T>>,
    refused: Vec<Invalid>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { items: Vec::new(), refused: Vec::new() }
    }
}

impl<T> Items<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }

    /// The items with their places, from 1.
    pub(super) fn placed(&self) -> impl Iterator<Item = (i64, &T)> {
        (1..).zip(&self.items).filter_map(|(place, item)| Some((place, item.as_ref()?)))
    }

    /// What could not be read; `pointer` leads to the list.
    pub(super) fn refused(&self, pointer: &str) -> impl Iterator<Item = Invalid> {
        self.refused.iter().map(move |fault| read::below(pointer, fault.clone()))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let list = match Value::deserialize(input)? {
            Value::Null => Vec::new(),
            Value::Array(list) => list,
            _ => return Err(D::Error::custom("a list is expected")),
        };
        let mut refused = Vec::new();
        let items = list
            .into_iter()
            .enumerate()
            .map(|(i, mut item)| mended(&mut item, &format!("/{i}"), &mut refused, typed))
            .collect();
        Ok(Items { items, refused })
    }
}

/// Reads an item without those of its values that cannot be read, which become null and are told. Null is no item and no fault.
pub(super) fn mended<R>(
    item: &mut Value,
    place: &str,
    refused: &mut Vec<Invalid>,
    one: impl Fn(&Value) -> Result<R, Invalid>,
) -> Option<R> {
    for _ in 0..=MENDED {
        if item.is_null() {
            break;
        }
        match one(item) {
            Ok(item) => return Some(item),
            Err(fault) => {
                // Of a value that is null already, and of the item itself, nothing is left to try.
                let broken = item.pointer_mut(&fault.pointer).filter(|value| !value.is_null());
                refused.push(read::below(place, fault));
                *broken? = Value::Null;
            }
        }
    }
    None
}

fn typed<T: DeserializeOwned>(item: &Value) -> Result<T, Invalid> {
    read::typed(item.clone())
}

/// Reads each part of a payload; what cannot be read costs that part alone, and what it could leave out is told.
pub(super) fn each(
    parts: Vec<(String, Value)>,
    one: impl Fn(Value) -> Result<(Report, Vec<Invalid>), Invalid>,
) -> Decoded {
    let mut decoded = Decoded::default();
    for (pointer, part) in parts {
        let faults = match one(part) {
            Ok((report, faults)) => {
                decoded.reports.push(report);
                faults
            }
            Err(fault) => vec![fault],
        };
        decoded.refused.extend(faults.into_iter().map(|fault| read::below(&pointer, fault)));
    }
    decoded
}
