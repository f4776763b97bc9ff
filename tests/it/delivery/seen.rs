//! Sequences by which rules once failed, as the property found them and made them small.

use super::Step::{self, *};
use super::{TOPICS, run};

/// What [`super::log::Log::change`] makes of a seed: one of its ten kinds of change, with a value.
fn change(game: &str, kind: u16, value: u16) -> Step {
    let number =
        game.rsplit('/').next().and_then(|last| last.parse::<u8>().ok()).expect("its last segment is a number");
    Change { game: number - 1, seed: value * 10 + kind }
}

fn number(topic: &str) -> u8 {
    u8::try_from(TOPICS.iter().position(|known| *known == topic).expect("a known topic")).expect("few topics")
}

fn subscribe(client: u8, topics: &[&str], score: bool) -> Step {
    Subscribe { client, topics: topics.iter().map(|topic| number(topic)).collect(), score }
}

fn unsubscribe(client: u8, topic: &str) -> Step {
    Unsubscribe { client, topic: number(topic) }
}

fn every(client: u8) -> Step {
    Options { client, every: true, delayed: false }
}

fn delayed(client: u8) -> Step {
    Options { client, every: false, delayed: true }
}

/// The position of a live frame spoke for a game that only the running load would send.
#[test]
fn no_position_speaks_for_a_game_that_follows_in_a_load() {
    run(&[
        change("s/a/3", 8, 1),
        subscribe(1, &["*"], false),
        change("s/b/4", 0, 1),
        subscribe(1, &["s/b/4"], false),
        every(1),
        Follow(1),
        change("s/b/5", 8, 1),
        Follow(2),
        Serve { client: 1, room: 4 },
        change("s/a/1", 0, 1),
        change("s/b/4", 2, 0),
        change("s/a/3", 0, 2),
        Follow(3),
        Reconnect { client: 1 },
        change("s/b/4", 8, 2),
    ]);
}

/// A game that comes under a topic only after a delayed viewer's moment was told to have left it.
#[test]
fn what_is_not_yet_under_a_topic_did_not_leave_it() {
    run(&[
        change("s/a/1", 0, 0),
        subscribe(0, &["s/b/4"], true),
        subscribe(0, &["team/s/x"], false),
        change("s/b/4", 8, 3),
        Serve { client: 0, room: 2 },
        change("s/a/1", 2, 0),
        change("s/a/1", 8, 2),
        change("s/b/4", 0, 4),
        change("s/b/4", 5, 0),
        Mature(1),
        delayed(0),
        Mature(1),
        Follow(2),
        Mature(3),
        Reconnect { client: 0 },
        Follow(2),
        Follow(1),
        Serve { client: 0, room: 2 },
    ]);
}

/// Mode every, resumed: a patch came for a game that the client had been told is removed, after its position.
#[test]
fn a_game_that_was_told_to_be_gone_is_not_patched() {
    run(&[
        change("s/a/2", 8, 3),
        subscribe(2, &["*"], false),
        subscribe(2, &["s"], false),
        change("s/a/1", 0, 0),
        change("s/b/5", 8, 2),
        change("s/a/3", 8, 3),
        Serve { client: 2, room: 1 },
        Serve { client: 2, room: 4 },
        change("s/a/2", 0, 0),
        Remove { game: 1 },
        Serve { client: 2, room: 1 },
        every(2),
        Reconnect { client: 2 },
    ]);
}

/// Mode every, resumed topic by topic: an older state came after the newer one of a topic that was loaded before.
#[test]
fn a_later_load_does_not_go_back() {
    run(&[
        subscribe(1, &["team/s/y"], false),
        subscribe(1, &["team/s/x"], false),
        change("s/b/5", 0, 2),
        change("s/c/6", 5, 1),
        Follow(1),
        Options { client: 1, every: true, delayed: true },
        change("s/c/6", 5, 0),
        Follow(2),
        Serve { client: 1, room: 3 },
        Serve { client: 1, room: 1 },
        Reconnect { client: 1 },
    ]);
}

/// After a gateway's restart a departure is remembered later than it was: another topic of the client covers the game.
#[test]
fn what_a_load_to_come_covers_is_not_gone() {
    run(&[
        subscribe(0, &["team/s/y", "*"], false),
        subscribe(0, &["s"], true),
        change("s/a/3", 5, 1),
        Serve { client: 0, room: 3 },
        change("s/a/1", 0, 0),
        change("s/a/3", 5, 0),
        Follow(3),
        unsubscribe(0, "*"),
        change("s/a/3", 0, 2),
        Serve { client: 0, room: 1 },
        Reconnect { client: 0 },
        change("s/b/4", 0, 0),
        Reload { keep: 2 },
    ]);
}

/// A game left the remaining topic while the other was unsubscribed in the middle of their load.
#[test]
fn what_leaves_in_the_middle_of_a_dropped_load_leaves_no_ghost() {
    run(&[
        change("s/a/1", 0, 0),
        subscribe(0, &["*", "team/s/y"], false),
        change("s/b/5", 8, 2),
        change("s/a/1", 0, 1),
        change("s/a/2", 5, 1),
        Serve { client: 0, room: 3 },
        unsubscribe(0, "*"),
        change("s/a/2", 5, 2),
    ]);
}

