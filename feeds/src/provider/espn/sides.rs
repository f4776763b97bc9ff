//! The two sides of a match and their scores.

use std::collections::BTreeMap;

use super::wire::{Competition, Competitor as Side, Linescore};
use crate::game::{Competitor, CompetitorKind, Score};
use crate::provider::items::Items;
use crate::provider::read;
use crate::report::Invalid;
use crate::topic::slug;

/// Home and away; scores only where the game has begun.
pub(super) fn sides(competition: &Competition, begun: bool) -> Result<BTreeMap<String, Competitor>, Invalid> {
    let mut sides = BTreeMap::new();
    for (i, side) in competition.competitors.iter().enumerate() {
        let key = match side.home_away.as_deref() {
            Some(key @ ("home" | "away")) => key,
            _ => return Err(fault(i, "neither home nor away")),
        };
        if sides.insert(key.to_owned(), competitor(side, begun)).is_some() {
            return Err(fault(i, "a side named twice"));
        }
    }
    match sides.len() {
        2 => Ok(sides),
        _ => Err(Invalid::new("/competitions/0/competitors", "a match has a home and an away side")),
    }
}

fn fault(i: usize, detail: &str) -> Invalid {
    Invalid::new(format!("/competitions/0/competitors/{i}/homeAway"), detail)
}

fn competitor(side: &Side, begun: bool) -> Competitor {
    let team = side.team.as_ref();
    let name = team.and_then(|team| team.display_name.clone().or_else(|| team.name.clone()));
    Competitor {
        kind: Some(CompetitorKind::Team),
        // A side still to be found out is no team that anybody could follow.
        team: name.as_deref().filter(|name| *name != "TBD").and_then(slug),
        abbr: team.and_then(|team| team.abbreviation.clone()),
        name,
        score: begun.then(|| score(side)).filter(|score| *score != Score::default()),
        ..Competitor::default()
    }
}

fn score(side: &Side) -> Score {
    Score {
        total: side.score,
        parts: parts(&side.linescores),
        shootout: side.shootout_score,
        hits: side.hits,
        errors: side.errors,
        ..Score::default()
    }
}

fn parts(linescores: &Items<Linescore>) -> BTreeMap<String, i64> {
    read::parts(linescores.placed().map(|(place, line)| (line.period.or(Some(place)), value(line))))
}

fn value(line: &Linescore) -> Option<i64> {
    line.value.or_else(|| read::number(line.shown.as_deref()?))
}

/// `home` or `away` of a team's id.
pub(super) fn side_of(competition: &Competition, team: Option<&str>) -> Option<String> {
    let team = team?;
    let is_it = |side: &&Side| {
        side.team.as_ref().and_then(|team| team.id.as_deref()) == Some(team) || side.id.as_deref() == Some(team)
    };
    competition.competitors.iter().find(is_it)?.home_away.clone()
}
