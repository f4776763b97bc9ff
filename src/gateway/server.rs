//! The server: our own accept loop over [`warp::service`], because warp's own has no header deadline, no TCP_NODELAY, no
//! TLS and no bound on connections. The caller owns the listener and the stop signal.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use self::room::Room;
use self::socket::Socket;
use super::tls::Tls;
use crate::drain::Drain;
use crate::live::Live;
use crate::metrics::{Metrics, Route};

mod answer;
mod connection;
mod head;
mod proxy;
mod refuse;
mod room;
mod socket;

pub use proxy::Proxies;
pub use room::Place;
pub(super) use room::block;

/// The bounds of a listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A request's headers; bytes.
    pub header_bytes: usize,
    /// And the time they may take.
    pub header_time: Duration,
    /// Silence between two requests.
    pub idle_time: Duration,
    /// How long a peer may take nothing of what is due to it.
    pub write_time: Duration,
    /// Connections at a time, upgraded ones too.
    pub connections: usize,
    /// And of one address; 0 = any number.
    pub per_address: usize,
}

/// Whom a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Subscribers and providers: its places are those that are counted.
    Public,
    /// Whoever operates the service.
    Operators,
}

impl Audience {
    /// Where a request goes, as it is counted.
    fn route(self, path: &str) -> Route {
        match self {
            Audience::Public => super::route(path),
            Audience::Operators => Route::Ops,
        }
    }
}

/// What a listener serves, and to whom.
pub struct Server {
    /// Whom it is for.
    pub audience: Audience,
    /// What is answered.
    pub routes: BoxedFilter<(Response,)>,
    /// Its bounds; a connection keeps those that it came under.
    pub limits: Arc<Live<Limits>>,
    /// With TLS, by this certificate.
    pub tls: Option<Arc<Tls>>,
    /// The proxies in front.
    pub proxies: Proxies,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// When to stop.
    pub drain: Drain,
    /// Whether the listening socket goes on without this process: who waits in its queue is its successor's.
    pub inherited: bool,
}

/// Serves until the drain begins, then lets what is under way finish: requests, and all that came of them.
pub async fn serve(listener: TcpListener, server: Server) {
    // Every seat holds a sender; when the last is dropped, all are done.
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    let counted = (server.audience == Audience::Public).then(|| Arc::clone(&server.metrics));
    let room = Room::new(&server.limits, open.downgrade(), counted);
    let desk = Desk { server: Arc::new(server), room };
    loop {
        let accepted = tokio::select! {
            () = desk.server.drain.wait() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => desk.admit(stream, peer),
            Err(error) => refused(&error).await,
        }
    }
    match desk.server.inherited {
        true => drop(listener),
        false => desk.admit_the_rest(listener),
    }
    drop(open);
    all_closed.recv().await;
}

/// Where connections come in.
struct Desk {
    server: Arc<Server>,
    room: Arc<Room>,
}

impl Desk {
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        if let Some(seat) = self.room.seat() {
            let (server, room) = (Arc::clone(&self.server), Arc::clone(&self.room));
            tokio::spawn(async move { server.connection(&room, stream, peer, seat).await });
        } else if let Some(turn) = self.room.turn() {
            tokio::spawn(refuse::turn_away(stream, Arc::clone(&self.server), turn));
        }
    }

    /// Those whom the kernel has let in already would be cut off with the socket.
    fn admit_the_rest(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                self.admit(stream, peer);
            }
        }
    }
}

/// Out of file descriptors, mostly: wait for some to come back. A peer that left before it was accepted is no fault.
async fn refused(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
        tracing::warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The socket of an upgraded connection, and what the peer sent since its request.
///
/// # Errors
/// Over HTTP/2 there is none: the stream is given back.
pub fn take_socket(upgraded: Upgraded) -> Result<(Taken, Bytes), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<Socket<TcpStream>>>() {
        Ok(parts) => return Ok((Taken::Plain(parts.io.into_inner().into_stream()), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<Socket<TlsStream<TcpStream>>>>()?;
    Ok((Taken::Tls(Box::new(parts.io.into_inner().into_stream())), parts.read_buf))
}

/// A socket of its own.
pub enum Taken {
    /// TCP.
    Plain(TcpStream),
    /// TLS over it.
    Tls(Box<TlsStream<TcpStream>>),
}
