//! Errors as `application/problem+json` (RFC 9457), with the contract's `code` and, where one field is at fault, its
//! `pointer`.

use std::convert::Infallible;

use feeds::Topic;
use serde::Serialize;
use warp::Rejection;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::http::{Response, StatusCode};

use crate::wire::{ErrorCode, ErrorReply};

/// The content type of every error.
const CONTENT: &str = "application/problem+json";

/// Why an event stream was refused, which its empty answer cannot say.
const REFUSED: HeaderName = HeaderName::from_static("scoreline-refused");

/// An answer that is an error. In a box, because it is the rare half of results.
#[derive(Debug)]
pub(super) struct Problem(Box<Told>);

#[derive(Debug, Serialize)]
struct Told {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Of a single report: what its result object says beside.
    #[serde(flatten)]
    result: Option<RefusedResult>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A refused report's result, as a part of its problem.
#[derive(Debug, Serialize)]
pub(super) struct RefusedResult {
    /// The game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) game: Option<Topic>,
    /// Always false.
    pub(super) applied: bool,
    /// Why.
    pub(super) reason: &'static str,
    /// The held version, where that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u64>,
}

impl Problem {
    /// An error with its status, its code, and what is wrong for a person.
    pub(super) fn new(status: StatusCode, code: ErrorCode, detail: impl Into<String>) -> Problem {
        let title = status.canonical_reason().unwrap_or("Error");
        let (status, detail) = (status.as_u16(), detail.into());
        let (kind, pointer, result, headers) = ("about:blank", None, None, Vec::new());
        Problem(Box::new(Told { kind, title, status, detail, code, pointer, result, headers }))
    }

    /// 400.
    pub(super) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, detail)
    }

    /// 400: no topic, or none of a game where one is needed.
    pub(super) fn topic_invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, ErrorCode::TopicInvalid, detail)
    }

    /// A command in a URL that cannot be taken: 400, or 403 where the token does not cover it.
    pub(super) fn of_command(refused: ErrorReply) -> Problem {
        let status = match refused.code {
            ErrorCode::Forbidden => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, refused.code, refused.message)
    }

    /// 401: no key.
    #[must_use]
    pub(super) fn unauthorized() -> Problem {
        Problem::denied("a provider's key is needed, as Authorization: Bearer KEY or X-API-Key: KEY")
    }

    /// 401: a key that is nobody's.
    #[must_use]
    pub(super) fn unknown_key() -> Problem {
        Problem::denied("no provider has this key")
    }

    fn denied(detail: &str) -> Problem {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, detail);
        problem.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 404.
    pub(super) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, detail)
    }

    /// 413.
    pub(super) fn too_large(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, detail)
    }

    /// 503, to be tried again.
    pub(super) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail).retry_after(1)
    }

    /// The field at fault.
    #[must_use]
    pub(super) fn pointer(mut self, pointer: Option<String>) -> Problem {
        self.0.pointer = pointer;
        self
    }

    /// What the result object of a single report says beside.
    #[must_use]
    pub(super) fn result(mut self, result: RefusedResult) -> Problem {
        self.0.result = Some(result);
        self
    }

    /// When to try again; s.
    #[must_use]
    pub(super) fn retry_after(mut self, seconds: u64) -> Problem {
        self.0.headers.retain(|(name, _)| *name != RETRY_AFTER);
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Whether the same request would be refused again.
    pub(super) fn is_final(&self) -> bool {
        (400..500).contains(&self.0.status)
    }

    /// 204, which stops an EventSource; what is wrong is in a header, for a person.
    pub(super) fn no_content(&self) -> warp::reply::Response {
        let code = serde_json::to_value(self.0.code).unwrap_or_default();
        let reason = format!("{}: {}", code.as_str().unwrap_or_default(), self.0.detail);
        let mut response = Response::new(String::new().into());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let visible = |letter: char| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' };
        let reason: String = reason.chars().map(visible).collect();
        response.headers_mut().insert(REFUSED, HeaderValue::from_str(&reason).expect("it is visible ASCII"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// Another header of the answer.
    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.push((name, value));
        self
    }

    /// The answer.
    #[must_use]
    pub(super) fn reply(self) -> warp::reply::Response {
        let body = serde_json::to_vec(&self.0).expect("texts and numbers are JSON");
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(self.0.status).expect("it came from a StatusCode");
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        response.headers_mut().extend(self.0.headers);
        response
    }
}

/// The answer, or the error as one.
pub(super) fn answer(result: Result<warp::reply::Response, Problem>) -> warp::reply::Response {
    result.unwrap_or_else(Problem::reply)
}

/// What no route took.
pub(super) async fn recover(rejection: Rejection) -> Result<warp::reply::Response, Infallible> {
    Ok(from_rejection(&rejection).reply())
}

fn from_rejection(rejection: &Rejection) -> Problem {
    use warp::reject::{InvalidHeader, InvalidQuery, MethodNotAllowed, MissingHeader};
    if rejection.is_not_found() {
        return Problem::not_found("there is nothing at this path");
    }
    if rejection.find::<InvalidQuery>().is_some() {
        return Problem::bad_request("the query cannot be read");
    }
    if let Some(header) = rejection.find::<InvalidHeader>() {
        return Problem::bad_request(format!("the header {} cannot be read", header.name()));
    }
    if let Some(header) = rejection.find::<MissingHeader>() {
        return Problem::bad_request(format!("the header {} is missing", header.name()));
    }
    if rejection.find::<MethodNotAllowed>().is_some() {
        let detail = "this path does not answer this method";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadRequest, detail);
    }
    tracing::error!(?rejection, "a request was rejected for no reason that is known");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "this should not happen")
}
