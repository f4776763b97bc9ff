//! The oracle's own tests: journals as they should be, then tampered with at every place.

use super::super::journal::{Games, Heard};
use super::*;

const ALL: [usize; 3] = [0, 1, 2];

fn games(games: &[usize]) -> Games {
    games.into()
}

/// Three games, each changed ten times, one of them removed and begun again on the way; a subscriber that was told
/// everything, was away during the eighth round, and resumed from where it was.
fn world() -> (Vec<Entry>, Vec<Ack>, Journal) {
    let (mut truth, mut acks, mut heard): (Vec<Entry>, Vec<Ack>, Vec<Heard>) = Default::default();
    let mut held = [0; 3];
    heard.extend([Heard::Connected, Heard::Loading { games: games(&ALL), since: None }]);
    heard.extend([Heard::Loaded { games: games(&ALL), at: 0 }, Heard::Reached { at: 0 }]);
    for round in 1..=10 {
        if round == 8 {
            let since = Some(truth.len() as u64);
            heard.extend([Heard::Connected, Heard::Loading { games: games(&ALL), since }]);
        }
        for (game, held) in held.iter_mut().enumerate() {
            let offset = truth.len() as u64 + 1;
            let removed = round == 5 && game == 1;
            let base = *held;
            let version = if base == 0 { offset } else { base + 1 };
            *held = if removed { 0 } else { version };
            let (full, score) = (1_000 + u32::try_from(offset).unwrap(), 0);
            truth.push(Entry { offset, game, base, version, removed, report: round, full, score });
            acks.push(Ack { game, report: round, version, offset });
            heard.push(match (removed, base) {
                (true, _) => Heard::Removed { game },
                (_, 0) => Heard::State { game, version, crc: full },
                _ => Heard::Update { game, base, version, crc: full },
            });
            if round != 8 {
                heard.push(Heard::Reached { at: offset });
            }
        }
        if round == 8 {
            let at = truth.len() as u64;
            heard.extend([Heard::Loaded { games: games(&ALL), at }, Heard::Reached { at }]);
        }
    }
    (truth, acks, Journal { games: games(&ALL), score: false, heard, cuts: 0 })
}

/// A way to tamper.
type Tamper<'a, T> = &'a dyn Fn(&mut Vec<T>);

fn verdict(truth: &[Entry], acks: &[Ack], journal: &Journal) -> Findings {
    judge(truth, acks, std::slice::from_ref(journal))
}

/// Which game is told of.
fn delivery(heard: &Heard) -> Option<usize> {
    match heard {
        Heard::State { game, .. } | Heard::Update { game, .. } | Heard::Removed { game } => Some(*game),
        _ => None,
    }
}

fn deliveries(journal: &Journal) -> Vec<usize> {
    (0..journal.heard.len()).filter(|at| delivery(&journal.heard[*at]).is_some()).collect()
}

/// What the world's log told of a game at an offset.
fn told(truth: &[Entry], offset: u64) -> Heard {
    let Entry { game, base, version, full, .. } = truth[usize::try_from(offset).unwrap() - 1];
    if base == 0 { Heard::State { game, version, crc: full } } else { Heard::Update { game, base, version, crc: full } }
}

#[test]
fn what_is_right_is_clean() {
    let (truth, acks, journal) = world();
    let found = verdict(&truth, &acks, &journal);
    assert!(found.is_clean(), "{found}");
    assert_eq!((found.publications, found.acknowledged, found.deliveries), (30, 30, 30));
    assert_eq!((found.resumed, found.repeated), (1, 0));
}

#[test]
fn a_journal_that_lacks_a_delivery_is_found() {
    let (truth, acks, journal) = world();
    for at in deliveries(&journal) {
        let mut tampered = journal.clone();
        let lacks = tampered.heard.remove(at);
        assert!(verdict(&truth, &acks, &tampered).lost > 0, "{lacks:?}");
    }
}

