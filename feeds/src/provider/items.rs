//! Lists whose items stand each for themselves: goals, cards, scores of periods. A value that cannot be read costs itself,
//! and is told: an item without it is still better than none, which would read as taken back. So does an item of which what
//! names it cannot be read: its game is refused.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Decoded, read};
use crate::report::{Invalid, Report};

/// So many values of an item may be broken; beyond it is none, or its game is refused where it has a name.
const MENDED: usize = 8;
/// So many values of a list may be broken; beyond, its game is refused.
pub(super) const BROKEN: usize = 64;
/// No game has a longer list of anything.
const LONGEST: usize = 10_000;

/// An item of a list.
pub(super) trait Item: DeserializeOwned {
    /// What names it, or says that it counts; pointers from the item. Without that, something would read as taken back
    /// and something else as new, so its game is refused.
    const VITAL: &'static [&'static str];

    /// The same of this item, where others have other names.
    fn vital(_item: &Value) -> &'static [&'static str] {
        Self::VITAL
    }
}

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

impl<'de, T: Item> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let list = match Value::deserialize(input)? {
            Value::Null => Vec::new(),
            Value::Array(list) => list,
            _ => return Err(D::Error::custom("a list is expected")),
        };
        if list.len() > LONGEST {
            return Err(D::Error::custom(format!("a list of more than {LONGEST} items")));
        }
        let (mut items, mut refused) = (Vec::new(), Vec::new());
        for (i, mut item) in list.into_iter().enumerate() {
            let vital = T::vital(&item);
            let read = mended(&mut item, &format!("/{i}"), vital, &mut refused, typed);
            items.push(read.map_err(|fault| D::Error::custom(format!("at {}: {}", fault.pointer, fault.detail)))?);
            if refused.len() > BROKEN {
                return Err(D::Error::custom(format!("a list of which more than {BROKEN} values cannot be read")));
            }
        }
        Ok(Items { items, refused })
    }
}

/// Reads an item without those of its values that cannot be read, which become null and are told. Null is no item and no
/// fault.
///
/// # Errors
///
/// What is vital cannot be read, or nothing of an item that has vital values.
pub(super) fn mended<R>(
    item: &mut Value,
    place: &str,
    vital: &[&str],
    refused: &mut Vec<Invalid>,
    one: impl Fn(&Value) -> Result<R, Invalid>,
) -> Result<Option<R>, Invalid> {
    for left in (0..=MENDED).rev() {
        if item.is_null() {
            break;
        }
        let fault = match one(item) {
            Ok(item) => return Ok(Some(item)),
            Err(fault) => fault,
        };
        let mut at = fault.pointer.clone();
        // Where null is no better, what it stands in goes; of the item itself nothing is left to try.
        while !at.is_empty() && item.pointer(&at).is_none_or(Value::is_null) {
            at.truncate(at.rfind('/').unwrap_or_default());
        }
        let fault = read::below(place, fault);
        let is_last = left == 0 || at.is_empty();
        if !vital.is_empty() && (is_last || vital.iter().any(|vital| overlap(vital, &at))) {
            return Err(fault);
        }
        if refused.last().is_none_or(|last| last.pointer != fault.pointer) {
            refused.push(fault);
        }
        match item.pointer_mut(&at) {
            Some(value) if !is_last => *value = Value::Null,
            _ => break,
        }
    }
    Ok(None)
}

/// One is the other, or within it.
fn overlap(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Goal {
        minute: Option<i64>,
        #[serde(deserialize_with = "read::or_default")]
        names: Vec<String>,
    }

    impl Item for Goal {
        const VITAL: &'static [&'static str] = &[];
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Card {
        #[serde(default)]
        id: Option<i64>,
        #[serde(default)]
        name: Option<String>,
    }

    impl Item for Card {
        const VITAL: &'static [&'static str] = &["/id"];
    }

    #[test]
    fn an_item_whose_name_is_broken_refuses_its_game() {
        let read = |item: Value| serde_json::from_value::<Items<Card>>(json!([item]));
        assert_eq!(read(json!({"id": 1, "name": []})).unwrap().placed().count(), 1);
        assert_eq!(read(json!(null)).unwrap().placed().count(), 0);
        assert_eq!(
            read(json!({"id": "one"})).unwrap_err().to_string(),
            "at /0/id: invalid type: string \"one\", expected i64"
        );
        assert!(read(json!(5)).is_err());
    }

    #[test]
    fn what_a_broken_value_stands_in_goes_before_its_item_does() {
        let goals: Items<Goal> =
            serde_json::from_value(json!([{"minute": 7, "names": ["Ada", null]}, {"minute": {}}, null, 5])).unwrap();
        let read: Vec<_> = goals.placed().collect();
        assert_eq!(read, [(1, &Goal { minute: Some(7), names: vec![] }), (2, &Goal::default())]);
        let told: Vec<_> = goals.refused("/goals").map(|fault| fault.pointer).collect();
        assert_eq!(told, ["/goals/0/names/1", "/goals/1/minute", "/goals/3"]);
    }

    #[test]
    fn a_list_that_is_broken_all_over_is_none() {
        let broken = vec![json!(5); BROKEN + 1];
        assert!(serde_json::from_value::<Items<Goal>>(broken[1..].into()).is_ok());
        assert!(serde_json::from_value::<Items<Goal>>(broken.into()).is_err());
        assert!(serde_json::from_value::<Items<Goal>>(vec![Value::Null; LONGEST + 1].into()).is_err());
    }
}
