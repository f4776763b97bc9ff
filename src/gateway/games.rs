//! Games by plain GET: all under some topics, one, and what of its history is still held. The answers are a pure function
//! of their URL and the log, so that a cache may keep them for a moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use feeds::Topic;
use feeds::game::Status;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize};
use warp::http::{HeaderMap, StatusCode, header};
use warp::path::Tail;
use warp::reply::Response;

use super::problem::Problem;
use super::query::{bad, parse, split};
use super::ws::Subscribing;
use crate::auth::Access;
use crate::broker::Event;
use crate::scoreboard::{Change, Scoreboard, View};
use crate::session::{combine, parse_topics};
use crate::wire::{Detail, ErrorCode, Options, Position, Shaped};

/// About how many bytes of documents one answer holds.
const PAGE_BYTES: usize = 1 << 20;
/// Games looked at under one lock.
const SLICE: usize = 256;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GamesQuery {
    topics: Option<String>,
    detail: Detail,
    since: Option<String>,
    status: Option<String>,
    limit: Option<usize>,
    delay: Option<f64>,
    token: Option<String>,
}

#[derive(Serialize)]
struct Games<'a> {
    position: Position,
    games: BTreeMap<&'a str, Option<Game<'a>>>,
    more: bool,
}

#[derive(Serialize)]
struct Game<'a> {
    version: u64,
    state: Shaped<'a>,
}

/// `GET /v1/games`.
pub(super) fn games(parts: Arc<Subscribing>, headers: HeaderMap, query: String) -> Result<Response, Problem> {
    let query: GamesQuery = parse(&query)?;
    let access = parts.gate.admit(&headers, query.token.as_deref())?;
    let topics = topics(&parts, query.topics.as_deref(), &access)?;
    if query.limit == Some(0) {
        return Err(bad("limit is at least 1"));
    }
    let since = query.since.as_deref().map(position).transpose()?;
    let (view, is_delayed) = view(&parts, query.delay, &access)?;
    let from = since.as_ref().map(|since| continued(&view, since)).transpose()?;
    let etag = etag(&view, is_delayed, &topics);
    if matches(&headers, &etag) {
        return Ok(cached(not_modified(), &etag));
    }
    let statuses = query.status.as_deref().map(statuses).transpose()?;
    let (changes, more) = page(&view, &topics, from, query.limit.unwrap_or(usize::MAX), |change| {
        statuses.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == change.shown.status()))
    });
    let reached = changes.last().map_or(0, |change| change.offset);
    let position = if more { view.at(reached) } else { view.position() };
    drop(view);
    let games = changes.iter().map(|change| {
        let shown = &change.shown;
        let state = Shaped(&shown.document, query.detail);
        let covered = !shown.removed && topics.iter().any(|topic| shown.topics.contains(topic));
        (shown.game.as_str(), covered.then_some(Game { version: shown.version, state }))
    });
    let body = Games { position, games: games.collect(), more };
    Ok(cached(json(&body), &etag))
}

/// Changes in the order of last change, as many as make a page; whether there are more.
fn page(
    view: &View<'_>,
    topics: &[Topic],
    from: Option<u64>,
    limit: usize,
    wanted: impl Fn(&Change) -> bool,
) -> (Vec<Change>, bool) {
    let mut cursor = from.unwrap_or(0);
    let (mut taken, mut weight) = (Vec::new(), 0);
    loop {
        let changes = view.since(topics, cursor, SLICE);
        let last = changes.len() < SLICE;
        for change in changes {
            cursor = change.offset;
            if (change.gone && from.is_none()) || !wanted(&change) {
                continue;
            }
            if taken.len() == limit || weight >= PAGE_BYTES {
                return (taken, true);
            }
            weight += change.shown.weight();
            taken.push(change);
        }
        if last {
            return (taken, false);
        }
    }
}

/// `GET /v1/games/<game>`.
pub(super) fn game(
    game: Tail,
    parts: Arc<Subscribing>,
    headers: HeaderMap,
    query: String,
) -> Result<Response, Problem> {
    let game = &topic_of(&game)?;
    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Query {
        detail: Detail,
        delay: Option<f64>,
        token: Option<String>,
    }
    #[derive(Serialize)]
    struct One<'a> {
        game: &'a Topic,
        version: u64,
        position: Position,
        state: Shaped<'a>,
    }
    let Query { detail, delay, token } = parse(&query)?;
    let access = parts.gate.admit(&headers, token.as_deref())?;
    allowed(&access, game)?;
    let (view, is_delayed) = view(&parts, delay, &access)?;
    let shown = view.game(game).ok_or_else(|| not_found(game))?;
    let etag = etag(&view, is_delayed, [game]);
    let position = view.position();
    drop(view);
    if matches(&headers, &etag) {
        return Ok(cached(not_modified(), &etag));
    }
    let state = Shaped(&shown.document, detail);
    Ok(cached(json(&One { game, version: shown.version, position, state }), &etag))
}

