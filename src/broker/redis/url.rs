//! Broker URLs: where the log is, and how this program uses it.
//!
//! ```text
//! redis://[user[:password]@]host[:port][/db]              one server
//! rediss://…                                              the same over TLS
//! redis+sentinel://[…@]host[:port],host[:port]/SERVICE[/db]  the primary that sentinels name
//! redis+cluster://[…@]host[:port],host[:port]             the node that serves our slot
//! ```
//!
//! Options follow as a query: `namespace` (default `scoreline`), `wait` (replicas that must have a change before it is
//! answered; default 0), `wait_ms` (how long that may take; default 1000), `tls` (for sentinel and cluster), `ca` (a PEM
//! file that replaces the system's authorities).

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::broker::BrokerError;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// What a URL says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) servers: Servers,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) db: i64,
    /// `None`: plain.
    pub(super) tls: Option<Tls>,
    /// Keys and channels begin with this, in the braces that put them into one slot.
    pub(super) namespace: String,
    /// Replicas that must have a change before it is answered.
    pub(super) wait: u32,
    pub(super) wait_time: Duration,
}

/// Who is asked where the log is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Servers {
    /// It is there.
    One(Address),
    /// These know the primary of the service.
    Sentinels(Vec<Address>, String),
    /// These know who serves which slot.
    Cluster(Vec<Address>),
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How the server is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tls {
    /// Authorities in PEM, in place of the system's.
    pub(super) ca: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    namespace: String,
    wait: u32,
    wait_ms: u64,
    tls: bool,
    ca: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options { namespace: "scoreline".to_owned(), wait: 0, wait_ms: 1_000, tls: false, ca: None }
    }
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, without its password.
    pub(super) fn parse(url: &str) -> Result<Target, BrokerError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("a URL is scheme://host"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let options: Options = serde_urlencoded::from_str(query).map_err(|error| wrong(&error.to_string()))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, hosts) = authority.rsplit_once('@').map_or((None, authority), |(who, hosts)| (Some(who), hosts));
        let (user, password) = credentials(who)?;
        let (servers, db) = servers(scheme, hosts, path)?;
        if !feeds::topic::is_segment(&options.namespace) {
            return Err(wrong("namespace: [a-z0-9][a-z0-9._-]*"));
        }
        let tls = (scheme == "rediss" || options.tls).then_some(Tls { ca: options.ca });
        let (namespace, wait, wait_time) = (options.namespace, options.wait, Duration::from_millis(options.wait_ms));
        Ok(Target { servers, user, password, db, tls, namespace, wait, wait_time })
    }
}

fn servers(scheme: &str, hosts: &str, path: &str) -> Result<(Servers, i64), BrokerError> {
    let port = if scheme == "redis+sentinel" { SENTINEL_PORT } else { REDIS_PORT };
    let mut addresses = hosts.split(',').map(|host| address(host, port)).collect::<Result<Vec<_>, _>>()?;
    match scheme {
        "redis" | "rediss" if addresses.len() == 1 => Ok((Servers::One(addresses.remove(0)), db(path)?)),
        "redis" | "rediss" => Err(wrong("one host; several are of redis+sentinel:// or redis+cluster://")),
        "redis+sentinel" => {
            let (service, path) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                return Err(wrong("redis+sentinel://host:port,host:port/SERVICE names the service"));
            }
            Ok((Servers::Sentinels(addresses, service.to_owned()), db(path)?))
        }
        "redis+cluster" if path.is_empty() => Ok((Servers::Cluster(addresses), 0)),
        "redis+cluster" => Err(wrong("a cluster has no databases")),
        _ => Err(wrong("redis://, rediss://, redis+sentinel:// or redis+cluster://")),
    }
}

fn credentials(who: Option<&str>) -> Result<(Option<String>, Option<String>), BrokerError> {
    let Some(who) = who else { return Ok((None, None)) };
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| wrong("user and password are UTF-8"))?;
        Ok((!text.is_empty()).then(|| text.into_owned()))
    };
    Ok((decoded(user)?, decoded(password)?))
}

fn address(text: &str, port: u16) -> Result<Address, BrokerError> {
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address without a port ends in its bracket.
        Some((host, number)) if !text.ends_with(']') => {
            (host, number.parse().map_err(|_| wrong("a port is a number"))?)
        }
        _ => (text, port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() { Err(wrong("a host is missing")) } else { Ok(Address { host, port }) }
}

fn db(path: &str) -> Result<i64, BrokerError> {
    match path {
        "" => Ok(0),
        number => number.parse().ok().filter(|db| *db >= 0).ok_or_else(|| wrong("a database is a number")),
    }
}

fn wrong(why: &str) -> BrokerError {
    BrokerError::Broken(format!("the URL: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Address {
        Address { host: host.to_owned(), port }
    }

    #[test]
    fn urls_name_servers_and_how_they_are_used() {
        let plain = Target::parse("redis://localhost").unwrap();
        assert_eq!((plain.servers, plain.db, plain.tls), (Servers::One(at("localhost", 6379)), 0, None));
        assert_eq!((plain.namespace.as_str(), plain.wait), ("scoreline", 0));
        let full = "rediss://me:p%40ss@[::1]:7000/3?namespace=soccer&wait=2&wait_ms=50&ca=/etc/ca.pem";
        let full = Target::parse(full).unwrap();
        assert_eq!((full.servers, full.db), (Servers::One(at("::1", 7000)), 3));
        assert_eq!((full.user.as_deref(), full.password.as_deref()), (Some("me"), Some("p@ss")));
        assert_eq!(full.tls, Some(Tls { ca: Some("/etc/ca.pem".into()) }));
        assert_eq!((full.namespace.as_str(), full.wait, full.wait_time.as_millis()), ("soccer", 2, 50));
        let secret = Target::parse("redis://:secret@h:1").unwrap();
        assert_eq!((secret.user, secret.password.as_deref()), (None, Some("secret")));
        let sentinels = Target::parse("redis+sentinel://a,b:5/main/2?tls=true").unwrap();
        let servers = Servers::Sentinels(vec![at("a", 26379), at("b", 5)], "main".to_owned());
        assert_eq!((sentinels.servers, sentinels.db, sentinels.tls), (servers, 2, Some(Tls::default())));
        let cluster = Target::parse("redis+cluster://a:1,b:2").unwrap();
        assert_eq!(cluster.servers, Servers::Cluster(vec![at("a", 1), at("b", 2)]));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in [
            "redis://",
            "redis:host",
            "redis://:secret@h:port",
            "redis://a,b",
            "redis://:secret@h/x",
            "redis+sentinel://a",
            "redis+cluster://a/1",
            "redis://h?namespace={x}",
            "redis://:secret@h?wiat=1",
            "redis+unix://h",
        ] {
            let error = Target::parse(url).unwrap_err();
            assert!(matches!(error, BrokerError::Broken(_)), "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
