//! `/__echo`, for WebSocket conformance tests: says back what it hears, through the codec that serves subscribers. It is
//! there only with `--test-echo`, and only for clients on this machine.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use warp::reply::Response as Reply;

use super::handshake::{Opening, Request, values};
use super::problem::Problem;
use super::server::Place;
use crate::codec::{self, Decoder, Deflater, Incoming, Inflater, Limits, Opcode, Role, negotiate};

/// The conformance suite's longest message has 16 MiB, its most broken one 65,536 fragments.
const LIMITS: Limits = Limits { message_bytes: 32 << 20, fragments: 1 << 20 };
/// Bytes read at once.
const SCRATCH: usize = 64 << 10;
/// How long the peer may take to say goodbye.
const LINGER: Duration = Duration::from_secs(2);

/// Opens one.
pub(super) fn upgrade(request: &Request, place: Option<Place>) -> Result<Reply, Problem> {
    let opening = Opening::read(request)?;
    let extension = negotiate(values(&request.headers, "sec-websocket-extensions"));
    let (reply, on_upgrade) = opening.accept(None, extension);
    tokio::spawn(async move {
        if let Err(error) = serve(on_upgrade, extension.is_some()).await {
            tracing::debug!(%error, "an echo ended early");
        }
        drop(place);
    });
    Ok(reply)
}

async fn serve(on_upgrade: OnUpgrade, deflates: bool) -> anyhow::Result<()> {
    let mut socket = TokioIo::new(on_upgrade.await?);
    converse(&mut socket, deflates).await?;
    socket.shutdown().await?;
    let mut rest = [0; 1024];
    let read_on = async { while socket.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(LINGER, read_on).await;
    Ok(())
}

/// Until a close frame was sent or the peer is gone.
async fn converse(socket: &mut (impl AsyncRead + AsyncWrite + Unpin), deflates: bool) -> io::Result<()> {
    let mut decoder = Decoder::new(Role::Server);
    let (mut inflater, mut deflater) = (deflates.then(Inflater::new), deflates.then(Deflater::new));
    let mut scratch = vec![0; SCRATCH];
    loop {
        let read = socket.read(&mut scratch).await?;
        if read == 0 {
            return Ok(());
        }
        let (mut answers, mut ended) = (Vec::new(), false);
        let fed = decoder.feed(&mut scratch[..read], &LIMITS, inflater.as_mut(), &mut |incoming| {
            ended |= matches!(incoming, Incoming::Close(_));
            answers.extend(answer(incoming, deflater.as_mut()));
        });
        if let Err(fault) = fed {
            answers.push(codec::close(fault.code, fault.reason));
        }
        for answer in answers {
            socket.write_all(&answer).await?;
        }
        socket.flush().await?;
        if ended || fed.is_err() {
            return Ok(());
        }
    }
}

fn answer(incoming: Incoming<'_>, deflater: Option<&mut Deflater>) -> Option<Bytes> {
    let packed = |plain: Bytes| match deflater {
        Some(deflater) => deflater.deflate(&plain),
        None => plain,
    };
    Some(match incoming {
        Incoming::Text(text) => packed(codec::frame(Opcode::Text, text.as_bytes())),
        Incoming::Binary(bytes) => packed(codec::frame(Opcode::Binary, bytes)),
        Incoming::Ping(payload) => codec::frame(Opcode::Pong, payload),
        Incoming::Pong(_) => return None,
        Incoming::Close(Some((code, _))) => codec::close(code, ""),
        Incoming::Close(None) => codec::frame(Opcode::Close, &[]),
    })
}
