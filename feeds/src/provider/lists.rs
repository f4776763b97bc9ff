//! Lists of what happened in a game, of which one wrong value costs that value, not the game: it is told and read as
//! nothing. Where it is vital the game stays broken, and is refused by who reads it.

use serde_json::Value;

use super::items::{self, Item};
use super::{Decoded, read};
use crate::report::{Invalid, Report};

/// A list of a game, its items of one type.
pub(super) struct List {
    /// From the game.
    pointer: &'static str,
    vital: fn(&Value) -> &'static [&'static str],
    fault: fn(&Value) -> Option<Invalid>,
}

impl List {
    pub(super) const fn of<T: Item>(pointer: &'static str) -> List {
        List { pointer, vital: T::vital, fault: |item| read::typed::<T>(item.clone()).err() }
    }

    fn mend(&self, game: &mut Value) -> Vec<Invalid> {
        let mut faults = Vec::new();
        let Some(Value::Array(items)) = game.pointer_mut(self.pointer) else { return faults };
        let mut index = 0;
        items.retain_mut(|item| {
            // Of a list that is broken all over the game is refused: what is left is not even looked at.
            let kept =
                faults.len() > items::BROKEN || self.is_kept(&format!("{}/{index}", self.pointer), item, &mut faults);
            index += 1;
            kept
        });
        faults
    }

    fn is_kept(&self, place: &str, item: &mut Value, faults: &mut Vec<Invalid>) -> bool {
        let read =
            items::mended(item, place, (self.vital)(item), faults, |item| (self.fault)(item).map_or(Ok(()), Err));
        !matches!(read, Ok(None))
    }
}

/// Takes what cannot be read out of these lists of one game, and tells it.
pub(super) fn mend(pointer: &str, game: &mut Value, lists: &[List]) -> Vec<Invalid> {
    let faults = lists.iter().flat_map(|list| list.mend(game));
    faults.map(|fault| read::below(pointer, fault)).collect()
}

/// Reads each game of a payload as [`read::each`] does, without what is wrong in these lists.
pub(super) fn each(
    mut games: Vec<(String, Value)>,
    lists: &[List],
    read: impl Fn(Value) -> Result<Report, Invalid>,
) -> Decoded {
    let mut told = Decoded::default();
    for (pointer, game) in &mut games {
        mend(pointer, game, lists).into_iter().for_each(|fault| told.refuse(fault));
    }
    let Decoded { reports, refused } = read::each(games, read);
    refused.into_iter().for_each(|fault| told.refuse(fault));
    Decoded { reports, ..told }
}
