//! Publishing: `POST /v1/updates`, `POST /v1/feeds/<adapter>`, `DELETE /v1/games/<game>`. Section 5 of the contract.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use feeds::provider::MAX_REFUSED;
use feeds::{Invalid, Report, Topic};
use futures_util::future::Either;
use futures_util::{Stream, StreamExt, future, stream};
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response as Reply;

use self::answer::{encode_lines, invalid, many, revoked, single};
use self::body::{Body, Line};
use self::headers::{Media, idempotency_key, key, plain, signed};
use self::rules::{Pass, Shown};
use super::problem::Problem;
use super::tries::Tries;
use crate::auth::Grant;
use crate::config::Limits;
use crate::drain::Drain;
use crate::ingest::{Ingest, Verdict};
use crate::live::Live;
use crate::metrics::{Door, Metrics, PayloadOutcome};
use crate::wire::ErrorCode;

mod answer;
pub(super) mod body;
mod headers;
mod rules;

pub use body::Lobby;
pub use rules::Rules;

/// Reports of one request that are on their way at a time: so many the broker may commit together.
const AT_ONCE: usize = 256;
/// A line that waits for its rate is looked at again this often: its key may be taken away meanwhile.
const RENEWED: Duration = Duration::from_secs(1);

/// Answers of a stream that wait for its client to read them, in pieces of up to [`AT_ONCE`]. When they are full the
/// stream is read no further, and a client that goes on not reading is cut by the socket's write deadline.
const ANSWERS: usize = 64;

/// What publishing needs.
pub struct Publishing {
    /// Who may post what, and how much of it.
    pub rules: Arc<Live<Rules>>,
    /// Who tried in vain.
    pub tries: Tries,
    /// Room for pushes that are read before it is known whose they are.
    pub lobby: Lobby,
    /// Where reports go.
    pub ingest: Arc<Ingest>,
    /// Counts payloads.
    pub metrics: Arc<Metrics>,
    /// Ends streams.
    pub drain: Drain,
}

type Answer = Result<Reply, Problem>;

/// A push.
pub(super) struct Request {
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// Where it comes from.
    pub(super) client: Option<SocketAddr>,
}

/// `POST /v1/updates`.
pub(super) async fn updates(publishing: Arc<Publishing>, request: Request) -> Reply {
    let (mut pass, Request { headers, body, .. }) = match publishing.admit(request).await {
        Ok(admitted) => admitted,
        Err(problem) => return problem.reply(),
    };
    let (id, media) = match pass.shown.id(&headers).and_then(|id| Ok((id, pass.shown.media(&headers)?))) {
        Ok(said) => said,
        Err(problem) => {
            body.discard().await;
            return problem.reply();
        }
    };
    if media == Media::Lines {
        publishing.metrics.payload(&pass.grant.provider, PayloadOutcome::Ok);
        return publishing.stream(pass, id, body);
    }
    let answer = match publishing.whole(&mut pass, body).await {
        Ok((grant, bytes)) if bytes.trim_ascii_start().starts_with(b"[") => publishing.batch(&grant, id, &bytes).await,
        Ok((grant, bytes)) => publishing.one(&grant, id, &bytes).await,
        Err(problem) => publishing.refused(&pass.grant, problem),
    };
    answer.unwrap_or_else(Problem::reply)
}

/// `POST /v1/feeds/<adapter>`.
pub(super) async fn feed(publishing: Arc<Publishing>, adapter: String, request: Request) -> Reply {
    let (mut pass, Request { headers, body, .. }) = match publishing.admit(request).await {
        Ok(admitted) => admitted,
        Err(problem) => return problem.reply(),
    };
    let said = pass.shown.id(&headers).and_then(|id| {
        plain(&headers)?;
        pass.rules.adapter(&pass.grant, &adapter)?;
        Ok(id)
    });
    let id = match said {
        Ok(id) => id,
        Err(problem) => {
            body.discard().await;
            return problem.reply();
        }
    };
    let whole = publishing.whole(&mut pass, body).await;
    let whole = whole.and_then(|(grant, payload)| Ok((pass.rules.adapter(&grant, &adapter)?, grant, payload)));
    let answer = match whole {
        Ok((adapter, grant, payload)) => publishing.payload(&grant, id, adapter, payload).await,
        Err(problem) => publishing.refused(&pass.grant, problem),
    };
    answer.unwrap_or_else(Problem::reply)
}

