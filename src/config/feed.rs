//! Feeds that are pulled: `[feeds.NAME]` in the config file.

use std::collections::BTreeMap;

use feeds::Topic;
use serde::{Deserialize, Deserializer};

use super::{ConfigError, Span, fail};

/// A provider that is asked instead of one that posts; its name is the table's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The format it answers in.
    pub adapter: String,
    /// What is asked: one URL or several. `{today}` is the date in UTC, `{today:%Y%m%d}` in another form, `{secret}` the
    /// secret, `{name}` each of the values under `each`. Of several, one that is not answered rests while the others go
    /// on; the feed is down when none is. So what a witness is to take over by itself has a feed of its own.
    #[serde(deserialize_with = "one_or_many")]
    pub url: Vec<String>,
    /// Asked before each URL, where set: the URL itself only when this answers something new.
    pub changed_url: Option<String>,
    /// Asked in place of the URL where the format tells its changes: `{resume}` is where it left off, in its own words.
    pub diff_url: Option<String>,
    /// Whether the URL is one long answer, message after message; silent for longer than `timeout`, it is asked for anew.
    /// A URL that begins with `wss:` is one by itself: a WebSocket.
    #[serde(default)]
    pub stream: bool,
    /// Between two rounds while a game is live, or about to be.
    #[serde(default = "interval")]
    pub interval: Span,
    /// Between two rounds while none is.
    #[serde(default = "idle")]
    pub idle: Span,
    /// For one answer, from the first byte asked to the last one read.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// One answer, unpacked; bytes. A longer one is not read.
    #[serde(default = "max_bytes")]
    pub max_bytes: usize,
    /// Sent with each request; `{secret}` as in the URL.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The environment variable that holds the secret.
    pub secret_env: Option<String>,
    /// Values for places in the URL: with several, each combination is asked.
    #[serde(default)]
    pub each: BTreeMap<String, Vec<String>>,
    /// Other hosts that it may redirect to.
    #[serde(default)]
    pub redirect_hosts: Vec<String>,
    /// Whether it may be asked without TLS.
    #[serde(default)]
    pub allow_http: bool,
    /// Whether it may be in a private network.
    #[serde(default)]
    pub allow_private: bool,
    /// Topics whose games it may report; default everything.
    #[serde(default = "everything")]
    pub topics: Vec<Topic>,
    /// Who leads a game when several report it; lower leads.
    #[serde(default = "priority")]
    pub priority: u32,
}

fn interval() -> Span {
    Span::seconds(15)
}

fn idle() -> Span {
    Span::seconds(60)
}

fn timeout() -> Span {
    Span::seconds(10)
}

fn max_bytes() -> usize {
    16 << 20
}

fn everything() -> Vec<Topic> {
    vec![Topic::all()]
}

fn priority() -> u32 {
    100
}

fn one_or_many<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a URL or a list of URLs")]
    enum Said {
        One(String),
        Many(Vec<String>),
    }
    Said::deserialize(input).map(|said| match said {
        Said::One(url) => vec![url],
        Said::Many(urls) => urls,
    })
}

/// What is asked today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The URL.
    pub url: String,
    /// What is asked before it.
    pub changed_url: Option<String>,
    /// What is asked in its place; `{resume}` is still to be filled.
    pub diff_url: Option<String>,
}

