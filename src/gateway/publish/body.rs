//! A request's body: whole, up to a bound; or line by line, without end.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use warp::http::StatusCode;

use crate::drain::Drain;
use crate::gateway::problem::Problem;
use crate::wire::ErrorCode;

/// What of a refused body is read and thrown away, so that its sender hears why; bytes and time.
const DISCARD_BYTES: usize = 16 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Bytes at a time of bodies of which it is not known yet whose they are; beyond that they are refused, so that nobody fills
/// the memory who has no key.
const UNPROVEN: usize = 64 << 20;

/// Room for bodies that are read before anybody knows whose they are: those of signed pushes.
pub struct Lobby(Semaphore);

impl Default for Lobby {
    fn default() -> Lobby {
        Lobby(Semaphore::new(UNPROVEN))
    }
}

impl Lobby {
    /// All of a body, and its room; to be given back once it is known whose it is.
    pub(super) async fn whole(
        &self,
        body: Body,
        most: usize,
        time: Duration,
    ) -> Result<(Bytes, SemaphorePermit<'_>), Problem> {
        let mut taken = self.0.try_acquire_many(0).map_err(|_| full())?;
        let bytes = body.read(most, time, |chunk| {
            let room = u32::try_from(chunk).ok().and_then(|bytes| self.0.try_acquire_many(bytes).ok());
            taken.merge(room.ok_or_else(full)?);
            Ok(())
        });
        let bytes = bytes.await?;
        Ok((bytes, taken))
    }
}

fn full() -> Problem {
    Problem::unavailable("there is no room for another push of which it is not known yet whose it is")
}

/// A body that was not read yet.
pub(crate) struct Body(Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>);

impl Body {
    /// As warp hands it over.
    pub(crate) fn new<B: Buf>(stream: impl Stream<Item = Result<B, warp::Error>> + Send + 'static) -> Body {
        Body(Box::pin(stream.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining())))))
    }

    /// One that is here already.
    pub(super) fn of(bytes: Bytes) -> Body {
        Body(Box::pin(futures_util::stream::iter([Ok(bytes)])))
    }

    /// All of it.
    pub(super) async fn whole(self, most: usize, time: Duration) -> Result<Bytes, Problem> {
        self.read(most, time, |_| Ok(())).await
    }

    /// All of it; `room` is asked for each piece, by its bytes.
    async fn read(
        mut self,
        most: usize,
        time: Duration,
        mut room: impl FnMut(usize) -> Result<(), Problem>,
    ) -> Result<Bytes, Problem> {
        let deadline = Instant::now() + time;
        let mut whole = BytesMut::new();
        loop {
            match timeout_at(deadline, self.0.next()).await {
                Ok(None) => return Ok(whole.freeze()),
                Ok(Some(Ok(chunk))) if whole.len() + chunk.len() <= most => {
                    if let Err(problem) = room(chunk.len()) {
                        drop(whole);
                        self.discard().await;
                        return Err(problem);
                    }
                    whole.extend_from_slice(&chunk);
                }
                Ok(Some(Ok(_))) => {
                    self.discard().await;
                    return Err(Problem::too_large(format!("the body has more than {most} bytes")));
                }
                Ok(Some(Err(_))) => return Err(Problem::bad_request("the body breaks off")),
                Err(_) => {
                    let detail = format!("the body did not come within {} s", time.as_secs());
                    return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::BadRequest, detail));
                }
            }
        }
    }

    /// Reads on without looking: whoever is still sending would not see an answer that closes the connection.
    pub(super) async fn discard(mut self) {
        let deadline = Instant::now() + DISCARD_TIME;
        let mut left = DISCARD_BYTES;
        while let Ok(Some(Ok(chunk))) = timeout_at(deadline, self.0.next()).await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }

    /// Its lines.
    pub(super) fn lines(self, most: usize, idle: Duration, drain: Drain) -> Lines {
        Lines { body: self, most, idle, drain, buffer: BytesMut::new(), scanned: 0, skipping: false, ended: false }
    }
}

/// One line.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// Without its end.
    Text(Bytes),
    /// It has more bytes than it may.
    TooLong,
}

