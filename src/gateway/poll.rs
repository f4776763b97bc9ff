//! Long poll: one answer at a time, for networks that let nothing else through. An answer is a pure function of its URL and
//! the log, so that a cache in front answers all who ask the same.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use warp::http::{HeaderMap, header};
use warp::reply::Response;

use super::games::{cached, json_of, loaded, matches, not_modified};
use super::origins::refused;
use super::problem::{self, Problem};
use super::query::SubscribeQuery;
use super::ws::Subscribing;
use crate::auth::Denied;
use crate::fanout::{Answer, Poll, Step, Subscribe};
use crate::wire::Options;

/// A poll that is woken waits so long for what else there is: a burst is one answer, and a busy log wakes thousands of
/// polls no oftener than this.
const SETTLE: Duration = Duration::from_millis(50);

/// `GET /v1/poll`.
pub(super) async fn poll(parts: Arc<Subscribing>, headers: HeaderMap, query: String) -> Response {
    problem::answer(answer(&parts, &headers, &query).await)
}

async fn answer(parts: &Subscribing, headers: &HeaderMap, query: &str) -> Result<Response, Problem> {
    if !parts.origins.allows(headers) {
        return Err(refused());
    }
    let (query, wait) = SubscribeQuery::parse_poll(query)?;
    let (access, _seat) = parts.gate.admit_to_stay(headers, query.token())?;
    let options = query.options(parts.longest_delay, &access)?;
    let private = query.token().is_some() || !parts.gate.is_open();
    let subscribe = query.only_subscribe()?;
    loaded(&parts.board)?;
    let wait = wait.min(access.remaining());
    let poll = parts.fanout.poll(&subscribe, options, &access).map_err(Problem::of_command)?;
    // A moment after the token: what it still grants is answered first. Beyond the longest wait it does not matter.
    let expires = Instant::now() + access.remaining().min(Duration::from_secs(60)) + SETTLE;
    let gathered = timeout_at(expires, gather(parts, &subscribe, poll, options, wait)).await;
    let answer = gathered.unwrap_or_else(|_| Err(Denied::Expired.into()))?;
    let etag = format!("W/\"{}{}\"", answer.changed, if answer.more { "+" } else { "" });
    let fresh = matches(headers, &etag);
    let mut response = cached(if fresh { not_modified() } else { json_of(body(&answer)) }, &etag);
    if private {
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// The answer as soon as there is news, or when the time is over. Without a position everything is news.
async fn gather(
    parts: &Subscribing,
    subscribe: &Subscribe,
    mut poll: Poll,
    options: Options,
    wait: Duration,
) -> Result<Answer, Problem> {
    let over = Instant::now() + wait;
    let mut leave = std::pin::pin!(leave(parts));
    let mut head = parts.board.head();
    let mut ends = false;
    loop {
        head.mark_unchanged();
        let until = match poll.advance() {
            Step::Answer(answer) if ends || answer.is_news() || subscribe.since.is_none() || Instant::now() >= over => {
                poll.delivered(&answer);
                return Ok(answer);
            }
            Step::Answer(answer) => over.min(due(parts, &answer, options).unwrap_or(over)),
            // A position that is not known here yet.
            Step::Wait(until) => until.into(),
        };
        tokio::select! {
            () = moved(&mut head, &poll) => {}
            () = sleep_until(until) => {}
            () = &mut leave, if !ends => ends = true,
        }
    }
}

/// Returns when there may be another answer.
async fn moved(head: &mut watch::Receiver<u64>, poll: &Poll) {
    loop {
        if head.changed().await.is_err() {
            return std::future::pending().await;
        }
        sleep(SETTLE).await;
        if poll.has_moved() {
            return;
        }
    }
}

/// When the next entry is old enough for who watches with a delay.
fn due(parts: &Subscribing, answer: &Answer, options: Options) -> Option<Instant> {
    if options.delay == 0 {
        return None;
    }
    let reached: crate::wire::Position = answer.position.parse().ok()?;
    let due = parts.board.view().due_in(reached.offset, Duration::from_secs(options.delay.into()))?;
    Some(Instant::now() + due.max(SETTLE))
}

/// While draining, polls leave one by one, so that no other gateway meets a crowd.
async fn leave(parts: &Subscribing) {
    let (drain, window) = &parts.drain;
    drain.wait().await;
    sleep(window.mul_f64(0.8 * fastrand::f64())).await;
}

fn body(answer: &Answer) -> Vec<u8> {
    let mut body = format!("{{\"position\":\"{}\",\"messages\":[", answer.position).into_bytes();
    for (number, message) in answer.messages.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend_from_slice(message);
    }
    body.extend_from_slice(format!("],\"more\":{}}}", answer.more).as_bytes());
    body
}
