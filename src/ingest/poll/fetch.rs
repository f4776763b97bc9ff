//! Asking a provider: conditional, compressed, bounded, and only where it was meant to be asked.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use feeds::provider::Talk;
use reqwest::header::{
    AGE, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    RETRY_AFTER, SEC_WEBSOCKET_ACCEPT,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};

use super::address::{Resolver, is_public};
use super::socket::Socket;
use super::stream::{Body, Stream};
use crate::codec::Upgrade;
use crate::config::Feed;

const REDIRECTS: usize = 5;
/// No provider is waited for longer because it says so.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Asks one provider.
pub(super) struct Fetcher {
    client: Client,
    max_bytes: usize,
    timeout: Duration,
    allow_private: bool,
    /// What to say of each URL, so that an unchanged answer is not sent.
    validators: HashMap<String, Vec<(HeaderName, HeaderValue)>>,
}

/// What came.
#[derive(Debug)]
pub(super) struct Answer {
    /// `None`: it is what it was.
    pub(super) body: Option<Bytes>,
    /// How long the provider calls it fresh.
    pub(super) fresh: Option<Duration>,
}

/// Nothing came.
#[derive(Debug)]
pub(super) struct Trouble {
    /// For a person; without the URL, which may hold a secret.
    pub(super) why: String,
    /// When the provider wants to be asked again.
    pub(super) retry_after: Option<Duration>,
}

impl Trouble {
    pub(super) fn new(why: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), retry_after: None }
    }
}

impl Fetcher {
    /// # Errors
    /// When a header is none, or there is no TLS.
    pub(super) fn new(feed: &Feed, secret: &str) -> Result<Fetcher, String> {
        // The one that is built in. Somebody may have chosen before: then that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("scoreline/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(&feed.headers(secret))?)
            .dns_resolver(Resolver { allow_private: feed.allow_private })
            .redirect(redirects(feed))
            .connect_timeout(feed.timeout.0)
            .read_timeout(feed.timeout.0)
            .no_proxy();
        // A stream has no end; it must not be silent.
        let client = if feed.is_stream() { client } else { client.timeout(feed.timeout.0) };
        let client = client.build().map_err(words)?;
        let (max_bytes, timeout, allow_private) = (feed.max_bytes, feed.timeout.0, feed.allow_private);
        Ok(Fetcher { client, max_bytes, timeout, allow_private, validators: HashMap::new() })
    }

    /// Asks. Unless `whole`, an answer that is what it was need not be sent.
    pub(super) async fn get(&mut self, url: &str, whole: bool) -> Result<Answer, Trouble> {
        let known = self.validators.get(url).filter(|_| !whole).cloned().unwrap_or_default();
        let response = self.send(url, known.into_iter().collect()).await?;
        let fresh = fresh(response.headers());
        match response.status() {
            StatusCode::NOT_MODIFIED => Ok(Answer { body: None, fresh }),
            StatusCode::OK => {
                let said = validators(response.headers());
                let body = self.body(response).await?;
                self.validators.insert(url.to_owned(), said);
                Ok(Answer { body: Some(body), fresh })
            }
            _ => Err(refused(&response)),
        }
    }

    /// Asks for a stream: a long answer, or a WebSocket, where `talk` is what is said.
    pub(super) async fn open(&mut self, url: &str, talk: Talk) -> Result<Stream, Trouble> {
        if url.starts_with("ws") {
            // The schemes differ in name only: ws is http, wss is https.
            return self.upgrade(&url.replacen("ws", "http", 1), talk).await.map(Stream::Socket);
        }
        let response = self.send(url, HeaderMap::new()).await?;
        match response.status() {
            StatusCode::OK => Ok(Stream::Body(Body::new(response, self.max_bytes))),
            _ => Err(refused(&response)),
        }
    }

