//! One round: what is asked, in which order, and what is made of the answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backon::ExponentialBackoff;
use bytes::Bytes;
use feeds::provider::{Adapter, Assembler, Decoded};
use feeds::{Change, Report};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::fetch::{Answer, Fetcher, Trouble, shown};
use super::stream::Stream;
use super::{BACKOFF, backoff};
use crate::auth::Grant;
use crate::config::{Asked, Feed};
use crate::ingest::{Ingest, Reason, Said, Verdict};
use crate::metrics::PayloadOutcome;
use crate::noise::Noise;
use crate::wire::FeedStatus;

/// Reports of one payload that are on their way at a time.
const AT_ONCE: usize = 64;
/// Around its start a game that nobody calls live may be so: not every provider says it.
const ABOUT: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(5), SignedDuration::from_hours(3));

/// The place of a stream: its URL may change each time it is asked for.
const STREAM: &str = "";

/// Asks one provider.
pub(super) struct Asker {
    feed: Feed,
    secret: String,
    grant: Arc<Grant>,
    ingest: Arc<Ingest>,
    adapter: &'static dyn Adapter,
    fetcher: Fetcher,
    /// By URL.
    places: HashMap<String, Place>,
    noise: Noise,
}

/// What is kept of one URL.
#[derive(Default)]
struct Place {
    assembler: Option<Box<dyn Assembler>>,
    /// What `changed_url` answered before the URL itself was last asked.
    changed: Option<Bytes>,
    live: bool,
    /// Where it was not answered while others were: not before then.
    rest: Option<(ExponentialBackoff, Instant)>,
}

impl Place {
    /// How long the provider asks to be left alone, in what it said.
    fn pace(&self) -> Option<Duration> {
        self.assembler.as_ref()?.pace()
    }
}

impl Asker {
    pub(super) fn new(
        feed: Feed,
        adapter: &'static dyn Adapter,
        grant: Arc<Grant>,
        ingest: Arc<Ingest>,
    ) -> Result<Asker, String> {
        let secret = feed.secret()?;
        let fetcher = Fetcher::new(&feed, &secret)?;
        Ok(Asker { feed, secret, grant, ingest, adapter, fetcher, places: HashMap::new(), noise: Noise::default() })
    }

    pub(super) fn name(&self) -> &str {
        &self.grant.provider
    }

    /// Whether it is one long answer.
    pub(super) fn is_stream(&self) -> bool {
        self.feed.is_stream()
    }

    /// Asks for the stream.
    pub(super) async fn open(&mut self) -> Result<Stream, Trouble> {
        let asked = self.feed.asked(Timestamp::now(), &self.secret).next();
        let asked = asked.unwrap_or_else(|| Err("no URL".to_owned())).map_err(Trouble::new)?;
        let assembler = self.adapter.assembler();
        let talk = assembler.as_ref().map(|assembler| assembler.talk()).unwrap_or_default();
        self.places.clear();
        self.places.insert(STREAM.to_owned(), Place { assembler, ..Place::default() });
        self.fetcher.open(&asked.url, talk).await
    }

