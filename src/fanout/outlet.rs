//! Where a connection's bytes go and come from: a socket that the shard owns, plain or with TLS, or a [`channel`] to a task
//! that carries them on (an HTTP body, a stream of HTTP/2). A shard sees no difference. Knows no frames and no messages.

mod channel;
mod tls;

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use bytes::Bytes;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ServerConnection;

pub use channel::ClientEnd;
use channel::ShardEnd;
use tls::Tls;

use super::audience::Key;
use super::conn::GATHER;
use super::shard::Handle;

/// The shard's end of a connection. Its rules are a non-blocking socket's:
///
/// - **out**: [`Outlet::write`] takes what there is room for and says how much, or that it would block; when there is room
///   again the shard is woken. What is waiting is bounded: 16 KiB and a frame in a channel, the kernel's buffer in a socket,
///   with TLS 16 KiB before it, which [`Outlet::flush`] moves on.
/// - **in**: [`Outlet::read`] gives what has come, or would block; when something comes the shard is woken. 0 = the client
///   has said its last or is gone.
/// - **closed**: [`Outlet::finish`] says that nothing more is written, as `shutdown` does; dropping it cuts the connection.
pub struct Outlet(Kind);

enum Kind {
    Socket(TcpStream),
    Tls(Tls),
    Channel(ShardEnd),
}

impl From<std::net::TcpStream> for Outlet {
    /// A non-blocking socket, which the shard then owns.
    fn from(socket: std::net::TcpStream) -> Outlet {
        Outlet(Kind::Socket(TcpStream::from_std(socket)))
    }
}

impl Outlet {
    /// An outlet into a task, and the task's end of it: see [`ClientEnd`].
    #[must_use]
    pub fn channel() -> (Outlet, ClientEnd) {
        let (shard, client) = channel::pair();
        (Outlet(Kind::Channel(shard)), client)
    }

    /// A non-blocking socket, which the shard then owns, and its TLS session after the handshake.
    #[must_use]
    pub fn tls(socket: std::net::TcpStream, session: ServerConnection) -> Outlet {
        Outlet(Kind::Tls(Tls::new(socket, session)))
    }

    /// From now on the shard is woken for this connection, by its key.
    pub(super) fn open(&mut self, registry: &Registry, shard: &Handle, key: Key) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match &mut self.0 {
            Kind::Socket(socket) => registry.register(socket, Token(key), interest),
            Kind::Tls(tls) => registry.register(tls.source(), Token(key), interest),
            Kind::Channel(channel) => {
                channel.open(shard.clone(), key);
                Ok(())
            }
        }
    }

    pub(super) fn close(&mut self, registry: &Registry) {
        let _ = match &mut self.0 {
            Kind::Socket(socket) => registry.deregister(socket),
            Kind::Tls(tls) => registry.deregister(tls.source()),
            Kind::Channel(_) => Ok(()),
        };
    }

    /// Takes of the frames' bytes, in order, what there is room for, of at most [`GATHER`] frames; `None` = no room now.
    pub(super) fn write<'f>(&mut self, frames: impl Iterator<Item = &'f Bytes>) -> io::Result<Option<usize>> {
        if let Kind::Channel(channel) = &self.0 {
            return channel.write(frames.take(GATHER));
        }
        let mut slices = [IoSlice::new(&[]); GATHER];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(frames) {
            *slice = IoSlice::new(frame);
            count += 1;
        }
        match &mut self.0 {
            Kind::Socket(socket) => write(socket, &slices[..count]),
            Kind::Tls(tls) => tls.write(&slices[..count]),
            Kind::Channel(_) => Ok(None),
        }
    }

    /// Moves on what was taken; false when the socket takes no more.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        match &mut self.0 {
            Kind::Tls(tls) => tls.flush(),
            Kind::Socket(_) | Kind::Channel(_) => Ok(true),
        }
    }

    /// Whether it is to be flushed once the socket takes more.
    pub(super) fn owes(&self) -> bool {
        matches!(&self.0, Kind::Tls(tls) if tls.owes())
    }

    /// Reads into the scratch buffer: `None` = nothing there now, 0 = the client is gone.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Option<usize>> {
        match &mut self.0 {
            Kind::Socket(socket) => retry(|| socket.read(scratch)),
            Kind::Tls(tls) => tls.read(scratch),
            Kind::Channel(channel) => Ok(channel.read(scratch)),
        }
    }

    /// Nothing more is written: the client reads what is on its way, then the end.
    pub(super) fn finish(&mut self) {
        match &mut self.0 {
            Kind::Socket(socket) => drop(socket.shutdown(Shutdown::Write)),
            Kind::Tls(tls) => tls.finish(),
            Kind::Channel(channel) => channel.finish(),
        }
    }

    /// Whether nothing waits in it. A kernel's buffer cannot be looked into: it counts as empty.
    pub(super) fn is_drained(&self) -> bool {
        match &self.0 {
            Kind::Socket(_) => true,
            Kind::Tls(tls) => !tls.owes(),
            Kind::Channel(channel) => channel.is_drained(),
        }
    }
}

fn write(socket: &mut TcpStream, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
    let written = retry(|| match slices {
        [one] => socket.write(one),
        many => socket.write_vectored(many),
    })?;
    if written == Some(0) { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) }
}

/// `None` = it would block.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match call() {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
