//! Who may subscribe: the token that a request presents, whichever way, and what it opens.

use std::sync::Arc;

use warp::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, VARY, WWW_AUTHENTICATE};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::handshake::values;
use super::problem::Problem;
use crate::auth::{Access, Denied, Seat, Tokens};
use crate::metrics::{Door, Metrics};
use crate::wire::ErrorCode;

/// A token among the subprotocols that are offered: a browser's WebSocket can say it no other way.
const OFFERED: &str = "bearer.";

/// The gate.
pub(super) struct Gate {
    tokens: Option<Arc<Tokens>>,
    everything: Arc<Access>,
    metrics: Arc<Metrics>,
}

impl Gate {
    /// One that asks for tokens, or that stands open.
    pub(super) fn new(tokens: Option<Arc<Tokens>>, metrics: &Arc<Metrics>) -> Gate {
        Gate { tokens, everything: Arc::new(Access::everything()), metrics: Arc::clone(metrics) }
    }

    /// Whether everybody may come in.
    pub(super) fn is_open(&self) -> bool {
        self.tokens.is_none()
    }

    /// What whoever asks may see. `query`: the URL's parameter.
    pub(super) fn admit(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Arc<Access>, Denied> {
        let Some(tokens) = &self.tokens else { return Ok(Arc::clone(&self.everything)) };
        let admitted = tokens.admit(presented(headers, query).ok_or(Denied::Missing)?);
        admitted.inspect_err(|denied| {
            if matches!(denied, Denied::Wrong(_)) {
                self.metrics.auth_failed(Door::Token);
            }
        })
    }

    /// The same of a connection that lasts, which counts among those of its subject.
    pub(super) fn admit_to_stay(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<(Arc<Access>, Option<Seat>), Denied> {
        let access = self.admit(headers, query)?;
        let seat = self.tokens.as_ref().map(|tokens| tokens.seat(&access)).transpose()?.flatten();
        Ok((access, seat))
    }

    /// What one subscriber is answered no cache may tell another.
    pub(super) fn keep_private(&self, response: &mut Response) {
        if self.is_open() {
            return;
        }
        let headers = response.headers_mut();
        let stored = headers.get(CACHE_CONTROL).is_some_and(|said| said == "no-store");
        if !stored {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=1"));
        }
        headers.append(VARY, HeaderValue::from_static("Authorization"));
    }
}

/// The token: in the header that is made for it, among the subprotocols, or in the URL.
fn presented<'r>(headers: &'r HeaderMap, query: Option<&'r str>) -> Option<&'r str> {
    let header = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case("Bearer ").then(|| token.trim())
    });
    let mut offered = values(headers, "sec-websocket-protocol").flat_map(|list| list.split(',')).map(str::trim);
    header.or_else(|| offered.find_map(|name| name.strip_prefix(OFFERED))).or(query)
}

impl From<Denied> for Problem {
    /// As HTTP answers it; RFC 6750 section 3.
    fn from(denied: Denied) -> Problem {
        let (code, challenge) = match denied {
            Denied::Missing => (ErrorCode::Unauthorized, "Bearer"),
            Denied::Wrong(_) => (ErrorCode::Unauthorized, "Bearer error=\"invalid_token\""),
            Denied::Expired => (ErrorCode::TokenExpired, "Bearer error=\"invalid_token\""),
            Denied::Unloaded => return Problem::unavailable(denied.words()),
            Denied::Crowded => return Problem::unavailable(denied.words()).retry_after(5),
        };
        let problem = Problem::new(StatusCode::UNAUTHORIZED, code, denied.words());
        problem.header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_by_any_of_three_doors_and_the_header_first() {
        let mut headers = HeaderMap::new();
        assert_eq!(presented(&headers, None), None);
        assert_eq!(presented(&headers, Some("q")), Some("q"));
        headers.append("sec-websocket-protocol", HeaderValue::from_static("scoreline.v1.json, bearer.p"));
        assert_eq!(presented(&headers, Some("q")), Some("p"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("bearer  h "));
        assert_eq!(presented(&headers, Some("q")), Some("h"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic eDp5"));
        assert_eq!(presented(&headers, None), Some("p"), "a proxy's own credentials are no token");
    }
}
