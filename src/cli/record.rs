//! `scoreline record`: what is told of some topics, written down as it comes. Each line is one message of the server and
//! when it came; see [`crate::ingest::replay::recording`]. A lost connection is resumed from where it was.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use feeds::Topic;
use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use super::client::{Listener, Server, Told};
use super::serve::Stop;
use crate::config::Span;
use crate::wire::Position;

/// Records.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is recorded, as soccer, soccer/eng.1, team/soccer/arsenal, or * for everything
    #[arg(required = true)]
    topics: Vec<Topic>,

    /// Where it is written [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// How long it records [default: until it is stopped]
    #[arg(long, value_name = "TIME")]
    duration: Option<Span>,

    #[command(flatten)]
    server: Server,
}

/// How a message begins that says nothing but the time.
const HEARTBEAT: &str = "{\"type\":\"heartbeat\"";

pub(super) fn command(args: Args) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let mut stop = Stop::new().map_err(|error| Failure::Failed(format!("no signals: {error}")))?;
        let mut recorder = Recorder::new(&args)?;
        let mut listener = Listener::new(&args.server, &args.topics, "&mode=every");
        let duration = args.duration.map_or(Duration::from_secs(u64::from(u32::MAX)), |span| span.0);
        let ended = tokio::select! {
            ended = recorder.run(&mut listener) => ended.map(|never| match never {}),
            () = stop.asked() => Ok(()),
            () = tokio::time::sleep(duration) => Ok(()),
        };
        recorder.finish(ended.is_ok(), listener.position());
        ended
    })
}

/// A new file: an earlier recording is left as it is. What is no file (a pipe, `/dev/stdout`) is written to.
fn create(path: &Path) -> Result<File, Failure> {
    let opened = if path.is_file() { File::create_new(path) } else { File::create(path) };
    opened.map_err(|error| {
        Failure::Failed(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{} is there already, and is left as it is; give another name", path.display())
            }
            _ => format!("{}: {error}", path.display()),
        })
    })
}

/// The file.
struct Recorder {
    output: Box<dyn Write + Send>,
    begun: Instant,
    messages: u64,
    bar: ProgressBar,
}

impl Recorder {
    fn new(args: &Args) -> Result<Recorder, Failure> {
        let output: Box<dyn Write + Send> = match &args.output {
            None => Box::new(std::io::stdout()),
            Some(path) => Box::new(create(path)?),
        };
        // Beside what is written on the same terminal a bar would only disturb.
        let shown = args.output.is_some() && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("{spinner} {elapsed} {pos} messages {msg}").expect("a template"));
        Ok(Recorder { output, begun: Instant::now(), messages: 0, bar })
    }

    /// Records until it cannot go on.
    async fn run(&mut self, listener: &mut Listener) -> Result<std::convert::Infallible, Failure> {
        loop {
            match listener.next().await? {
                Told::Message(message) if message.starts_with(HEARTBEAT) => {}
                Told::Message(message) => self.write(&message, listener.position())?,
                Told::Lost(why) => tell(&format!("{why}; connecting again")),
            }
        }
    }

    fn write(&mut self, message: &str, reached: Option<&Position>) -> Result<(), Failure> {
        let t = self.begun.elapsed().as_millis();
        let line = format!("{{\"t\":{t},\"message\":{message}}}\n");
        let written = self.output.write_all(line.as_bytes()).and_then(|()| self.output.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::Failed(format!("the recording cannot be written: {error}")),
        })?;
        self.messages += 1;
        self.bar.set_position(self.messages);
        if let Some(position) = reached {
            self.bar.set_message(format!("up to {position}"));
        }
        Ok(())
    }

    fn finish(&self, well: bool, reached: Option<&Position>) {
        self.bar.finish_and_clear();
        // Where nothing was recorded, why says it all.
        if !well && self.messages == 0 {
            return;
        }
        let reached = reached.map_or_else(String::new, |position| format!(", up to {position}"));
        tell(&format!("{} messages{reached}", self.messages));
    }
}

/// One line for a person; the recording may be on stdout.
fn tell(text: &str) {
    eprintln!("scoreline: {text}");
}
