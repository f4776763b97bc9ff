//! A WebSocket to the service: its messages as they come.

use std::collections::VecDeque;
use std::time::Duration;

use hyper::header::{SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL};
use hyper::upgrade::Upgraded;
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Server, collect, refusal, whole};
use crate::cli::Failure;
use crate::codec::{Decoder, Incoming, Limits, Opcode, Role, Upgrade, masked};

/// Longer than any message of the contract.
const MESSAGES: Limits = Limits { message_bytes: 4 << 20, fragments: 64 };
const SCRATCH: usize = 64 << 10;

/// An open WebSocket.
pub(in crate::cli) struct Socket {
    io: TokioIo<Upgraded>,
    decoder: Decoder,
    scratch: Vec<u8>,
    heard: VecDeque<Heard>,
    pongs: Vec<u8>,
}

/// What the server says.
pub(in crate::cli) enum Heard {
    /// A message.
    Text(String),
    /// Nothing more comes: the close code, when there was one, and why.
    Closed(Option<u16>, String),
}

impl Socket {
    /// Opens one; `path` has the query.
    ///
    /// # Errors
    /// When nobody is there, or the server refuses.
    pub(in crate::cli) async fn open(server: &Server, path: &str) -> Result<Socket, Failure> {
        let mut client = server.connect().await?;
        let asked = Upgrade::new(fastrand::u128(..));
        let request = client.request(Method::GET, path).header(SEC_WEBSOCKET_PROTOCOL, "scoreline.v1.json");
        let request = asked.headers().into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = client.send(request, whole("")).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let (status, body) = collect(response).await?;
            return Err(refusal(status, &body));
        }
        if response.headers().get(SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| accept != asked.accept.as_str()) {
            return Err(server.failed(&"this is no WebSocket server"));
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| server.failed(&error))?;
        Ok(Socket {
            io: TokioIo::new(upgraded),
            decoder: Decoder::new(Role::Client),
            scratch: vec![0; SCRATCH],
            heard: VecDeque::new(),
            pongs: Vec::new(),
        })
    }

    /// The next message; a server that says nothing at all for this long counts as gone. After [`Heard::Closed`] the
    /// socket is of no use any more.
    pub(in crate::cli) async fn next(&mut self, silence: Duration) -> Heard {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            match tokio::time::timeout(silence, self.read()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Heard::Closed(None, error),
                Err(_) => return Heard::Closed(None, "the server is silent".to_owned()),
            }
        }
    }

    async fn read(&mut self) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        let pongs = std::mem::take(&mut self.pongs);
        self.io.write_all(&pongs).await.map_err(text)?;
        self.io.flush().await.map_err(text)?; // TLS may hold back the last of it
        let read = self.io.read(&mut self.scratch).await.map_err(text)?;
        if read == 0 {
            return Err("the server ended the connection".to_owned());
        }
        let Socket { decoder, scratch, heard, pongs, .. } = self;
        let fed = decoder.feed(&mut scratch[..read], &MESSAGES, None, &mut |incoming| match incoming {
            Incoming::Text(text) => heard.push_back(Heard::Text(text.to_owned())),
            Incoming::Ping(payload) => {
                pongs.extend_from_slice(&masked(Opcode::Pong, payload, fastrand::u32(..).to_be_bytes()));
            }
            Incoming::Close(Some((code, reason))) => {
                heard.push_back(Heard::Closed(Some(code), format!("the server closed: {code} {reason}")));
            }
            Incoming::Close(None) => heard.push_back(Heard::Closed(None, "the server closed".to_owned())),
            Incoming::Binary(_) | Incoming::Pong(_) => {}
        });
        fed.map_err(|fault| format!("the server does not speak WebSocket: {fault}"))
    }
}