/// Mode every: what a load had sent in full stayed so, though only the score detail was left.
#[test]
fn an_unsubscribe_in_the_middle_of_a_load_lowers_the_detail() {
    run(&[
        change("s/b/4", 3, 6),
        change("s/a/2", 0, 0),
        every(1),
        change("s/b/5", 8, 3),
        change("s/a/1", 0, 0),
        subscribe(1, &["s/b/4"], true),
        Follow(1),
        Follow(1),
        subscribe(1, &["s"], false),
        Serve { client: 1, room: 4 },
        unsubscribe(1, "s"),
    ]);
}

/// A delayed viewer of a game whose former life a restarted gateway does not know was not told that it left.
#[test]
fn departures_of_a_former_life_are_told() {
    run(&[
        subscribe(2, &["team/s/y"], false),
        change("s/a/2", 6, 1),
        delayed(2),
        change("s/a/1", 8, 4),
        change("s/a/1", 0, 0),
        Reconnect { client: 2 },
        change("s/a/2", 6, 0),
        Serve { client: 2, room: 1 },
        Mature(1),
        Remove { game: 1 },
        change("s/a/2", 8, 2),
        Follow(1),
        Reload { keep: 255 },
    ]);
}

/// While games of an unsubscribed topic were still to be told in less detail, one that left for it was not told to be gone.
#[test]
fn a_game_that_leaves_for_an_unsubscribed_topic_is_gone() {
    run(&[
        subscribe(0, &["team/s/y"], true),
        subscribe(0, &["team/s/x"], false),
        Serve { client: 0, room: 1 },
        change("s/b/5", 6, 1866),
        unsubscribe(0, "team/s/x"),
        change("s/a/1", 8, 0),
        change("s/a/1", 5, 3521),
        change("s/a/1", 0, 0),
        change("s/b/5", 6, 2285),
    ]);
}

/// What a reset, or a load that resumes, had told in full was left so when its topic was unsubscribed before the end mark,
/// while another topic covers the games with the score alone: found by the fuzzer.
#[test]
fn what_is_unsubscribed_amid_its_load_is_told_in_the_detail_that_is_left() {
    let both = [subscribe(1, &["s"], false), subscribe(1, &["*"], true)];
    let loaded = [change("s/a/1", 4, 6), change("s/a/2", 4, 6), Follow(4)];
    let serve = |room| Serve { client: 1, room };
    let after = |last: &[Step]| run(&[&loaded[..], &both, &[serve(4), serve(4)], last].concat());
    after(&[change("s/a/1", 4, 5), change("s/a/2", 4, 5), Roll, Follow(2), serve(1), unsubscribe(1, "s")]);
    after(&[Reconnect { client: 1 }, unsubscribe(1, "s")]);
    after(&[Reconnect { client: 1 }, serve(1), unsubscribe(1, "s")]);
    after(&[Reconnect { client: 1 }, unsubscribe(1, "s"), Reload { keep: 0 }, Follow(2)]);
}

/// A game left for a topic that was still to be loaded, so it was not told to be gone, and was removed before that load: found by
/// the fuzzer.
#[test]
fn a_game_that_is_gone_before_the_load_that_would_tell_it_is_gone() {
    run(&[
        subscribe(2, &["team/s/y"], false),
        change("s/c/6", 5, 1),
        Serve { client: 2, room: 4 },
        subscribe(2, &["team/s/x"], false),
        change("s/c/6", 5, 0),
        Remove { game: 5 },
    ]);
}

/// A game that left the unsubscribed topic before it was told in less detail kept its full fields at the client.
#[test]
fn what_leaves_before_it_is_told_in_less_detail_is_told_all_the_same() {
    let games = ["s/a/1", "s/a/2", "s/a/3", "s/b/4", "s/b/5", "s/c/6"];
    let begin = games.iter().flat_map(|game| [change(game, 5, 0), change(game, 4, 3)]);
    let serve = |room| Serve { client: 1, room };
    let rest = [
        Follow(4),
        Follow(4),
        Follow(4),
        subscribe(1, &["*"], true),
        subscribe(1, &["team/s/x"], false),
        serve(4),
        serve(4),
        serve(4),
        serve(4),
        serve(4),
        unsubscribe(1, "team/s/x"),
        serve(3),
        change("s/c/6", 5, 1),
        Follow(1),
    ];
    run(&begin.chain(rest).collect::<Vec<_>>());
}

/// At a gateway that is behind, a load that was taken back ended without a game that it did not know yet; the client dropped it, and
/// the next load went on from a position that spoke for it.
#[test]
fn a_position_speaks_no_longer_for_what_another_load_has_dropped() {
    run(&[
        subscribe(1, &["s", "*"], false),
        change("s/a/1", 0, 0),
        Serve { client: 1, room: 2 },
        Move { client: 1 },
        unsubscribe(1, "*"),
        Serve { client: 1, room: 1 },
    ]);
}

/// A client that was told amid a load that a game is gone moved to a gateway that did not know it yet, with the position from before:
/// found by the fuzzer. The gateway cannot know; such a client has no position for what was loading.
#[test]
fn a_position_from_before_a_departure_is_not_taken_to_another_gateway() {
    run(&[
        subscribe(2, &["s/b/4", "team/s/y"], true),
        change("s/b/4", 3, 0),
        Move { client: 2 },
        Roll,
        change("s/b/4", 1, 0),
        Follow(3),
        Serve { client: 2, room: 4 },
        Move { client: 2 },
        Remove { game: 3 },
        Serve { client: 2, room: 1 },
        Move { client: 2 },
        Serve { client: 2, room: 1 },
    ]);
}
