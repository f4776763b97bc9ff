//! A provider that is listened to over a WebSocket: its messages as they come. It is greeted, told now and then that
//! somebody is there, and pinged: one that does not even answer that is asked for anew.

use std::time::Duration;

use bytes::Bytes;
use feeds::provider::Talk;
use reqwest::Upgraded;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::fetch::Trouble;
use crate::codec::{Decoder, Incoming, Limits, Opcode, Role, masked};

const SCRATCH_BYTES: usize = 64 << 10;
/// Frames of one message.
const FRAGMENTS: usize = 1_024;
/// Between two signs of life; more often where silence is borne for less than twice as long.
const BEAT: Duration = Duration::from_secs(15);

/// An open WebSocket.
pub(super) struct Socket {
    io: Upgraded,
    decoder: Decoder,
    limits: Limits,
    scratch: Vec<u8>,
    /// What the provider wants to hear on each beat.
    alive: Option<String>,
    beat: Interval,
    silence: Duration,
    heard: Instant,
    /// The provider's last word.
    closed: Option<String>,
}

impl Socket {
    /// Begins to talk on a connection that has just become a WebSocket. `silence`: so long without a byte, it is gone.
    pub(super) async fn open(io: Upgraded, talk: Talk, max_bytes: usize, silence: Duration) -> Result<Socket, Trouble> {
        let pace = BEAT.min(silence / 2);
        let mut beat = interval_at(Instant::now() + pace, pace);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut socket = Socket {
            io,
            decoder: Decoder::new(Role::Client),
            limits: Limits { message_bytes: max_bytes, fragments: FRAGMENTS },
            scratch: vec![0; SCRATCH_BYTES],
            alive: talk.alive,
            beat,
            silence,
            heard: Instant::now(),
            closed: None,
        };
        let opening: Vec<Bytes> = talk.opening.iter().map(|text| frame(Opcode::Text, text.as_bytes())).collect();
        socket.say(&opening.concat()).await?;
        Ok(socket)
    }

    /// The messages that the next bytes complete; none, where they complete none.
    pub(super) async fn next(&mut self) -> Result<Vec<Bytes>, Trouble> {
        if let Some(why) = self.closed.take() {
            return Err(Trouble::new(why));
        }
        loop {
            // What it said meanwhile counts before its silence.
            tokio::select! {
                biased;
                read = self.io.read(&mut self.scratch) => match read.map_err(broken)? {
                    0 => return Err(Trouble::new("the provider ended the connection")),
                    read => return self.hear(read).await,
                },
                _ = self.beat.tick() => self.beat().await?,
            }
        }
    }

    async fn beat(&mut self) -> Result<(), Trouble> {
        if self.heard.elapsed() > self.silence {
            return Err(Trouble::new("the provider is silent"));
        }
        let alive = self.alive.as_ref().map(|text| frame(Opcode::Text, text.as_bytes())).unwrap_or_default();
        self.say(&[frame(Opcode::Ping, &[]), alive].concat()).await
    }

    async fn hear(&mut self, read: usize) -> Result<Vec<Bytes>, Trouble> {
        self.heard = Instant::now();
        let (mut messages, mut answers) = (Vec::new(), Vec::new());
        let fed = self.decoder.feed(&mut self.scratch[..read], &self.limits, None, &mut |incoming| match incoming {
            Incoming::Text(text) => messages.push(Bytes::copy_from_slice(text.as_bytes())),
            Incoming::Binary(bytes) => messages.push(Bytes::copy_from_slice(bytes)),
            Incoming::Ping(payload) => answers.extend_from_slice(&frame(Opcode::Pong, payload)),
            Incoming::Pong(_) => {}
            Incoming::Close(said) => {
                let (code, reason) = said.unwrap_or((1005, ""));
                self.closed = Some(format!("the provider closed: {code} {reason}"));
                answers.extend_from_slice(&frame(Opcode::Close, &[]));
            }
        });
        fed.map_err(|fault| Trouble::new(format!("what comes is no WebSocket: {fault}")))?;
        self.say(&answers).await?;
        Ok(messages)
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let said = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await // TLS may hold back the last of it
        };
        let said = timeout(self.silence, said).await;
        said.map_err(|_| Trouble::new("the provider takes nothing"))?.map_err(broken)
    }
}

fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    masked(opcode, payload, fastrand::u32(..).to_be_bytes())
}

fn broken(error: std::io::Error) -> Trouble {
    Trouble::new(error.to_string())
}