/// Also where a later state makes good for it.
#[test]
fn a_loss_that_heals_is_found() {
    let (truth, acks, journal) = world();
    for at in deliveries(&journal) {
        let game = delivery(&journal.heard[at]).unwrap();
        let of = |heard: &Heard| delivery(heard) == Some(game);
        let Some(next) = (at + 1..journal.heard.len()).find(|at| of(&journal.heard[*at])) else { continue };
        let Heard::Update { version, crc, .. } = journal.heard[next] else { continue };
        let mut tampered = journal.clone();
        tampered.heard[next] = Heard::State { game, version, crc };
        assert!(verdict(&truth, &acks, &tampered).is_clean(), "a state is as good as a change");
        let lacks = tampered.heard.remove(at);
        // In a load nothing is owed before its end mark.
        let is_loading = matches!(journal.heard[at + 1], Heard::Update { .. } | Heard::Loaded { .. });
        assert!(is_loading || verdict(&truth, &acks, &tampered).lost > 0, "{lacks:?}");
    }
}

#[test]
fn a_journal_that_says_something_twice_is_found() {
    let (truth, acks, journal) = world();
    for at in deliveries(&journal) {
        let mut tampered = journal.clone();
        tampered.heard.insert(at, tampered.heard[at].clone());
        assert_eq!(verdict(&truth, &acks, &tampered).doubled, 1, "{:?}", journal.heard[at]);
    }
}

/// As of a poll that is told again what its `since` covers.
#[test]
fn a_load_that_says_what_its_position_covers_is_found() {
    let (truth, acks, journal) = world();
    let load = journal.heard.iter().position(|heard| matches!(heard, Heard::Loading { since: Some(_), .. })).unwrap();
    for offset in 16..=21 {
        let mut tampered = journal.clone();
        tampered.heard.insert(load + 1, told(&truth, offset));
        let found = verdict(&truth, &acks, &tampered);
        assert_eq!(found.doubled + found.reordered, 1, "{offset}: {found}");
    }
}

#[test]
fn a_journal_in_another_order_is_found() {
    let (truth, acks, journal) = world();
    let mut swaps = 0;
    for first in deliveries(&journal) {
        let of = delivery(&journal.heard[first]);
        let next = (first + 1..journal.heard.len()).find(|at| delivery(&journal.heard[*at]) == of);
        let Some(next) = next else { continue };
        let mut tampered = journal.clone();
        tampered.heard.swap(first, next);
        let found = verdict(&truth, &acks, &tampered);
        assert!(found.lost + found.reordered > 0, "{:?}", journal.heard[first]);
        swaps += 1;
    }
    assert!(swaps > 20);
}

#[test]
fn a_journal_with_another_document_is_found() {
    let (truth, acks, journal) = world();
    for at in 0..journal.heard.len() {
        let mut tampered = journal.clone();
        match &mut tampered.heard[at] {
            Heard::State { crc, .. } | Heard::Update { crc, .. } => *crc += 1,
            _ => continue,
        }
        assert!(verdict(&truth, &acks, &tampered).altered > 0, "{:?}", journal.heard[at]);
    }
}

#[test]
fn a_journal_that_steps_back_or_drops_what_is_there_is_found() {
    let (truth, acks, journal) = world();
    let mut back = journal.clone();
    back.heard.push(told(&truth, 1));
    assert!(verdict(&truth, &acks, &back).reordered > 0);
    for heard in [Heard::Removed { game: 0 }, Heard::Dropped { game: 0 }] {
        let mut dropped = journal.clone();
        dropped.heard.push(heard);
        assert!(verdict(&truth, &acks, &dropped).lost > 0);
    }
}

#[test]
fn a_position_that_says_too_much_is_found() {
    let (truth, acks, journal) = world();
    for at in 0..journal.heard.len() - 1 {
        let mut tampered = journal.clone();
        match &mut tampered.heard[at] {
            Heard::Reached { at } | Heard::Loaded { at, .. } => *at += 1,
            _ => continue,
        }
        assert!(verdict(&truth, &acks, &tampered).lost > 0, "{:?}", tampered.heard[at]);
    }
}