    /// The client's side of RFC 6455 section 4.1.
    async fn upgrade(&self, url: &str, talk: Talk) -> Result<Socket, Trouble> {
        let asked = Upgrade::new(fastrand::u128(..));
        let header = |(name, value)| {
            (HeaderName::try_from(name).expect("a name"), HeaderValue::try_from(value).expect("Base64 is a value"))
        };
        let said: [(HeaderName, HeaderValue); 4] = asked.headers().map(header);
        let response = self.send(url, said.into_iter().collect()).await?;
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|said| said == &asked.accept);
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS if accepted => {
                let io = response.upgrade().await.map_err(|error| Trouble::new(words(error)))?;
                Socket::open(io, talk, self.max_bytes, self.timeout).await
            }
            StatusCode::SWITCHING_PROTOCOLS => Err(Trouble::new("this is no WebSocket server")),
            _ => Err(refused(&response)),
        }
    }

    async fn send(&self, url: &str, headers: HeaderMap) -> Result<Response, Trouble> {
        let parsed: Url = url.parse().map_err(|_| Trouble::new("no URL"))?;
        if !self.allow_private && literal(&parsed).is_some_and(|address| !is_public(address)) {
            return Err(Trouble::new("a private address: the feed's allow_private permits it"));
        }
        let sent = self.client.get(parsed).headers(headers).send().await;
        sent.map_err(|error| Trouble::new(words(error)))
    }

    /// What it once answered is not to be compared with any more.
    pub(super) fn forget(&mut self, url: &str) {
        self.validators.remove(url);
    }

    /// URLs that are asked no more are forgotten.
    pub(super) fn retain(&mut self, asked: impl Fn(&str) -> bool) {
        self.validators.retain(|url, _| asked(url));
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, Trouble> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::new(words(error)))? {
            if body.len() + chunk.len() > self.max_bytes {
                return Err(Trouble::new(format!("the answer is longer than {} bytes", self.max_bytes)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }
}

fn refused(response: &Response) -> Trouble {
    let why = format!("the provider answers {}", response.status());
    Trouble { why, retry_after: retry_after(response.headers()) }
}

fn headers(said: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let header = |(name, value): (&String, &String)| {
        let wrong = || format!("headers: {name} is no header");
        let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok((HeaderName::try_from(name).map_err(|_| wrong())?, value))
    };
    said.iter().map(header).collect()
}

fn redirects(feed: &Feed) -> Policy {
    let feed = feed.clone();
    Policy::custom(move |attempt: Attempt<'_>| match refusal(&feed, attempt.previous(), attempt.url()) {
        Some(why) => attempt.error(why),
        None => attempt.follow(),
    })
}

/// Why a redirect is not followed: only to the hosts that were named, never from https to http, never to a private address
/// unless that is allowed.
fn refusal(feed: &Feed, previous: &[Url], to: &Url) -> Option<&'static str> {
    let same = previous.last().is_some_and(|from| {
        (from.host_str(), from.port_or_known_default()) == (to.host_str(), to.port_or_known_default())
    });
    let named = to.host_str().is_some_and(|host| feed.redirect_hosts.iter().any(|named| named == host));
    match () {
        () if previous.len() > REDIRECTS => Some("too many redirects"),
        () if !same && !named => Some("a redirect to another host; redirect_hosts may allow it"),
        () if to.scheme() != "https" && !feed.allow_http => Some("a redirect away from https"),
        () if !feed.allow_private && literal(to).is_some_and(|address| !is_public(address)) => {
            Some("a redirect to a private address")
        }
        () => None,
    }
}

/// The address, where a URL names one instead of a host: nobody resolves that.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

fn validators(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let pairs = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];
    pairs.into_iter().filter_map(|(said, ask)| Some((ask, headers.get(said)?.clone()))).collect()
}

/// `max-age` less `Age`: RFC 9111 section 4.2.
fn fresh(headers: &HeaderMap) -> Option<Duration> {
    let control = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let max_age = control.split(',').find_map(|part| part.trim().strip_prefix("max-age="))?;
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0);
    let seconds = max_age.trim_matches('"').parse::<u64>().ok()?.saturating_sub(age);
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Seconds or a date: RFC 9110 section 10.2.3.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let wait = match said.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(said.trim()).ok()?.timestamp();
            at.duration_since(jiff::Timestamp::now()).try_into().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// A URL for the log: without the secret, and who asks.
