//! An answer's body: it tells when it was sent (or given up). Over HTTP/2, where a client says of each answer how much it
//! takes, what is not taken is bounded: its socket goes on, so that its deadline for a peer that takes nothing is none here.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::socket::Busy;

/// What the answers of one connection may have that is not taken; bytes.
const ROOM: usize = 16 << 20;
/// An answer is handed over in pieces, so that the rest of it counts as not taken.
const PIECE: usize = 16 << 10;

/// What a connection's answers have that was not taken.
pub(super) struct Untaken {
    room: Arc<Semaphore>,
    taken: AtomicU64,
}

/// An answer's part of it.
pub(super) struct Share {
    untaken: Arc<Untaken>,
    _bytes: OwnedSemaphorePermit,
}

impl Untaken {
    pub(super) fn new() -> Arc<Untaken> {
        Arc::new(Untaken { room: Arc::new(Semaphore::new(ROOM)), taken: AtomicU64::new(0) })
    }

    /// Room for an answer; of one without a known end the part is nothing. `None`: there is too much already.
    pub(super) fn share(self: &Arc<Untaken>, body: &impl Body) -> Option<Share> {
        let bytes = u32::try_from(body.size_hint().exact().unwrap_or(0)).ok()?;
        let _bytes = Arc::clone(&self.room).try_acquire_many_owned(bytes).ok()?;
        Some(Share { untaken: Arc::clone(self), _bytes })
    }

    /// Returns when nothing of any answer was taken for this long, though some wait.
    pub(super) async fn stalled(&self, time: Duration) {
        let stands = || (self.room.available_permits() < ROOM).then(|| self.taken.load(Ordering::Relaxed));
        loop {
            let before = stands();
            tokio::time::sleep(time).await;
            if before.is_some() && before == stands() {
                return;
            }
        }
    }
}

/// A body on its way.
pub(super) struct Answer<B> {
    pub(super) body: B,
    /// Over HTTP/2.
    pub(super) share: Option<Share>,
    /// Of the body's last frame, what was not handed over.
    pub(super) rest: Bytes,
    /// Not of an event stream: the place that its shard holds has one, and is given back when it is cut off.
    pub(super) _busy: Option<Arc<Busy>>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Answer { body, share, rest, .. } = &mut *self;
        if rest.is_empty() {
            let frame = ready!(Pin::new(body).poll_frame(cx));
            match (share.is_some(), frame.map(|frame| frame.map(Frame::into_data))) {
                (true, Some(Ok(Ok(data)))) => *rest = data,
                (_, frame) => return Poll::Ready(frame.map(|frame| frame.map(either))),
            }
        }
        let piece = rest.split_to(rest.len().min(PIECE));
        if let Some(Share { untaken, .. }) = share {
            untaken.taken.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (held, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(held.lower() + rest);
        if let Some(upper) = held.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

fn either(frame: Result<Bytes, Frame<Bytes>>) -> Frame<Bytes> {
    frame.map_or_else(|other| other, Frame::data)
}
