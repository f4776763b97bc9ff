//! A WebSocket connection as a client has it, by hand, so that it can also send what no good client sends and sees every
//! frame as it came. Its reading of RFC 6455 is its own, not the server's codec.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::upgrade::Upgraded;
use hyper::{HeaderMap, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

use crate::support::{Answer, soon};

/// A key as any client could have drawn it.
const KEY: &str = "c2NvcmVsaW5lLXRlc3QtMQ==";
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
const FIN: u8 = 0x80;

/// An upgrade request; [`Handshake::new`] is a good one.
pub(crate) struct Handshake {
    line: String,
    headers: Vec<String>,
    receive_buffer: Option<u32>,
}

impl Handshake {
    pub(crate) fn new(target: &str) -> Handshake {
        let headers =
            ["Host: scoreline.test", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
        let mut headers: Vec<String> = headers.map(str::to_owned).into();
        headers.push(format!("Sec-WebSocket-Key: {KEY}"));
        Handshake { line: format!("GET {target} HTTP/1.1"), headers, receive_buffer: None }
    }

    /// With this header in place of the one of that name.
    pub(crate) fn with(self, header: &str) -> Handshake {
        let name = header.split(':').next().expect("name: value");
        self.without(name).and(header)
    }

    /// With this header beside the others.
    pub(crate) fn and(mut self, header: &str) -> Handshake {
        self.headers.push(header.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Handshake {
        self.headers.retain(|header| !header.split(':').next().is_some_and(|held| held.eq_ignore_ascii_case(name)));
        self
    }

    /// With this request line.
    pub(crate) fn line(mut self, line: &str) -> Handshake {
        self.line = line.to_owned();
        self
    }

    /// From a socket that takes in little by itself, so that who does not read is felt soon.
    pub(crate) fn narrow(mut self) -> Handshake {
        self.receive_buffer = Some(16 << 10);
        self
    }

    /// Asks; `Err`: what was answered in place of 101.
    pub(crate) async fn open(self, at: SocketAddr) -> Result<Socket, Answer> {
        self.try_open(at).await.unwrap()
    }

    /// The same of a server that may be gone.
    pub(crate) async fn try_open(self, at: SocketAddr) -> io::Result<Result<Socket, Answer>> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = soon(socket.connect(at)).await?;
        stream.set_nodelay(true)?;
        self.try_over(stream).await
    }

    /// Asks over a stream that is there.
    pub(crate) async fn over(self, stream: impl Stream + 'static) -> Result<Socket, Answer> {
        self.try_over(stream).await.unwrap()
    }

    async fn try_over(self, mut stream: impl Stream + 'static) -> io::Result<Result<Socket, Answer>> {
        let request = format!("{}\r\n{}\r\n\r\n", self.line, self.headers.join("\r\n"));
        soon(stream.write_all(request.as_bytes())).await?;
        let mut held = Vec::new();
        let end = loop {
            if let Some(end) = held.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            if soon(stream.read_buf(&mut held)).await? == 0 {
                return Err(io::Error::other(format!("it ended in its head: {held:?}")));
            }
        };
        let body = held.split_off(end);
        let (status, headers) = head(&String::from_utf8(held).unwrap());
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Err(answer(stream, status, headers, body).await?));
        }
        assert_eq!(headers["sec-websocket-accept"], tungstenite::handshake::derive_accept_key(KEY.as_bytes()));
        let deflates = headers.get("sec-websocket-extensions").is_some_and(|agreed| {
            assert!(agreed.to_str().unwrap().starts_with("permessage-deflate"), "{agreed:?}");
            true
        });
        Ok(Ok(Socket { held: body, deflates, ..Socket::new(stream, headers) }))
    }
}

fn head(text: &str) -> (StatusCode, HeaderMap) {
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap()));
    (status, headers.collect())
}

async fn answer(
    mut stream: impl Stream,
    status: StatusCode,
    headers: HeaderMap,
    mut body: Vec<u8>,
) -> io::Result<Answer> {
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    while body.len() < length {
        if soon(stream.read_buf(&mut body)).await? == 0 {
            return Err(io::Error::other("it ended in its body"));
        }
    }
    Ok(Answer { status, headers, body: Bytes::from(body) })
}

/// One frame of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// Code and reason, or nothing.
    Close(Option<(u16, String)>),
}

/// What carries a connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP connection below, where it is just that.
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

