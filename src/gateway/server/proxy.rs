//! Proxies in front: whose word on a client's address is taken, and how it is given: a PROXY protocol header (version 2)
//! before the connection's first byte, or `X-Forwarded-For` with each request.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncReadExt};
use warp::http::{HeaderMap, HeaderValue};

/// What a PROXY header of version 2 begins with (section 2.2 of its specification).
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Address and extensions behind it; bytes. The largest that proxies are known to send has some hundred.
const HEADER_AT_MOST: u16 = 4_096;

/// The proxies that are trusted.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<IpNet>,
    /// Whether their connections begin with a PROXY header.
    pub headers: bool,
}

impl Proxies {
    /// Whether it is one of them.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// The client that a trusted proxy speaks for: the last hop that is no trusted proxy itself. `None`: it names none.
    pub(super) fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        // As bytes: whatever a client wrote in front, the proxy's own word behind it counts.
        let named: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes).collect();
        let hops = named.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
        hops.map_while(|hop| address(hop.trim_ascii())).find(|address| !self.trusts(*address))
    }
}

/// With or without a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?;
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Reads a PROXY header; `None`: the proxy speaks for itself (a health check).
pub(super) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>> {
    let bad = |why| Error::new(ErrorKind::InvalidData, why);
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    let length = u16::from_be_bytes([head[14], head[15]]);
    if head[..12] != SIGNATURE || head[12] >> 4 != 2 {
        return Err(bad("a trusted proxy did not begin with a PROXY protocol header of version 2"));
    }
    if length > HEADER_AT_MOST {
        return Err(bad("a PROXY protocol header is too long"));
    }
    let mut rest = vec![0; usize::from(length)];
    stream.read_exact(&mut rest).await?;
    match (head[12] & 0xF, head[13] >> 4) {
        (0, _) => Ok(None),
        (1, 1) => source(&rest, Ipv4Addr::from).ok_or_else(|| bad("a PROXY protocol header is cut off")).map(Some),
        (1, 2) => source(&rest, Ipv6Addr::from).ok_or_else(|| bad("a PROXY protocol header is cut off")).map(Some),
        (1, _) => Ok(None),
        _ => Err(bad("a PROXY protocol header has an unknown command")),
    }
}

/// Source address, destination address, source port, destination port.
fn source<const N: usize, A: Into<IpAddr>>(block: &[u8], address: impl Fn([u8; N]) -> A) -> Option<SocketAddr> {
    let ip = *block.first_chunk::<N>()?;
    let port = *block.get(2 * N..)?.first_chunk::<2>()?;
    Some(SocketAddr::new(address(ip).into(), u16::from_be_bytes(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> Proxies {
        Proxies { trusted: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()], headers: true }
    }

    fn client(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        proxies().client(&headers).map(|address| address.to_string())
    }

    #[test]
    fn the_last_hop_that_is_not_trusted_is_the_client() {
        for (values, found) in [
            (&["192.0.2.1"][..], Some("192.0.2.1")),
            (&["6.6.6.6, 192.0.2.1, 10.1.2.3"], Some("192.0.2.1")),
            (&["6.6.6.6", "192.0.2.1:5000,[::1]:7"], Some("192.0.2.1")),
            (&["[2001:db8::7]:443"], Some("2001:db8::7")),
            (&["\u{fe}, 192.0.2.1"], Some("192.0.2.1")),
            (&["\u{fe}", "192.0.2.1"], Some("192.0.2.1")),
            (&["10.0.0.9"], None),
            (&["6.6.6.6, unknown"], None),
            (&[], None),
        ] {
            assert_eq!(client(values).as_deref(), found, "{values:?}");
        }
        assert!(proxies().trusts("::ffff:10.0.0.1".parse().unwrap()), "an IPv4 address in IPv6's clothes");
        assert!(!proxies().trusts("11.0.0.1".parse().unwrap()));
    }

    async fn header(command: u8, family: u8, block: &[u8]) -> std::result::Result<Option<String>, String> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
        bytes.extend(block);
        let mut stream = &bytes[..];
        let read = read_header(&mut stream).await;
        read.map(|found| found.map(|address| address.to_string())).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_header_of_version_2_names_the_client() {
        let four = [192, 0, 2, 1, 10, 0, 0, 1, 0x30, 0x39, 0, 80, 4, 0, 1, 9];
        assert_eq!(header(0x21, 0x11, &four).await, Ok(Some("192.0.2.1:12345".to_owned())));
        let six = [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0; 16], &[0, 9, 0, 80]].concat();
        assert_eq!(header(0x21, 0x21, &six).await, Ok(Some("[2001:db8::7]:9".to_owned())));
        assert_eq!(header(0x20, 0x00, &[]).await, Ok(None), "the proxy itself");
        assert_eq!(header(0x21, 0x31, &[0; 216]).await, Ok(None), "a Unix socket");
        assert!(header(0x21, 0x11, &four[..9]).await.unwrap_err().contains("cut off"));
        assert!(header(0x11, 0x11, &four).await.unwrap_err().contains("version 2"));
        assert!(header(0x2F, 0x11, &four).await.unwrap_err().contains("unknown command"));
        assert!(header(0x21, 0x11, &[0; 5_000]).await.unwrap_err().contains("too long"));
        assert!(read_header(&mut &b"GET / HTTP/1.1\r\n"[..]).await.unwrap_err().to_string().contains("version 2"));
    }
}