#[test]
fn an_end_mark_behind_what_the_load_told_is_found() {
    let (truth, acks, mut journal) = world();
    let mark = |heard: &&mut Heard| matches!(heard, Heard::Loaded { at: 1.., .. });
    let Some(Heard::Loaded { at, .. }) = journal.heard.iter_mut().find(mark) else { panic!("there is one") };
    *at -= 1;
    assert!(verdict(&truth, &acks, &journal).doubled > 0);
}

/// What a client that was cut in the middle of its first load finds on a gateway that is behind: older, less, but all that
/// the log had at the end mark's position; then the rest.
#[test]
fn a_load_without_a_position_may_go_back_but_not_in_silence() {
    let (truth, acks, journal) = world();
    let all = games(&ALL);
    let before = |at: u64| {
        vec![
            Heard::Connected,
            Heard::Loading { games: all.clone(), since: None },
            Heard::State { game: 0, version: 2, crc: 1_004 },
            told(&truth, 2),
            told(&truth, 3),
            Heard::Connected,
            Heard::Loading { games: all.clone(), since: None },
            told(&truth, 1),
            told(&truth, 2),
            Heard::Dropped { game: 2 },
            Heard::Loaded { games: all.clone(), at },
            Heard::Reached { at },
            told(&truth, 3),
        ]
    };
    let rest = journal.heard.iter().skip_while(|heard| **heard != Heard::Reached { at: 3 });
    let with = |at| Journal { heard: before(at).into_iter().chain(rest.clone().cloned()).collect(), ..journal.clone() };
    let found = verdict(&truth, &acks, &with(2));
    assert!(found.is_clean(), "{found}");
    // The same, but its gateway was not behind.
    assert!(verdict(&truth, &acks, &with(3)).lost > 0);
}

/// Cut in the middle of a load, its position covers none of it: it comes again, which is no fault.
#[test]
fn a_load_that_was_cut_comes_again() {
    let (truth, acks, mut journal) = world();
    let load = journal.heard.iter().position(|heard| matches!(heard, Heard::Loading { since: Some(_), .. })).unwrap();
    let again = [journal.heard[load + 1].clone(), Heard::Connected, journal.heard[load].clone()];
    journal.heard.splice(load + 1..=load, again);
    let found = verdict(&truth, &acks, &journal);
    assert!(found.is_clean(), "{found}");
    assert_eq!(found.repeated, 1);
}

#[test]
fn a_log_that_was_tampered_with_is_found() {
    let (truth, acks, journal) = world();
    for at in 0..truth.len() {
        let tampers: [Tamper<Entry>; 4] = [
            &|truth| {
                truth.remove(at);
            },
            &|truth| truth.insert(at, truth[at].clone()),
            &|truth| {
                let other = if at == 0 { 1 } else { at - 1 };
                truth.swap(at, other);
            },
            &|truth| truth[at].version += 100,
        ];
        for (nth, tamper) in tampers.iter().enumerate() {
            let mut tampered = truth.clone();
            tamper(&mut tampered);
            let found = verdict(&tampered, &acks, &journal);
            assert!(found.log + found.unstored > 0, "{nth} at {at}");
        }
    }
}

#[test]
fn an_answer_that_no_entry_is_is_found() {
    let (truth, acks, journal) = world();
    for at in 0..acks.len() {
        let tampers: [Tamper<Ack>; 4] = [
            &|acks| {
                acks.remove(at);
            },
            &|acks| acks.insert(at, acks[at].clone()),
            &|acks| acks[at].version += 1,
            &|acks| acks[at].offset += 100,
        ];
        for (nth, tamper) in tampers.iter().enumerate() {
            let mut tampered = acks.clone();
            tamper(&mut tampered);
            assert!(verdict(&truth, &tampered, &journal).unstored > 0, "{nth} at {at}");
        }
    }
}
