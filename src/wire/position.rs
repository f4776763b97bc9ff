//! Positions: one short string that resumes every topic, on every transport and gateway.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place in the log, printed `epoch.offset`; good for every topic, transport and gateway.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// The name of the stretch of history: `[a-z0-9]{1,16}`.
    pub epoch: Arc<str>,
    /// 1, 2, 3, …; 0 = before the first.
    pub offset: u64,
}

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a position is what an earlier message said, as k3qx9a.1041")]
pub struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Position, PositionError> {
        let (epoch, offset) = text.split_once('.').ok_or(PositionError)?;
        let name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let canonical = offset == "0" || (!offset.starts_with('0') && offset.bytes().all(|b| b.is_ascii_digit()));
        if epoch.is_empty() || epoch.len() > 16 || !epoch.bytes().all(name) || !canonical {
            return Err(PositionError);
        }
        let offset = offset.parse().map_err(|_| PositionError)?;
        Ok(Position { epoch: epoch.into(), offset })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.offset)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a load stands that leaves in several answers, for the next of them; printed `epoch.cursor-reach` and `s` or `r`
/// with the floor. It is good on any gateway and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// As a position's.
    pub epoch: Arc<str>,
    /// Games whose last change is at or before this were sent.
    pub cursor: u64,
    /// The head then: what had moved beyond the cursor is known to whoever has reached it.
    pub reach: u64,
    /// `r`: the client holds what there was at the floor; `s`: nothing, it is sent states.
    pub resumed: bool,
    /// Departures after this are told.
    pub floor: u64,
}

impl FromStr for Piece {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Piece, PositionError> {
        let (first, rest) = text.split_once('-').ok_or(PositionError)?;
        let Position { epoch, offset: cursor } = first.parse()?;
        let at = rest.find(['s', 'r']).ok_or(PositionError)?;
        let number = |offset: &str| Ok(format!("{epoch}.{offset}").parse::<Position>()?.offset);
        let (reach, floor, resumed) = (number(&rest[..at])?, number(&rest[at + 1..])?, rest[at..].starts_with('r'));
        Ok(Piece { epoch: epoch.clone(), cursor, reach, resumed, floor })
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Piece { epoch, cursor, reach, resumed, floor } = self;
        write!(f, "{epoch}.{cursor}-{reach}{}{floor}", if *resumed { 'r' } else { 's' })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Position, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
