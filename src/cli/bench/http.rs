//! As much HTTP as a load generator needs: one address, plain, requests by hand so that each byte leaves when it is due.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use hyper::Uri;

use crate::cli::Failure;

/// How long a server may be silent in an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its name in `Host`.
    pub host: String,
}

impl Target {
    /// The server of `http://HOST:PORT`.
    ///
    /// # Errors
    /// When it is none, or has no address.
    pub fn of(url: &Uri) -> Result<Target, Failure> {
        let authority = url.authority().filter(|_| url.scheme_str() == Some("http"));
        let authority = authority.ok_or_else(|| Failure::Usage(format!("{url}: bench speaks http://HOST:PORT")))?;
        let name = (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(80));
        let mut found = name.to_socket_addrs().map_err(|error| Failure::Failed(format!("{url}: {error}")))?;
        let address = found.next().ok_or_else(|| Failure::Failed(format!("{url}: no address")))?;
        Ok(Target { address, host: authority.to_string() })
    }

    /// The server at an address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Target {
        Target { address, host: address.to_string() }
    }

    /// Asks and reads the whole answer: status and body. HTTP/1.0, so that the body simply ends.
    ///
    /// # Errors
    /// Those of the socket, and an answer that is none.
    pub fn ask(&self, method: &str, path: &str, key: Option<&str>) -> io::Result<(u16, String)> {
        let mut stream = self.connect()?;
        let key = authorization(key);
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: {}\r\n{key}\r\n", self.host)?;
        let mut answer = BufReader::new(stream);
        let head = head(&mut answer)?;
        let mut body = String::new();
        answer.read_to_string(&mut body)?;
        Ok((head.status, body))
    }

    pub(super) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

pub(super) fn authorization(key: Option<&str>) -> String {
    key.map_or_else(String::new, |key| format!("Authorization: Bearer {key}\r\n"))
}

/// What of an answer's head is looked at.
pub(super) struct Head {
    pub(super) status: u16,
    framing: Framing,
    length: u64,
}

/// How a body ends (RFC 9112 section 6.3).
#[derive(Clone, Copy)]
enum Framing {
    Chunked,
    Length,
    Close,
}

/// Reads an answer's head.
pub(super) fn head(answer: &mut impl BufRead) -> io::Result<Head> {
    let first = line(answer)?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("this is no HTTP answer: {first:?}")))?;
    let (mut chunked, mut length) = (false, None);
    loop {
        let header = line(answer)?.to_ascii_lowercase();
        match header.split_once(':') {
            Some(("transfer-encoding", value)) => chunked |= value.contains("chunked"),
            Some(("content-length", value)) => length = value.trim().parse().ok(),
            None if header.is_empty() => break,
            _ => {}
        }
    }
    let framing = match (chunked, length) {
        (true, _) => Framing::Chunked,
        (false, Some(_)) => Framing::Length,
        (false, None) => Framing::Close,
    };
    // The chunks say their own lengths.
    let length = length.filter(|_| !chunked).unwrap_or(0);
    Ok(Head { status, framing, length })
}

fn line(answer: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    answer.take(8 << 10).read_line(&mut line)?;
    line.truncate(line.trim_end().len());
    Ok(line)
}

/// A body as a reader: chunked (RFC 9112 section 7.1), of a known length, or up to the end of the connection.
pub(super) struct Body<R> {
    answer: R,
    framing: Framing,
    /// Of this chunk, or of the whole.
    left: u64,
    ended: bool,
}

impl<R: BufRead> Body<R> {
    pub(super) fn new(answer: R, head: &Head) -> Body<R> {
        Body { answer, framing: head.framing, left: head.length, ended: false }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let mut size = line(&mut self.answer)?;
        if size.is_empty() {
            size = line(&mut self.answer)?; // the end of the chunk before
        }
        let digits = size.split(';').next().unwrap_or("");
        self.left =
            u64::from_str_radix(digits, 16).map_err(|_| io::Error::other("the answer breaks off within its body"))?;
        self.ended = self.left == 0;
        Ok(())
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.framing {
            Framing::Close => return self.answer.read(into),
            Framing::Chunked if self.left == 0 && !self.ended => self.next_chunk()?,
            Framing::Chunked | Framing::Length => {}
        }
        let count = self.answer.by_ref().take(self.left).read(into)?;
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> io::Result<(u16, String)> {
        let mut answer = BufReader::new(answer.as_bytes());
        let head = head(&mut answer)?;
        let mut text = String::new();
        Body::new(answer, &head).read_to_string(&mut text)?;
        Ok((head.status, text))
    }

    #[test]
    fn bodies_are_read_to_where_they_end() {
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap(), (200, "abc0123456789".to_owned()));
        assert_eq!(read("HTTP/1.0 404 Not Found\r\n\r\ngone").unwrap(), (404, "gone".to_owned()));
        // On a connection that is kept nothing but the length tells where it ends.
        assert_eq!(read("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\ngoneHTTP/1.1").unwrap(), (401, "gone".to_owned()));
        assert!(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").is_err());
        assert!(read("SSH-2.0-nobody\r\n\r\n").is_err());
    }
}
