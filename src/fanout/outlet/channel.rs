//! A bounded pipe, both ways, between a shard and a task. Frames pass through it as they are, shared and uncopied.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use futures_util::Stream;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fanout::audience::Key;
use crate::fanout::shard::Handle;

/// Bytes that wait each way, beyond which a write would block. Out, the frame that passes it is still taken whole.
const ROOM: usize = 16 << 10;

/// What both ends see.
#[derive(Default)]
struct Pipe {
    /// On the way to the client.
    out: VecDeque<Bytes>,
    out_bytes: usize,
    /// On the way to the shard.
    heard: Vec<u8>,
    shard: Side,
    client: Side,
    /// Whom to wake in the shard, once it has taken the connection.
    listener: Option<(Handle, Key)>,
    /// What the shard was refused: it is woken when that ends.
    wants_room: bool,
    wants_input: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// How one end stands.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    /// It writes no more.
    finished: bool,
    /// It is dropped.
    gone: bool,
}

pub(super) fn pair() -> (ShardEnd, ClientEnd) {
    let pipe = Arc::new(Mutex::new(Pipe::default()));
    (ShardEnd(Arc::clone(&pipe)), ClientEnd(pipe))
}

/// The shard's end. It never waits; dropping it cuts the connection.
pub(super) struct ShardEnd(Arc<Mutex<Pipe>>);

impl ShardEnd {
    pub(super) fn open(&self, shard: Handle, key: Key) {
        self.0.lock().listener = Some((shard, key));
    }

    pub(super) fn write<'f>(&self, frames: impl Iterator<Item = &'f Bytes>) -> io::Result<Option<usize>> {
        let mut pipe = self.0.lock();
        if pipe.client.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut taken = None;
        for frame in frames {
            if pipe.out_bytes >= ROOM {
                pipe.wants_room = true;
                break;
            }
            pipe.out.push_back(frame.clone());
            pipe.out_bytes += frame.len();
            *taken.get_or_insert(0) += frame.len();
        }
        let reader = taken.and_then(|_| pipe.reader.take());
        drop(pipe);
        wake(reader);
        Ok(taken)
    }

    pub(super) fn read(&self, scratch: &mut [u8]) -> Option<usize> {
        let mut pipe = self.0.lock();
        if pipe.heard.is_empty() {
            let ended = pipe.client.finished || pipe.client.gone;
            pipe.wants_input = !ended;
            return ended.then_some(0);
        }
        let count = pipe.heard.len().min(scratch.len());
        scratch[..count].copy_from_slice(&pipe.heard[..count]);
        // An idle connection holds no buffer.
        pipe.heard = pipe.heard.split_off(count);
        let writer = pipe.writer.take();
        drop(pipe);
        wake(writer);
        Some(count)
    }

    pub(super) fn finish(&self) {
        self.end(|shard| shard.finished = true);
    }

    pub(super) fn is_drained(&self) -> bool {
        self.0.lock().out.is_empty()
    }

    fn end(&self, end: impl FnOnce(&mut Side)) {
        let mut pipe = self.0.lock();
        end(&mut pipe.shard);
        let (reader, writer) = (pipe.reader.take(), pipe.writer.take());
        drop(pipe);
        wake(reader);
        wake(writer);
    }
}

impl Drop for ShardEnd {
    fn drop(&mut self) {
        self.end(|shard| shard.gone = true);
    }
}

/// The task's end of a connection that a shard serves: as a stream the shared bytes for the client, uncopied (an HTTP body
/// is just that); or as a byte stream both ways, so that `tokio::io::copy_bidirectional` between it and a TLS stream or an
/// HTTP/2 upgrade is the whole bridge.
///
/// Reading from it ends when the shard has said its last word, and fails when the shard has cut the connection. Writing
/// waits while the shard has not taken 16 KiB of before. `shutdown` tells the shard that the client says no more; dropping
/// it, that the client is gone. What the shard wrote and nobody has read waits here: 16 KiB and a frame at most.
pub struct ClientEnd(Arc<Mutex<Pipe>>);

