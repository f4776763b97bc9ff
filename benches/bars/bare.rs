//! The bare loop that Scoreline is measured against: one thread, one epoll, and for each line of a publisher one write of
//! the same pre-framed message to each socket that asked for its game. No log, no state, no queue, no second thought:
//! what is left is the kernel's price of a message, which nobody can get below with one write per message.

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use scoreline::codec::{Opcode, accept_key, frame};
use slab::Slab;

const DOOR: Token = Token(usize::MAX);

enum Role {
    /// Its request so far.
    Stranger,
    Subscriber,
    /// Its line so far.
    Publisher,
}

struct Conn {
    socket: TcpStream,
    role: Role,
    read: Vec<u8>,
}

#[derive(Default)]
struct Bare {
    conns: Slab<Conn>,
    /// Subscribers by game number.
    games: HashMap<u64, Vec<usize>>,
}

/// Serves until it is killed; says its port first.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(4_096)?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener.into());
    println!("{}", listener.local_addr()?);
    let (mut poll, mut events, mut bare) = (Poll::new()?, Events::with_capacity(1_024), Bare::default());
    poll.registry().register(&mut listener, DOOR, Interest::READABLE)?;
    let mut scratch = vec![0; 64 << 10];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                DOOR => bare.admit(&listener, &poll)?,
                Token(key) => bare.read(key, &mut scratch)?,
            }
        }
    }
}

impl Bare {
    fn admit(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let entry = self.conns.vacant_entry();
            poll.registry().register(&mut socket, Token(entry.key()), Interest::READABLE)?;
            entry.insert(Conn { socket, role: Role::Stranger, read: Vec::new() });
        }
    }

    fn read(&mut self, key: usize, scratch: &mut [u8]) -> Result<(), Box<dyn Error>> {
        loop {
            let Some(conn) = self.conns.get_mut(key) else { return Ok(()) };
            match conn.socket.read(scratch) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Ok(0) | Err(_) => {
                    self.part(key);
                    return Ok(());
                }
                Ok(_) if matches!(conn.role, Role::Subscriber) => {}
                Ok(count) => conn.read.extend_from_slice(&scratch[..count]),
            }
            if matches!(self.conns[key].role, Role::Stranger) {
                self.greet(key)?;
            }
            if matches!(self.conns[key].role, Role::Publisher) {
                self.publish(key)?;
            }
        }
    }

    /// As much of a handshake as a WebSocket client needs.
    fn greet(&mut self, key: usize) -> Result<(), Box<dyn Error>> {
        let conn = &mut self.conns[key];
        let Some(end) = conn.read.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(()) };
        let head = String::from_utf8(conn.read.drain(..end + 4).collect())?;
        if head.starts_with("POST") {
            conn.role = Role::Publisher;
            return Ok(());
        }
        conn.role = Role::Subscriber;
        conn.read = Vec::new();
        let ws_key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).ok_or("no key")?;
        let accept = accept_key(ws_key.trim());
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        answer.extend_from_slice(&frame(Opcode::Text, br#"{"type":"position","id":0,"position":"k3qx9abc.0"}"#));
        conn.socket.write_all(&answer)?;
        let (_, query) = head.split_once("topics=").ok_or("no topics")?;
        let topics = query.split(['&', ' ']).next().unwrap_or("");
        for topic in topics.split(',') {
            self.games.entry(number(topic)?).or_default().push(key);
        }
        Ok(())
    }

    /// Each line is a message (other lines are chunk sizes).
    fn publish(&mut self, key: usize) -> Result<(), Box<dyn Error>> {
        let mut lines = std::mem::take(&mut self.conns[key].read);
        while let Some(end) = lines.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = lines.drain(..=end).collect();
            match line.trim_ascii_end() {
                message if message.starts_with(b"{") => self.fan_out(message)?,
                b"0" => {
                    self.conns[key].socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                    self.part(key);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.conns[key].read = lines;
        Ok(())
    }

    fn fan_out(&mut self, message: &[u8]) -> Result<(), Box<dyn Error>> {
        let text = std::str::from_utf8(message)?;
        let (_, game) = text.split_once(r#""game":""#).ok_or("no game")?;
        let game = number(game.split('"').next().unwrap_or(""))?;
        let frame = frame(Opcode::Text, message);
        for &key in self.games.get(&game).map_or(&[][..], |keys| keys) {
            // The loads are such that a socket takes each message whole; one that did not would make this no measure.
            if self.conns[key].socket.write(&frame)? != frame.len() {
                return Err("a socket was full".into());
            }
        }
        Ok(())
    }

    fn part(&mut self, key: usize) {
        self.games.values_mut().for_each(|keys| keys.retain(|&other| other != key));
        self.conns.remove(key);
    }
}

/// The number at the end of a topic.
fn number(topic: &str) -> Result<u64, Box<dyn Error>> {
    Ok(topic.rsplit('/').next().unwrap_or("").parse()?)
}
