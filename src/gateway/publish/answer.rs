//! How verdicts are answered: alone, together, line by line.

use bytes::Bytes;
use feeds::Invalid;
use serde::Serialize;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::http::{Response, StatusCode};
use warp::reply::Response as Reply;

use crate::gateway::problem::{Problem, RefusedResult};
use crate::ingest::{Reason, Said, Verdict};
use crate::metrics::Label;
use crate::wire::ErrorCode;

/// 403.
pub(super) fn forbidden(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, detail)
}

/// 422.
pub(super) fn invalid(fault: Invalid) -> Problem {
    let Invalid { pointer, detail } = fault;
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::Invalid, detail).pointer(Some(pointer))
}

/// The answer to a single report: its result, or the problem that it is.
pub(super) fn single(verdict: Verdict) -> Result<Reply, Problem> {
    if verdict.said.understood() {
        return Ok(json(StatusCode::OK, &verdict));
    }
    let reason_name = verdict.said.outcome().name();
    let Said::Refused { reason, detail, pointer, version } = verdict.said else {
        return Ok(json(StatusCode::OK, &verdict));
    };
    let problem = match reason {
        Reason::Conflict => Problem::new(StatusCode::CONFLICT, ErrorCode::Conflict, detail),
        Reason::Forbidden => forbidden(detail),
        Reason::IdReused => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::IdReused, detail),
        Reason::Unavailable => Problem::unavailable(detail),
        Reason::Invalid | Reason::Outdated | Reason::NotLeading => invalid(Invalid::new("", detail)),
    };
    let result = RefusedResult { game: verdict.game, applied: false, reason: reason_name, version };
    Err(problem.pointer(pointer).result(result))
}

/// The answer to several.
pub(super) fn many(results: Vec<Verdict>) -> Reply {
    #[derive(Serialize)]
    struct Results {
        results: Vec<Verdict>,
    }
    let unavailable = |verdict: &Verdict| matches!(verdict.said, Said::Refused { reason: Reason::Unavailable, .. });
    if let Some(Verdict { said: Said::Refused { detail, .. }, .. }) = results.first()
        && results.iter().all(unavailable)
    {
        return Problem::unavailable(detail).reply();
    }
    let understood = results.iter().all(|verdict| verdict.said.understood());
    json(if understood { StatusCode::OK } else { StatusCode::MULTI_STATUS }, &Results { results })
}

fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    let mut response = Response::new(serde_json::to_vec(body).expect("results are JSON").into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What is answered to the first line after its key was taken away, and the last of its stream.
pub(super) fn revoked() -> Verdict {
    Verdict { game: None, said: Said::refused(Reason::Forbidden, "the key is valid no longer") }
}

/// As NDJSON.
pub(super) fn encode_lines(verdicts: &[Verdict]) -> Bytes {
    let mut lines = Vec::with_capacity(128 * verdicts.len());
    for verdict in verdicts {
        serde_json::to_writer(&mut lines, verdict).expect("results are JSON");
        lines.push(b'\n');
    }
    lines.into()
}
