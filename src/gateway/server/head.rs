//! What hyper lets pass of a request's head and the RFCs do not: a proxy in front may read it another way.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN, TRANSFER_ENCODING};
use hyper::{Request, Version};

use crate::gateway::problem::Problem;

/// Who asks, and what it is: of two such headers a proxy may believe the one and we the other (RFC 9110, section 5.3).
const ONCE: [HeaderName; 8] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    ORIGIN,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("webhook-id"),
    HeaderName::from_static("webhook-timestamp"),
    HeaderName::from_static("webhook-signature"),
];

/// What is wrong with a head, where something is.
pub(super) fn fault<B>(request: &Request<B>) -> Option<Problem> {
    // Where it ends comes first: what is wrong there ends the connection.
    let frame = (request.version() == Version::HTTP_11).then(|| fault_of_frame(request)).flatten();
    frame.or_else(|| {
        let twice = ONCE.into_iter().find(|name| request.headers().get_all(name).iter().nth(1).is_some());
        Some(Problem::bad_request(format!("{} comes once", twice?)))
    })
}

/// What is wrong with how a message over HTTP/1.1 says where it goes and where it ends; its connection ends with the answer.
fn fault_of_frame<B>(request: &Request<B>) -> Option<Problem> {
    let headers = request.headers();
    let codings: Vec<&HeaderValue> = headers.get_all(TRANSFER_ENCODING).iter().collect();
    let detail = match &*codings {
        _ if headers.get_all(HOST).iter().count() != 1 => "a request has one Host (RFC 9112 section 3.2)",
        [] => return None,
        [one] if one.as_bytes().eq_ignore_ascii_case(b"chunked") => return None,
        _ => "a body is sent chunked or as it is (RFC 9112 section 6.1)",
    };
    Some(Problem::bad_request(detail).header(hyper::header::CONNECTION, HeaderValue::from_static("close")))
}
