//! One long answer: messages that follow one another, with or without something between them, for as long as the
//! connection lives. Heartbeats keep it alive; one that is silent is asked for anew. Or a WebSocket, which frames its
//! messages.

use bytes::Bytes;
use reqwest::Response;
use serde::de::IgnoredAny;

use super::fetch::{Trouble, words};
use super::socket::Socket;

/// A stream that is being read.
pub(super) enum Stream {
    Body(Body),
    Socket(Socket),
}

impl Stream {
    /// The messages that the next bytes complete; none, where they complete none.
    pub(super) async fn next(&mut self) -> Result<Vec<Bytes>, Trouble> {
        match self {
            Stream::Body(body) => body.next().await,
            Stream::Socket(socket) => socket.next().await,
        }
    }
}

/// A long answer.
pub(super) struct Body {
    response: Response,
    max_bytes: usize,
    /// The beginning of a message.
    held: Vec<u8>,
}

impl Body {
    pub(super) fn new(response: Response, max_bytes: usize) -> Body {
        Body { response, max_bytes, held: Vec::new() }
    }

    async fn next(&mut self) -> Result<Vec<Bytes>, Trouble> {
        let chunk = self.response.chunk().await.map_err(|error| Trouble::new(words(error)))?;
        let chunk = chunk.ok_or_else(|| Trouble::new("the stream ended"))?;
        self.held.extend_from_slice(&chunk);
        let messages = take_whole(&mut self.held).map_err(Trouble::new)?;
        match self.held.len() > self.max_bytes {
            true => Err(Trouble::new(format!("a message is longer than {} bytes", self.max_bytes))),
            false => Ok(messages),
        }
    }
}

/// Takes the whole JSON values off the front.
fn take_whole(held: &mut Vec<u8>) -> Result<Vec<Bytes>, String> {
    let (mut messages, mut taken) = (Vec::new(), 0);
    let mut values = serde_json::Deserializer::from_slice(held).into_iter::<IgnoredAny>();
    loop {
        match values.next() {
            Some(Ok(_)) => {
                let end = values.byte_offset();
                messages.push(Bytes::copy_from_slice(&held[taken..end]));
                taken = end;
            }
            Some(Err(error)) if !error.is_eof() => return Err(format!("the stream is no JSON: {error}")),
            _ => break,
        }
    }
    held.drain(..taken);
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_however_they_come() {
        let stream = br#"{"heartbeat":1}{"a":{"b":"}"}}  {"c":3}
{"d":"\u00e9"}"#;
        for size in 1..stream.len() {
            let (mut held, mut messages) = (Vec::new(), Vec::new());
            for chunk in stream.chunks(size) {
                held.extend_from_slice(chunk);
                messages.extend(take_whole(&mut held).unwrap());
            }
            let texts: Vec<&str> =
                messages.iter().map(|message| std::str::from_utf8(message).unwrap().trim()).collect();
            assert_eq!(
                texts,
                [r#"{"heartbeat":1}"#, r#"{"a":{"b":"}"}}"#, r#"{"c":3}"#, r#"{"d":"\u00e9"}"#],
                "{size}"
            );
        }
        assert!(take_whole(&mut b"{} nonsense".to_vec()).is_err());
    }
}
