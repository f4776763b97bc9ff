//! What a publisher's headers say: key, id, media.

use serde::de::IgnoredAny;
use warp::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use warp::http::{HeaderMap, StatusCode};

use crate::auth::Signed;
use crate::gateway::problem::Problem;
use crate::wire::ErrorCode;

/// The key that is presented; nothing is one that nobody has.
pub(super) fn key(headers: &HeaderMap) -> &[u8] {
    let bearer = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).and_then(|value| {
        let (scheme, key) = value.split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
    });
    bearer.or_else(|| headers.get("x-api-key").map(HeaderValue::as_bytes)).unwrap_or_default()
}

/// What signs the push, where it is signed: all three headers of Standard Webhooks.
pub(super) fn signed(headers: &HeaderMap) -> Option<Signed<'_>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = text("webhook-signature")?;
    Some(Signed {
        id: text("webhook-id").unwrap_or_default(),
        timestamp: text("webhook-timestamp").unwrap_or_default(),
        signature,
    })
}

/// The id of the whole request.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    id(headers.get("idempotency-key").or_else(|| headers.get("webhook-id")))
}

/// The id of a signed push: the one that is signed. Any other header could be another's who sends the push once more.
pub(super) fn webhook_id(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    id(headers.get("webhook-id"))
}

fn id(value: Option<&HeaderValue>) -> Result<Option<String>, Problem> {
    let Some(value) = value else { return Ok(None) };
    match value.to_str() {
        Ok(id) if (1..=feeds::report::MAX_ID_BYTES).contains(&id.len()) => Ok(Some(id.to_owned())),
        _ => Err(Problem::bad_request("an Idempotency-Key is a text of 1 to 200 visible ASCII characters")),
    }
}

/// What kind of body it is.
#[derive(Debug, PartialEq)]
pub(super) enum Media {
    /// One report or an array.
    Json,
    /// One report a line.
    Lines,
}

/// The kind of a body of reports.
pub(super) fn media(headers: &HeaderMap) -> Result<Media, Problem> {
    plain(headers)?;
    let Some(content) = headers.get(CONTENT_TYPE) else { return Ok(Media::Json) };
    let name = content.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
    match name.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Media::Json),
        "application/x-ndjson" => Ok(Media::Lines),
        _ => Err(unsupported("reports are application/json or application/x-ndjson")),
    }
}

/// The kind of a signed body. Its sender's headers are not signed: so what is JSON as a whole is read as that, whatever it is
/// called, and lines are what is not. Else who sends it once more under another name would have it taken for something new.
pub(super) fn signed_media(headers: &HeaderMap, body: &[u8]) -> Result<Media, Problem> {
    match media(headers)? {
        Media::Lines if serde_json::from_slice::<IgnoredAny>(body).is_err() => Ok(Media::Lines),
        Media::Lines | Media::Json => Ok(Media::Json),
    }
}

/// Whether the body is as it is said, not packed.
pub(super) fn plain(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(unsupported("a body is sent without Content-Encoding")),
        _ => Ok(()),
    }
}

fn unsupported(detail: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType, detail)
}
