//! Certificates of this moment, and clients that speak TLS: HTTP/1.1 and HTTP/2, and WebSocket over both.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::ext::Protocol;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::subscriber::{Handshake, Socket};
use crate::support::{Answer, soon};

/// What a service's certificate is besides its names.
const LEAF: [&str; 8] = [
    "-subj",
    "/CN=localhost",
    "-addext",
    "basicConstraints=critical,CA:FALSE",
    "-keyout",
    "key.pem",
    "-out",
    "cert.pem",
];

/// A folder with a certificate for localhost and its key.
pub(crate) struct Keys {
    dir: PathBuf,
}

impl Keys {
    pub(crate) fn new() -> Keys {
        let keys = Keys::none();
        keys.renew();
        keys
    }

    fn none() -> Keys {
        let dir = std::env::temp_dir().join(format!("scoreline-tls-{}-{}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir(&dir).unwrap();
        Keys { dir }
    }

    /// One for these names that an authority signed, `ca.pem` beside it; made at this moment (faketime's words), and good
    /// for two days.
    pub(crate) fn signed(names: &str, made: &str) -> Keys {
        let keys = Keys::none();
        keys.authority(made, "ca");
        let names = format!("subjectAltName={names}");
        keys.openssl(made, &[&["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", &names], &LEAF[..]].concat());
        keys
    }

    /// Makes the authority, NAME.pem with NAME.key. Another time it has the same name and another key.
    pub(crate) fn authority(&self, made: &str, name: &str) {
        let subject = format!("/CN=Authority {}", self.dir.file_name().unwrap().display());
        let (key, cert) = (format!("{name}.key"), format!("{name}.pem"));
        self.openssl(made, &["-subj", &subject, "-keyout", &key, "-out", &cert]);
    }

    /// Writes another certificate over the one that is there.
    pub(crate) fn renew(&self) {
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
        self.openssl("now", &[&["-addext", names], &LEAF[..]].concat());
    }

    fn openssl(&self, moment: &str, arguments: &[&str]) {
        let made = std::process::Command::new("faketime")
            .args([moment, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-nodes", "-days", "2"])
            .args(arguments)
            .current_dir(&self.dir)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    /// What a config file says of it.
    pub(crate) fn config(&self) -> String {
        let dir = self.dir.display();
        format!("[tls]\ncert = \"{dir}/cert.pem\"\nkey = \"{dir}/key.pem\"")
    }

    /// The certificate itself.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.dir.join("cert.pem")).unwrap()
    }

    /// A TLS connection to a server that has this certificate; `alpn`: what is spoken.
    pub(crate) async fn connect(&self, at: SocketAddr, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// `GET` over HTTP/1.1 or HTTP/2.
    pub(crate) async fn get(&self, at: SocketAddr, alpn: &str, path: &str) -> Answer {
        let stream = TokioIo::new(soon(self.connect(at, alpn)).await.unwrap());
        let request = |uri: String| Request::get(uri).header("host", "localhost").body(Empty::<Bytes>::new()).unwrap();
        let response = if alpn == "h2" {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            soon(sender.send_request(request(format!("https://localhost{path}")))).await.unwrap()
        } else {
            let (mut sender, connection) = http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            soon(sender.send_request(request(path.to_owned()))).await.unwrap()
        };
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: soon(body.collect()).await.unwrap().to_bytes() }
    }

    /// A WebSocket by the upgrade of HTTP/1.1.
    pub(crate) async fn wss(&self, at: SocketAddr, target: &str) -> Socket {
        let stream = soon(self.connect(at, "http/1.1")).await.unwrap();
        Handshake::new(target).over(stream).await.unwrap_or_else(|answer| panic!("refused: {answer:?}"))
    }

    /// A connection of HTTP/2, which takes little of an answer before it is read.
    pub(crate) async fn h2(&self, at: SocketAddr) -> Http2 {
        let stream = TokioIo::new(soon(self.connect(at, "h2")).await.unwrap());
        let mut narrow = http2::Builder::new(TokioExecutor::new());
        narrow.initial_stream_window_size(16 << 10);
        let (mut sender, connection) = narrow.handshake(stream).await.unwrap();
        tokio::spawn(connection);
        // An answer comes after the server's settings, which say that it knows extended CONNECT.
        let request = Request::get("https://localhost/nothing").body(Empty::new()).unwrap();
        assert_eq!(soon(sender.send_request(request)).await.unwrap().status(), 404);
        Http2 { sender }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A connection of HTTP/2.
pub(crate) struct Http2 {
    sender: http2::SendRequest<Empty<Bytes>>,
}

impl Http2 {
    /// A WebSocket by an extended CONNECT (RFC 8441), with these headers more.
    pub(crate) async fn ws(&mut self, target: &str, headers: &[&str]) -> Result<Socket, Answer> {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(format!("https://localhost{target}"))
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13");
        for (name, value) in headers.iter().map(|header| header.split_once(": ").unwrap()) {
            request = request.header(name, value);
        }
        let response = soon(self.sender.send_request(request.body(Empty::new()).unwrap())).await.unwrap();
        if response.status() != 200 {
            let (parts, body) = response.into_parts();
            let body = soon(body.collect()).await.unwrap().to_bytes();
            return Err(Answer { status: parts.status, headers: parts.headers, body });
        }
        let headers = response.headers().clone();
        let upgraded = soon(hyper::upgrade::on(response)).await.unwrap();
        Ok(Socket::new(TokioIo::new(upgraded), headers))
    }

    /// Returns when the server has ended it.
    pub(crate) async fn closed(&self) {
        while !self.sender.is_closed() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// A GET whose answer's body is still to come.
    pub(crate) async fn begin(&mut self, path: &str) -> Response<Incoming> {
        let request = Request::get(format!("https://localhost{path}")).body(Empty::new()).unwrap();
        soon(self.sender.send_request(request)).await.unwrap()
    }
}