/// `GET /v1/history/<game>`: the publications of a game that are still held, oldest first, as many as make a page.
pub(super) fn history(
    game: Tail,
    parts: Arc<Subscribing>,
    headers: HeaderMap,
    query: String,
) -> Result<Response, Problem> {
    let game = &topic_of(&game)?;
    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Query {
        since: Option<String>,
        limit: Option<usize>,
        delay: Option<f64>,
        token: Option<String>,
    }
    #[derive(Serialize)]
    struct Past<'a> {
        position: &'a Position,
        base: u64,
        version: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        patch: Option<&'a feeds::Document>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        removed: bool,
        at: i64,
    }
    #[derive(Serialize)]
    struct History<'a> {
        publications: Vec<Past<'a>>,
        more: bool,
    }
    let query: Query = parse(&query)?;
    let since = query.since.as_deref().map(position).transpose()?;
    let access = parts.gate.admit(&headers, query.token.as_deref())?;
    allowed(&access, game)?;
    let (view, _) = view(&parts, query.delay, &access)?;
    let after = since.as_ref().map(|since| continued(&view, since)).transpose()?.unwrap_or(0);
    let mut entries = view.history(game, after).ok_or_else(|| not_found(game))?;
    drop(view);
    entries.reverse();
    let all = entries.len();
    let mut weight = 0;
    let fit = entries.iter().take_while(|entry| {
        let first = weight == 0;
        weight += entry.weight();
        first || weight <= PAGE_BYTES
    });
    entries.truncate(fit.count().min(query.limit.unwrap_or(usize::MAX)));
    let more = entries.len() < all;
    let publications = entries.iter().map(|entry| {
        let publication = &entry.publication;
        let patch = match &publication.event {
            Event::Update(update) => Some(&update.patch),
            Event::Removed { .. } | Event::Feed { .. } => None,
        };
        let (position, base, version) = (&publication.position, publication.base, publication.version);
        Past { position, base, version, patch, removed: patch.is_none(), at: publication.at }
    });
    Ok(json(&History { publications: publications.collect(), more }))
}

/// The scoreboard as it was `delay` seconds ago.
fn view<'p>(parts: &'p Subscribing, delay: Option<f64>, access: &Access) -> Result<(View<'p>, bool), Problem> {
    let options = combine(Options::default(), delay, None, None, parts.longest_delay, access).map_err(bad)?;
    let view = loaded(&parts.board)?.ago(Duration::from_secs(options.delay.into()));
    Ok((view, options.delay > 0))
}

pub(super) fn loaded(board: &Scoreboard) -> Result<View<'_>, Problem> {
    let view = board.view();
    match view.loaded() {
        true => Ok(view),
        false => Err(Problem::unavailable("the scoreboard is not loaded yet")),
    }
}

/// The game a path names.
fn topic_of(path: &Tail) -> Result<Topic, Problem> {
    Topic::parse_game(path.as_str()).map_err(|error| Problem::topic_invalid(error.to_string()))
}

/// The statuses that are asked for.
fn statuses(list: &str) -> Result<Vec<String>, Problem> {
    let wanted = split(list);
    let known = |wanted: &str| Status::deserialize(StrDeserializer::<ValueError>::new(wanted)).is_ok();
    match wanted.iter().find(|wanted| !known(wanted)) {
        Some(unknown) => Err(bad(format!("there is no status {unknown:?}"))),
        None => Ok(wanted),
    }
}

/// The topics that are asked for; where none are, all that may be.
fn topics(parts: &Subscribing, list: Option<&str>, access: &Access) -> Result<Vec<Topic>, Problem> {
    let Some(list) = list else { return Ok(access.topics().to_vec()) };
    let topics = parse_topics(0, &split(list), parts.fanout.most_topics()).map_err(Problem::of_command)?;
    topics.iter().try_for_each(|topic| allowed(access, topic))?;
    Ok(topics)
}

fn allowed(access: &Access, topic: &Topic) -> Result<(), Problem> {
    let detail = || format!("topic \"{topic}\": the token does not cover it");
    let forbidden = || Problem::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, detail());
    access.allows(topic).then_some(()).ok_or_else(forbidden)
}

fn position(text: &str) -> Result<Position, Problem> {
    text.parse().map_err(|error| bad(format!("since: {error}")))
}

/// The cursor to continue from.
fn continued(view: &View<'_>, since: &Position) -> Result<u64, Problem> {
    let held = since.epoch == *view.epoch() && (view.horizon()..=view.head()).contains(&since.offset);
    let lost =
        || Problem::new(StatusCode::CONFLICT, ErrorCode::Conflict, "this position cannot be continued: start again");
    held.then_some(since.offset).ok_or_else(lost)
}

/// As of an earlier moment the last change then is not known: the moment itself is the tag, also where nothing came after
/// it, which who watches with a delay is not told.
fn etag<'t>(view: &View<'_>, is_delayed: bool, topics: impl IntoIterator<Item = &'t Topic>) -> String {
    let moment = if is_delayed { view.head() } else { view.last_change(topics) };
    format!("W/\"{}\"", view.at(moment))
}

pub(super) fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let listed = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).map(str::trim).any(|value| value == etag || value == "*")
}

pub(super) fn not_modified() -> Response {
    let mut reply = Response::new(String::new().into());
    *reply.status_mut() = StatusCode::NOT_MODIFIED;
    reply
}

/// A cache may keep it for a moment, and ask whether it is still the same.
pub(super) fn cached(mut reply: Response, etag: &str) -> Response {
    let headers = reply.headers_mut();
    headers.insert(header::ETAG, etag.parse().expect("a position is a header value"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("public, max-age=1"));
    reply
}

fn json(body: &impl Serialize) -> Response {
    json_of(serde_json::to_vec(body).expect("documents are maps with text keys"))
}

/// An answer that is JSON text.
pub(super) fn json_of(text: Vec<u8>) -> Response {
    let mut reply = Response::new(text.into());
    reply.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    reply
}

fn not_found(game: &Topic) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, format!("there is no game {game}"))
}
