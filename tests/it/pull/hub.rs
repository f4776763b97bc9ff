//! A mock of Formula 1's live timing, no real hub: a WebSocket server that takes the subscription, says what the test wrote
//! down, in the provider's format and with invented names, and remembers what it was told. Its WebSocket is another
//! implementation than the service's.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::support::soon;

/// What ends a message of SignalR Core.
const END: char = '\u{1e}';

/// What becomes of a connection when its messages were said.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Then {
    /// It stays, and its pings are answered.
    Stay,
    /// It stays, and nobody reads or answers any more.
    Sleep,
    /// Cut in the middle of a frame.
    Break,
    /// Closed, as a server does that restarts.
    Close,
}

/// A connection that the mock had.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) at: Instant,
    pub(crate) heard: Vec<String>,
}

/// The mock.
#[derive(Clone)]
pub(crate) struct Hub {
    address: std::net::SocketAddr,
    guests: Arc<Mutex<Vec<Guest>>>,
}

impl Hub {
    /// One script a connection, the last one for all that follow. The first message of a script answers `Subscribe`.
    pub(crate) fn start(scripts: Vec<(Vec<Value>, Then)>) -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hub = Hub { address: listener.local_addr().unwrap(), guests: Arc::default() };
        let open = hub.clone();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (script, then) = scripts[number.min(scripts.len() - 1)].clone();
                let hub = open.clone();
                hub.guests.lock().unwrap().push(Guest { at: Instant::now(), heard: Vec::new() });
                std::thread::spawn(move || hub.serve(number, stream.unwrap(), &script, then));
            }
        });
        hub
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/signalrcore", self.address)
    }

    pub(crate) fn guests(&self) -> Vec<Guest> {
        self.guests.lock().unwrap().clone()
    }

    pub(crate) async fn until(&self, holds: impl Fn(&[Guest]) -> bool) -> Vec<Guest> {
        let waiting = async {
            loop {
                let guests = self.guests();
                if holds(&guests) {
                    return guests;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon(waiting).await
    }

    fn serve(&self, number: usize, stream: TcpStream, script: &[Value], then: Then) {
        let raw = stream.try_clone().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        self.hear(number, &mut socket);
        say(&mut socket, &json!({}));
        self.hear(number, &mut socket);
        script.iter().for_each(|message| say(&mut socket, message));
        match then {
            Then::Stay => while self.hear(number, &mut socket) {},
            Then::Sleep => std::thread::sleep(Duration::from_secs(60)),
            // A text frame of five bytes, of which two come.
            Then::Break => std::io::Write::write_all(&mut &raw, &[0x81, 5, b'{', b'}']).unwrap(),
            Then::Close => {
                let _ = socket.close(None);
                while self.hear(number, &mut socket) {}
            }
        }
    }

    /// Waits for a text; whether one came.
    fn hear(&self, number: usize, socket: &mut WebSocket<TcpStream>) -> bool {
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => {
                    self.guests.lock().unwrap()[number].heard.push(text.to_string());
                    return true;
                }
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

fn say(socket: &mut WebSocket<TcpStream>, message: &Value) {
    let _ = socket.send(Message::text(format!("{message}{END}")));
}

/// The answer to `Subscribe`: every topic whole.
pub(crate) fn whole(topics: Value) -> Value {
    json!({"type": 3, "invocationId": "0", "result": topics})
}

/// A partial message of one topic.
pub(crate) fn part(topic: &str, content: Value) -> Value {
    json!({"type": 1, "target": "feed", "arguments": [topic, content, "2026-11-22T15:00:00.000Z"]})
}