    /// Hears what comes next of it. A message that cannot be read is counted, and the rest goes on.
    pub(super) async fn hear(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        let messages = stream.next().await?;
        self.ingest.still_heard(&self.grant);
        for message in messages {
            let assembler = self.places.get_mut(STREAM).and_then(|place| place.assembler.as_mut());
            let payload = match assembler {
                Some(assembler) => assembler.take(&message).map_err(|resync| Trouble::new(resync.to_string()))?,
                None => Some(message.to_vec()),
            };
            self.bounded(payload.as_deref())?;
            let Some(payload) = payload else { continue };
            match self.take(payload.into()).await {
                Ok(live) => self.places.entry(STREAM.to_owned()).or_default().live = live,
                Err(trouble) if self.noise.allows(Instant::now().into_std()) => {
                    tracing::warn!(feed = self.name(), why = trouble.why, "a message is left out");
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Whether a game of the last answers is live.
    pub(super) fn is_live(&self) -> bool {
        self.places.values().any(|place| place.live)
    }

    /// How often it will be asked from now on.
    pub(super) fn expect(&self, interval: Duration) {
        self.ingest.expect(&self.grant, interval);
    }

    /// Tells the log how the feed stands; whether that is written.
    pub(super) async fn announce(&mut self, status: FeedStatus) -> bool {
        let told = self.ingest.broker.announce(self.name(), status).await;
        told.inspect_err(|error| tracing::debug!(%error, "the feed's status could not be told")).is_ok()
    }

    /// Asks everything once, one after another: a provider is not asked for two things at a time. Gives how long it
    /// wants to be left alone, where it says so. A URL that is not answered rests for a while, and the others go on; the
    /// provider is in trouble where none is answered, or where it says when it wants to be asked again.
    pub(super) async fn round(&mut self) -> Result<Option<Duration>, Trouble> {
        let asked: Result<Vec<Asked>, String> = self.feed.asked(Timestamp::now(), &self.secret).collect();
        let asked = asked.map_err(Trouble::new)?;
        self.places.retain(|url, _| asked.iter().any(|asked| asked.url == *url));
        self.fetcher
            .retain(|url| asked.iter().any(|asked| asked.url == url || asked.changed_url.as_deref() == Some(url)));
        let (mut stated, mut troubles) = (None, Vec::new());
        let due: Vec<&Asked> = asked.iter().filter(|asked| !self.rests(&asked.url)).collect();
        for asked in &due {
            match self.ask(asked).await {
                Ok(fresh) => {
                    stated = stated.max(fresh);
                    self.wake(&asked.url);
                }
                Err(trouble) if trouble.retry_after.is_some() => return Err(trouble),
                Err(trouble) => troubles.push((&asked.url, trouble)),
            }
        }
        if troubles.len() < due.len() || due.is_empty() {
            troubles.into_iter().for_each(|(url, trouble)| self.rest(url, &trouble));
            return Ok(stated);
        }
        // The whole provider is waited for; then all are asked.
        asked.iter().for_each(|asked| self.wake(&asked.url));
        Err(troubles.swap_remove(0).1)
    }

    fn rests(&self, url: &str) -> bool {
        let rest = self.places.get(url).and_then(|place| place.rest.as_ref());
        rest.is_some_and(|(_, until)| Instant::now() < *until)
    }

    /// It is not asked for a while.
    fn rest(&mut self, url: &str, trouble: &Trouble) {
        let place = self.places.entry(url.to_owned()).or_default();
        let mut waits = match place.rest.take() {
            Some((waits, _)) => waits,
            None => {
                let url = shown(url, &self.secret);
                tracing::warn!(feed = &*self.grant.provider, url, why = trouble.why, "a URL is not answered");
                backoff()
            }
        };
        let wait = waits.next().unwrap_or(BACKOFF.1);
        place.rest = Some((waits, Instant::now() + wait));
    }

    fn wake(&mut self, url: &str) {
        if let Some(place) = self.places.get_mut(url) {
            place.rest = None;
        }
    }

    async fn ask(&mut self, asked: &Asked) -> Result<Option<Duration>, Trouble> {
        let changed = match &asked.changed_url {
            Some(url) => match self.fetcher.get(url, false).await? {
                Answer { body: None, fresh } => return Ok(self.same(fresh)),
                Answer { body: Some(body), fresh }
                    if self.places.get(&asked.url).is_some_and(|place| place.changed.as_ref() == Some(&body)) =>
                {
                    return Ok(self.same(fresh));
                }
                Answer { body, .. } => body,
            },
            None => None,
        };
        let got = self.whole_or_part(asked).await;
        if got.is_err() {
            // What has changed is not read yet: it must not count as seen.
            asked.changed_url.iter().for_each(|url| self.fetcher.forget(url));
            self.fetcher.forget(&asked.url);
        }
        let (payload, fresh) = got?;
        self.places.entry(asked.url.clone()).or_default().changed = changed;
        match payload {
            None => Ok(self.same(fresh.max(self.places[&asked.url].pace()))),
            Some(payload) => {
                let live = self.take(payload).await;
                if live.is_err() {
                    self.fetcher.forget(&asked.url);
                }
                let live = live?;
                let place = self.places.entry(asked.url.clone()).or_default();
                place.live = live;
                Ok(fresh.max(place.pace()))
            }
        }
    }

    fn same(&self, fresh: Option<Duration>) -> Option<Duration> {
        self.ingest.still_heard(&self.grant);
        fresh
    }

    /// The payload as it stands: what changed where the provider can say that and it fits, else all of it.
    async fn whole_or_part(&mut self, asked: &Asked) -> Result<(Option<Bytes>, Option<Duration>), Trouble> {
        let place = self.places.entry(asked.url.clone()).or_default();
        if place.assembler.is_none() {
            place.assembler = self.adapter.assembler();
        }
        let Some(assembler) = &mut place.assembler else {
            let Answer { body, fresh } = self.fetcher.get(&asked.url, false).await?;
            return Ok((body, fresh));
        };
        let since = assembler.resume().zip(asked.diff_url.as_ref());
        if let Some((since, url)) = since {
            let Answer { body, fresh } = self.fetcher.get(&url.replace("{resume}", &since), true).await?;
            let Some(body) = body else { return Ok((None, fresh)) };
            match assembler.take(&body) {
                Ok(payload) => return self.assembled(asked, payload).map(|payload| (payload, fresh)),
                Err(resync) => tracing::info!(feed = &*self.grant.provider, %resync, "asking for the whole"),
            }
        }
        // Diffs build on the whole; where there are none, it need not be sent again.
        let Answer { body, fresh } = self.fetcher.get(&asked.url, asked.diff_url.is_some()).await?;
        let Some(body) = body else { return Ok((None, fresh)) };
        let payload = assembler.take(&body).map_err(|resync| Trouble::new(resync.to_string()))?;
        self.assembled(asked, payload).map(|payload| (payload, fresh))
    }

    /// What the parts make; where that is too much, nothing is held any more.
    fn assembled(&mut self, asked: &Asked, payload: Option<Vec<u8>>) -> Result<Option<Bytes>, Trouble> {
        let bounded = self.bounded(payload.as_deref());
        if bounded.is_err() {
            self.places.remove(&asked.url);
        }
        bounded.map(|()| payload.map(Bytes::from))
    }

    /// However small its parts, the whole is no longer than one answer may be.
    fn bounded(&self, payload: Option<&[u8]>) -> Result<(), Trouble> {
        match payload.is_some_and(|payload| payload.len() > self.feed.max_bytes) {
            true => Err(Trouble::new(format!("what it adds up to is longer than {} bytes", self.feed.max_bytes))),
            false => Ok(()),
        }
    }

    /// Takes a payload; whether a game of it is live.
    async fn take(&mut self, payload: Bytes) -> Result<bool, Trouble> {
        let (adapter, provider, metrics) = (self.adapter, &self.grant.provider, &self.ingest.metrics);
        // A large payload takes long enough to hold up what else this thread serves.
        let decoded = tokio::task::spawn_blocking(move || adapter.decode(&payload)).await;
        let decoded =
            decoded.map_err(|error| error.to_string()).and_then(|read| read.map_err(|fault| fault.to_string()));
        let Decoded { reports, refused } = match decoded {
            Ok(decoded) => decoded,
            Err(error) => {
                metrics.payload(provider, PayloadOutcome::Refused);
                return Err(Trouble { why: format!("what it answers cannot be read: {error}"), retry_after: None });
            }
        };
        metrics.payload(provider, PayloadOutcome::Ok);
        let now = Timestamp::now();
        let live = reports.iter().any(|report| is_live(report, now));
        for fault in refused {
            tracing::debug!(feed = &**provider, %fault, "a part of a payload cannot be read");
            self.ingest.refuse(&self.grant, None, fault);
        }
        let accepting = reports.into_iter().map(|report| tokio::spawn(self.ingest.accept(&self.grant, report)));
        let mut verdicts = stream::iter(accepting).buffered(AT_ONCE);
        while let Some(verdict) = verdicts.next().await {
            let Ok(Verdict { game, said }) = verdict else { continue };
            if let Said::Refused { reason: Reason::Invalid | Reason::Forbidden, detail, .. } = said
                && self.noise.allows(Instant::now().into_std())
            {
                tracing::warn!(feed = &**provider, ?game, detail, "a report was refused");
            }
        }
        Ok(live)
    }
}

/// Whether its game is live, or may be.
fn is_live(report: &Report, now: Timestamp) -> bool {
    let (Change::Patch(said) | Change::Image(said)) = &report.change;
    let text = |key: &str| said.get(key).and_then(|value| value.as_str());
    let (before, after) = ABOUT;
    match text("status") {
        Some("live" | "break" | "interrupted") => true,
        Some("scheduled" | "unknown") | None => {
            let start = text("start").and_then(|start| start.parse::<Timestamp>().ok());
            start.is_some_and(|start| (-before..=after).contains(&now.duration_since(start)))
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_game_is_live_when_it_is_said_or_about_its_start() {
        let now: Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
        for (said, live) in [
            (json!({"status": "live"}), true),
            (json!({"status": "break", "start": "2020-01-01T00:00:00Z"}), true),
            (json!({"status": "final", "start": "2026-11-22T14:00:00Z"}), false),
            (json!({"status": "scheduled", "start": "2026-11-22T15:04:00Z"}), true),
            (json!({"status": "scheduled", "start": "2026-11-22T16:00:00Z"}), false),
            (json!({"status": "unknown", "start": "2026-11-22T13:30:00Z"}), true),
            (json!({"status": "unknown", "start": "2026-11-20T13:30:00Z"}), false),
            // The first and the last instant that there is.
            (json!({"status": "unknown", "start": "-009999-01-02T01:59:59Z"}), false),
            (json!({"status": "unknown", "start": "9999-12-30T22:00:00Z"}), false),
            (json!({}), false),
        ] {
            let report = json!({"game": "soccer/x/a", "image": said});
            assert_eq!(is_live(&Report::from_value(report).unwrap(), now), live, "{said}");
        }
    }
}