impl Stream for TcpStream {
    fn tcp(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Stream for TlsStream<TcpStream> {}
impl Stream for TokioIo<Upgraded> {}

/// An open connection.
pub(crate) struct Socket {
    stream: Box<dyn Stream>,
    /// Read and not yet taken.
    held: Vec<u8>,
    /// Of the server's answer.
    pub(crate) headers: HeaderMap,
    deflates: bool,
    /// Frames that came compressed.
    pub(crate) compressed: usize,
    /// The server's last word, once it came.
    pub(crate) closed: Option<Option<(u16, String)>>,
}

impl Socket {
    /// The server has agreed.
    pub(crate) fn new(stream: impl Stream + 'static, headers: HeaderMap) -> Socket {
        let deflates = headers.get("sec-websocket-extensions").is_some_and(|agreed| {
            assert!(agreed.to_str().unwrap().starts_with("permessage-deflate"), "{agreed:?}");
            true
        });
        Socket { stream: Box::new(stream), held: Vec::new(), headers, deflates, compressed: 0, closed: None }
    }

    /// Sends a frame as a client does.
    pub(crate) async fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.raw(&masked(FIN | opcode, payload)).await;
    }

    /// Sends a command.
    pub(crate) async fn say(&mut self, command: &Value) {
        match self.is_binary() {
            false => self.send(TEXT, command.to_string().as_bytes()).await,
            true => self.send(BINARY, &cbor4ii::serde::to_vec(Vec::new(), command).unwrap()).await,
        }
    }

    /// Whether it was agreed to speak CBOR.
    fn is_binary(&self) -> bool {
        self.headers.get("sec-websocket-protocol").is_some_and(|agreed| agreed == "scoreline.v1.cbor")
    }

    /// Sends bytes as they are. A server that has hung up is no failure here: what it said is still to be read.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let _ = soon(self.stream.write_all(bytes)).await;
        let _ = soon(self.stream.flush()).await;
    }

    /// The next frame; `None` at the end of the stream. Safe to drop while it waits.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, length)) = self.parse() {
                self.held.drain(..length);
                return Some(frame);
            }
            match self.stream.read_buf(&mut self.held).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next message; pings are answered. `None` when the connection has ended.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        loop {
            match self.frame().await? {
                Frame::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Frame::Binary(bytes) => return Some(cbor4ii::serde::from_slice(&bytes).unwrap()),
                Frame::Ping(payload) => self.send(PONG, &payload).await,
                Frame::Pong(_) => {}
                Frame::Close(said) => {
                    self.closed = Some(said);
                    return None;
                }
            }
        }
    }

    /// The next message, which must come, and of this type.
    #[track_caller]
    pub(crate) fn expect<'s>(&'s mut self, kind: &'s str) -> impl Future<Output = Value> + 's {
        let caller = std::panic::Location::caller();
        async move {
            let message = soon(self.message()).await;
            let closed = &self.closed;
            let message = message.unwrap_or_else(|| panic!("{caller}: no {kind}, but the end: {closed:?}"));
            assert_eq!(message["type"], kind, "{caller}: {message}");
            message
        }
    }

    /// Reads on until the server's close frame: its code and reason.
    pub(crate) async fn close_frame(&mut self) -> Option<(u16, String)> {
        while soon(self.message()).await.is_some() {}
        self.closed.clone().expect("a close frame before the end of the stream")
    }

    /// The code the server closes with.
    pub(crate) async fn close_code(&mut self) -> u16 {
        self.close_frame().await.expect("a code").0
    }

    /// Asserts that the server has nothing more to say before it answers this command.
    pub(crate) async fn silent(&mut self) {
        self.say(&serde_json::json!({"type": "ping", "id": 999_999})).await;
        let pong = self.expect("pong").await;
        assert_eq!(pong["id"], 999_999);
    }

    /// Ends with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(self.stream.tcp().expect("plain TCP"))
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
    }

    /// The frame at the front of what was read, and its length.
    fn parse(&mut self) -> Option<(Frame, usize)> {
        let (first, second) = (*self.held.first()?, *self.held.get(1)?);
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let (start, length) = match second {
            126 => (4, u16::from_be_bytes(self.held.get(2..4)?.try_into().ok()?).into()),
            127 => (10, u64::from_be_bytes(self.held.get(2..10)?.try_into().ok()?)),
            short => (2, u64::from(short)),
        };
        let end = start + usize::try_from(length).unwrap();
        let payload = self.held.get(start..end)?;
        assert_eq!(first & 0xB0, FIN, "whole frames without the bits RSV2 and RSV3: {first:#x}");
        let payload = match first & 0x40 {
            0 => payload.to_vec(),
            _ => {
                assert!(self.deflates && first & 0x08 == 0, "compressed, but not so agreed: {first:#x}");
                self.compressed += 1;
                inflate(payload)
            }
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let frame = match first & 0x0F {
            TEXT if !self.is_binary() => Frame::Text(text(&payload)),
            BINARY if self.is_binary() => Frame::Binary(payload),
            PING => Frame::Ping(payload),
            PONG => Frame::Pong(payload),
            CLOSE => {
                let code = payload.split_first_chunk();
                Frame::Close(code.map(|(code, reason)| (u16::from_be_bytes(*code), text(reason))))
            }
            other => panic!("opcode {other}"),
        };
        Some((frame, end))
    }
}

/// A frame with this first byte, masked.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = fastrand::u32(..).to_be_bytes();
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// RFC 7692 section 7.2.2, without context takeover.
fn inflate(payload: &[u8]) -> Vec<u8> {
    let mut inflater = flate2::Decompress::new(false);
    let mut out = Vec::with_capacity(payload.len() * 8);
    let mut input = [payload, &[0, 0, 0xFF, 0xFF]].concat();
    while !input.is_empty() {
        out.reserve(4_096);
        let before = inflater.total_in();
        inflater.decompress_vec(&input, &mut out, flate2::FlushDecompress::Sync).unwrap();
        let read = usize::try_from(inflater.total_in() - before).unwrap();
        input.drain(..read);
        assert!(read > 0 || out.len() == out.capacity(), "it goes on");
    }
    out
}
