//! Where the service listens: its own sockets, or those that systemd hands over; and the certificate for them.

use std::net::SocketAddr;
use std::sync::Arc;

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket};

use crate::cli::Failure;
use crate::config::Config;
use crate::gateway::tls::Tls;

/// Subscribers and providers may come back by the thousand at once.
const BACKLOG: u32 = 4_096;

/// The sockets that are listened on.
pub(super) struct Listeners {
    pub(super) main: TcpListener,
    pub(super) ops: TcpListener,
    /// Of the main one.
    pub(super) tls: Option<Arc<Tls>>,
    /// Whether the main one goes on without this process.
    pub(super) inherited: bool,
}

impl Listeners {
    /// Binds them. By socket activation (`LISTEN_FDS`) the first socket is the main one, the second, if any, that of operations.
    pub(super) fn bind(config: &Config) -> Result<Listeners, Failure> {
        let tls = config.tls.as_ref().map(|files| Tls::open(&files.cert, &files.key)).transpose();
        let tls = tls.map_err(|error| Failure::Failed(format!("tls: {error}")))?;
        let mut handed = ListenFd::from_env();
        let (main, inherited) = match taken(&mut handed, 0)? {
            Some(listener) => (listener, true),
            None => (bind("listen", &config.listen, config.reuse_port)?, false),
        };
        let ops = match taken(&mut handed, 1)? {
            Some(listener) => listener,
            None => bind("ops_listen", &config.ops_listen, false)?,
        };
        Ok(Listeners { main, ops, tls, inherited })
    }
}

fn taken(handed: &mut ListenFd, place: usize) -> Result<Option<TcpListener>, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("LISTEN_FDS, socket {}: {error}", place + 1));
    let Some(listener) = handed.take_tcp_listener(place).map_err(failed)? else { return Ok(None) };
    listener.set_nonblocking(true).map_err(failed)?;
    TcpListener::from_std(listener).map(Some).map_err(failed)
}

fn bind(setting: &str, wanted: &str, shared: bool) -> Result<TcpListener, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("{setting} {wanted}: {error}"));
    let address = find(setting, wanted)?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.set_reuseport(shared).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)
}

/// The address that a setting names.
pub(in crate::cli) fn find(setting: &str, wanted: &str) -> Result<SocketAddr, Failure> {
    let wrong = |why: &str| Failure::Usage(format!("{setting} {wanted:?} is no address: {why}"));
    let mut found = std::net::ToSocketAddrs::to_socket_addrs(wanted).map_err(|error| wrong(&error.to_string()))?;
    found.next().ok_or_else(|| wrong("nothing has this name"))
}

/// Where it listens.
pub(super) fn address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|error| Failure::Failed(error.to_string()))
}