impl Feed {
    /// One URL, with the usual care.
    pub(super) fn of_url(url: &str, allow_http: bool, allow_private: bool) -> Feed {
        Feed {
            adapter: String::new(),
            url: vec![url.to_owned()],
            changed_url: None,
            diff_url: None,
            stream: false,
            interval: interval(),
            idle: idle(),
            timeout: timeout(),
            max_bytes: 1 << 20,
            headers: BTreeMap::new(),
            secret_env: None,
            each: BTreeMap::new(),
            redirect_hosts: Vec::new(),
            allow_http,
            allow_private,
            topics: everything(),
            priority: priority(),
        }
    }

    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        let wrong = |what: &str| fail(format!("feeds.{name}.{what}"));
        if !feeds::topic::is_segment(name) {
            return fail(format!("feeds.{name}: a name is [a-z0-9][a-z0-9._-]*"));
        }
        for (setting, span) in [("interval", self.interval), ("idle", self.idle), ("timeout", self.timeout)] {
            if !(100..=86_400_000).contains(&span.ms()) {
                return wrong(&format!("{setting}: 100ms to 24h"));
            }
        }
        if let Some(team) = self.topics.iter().find(|topic| topic.kind() == feeds::topic::Kind::Team) {
            return wrong(&format!("topics: {team}: a feed names sports, competitions or games"));
        }
        if self.url.is_empty() {
            return wrong("url: at least one");
        }
        if self.url.iter().chain(&self.changed_url).any(|url| url.contains("{resume}")) {
            return wrong("url: {resume} has its place in diff_url only");
        }
        if self.is_stream() && (self.url.len() > 1 || self.changed_url.is_some() || self.diff_url.is_some()) {
            return wrong("stream: it has one url, and no others");
        }
        if self.secret_env.is_none() && self.says("{secret}") {
            return wrong("secret_env is missing: {secret} is the value of an environment variable");
        }
        let secret = self.secret().map_err(|error| ConfigError(format!("feeds.{name}.{error}")))?;
        // Any moment will do: what is wrong today is wrong every day.
        for asked in self.asked(jiff::Timestamp::UNIX_EPOCH, &secret) {
            for url in asked.map_err(|error| ConfigError(format!("feeds.{name}.url: {error}")))?.urls() {
                self.check_url(&url).map_err(|error| {
                    let shown = if secret.is_empty() { error } else { error.replace(&secret, "{secret}") };
                    ConfigError(format!("feeds.{name}.url: {shown}"))
                })?;
            }
        }
        Ok(())
    }

    /// Whether what it answers has no end.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.stream || self.is_socket()
    }

    fn is_socket(&self) -> bool {
        self.url.iter().any(|url| url.starts_with("wss:") || url.starts_with("ws:"))
    }

    /// Every place that a template may stand in.
    fn says(&self, text: &str) -> bool {
        self.url
            .iter()
            .chain(&self.changed_url)
            .chain(&self.diff_url)
            .chain(self.headers.values())
            .any(|said| said.contains(text))
    }

    pub(super) fn check_url(&self, url: &str) -> Result<(), String> {
        let parsed: hyper::Uri = url.parse().map_err(|error| format!("{url:?}: {error}"))?;
        match (parsed.scheme_str(), parsed.host()) {
            (Some("wss" | "ws"), _) if !self.is_socket() => Err(format!("{url:?}: a WebSocket is url only")),
            (Some("https" | "wss"), Some(_)) => Ok(()),
            (Some("http" | "ws"), Some(_)) if self.allow_http => Ok(()),
            (Some("http" | "ws"), Some(_)) => Err(format!("{url:?}: without TLS only with allow_http = true")),
            _ => Err(format!("{url:?} is no https URL")),
        }
    }

    /// The secret; empty where there is none.
    ///
    /// # Errors
    /// When the environment does not have it.
    pub fn secret(&self) -> Result<String, String> {
        match &self.secret_env {
            None => Ok(String::new()),
            Some(name) => std::env::var(name).map_err(|_| format!("secret_env: {name} is not in the environment")),
        }
    }

    /// Headers with the secret in its places.
    #[must_use]
    pub fn headers(&self, secret: &str) -> BTreeMap<String, String> {
        self.headers.iter().map(|(name, value)| (name.clone(), value.replace("{secret}", secret))).collect()
    }

    /// What is asked at a moment, each combination of `each`.
    pub fn asked<'f>(
        &'f self,
        now: jiff::Timestamp,
        secret: &'f str,
    ) -> impl Iterator<Item = Result<Asked, String>> + use<'f> {
        let combinations =
            self.each.iter().fold(vec![Vec::new()], |combinations: Vec<Vec<(&str, &str)>>, (name, values)| {
                let with = |one: &Vec<(&'f str, &'f str)>| {
                    let one = one.clone();
                    values.iter().map(move |value| [one.as_slice(), &[(name.as_str(), value.as_str())]].concat())
                };
                combinations.iter().flat_map(with).collect()
            });
        self.url.iter().flat_map(move |url| {
            let filled = combinations.iter().map(move |values| {
                let fill = |template: &str| fill(template, values, now, secret);
                let (changed_url, diff_url) = (self.changed_url.as_deref(), self.diff_url.as_deref());
                let (changed_url, diff_url) = (changed_url.map(fill).transpose()?, diff_url.map(fill).transpose()?);
                Ok(Asked { url: fill(url)?, changed_url, diff_url })
            });
            filled.collect::<Vec<_>>()
        })
    }
}

