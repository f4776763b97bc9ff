//! A stub of a provider, no real one: it answers what the test wrote down, one answer after another, the last one for ever,
//! and remembers what it was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::support::soon;

/// What it says to one request.
#[derive(Clone)]
pub(crate) struct Say {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Say {
    pub(crate) fn status(status: u16) -> Say {
        Say { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn ok(body: impl Into<Bytes>) -> Say {
        Say { body: body.into(), ..Say::status(200) }
    }

    /// The same, compressed.
    pub(crate) fn gzip(body: &str) -> Say {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(body.as_bytes()).unwrap();
        Say::ok(gzip.finish().unwrap()).with("content-encoding", "gzip")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Say {
        self.headers.push((name, value.into()));
        self
    }
}

/// A request it had.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) at: Instant,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Book {
    /// By the path's beginning.
    script: Vec<(&'static str, VecDeque<Say>)>,
    asked: Vec<Asked>,
}

/// The stub.
#[derive(Clone)]
pub(crate) struct Stub {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Stub {
    pub(crate) async fn start() -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Stub { address: listener.local_addr().unwrap(), book: Arc::default() };
        let answering = stub.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let stub = answering.clone();
                let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(stub.answer(&request))));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        stub
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on it says this where it is asked for a path that begins so.
    pub(crate) fn says(&self, path: &'static str, script: impl IntoIterator<Item = Say>) {
        let mut book = self.book.lock().unwrap();
        book.script.retain(|(of, _)| *of != path);
        book.script.push((path, script.into_iter().collect()));
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path_and_query().unwrap().to_string();
        let mut book = self.book.lock().unwrap();
        let script = book.script.iter_mut().find(|(of, _)| path.starts_with(of));
        let say = script.map_or(Say::status(404), |(_, script)| match script.len() {
            1 => script[0].clone(),
            _ => script.pop_front().unwrap(),
        });
        book.asked.push(Asked { path, headers: request.headers().clone(), at: Instant::now() });
        let mut answer = Response::builder().status(say.status);
        for (name, value) in say.headers {
            answer = answer.header(name, value);
        }
        answer.body(Full::new(say.body)).unwrap()
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.book.lock().unwrap().asked.clone()
    }

    /// Waits until it has had so many requests.
    pub(crate) async fn until_asked(&self, times: usize) -> Vec<Asked> {
        self.until(|asked| asked.len() >= times).await
    }

    pub(crate) async fn until(&self, holds: impl Fn(&[Asked]) -> bool) -> Vec<Asked> {
        let waiting = async {
            loop {
                let asked = self.asked();
                if holds(&asked) {
                    return asked;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon(waiting).await
    }
}
