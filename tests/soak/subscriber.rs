//! A subscriber: it follows some games from one gateway or the other, goes away in every manner, comes back from where it
//! was, and writes down what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Phase;
use super::journal::{EACH, GAMES, Games, Heard, Journal, PUBLISHERS, crc, name, number};
use crate::subscriber::{Block, CLOSE, Detail, Events, Handshake, Replica, Socket, offset};
use crate::support::Client;

/// To connect, and to be greeted.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a connection is kept that nobody looks at any more.
const HALF_OPEN: Duration = Duration::from_secs(8);

/// How one subscribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    WebSocket,
    Sse,
    Poll,
}

/// A connection.
enum Link {
    Socket(Socket),
    Events(Events),
    Poll(Client),
}

impl Link {
    /// What comes next; `None` at the end. `asks`: what a poll asks. Loses nothing when it is dropped, but a poll, whose
    /// answer is then as if it never came.
    async fn next(&mut self, asks: &str) -> Option<Vec<Value>> {
        match self {
            Link::Socket(socket) => Some(vec![socket.message().await?]),
            Link::Events(events) => Some(vec![event(events).await?]),
            Link::Poll(client) => timeout(PATIENCE * 2, poll(client, asks)).await.ok()?,
        }
    }
}

/// The next message; the position alone where a block has nothing else.
async fn event(events: &mut Events) -> Option<Value> {
    loop {
        match events.block().await? {
            Block { data: Some(data), .. } => return Some(serde_json::from_str(&data).unwrap()),
            Block { id: Some(id), .. } => return Some(json!({"type": "heartbeat", "position": id})),
            Block { .. } => {}
        }
    }
}

/// An answer's messages, with the end mark that it is.
async fn poll(client: &mut Client, asks: &str) -> Option<Vec<Value>> {
    let answer = client.try_begin(asks, &[]).await.ok()?;
    if answer.status() != 200 {
        return None;
    }
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["more"], false, "all games are less than 1 MiB");
    let mut messages = answer["messages"].as_array().expect("messages").clone();
    messages.push(json!({"type": "position", "id": 0, "position": answer["position"]}));
    Some(messages)
}

struct Subscriber {
    way: Way,
    gateways: Arc<[SocketAddr]>,
    dice: fastrand::Rng,
    replica: Replica,
    journal: Journal,
}

/// Follows until it knows everything, and gives what it was told.
pub(super) async fn run(
    gateways: Arc<[SocketAddr]>,
    nth: usize,
    seed: u64,
    mut phase: watch::Receiver<Phase>,
) -> Journal {
    let mut dice = fastrand::Rng::with_seed(seed * 1_000_000 + nth as u64);
    let (topics, games) = follows(nth, &mut dice);
    let detail = if dice.u8(..4) == 0 { Detail::Score } else { Detail::Full };
    let replica = Replica::new(topics.iter().map(|topic| (topic.as_str(), detail)));
    let journal = Journal { games, score: detail == Detail::Score, heard: Vec::new(), cuts: 0 };
    // Of six four: 200 of 300.
    let way = [Way::WebSocket, Way::Sse, Way::WebSocket, Way::Poll, Way::WebSocket, Way::WebSocket][nth % 6];
    let mut subscriber = Subscriber { way, gateways, dice, replica, journal };
    while !subscriber.is_done(&phase) {
        match subscriber.connect().await {
            Some(link) => subscriber.listen(link, &mut phase).await,
            None => sleep(Duration::from_millis(subscriber.dice.u64(50..500))).await,
        }
    }
    subscriber.journal
}

/// Most follow a competition, some a few games, a few everything.
fn follows(nth: usize, dice: &mut fastrand::Rng) -> (Vec<String>, Games) {
    match nth % 20 {
        0 => (vec!["*".to_owned()], (0..GAMES).collect()),
        1..=4 => {
            let mut games = dice.choose_multiple(0..GAMES, 10);
            games.sort_unstable();
            (games.iter().map(|game| name(*game)).collect(), games.into())
        }
        _ => {
            let competition = dice.usize(..PUBLISHERS);
            (vec![format!("soccer/soak.{competition}")], (competition * EACH..(competition + 1) * EACH).collect())
        }
    }
}

impl Subscriber {
    fn is_done(&self, phase: &watch::Receiver<Phase>) -> bool {
        let Phase::Over(newest) = *phase.borrow() else { return false };
        self.replica.reached().is_some_and(|reached| reached >= newest)
    }

    /// A connection to one of the gateways, with its topics asked for.
    async fn connect(&mut self) -> Option<Link> {
        let at = self.gateways[self.dice.usize(..self.gateways.len())];
        timeout(PATIENCE, self.open(at)).await.ok()?
    }

