//! Which origins' pages may connect, and read what they ask for (CORS). There are no cookies here: a page acts by what it
//! was given, never by whom it is shown to.

use std::sync::Arc;

use warp::Rejection;
use warp::http::header::{self, HeaderValue};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::problem::Problem;
use crate::live::Live;
use crate::metrics::Route;
use crate::wire::ErrorCode;

/// Pages of which origins may connect.
#[derive(Debug, Clone)]
pub(super) struct Origins(Arc<Live<Vec<String>>>);

impl Origins {
    pub(super) fn new(listed: &Arc<Live<Vec<String>>>) -> Origins {
        Origins(Arc::clone(listed))
    }

    /// Absent, the same host as `Host`, or on the list; `null` only where it is listed.
    pub(super) fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let same = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
        same || self.lists(origin)
    }

    /// Whether it is on the list.
    pub(super) fn lists(&self, origin: &str) -> bool {
        self.0.get().iter().any(|listed| listed == origin || (listed == "*" && origin != "null"))
    }

    /// Lets the page that asks read the answer, where its origin may. A cache keeps it apart from other origins' answers.
    pub(super) fn grant(&self, headers: &HeaderMap, response: &mut Response) {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = headers.get(header::ORIGIN).filter(|_| self.allows(headers)) {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }

    /// Whether a route is for pages of other origins.
    pub(super) fn may_ask(route: Route) -> Result<(), Rejection> {
        let read = matches!(route, Route::Sse | Route::Poll | Route::Games | Route::Game | Route::History);
        if read { Ok(()) } else { Err(warp::reject::not_found()) }
    }

    /// What a browser asks before a page's request with headers that it does not send by itself.
    pub(super) fn preflight(&self, headers: &HeaderMap) -> Response {
        let mut response = Response::new(String::new().into());
        *response.status_mut() = StatusCode::NO_CONTENT;
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, If-None-Match, Last-Event-ID"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        self.grant(headers, &mut response);
        response
    }
}

/// What the page of another origin is told.
pub(super) fn refused() -> Problem {
    let detail = "this page's origin is not on the server's list (--allow-origin)";
    Problem::new(StatusCode::FORBIDDEN, ErrorCode::OriginRefused, detail)
}
