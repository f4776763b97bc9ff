//! Subscribers that count: whatever the protocol, a message of ours is in it as it was published, and has one game.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use super::kind::Kind;

/// In each message once, and in nothing else; `g` is in it once, so that a broken match begins anew at a `g`.
const MARK: &[u8] = b"game\":";
/// Connections from one source address.
const PER_ADDRESS: usize = 10_000;
/// Handshakes under way at a time.
const AT_ONCE: usize = 64;

struct Conn {
    socket: TcpStream,
    /// What is still to be said, each after the server's word.
    steps: std::vec::IntoIter<(&'static [u8], Vec<u8>)>,
    /// The server's words since the last step; `None` = it is ready.
    heard: Option<Vec<u8>>,
    next: Option<(&'static [u8], Vec<u8>)>,
    /// How much of the mark was seen.
    matched: usize,
}

pub(super) struct Crowd {
    kind: Kind,
    poll: Poll,
    events: Events,
    conns: Vec<Conn>,
    scratch: Vec<u8>,
    ready: usize,
    /// Messages so far.
    pub(super) messages: u64,
}

impl Crowd {
    /// Connects all, a few at a time; `topics` of the n-th are those at n modulo their count.
    pub(super) fn connect(kind: Kind, address: SocketAddr, count: usize, topics: &[Vec<String>]) -> io::Result<Crowd> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(1_024));
        let mut crowd =
            Crowd { kind, poll, events, conns: Vec::new(), scratch: vec![0; 256 << 10], ready: 0, messages: 0 };
        let patience = Instant::now() + Duration::from_secs(60);
        while crowd.ready < count {
            while crowd.conns.len() < count && crowd.conns.len() - crowd.ready < AT_ONCE {
                crowd.open(address, &topics[crowd.conns.len() % topics.len()])?;
            }
            crowd.turn(Duration::from_millis(10))?;
            if Instant::now() > patience {
                return Err(io::Error::other(format!("{} of {count} were ready after a minute", crowd.ready)));
            }
        }
        Ok(crowd)
    }

    fn open(&mut self, address: SocketAddr, topics: &[String]) -> io::Result<()> {
        let key = self.conns.len();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let source = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(key / PER_ADDRESS).unwrap_or(0));
        socket.bind(&SocketAddr::from((IpAddr::V4(source), 0)).into())?;
        socket.connect(&address.into())?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket.into());
        self.poll.registry().register(&mut socket, Token(key), Interest::READABLE)?;
        let mut steps = self.kind.hello(topics).into_iter();
        let next = steps.next();
        let mut conn = Conn { socket, steps, heard: Some(Vec::new()), next, matched: 0 };
        conn.say(self.kind)?;
        self.conns.push(conn);
        Ok(())
    }

    /// Reads what there is; where there is nothing, waits for it so long.
    pub(super) fn turn(&mut self, wait: Duration) -> io::Result<()> {
        self.poll.poll(&mut self.events, Some(wait))?;
        for event in &self.events {
            let conn = &mut self.conns[event.token().0];
            loop {
                match conn.socket.read(&mut self.scratch) {
                    Ok(0) => {
                        let last = conn.heard.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                        return Err(io::Error::other(format!("a connection was closed after {last:?}")));
                    }
                    Ok(count) if conn.heard.is_some() => {
                        conn.heard.iter_mut().for_each(|heard| heard.extend_from_slice(&self.scratch[..count]));
                        self.ready += usize::from(conn.say(self.kind)?);
                    }
                    Ok(count) => self.messages += conn.count(&self.scratch[..count]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

impl Conn {
    /// Says what is due after what was heard; whether it is ready by that.
    fn say(&mut self, kind: Kind) -> io::Result<bool> {
        let Some(heard) = &mut self.heard else { return Ok(false) };
        let has = |heard: &[u8], word: &[u8]| word.is_empty() || heard.windows(word.len()).any(|part| part == word);
        while let Some((word, say)) = self.next.take_if(|(word, _)| has(heard, word)) {
            let _ = word;
            self.socket.write_all(&say)?;
            heard.clear();
            self.next = self.steps.next();
        }
        let ready = self.next.is_none() && has(heard, kind.ready());
        if ready {
            self.heard = None;
        }
        Ok(ready)
    }

    /// How many messages end their mark in these bytes.
    fn count(&mut self, bytes: &[u8]) -> u64 {
        let mut messages = 0;
        for &byte in bytes {
            self.matched = match byte {
                byte if byte == MARK[self.matched] => self.matched + 1,
                b'g' => 1,
                _ => 0,
            };
            if self.matched == MARK.len() {
                (self.matched, messages) = (0, messages + 1);
            }
        }
        messages
    }
}
