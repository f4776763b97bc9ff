//! What an upgrade request negotiates: key, subprotocol, compression. Header values in, header values out. Both ends.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::{Digest, Sha1};

/// Clients by hand write keys whose last character has spare bits; the 16 bytes are the same.
const KEY: GeneralPurpose =
    GeneralPurpose::new(&ALPHABET, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// True for a `Sec-WebSocket-Key`: base64 of 16 bytes.
pub fn valid_key(key: &str) -> bool {
    KEY.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// The `Sec-WebSocket-Accept` that answers a key (RFC 6455 section 4.2.2).
pub fn accept_key(key: &str) -> String {
    let hash = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    STANDARD.encode(hash)
}

/// A client's side of the handshake (RFC 6455 section 4.1): what it asks with, and the answer that it takes.
#[derive(Clone, Debug)]
pub struct Upgrade {
    key: String,
    /// The `Sec-WebSocket-Accept` of a server that read the key; one that only looks like a server does not know it.
    pub accept: String,
}

impl Upgrade {
    /// Asks with a nonce, which is to be random.
    pub fn new(nonce: u128) -> Upgrade {
        let key = STANDARD.encode(nonce.to_be_bytes());
        Upgrade { accept: accept_key(&key), key }
    }

    /// The headers that ask, beside `Host`.
    pub fn headers(&self) -> [(&'static str, &str); 4] {
        [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", &self.key),
        ]
    }
}

/// What to speak, and the token that came along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The `Sec-WebSocket-Protocol` of the answer; `None`: no such header, and JSON.
    pub protocol: Option<&'static str>,
    /// From an offered `bearer.<token>`, which is never echoed. The first where there are several.
    pub token: Option<&'a str>,
}

/// The client offers subprotocols, and none that this server speaks: answer 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("none of the offered subprotocols is known")]
pub struct Refused;

/// Picks the first of the client's subprotocols that is among `known`. `offered`: the values of all `Sec-WebSocket-Protocol` headers.
///
/// # Errors
/// [`Refused`] where something is offered and nothing of it is known, a lone `bearer.…` too.
pub fn choose_subprotocol<'a>(
    offered: impl IntoIterator<Item = &'a str>,
    known: &[&'static str],
) -> Result<Choice<'a>, Refused> {
    let mut choice = Choice { protocol: None, token: None };
    let mut any = false;
    for name in offered.into_iter().flat_map(elements) {
        any = true;
        if let Some(token) = name.strip_prefix("bearer.") {
            choice.token = choice.token.or(Some(token));
        } else if choice.protocol.is_none() {
            choice.protocol = known.iter().copied().find(|known| *known == name);
        }
    }
    if any && choice.protocol.is_none() { Err(Refused) } else { Ok(choice) }
}

/// permessage-deflate was agreed on: both sides without context takeover, window 2^15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    names_window: bool,
}

impl Agreed {
    /// The `Sec-WebSocket-Extensions` of the answer.
    pub fn header(self) -> &'static str {
        match self.names_window {
            false => "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            true => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"
            }
        }
    }
}

/// Takes the first offer of permessage-deflate that can be met; `None`: the connection is plain. An offer that is malformed, or demands
/// a smaller window of the server, is passed over. `offers`: the values of all `Sec-WebSocket-Extensions` headers.
pub fn negotiate<'a>(offers: impl IntoIterator<Item = &'a str>) -> Option<Agreed> {
    offers.into_iter().flat_map(elements).find_map(accept)
}

/// The elements of a header list. A comma cannot be inside of one: a quoted value has to be a token too (RFC 6455 section 9.1).
fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(trim).filter(|element| !element.is_empty())
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// One offer, by the rules of RFC 7692 section 7.1: every parameter known, once, with a value that it may have.
fn accept(offer: &str) -> Option<Agreed> {
    let mut parts = offer.split(';').map(trim);
    if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (trim(name), Some(unquote(trim(value))?)),
            None => (part, None),
        };
        let name = name.to_ascii_lowercase();
        let good = match (name.as_str(), value) {
            ("server_no_context_takeover" | "client_no_context_takeover", None) => true,
            ("server_max_window_bits", Some(bits)) => bits == "15",
            ("client_max_window_bits", None) => true,
            ("client_max_window_bits", Some(bits)) => {
                matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
            }
            _ => false,
        };
        if !good || seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(Agreed { names_window: seen.iter().any(|name| name == "server_max_window_bits") })
}

/// The value without its quotes. Escapes are not undone: no value of ours needs one.
fn unquote(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(value),
    }
}