impl ClientEnd {
    /// The next bytes for the client; `None` at the end.
    ///
    /// # Errors
    /// When the shard has cut the connection.
    pub fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let mut pipe = self.0.lock();
        if let Some(bytes) = pipe.out.pop_front() {
            pipe.out_bytes -= bytes.len();
            let wakes = pipe.out_bytes <= ROOM / 2 && std::mem::take(&mut pipe.wants_room);
            self.call(pipe, wakes);
            return Poll::Ready(Ok(Some(bytes)));
        }
        match pipe.shard {
            Side { finished: true, .. } => Poll::Ready(Ok(None)),
            Side { gone: true, .. } => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Side { .. } => {
                keep(&mut pipe.reader, cx);
                Poll::Pending
            }
        }
    }

    fn end(&self, end: impl FnOnce(&mut Side)) {
        let mut pipe = self.0.lock();
        end(&mut pipe.client);
        // What is left of a client that is gone is nobody's.
        if pipe.client.gone {
            (pipe.out, pipe.out_bytes) = (VecDeque::new(), 0);
        }
        self.call(pipe, true);
    }

    /// Wakes the shard, without the lock.
    fn call(&self, pipe: MutexGuard<'_, Pipe>, wakes: bool) {
        let listener = if wakes { pipe.listener.clone() } else { None };
        drop(pipe);
        if let Some((shard, key)) = listener {
            shard.ready(key);
        }
    }
}

impl Stream for ClientEnd {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.poll_take(cx).map(Result::transpose)
    }
}

impl AsyncRead for ClientEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(mut bytes) = ready!(self.poll_take(cx))? else { return Poll::Ready(Ok(())) };
        let count = bytes.len().min(buf.remaining());
        buf.put_slice(&bytes[..count]);
        bytes.advance(count);
        if !bytes.is_empty() {
            let mut pipe = self.0.lock();
            pipe.out_bytes += bytes.len();
            pipe.out.push_front(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.lock();
        if pipe.shard.gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(ROOM - pipe.heard.len());
        if count == 0 && !bytes.is_empty() {
            keep(&mut pipe.writer, cx);
            return Poll::Pending;
        }
        pipe.heard.extend_from_slice(&bytes[..count]);
        let wakes = std::mem::take(&mut pipe.wants_input);
        self.call(pipe, wakes);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end(|client| client.finished = true);
        Poll::Ready(Ok(()))
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.end(|client| client.gone = true);
    }
}

fn keep(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(held) => held.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}

/// Without the lock: whoever wakes may come back here at once.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn write(shard: &ShardEnd, frames: &[Bytes]) -> Option<usize> {
        shard.write(frames.iter()).unwrap()
    }

    #[tokio::test]
    async fn frames_pass_as_they_are_and_end_when_the_shard_is_done() {
        let (shard, mut client) = pair();
        let frame = Bytes::from_static(b"a frame");
        assert_eq!(write(&shard, &[frame.clone(), frame.clone()]), Some(14));
        assert!(!shard.is_drained());
        let taken = std::future::poll_fn(|cx| client.poll_take(cx)).await.unwrap().unwrap();
        assert_eq!(taken.as_ptr(), frame.as_ptr(), "not a copy");
        // As a byte stream, in pieces.
        let mut two = [0; 2];
        client.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"a ");
        shard.finish();
        let mut rest = String::new();
        client.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "frame");
        assert!(shard.is_drained());
    }

    #[tokio::test]
    async fn it_is_full_after_16_kib_and_the_frame_that_passes_them() {
        let (shard, mut client) = pair();
        let frame = Bytes::from(vec![7; 10_000]);
        let frames = [frame.clone(), frame.clone(), frame];
        assert_eq!(write(&shard, &frames), Some(20_000), "two whole frames, and no part of the third");
        assert_eq!(write(&shard, &frames), None);
        client.read_exact(&mut vec![0; 10_000]).await.unwrap();
        assert_eq!(write(&shard, &frames), Some(10_000));
    }

    #[tokio::test]
    async fn the_client_waits_while_the_shard_does_not_read() {
        let (shard, mut client) = pair();
        assert_eq!(shard.read(&mut [0; 8]), None);
        let writing = tokio::spawn(async move {
            client.write_all(&[7; 40_000]).await.unwrap();
            client.shutdown().await.unwrap();
            client
        });
        let (mut heard, mut scratch) = (0, [0; 1_000]);
        loop {
            match shard.read(&mut scratch) {
                Some(0) => break,
                Some(count) => heard += count,
                None => tokio::task::yield_now().await,
            }
            assert!(shard.0.lock().heard.len() <= ROOM);
        }
        assert_eq!(heard, 40_000);
        drop(writing.await.unwrap());
        assert!(shard.write([Bytes::from_static(b"x")].iter()).is_err(), "nobody is there");
    }

    #[tokio::test]
    async fn a_dropped_end_is_seen_at_the_other() {
        let (shard, mut client) = pair();
        write(&shard, &[Bytes::from_static(b"last")]);
        drop(shard);
        let mut last = [0; 4];
        client.read_exact(&mut last).await.unwrap();
        assert!(client.read(&mut last).await.is_err(), "cut, not ended");
        assert!(client.write(b"x").await.is_err());
        let (shard, client) = pair();
        drop(client);
        assert_eq!(shard.read(&mut last), Some(0));
    }
}