    async fn open(&mut self, at: SocketAddr) -> Option<Link> {
        if self.way == Way::WebSocket {
            let mut socket = Handshake::new("/v1/ws").try_open(at).await.ok()?.ok()?;
            if socket.message().await?["type"] != "hello" {
                return None;
            }
            self.journal.heard.push(Heard::Connected);
            for command in self.replica.reconnect() {
                socket.say(&command).await;
            }
            return Some(Link::Socket(socket));
        }
        let mut client = Client::over(TcpStream::connect(at).await.ok()?).await;
        if self.way == Way::Poll {
            return Some(Link::Poll(client));
        }
        self.journal.heard.push(Heard::Connected);
        let stream = client.try_begin(&format!("/v1/sse?{}", self.replica.by_url()), &[]).await.ok()?;
        (stream.status() == 200).then(|| Link::Events(Events::of(stream, client)))
    }

    /// Listens until the connection ends, by either side.
    async fn listen(&mut self, mut link: Link, phase: &mut watch::Receiver<Phase>) {
        let leaves = Instant::now() + Duration::from_millis(self.dice.u64(500..30_000));
        while !self.is_done(phase) {
            let stays = *phase.borrow() != Phase::Running;
            let asks = match self.way {
                Way::Poll => format!("/v1/poll?{}&wait=2", self.replica.by_url()),
                _ => String::new(),
            };
            tokio::select! {
                messages = link.next(&asks) => match messages {
                    Some(messages) => {
                        if self.way == Way::Poll {
                            self.journal.heard.push(Heard::Connected);
                        }
                        for message in messages {
                            if message["type"] == "goodbye" {
                                return;
                            }
                            self.take(&message);
                        }
                    }
                    None => return,
                },
                () = sleep_until(leaves), if !stays => return self.leave(link).await,
                _ = phase.changed() => {}
            }
        }
    }

    /// In good order, with a reset, or without a word while the connection stays open.
    async fn leave(&mut self, link: Link) {
        self.journal.cuts += 1;
        match (self.dice.u8(..3), link) {
            (0, Link::Socket(mut socket)) => socket.send(CLOSE, &1000_u16.to_be_bytes()).await,
            (1, Link::Socket(socket)) => socket.reset(),
            (2, link) => drop(tokio::spawn(async move {
                sleep(HALF_OPEN).await;
                drop(link);
            })),
            _ => {}
        }
    }

    /// Follows the rules, and writes down what came of it.
    fn take(&mut self, message: &Value) {
        let kind = message["type"].as_str().expect("a type");
        let game = || number(message["game"].as_str().expect("a game"));
        let version = |key: &str| message[key].as_u64().expect("a number");
        let asked = message["id"].as_u64().filter(|_| ["reset", "subscribed", "position"].contains(&kind));
        let (topics, since) = asked.map(|id| self.replica.asked(id)).unzip();
        let held_before: Vec<String> = match kind {
            "position" => self.replica.held.keys().cloned().collect(),
            _ => Vec::new(),
        };
        let reached_before = self.replica.reached();
        self.replica.take(message);
        match kind {
            "reset" => {
                let games = topics.map_or(self.journal.games.clone(), |topics| self.under(&topics));
                self.journal.heard.push(Heard::Reset { games });
            }
            "subscribed" => {
                let since = since.flatten().filter(|_| message["resumed"] == true);
                let games = self.under(&topics.expect("an id"));
                self.journal.heard.push(Heard::Loading { games, since });
            }
            "position" => {
                let gone = held_before.iter().filter(|game| !self.replica.held.contains_key(*game));
                self.journal.heard.extend(gone.map(|game| Heard::Dropped { game: number(game) }));
                let games = self.under(&topics.unwrap_or_else(|| self.replica.loaded()));
                let at = offset(message["position"].as_str().expect("a position"));
                self.journal.heard.push(Heard::Loaded { games, at });
            }
            "state" | "update" => {
                let (game, version) = (game(), version("version"));
                let crc = crc(&self.replica.held[&name(game)].state, self.journal.score);
                self.journal.heard.push(match kind {
                    "state" => Heard::State { game, version, crc },
                    _ => Heard::Update { game, base: message["base"].as_u64().expect("a number"), version, crc },
                });
            }
            "removed" => self.journal.heard.push(Heard::Removed { game: game() }),
            _ => {}
        }
        let reached = self.replica.reached().filter(|_| self.replica.reached() != reached_before);
        self.journal.heard.extend(reached.map(|at| Heard::Reached { at }));
    }

    /// The games under these of its topics.
    fn under(&self, topics: &[String]) -> Games {
        let games = &self.journal.games;
        match topics.len() == self.replica.subscriptions().count() {
            true => games.clone(),
            // Whoever has several topics follows single games.
            false => games.iter().copied().filter(|game| topics.contains(&name(*game))).collect(),
        }
    }
}
