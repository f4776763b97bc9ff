//! OpenLigaDB's matches: `api.openligadb.de/getmatchdata/{shortcut}/{season}[/{group}]`, open data, polled. Ask
//! `getlastchangedate` first: it exists so that nobody polls in vain.
//!
//! A payload is an array of matches or one match, in today's camelCase or the older PascalCase. Topics are
//! `sport/league-shortcut/match-id` (`soccer/bl1/63864`). What it does *not* say decides how it is read:
//!
//! - **No clock, and no word whether a match has begun.** `matchIsFinished` is the whole status. So finished is `final`; a
//!   match with a result or a goal is `live`; everything else is `unknown`, because a fixture of next week and a 0-0
//!   after an hour look the same, and this crate has no clock to tell them apart.
//! - **`lastUpdateDateTime` is a local time without a zone**, an hour of which comes twice each autumn: as a stamp it
//!   would make fresh reports outdated, so reports carry none.
//! - **Goals come in any order**, each with the running score: whom a goal counts for is the side that its running score
//!   raised. They may lag behind the score or go beyond it (anybody may edit): the result is the score, and a goal
//!   beyond it is `provisional`.
//! - **Result types differ by league** beyond 1 (half-time) and 2 (end, which is regular time where more was played); newer
//!   rows say in `resultTypeKind` after what they are. A result after extra time is the score; that and any other beyond
//!   the end (after penalties) is passed on in the provider's words as the reason of the final status.

mod score;
mod wire;

use serde_json::Value;

use super::lists::{self, List};
use super::{Adapter, Decoded, read};
use crate::game::{Competition, Status};
use crate::report::{Invalid, Report};
use crate::topic::slug;
use crate::{Game, Topic};
use score::Standing;
use wire::{Goal, Match, Team};

/// What in a league's name says its sport.
const WORDS: [(&str, &str); 3] = [("handball", "handball"), ("eishockey", "hockey"), ("basketball", "basketball")];

/// Leagues of other sports whose name does not say it (`DEL 2024/2025`), without the number behind.
const SHORTCUTS: [(&str, &str); 5] =
    [("del", "hockey"), ("nhl", "hockey"), ("hbl", "handball"), ("bbl", "basketball"), ("nfl", "football")];

const LISTS: [List; 2] = [List::of::<Goal>("/goals"), List::of::<Goal>("/Goals")];

/// The adapter `openligadb`.
pub(super) struct OpenLigaDb;

impl Adapter for OpenLigaDb {
    fn name(&self) -> &'static str {
        "openligadb"
    }

    fn decode(&self, payload: &[u8]) -> Result<Decoded, Invalid> {
        let matches = match read::json(payload)? {
            Value::Array(matches) => read::items("", matches),
            one @ Value::Object(_) => vec![(String::new(), one)],
            _ => return Err(Invalid::new("", "matches are an array, or one object")),
        };
        Ok(lists::each(matches, &LISTS, game))
    }
}

fn game(one: Value) -> Result<Report, Invalid> {
    let one: Match = read::typed(one)?;
    let sport = sport(&one);
    let topic = topic(sport, &one)?;
    let standing = Standing::of(&one);
    let (status, status_reason) = status(&one, &standing);
    let side = |team: &Team, side: usize| {
        read::team(team.name.clone(), team.short_name.clone(), standing.score(side).unwrap_or_default())
    };
    let game = Game {
        sport: Some(sport.to_owned()),
        competition: Some(Competition {
            id: Some(topic.competition().to_owned()),
            name: one.league_name.clone(),
            round: one.group.as_ref().and_then(|group| group.name.clone()),
        }),
        start: one.start_utc.as_deref().and_then(read::instant),
        status: Some(status),
        status_reason,
        competitors: read::sides(side(&one.team1, 0), side(&one.team2, 1)),
        incidents: score::incidents(&one, &standing),
        info: read::scalars([
            ("venue", one.location.as_ref().and_then(|place| place.stadium.clone()).map(Value::from)),
            ("city", one.location.as_ref().and_then(|place| place.city.clone()).map(Value::from)),
            ("attendance", one.viewers.filter(|viewers| *viewers > 0).map(Value::from)),
        ]),
        ..Game::default()
    };
    Ok(read::image(topic, game))
}

/// Soccer, unless the league's name or shortcut says otherwise.
fn sport(one: &Match) -> &'static str {
    let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
    let (name, shortcut) = (lower(&one.league_name), lower(&one.league_shortcut));
    // `del2`, `hbl24`: a division or a season may follow.
    let league = shortcut.trim_end_matches(|c: char| c.is_ascii_digit());
    let named = WORDS.into_iter().find(|(word, _)| name.contains(word));
    let known = || SHORTCUTS.into_iter().find(|(shortcut, _)| *shortcut == league);
    named.or_else(known).map_or("soccer", |(_, sport)| sport)
}

/// The older schema names its league by number only.
fn topic(sport: &str, one: &Match) -> Result<Topic, Invalid> {
    let league = one.league_shortcut.as_deref().or(one.league_id.as_deref()).and_then(slug);
    let league = league.ok_or_else(|| Invalid::new("/leagueShortcut", "a match without a league"))?;
    let id = one.id.as_deref().ok_or_else(|| Invalid::new("/matchID", "a match without an id"))?;
    Topic::game(sport, &league, id).map_err(|error| Invalid::new("/matchID", error.to_string()))
}

fn status(one: &Match, standing: &Standing) -> (Status, Option<String>) {
    match (one.finished, standing.is_said()) {
        (true, _) => (Status::Final, standing.beyond.clone()),
        (false, true) => (Status::Live, None),
        (false, false) => (Status::Unknown, None),
    }
}
