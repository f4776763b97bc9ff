//! A proxy between the program and Redis, with faults that a seed decides: what the server publishes is lost, doubled or
//! swapped with what comes next; connections are cut, also between a command and its reply; replies come late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy; ends with this value.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) faults: Arc<Faults>,
    upstream: Arc<AtomicU16>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What it does to whom, from now on.
pub(crate) struct Faults {
    /// Of a hundred published messages: how many are lost, doubled, swapped with the next.
    pub(crate) lose: AtomicU32,
    pub(crate) double: AtomicU32,
    pub(crate) swap: AtomicU32,
    /// Whatever the server says is thrown away and the connection cut.
    pub(crate) no_replies: AtomicBool,
    /// Nobody is let in.
    pub(crate) closed: AtomicBool,
    /// Each part of what the server says waits for up to so many ms.
    pub(crate) late_ms: AtomicU64,
    /// Published messages that met a fault.
    pub(crate) met: AtomicU64,
    dice: Mutex<fastrand::Rng>,
    cuts: watch::Sender<u64>,
}

impl Faults {
    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn roll(&self, percent: &AtomicU32) -> bool {
        let hit = self.dice.lock().u32(..100) < percent.load(Ordering::Relaxed);
        if hit {
            self.met.fetch_add(1, Ordering::Relaxed);
        }
        hit
    }
}

impl Proxy {
    /// In front of a port of loopback.
    pub(crate) async fn start(upstream: u16, seed: u64) -> Proxy {
        let upstream = Arc::new(AtomicU16::new(upstream));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let faults = Arc::new(Faults {
            lose: AtomicU32::new(0),
            double: AtomicU32::new(0),
            swap: AtomicU32::new(0),
            no_replies: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            late_ms: AtomicU64::new(0),
            met: AtomicU64::new(0),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            cuts: watch::Sender::new(0),
        });
        let (theirs, port_of) = (faults.clone(), upstream.clone());
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if !theirs.closed.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, port_of.load(Ordering::SeqCst), theirs.clone()));
                }
            }
        });
        Proxy { port, faults, upstream, accepting }
    }

    /// Stands in front of another port from the next connection on.
    pub(crate) fn lead_to(&self, upstream: u16) {
        self.upstream.store(upstream, Ordering::SeqCst);
    }

    /// `redis://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.faults.cut();
    }
}

async fn carry(mut client: TcpStream, upstream: u16, faults: Arc<Faults>) {
    let mut cuts = faults.cuts.subscribe();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", upstream)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = tokio::io::copy(&mut from_client, &mut to_server);
    let down = async {
        let mut held = Vec::new();
        let mut swapped: Option<Vec<u8>> = None;
        loop {
            held.reserve(64 << 10);
            if !from_server.read_buf(&mut held).await.is_ok_and(|read| read > 0) {
                return;
            }
            if faults.no_replies.load(Ordering::SeqCst) {
                return;
            }
            let late = faults.late_ms.load(Ordering::Relaxed);
            if late > 0 {
                let late = faults.dice.lock().u64(..=late);
                tokio::time::sleep(Duration::from_millis(late)).await;
            }
            while let Some(end) = frame(&held) {
                let frame: Vec<u8> = held.drain(..end).collect();
                let mut out = Vec::new();
                if !is_message(&frame) {
                    out.extend(frame);
                } else if faults.roll(&faults.lose) {
                } else if faults.roll(&faults.double) {
                    out.extend([frame.as_slice(), &frame].concat());
                } else if swapped.is_none() && faults.roll(&faults.swap) {
                    swapped = Some(frame);
                } else {
                    out.extend(frame);
                    out.extend(swapped.take().unwrap_or_default());
                }
                if to_client.write_all(&out).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        _ = up => {}
        () = down => {}
        _ = cuts.changed() => {}
    }
}

/// Whether it is a published message.
fn is_message(frame: &[u8]) -> bool {
    frame.starts_with(b">")
        && (find(&frame[..frame.len().min(40)], b"\r\nmessage\r\n")
            || find(&frame[..frame.len().min(40)], b"\r\nsmessage\r\n"))
}

fn find(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Where the first whole reply ends.
fn frame(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|end| end == b"\r\n")?;
    let after = line + 2;
    let number = || std::str::from_utf8(&bytes[1..line]).ok()?.parse::<i64>().ok();
    let nested = |items: i64| (0..items).try_fold(after, |at, _| Some(at + frame(&bytes[at..])?));
    match bytes[0] {
        b'$' | b'=' | b'!' => {
            let end = usize::try_from(number()?).map_or(after, |len| after + len + 2);
            (bytes.len() >= end).then_some(end)
        }
        b'*' | b'>' | b'~' => nested(number()?.max(0)),
        b'%' => nested(2 * number()?),
        _ => Some(after),
    }
}
