//! What a subscriber makes of messages: the contract's rule of `base` and `version`, and nothing of the documents.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A message as far as continuity is concerned.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Update {
        game: u32,
        base: u64,
        version: u64,
        total: Option<u64>,
        at: i64,
    },
    State {
        game: u32,
        version: u64,
    },
    Removed {
        game: u32,
    },
    Subscribed {
        resumed: bool,
    },
    /// An end mark.
    Position,
    Reset,
    Goodbye,
    Error(String),
    Other,
}

#[derive(Deserialize)]
struct Said<'a> {
    r#type: &'a str,
    game: Option<&'a str>,
    base: Option<u64>,
    version: Option<u64>,
    #[serde(borrow)]
    patch: Option<&'a RawValue>,
    position: Option<&'a str>,
    at: Option<i64>,
    resumed: Option<bool>,
    message: Option<String>,
}

/// Reads messages. Many connections get the same ones one after another, so the last is remembered.
#[derive(Default)]
pub(super) struct Judge {
    numbers: HashMap<Box<str>, u32>,
    /// The newest version of each game that any connection was sent.
    newest: Vec<u64>,
    text: String,
    read: Option<(Meaning, Option<Arc<str>>)>,
}

impl Judge {
    /// The meaning of a message and the position it carries; an error for what is no message.
    pub(super) fn read(&mut self, text: &str) -> Result<(Meaning, Option<Arc<str>>), String> {
        if self.text != text || self.read.is_none() {
            let said: Said<'_> = serde_json::from_str(text).map_err(|error| format!("no message: {error}: {text}"))?;
            let position = said.position.map(Arc::from);
            self.read = Some((self.meaning(&said).ok_or_else(|| format!("not a whole message: {text}"))?, position));
            self.text.clear();
            self.text.push_str(text);
        }
        Ok(self.read.clone().expect("it was just read"))
    }

    fn meaning(&mut self, said: &Said<'_>) -> Option<Meaning> {
        Some(match said.r#type {
            "update" => {
                let (game, version) = (self.number(said.game?), said.version?);
                self.saw(game, version);
                let total = said.patch.and_then(|patch| total(patch.get()));
                Meaning::Update { game, base: said.base?, version, total, at: said.at? }
            }
            "state" => {
                let (game, version) = (self.number(said.game?), said.version?);
                self.saw(game, version);
                Meaning::State { game, version }
            }
            "removed" => Meaning::Removed { game: self.number(said.game?) },
            "subscribed" => Meaning::Subscribed { resumed: said.resumed? },
            "position" => Meaning::Position,
            "reset" => Meaning::Reset,
            "goodbye" => Meaning::Goodbye,
            "error" => Meaning::Error(said.message.clone()?),
            _ => Meaning::Other,
        })
    }

    /// A game's number, by its name.
    pub(super) fn number(&mut self, game: &str) -> u32 {
        if let Some(&number) = self.numbers.get(game) {
            return number;
        }
        let number = u32::try_from(self.newest.len()).expect("fewer games than 2^32");
        self.numbers.insert(game.into(), number);
        self.newest.push(0);
        number
    }

    fn saw(&mut self, game: u32, version: u64) {
        let newest = &mut self.newest[game as usize];
        *newest = version.max(*newest);
    }

    /// The newest version of a game that anybody knows of.
    pub(super) fn newest(&self, game: u32) -> u64 {
        self.newest[game as usize]
    }

    /// The publisher knows of this version.
    pub(super) fn know(&mut self, game: &str, version: u64) {
        let game = self.number(game);
        self.saw(game, version);
    }
}

/// The first total of a patch: the bench's own reports set one.
fn total(patch: &str) -> Option<u64> {
    let (_, rest) = patch.split_once("\"total\":")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The versions that one connection holds, by game.
#[derive(Debug, Default)]
pub(super) struct Held(Vec<(u32, u64)>);

/// An update that does not fit.
#[derive(Debug, PartialEq)]
pub(super) struct Gap;

impl Held {
    /// Takes a message; whether the update was newer than what is held.
    pub(super) fn take(&mut self, meaning: &Meaning) -> Result<bool, Gap> {
        match *meaning {
            Meaning::Update { game, base, version, .. } => {
                let held = self.slot(game);
                if version <= *held {
                    return Ok(false);
                }
                let fits = base <= *held;
                *held = version;
                fits.then_some(true).ok_or(Gap)
            }
            Meaning::State { game, version } => {
                *self.slot(game) = version;
                Ok(false)
            }
            Meaning::Removed { game } => {
                self.0.retain(|(held, _)| *held != game);
                Ok(false)
            }
            Meaning::Subscribed { resumed: false } => {
                // The states of everything follow.
                self.0.clear();
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    fn slot(&mut self, game: u32) -> &mut u64 {
        let place = self.0.binary_search_by_key(&game, |(game, _)| *game);
        let place = place.unwrap_or_else(|place| {
            self.0.insert(place, (game, 0));
            place
        });
        &mut self.0[place].1
    }

    /// What is held of a game; 0 = nothing.
    pub(super) fn version(&self, game: u32) -> u64 {
        self.0.binary_search_by_key(&game, |(game, _)| *game).map_or(0, |place| self.0[place].1)
    }

    /// The games held.
    pub(super) fn games(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(base: u64, version: u64) -> Meaning {
        Meaning::Update { game: 0, base, version, total: None, at: 0 }
    }

    #[test]
    fn an_update_applies_where_its_base_is_held() {
        let mut held = Held::default();
        assert_eq!(held.take(&Meaning::State { game: 0, version: 7 }), Ok(false));
        assert_eq!(held.take(&update(7, 8)), Ok(true));
        assert_eq!(held.take(&update(7, 8)), Ok(false), "again");
        assert_eq!(held.take(&update(5, 12)), Ok(true), "a spanning one");
        assert_eq!(held.take(&update(13, 14)), Err(Gap));
        assert_eq!(held.take(&update(14, 15)), Ok(true), "a gap is counted once");
        assert_eq!(held.version(0), 15);
        held.take(&Meaning::Subscribed { resumed: false }).unwrap();
        assert_eq!(held.version(0), 0);
    }

    #[test]
    fn messages_are_read_as_the_contract_writes_them() {
        let mut judge = Judge::default();
        let text = r#"{"type":"update","game":"a/b/c","base":3,"version":4,"patch":{"competitors":{"home":{"score":{"total":17}}}},"position":"k.9","at":5}"#;
        let (meaning, position) = judge.read(text).unwrap();
        assert_eq!(meaning, Meaning::Update { game: 0, base: 3, version: 4, total: Some(17), at: 5 });
        assert_eq!(position.as_deref(), Some("k.9"));
        assert_eq!(judge.read(r#"{"type":"removed","game":"a/b/d"}"#).unwrap().0, Meaning::Removed { game: 1 });
        assert_eq!(judge.read(r#"{"type":"hello","heartbeat":15}"#).unwrap().0, Meaning::Other);
        assert_eq!(judge.newest(0), 4);
        assert!(judge.read("Ping").is_err());
        assert!(judge.read(r#"{"type":"state","game":"a/b/c"}"#).is_err());
    }
}
