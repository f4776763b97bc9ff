//! Input that nobody sends in good faith, on raw sockets: each ends as it should, costs bounded memory, and a healthy client is
//! served meanwhile. Frames and handshakes are in `gateway` and `codec`, bodies and heads that do not come in `publish`.

mod answers;
mod crowds;
mod h2;
mod heads;
mod words;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::soon;

/// Sends these bytes; all that is answered until the server closes.
async fn send(at: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut socket = TcpStream::connect(at).await.unwrap();
    // It may hang up before all is sent.
    let _ = soon(socket.write_all(bytes.as_ref())).await;
    let mut answer = Vec::new();
    let _ = soon(socket.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