/// The lines of a body, empty ones left out.
pub(super) struct Lines {
    body: Body,
    most: usize,
    idle: Duration,
    drain: Drain,
    buffer: BytesMut,
    /// So much of the buffer has no line's end.
    scanned: usize,
    /// In a line that is too long.
    skipping: bool,
    ended: bool,
}

impl Lines {
    /// The next line. `None` at the end: of the body, of the sender's patience or ours, or of the service.
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            match self.buffered() {
                Some(Line::Text(line)) if line.trim_ascii().is_empty() => {}
                Some(line) => return Some(line),
                None if self.ended => return None,
                None => self.read().await,
            }
        }
    }

    /// A line that is already here.
    fn buffered(&mut self) -> Option<Line> {
        let end = self.buffer[self.scanned..].iter().position(|&b| b == b'\n').map(|i| i + self.scanned);
        match end {
            Some(end) => {
                let mut line = self.buffer.split_to(end + 1);
                line.truncate(end);
                self.scanned = 0;
                Some(self.line(line))
            }
            None if self.buffer.len() > self.most => {
                self.skipping = true;
                self.buffer.clear();
                self.scanned = 0;
                None
            }
            None if self.ended && (self.skipping || !self.buffer.is_empty()) => {
                self.scanned = 0;
                let line = self.buffer.split();
                Some(self.line(line))
            }
            None => {
                self.scanned = self.buffer.len();
                None
            }
        }
    }

    fn line(&mut self, line: BytesMut) -> Line {
        let too_long = std::mem::take(&mut self.skipping) || line.len() > self.most;
        if too_long { Line::TooLong } else { Line::Text(line.freeze()) }
    }

    async fn read(&mut self) {
        let deadline = Instant::now() + self.idle;
        let chunk = tokio::select! {
            () = self.drain.wait() => None,
            chunk = timeout_at(deadline, self.body.0.next()) => chunk.ok(),
        };
        match chunk {
            Some(Some(Ok(chunk))) => self.buffer.extend_from_slice(&chunk),
            Some(None) => self.ended = true,
            // We stop, or the sender has: what is here of a line is no report, and gets no answer, so that it is sent again.
            None | Some(Some(Err(_))) => {
                self.buffer.clear();
                (self.scanned, self.skipping, self.ended) = (0, false, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn lines(chunks: &[&'static str], most: usize) -> Vec<Line> {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        let (_drainer, drain) = crate::drain::channel();
        let mut lines = Body::new(stream::iter(chunks)).lines(most, Duration::from_secs(60), drain);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        all
    }

    fn text(line: &'static str) -> Line {
        Line::Text(Bytes::from_static(line.as_bytes()))
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_chunks_are() {
        assert_eq!(lines(&["a\nbc", "d\n", "\n  \ne"], 9).await, [text("a"), text("bcd"), text("e")]);
        assert_eq!(lines(&["a\r\n"], 9).await, [text("a\r")]);
        assert_eq!(lines(&[], 9).await, []);
    }

    /// What is here of a line when the sender breaks off, or we do, is no report: an answer to it would be a wrong one.
    #[tokio::test]
    async fn half_a_line_counts_only_at_the_true_end() {
        let half = || Ok::<_, warp::Error>(Bytes::from_static(b"a\n{\"half"));
        let (drainer, drain) = crate::drain::channel();
        let soon = Duration::from_millis(20);
        let mut silent = Body::new(stream::iter([half()]).chain(stream::pending())).lines(99, soon, drain.clone());
        assert_eq!((silent.next().await, silent.next().await), (Some(text("a")), None));
        let late = Duration::from_secs(60);
        let mut drained = Body::new(stream::iter([half()]).chain(stream::pending())).lines(99, late, drain.clone());
        assert_eq!(drained.next().await, Some(text("a")));
        drainer.begin();
        assert_eq!(drained.next().await, None);
        assert_eq!(lines(&["a\n{\"half"], 99).await, [text("a"), text("{\"half")]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_one_and_the_next_counts() {
        assert_eq!(lines(&["123", "4567", "89", "0\nab\n"], 5).await, [Line::TooLong, text("ab")]);
        assert_eq!(lines(&["123456\nab\n"], 5).await, [Line::TooLong, text("ab")]);
        assert_eq!(lines(&["ab\n123456"], 5).await, [text("ab"), Line::TooLong]);
        assert_eq!(lines(&["12345\n"], 5).await, [text("12345")]);
    }
}
