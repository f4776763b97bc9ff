//! `scoreline replay`: a recording played into a service, through the same door as any provider. The documents become
//! what they were, byte for byte; `feed` is the name of the provider whose key plays it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use self::poster::Poster;
use super::Failure;
use super::client::{Change, Replica, Server};
use super::serve::Stop;
use crate::config::Span;
use crate::ingest::replay::recording::{Line, Message, Said};
use crate::wire::Position;

mod poster;
mod remake;

/// Plays a recording. Games of the recording that the service holds are removed first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What `scoreline record` wrote, or lines of {"t":ms,"report":{…}}
    file: PathBuf,

    /// How many times faster than it was, as 10x; max = as fast as the service takes it
    #[arg(long, default_value = "1x")]
    speed: Speed,

    /// Begin again at its end, until it is stopped
    #[arg(long = "loop")]
    again: bool,

    /// Begin there: a position or log offset (k3qx9a.1041, 1041), a time into it (90s, 1h), or an instant
    /// (2026-11-22T15:30:00Z); the games begin as they stood then
    #[arg(long, value_name = "PLACE")]
    from: Option<Place>,

    #[command(flatten)]
    server: Server,
}

/// How fast it is played.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Speed(f64);

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        let number = text.strip_suffix('x').unwrap_or(text);
        match number.parse::<f64>() {
            _ if text == "max" => Ok(Speed(f64::INFINITY)),
            Ok(speed) if (0.001..=1e6).contains(&speed) => Ok(Speed(speed)),
            _ => Err("a speed from 0.001x to 1000000x, or max".to_owned()),
        }
    }
}

/// A place in a recording.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// After this log offset.
    Offset(u64),
    /// After this position, which is one of its own log only.
    Position(Position),
    /// So many ms after the beginning.
    After(u64),
    /// After this instant; ms since the Unix epoch.
    Clock(i64),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let offset = text.parse().ok().map(Place::Offset).or_else(|| text.parse().ok().map(Place::Position));
        let instant = || Some(Place::Clock(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()));
        let time = || Some(Place::After(u64::try_from(text.parse::<Span>().ok()?.ms()).ok()?));
        offset.or_else(instant).or_else(time).ok_or_else(|| "a position, a log offset, a time or an instant".to_owned())
    }
}

/// Between the end and the next beginning.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn command(args: Args) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let mut stop = Stop::new().map_err(|error| Failure::Failed(format!("no signals: {error}")))?;
        let mut poster = Poster::new(args.server.connect().await?);
        let played = tokio::select! {
            played = play(&args, &mut poster) => played,
            () = stop.asked() => Ok(()),
        };
        // Where nothing was played, why says it all.
        if played.is_ok() || poster.has_played() {
            eprintln!("scoreline: {}", poster.summary());
        }
        played.and_then(|()| poster.verdict())
    })
}

