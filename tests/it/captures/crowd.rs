//! Subscribers that disconnect and resume at random while the day goes on, and that must end with what the service shows.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::subscriber::{Detail, Subscriber};
use crate::support::{Client, soon};

/// What a subscriber asks for.
type Topics = Vec<(String, Detail)>;

/// How far the day is: payloads posted, and at the end the last offset.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    posted: usize,
    last: Option<u64>,
}

/// Everybody who watches.
pub(super) struct Crowd {
    day: watch::Sender<Day>,
    members: Vec<(Topics, JoinHandle<Member>)>,
}

impl Crowd {
    /// A subscriber for each of these topics in each detail, and two that ask for all in overlapping topics.
    pub(super) fn new(at: SocketAddr, seed: u64, topics: &[&str]) -> Crowd {
        let day = watch::Sender::new(Day::default());
        let one = |(topic, detail): (&&str, Detail)| vec![((*topic).to_owned(), detail)];
        let details = [Detail::Full, Detail::Score];
        let mut wanted: Vec<Topics> =
            topics.iter().flat_map(|topic| details.map(|detail| (topic, detail))).map(one).collect();
        // All in the score detail, but for the first.
        let overlapping = topics.iter().map(|topic| ((*topic).to_owned(), Detail::Full));
        wanted.push(
            overlapping.chain([("*".to_owned(), Detail::Score)]).collect::<BTreeMap<_, _>>().into_iter().collect(),
        );
        wanted.extend(wanted.last().cloned());
        let members = wanted.into_iter().enumerate().map(|(number, topics)| {
            let rng = fastrand::Rng::with_seed(seed + number as u64);
            println!("subscriber {number} with seed {}: {topics:?}", seed + number as u64);
            let subscriber = Subscriber::new(at, topics.iter().map(|(topic, detail)| (topic.as_str(), *detail)));
            let member = Member { subscriber, rng, comes_back: 0, reads: true, cuts: 0 };
            (topics, tokio::spawn(member.watch(day.subscribe())))
        });
        let members = members.collect();
        Crowd { day, members }
    }

    /// Another payload was posted.
    pub(super) fn posted(&self) {
        self.day.send_modify(|day| day.posted += 1);
    }

    /// The day is over: everybody reads on to its end, and holds what `GET /v1/games` answers.
    pub(super) async fn check(self, client: &mut Client) {
        // A topic without games: what is answered is only how far the log is.
        let head = client.get("/v1/games?topics=nobody").await.json();
        let last = crate::subscriber::offset(head["position"].as_str().unwrap());
        self.day.send_modify(|day| day.last = Some(last));
        let (mut cuts, mut resumed) = (0, 0);
        for (number, (topics, member)) in self.members.into_iter().enumerate() {
            let Member { subscriber, cuts: own, .. } = soon(member).await.unwrap();
            let counts = subscriber.replica.counts;
            println!("subscriber {number}: cut {own} times, {} games, {counts:?}", subscriber.replica.held.len());
            let expected = subscriber.expected(client).await;
            same(&subscriber.replica.documents(), &expected, &format!("subscriber {number}: {topics:?}"));
            assert!(!expected.is_empty(), "{topics:?} holds a game");
            assert_eq!(counts.resets, 0, "every position was good");
            (cuts, resumed) = (cuts + own, resumed + counts.resumed);
        }
        assert!(cuts > 20 && resumed > 20, "they came and went: cut {cuts} times, resumed {resumed} times");
    }
}

/// Games that are equal, or the first that is not.
fn same(held: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>, who: &str) {
    for (game, state) in expected {
        assert_eq!(held.get(game), Some(state), "{who}: {game}");
    }
    let more: Vec<&String> = held.keys().filter(|game| !expected.contains_key(*game)).collect();
    assert!(more.is_empty(), "{who} holds more: {more:?}");
}

struct Member {
    subscriber: Subscriber,
    rng: fastrand::Rng,
    /// Away until so many payloads were posted.
    comes_back: usize,
    /// Whether it reads what it is sent.
    reads: bool,
    cuts: usize,
}

impl Member {
    async fn watch(mut self, mut day: watch::Receiver<Day>) -> Member {
        loop {
            let reading = self.subscriber.is_connected() && self.reads;
            tokio::select! {
                changed = day.changed() => {
                    changed.unwrap();
                    let now = *day.borrow_and_update();
                    if let Some(last) = now.last {
                        self.subscriber.reaches(last).await;
                        return self;
                    }
                    self.turn(now.posted).await;
                }
                _ = self.subscriber.next(), if reading => {
                    if self.rng.u32(..2_000) == 0 {
                        let posted = day.borrow().posted;
                        self.leave(posted);
                    }
                }
            }
        }
    }

    /// Comes back, goes, stops reading or reads again.
    async fn turn(&mut self, posted: usize) {
        match self.subscriber.is_connected() {
            false if posted >= self.comes_back => self.subscriber.connect().await,
            false => {}
            true if self.rng.u8(..6) == 0 => self.leave(posted),
            true => self.reads = self.rng.u8(..4) > 0,
        }
    }

    fn leave(&mut self, posted: usize) {
        self.subscriber.cut(self.rng.bool());
        self.comes_back = posted + self.rng.usize(1..4);
        self.reads = true;
        self.cuts += 1;
    }
}
