//! One long answer: messages that follow one another, with or without something between them, for as long as the
//! connection lives. Heartbeats keep it alive; one that is silent is asked for anew. Or a WebSocket, which frames its
//! messages.

use bytes::Bytes;
use reqwest::Response;

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
    messages: Messages,
}

impl Body {
    pub(super) fn new(response: Response, max_bytes: usize) -> Body {
        Body { response, max_bytes, messages: Messages::default() }
    }

    async fn next(&mut self) -> Result<Vec<Bytes>, Trouble> {
        let chunk = self.response.chunk().await.map_err(|error| Trouble::new(words(error)))?;
        let chunk = chunk.ok_or_else(|| Trouble::new("the stream ended"))?;
        let messages = self.messages.take(&chunk).map_err(Trouble::new)?;
        match self.messages.held.len() > self.max_bytes {
            true => Err(Trouble::new(format!("a message is longer than {} bytes", self.max_bytes))),
            false => Ok(messages),
        }
    }
}

/// JSON objects and lists that follow one another: where each ends. What is in them is for whoever reads them. Each byte
/// is looked at once, in however small pieces they come.
#[derive(Default)]
struct Messages {
    /// The beginning of a message.
    held: Vec<u8>,
    /// Braces and brackets that are open at its end.
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Messages {
    /// The messages that these bytes complete.
    fn take(&mut self, bytes: &[u8]) -> Result<Vec<Bytes>, String> {
        let (mut messages, mut begin) = (Vec::new(), 0);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' if self.depth > 0 => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.held.extend_from_slice(&bytes[begin..=at]);
                        messages.push(std::mem::take(&mut self.held).into());
                        begin = at + 1;
                    }
                }
                // Between messages.
                b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => begin = at + 1,
                _ if self.depth == 0 => return Err("the stream is no JSON: an object is expected".to_owned()),
                _ => {}
            }
        }
        self.held.extend_from_slice(&bytes[begin..]);
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_however_they_come() {
        let stream = br#"{"heartbeat":1}{"a":{"b":"}\"]"}}  {"c":3}
{"d":"\u00e9\\"}[{"e":[]}] {"begun"#;
        for size in 1..stream.len() {
            let (mut read, mut messages) = (Messages::default(), Vec::new());
            for chunk in stream.chunks(size) {
                messages.extend(read.take(chunk).unwrap());
            }
            let texts: Vec<&str> =
                messages.iter().map(|message| std::str::from_utf8(message).unwrap().trim()).collect();
            assert_eq!(
                texts,
                [r#"{"heartbeat":1}"#, r#"{"a":{"b":"}\"]"}}"#, r#"{"c":3}"#, r#"{"d":"\u00e9\\"}"#, r#"[{"e":[]}]"#],
                "{size}"
            );
            assert_eq!(read.held, br#"{"begun"#, "{size}");
        }
        for nonsense in ["{} nonsense", "}", "\"text\"", "{}]"] {
            assert!(Messages::default().take(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
    }
}