async fn play(args: &Args, poster: &mut Poster) -> Result<(), Failure> {
    loop {
        lap(args, poster).await?;
        if !args.again {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        poster.begin_again();
    }
}

/// Plays it once.
async fn lap(args: &Args, poster: &mut Poster) -> Result<(), Failure> {
    let mut recording = Recording::open(&args.file)?;
    let (mut replica, mut from, mut begun) = (Replica::default(), args.from.as_ref(), None);
    while let Some(Line { t, said }) = recording.next()? {
        if from.is_some_and(|place| recording.is_beyond(place, t, &said)) {
            from = None;
            for (game, document) in replica.games() {
                poster.show(game, document).await?;
            }
        }
        if from.is_none() {
            let (begun, first) = *begun.get_or_insert((Instant::now(), t));
            tokio::time::sleep_until(begun + Duration::from_millis(t.saturating_sub(first)).div_f64(args.speed.0))
                .await;
        }
        match said {
            // Also what comes before the place: who begins in the middle cannot do without it.
            Said::Report(report) => poster.post(report).await?,
            Said::Message(message) => {
                let changes = replica.take(message).map_err(|fault| recording.fault(&fault))?;
                for change in changes.into_iter().filter(|_| from.is_none()) {
                    match change {
                        Change::Now(game) => poster.show(&game, &replica.games[&game].1).await?,
                        Change::Gone(game) => poster.remove(&game).await?,
                    }
                }
            }
        }
    }
    match from {
        Some(_) => Err(Failure::Failed(format!("{}: it ends before that", args.file.display()))),
        None => Ok(()),
    }
}

/// The file, and how far it is read.
struct Recording {
    lines: BufReader<File>,
    name: String,
    number: usize,
    bar: ProgressBar,
    /// What the wall clock said when the recording was at t = 0; ms.
    began_at: Option<i64>,
}

impl Recording {
    fn open(path: &std::path::Path) -> Result<Recording, Failure> {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, file) = opened.map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
        // Hidden where stderr is no terminal.
        let bar = ProgressBar::new(bytes);
        let style = ProgressStyle::with_template("{elapsed} {wide_bar:.green} {percent}% {msg}");
        bar.set_style(style.expect("a template that the bar knows"));
        Ok(Recording { lines: BufReader::new(file), name, number: 0, bar, began_at: None })
    }

    /// The next line. A last line that was not written to its end counts as not written; one alone is no recording.
    fn next(&mut self) -> Result<Option<Line>, Failure> {
        let mut text = String::new();
        self.number += 1;
        let read = self.lines.read_line(&mut text).map_err(|error| self.fault(&error.to_string()))?;
        self.bar.inc(read as u64);
        let line = match text.strip_suffix('\n') {
            None if text.is_empty() || (self.number > 1 && Line::read(&text).is_err()) => {
                self.bar.finish_and_clear();
                return Ok(None);
            }
            whole => Line::read(whole.unwrap_or(&text)).map_err(|fault| self.fault(&fault))?,
        };
        if let Said::Message(Message::Hello { time_ms }) = &line.said {
            self.began_at = Some(time_ms.saturating_sub_unsigned(line.t));
        }
        self.bar.set_message(format!("{} s", line.t / 1_000));
        Ok(Some(line))
    }

    fn is_beyond(&self, place: &Place, t: u64, said: &Said) -> bool {
        let message = match said {
            Said::Message(message) => Some(message),
            Said::Report(_) => None,
        };
        match place {
            Place::Offset(offset) => message.and_then(Message::position).is_some_and(|at| at.offset > *offset),
            Place::Position(place) => message
                .and_then(Message::position)
                .is_some_and(|at| at.epoch == place.epoch && at.offset > place.offset),
            Place::After(ms) => t > *ms,
            Place::Clock(instant) => {
                let arrived = self.began_at.map(|began_at| began_at.saturating_add_unsigned(t));
                let at = match message {
                    Some(Message::Update { at, .. }) => Some(*at),
                    _ => arrived,
                };
                at.is_some_and(|at| at > *instant)
            }
        }
    }

    fn fault(&self, what: &str) -> Failure {
        Failure::Failed(format!("{}: line {}: {what}", self.name, self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_speeds_are_written_as_people_write_them() {
        for (text, place) in [
            ("1041", Some(Place::Offset(1_041))),
            ("k3qx9a.1041", Some(Place::Position(Position { epoch: "k3qx9a".into(), offset: 1_041 }))),
            ("90s", Some(Place::After(90_000))),
            ("1h 30m", Some(Place::After(5_400_000))),
            ("2026-11-22T15:30:00Z", Some(Place::Clock(1_795_361_400_000))),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(text.parse().ok(), place, "{text}");
        }
        for (text, speed) in [("10x", 10.0), ("0.5", 0.5), ("max", f64::INFINITY)] {
            assert_eq!(text.parse(), Ok(Speed(speed)));
        }
        for text in ["0", "-1x", "1e-9", "inf", "nan", "x", ""] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
