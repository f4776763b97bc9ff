//! Those for whom there is no room: told so, and when to come again.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Collected};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use warp::http::StatusCode;

use super::Server;
use super::room::Turn;
use crate::gateway::problem::Problem;
use crate::gateway::tls::H2;
use crate::wire::ErrorCode;

/// How long telling may take.
const TIME: Duration = Duration::from_secs(2);

/// The problem that says so. Spread, so that those who were turned away together do not come back together.
pub(super) fn no_room() -> Problem {
    let detail = "there is no room for another connection";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail).retry_after(fastrand::u64(2..10))
}

/// To those who ask over HTTP/2 for more and more, and take nothing of it.
pub(super) fn untaken() -> Problem {
    Problem::unavailable("this connection does not take what it asked for before")
}

/// To those who ask for a tunnel.
pub(super) fn no_tunnel() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadRequest, "this is no proxy: CONNECT leads nowhere")
}

/// Tells a new connection, in its turn. Its request is counted as any other.
pub(super) async fn turn_away(stream: TcpStream, server: Arc<Server>, _turn: Turn) {
    let (begun, tls) = (Instant::now(), server.tls.clone());
    let count = move |method: &str, path: &str| {
        let code = StatusCode::SERVICE_UNAVAILABLE.as_u16();
        server.metrics.request(server.audience.route(path), method, code, begun.elapsed());
    };
    let telling = async {
        let Some(tls) = tls else { return tell(stream, count).await };
        let stream = tls.acceptor().accept(stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(H2) {
            return tell(stream, count).await;
        }
        let service = service_fn(move |request: Request<Incoming>| {
            count(request.method().as_str(), request.uri().path());
            ready(Ok::<_, Infallible>(no_room().reply()))
        });
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        Ok(())
    };
    let _ = timeout(TIME, telling).await;
}

/// Reads the request's head, so that the answer is not lost to a reset, and says that there is no room.
async fn tell(mut stream: impl AsyncRead + AsyncWrite + Unpin, count: impl Fn(&str, &str)) -> std::io::Result<()> {
    let (mut head, mut chunk) = (Vec::new(), [0; 2_048]);
    let mut ended = false;
    while head.len() < 32 << 10 && !ended {
        // Only what is new is looked at, with the three bytes before it.
        let from = head.len().saturating_sub(3);
        match stream.read(&mut chunk).await? {
            0 => return Ok(()),
            read => head.extend_from_slice(&chunk[..read]),
        }
        ended = head[from..].windows(4).any(|end| end == b"\r\n\r\n");
    }
    let (method, path) = asked(&head);
    count(&method, &path);
    let (parts, body) = no_room().reply().into_parts();
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let mut answer = format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", parts.status, body.len());
    for (name, value) in &parts.headers {
        answer.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    answer.push_str("\r\n");
    stream.write_all(&[answer.as_bytes(), &body].concat()).await?;
    stream.shutdown().await?;
    while stream.read(&mut chunk).await? > 0 {}
    Ok(())
}

/// The method and the path of a request, by its first line.
fn asked(head: &[u8]) -> (String, String) {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    (method.to_owned(), target.split('?').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_head_asks_for_is_in_its_first_line() {
        let of = |head: &str| asked(head.as_bytes());
        assert_eq!(of("GET /v1/ws?topics=soccer HTTP/1.1\r\nhost: a\r\n\r\n"), ("GET".into(), "/v1/ws".into()));
        assert_eq!(of("POST"), ("POST".into(), String::new()));
        assert_eq!(asked(b"\xff\x00"), ("\u{fffd}\0".into(), String::new()));
    }
}
