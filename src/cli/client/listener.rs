//! A subscription that mends itself: a lost connection is opened again, with full jitter, and resumed from where it was.

use std::time::{Duration, Instant};

use feeds::Topic;
use serde::Deserialize;

use super::{Heard, Server, Socket};
use crate::cli::Failure;
use crate::wire::Position;

/// The first wait before another try, and the longest: the contract's section 4.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(20));
/// A connection that lasted so long was a good one.
const STABLE: Duration = Duration::from_secs(10);
/// Close codes after which one does not come back: the contract's section 4.
const FINAL: [u16; 7] = [1002, 1003, 1007, 1009, 4000, 4001, 4003];

/// A subscription.
pub(in crate::cli) struct Listener {
    server: Server,
    path: String,
    /// What is open, and since when.
    open: Option<(Socket, Instant)>,
    /// Whether the end mark came on this connection: before it no position speaks for the topics.
    loaded: bool,
    position: Option<Position>,
    heard: bool,
    silence: Duration,
    wait: Duration,
    /// Before the next try.
    pause: Duration,
}

/// What comes of it.
pub(in crate::cli) enum Told {
    /// A message, as the server said it.
    Message(String),
    /// The connection is lost, and why; the next one is on its way.
    Lost(String),
}

/// What of a message matters here.
#[derive(Deserialize)]
struct Said {
    r#type: String,
    position: Option<Position>,
    heartbeat: Option<u64>,
    message: Option<String>,
    reconnect_ms: Option<u64>,
}

impl Listener {
    /// Of these topics; `more` is the rest of the query, as `&mode=every`.
    pub(in crate::cli) fn new(server: &Server, topics: &[Topic], more: &str) -> Listener {
        let topics: Vec<&str> = topics.iter().map(Topic::as_str).collect();
        Listener {
            server: server.clone(),
            path: format!("/v1/ws?topics={}{more}", topics.join(",")),
            open: None,
            loaded: false,
            position: None,
            heard: false,
            silence: Duration::from_secs(60),
            wait: WAITS.0,
            pause: Duration::ZERO,
        }
    }

    /// Where it would resume: everything before was told.
    pub(in crate::cli) fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// What comes next. Not to be dropped half-way.
    ///
    /// # Errors
    /// When there is no coming back, or the very first connection cannot be had.
    pub(in crate::cli) async fn next(&mut self) -> Result<Told, Failure> {
        let (socket, _) = match &mut self.open {
            Some(open) => open,
            None => match self.connect().await {
                Ok(socket) => self.open.insert((socket, Instant::now())),
                Err(failure) if !self.heard => return Err(failure),
                Err(failure) => return Ok(self.lost(failure.to_string())),
            },
        };
        match socket.next(self.silence).await {
            Heard::Closed(Some(code), why) if FINAL.contains(&code) => Err(Failure::Failed(why)),
            Heard::Closed(_, why) => Ok(self.lost(why)),
            Heard::Text(text) => self.hear(text),
        }
    }

    async fn connect(&mut self) -> Result<Socket, Failure> {
        tokio::time::sleep(std::mem::take(&mut self.pause)).await;
        self.loaded = false;
        let since = self.position.as_ref().map_or_else(String::new, |position| format!("&since={position}"));
        Socket::open(&self.server, &format!("{}{since}", self.path)).await
    }

    fn lost(&mut self, why: String) -> Told {
        if self.open.take().is_some_and(|(_, begun)| begun.elapsed() >= STABLE) {
            self.wait = WAITS.0;
        }
        // A server that drains has said when.
        if self.pause.is_zero() {
            self.pause = self.wait.mul_f64(fastrand::f64());
        }
        self.wait = (self.wait * 2).min(WAITS.1);
        Told::Lost(why)
    }

    fn hear(&mut self, text: String) -> Result<Told, Failure> {
        self.heard = true;
        let said: Said = serde_json::from_str(&text)
            .map_err(|error| Failure::Failed(format!("the server says no message: {error}")))?;
        match said.r#type.as_str() {
            "hello" => self.silence = Duration::from_secs(said.heartbeat.unwrap_or(15) * 2 + 5),
            "goodbye" => self.pause = Duration::from_millis(said.reconnect_ms.unwrap_or(0)).min(WAITS.1),
            "error" => return Err(Failure::Failed(said.message.unwrap_or_default())),
            // Until its end mark the positions of the topics are void.
            "reset" => (self.loaded, self.position) = (false, None),
            "position" => self.loaded = true,
            _ => {}
        }
        if said.position.is_some() && self.loaded {
            self.position = said.position;
        }
        Ok(Told::Message(text))
    }
}