impl Asked {
    fn urls(self) -> impl Iterator<Item = String> {
        let diff_url = self.diff_url.map(|url| url.replace("{resume}", "0"));
        std::iter::once(self.url).chain(self.changed_url).chain(diff_url)
    }
}

/// A template with its places filled.
fn fill(template: &str, values: &[(&str, &str)], now: jiff::Timestamp, secret: &str) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (place, after) = after.split_once('}').ok_or_else(|| format!("{template:?}: a brace is not closed"))?;
        filled.push_str(before);
        let (name, form) = place.split_once(':').unwrap_or((place, "%Y-%m-%d"));
        match (name, values.iter().find(|(known, _)| *known == place)) {
            (_, Some((_, value))) => filled.push_str(value),
            ("resume", _) => filled.push_str("{resume}"),
            ("secret", _) => filled.push_str(secret),
            ("today", _) => {
                let date = jiff::fmt::strtime::format(form, now).map_err(|error| format!("{{{place}}}: {error}"))?;
                filled.push_str(&date);
            }
            _ => return Err(format!("{template:?}: {{{place}}} is none of today, secret and the names under each")),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn load(feed: &str) -> Result<Config, String> {
        Config::parse(&format!("[feeds.epl]\nadapter = \"espn\"\n{feed}")).map_err(|error| error.to_string())
    }

    #[test]
    fn templates_are_filled() {
        let config = load(
            "url = [\"https://a.example/{league}?dates={today:%Y%m%d}&side={side}\", \"https://b.example/{today}\"]\n\
             each = { league = [\"eng.1\", \"esp.1\"], side = [\"x\"] }\nheaders = { X-Key = \"k {secret}\" }\n\
             secret_env = \"PATH\"",
        )
        .unwrap();
        let feed = &config.feeds["epl"];
        let now: jiff::Timestamp = "2026-11-22T23:59:00Z".parse().unwrap();
        let asked: Vec<String> = feed.asked(now, "s3").map(|asked| asked.unwrap().url).collect();
        assert_eq!(
            asked,
            [
                "https://a.example/eng.1?dates=20261122&side=x",
                "https://a.example/esp.1?dates=20261122&side=x",
                "https://b.example/2026-11-22",
                "https://b.example/2026-11-22",
            ]
        );
        assert_eq!(feed.headers("s3")["X-Key"], "k s3");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (feed, error) in [
            ("url = \"http://a.example/\"", "feeds.epl.url: \"http://a.example/\": without TLS only with allow_http"),
            ("url = \"ftp://a.example/\"", "feeds.epl.url: \"ftp://a.example/\" is no https URL"),
            ("url = \"https://a.example/{league}\"", "{league} is none of today, secret"),
            ("url = \"https://a.example/{today\"", "a brace is not closed"),
            (
                "url = [\"https://a.example/\", \"https://b.example/\"]\nstream = true",
                "feeds.epl.stream: it has one url",
            ),
            ("url = [\"wss://a.example/\", \"wss://b.example/\"]", "feeds.epl.stream: it has one url"),
            ("url = \"ws://a.example/\"", "feeds.epl.url: \"ws://a.example/\": without TLS only with allow_http"),
            (
                "url = \"https://a.example/\"\nchanged_url = \"wss://a.example/\"",
                "feeds.epl.url: \"wss://a.example/\": a WebSocket is url only",
            ),
            ("url = []", "feeds.epl.url: at least one"),
            ("url = 5", "line 3, column 7: a URL or a list of URLs"),
            ("url = \"https://a.example/{secret}\"", "feeds.epl.secret_env is missing"),
            (
                "url = \"https://a.example/\"\nsecret_env = \"NOT_SET_AT_ALL\"",
                "NOT_SET_AT_ALL is not in the environment",
            ),
            ("url = \"https://a.example/\"\ninterval = \"1ms\"", "feeds.epl.interval: 100ms to 24h"),
            ("url = \"https://a.example/\"\nintervall = \"1s\"", "unknown setting `intervall`"),
            ("", "`url` is missing"),
            ("url = \"https://a.example/\"\n[providers.epl]", "feeds.epl: a provider has this name"),
        ] {
            let said = load(feed).unwrap_err();
            assert!(said.contains(error), "{feed}\nsaid {said}");
        }
    }
}
