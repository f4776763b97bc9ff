//! The keys of subscribers' tokens, kept as their issuer publishes them: a set in a file or at a URL, which is asked with
//! the care that a feed is asked with, and never leads to another host.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use super::fetch::Fetcher;
use crate::auth::Tokens;
use crate::config::KeySource;

/// Between two readings at least, whatever tokens ask for.
const PAUSE: Duration = Duration::from_secs(30);
/// After a reading that failed.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps them for ever. A set that cannot be had, or has no key of ours, leaves those that are in use.
pub async fn keep_keys(tokens: Arc<Tokens>, source: KeySource, refresh: Duration) {
    let mut reader = match Reader::new(source) {
        Ok(Some(reader)) => reader,
        Ok(None) => return, // a secret stays what it is
        Err(error) => return tracing::error!(error, "the keys of tokens cannot be asked for"),
    };
    let mut known = None;
    loop {
        let read = reader.read().await;
        let failed = match read {
            Ok(Some(set)) if known.as_ref() == Some(&set) => false,
            Ok(Some(set)) => {
                let taken = tokens.set_keys(&set);
                match &taken {
                    Ok(keys) => tracing::info!(keys, "the keys of tokens were read"),
                    Err(error) => tracing::error!(error, "the keys of tokens in use stay"),
                }
                known = Some(set);
                taken.is_err()
            }
            Ok(None) => false,
            Err(error) => {
                tracing::error!(error, "the keys of tokens in use stay");
                true
            }
        };
        let pause = if failed { RETRY } else { PAUSE }.min(refresh);
        sleep(pause).await;
        let rest = if failed { Duration::ZERO } else { refresh - pause };
        let _ = timeout(rest, tokens.asks_for_keys()).await;
    }
}

enum Reader {
    File(String),
    Url(Box<Fetcher>, String),
}

impl Reader {
    fn new(source: KeySource) -> Result<Option<Reader>, String> {
        Ok(match source {
            KeySource::Secret(_) => None,
            KeySource::File(file) => Some(Reader::File(file)),
            KeySource::Url(feed) => {
                let url = feed.url.first().cloned().unwrap_or_default();
                Some(Reader::Url(Box::new(Fetcher::new(&feed, "")?), url))
            }
        })
    }

    /// `None`: as it was.
    async fn read(&mut self) -> Result<Option<Bytes>, String> {
        match self {
            Reader::File(file) => {
                let read = tokio::fs::read(&*file).await;
                read.map(|set| Some(set.into())).map_err(|error| format!("{file}: {error}"))
            }
            Reader::Url(fetcher, url) => {
                fetcher.get(url, false).await.map(|answer| answer.body).map_err(|trouble| trouble.why)
            }
        }
    }
}
