//! A subscriber that takes its position along, from transport to transport and gateway to gateway.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Detail, Events, Handshake, Replica, Socket};
use crate::support::{Client, soon};
use crate::tls::Keys;

/// Where a gateway is found, and what is spoken there below the messages.
#[derive(Clone, Copy)]
pub(crate) enum Door<'k> {
    Plain(SocketAddr),
    Tls(SocketAddr, &'k Keys),
    /// WebSocket in HTTP/2; the rest as [`Door::Tls`].
    Http2(SocketAddr, &'k Keys),
}

impl From<SocketAddr> for Door<'_> {
    fn from(at: SocketAddr) -> Self {
        Door::Plain(at)
    }
}

impl Door<'_> {
    /// A connection of HTTP/1.1.
    pub(crate) async fn client(self) -> Client {
        match self {
            Door::Plain(at) => Client::connect(at).await,
            Door::Tls(at, keys) | Door::Http2(at, keys) => {
                Client::over(soon(keys.connect(at, "http/1.1")).await.unwrap()).await
            }
        }
    }

    async fn socket(self, target: &str, headers: &[&str]) -> Socket {
        let asked = || headers.iter().fold(Handshake::new(target), |asked, header| asked.with(header));
        let opened = match self {
            Door::Plain(at) => asked().open(at).await,
            Door::Tls(at, keys) => asked().over(soon(keys.connect(at, "http/1.1")).await.unwrap()).await,
            Door::Http2(at, keys) => keys.h2(at).await.ws(target, headers).await,
        };
        opened.unwrap_or_else(|answer| panic!("refused: {answer:?}"))
    }
}

/// How it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Json,
    JsonDeflate,
    Cbor,
    CborDeflate,
    Sse,
    Poll,
}

impl Way {
    pub(crate) const ALL: [Way; 6] = [Way::Json, Way::JsonDeflate, Way::Cbor, Way::CborDeflate, Way::Sse, Way::Poll];

    /// What a WebSocket's handshake offers.
    fn offers(self) -> &'static [&'static str] {
        const CBOR: &str = "Sec-WebSocket-Protocol: scoreline.v1.cbor";
        const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate";
        match self {
            Way::Cbor => &[CBOR],
            Way::JsonDeflate => &[DEFLATE],
            Way::CborDeflate => &[CBOR, DEFLATE],
            Way::Json | Way::Sse | Way::Poll => &[],
        }
    }
}

/// The CRC of each document that anybody held, by detail, game and version: it must be the same for all.
#[derive(Debug, Default)]
pub(crate) struct Sums(HashMap<(Detail, String, u64), u32>);

impl Sums {
    fn check(&mut self, way: Way, detail: Detail, game: &str, replica: &Replica) {
        let Some(held) = replica.held.get(game) else { return };
        let mut sum = flate2::Crc::new();
        sum.update(held.state.to_string().as_bytes());
        let before = *self.0.entry((detail, game.to_owned(), held.version)).or_insert(sum.sum());
        assert_eq!(before, sum.sum(), "{way:?} holds another {game} of version {}: {}", held.version, held.state);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

enum Link {
    Socket(Socket),
    Events(Events),
    Poll(Client),
}

/// The subscriber.
pub(crate) struct Traveller {
    pub(crate) replica: Replica,
    detail: Detail,
    topics: String,
    way: Way,
    link: Option<Link>,
    /// Where the load goes on of which the last answer was a piece, and whether it resumes.
    piece: Option<(String, bool)>,
}

impl Traveller {
    pub(crate) fn new(topics: &[&str], detail: Detail) -> Traveller {
        let replica = Replica::new(topics.iter().map(|topic| (*topic, detail)));
        Traveller { replica, detail, topics: topics.join(","), way: Way::Json, link: None, piece: None }
    }

    /// Connects this way, from where it stands.
    pub(crate) async fn connect(&mut self, way: Way, door: impl Into<Door<'_>>) {
        let door = door.into();
        self.way = way;
        self.link = Some(match way {
            Way::Poll => Link::Poll(door.client().await),
            Way::Sse => {
                let query = self.replica.by_url();
                let events = Events::over(door.client().await, &format!("/v1/sse?{query}"), &[]).await;
                Link::Events(events.unwrap_or_else(|answer| panic!("refused: {answer:?}")))
            }
            way => Link::Socket(door.socket(&format!("/v1/ws?{}", self.replica.by_url()), way.offers()).await),
        });
    }

    /// Takes messages until everything up to this offset is known.
    pub(crate) async fn reaches(&mut self, offset: u64, sums: &mut Sums) {
        while self.replica.reached().is_none_or(|reached| reached < offset) {
            let message = match self.link.as_mut().expect("it is connected") {
                Link::Socket(socket) => soon(socket.message()).await,
                Link::Events(events) => soon(events.message()).await,
                Link::Poll(_) => {
                    self.poll(sums).await;
                    continue;
                }
            };
            self.take(&message.expect("it goes on"), sums);
        }
    }

    /// One poll: whether more of the same load is to come.
    pub(crate) async fn poll(&mut self, sums: &mut Sums) -> bool {
        let query = match &self.piece {
            None => self.replica.by_url(),
            Some((piece, _)) => format!("topics={}&detail={}&since={piece}", self.topics, self.detail.name()),
        };
        let Some(Link::Poll(client)) = &mut self.link else { panic!("it does not poll") };
        let answer = client.get(&format!("/v1/poll?{query}&wait=20")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.len() < 3 << 19, "about 1 MiB, but it has {}", answer.body.len());
        let answer = answer.json();
        let mut messages = answer["messages"].as_array().unwrap().as_slice();
        if let Some((_, resumed)) = self.piece.take() {
            // The same load, or one that starts it over.
            if messages[0]["type"] == "subscribed" {
                assert_eq!(messages[0]["resumed"], resumed);
                messages = &messages[1..];
            }
        }
        let resumes = |message: &Value| message["resumed"].as_bool();
        let resumed = answer["messages"].as_array().unwrap().iter().find_map(resumes).expect("a subscribed");
        for message in messages {
            self.take(message, sums);
        }
        let position = answer["position"].as_str().unwrap().to_owned();
        let more = answer["more"].as_bool().unwrap();
        match more {
            true => self.piece = Some((position, resumed)),
            false => self.replica.take(&json!({"type": "position", "id": 0, "position": position})),
        }
        more
    }

    fn take(&mut self, message: &Value, sums: &mut Sums) {
        self.replica.take(message);
        if let Some(game) = message["game"].as_str() {
            sums.check(self.way, self.detail, game, &self.replica);
        }
    }
}