pub(super) fn shown(url: &str, secret: &str) -> String {
    let shown = if secret.is_empty() { url.to_owned() } else { url.replace(secret, "{secret}") };
    match shown.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest, rest.find(['/', '?', '#'])?))) {
        Some((scheme, rest, end)) => {
            let host = rest[..end].rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{}", &rest[end..])
        }
        None => shown.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

/// An error and what caused it, without the URL.
pub(super) fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn providers_say_when_they_want_to_be_asked() {
        assert_eq!(retry_after(&with(RETRY_AFTER, "7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&with(RETRY_AFTER, "86400")), Some(LONGEST_WAIT));
        assert_eq!(retry_after(&with(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT")), Some(Duration::ZERO));
        assert_eq!(retry_after(&with(RETRY_AFTER, "soon")), None);
        assert_eq!(retry_after(&with(RETRY_AFTER, "-5")), None);
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(600);
        let later = jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", later).unwrap();
        let wait = retry_after(&with(RETRY_AFTER, &later)).unwrap();
        assert!((1..=600).contains(&wait.as_secs()), "{later}: {wait:?}");
        assert_eq!(fresh(&with(CACHE_CONTROL, "public, max-age=15")), Some(Duration::from_secs(15)));
        let mut aged = with(CACHE_CONTROL, "max-age=15");
        aged.insert(AGE, HeaderValue::from_static("10"));
        assert_eq!(fresh(&aged), Some(Duration::from_secs(5)));
        assert_eq!(fresh(&with(CACHE_CONTROL, "no-store")), None);
    }

    #[test]
    fn a_url_in_the_log_has_no_secrets() {
        for (url, said) in [
            ("https://a.example/x?key=s3&day=@", "https://a.example/x?key={secret}&day=@"),
            ("https://me:pass@a.example/x", "https://a.example/x"),
            ("https://me:pass@a.example", "a.example"),
        ] {
            assert_eq!(shown(url, "s3"), said);
        }
        assert_eq!(shown("https://a.example/x", ""), "https://a.example/x");
    }

    #[test]
    fn redirects_lead_where_they_may() {
        let feed = |more: &str| {
            let config = format!("[feeds.a]\nadapter = \"espn\"\nurl = \"https://a.example/\"\n{more}");
            crate::config::Config::parse(&config).unwrap().feeds["a"].clone()
        };
        let url = |text: &str| text.parse::<Url>().unwrap();
        let from = url("https://a.example/x");
        let why = |feed: &Feed, to: &str| refusal(feed, std::slice::from_ref(&from), &url(to)).unwrap_or("followed");
        let strict = feed("redirect_hosts = [\"b.example\", \"10.0.0.1\", \"[::1]\"]");
        for (to, said) in [
            ("https://a.example/y", "followed"),
            ("https://b.example/y", "followed"),
            ("https://a.example:8443/y", "a redirect to another host; redirect_hosts may allow it"),
            ("https://c.example/y", "a redirect to another host; redirect_hosts may allow it"),
            ("http://b.example/y", "a redirect away from https"),
            ("ftp://b.example/y", "a redirect away from https"),
            ("https://10.0.0.1/y", "a redirect to a private address"),
            ("https://[::1]/y", "a redirect to a private address"),
        ] {
            assert_eq!(why(&strict, to), said, "{to}");
        }
        let lenient = feed("redirect_hosts = [\"10.0.0.1\"]\nallow_http = true\nallow_private = true");
        assert_eq!(why(&lenient, "http://10.0.0.1/y"), "followed");
        let six = vec![from.clone(); REDIRECTS + 1];
        assert_eq!(refusal(&strict, &six, &url("https://a.example/y")), Some("too many redirects"));
    }
}
