//! The whole service in this process, on ports of its own, and an HTTP client that shows everything of an answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use scoreline::broker::{Broker, Followed, Publication};
use scoreline::cli::serve;
use scoreline::config::Config;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Nothing here takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it never came")
}

/// A running service, stopped when it is dropped (with its test's runtime).
pub(crate) struct Service {
    service: serve::Service,
}

/// The settings of a service for tests: port 0, the log in memory, and what `more` says.
pub(crate) fn config(more: &str) -> Config {
    let text = format!(
        "listen = \"127.0.0.1:0\"\nops_listen = \"127.0.0.1:0\"\nbroker = \"memory:\"\nshards = 1\ndrain = \"1s\"\n{more}"
    );
    Config::parse(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// One provider, `acme`, that may do everything.
pub(crate) const ACME: &str = "provider = [\"acme=acme-key\"]";

impl Service {
    /// Starts it; see [`config`].
    pub(crate) async fn start(more: &str) -> Service {
        Service::with(config(more)).await
    }

    /// Starts it with settings that a text beside the usual ones cannot say.
    pub(crate) async fn with(config: Config) -> Service {
        let service = serve::start(config).await.unwrap_or_else(|failure| panic!("{failure}"));
        Service { service }
    }

    /// Starts it on a log of the test's own.
    pub(crate) async fn start_on(more: &str, broker: Arc<dyn Broker>) -> Service {
        let service = serve::start_on(config(more), broker).await.unwrap_or_else(|failure| panic!("{failure}"));
        Service { service }
    }

    /// Where subscribers and providers connect.
    pub(crate) fn main(&self) -> SocketAddr {
        self.service.main
    }

    /// Where it is asked how it does.
    pub(crate) fn ops_address(&self) -> SocketAddr {
        self.service.ops
    }

    /// A connection to it.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.service.main).await
    }

    /// A connection to the ops listener.
    pub(crate) async fn ops(&self) -> Client {
        Client::connect(self.service.ops).await
    }

    /// A connection that posts as `acme`.
    pub(crate) async fn acme(&self) -> Client {
        self.client().await.with_key("acme-key")
    }

    /// The value of a metric's series, as `name{label="value"}`.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = String::from_utf8(self.service.metrics.render()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
    }

    /// Waits until a metric's series has this value: what is counted is counted after it is done, by whoever did it.
    #[track_caller]
    pub(crate) fn counts(&self, series: &str, value: f64) -> impl Future<Output = ()> {
        let asked = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            while self.metric(series) != value {
                assert!(begun.elapsed() < PATIENCE / 6, "{asked}: {series} is {}, not {value}", self.metric(series));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Every publication of the log, from its beginning, as they come.
    pub(crate) fn log(&self) -> Log {
        let (tell, told) = mpsc::channel(1_024);
        let broker = Arc::clone(&self.service.broker);
        tokio::spawn(async move { broker.follow(tell).await });
        Log(told)
    }

    /// Drains and stops it.
    pub(crate) async fn stop(self) {
        soon(self.service.stop()).await;
    }
}

/// A follower of the log.
pub(crate) struct Log(mpsc::Receiver<Followed>);

impl Log {
    /// The next publication.
    pub(crate) async fn next(&mut self) -> Arc<Publication> {
        loop {
            match soon(self.0.recv()).await.expect("the log goes on") {
                Followed::Recent(publication) | Followed::Published(publication) => return publication,
                _ => {}
            }
        }
    }
}

/// A connection of a client.
pub(crate) struct Client {
    sender: SendRequest<BoxBody<Bytes, hyper::Error>>,
    key: Option<String>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header, or the empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that it is a proper problem of this status and code; returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["code"], code, "{problem}");
        for text in ["title", "detail"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        Client::over(TcpStream::connect(address).await.unwrap()).await
    }

    /// Speaks over a stream that is open.
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Client {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender, key: None }
    }

    /// Presents this key from now on.
    pub(crate) fn with_key(mut self, key: &str) -> Client {
        self.key = Some(key.to_owned());
        self
    }

    /// A request with these headers (`name: value`).
    pub(crate) async fn ask(&mut self, method: &str, path: &str, headers: &[&str], body: impl Into<Bytes>) -> Answer {
        let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
        let response = self.send(method, path, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request without a body.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    /// Every game under these topics, by `GET /v1/games`, page by page: what a subscriber of them ends with.
    pub(crate) async fn games(&mut self, topics: &str, detail: &str) -> BTreeMap<String, Value> {
        let mut games = BTreeMap::new();
        let mut since = String::new();
        loop {
            let answer = self.get(&format!("/v1/games?topics={topics}&detail={detail}{since}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let page = answer.json();
            for (game, held) in page["games"].as_object().unwrap() {
                match held {
                    Value::Null => drop(games.remove(game)),
                    held => drop(games.insert(game.clone(), held["state"].clone())),
                }
            }
            if page["more"] == false {
                return games;
            }
            since = format!("&since={}", page["position"].as_str().unwrap());
        }
    }

    /// Posts JSON to `/v1/updates`.
    pub(crate) async fn post(&mut self, body: &Value) -> Answer {
        self.ask("POST", "/v1/updates", &["content-type: application/json"], body.to_string()).await
    }

    /// Posts one report that must be answered 200; returns its result.
    pub(crate) async fn report(&mut self, report: Value) -> Value {
        let answer = self.post(&report).await;
        assert_eq!(answer.status, 200, "{report} was answered {answer:?}");
        answer.json()
    }

    /// A GET whose answer's body is still to come.
    pub(crate) async fn begin(&mut self, path: &str, headers: &[&str]) -> Response<Incoming> {
        self.try_begin(path, headers).await.unwrap()
    }

    /// The same of a server that may be gone.
    pub(crate) async fn try_begin(&mut self, path: &str, headers: &[&str]) -> hyper::Result<Response<Incoming>> {
        let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed();
        self.try_send("GET", path, headers, body).await
    }

    /// Begins an NDJSON stream.
    pub(crate) async fn stream(mut self) -> NdJson {
        let (lines, mut receiver) = mpsc::channel::<Bytes>(16);
        let frames =
            stream::poll_fn(move |cx| receiver.poll_recv(cx).map(|line| line.map(|line| Ok(Frame::data(line)))));
        let body = BodyExt::boxed(StreamBody::new(frames));
        let response = self.send("POST", "/v1/updates", &["content-type: application/x-ndjson"], body).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        NdJson { lines: Some(lines), answers: response.into_body(), held: Vec::new(), _sender: self.sender }
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: BoxBody<Bytes, hyper::Error>,
    ) -> Response<Incoming> {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    async fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: BoxBody<Bytes, hyper::Error>,
    ) -> hyper::Result<Response<Incoming>> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::builder().method(method).uri(path).header("host", "scoreline.test");
        for (name, value) in headers.iter().map(|header| header.split_once(": ").unwrap()) {
            request = request.header(name, value);
        }
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        soon(self.sender.ready()).await?;
        soon(self.sender.send_request(request.body(body).unwrap())).await
    }
}

/// An NDJSON stream under way.
pub(crate) struct NdJson {
    lines: Option<mpsc::Sender<Bytes>>,
    answers: Incoming,
    held: Vec<u8>,
    _sender: SendRequest<BoxBody<Bytes, hyper::Error>>,
}

impl NdJson {
    /// Sends bytes, whole lines or not.
    pub(crate) async fn send(&self, bytes: impl Into<Bytes>) {
        let lines = self.lines.as_ref().expect("the stream is not ended");
        soon(lines.send(bytes.into())).await.unwrap();
    }

    /// Sends a report as a line.
    pub(crate) async fn report(&self, report: Value) {
        self.send(format!("{report}\n")).await;
    }

    /// Ends the request.
    pub(crate) fn end(&mut self) {
        self.lines = None;
    }

    /// The next answer; `None` at the end.
    pub(crate) async fn answer(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.held.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.held.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let Some(frame) = soon(self.answers.frame()).await else {
                assert_eq!(self.held, b"", "the answers end with a whole line");
                return None;
            };
            self.held.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
    }
}

/// A report with a patch.
pub(crate) fn patch(game: &str, patch: Value) -> Value {
    json!({ "game": game, "patch": patch })
}

/// `report` with another field.
pub(crate) fn with(mut report: Value, field: &str, value: impl Into<Value>) -> Value {
    report[field] = value.into();
    report
}

/// A patch that sets the totals.
pub(crate) fn score(home: u32, away: u32) -> Value {
    json!({"competitors": {"home": {"score": {"total": home}}, "away": {"score": {"total": away}}}})
}
