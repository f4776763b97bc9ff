//! How a WebSocket is opened: over HTTP/1.1 by an upgrade (RFC 6455 section 4.2), over HTTP/2 by an extended CONNECT
//! (RFC 8441). Knows nothing of subscribers.

use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use warp::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use warp::reply::Response as Reply;

use super::problem::Problem;
use super::query::bad;
use crate::codec::{Agreed, accept_key, valid_key};
use crate::wire::ErrorCode;

/// What the handshake needs of a request.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// `:protocol` of an extended CONNECT.
    pub(super) protocol: Option<Protocol>,
    /// hyper's promise of the socket, where the request asks for an upgrade.
    pub(super) on_upgrade: Option<OnUpgrade>,
}

/// A request for a WebSocket that is in order.
pub(super) struct Opening {
    /// The key's answer; over HTTP/2 there is none.
    accept: Option<String>,
    on_upgrade: OnUpgrade,
}

impl Opening {
    /// Checks a request by the rules of its version of HTTP.
    pub(super) fn read(request: &Request) -> Result<Opening, Problem> {
        let Request { method, headers, protocol, on_upgrade } = request;
        let connects = protocol.as_ref().is_some_and(|protocol| protocol.as_str() == "websocket");
        let asks = connects || wants_websocket(headers);
        let Some(on_upgrade) = on_upgrade.clone().filter(|_| asks) else { return Err(upgrade_required()) };
        if one(headers, "sec-websocket-version") != Some("13") {
            return Err(upgrade_required());
        }
        if connects {
            return Ok(Opening { accept: None, on_upgrade });
        }
        if method != Method::GET || one(headers, "host").is_none() {
            return Err(bad("a WebSocket begins with GET and one Host (RFC 6455 section 4.2.1)"));
        }
        let key = one(headers, "sec-websocket-key").filter(|key| valid_key(key));
        let key = key.ok_or_else(|| bad("Sec-WebSocket-Key is base64 of 16 bytes, once"))?;
        Ok(Opening { accept: Some(accept_key(key)), on_upgrade })
    }

    /// The answer that opens it, and the promise of the socket.
    pub(super) fn accept(self, protocol: Option<&'static str>, extension: Option<Agreed>) -> (Reply, OnUpgrade) {
        let mut reply = match self.accept {
            None => Response::builder().status(StatusCode::OK),
            Some(accept) => Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_ACCEPT, accept),
        };
        if let Some(protocol) = protocol {
            reply = reply.header(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        if let Some(extension) = extension {
            reply = reply.header(header::SEC_WEBSOCKET_EXTENSIONS, extension.header());
        }
        let reply = reply.body(String::new().into()).expect("a key's hash is a header value");
        (reply, self.on_upgrade)
    }
}

/// 426: how a request without Upgrade, or of another version, learns what is spoken here (RFC 6455 section 4.4).
fn upgrade_required() -> Problem {
    let detail = "this address speaks WebSocket, version 13 (RFC 6455)";
    Problem::new(StatusCode::UPGRADE_REQUIRED, ErrorCode::BadRequest, detail)
        .header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
        .header(header::UPGRADE, HeaderValue::from_static("websocket"))
        .header(header::CONNECTION, HeaderValue::from_static("upgrade"))
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let names = |name: &str, token: &str| {
        let tokens = values(headers, name).flat_map(|value| value.split(','));
        tokens.map(str::trim).any(|value| value.eq_ignore_ascii_case(token))
    };
    names("upgrade", "websocket") && names("connection", "upgrade")
}

/// Every value of a header that is text.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// The header's value when it is there exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).into_iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}
