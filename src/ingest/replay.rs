//! Replay: a recorded match day, played in a loop through the same ingest as any provider.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use feeds::{Report, Topic};
use tokio::time::Instant;

use self::recording::Line;
use super::{Ingest, Said};
use crate::auth::Grant;
use crate::drain::Drain;

pub mod recording;

/// The recording that the demo plays: eight sports, four minutes, lines `{"t":ms,"report":{…}}`.
const DEMO: &str = include_str!("../../feeds/recordings/demo.jsonl");

/// How long the last scores stand before it begins again.
const PAUSE: Duration = Duration::from_secs(10);

/// A report and when it comes.
struct Cue {
    after: Duration,
    report: Report,
}

/// Plays the demo until the drain begins.
pub async fn play_demo(ingest: Arc<Ingest>, grant: Arc<Grant>, drain: Drain) {
    match cues(DEMO) {
        Ok(cues) => tokio::select! {
            () = drain.wait() => {}
            () = play(&ingest, &grant, &cues) => {}
        },
        Err(error) => tracing::error!(error, "the demo cannot be played"),
    }
}

async fn play(ingest: &Arc<Ingest>, grant: &Arc<Grant>, cues: &[Cue]) {
    let games: BTreeSet<&Topic> = cues.iter().map(|cue| &cue.report.game).collect();
    loop {
        // Also before the first time: a kept log may hold the games of an earlier run, half played.
        for game in &games {
            ingest.remove(grant, game, None).await;
        }
        let begin = Instant::now();
        for cue in cues {
            tokio::time::sleep_until(begin + cue.after).await;
            let verdict = ingest.accept(grant, cue.report.clone()).await;
            if let Said::Refused { detail, .. } = &verdict.said {
                tracing::warn!(game = %cue.report.game, detail, "a report of the demo was refused");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The recording's cues. Ids, stamps and versions would be of the day it was recorded: without them it can be played
/// again.
fn cues(recording: &str) -> Result<Vec<Cue>, String> {
    let cue = |(number, line): (usize, &str)| {
        let line = Line::read(line).map_err(|error| format!("line {}: {error}", number + 1))?;
        let recording::Said::Report(report) = line.said else { return Err(format!("line {}: no report", number + 1)) };
        let report = Report { id: None, event_at: None, seq: None, if_version: None, ..report };
        Ok(Cue { after: Duration::from_millis(line.t), report })
    };
    recording.lines().enumerate().map(cue).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_in_order_and_lasts_some_minutes() {
        let cues = cues(DEMO).unwrap();
        assert!(cues.is_sorted_by_key(|cue| cue.after));
        assert!(cues.last().unwrap().after > Duration::from_secs(120));
        let sports: BTreeSet<&str> = cues.iter().map(|cue| cue.report.game.sport()).collect();
        assert!(sports.len() >= 6, "{sports:?}");
    }
}
