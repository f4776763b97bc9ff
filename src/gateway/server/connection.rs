//! One connection: whose it is, which HTTP it speaks, and each of its requests.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

use super::answer::{Answer, Untaken};
use super::room::{Counted, Place, Room, Seat};
use super::socket::{Busy, Phases, Socket, Times};
use super::{Limits, Server, head, proxy, refuse};
use crate::gateway::problem::Problem;
use crate::gateway::tls::H2;
use crate::metrics::Route;

/// Unsent bytes above which the kernel takes no more. Without it a client that does not read swallows megabytes of
/// minutes-old frames before a write blocks (measured: 4.2 MB against 151 KB).
const NOTSENT_LOWAT: u32 = 16 << 10;
/// Requests at a time of one HTTP/2 connection.
const STREAMS: u32 = 128;
/// What one of them may send before it is read, and what is kept for it to take; bytes.
const STREAM_WINDOW: u32 = 64 << 10;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A connection that was let in.
struct Connection {
    server: Arc<Server>,
    limits: Arc<Limits>,
    room: Arc<Room>,
    peer: SocketAddr,
    /// A trusted proxy's: its requests say whose they are.
    forwarded: bool,
    /// Over HTTP/2.
    untaken: Option<Arc<Untaken>>,
    held: Mutex<Held>,
    phases: Arc<Phases>,
}

/// What a connection takes up by itself.
struct Held {
    seat: Seat,
    address: Option<Arc<Counted>>,
}

impl Server {
    /// Serves a connection to its end.
    pub(super) async fn connection(
        self: Arc<Server>,
        room: &Arc<Room>,
        stream: TcpStream,
        peer: SocketAddr,
        seat: Seat,
    ) {
        if let Err(error) = self.serve(room, stream, peer, seat).await {
            tracing::debug!(%peer, %error, "a connection ended early");
        }
    }

    async fn serve(
        self: Arc<Server>,
        room: &Arc<Room>,
        mut stream: TcpStream,
        peer: SocketAddr,
        seat: Seat,
    ) -> Result<(), Failed> {
        let limits = self.limits.get();
        // A score is a few hundred bytes: it must not wait for the next one to fill a packet.
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(NOTSENT_LOWAT);
        // An event stream hears nothing of its client: of one that vanished without a word only the kernel knows.
        let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(limits.write_time));
        let header_time = limits.header_time;
        let (mut peer, mut forwarded) = (peer, self.proxies.trusts(peer.ip()));
        if forwarded
            && self.proxies.headers
            && let Some(client) = timeout(header_time, proxy::read_header(&mut stream)).await??
        {
            (peer, forwarded) = (client, false);
        }
        let counted = if forwarded { Ok(None) } else { room.count(peer.ip()) };
        let Ok(address) = counted else {
            drop(seat);
            if let Some(turn) = room.turn() {
                refuse::turn_away(stream, self, turn).await;
            }
            return Ok(());
        };
        let held = Mutex::new(Held { seat, address });
        let (tls, room, phases) = (self.tls.clone(), Arc::clone(room), Phases::new());
        let connection = Connection { server: self, limits, room, peer, forwarded, untaken: None, held, phases };
        let Some(tls) = tls else { return connection.http1(stream).await };
        let stream = timeout(header_time, tls.acceptor().accept(stream)).await??;
        match stream.get_ref().1.alpn_protocol() == Some(H2) {
            true => Connection { untaken: Some(Untaken::new()), ..connection }.http2(stream).await,
            false => connection.http1(stream).await,
        }
    }
}

