//! A connection's socket with its deadlines: for a request's head, for the silence between two requests, and for a peer
//! that takes nothing of what it asked for. Hyper has one timer for the first two, and none for the last.
//!
//! Over HTTP/2 bytes that come while nothing is asked are mostly no request: there the silence counts alone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a peer may take for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    /// Whether it speaks HTTP/2.
    pub(super) http2: bool,
}

/// What a connection is doing, told by those who serve it and read by its socket.
#[derive(Debug)]
pub(super) struct Phases {
    /// A count of the changes, and in its two lowest bits the phase, so that the same phase again is another one.
    phase: AtomicU64,
    /// Requests under way; none of the phases counts meanwhile.
    requests: AtomicUsize,
}

const HEAD: u64 = 0;
const IDLE: u64 = 1;

impl Phases {
    pub(super) fn new() -> Arc<Phases> {
        Arc::new(Phases { phase: AtomicU64::new(HEAD), requests: AtomicUsize::new(0) })
    }

    fn set(&self, phase: u64) {
        let next = |held: u64| Some(((held >> 2).wrapping_add(1) << 2) | phase);
        let _ = self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    /// The phase; `None` while a request is under way.
    fn now(&self) -> Option<u64> {
        (self.requests.load(Ordering::Acquire) == 0).then(|| self.phase.load(Ordering::Acquire))
    }
}

/// A request under way, from its complete head to its complete answer, and as long as what came of it goes on.
#[derive(Debug)]
pub(super) struct Busy(Arc<Phases>);

impl Busy {
    pub(super) fn begin(phases: &Arc<Phases>) -> Arc<Busy> {
        phases.requests.fetch_add(1, Ordering::AcqRel);
        Arc::new(Busy(Arc::clone(phases)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(IDLE);
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The socket.
pub(super) struct Socket<S> {
    stream: S,
    phases: Arc<Phases>,
    times: Times,
    /// Runs out when the phase `timed` takes too long.
    deadline: Pin<Box<Sleep>>,
    timed: u64,
    /// Runs while the peer takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S> Socket<S> {
    pub(super) fn new(stream: S, phases: Arc<Phases>, times: Times) -> Socket<S> {
        if times.http2 {
            phases.set(IDLE);
        }
        let deadline = Box::pin(sleep(times.header));
        Socket { stream, phases, times, deadline, timed: HEAD, stall: None }
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(phase) = self.phases.now() else { return false };
        if phase != self.timed {
            self.timed = phase;
            let time = if phase & 3 == HEAD { self.times.header } else { self.times.idle };
            self.deadline.as_mut().reset(Instant::now() + time);
        }
        self.deadline.as_mut().poll(cx).is_ready()
    }

    /// The result of a write, with the peer's stall counted.
    fn written<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stall = None;
            return result;
        }
        let time = self.times.write;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(time)));
        match stall.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if result.is_pending() && self.is_overdue(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if buf.filled().len() > before && !self.times.http2 && self.phases.now().is_some_and(|phase| phase & 3 == IDLE)
        {
            self.phases.set(HEAD);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
