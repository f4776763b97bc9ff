//! Behind proxies: whose a connection is decides who has no more room.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Service, shake};
use crate::subscriber::{Handshake, Socket};
use crate::support::{Answer, Client, soon};

const ONE_EACH: &str = "[limits]\nconnections_per_address = 1";

fn forwarded(client: &str) -> Handshake {
    Handshake::new("/v1/ws").with(&format!("X-Forwarded-For: {client}"))
}

async fn refused(service: &Service, handshake: Handshake) -> Answer {
    handshake.open(service.main()).await.err().expect("there is no room for it")
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_each_request_is() {
    let service = Service::start(&format!("trusted_proxies = [\"127.0.0.0/8\"]\n{ONE_EACH}")).await;
    let first = shake(&service, forwarded("192.0.2.1")).await;
    let _second = shake(&service, forwarded("192.0.2.2, 127.0.0.9")).await;
    refused(&service, forwarded("192.0.2.1")).await.problem(503, "unavailable");
    // What a client wrote in front of its proxy's word changes nothing.
    refused(&service, forwarded("198.51.100.1, 192.0.2.1")).await.problem(503, "unavailable");
    // One address has many in IPv6.
    let _third = shake(&service, forwarded("2001:db8:0:1::7")).await;
    refused(&service, forwarded("2001:db8:0:1::8")).await.problem(503, "unavailable");
    // The proxy's own requests are not counted.
    for _ in 0..3 {
        service.client().await.get("/nothing").await.problem(404, "not_found");
    }
    drop(first);
    soon(async { while forwarded("192.0.2.1").open(service.main()).await.is_err() {} }).await;
}

#[tokio::test]
async fn who_is_not_trusted_speaks_for_itself() {
    let service = Service::start(ONE_EACH).await;
    let _first = shake(&service, forwarded("192.0.2.1")).await;
    refused(&service, forwarded("192.0.2.2")).await.problem(503, "unavailable");
}

/// Begins as a proxy does: signature, version 2, a TCP connection of IPv4.
async fn proxied(service: &Service, client: [u8; 4]) -> TcpStream {
    let mut stream = TcpStream::connect(service.main()).await.unwrap();
    let addresses = [&client[..], &[127, 0, 0, 1, 0x30, 0x39, 0x1F, 0x90]].concat();
    let header = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C", &addresses[..]].concat();
    stream.write_all(&header).await.unwrap();
    stream
}

async fn ws(stream: TcpStream) -> Result<Socket, Answer> {
    Handshake::new("/v1/ws").over(stream).await
}

#[tokio::test]
async fn a_proxy_s_header_says_whose_a_connection_is() {
    let trusting = "trusted_proxies = [\"127.0.0.1\"]\nproxy_protocol = true\ntest_echo = true";
    let service = Service::start(&format!("{trusting}\n{ONE_EACH}")).await;
    let mut first = ws(proxied(&service, [192, 0, 2, 1]).await).await.unwrap_or_else(|answer| panic!("{answer:?}"));
    first.expect("hello").await;
    let second = proxied(&service, [192, 0, 2, 1]).await;
    ws(second).await.err().expect("no room").problem(503, "unavailable");
    let mut other = Client::over(proxied(&service, [192, 0, 2, 2]).await).await;
    other.get("/__echo").await.problem(404, "not_found");
    // Without the header, or with another version's, nothing is served.
    for begun in ["GET / HTTP/1.1\r\nhost: x\r\n\r\n", "PROXY TCP4 192.0.2.1 127.0.0.1 5 6\r\nGET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(service.main()).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let _ = soon(stream.read_to_end(&mut said)).await;
        assert_eq!(said, b"", "{begun:?}");
    }
}

#[tokio::test]
async fn a_proxy_s_header_that_does_not_come_closes_the_connection() {
    let trusting = "trusted_proxies = [\"127.0.0.1\"]\nproxy_protocol = true";
    let service = Service::start(&format!("{trusting}\n[limits]\nheader_time = \"100ms\"")).await;
    let mut stream = TcpStream::connect(service.main()).await.unwrap();
    stream.write_all(b"\r\n\r\n\0").await.unwrap();
    assert_eq!(soon(stream.read(&mut [0; 16])).await.unwrap(), 0);
}
