//! What client commands share: where the service is, one HTTP connection to it, and a WebSocket over one.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Failure;

mod listener;
mod replica;
mod socket;
mod tls;

pub(super) use listener::{Listener, Told};
pub(super) use replica::{Change, Replica};
use socket::{Heard, Socket};

/// Which service, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Server {
    /// The service; https://HOST for TLS
    #[arg(long, env = "SCORELINE_URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: Uri,

    /// Certificates (PEM) of authorities that are believed besides the system's
    #[arg(long, env = "SCORELINE_CA", value_name = "FILE")]
    ca: Option<PathBuf>,

    /// A provider's key; of a service that asks subscribers for tokens, the token
    #[arg(long, env = "SCORELINE_KEY", hide_env_values = true)]
    key: Option<String>,
}

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request's body.
pub(super) type Body = BoxBody<Bytes, Infallible>;

/// A body that is there already.
pub(super) fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).boxed()
}

/// A connection to the service.
pub(super) struct Client {
    sender: SendRequest<Body>,
    server: Server,
    host: HeaderValue,
    key: Option<HeaderValue>,
}

impl Server {
    /// Connects.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let secure = match self.url.scheme_str() {
            Some("http" | "ws") => Some(false),
            Some("https" | "wss") => Some(true),
            _ => None,
        };
        let (Some(secure), Some(authority)) = (secure, self.url.authority()) else {
            return Err(Failure::Usage(format!("{}: a service is http://HOST:PORT or https://HOST:PORT", self.url)));
        };
        let (host, port) = (authority.host().trim_matches(['[', ']']), authority.port_u16());
        let dial = async {
            let stream = TcpStream::connect((host, port.unwrap_or(if secure { 443 } else { 80 }))).await;
            let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
            let stream = stream.map_err(|error| match error.kind() {
                ErrorKind::ConnectionRefused => "nobody listens there; does it run? --url names another".to_owned(),
                _ => error.to_string(),
            })?;
            match secure {
                true => speak(tls::over(stream, host, self.ca.as_deref()).await?).await,
                false => speak(stream).await,
            }
        };
        let dialled = tokio::time::timeout(PATIENCE, dial).await;
        let sender = dialled.unwrap_or_else(|_| Err("nobody answers".to_owned()));
        let sender = sender.map_err(|why| self.failed(&why))?;
        let host = HeaderValue::try_from(authority.as_str()).map_err(|error| self.failed(&error))?;
        Ok(Client { sender, server: self.clone(), host, key: self.authorization()? })
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, Failure> {
        let value = |key| {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| Failure::Usage("the key has characters that no key has".to_owned()))?;
            value.set_sensitive(true);
            Ok(value)
        };
        self.key.as_ref().map(value).transpose()
    }

    /// What could not be done there.
    pub(super) fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::Failed(format!("{}: {error}", self.url))
    }
}

/// HTTP over a connection.
async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<SendRequest<Body>, String> {
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|error| error.to_string())?;
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

impl Client {
    /// A request with the key, if there is one.
    pub(super) fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        match &self.key {
            Some(key) => request.header(AUTHORIZATION, key),
            None => request,
        }
    }

    /// Sends it, over a new connection where the server ended the one before; gives the answer when its head is there.
    pub(super) async fn send(&mut self, request: Builder, body: Body) -> Result<Response<Incoming>, Failure> {
        if self.sender.ready().await.is_err() {
            *self = self.server.connect().await?;
        }
        let request = request.body(body).map_err(|error| self.server.failed(&error))?;
        self.sender.send_request(request).await.map_err(|error| self.server.failed(&error))
    }
}

/// A whole answer.
pub(super) async fn collect(response: Response<Incoming>) -> Result<(StatusCode, Bytes), Failure> {
    let status = response.status();
    let body = response.into_body().collect().await;
    let body = body.map_err(|error| Failure::Failed(format!("the answer breaks off: {error}")))?;
    Ok((status, body.to_bytes()))
}

/// What a refusal says.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = |key| problem.get(key).and_then(Value::as_str);
    let (detail, pointer) = (said("detail").unwrap_or("no reason given"), said("pointer").unwrap_or(""));
    let place = if pointer.is_empty() { String::new() } else { format!(" ({pointer})") };
    Failure::Failed(format!("{status}: {detail}{place}"))
}
