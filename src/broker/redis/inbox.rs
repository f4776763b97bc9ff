//! What the server says unasked, until the follower takes it. Bounded by count and bytes: what does not fit is left out,
//! and is a hole like any other, read from the stream.

use std::collections::VecDeque;
use std::sync::Arc;

use ::redis::{PushInfo, PushKind, Value};
use parking_lot::Mutex;
use tokio::sync::Notify;

const MESSAGES: usize = 1_024;
const BYTES: usize = 16 << 20;

/// A follower's inbox.
#[derive(Default)]
pub(super) struct Inbox {
    held: Mutex<Held>,
    came: Notify,
}

#[derive(Default)]
struct Held {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Why nothing more will come.
    over: Option<&'static str>,
}

/// What a follower finds in it.
pub(super) enum Mail {
    /// An entry of the log.
    Message(Vec<u8>),
    /// The connection or the subscription is gone.
    Over(&'static str),
}

impl Inbox {
    /// Takes what the server says. Never waits: the library's reader calls it.
    pub(super) fn receiver(self: &Arc<Inbox>) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + use<> {
        let inbox = self.clone();
        move |push| {
            inbox.take(push);
            Ok(())
        }
    }

    fn take(&self, push: PushInfo) {
        let mut held = self.held.lock();
        match push.kind {
            PushKind::Message | PushKind::SMessage => {
                let Some(Value::BulkString(message)) = push.data.into_iter().nth(1) else { return };
                if held.messages.len() >= MESSAGES || held.bytes + message.len() > BYTES {
                    return;
                }
                held.bytes += message.len();
                held.messages.push_back(message);
            }
            PushKind::Disconnection => held.over = Some("the connection ended"),
            // Said unasked when the slot goes to another node.
            PushKind::Unsubscribe | PushKind::SUnsubscribe => held.over = Some("the subscription was ended"),
            _ => return,
        }
        drop(held);
        self.came.notify_one();
    }

    /// The next, if there is one. That it is over is said last.
    pub(super) fn try_next(&self) -> Option<Mail> {
        let mut held = self.held.lock();
        match held.messages.pop_front() {
            Some(message) => {
                held.bytes -= message.len();
                Some(Mail::Message(message))
            }
            None => held.over.map(Mail::Over),
        }
    }

    /// The next. Loses nothing when it is dropped.
    pub(super) async fn next(&self) -> Mail {
        loop {
            if let Some(mail) = self.try_next() {
                return mail;
            }
            self.came.notified().await;
        }
    }
}
