//! An EventSource by hand: the parsing rules of HTML, section 9.2.6, and nothing of the server's.

use std::net::SocketAddr;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{HeaderMap, Response};
use serde_json::Value;
use tokio::net::TcpSocket;

use crate::support::{Answer, Client, soon};

/// An open event stream.
pub(crate) struct Events {
    body: Incoming,
    held: Vec<u8>,
    pub(crate) headers: HeaderMap,
    /// What it would send as `Last-Event-ID`.
    pub(crate) last_id: String,
    /// How long it would wait before it connects again; ms.
    pub(crate) retry: Option<u32>,
    /// Comments that came.
    pub(crate) comments: usize,
    _client: Client,
}

/// What an EventSource makes of a block of lines.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) data: Option<String>,
}

impl Events {
    /// Asks; `Err`: what was answered in place of 200.
    pub(crate) async fn open(at: SocketAddr, target: &str, headers: &[&str]) -> Result<Events, Answer> {
        Events::over(Client::connect(at).await, target, headers).await
    }

    /// Over a socket that takes in little by itself, so that who does not read is felt soon.
    pub(crate) async fn narrow(at: SocketAddr, target: &str) -> Result<Events, Answer> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let client = Client::over(soon(socket.connect(at)).await.unwrap()).await;
        Events::over(client, target, &[]).await
    }

    /// Over this connection.
    pub(crate) async fn over(mut client: Client, target: &str, headers: &[&str]) -> Result<Events, Answer> {
        let response = client.begin(target, headers).await;
        if response.status() != 200 {
            let (parts, body) = response.into_parts();
            let body = soon(body.collect()).await.unwrap().to_bytes();
            return Err(Answer { status: parts.status, headers: parts.headers, body });
        }
        Ok(Events::of(response, client))
    }

    /// Of an answer that has begun on this connection.
    pub(crate) fn of(response: Response<Incoming>, client: Client) -> Events {
        let (parts, body) = response.into_parts();
        let headers = parts.headers;
        assert_eq!(headers["content-type"], "text/event-stream");
        let (last_id, held) = (String::new(), Vec::new());
        Events { body, held, headers, last_id, retry: None, comments: 0, _client: client }
    }

    /// The next message; `None` at the end of the stream. Safe to drop while it waits.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        loop {
            if let Some(data) = self.block().await?.data {
                return Some(serde_json::from_str(&data).unwrap());
            }
        }
    }

    /// The next block up to its blank line.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        let end = loop {
            if let Some(end) = self.held.windows(2).position(|end| end == b"\n\n") {
                break end;
            }
            let frame = self.body.frame().await?.ok()?;
            self.held.extend_from_slice(&frame.into_data().unwrap());
        };
        let text: Vec<u8> = self.held.drain(..end + 2).collect();
        let mut block = Block::default();
        for line in String::from_utf8(text).unwrap().lines().filter(|line| !line.is_empty()) {
            match line.split_once(':').expect("a field") {
                ("", _) => self.comments += 1,
                ("id", id) => block.id = Some(id.strip_prefix(' ').unwrap_or(id).to_owned()),
                ("data", data) => {
                    assert_eq!(block.data.replace(data.strip_prefix(' ').unwrap_or(data).to_owned()), None, "one line");
                }
                ("retry", retry) => self.retry = Some(retry.trim().parse().unwrap()),
                (field, _) => panic!("a field of no use here: {field}"),
            }
        }
        if let Some(id) = &block.id {
            self.last_id.clone_from(id);
        }
        Some(block)
    }

    /// The next message, which must come, and of this type.
    #[track_caller]
    pub(crate) fn expect<'s>(&'s mut self, kind: &'s str) -> impl Future<Output = Value> + 's {
        let caller = std::panic::Location::caller();
        async move {
            let message = soon(self.message()).await;
            let message = message.unwrap_or_else(|| panic!("{caller}: no {kind}, but the end"));
            assert_eq!(message["type"], kind, "{caller}: {message}");
            message
        }
    }
}
