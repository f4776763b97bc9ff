//! One subscriber: its socket and what it holds.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

use super::judge::Held;
use crate::codec::{Decoder, Role};

/// Connections from one source address: an address has some 28,000 ports, and ports of closed ones rest for a minute.
const PER_ADDRESS: usize = 10_000;
/// The receive buffer of one that reads slowly or not at all: what it leaves unread is soon the server's.
const SMALL_BUFFER: usize = 4 << 10;

/// How a subscriber reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// What comes, when it comes.
    Prompt,
    /// A little, once a second.
    Slow,
    /// Nothing, until the end.
    Stalled,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Not asked for, or lost.
    Closed,
    /// The request is written when the socket is connected.
    Connecting,
    /// The answer's head so far.
    Upgrading(Vec<u8>),
    /// Until the end mark.
    Loading,
    Live,
}

pub(super) struct Conn {
    pub(super) socket: Option<TcpStream>,
    pub(super) phase: Phase,
    pub(super) pace: Pace,
    /// It read promptly from the beginning: its deliveries are timed.
    pub(super) timed: bool,
    pub(super) decoder: Decoder,
    pub(super) held: Held,
    /// Where it would resume.
    pub(super) position: Option<Arc<str>>,
    /// The socket may hold unread bytes.
    pub(super) unread: bool,
}

impl Conn {
    pub(super) fn new(pace: Pace) -> Conn {
        Conn {
            socket: None,
            phase: Phase::Closed,
            pace,
            timed: pace == Pace::Prompt,
            decoder: Decoder::new(Role::Client),
            held: Held::default(),
            position: None,
            unread: false,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Begins to connect; `number` chooses the source address.
    pub(super) fn open(&mut self, to: SocketAddr, from: Sources, number: usize) -> io::Result<&mut TcpStream> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if self.pace != Pace::Prompt {
            socket.set_recv_buffer_size(SMALL_BUFFER)?;
        }
        if let Some(from) = from.address(to, number) {
            socket.bind(&from.into())?;
        }
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(error);
            }
            _ => {}
        }
        self.phase = Phase::Connecting;
        self.decoder = Decoder::new(Role::Client);
        self.unread = false;
        Ok(self.socket.insert(TcpStream::from_std(socket.into())))
    }

    /// Once the socket is connected, sends the request.
    pub(super) fn ask(&mut self, request: &str) -> io::Result<()> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match socket.write(request.as_bytes()) {
            Ok(written) if written == request.len() => self.phase = Phase::Upgrading(Vec::new()),
            Ok(_) => return Err(io::Error::other("a request did not fit a new socket")),
            // Not connected yet.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Reads once: `None` = nothing is there now.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(socket) = &mut self.socket else { return Ok(None) };
        loop {
            match socket.read(scratch) {
                Ok(0) => return Err(io::Error::other("the server ended the connection")),
                Ok(count) => {
                    // Less than there was room for: the next byte brings a new event.
                    self.unread = count == scratch.len();
                    return Ok(Some(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.unread = false;
                    return Ok(None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a frame; a socket that takes nothing is one that reads nothing either, whose answers nobody misses.
    pub(super) fn send(&mut self, frame: &Bytes) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.write(frame);
        }
    }
}

/// The source addresses of a crowd.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources([u8; 2]);

impl Sources {
    /// Addresses that no other crowd has had lately: the kernel looks long for a free port among those that rest.
    pub(super) fn new() -> Sources {
        Sources([fastrand::u8(1..255), fastrand::u8(..)])
    }

    /// On IPv4 loopback all of 127.0.0.0/8 is ours: 127.x.y.2, 127.x.y.3, … Elsewhere the system chooses.
    fn address(self, to: SocketAddr, number: usize) -> Option<SocketAddr> {
        let IpAddr::V4(to) = to.ip() else { return None };
        let Sources([x, y]) = self;
        let host = u8::try_from(2 + number / PER_ADDRESS).ok().filter(|host| *host < 255)?;
        to.is_loopback().then(|| SocketAddr::from((Ipv4Addr::new(127, x, y, host), 0)))
    }
}
