//! A TLS connection that the shard owns: rustls between it and the socket, without a task or a channel.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::TcpStream;
use rustls::ServerConnection;

use super::retry;

/// Bytes that are taken to be encrypted while the socket takes none; one record's worth.
const TAKEN: usize = 16 << 10;

/// The connection after its handshake.
pub(super) struct Tls {
    socket: TcpStream,
    session: Box<ServerConnection>,
}

impl Tls {
    pub(super) fn new(socket: std::net::TcpStream, mut session: ServerConnection) -> Tls {
        session.set_buffer_limit(Some(TAKEN));
        Tls { socket: TcpStream::from_std(socket), session: Box::new(session) }
    }

    pub(super) fn source(&mut self) -> &mut impl Source {
        &mut self.socket
    }

    pub(super) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        if !self.flush()? {
            return Ok(None);
        }
        let taken = self.session.writer().write_vectored(slices)?;
        self.flush()?;
        Ok(Some(taken))
    }

    /// Sends what is encrypted; false when the socket takes no more.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Tls { socket, session } = self;
        while session.wants_write() {
            match retry(|| session.write_tls(socket))? {
                None => return Ok(false),
                Some(0) => return Err(io::ErrorKind::WriteZero.into()),
                Some(_) => {}
            }
        }
        Ok(true)
    }

    /// Whether it holds something that the socket did not take.
    pub(super) fn owes(&self) -> bool {
        self.session.wants_write()
    }

    pub(super) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.session.reader().read(scratch) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read.map(Some),
            }
            let Tls { socket, session } = self;
            match retry(|| session.read_tls(socket))? {
                Some(1..) => {}
                ended => return Ok(ended),
            }
            let processed = self.session.process_new_packets();
            // An alert, or the answer to a change of keys.
            self.flush()?;
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    /// Nothing more is written, once everything that was taken is.
    pub(super) fn finish(&mut self) {
        self.session.send_close_notify();
        if self.flush().unwrap_or(true) {
            let _ = self.socket.shutdown(Shutdown::Write);
        }
    }
}
