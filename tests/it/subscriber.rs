//! A subscriber over a real socket: a WebSocket client by hand ([`Socket`]), a client's copy of the games that follows the
//! contract's rules to the letter ([`Replica`]), and the two together ([`Subscriber`]).

mod events;
mod replica;
mod socket;
mod traveller;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{Client, soon};

pub(crate) use events::{Block, Events};
pub(crate) use replica::{Detail, Replica, offset};
pub(crate) use socket::{BINARY, CLOSE, Frame, Handshake, PING, PONG, Socket, TEXT, masked};
pub(crate) use traveller::{Door, Sums, Traveller, Way};

/// A connection that comes and goes, and what is known across all of them.
pub(crate) struct Subscriber {
    at: SocketAddr,
    headers: Vec<String>,
    narrow: bool,
    socket: Option<Socket>,
    /// The code that the server closed the last connection with, when it did.
    pub(crate) closed: Option<u16>,
    pub(crate) replica: Replica,
}

impl Subscriber {
    /// One that will subscribe to these topics, each by a command of its own; not connected yet.
    pub(crate) fn new<'t>(at: SocketAddr, subscriptions: impl IntoIterator<Item = (&'t str, Detail)>) -> Subscriber {
        let replica = Replica::new(subscriptions);
        Subscriber { at, headers: Vec::new(), narrow: false, socket: None, closed: None, replica }
    }

    /// Says this header in its handshakes.
    pub(crate) fn with(mut self, header: &str) -> Subscriber {
        self.headers.push(header.to_owned());
        self
    }

    /// Over a socket that takes in little by itself: when it does not read, the server feels it soon.
    pub(crate) fn narrow(mut self) -> Subscriber {
        self.narrow = true;
        self
    }

    /// From the next connection on, another server.
    pub(crate) fn moves_to(&mut self, at: SocketAddr) {
        self.at = at;
    }

    /// Connects (again), each topic with its own position.
    pub(crate) async fn connect(&mut self) {
        let asked = Handshake::new("/v1/ws");
        let asked = if self.narrow { asked.narrow() } else { asked };
        let handshake = self.headers.iter().fold(asked, |asked, header| asked.with(header));
        let mut socket = handshake.open(self.at).await.unwrap_or_else(|answer| panic!("refused: {answer:?}"));
        socket.expect("hello").await;
        for command in self.replica.reconnect() {
            socket.say(&command).await;
        }
        self.socket = Some(socket);
    }

    /// The open connection.
    pub(crate) fn socket(&mut self) -> &mut Socket {
        self.socket.as_mut().expect("it is connected")
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.socket.is_some()
    }

    /// Subscribes to more, or anew.
    pub(crate) async fn subscribe(&mut self, topics: &[&str], detail: Detail) {
        let command = self.replica.subscribe(topics, detail);
        self.socket().say(&command).await;
    }

    /// Unsubscribes.
    pub(crate) async fn unsubscribe(&mut self, topics: &[&str]) {
        let command = self.replica.unsubscribe(topics);
        self.socket().say(&command).await;
    }

    /// Takes one message; `None` when the connection has ended. Safe to drop while it waits.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let message = self.socket().message().await;
        match &message {
            Some(message) => self.replica.take(message),
            None => {
                let socket = self.socket.take();
                self.closed = socket.and_then(|socket| socket.closed.flatten()).map(|(code, _)| code);
            }
        }
        message
    }

    /// Takes messages until this holds; connects again when the server ends the connection.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Replica) -> bool) {
        while !holds(&self.replica) {
            if self.socket.is_none() {
                self.connect().await;
            }
            soon(self.next()).await;
        }
    }

    /// Takes messages until everything up to this offset is known of all its topics.
    pub(crate) async fn reaches(&mut self, offset: u64) {
        self.until(|replica| replica.reached().is_some_and(|reached| reached >= offset)).await;
    }

    /// What `GET /v1/games` answers to its subscriptions: each game in the greatest detail that any of them asks.
    pub(crate) async fn expected(&self, client: &mut Client) -> BTreeMap<String, Value> {
        let mut expected = BTreeMap::new();
        for detail in [Detail::Score, Detail::Full] {
            for (topic, _) in self.replica.subscriptions().filter(|(_, asked)| *asked == detail) {
                expected.extend(client.games(topic, detail.name()).await);
            }
        }
        expected
    }

    /// Goes away without a word; with a reset where `hard`.
    pub(crate) fn cut(&mut self, hard: bool) {
        if let Some(socket) = self.socket.take().filter(|_| hard) {
            socket.reset();
        }
    }
}
