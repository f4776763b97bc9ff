//! `scoreline watch`: a ticker in the terminal; plain lines where no terminal is, the messages themselves with `--json`.

mod screen;
mod ticker;
mod words;

use std::io::IsTerminal;
use std::time::{SystemTime, UNIX_EPOCH};

use feeds::Topic;
use tokio::sync::mpsc;

use super::client::{Listener, Server, Told};
use super::serve::Stop;
use super::{Failure, out};
use ticker::Ticker;

/// Watches.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is watched, as soccer, soccer/eng.1, team/soccer/arsenal, or * for everything
    #[arg(required = true)]
    topics: Vec<Topic>,

    /// Print the messages of the server, one a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    server: Server,
}

/// What was heard and is not shown yet; a full one makes the socket wait.
const HEARD: usize = 256;

pub(super) fn command(args: Args) -> Result<(), Failure> {
    super::runtime()?.block_on(async {
        let mut stop = Stop::new().map_err(|error| Failure::Failed(format!("no signals: {error}")))?;
        let mut listener = Listener::new(&args.server, &args.topics, "");
        let (sender, told) = mpsc::channel(HEARD);
        tokio::spawn(async move {
            loop {
                let told = listener.next().await;
                let ends = told.is_err();
                if sender.send(told).await.is_err() || ends {
                    return;
                }
            }
        });
        let shown = async {
            match (args.json, std::io::stdout().is_terminal()) {
                (true, _) => messages(told).await,
                (false, true) => screen::show(told, &args.server.url.to_string()).await,
                (false, false) => lines(told).await,
            }
        };
        tokio::select! {
            ended = shown => ended,
            () = stop.asked() => Ok(()),
        }
    })
}

type Heard = mpsc::Receiver<Result<Told, Failure>>;

/// The messages as they come.
async fn messages(mut told: Heard) -> Result<(), Failure> {
    while let Some(told) = told.recv().await {
        match told? {
            Told::Message(message) => out::line(message)?,
            Told::Lost(why) => tell_lost(&why),
        }
    }
    Ok(())
}

/// A line for each change that one can see in it.
async fn lines(mut told: Heard) -> Result<(), Failure> {
    let mut ticker = Ticker::default();
    while let Some(told) = told.recv().await {
        match told? {
            Told::Message(message) => {
                for game in ticker.hear(&message, now())? {
                    let Some(line) = ticker.line(&game, now()) else { continue };
                    let time = jiff::ZonedDateTime::now().strftime("%H:%M:%S").to_string();
                    out::line(format_args!("{time}  {}", words::printable(&line)))?;
                }
            }
            Told::Lost(why) => tell_lost(&why),
        }
    }
    Ok(())
}

fn tell_lost(why: &str) {
    eprintln!("scoreline: {why}; connecting again");
}

/// ms since the Unix epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
