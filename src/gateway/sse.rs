//! Server-Sent Events (HTML, section 9.2): the answer's body is the client's end of a connection that a shard serves.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use warp::http::header::{self, HeaderName, HeaderValue};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::{Reply, Response};

use super::origins;
use super::problem::Problem;
use super::query::{SubscribeQuery, bad};
use super::server::Place;
use super::ws::Subscribing;
use crate::fanout::{Admission, Arrival, Outlet};
use crate::wire::Form;

/// How long an EventSource waits before it connects again; ms. Each is told a time of its own, so that those who were cut
/// together do not come back together.
const RETRY: std::ops::Range<u32> = 500..5_000;

/// `GET /v1/sse`.
pub(super) fn events(parts: Arc<Subscribing>, headers: HeaderMap, query: String, place: Option<Place>) -> Response {
    match open(&parts, &headers, &query, place) {
        Ok(mut response) => {
            parts.origins.grant(&headers, &mut response);
            response
        }
        Err(problem) if problem.is_final() => {
            let mut response = problem.no_content();
            // Also to a page that may not connect: one that cannot read the answer would ask again for ever.
            if let Some(origin) = headers.get(header::ORIGIN) {
                response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
            response
        }
        Err(problem) => problem.reply(),
    }
}

fn open(parts: &Subscribing, headers: &HeaderMap, query: &str, place: Option<Place>) -> Result<Response, Problem> {
    if !parts.origins.allows(headers) {
        return Err(origins::refused());
    }
    let query = SubscribeQuery::parse(query)?;
    let (access, seat) = parts.gate.admit_to_stay(headers, query.token())?;
    let options = query.options(parts.longest_delay, &access)?;
    let mut subscribe = query.only_subscribe()?;
    let last = headers.get("last-event-id").filter(|id| !id.is_empty());
    if let Some(last) = last {
        subscribe.since = Some(last.to_str().map_err(|_| bad("Last-Event-ID is no position"))?.to_owned());
    }
    parts.fanout.check(&subscribe, &access).map_err(Problem::of_command)?;
    let (outlet, events) = Outlet::channel();
    let (subscribe, permit) = (Some(subscribe), Box::new(place));
    let admission = Admission::Granted(access, seat);
    let arrival = Arrival { outlet, read_ahead: Vec::new(), form: Form::Sse, options, admission, subscribe, permit };
    if !parts.fanout.adopt(arrival) {
        return Err(Problem::unavailable("too many connect at once"));
    }
    let retry = Bytes::from(format!("retry: {}\n\n", fastrand::u32(RETRY)));
    let body = stream::once(async { io::Result::Ok(retry) }).chain(events);
    let mut response = warp::reply::stream(body).into_response();
    *response.status_mut() = StatusCode::OK;
    let held = response.headers_mut();
    held.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    held.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx hands each event on as it comes.
    held.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}
