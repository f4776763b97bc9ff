//! Brings a recording's games to the service, one report after another.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use feeds::{Change, Document, Report, Topic};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::remake::remake;
use crate::cli::Failure;
use crate::cli::client::{Client, collect, refusal, whole};

/// How often something is said that the service cannot take now.
const TRIES: u32 = 20;

/// Plays as one provider.
pub(super) struct Poster {
    client: Client,
    /// Games that were begun in this lap, as they are at the service, where that is known.
    begun: BTreeMap<Topic, Option<Document>>,
    reports: u64,
    /// Documents that reports cannot make what they were, and the game of the first.
    inexact: u64,
    example: Option<Topic>,
    refused: u64,
    why: String,
}

/// A result, as far as it matters here: section 5 of the contract.
#[derive(Deserialize)]
struct Verdict {
    reason: Option<String>,
    version: Option<u64>,
    detail: Option<String>,
}

impl Poster {
    pub(super) fn new(client: Client) -> Poster {
        Poster { client, begun: BTreeMap::new(), reports: 0, inexact: 0, example: None, refused: 0, why: String::new() }
    }

    /// Plays from the beginning.
    pub(super) fn begin_again(&mut self) {
        self.begun.clear();
    }

    /// The game is this now.
    pub(super) async fn show(&mut self, game: &Topic, document: &Document) -> Result<(), Failure> {
        self.begin(game).await?;
        let held = self.begun.get(game).and_then(Option::as_ref);
        let (reports, exact) = remake(game, held, document);
        if !exact {
            self.inexact += 1;
            self.example.get_or_insert_with(|| game.clone());
        }
        self.begun.insert(game.clone(), Some(document.clone()));
        for report in reports {
            self.say(report).await?;
        }
        Ok(())
    }

    /// A report is made as it is; ids, stamps and versions would be of the day it was recorded.
    pub(super) async fn post(&mut self, report: Report) -> Result<(), Failure> {
        self.begin(&report.game).await?;
        self.say(Report { id: None, event_at: None, seq: None, if_version: None, ..report }).await
    }

    /// The game is gone.
    pub(super) async fn remove(&mut self, game: &Topic) -> Result<(), Failure> {
        self.begun.remove(game);
        let (status, body) = self.ask(Method::DELETE, &format!("/v1/games/{game}"), "").await?;
        match status {
            StatusCode::OK | StatusCode::NOT_FOUND => Ok(()),
            status => Err(refusal(status, &body)),
        }
    }

    /// A game begins from nothing, whatever the service held of it.
    async fn begin(&mut self, game: &Topic) -> Result<(), Failure> {
        if self.begun.contains_key(game) {
            return Ok(());
        }
        self.remove(game).await?;
        self.begun.insert(game.clone(), None);
        Ok(())
    }

    async fn say(&mut self, mut report: Report) -> Result<(), Failure> {
        self.reports += 1;
        let mut verdict = self.tell(&report).await?;
        if verdict.reason.as_deref() == Some("outdated") && report.event_at.take().is_some() {
            // It was played here before: the moment is known, and now it is another.
            verdict = self.tell(&report).await?;
        }
        if verdict.reason.as_deref() == Some("unchanged") && verdict.version == Some(0) {
            // It was removed as just this, and what adds nothing to that does not bring it back. So something is added,
            // and taken away.
            let (Change::Patch(patch) | Change::Image(patch)) = &report.change;
            let was = patch.get("status_reason").cloned().unwrap_or_default();
            let marked = |reason| Change::Patch(Document::from_iter([("status_reason".to_owned(), reason)]));
            let mut more = patch.clone();
            more.insert("status_reason".to_owned(), format!("replay {}", fastrand::u32(..)).into());
            verdict = self.tell(&Report { change: Change::Patch(more), ..report.clone() }).await?;
            self.tell(&Report { change: marked(was), ..report.clone() }).await?;
        }
        if !matches!(verdict.reason.as_deref(), None | Some("unchanged")) {
            self.refused += 1;
            self.why = format!("{}: {}", report.game, verdict.detail.unwrap_or_default());
        }
        Ok(())
    }

    async fn tell(&mut self, report: &Report) -> Result<Verdict, Failure> {
        let body = report.to_json().to_string();
        let (status, answer) = self.ask(Method::POST, "/v1/updates", &body).await?;
        match status {
            StatusCode::OK => serde_json::from_slice(&answer)
                .map_err(|error| Failure::Failed(format!("the answer is no result: {error}"))),
            StatusCode::UNPROCESSABLE_ENTITY => {
                let detail = Some(refusal(status, &answer).to_string());
                Ok(Verdict { reason: Some("invalid".to_owned()), version: None, detail })
            }
            status => Err(refusal(status, &answer)),
        }
    }

    /// Asks, again where the service cannot take it now.
    async fn ask(&mut self, method: Method, path: &str, body: &str) -> Result<(StatusCode, Bytes), Failure> {
        for left in (0..TRIES).rev() {
            let request = self.client.request(method.clone(), path).header(CONTENT_TYPE, "application/json");
            let response = self.client.send(request, whole(body.to_owned())).await?;
            let later = matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            let after = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
            let answer = collect(response).await?;
            if !later || left == 0 {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_secs(after.unwrap_or(1).min(60))).await;
        }
        unreachable!("the last try is answered");
    }

    /// Whether anything was said.
    pub(super) fn has_played(&self) -> bool {
        self.reports > 0
    }

    /// What was done, for a person.
    pub(super) fn summary(&self) -> String {
        let games = self.begun.len();
        let inexact = self.example.as_ref().map_or_else(String::new, |game| {
            format!(", {} of them not just what they were, the first of {game}", self.inexact)
        });
        format!("{} reports of {games} games{inexact}", self.reports)
    }

    /// Whether all was taken.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.refused {
            0 => Ok(()),
            refused => Err(Failure::Failed(format!("{refused} reports were not taken; the last: {}", self.why))),
        }
    }
}
