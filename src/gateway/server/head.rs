//! What hyper lets pass of a request's head and RFC 9112 does not: a proxy in front may read it another way.

use hyper::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, Version};

use crate::gateway::problem::Problem;

/// What is wrong with a head over HTTP/1.1, where something is; its connection ends with the answer.
pub(super) fn fault<B>(request: &Request<B>) -> Option<Problem> {
    if request.version() != Version::HTTP_11 {
        return None;
    }
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
