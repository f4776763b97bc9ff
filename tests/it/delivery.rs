//! The delivery rules (contract, section 4) as a property: whatever is published, subscribed, blocked, cut and resumed, a
//! client that follows the rules to the letter never sees a gap and ends with the documents of the log.
//!
//! Real scoreboard, real sessions, real lists; in place of a shard's sockets a link that takes what it is told to take.

mod client;
mod gateway;
mod log;
#[cfg(test)]
mod seen;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use client::Client;
use gateway::Gateway;
use log::Log;

/// What may happen. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    Change {
        game: u8,
        seed: u16,
    },
    Remove {
        game: u8,
    },
    /// The shard takes so many entries.
    Follow(u8),
    /// A client is served so many games, if its link takes anything.
    Serve {
        client: u8,
        room: u8,
    },
    Block {
        client: u8,
        blocked: bool,
    },
    Subscribe {
        client: u8,
        topics: Vec<u8>,
        score: bool,
    },
    Unsubscribe {
        client: u8,
        topic: u8,
    },
    Reconnect {
        client: u8,
    },
    /// To the other gateway, which may be behind or ahead.
    Move {
        client: u8,
    },
    /// The second gateway hears so many entries more of the log.
    Hear(u8),
    /// Mode every or latest, live or with a delay.
    Options {
        client: u8,
        every: bool,
        delayed: bool,
    },
    /// So many entries more are old enough for those who watch with a delay.
    Mature(u8),
    /// The gateway loads the log anew: after a restart, or with only so many recent publications left.
    Reload {
        keep: u8,
    },
    Roll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (any::<u8>(), any::<u16>()).prop_map(|(game, seed)| Step::Change { game, seed }),
        1 => any::<u8>().prop_map(|game| Step::Remove { game }),
        6 => (1..5_u8).prop_map(Step::Follow),
        8 => (any::<u8>(), 1..5_u8).prop_map(|(client, room)| Step::Serve { client, room }),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(client, blocked)| Step::Block { client, blocked }),
        4 => (any::<u8>(), prop::collection::vec(any::<u8>(), 1..4), any::<bool>())
            .prop_map(|(client, topics, score)| Step::Subscribe { client, topics, score }),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(client, topic)| Step::Unsubscribe { client, topic }),
        2 => any::<u8>().prop_map(|client| Step::Reconnect { client }),
        1 => any::<u8>().prop_map(|client| Step::Move { client }),
        2 => (1..5_u8).prop_map(Step::Hear),
        2 => (any::<u8>(), any::<bool>(), any::<bool>())
            .prop_map(|(client, every, delayed)| Step::Options { client, every, delayed }),
        4 => (1..5_u8).prop_map(Step::Mature),
        1 => any::<u8>().prop_map(|keep| Step::Reload { keep }),
        1 => Just(Step::Roll),
    ]
}

const TOPICS: [&str; 8] = ["*", "s", "s/a", "s/b", "s/a/1", "s/b/4", "team/s/x", "team/s/y"];