impl Connection {
    async fn http1(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<(), Failed> {
        let Limits { header_bytes, header_time, idle_time, .. } = *self.limits;
        let mut builder = http1::Builder::new();
        builder.max_header_size(header_bytes).max_buf_size(2 * header_bytes);
        // Deadlines are the socket's (see there). Hyper's own is only what makes it read on after an answer, so that the
        // socket can tell how long nothing comes.
        builder.timer(TokioTimer::new()).header_read_timeout(header_time + idle_time);
        let connection = Arc::new(self);
        let io = connection.socket(stream);
        let service = service_fn(|request| Arc::clone(&connection).answer(request));
        let served = builder.serve_connection(io, service).with_upgrades();
        connection.drive(served, |served| served.graceful_shutdown()).await
    }

    async fn http2(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<(), Failed> {
        let Limits { header_bytes, idle_time, write_time, .. } = *self.limits;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW)
            .max_send_buf_size(STREAM_WINDOW as usize)
            .keep_alive_interval(idle_time / 2)
            .keep_alive_timeout(write_time);
        let connection = Arc::new(self);
        let io = connection.socket(stream);
        let own = Arc::clone(&connection);
        let service = service_fn(move |request| Arc::clone(&own).answer(request));
        let served = builder.serve_connection(io, service);
        connection.drive(served, |served| served.graceful_shutdown()).await
    }

    fn socket<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> TokioIo<Socket<S>> {
        let Limits { header_time, idle_time, write_time, .. } = *self.limits;
        let times = Times { header: header_time, idle: idle_time, write: write_time, http2: self.untaken.is_some() };
        TokioIo::new(Socket::new(stream, Arc::clone(&self.phases), times))
    }

    /// To the end; when the drain begins, to the end of the requests under way.
    async fn drive<F: Future<Output = hyper::Result<()>>>(
        &self,
        served: F,
        finish: impl FnOnce(Pin<&mut F>),
    ) -> Result<(), Failed> {
        let mut served = pin!(served);
        let mut stalled = pin!(self.stalled());
        tokio::select! {
            served = served.as_mut() => return served.map_err(Into::into),
            failed = stalled.as_mut() => return Err(failed.into()),
            () = self.server.drain.wait() => {}
        }
        finish(served.as_mut());
        tokio::select! {
            served = served => served.map_err(Into::into),
            failed = stalled => Err(failed.into()),
        }
    }

    /// Returns when an HTTP/2 client takes nothing of its answers.
    async fn stalled(&self) -> std::io::Error {
        match &self.untaken {
            Some(untaken) => untaken.stalled(self.limits.write_time).await,
            None => std::future::pending().await,
        }
        ErrorKind::TimedOut.into()
    }

    async fn answer(
        self: Arc<Connection>,
        mut request: Request<Incoming>,
    ) -> Result<Response<Answer<impl Body<Data = Bytes, Error = warp::Error> + Send + Unpin + 'static>>, Infallible>
    {
        let (busy, begun) = (Busy::begin(&self.phases), Instant::now());
        let (route, method) = (self.server.audience.route(request.uri().path()), request.method().clone());
        let fault = head::fault(&request);
        name_host(&mut request);
        let client = self.client(&request);
        let mut response = match self.place(client.ip(), &busy) {
            _ if fault.is_some() => fault.map(Problem::reply).expect("there is one"),
            None => refuse::no_room().reply(),
            // CONNECT may name a host alone; routes take a path for granted.
            Some(_) if request.uri().path_and_query().is_none() => refuse::no_tunnel().reply(),
            Some(place) => {
                request.extensions_mut().insert(client);
                request.extensions_mut().insert(place);
                warp::service(self.server.routes.clone()).call(request).await?
            }
        };
        let mut share = self.untaken.as_ref().map(|untaken| untaken.share(response.body()));
        if let Some(None) = share {
            response = refuse::untaken().reply();
            share = None;
        }
        crate::gateway::finish(route, &mut response);
        self.server.metrics.request(route, method.as_str(), response.status().as_u16(), begun.elapsed());
        let busy = (route != Route::Sse).then_some(busy);
        Ok(response.map(|body| Answer { body, share: share.flatten(), rest: Bytes::new(), _busy: busy }))
    }

    /// Whose request it is.
    fn client(&self, request: &Request<Incoming>) -> SocketAddr {
        let named = self.forwarded.then(|| self.server.proxies.client(request.headers())).flatten();
        named.map_or(self.peer, |address| SocketAddr::new(address, 0))
    }

    /// A place for a request; `None` when there is none. The connection has one; over HTTP/2 each request beside the first
    /// takes one of its own, because any of them may stay.
    fn place(&self, client: IpAddr, busy: &Arc<Busy>) -> Option<Place> {
        let room = &self.room;
        let held = self.held.lock();
        let first = self.untaken.is_none() || Arc::strong_count(&held.seat) == 1;
        let seat = if first { Arc::clone(&held.seat) } else { room.seat()? };
        let address = match self.forwarded {
            false if first => held.address.clone(),
            true if self.server.proxies.trusts(client) => None,
            _ => room.count(client).ok()?,
        };
        Some(Place { _seat: seat, _address: address, _busy: Arc::clone(busy) })
    }
}

/// HTTP/2 names the host in `:authority`.
fn name_host(request: &mut Request<Incoming>) {
    if !request.headers().contains_key(HOST)
        && let Some(host) = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
    {
        request.headers_mut().insert(HOST, host);
    }
}
