//! All of HTTP on one page. Each handler is in its file below; [`server`] serves the routes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{ALLOW, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use warp::http::{HeaderMap, StatusCode};
use warp::path::{FullPath, Tail};
use warp::reply::Response;

use crate::auth::Tokens;
use crate::drain::Drain;
use crate::fanout::Fanout;
use crate::live::Live;
use crate::metrics::{Metrics, Route};
use crate::scoreboard::Scoreboard;

mod bridge;
mod contract;
mod echo;
mod games;
mod gate;
mod handshake;
pub mod ops;
mod origins;
mod pages;
mod poll;
mod problem;
pub mod publish;
mod query;
pub mod server;
mod sse;
pub mod tls;
pub mod tries;
mod ws;

use gate::Gate;
use ops::Ops;
use origins::Origins;
use publish::body::Body;
use publish::{Publishing, Request};
use ws::Subscribing;

/// What the routes of subscribers need.
pub struct Showing {
    /// What subscribers are shown.
    pub board: Arc<Scoreboard>,
    /// Who brings it to them.
    pub fanout: Arc<Fanout>,
    /// Counts who may not come in.
    pub metrics: Arc<Metrics>,
    /// Origins whose pages may connect beside the own host's.
    pub allow_origin: Arc<Live<Vec<String>>>,
    /// What is asked of subscribers; `None`: nothing.
    pub tokens: Option<Arc<Tokens>>,
    /// The longest delay a subscriber may ask for, in seconds.
    pub longest_delay: u16,
    /// The stop signal, and how long leaving may take.
    pub drain: (Drain, Duration),
    /// Whether the demo plays.
    pub demo: bool,
    /// Whether `/__echo` is open.
    pub test_echo: bool,
}

/// The main listener: for subscribers, for providers, or for both.
#[must_use]
pub fn routes(showing: Option<&Showing>, publishing: Option<&Arc<Publishing>>) -> BoxedFilter<(Response,)> {
    let showing = showing.map_or_else(nothing, subscriber_routes);
    let publishing = publishing.map_or_else(nothing, provider_routes);
    exact().and(showing.or(publishing).unify()).recover(problem::recover).unify().boxed()
}

/// A path is what it says: with a slash behind it, it is another, which nobody has.
fn exact() -> impl Filter<Extract = (), Error = warp::Rejection> + Clone {
    let slashed = |path: &str| path.len() > 1 && path.ends_with('/');
    warp::path::full()
        .and_then(move |path: FullPath| {
            std::future::ready(if slashed(path.as_str()) { Err(warp::reject::not_found()) } else { Ok(()) })
        })
        .untuple_one()
}

/// Of a role that this process does not have.
fn nothing() -> BoxedFilter<(Response,)> {
    warp::any().and_then(|| std::future::ready(Err(warp::reject::not_found()))).boxed()
}

/// What providers ask.
fn provider_routes(publishing: &Arc<Publishing>) -> BoxedFilter<(Response,)> {
    let publishing = with(publishing);

    let updates = warp::path!("v1" / "updates")
        .and(warp::post())
        .and(publishing.clone())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream().map(Body::new))
        .and(warp::ext::optional())
        .then(|publishing, headers, body, client| publish::updates(publishing, Request { headers, body, client }));
    let feeds = warp::path!("v1" / "feeds" / String)
        .and(warp::post())
        .and(publishing.clone())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream().map(Body::new))
        .and(warp::ext::optional())
        .then(|adapter, publishing, headers, body, client| {
            publish::feed(publishing, adapter, Request { headers, body, client })
        });
    let remove = warp::path!("v1" / "games" / ..)
        .and(warp::path::tail())
        .and_then(async |game: Tail| if game.as_str().is_empty() { Err(warp::reject::not_found()) } else { Ok(game) })
        .and(warp::delete())
        .and(publishing)
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional())
        .then(|game: Tail, publishing, headers, client| async move {
            publish::remove(publishing, game.as_str().to_owned(), headers, client).await
        });
    updates.or(feeds).unify().or(remove).unify().boxed()
}

