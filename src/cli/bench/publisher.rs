//! The publishing side: one streaming request whose lines leave when they are due, answered line by line.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Deserialize;

use super::http::{Body, Target, authorization, head};
use super::schedule::Schedule;
use super::{micros, new_histogram};

/// A request under way.
pub struct Publisher {
    writer: JoinHandle<io::Result<Histogram<u64>>>,
    reader: JoinHandle<io::Result<Answers>>,
}

/// What became of the reports of a stretch.
pub struct Published {
    /// What was answered.
    pub answers: Answers,
    /// From when a report was due to when it was handed to the kernel; µs. Large: this machine or the server is too slow.
    pub late: Histogram<u64>,
}

/// The answers to a stretch.
pub struct Answers {
    /// Reports that changed their game.
    pub applied: u64,
    /// Reports that did not, the first reason among them.
    pub others: u64,
    /// Why the first of the others was not applied.
    pub reason: Option<String>,
    /// The newest version of each game, by its number; 0 where nothing was applied.
    pub newest: Vec<u64>,
    /// From when a report was due to its answer; µs.
    pub answered: Histogram<u64>,
    /// When the last answer came.
    pub ended: Instant,
}

#[derive(Deserialize)]
struct Answer {
    applied: bool,
    version: Option<u64>,
    reason: Option<String>,
    detail: Option<String>,
}

impl Publisher {
    /// Begins a stretch on a connection of its own; `line` gives a report's JSON.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn start(
        target: &Target,
        key: Option<&str>,
        schedule: Schedule,
        line: impl FnMut(u64) -> String + Send + 'static,
    ) -> io::Result<Publisher> {
        let mut stream = target.connect()?;
        let (host, key) = (&target.host, authorization(key));
        write!(
            stream,
            "POST /v1/updates HTTP/1.1\r\nHost: {host}\r\n{key}\
             Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        )?;
        let answers = stream.try_clone()?;
        let writer = std::thread::spawn(move || write_lines(stream, schedule, line));
        let reader = std::thread::spawn(move || read_answers(answers, schedule));
        Ok(Publisher { writer, reader })
    }

    /// Whether the last answer came, or the request broke off.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.reader.is_finished()
    }

    /// Waits for the last answer.
    ///
    /// # Errors
    /// When the request broke off.
    pub fn finish(self) -> io::Result<Published> {
        let ended = |_| io::Error::other("a publishing thread panicked");
        let answers = self.reader.join().map_err(ended)??;
        let late = self.writer.join().map_err(ended)??;
        Ok(Published { answers, late })
    }
}

fn write_lines(
    stream: TcpStream,
    schedule: Schedule,
    mut line: impl FnMut(u64) -> String,
) -> io::Result<Histogram<u64>> {
    let mut late = new_histogram();
    let mut stream = BufWriter::with_capacity(64 << 10, stream);
    for report in schedule.first..schedule.first + schedule.count {
        let due = schedule.due(report);
        let wait = due.saturating_duration_since(Instant::now());
        if wait > Duration::ZERO {
            stream.flush()?;
            std::thread::sleep(wait);
        }
        let line = line(report);
        write!(stream, "{:x}\r\n{line}\n\r\n", line.len() + 1)?;
        late.saturating_record(micros(due.elapsed()));
    }
    stream.write_all(b"0\r\n\r\n")?;
    stream.flush()?;
    Ok(late)
}

fn read_answers(stream: TcpStream, schedule: Schedule) -> io::Result<Answers> {
    let mut stream = BufReader::new(stream);
    let head = head(&mut stream)?;
    let mut body = BufReader::new(Body::new(stream, &head));
    if head.status != 200 {
        let mut text = String::new();
        body.take(2_000).read_to_string(&mut text)?;
        return Err(io::Error::other(format!("publishing was answered {}: {}", head.status, text.trim())));
    }
    let mut answers = Answers {
        applied: 0,
        others: 0,
        reason: None,
        newest: vec![0; usize::try_from(schedule.games).expect("games are counted in memory")],
        answered: new_histogram(),
        ended: Instant::now(),
    };
    let mut text = String::new();
    // A stream is answered in its order: the n-th line is the answer to the n-th report.
    for report in schedule.first.. {
        text.clear();
        if body.read_line(&mut text)? == 0 {
            break;
        }
        answers.take(&schedule, report, serde_json::from_str(&text)?);
    }
    Ok(answers)
}

impl Answers {
    fn take(&mut self, schedule: &Schedule, report: u64, answer: Answer) {
        self.ended = Instant::now();
        self.answered.saturating_record(micros(self.ended.saturating_duration_since(schedule.due(report))));
        if answer.applied {
            self.applied += 1;
            let game = usize::try_from(schedule.game(report)).expect("games are counted in memory");
            self.newest[game] = answer.version.unwrap_or(0);
        } else {
            self.others += 1;
            let reason = || format!("{}: {}", answer.reason.unwrap_or_default(), answer.detail.unwrap_or_default());
            self.reason.get_or_insert_with(reason);
        }
    }
}