/// `DELETE /v1/games/<game>`.
pub(super) async fn remove(
    publishing: Arc<Publishing>,
    game: String,
    headers: HeaderMap,
    client: Option<SocketAddr>,
) -> Reply {
    publishing.remove(&game, &headers, client).await.unwrap_or_else(Problem::reply)
}

impl Publishing {
    /// Whose push it is, by its key or by its signature, for which it is read.
    async fn admit(&self, request: Request) -> Result<(Pass, Request), Problem> {
        let rules = self.rules.get();
        let Request { headers, body, client } = request;
        if signed(&headers).is_none() || !key(&headers).is_empty() {
            return match self.holder(&rules, &headers, client).await {
                Ok(grant) => {
                    let pass = Pass { rules, grant, shown: Shown::Key(key(&headers).to_vec()) };
                    Ok((pass, Request { headers, body, client }))
                }
                Err(problem) => {
                    body.discard().await;
                    Err(problem)
                }
            };
        }
        if !rules.keys.are_signed() {
            body.discard().await;
            return Err(self.forged(client, Problem::unauthorized()).await);
        }
        let (most, time) = (rules.limits.batch_bytes, rules.limits.body_time.0);
        let (bytes, room) = self.lobby.whole(body, most, time).await?;
        let rules = self.rules.get();
        let shown = Shown::Signature(headers.clone(), bytes.clone(), Timestamp::now().as_second());
        match shown.opens(&rules.keys).map(Arc::clone) {
            Ok(grant) => Ok((Pass { rules, grant, shown }, Request { headers, body: Body::of(bytes), client })),
            Err(why) => {
                // The answer may come late.
                drop((shown, bytes, room));
                let problem = Problem::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, why);
                Err(self.forged(client, problem).await)
            }
        }
    }

    /// The answer to a push that is of nobody's secret.
    async fn forged(&self, client: Option<SocketAddr>, problem: Problem) -> Problem {
        self.tries.failed(Door::Signature, client.map(|client| client.ip()), problem).await
    }

    /// Whose key it is.
    async fn holder(
        &self,
        rules: &Rules,
        headers: &HeaderMap,
        client: Option<SocketAddr>,
    ) -> Result<Arc<Grant>, Problem> {
        let key = key(headers);
        match rules.keys.find(key) {
            _ if key.is_empty() => Err(Problem::unauthorized()), // no try
            Some(grant) => Ok(Arc::clone(grant)),
            None => {
                let client = client.map(|client| client.ip());
                Err(self.tries.failed(Door::Key, client, Problem::unknown_key()).await)
            }
        }
    }

    /// The whole body, and what is granted once it is here: it may have taken its time.
    async fn whole(&self, pass: &mut Pass, body: Body) -> Result<(Arc<Grant>, Bytes), Problem> {
        let Limits { batch_bytes, body_time, .. } = pass.rules.limits;
        let bytes = body.whole(batch_bytes, body_time.0).await?;
        Ok((pass.again(&self.rules)?, bytes))
    }

    fn refused(&self, grant: &Grant, problem: Problem) -> Answer {
        self.metrics.payload(&grant.provider, PayloadOutcome::Refused);
        Err(problem)
    }

    fn take(&self, grant: &Grant, reports: usize) -> Result<(), Problem> {
        grant.take(reports).map_err(|wait| {
            let detail = "this key's reports per second are used up";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, detail).retry_after(wait.as_secs() + 1)
        })
    }

    async fn one(&self, grant: &Arc<Grant>, id: Option<String>, bytes: &[u8]) -> Answer {
        let most = self.rules.get().limits.report_bytes;
        if bytes.len() > most {
            return self.refused(grant, Problem::too_large(format!("a report has at most {most} bytes")));
        }
        let value = match feeds::json::parse(bytes) {
            Ok(value) => value,
            Err(error) => return self.refused(grant, Problem::bad_request(format!("no JSON: {error}"))),
        };
        self.metrics.payload(&grant.provider, PayloadOutcome::Ok);
        self.take(grant, 1)?;
        single(self.accept(grant, report(value, id)).await)
    }

    async fn batch(&self, grant: &Arc<Grant>, id: Option<String>, bytes: &[u8]) -> Answer {
        // Split before it is read, so that one item that is no proper JSON does not spoil the others.
        let items: Vec<&RawValue> = match serde_json::from_slice(bytes) {
            Ok(items) => items,
            Err(error) => return self.refused(grant, Problem::bad_request(format!("no JSON array: {error}"))),
        };
        let most = self.rules.get().limits.batch_reports;
        if items.len() > most {
            return self.refused(grant, Problem::too_large(format!("a batch has at most {most} reports")));
        }
        self.metrics.payload(&grant.provider, PayloadOutcome::Ok);
        self.take(grant, items.len())?;
        let reports = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| self.item(item.get().as_bytes(), id.as_ref().map(|id| format!("{id}#{index}"))));
        let reports: Vec<_> = reports.collect();
        Ok(many(self.accept_all(grant, reports).collect().await))
    }

    async fn payload(
        &self,
        grant: &Arc<Grant>,
        id: Option<String>,
        adapter: &'static dyn feeds::provider::Adapter,
        payload: Bytes,
    ) -> Answer {
        // A large payload takes long enough to hold up what else this thread serves.
        let decode = move || {
            adapter.decode(&payload).map_err(|fault| match feeds::json::parse_lenient(&payload) {
                Ok(_) => invalid(fault),
                Err(_) => Problem::bad_request(fault.detail), // no JSON, or what else the format is
            })
        };
        let decoded = match tokio::task::spawn_blocking(decode).await {
            Ok(Ok(decoded)) => decoded,
            Ok(Err(problem)) => return self.refused(grant, problem),
            Err(error) => {
                tracing::error!(%error, adapter = adapter.name(), "an adapter panicked");
                let detail = "the adapter failed on this payload";
                let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, detail);
                return self.refused(grant, problem);
            }
        };
        let most = self.rules.get().limits.batch_reports;
        if decoded.reports.len() > most {
            return self.refused(grant, Problem::too_large(format!("a payload makes at most {most} reports")));
        }
        self.metrics.payload(&grant.provider, PayloadOutcome::Ok);
        self.take(grant, decoded.reports.len())?;
        let reports = decoded.reports.into_iter().enumerate().map(|(index, mut report)| {
            report.id = report.id.or_else(|| id.as_ref().map(|id| format!("{id}#{index}")));
            Ok(report)
        });
        let refused = decoded.refused.into_iter().take(MAX_REFUSED + 1).map(|fault| Err((None, fault)));
        let reports: Vec<_> = reports.chain(refused).collect();
        Ok(many(self.accept_all(grant, reports).collect().await))
    }

    /// Answers line by line, as each is done, while the client is still sending.
    fn stream(self: Arc<Self>, pass: Pass, id: Option<String>, body: Body) -> Reply {
        let (sender, mut answers) = mpsc::channel::<Bytes>(ANSWERS);
        tokio::spawn(async move {
            let verdicts = self.accept_lines(pass, id, body).ready_chunks(AT_ONCE);
            let mut verdicts = std::pin::pin!(verdicts);
            while let Some(verdicts) = verdicts.next().await {
                if sender.send(encode_lines(&verdicts)).await.is_err() {
                    return; // the client is gone
                }
            }
        });
        let answers = stream::poll_fn(move |cx| answers.poll_recv(cx).map(|answer| answer.map(Ok::<_, warp::Error>)));
        let mut response = warp::Reply::into_response(warp::reply::stream(answers));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        response
    }

    fn accept_lines(&self, pass: Pass, id: Option<String>, body: Body) -> impl Stream<Item = Verdict> + Send {
        let Limits { report_bytes, stream_idle, .. } = pass.rules.limits;
        let lines = body.lines(report_bytes, stream_idle.0, self.drain.clone());
        // A stream is not refused for its rate, it is read at its rate; and ends with its key.
        let lines = stream::unfold(Some((lines, pass)), |open| async {
            let (mut lines, mut pass) = open?;
            let line = lines.next().await?;
            loop {
                let Some(grant) = pass.renewed(&self.rules) else { return Some((None, None)) };
                match grant.take(1) {
                    Ok(()) => return Some((Some((line, grant)), Some((lines, pass)))),
                    Err(wait) => tokio::time::sleep(wait.min(RENEWED)).await,
                }
            }
        });
        let verdicts = lines.enumerate().map(move |(index, line)| {
            let id = id.as_ref().map(|id| format!("{id}#{index}"));
            match line {
                Some((Line::Text(line), grant)) => Either::Left(self.accept(&grant, self.item(&line, id))),
                Some((Line::TooLong, grant)) => Either::Left(self.accept(&grant, Err((None, too_long(report_bytes))))),
                None => Either::Right(future::ready(revoked())),
            }
        });
        verdicts.buffered(AT_ONCE)
    }

    fn accept_all<'a>(
        &'a self,
        grant: &'a Arc<Grant>,
        reports: Vec<Result<Report, Fault>>,
    ) -> impl Stream<Item = Verdict> + Send + 'a {
        stream::iter(reports).map(|report| self.accept(grant, report)).buffered(AT_ONCE)
    }

    fn accept(
        &self,
        grant: &Arc<Grant>,
        report: Result<Report, Fault>,
    ) -> impl Future<Output = Verdict> + Send + use<> {
        match report {
            Ok(report) => Either::Left(apart(self.ingest.accept(grant, report))),
            Err((game, fault)) => Either::Right(future::ready(self.ingest.refuse(grant, game, fault))),
        }
    }

    /// One of several reports.
    fn item(&self, bytes: &[u8], id: Option<String>) -> Result<Report, Fault> {
        let most = self.rules.get().limits.report_bytes;
        if bytes.len() > most {
            return Err((None, too_long(most)));
        }
        let value = feeds::json::parse(bytes).map_err(|error| (None, Invalid::new("", format!("no JSON: {error}"))))?;
        report(value, id)
    }

    async fn remove(&self, game: &str, headers: &HeaderMap, client: Option<SocketAddr>) -> Answer {
        let grant = self.holder(&self.rules.get(), headers, client).await?;
        let id = idempotency_key(headers)?;
        let game = Topic::parse_game(game).map_err(|error| Problem::topic_invalid(error.to_string()))?;
        self.take(&grant, 1)?;
        match self.ingest.remove(&grant, &game, id).await {
            Some(verdict) => single(verdict),
            None => Err(Problem::not_found(format!("there is no game {game}"))),
        }
    }
}

/// Runs a report as a task of its own, so that one request's reports use every core, and those that were begun are ended
/// also when their client is gone.
async fn apart(accepting: impl Future<Output = Verdict> + Send + 'static) -> Verdict {
    match tokio::spawn(accepting).await {
        Ok(verdict) => verdict,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => future::pending().await, // the runtime ends, and with it whoever waits here
        },
    }
}

/// A report that cannot be read, and its game where that could be.
type Fault = (Option<Topic>, Invalid);

fn report(value: serde_json::Value, id: Option<String>) -> Result<Report, Fault> {
    let game = value.get("game").and_then(|game| game.as_str()).and_then(|game| game.parse().ok());
    let mut report = Report::from_value(value).map_err(|fault| (game, fault))?;
    report.id = report.id.or(id);
    Ok(report)
}

fn too_long(most: usize) -> Invalid {
    Invalid::new("", format!("a report has at most {most} bytes"))
}