/// What subscribers and visitors ask.
fn subscriber_routes(parts: &Showing) -> BoxedFilter<(Response,)> {
    let site = Arc::new(pages::Site::new(parts.demo));
    let pages = with(&site)
        .and(warp::path::full())
        .and_then(async |site: Arc<pages::Site>, path: FullPath| {
            site.find(path.as_str()).map(|page| (site, page)).ok_or_else(warp::reject::not_found)
        })
        .and(reading())
        .and(warp::header::headers_cloned())
        .map(|(site, page): (Arc<pages::Site>, _), headers: HeaderMap| site.answer(&page, &headers));

    let subscribing = Arc::new(Subscribing {
        board: Arc::clone(&parts.board),
        fanout: Arc::clone(&parts.fanout),
        origins: Origins::new(&parts.allow_origin),
        gate: Gate::new(parts.tokens.clone(), &parts.metrics),
        longest_delay: parts.longest_delay,
        noise: parking_lot::Mutex::default(),
        drain: parts.drain.clone(),
    });
    let origins = subscribing.origins.clone();
    let subscribing = with(&subscribing);
    let ws = warp::path!("v1" / "ws")
        .and(subscribing.clone())
        .and(handshake())
        .and(query())
        .and(warp::ext::optional())
        .map(ws::upgrade)
        .map(problem::answer);
    let sse = warp::path!("v1" / "sse")
        .and(warp::get())
        .and(subscribing.clone())
        .and(warp::header::headers_cloned())
        .and(query())
        .and(warp::ext::optional())
        .map(sse::events);
    let poll = warp::path!("v1" / "poll")
        .and(reading())
        .and(subscribing.clone())
        .and(warp::header::headers_cloned())
        .and(query())
        .then(poll::poll);
    let games = warp::path!("v1" / "games")
        .and(reading())
        .and(subscribing.clone())
        .and(warp::header::headers_cloned())
        .and(query())
        .map(games::games)
        .map(problem::answer);
    let game = warp::path!("v1" / "games" / ..)
        .and(warp::path::tail())
        .and(reading())
        .and(subscribing.clone())
        .and(warp::header::headers_cloned())
        .and(query())
        .map(games::game)
        .map(problem::answer);
    let history = warp::path!("v1" / "history" / ..)
        .and(warp::path::tail())
        .and(reading())
        .and(subscribing.clone())
        .and(warp::header::headers_cloned())
        .and(query())
        .map(games::history)
        .map(problem::answer);

    let read = poll.or(games).unify().or(game).unify().or(history).unify();
    let read = warp::header::headers_cloned().and(subscribing).and(read).map(
        |headers: HeaderMap, parts: Arc<Subscribing>, mut response| {
            parts.origins.grant(&headers, &mut response);
            parts.gate.keep_private(&mut response);
            response
        },
    );
    let preflight = warp::path::full()
        .and_then(|path: FullPath| std::future::ready(Origins::may_ask(route(path.as_str()))))
        .untuple_one()
        .and(warp::options())
        .and(warp::header::headers_cloned())
        .map(move |headers: HeaderMap| origins.preflight(&headers));
    let all = ws.or(sse).unify().or(read).unify().or(preflight).unify().or(pages).unify();
    if parts.test_echo { echo_route().or(all).unify().boxed() } else { all.boxed() }
}

/// For conformance tests, from this machine.
fn echo_route() -> BoxedFilter<(Response,)> {
    let local = warp::ext::get().and_then(|peer: SocketAddr| async move {
        if peer.ip().is_loopback() { Ok(()) } else { Err(warp::reject::not_found()) }
    });
    let echo = warp::path!("__echo").and(local).untuple_one().and(handshake()).and(warp::ext::optional());
    echo.map(|request, place| problem::answer(echo::upgrade(&request, place))).boxed()
}

/// The ops listener.
#[must_use]
pub fn ops_routes(ops: &Arc<Ops>) -> BoxedFilter<(Response,)> {
    let ops = with(ops);

    let metrics = warp::path!("metrics").and(reading()).and(ops.clone()).map(|ops: Arc<Ops>| ops::metrics(&ops));
    let livez = warp::path!("livez").and(reading()).map(ops::livez);
    let readyz = warp::path!("readyz").and(reading()).and(ops.clone()).map(|ops: Arc<Ops>| ops::readyz(&ops));
    let status = warp::path!("status.json").and(reading()).and(ops.clone()).map(|ops: Arc<Ops>| ops::status(&ops));
    let index = warp::path::end().and(reading()).and(ops).map(|ops: Arc<Ops>| ops::index(&ops));

    let all = metrics.or(livez).unify().or(readyz).unify().or(status).unify().or(index).unify();
    all.recover(problem::recover).unify().boxed()
}

/// What a WebSocket handshake looks at.
fn handshake() -> impl Filter<Extract = (handshake::Request,), Error = Infallible> + Clone {
    warp::method()
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional())
        .and(warp::ext::optional())
        .map(|method, headers, protocol, on_upgrade| handshake::Request { method, headers, protocol, on_upgrade })
}

/// The query string, empty where there is none.
fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// GET, and HEAD, which the server answers without the body.
fn reading() -> impl Filter<Extract = (), Error = warp::Rejection> + Clone {
    warp::get().or(warp::head()).unify()
}

fn with<T: Send + Sync + 'static>(
    part: &Arc<T>,
) -> impl Filter<Extract = (Arc<T>,), Error = Infallible> + Clone + use<T> {
    let part = Arc::clone(part);
    warp::any().map(move || Arc::clone(&part))
}

/// The route of a path, as requests are counted.
fn route(path: &str) -> Route {
    match path {
        "/v1/updates" => Route::Updates,
        "/v1/games" => Route::Games,
        "/v1/ws" => Route::Ws,
        "/v1/sse" => Route::Sse,
        "/v1/poll" => Route::Poll,
        _ if path.starts_with("/v1/feeds/") => Route::Feeds,
        _ if path.starts_with("/v1/games/") => Route::Game,
        _ if path.starts_with("/v1/history/") => Route::History,
        _ => Route::Page,
    }
}

/// What every answer has.
fn finish(route: Route, response: &mut Response) {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let methods = HeaderValue::from_str(&route.methods().join(", ")).expect("methods are visible ASCII");
        response.headers_mut().insert(ALLOW, methods);
    }
}
