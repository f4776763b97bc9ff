//! What only this moment knows, by sport.

use serde_json::{Value, json};

use super::sides::side_of;
use super::wire::{Competition, Player, Situation, number};
use crate::Game;
use crate::document::Document;
use crate::provider::read::scalars;

/// American football: downs, ball and time-outs. `yard_line` counts from the home side's end zone as ESPN does;
/// `spot` says it in words.
pub(super) fn football(competition: &Competition, game: &mut Game) {
    let Some(now) = &competition.situation else { return };
    game.situation = scalars([
        // Between plays of two drives ESPN says down 0 or -1.
        ("down", number(now.down.filter(|down| *down > 0))),
        ("distance", number(now.distance.filter(|_| now.down > Some(0)))),
        ("yard_line", number(now.yard_line)),
        ("spot", text(&now.spot)),
        ("possession", side_of(competition, now.possession.as_deref()).map(Value::from)),
        ("red_zone", now.red_zone.map(Value::from)),
        ("home_timeouts", number(now.home_timeouts)),
        ("away_timeouts", number(now.away_timeouts)),
        ("last_play", last_play(now)),
    ]);
}

/// Baseball: the count, the bases, and who pitches to whom.
pub(super) fn baseball(competition: &Competition, game: &mut Game) {
    let Some(now) = &competition.situation else { return };
    let bases = scalars([
        ("first", now.on_first.map(Value::from)),
        ("second", now.on_second.map(Value::from)),
        ("third", now.on_third.map(Value::from)),
    ]);
    game.situation = scalars([
        ("balls", number(now.balls)),
        ("strikes", number(now.strikes)),
        ("outs", number(now.outs)),
        ("bases", (!bases.is_empty()).then(|| json!(bases))),
        ("pitcher", player(&now.pitcher)),
        ("batter", player(&now.batter)),
        ("last_play", last_play(now)),
    ]);
}

/// Sports of which ESPN says the last play only.
pub(super) fn none(competition: &Competition, game: &mut Game) {
    let play = competition.situation.as_ref().and_then(last_play);
    game.situation = Document::from_iter(play.map(|play| ("last_play".to_owned(), play)));
}

/// Volleyball: the score that counts is the sets won.
pub(super) fn sets(competition: &Competition, game: &mut Game) {
    none(competition, game);
    for score in game.competitors.values_mut().filter_map(|side| side.score.as_mut()) {
        score.sets = score.total;
    }
}

fn last_play(now: &Situation) -> Option<Value> {
    now.last_play.as_ref().and_then(|play| text(&play.text))
}

fn player(player: &Option<Player>) -> Option<Value> {
    text(&player.as_ref()?.athlete.as_ref()?.name)
}

fn text(text: &Option<String>) -> Option<Value> {
    text.clone().map(Value::from)
}