fn run(steps: &[Step]) {
    let mut log = Log::default();
    let mut gateways = [0, 1].map(|number| Gateway::new(number, &log));
    let mut clients: Vec<Client> = (0..3).map(|_| Client::default()).collect();
    for client in &mut clients {
        client.connect(&mut gateways, 0);
    }
    // What an engine has trimmed does not come back.
    let mut trimmed = 0;
    for step in steps {
        let count = clients.len();
        match step {
            Step::Change { game, seed } => {
                let told = log.change(*game, *seed);
                gateways.iter_mut().for_each(|gateway| gateway.tell(told.clone()));
            }
            Step::Remove { game } => {
                let told = log.remove(*game);
                gateways.iter_mut().for_each(|gateway| gateway.tell(told.clone()));
            }
            Step::Hear(entries) => gateways[1].hear(usize::from(*entries)),
            Step::Follow(entries) => {
                gateways.iter_mut().for_each(|gateway| gateway.follow(usize::from(*entries), &mut clients));
            }
            Step::Serve { client, room } => {
                let client = usize::from(*client) % count;
                gateways[clients[client].at].serve(client, usize::from(*room), &mut clients);
            }
            Step::Block { client, blocked } => clients[usize::from(*client) % count].blocked = *blocked,
            Step::Subscribe { client, topics, score } => {
                let topics = topics.iter().map(|topic| TOPICS[usize::from(*topic) % TOPICS.len()]);
                let client = &mut clients[usize::from(*client) % count];
                client.subscribe(&mut gateways[client.at], topics, *score);
            }
            Step::Unsubscribe { client, topic } => {
                let topic = TOPICS[usize::from(*topic) % TOPICS.len()];
                let client = &mut clients[usize::from(*client) % count];
                client.unsubscribe(&mut gateways[client.at], topic);
            }
            Step::Reconnect { client } => {
                let client = &mut clients[usize::from(*client) % count];
                client.connect(&mut gateways, client.at);
            }
            Step::Move { client } => {
                let client = &mut clients[usize::from(*client) % count];
                if client.was_delayed && gateways[client.at].has_forgotten() {
                    client.forget_positions();
                }
                client.forget_outrun_positions();
                client.connect(&mut gateways, 1 - client.at);
            }
            Step::Options { client, every, delayed } => {
                let client = &mut clients[usize::from(*client) % count];
                client.set_options(&mut gateways[client.at], *every, *delayed);
            }
            Step::Mature(entries) => gateways.iter_mut().for_each(|gateway| gateway.mature(u64::from(*entries))),
            Step::Reload { keep } => {
                trimmed = trimmed.max(log.head().saturating_sub(u64::from(*keep)));
                gateways[0].reload(&log, trimmed);
            }
            Step::Roll => {
                log.roll();
                gateways.iter_mut().for_each(|gateway| gateway.reload(&log, trimmed));
            }
        }
    }
    for client in &mut clients {
        client.blocked = false;
    }
    gateways.iter_mut().for_each(|gateway| gateway.settle(&mut clients));
    for client in &clients {
        client.check(&log);
    }
}

/// A life told by bytes, for fuzzers.
pub(crate) fn live(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    run(&std::iter::from_fn(|| told(&mut bytes)).collect::<Vec<_>>());
}

/// The next step; the bytes' end is the life's.
fn told(bytes: &mut impl Iterator<Item = u8>) -> Option<Step> {
    let kind = bytes.next()?;
    let mut next = || bytes.next();
    Some(match if kind < 240 { kind % 20 } else { kind } {
        240..248 => Step::Hear(1 + kind % 4),
        248.. => Step::Move { client: kind },
        0..5 => Step::Change { game: next()?, seed: u16::from_le_bytes([next()?, next()?]) },
        5 => Step::Remove { game: next()? },
        6..8 => Step::Follow(1 + next()? % 4),
        8..11 => Step::Serve { client: next()?, room: 1 + next()? % 4 },
        11 => Step::Block { client: next()?, blocked: next()? % 2 == 0 },
        12 | 13 => Step::Subscribe { client: next()?, topics: vec![next()?, next()?], score: next()? % 2 == 0 },
        14 => Step::Unsubscribe { client: next()?, topic: next()? },
        15 => Step::Reconnect { client: next()? },
        16 => Step::Options { client: next()?, every: next()? % 2 == 0, delayed: next()? % 2 == 0 },
        17 => Step::Mature(1 + next()? % 4),
        18 => Step::Reload { keep: next()? },
        _ => Step::Roll,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { ..ProptestConfig::default() })]

    #[test]
    fn every_client_ends_with_the_log_and_never_sees_a_gap(steps in prop::collection::vec(step(), 1..120)) {
        run(&steps);
    }
}

/// Longer lives than a property's cases have, by a seed; a million steps are for the hand:
///
/// ```sh
/// SIMULATION_STEPS=1000000 SIMULATION_SEED=7 cargo test --release --test it simulation -- --nocapture
/// ```
#[test]
fn a_simulation_keeps_the_rules_over_long_lives() {
    /// Of one log, with its subscribers.
    const LIFE: usize = 2_000;
    let told = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let steps = usize::try_from(told("SIMULATION_STEPS").unwrap_or(10_000)).expect("so many");
    let seed = told("SIMULATION_SEED").unwrap_or(24_112_026);
    let bytes: Vec<u8> = seed.to_le_bytes().into_iter().cycle().take(32).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut done = 0;
    while done < steps {
        let life: Vec<Step> = (0..LIFE.min(steps - done))
            .map(|_| step().new_tree(&mut runner).expect("steps have no condition").current())
            .collect();
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&life)));
        if let Err(panic) = ran {
            eprintln!("with the seed {seed}, in the life that begins at step {done}");
            std::panic::resume_unwind(panic);
        }
        done += life.len();
    }
    println!("{done} steps");
}
