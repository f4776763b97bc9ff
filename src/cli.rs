//! The command line: what there is to do, and how it goes wrong in one line.

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, ConfigError, Role, Settings};

pub mod bench;
mod check;
mod client;
mod feeds;
mod init;
mod key;
mod manual;
mod out;
mod publish;
mod record;
mod replay;
pub mod serve;
mod watch;

/// Live sports ticker: score updates in, one order, streams out.
///
/// Alone, it is `scoreline serve --demo`: a recorded match day on a loop, at http://127.0.0.1:8080.
#[derive(Debug, Parser)]
#[command(name = "scoreline", version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Settings,
}

/// Below the help, and in the manual.
const EXIT_CODES: &str = "Exit codes: 0 it is done, or stopped as asked; 1 it could not be done; 2 it was asked wrongly (a flag, a \
                          setting, a file's contents). What went wrong is one line on stderr. NO_COLOR=1: no colours.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Gateway and ingest in one process
    Serve(Settings),
    /// Subscribers only: any number of these share a broker
    Gateway(Settings),
    /// Providers only: any number of these share a broker
    Ingest(Settings),
    /// Post one report, or NDJSON reports from stdin
    Publish(publish::Args),
    /// A ticker in the terminal; plain lines elsewhere
    Watch(watch::Args),
    /// Write down what is told of some topics, as NDJSON with positions and times
    Record(record::Args),
    /// Play a recording into a service
    Replay(replay::Args),
    /// Say what is in force and whose word it is; try the config, the broker, the certificate, the file descriptors
    Check(Settings),
    /// Write a config file that names every setting, with its default
    Init(init::Args),
    /// Load a service and check what it delivers
    Bench(bench::Args),
    /// Try formats: golden pairs
    #[command(subcommand)]
    Feeds(feeds::Feeds),
    /// Make a provider's key
    Key(key::Args),
    /// Print completions for a shell
    Completions(manual::Completions),
    /// Print the manual page, or write one for each command
    Man(manual::Man),
}

/// Why a command ended otherwise than well; printed as one line.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was asked wrongly: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It could not be done: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Whoever read stdout has heard enough, as `head` does: it ends in silence, exit code 0.
    #[error("nobody reads on")]
    Unread,
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Failed(_) => 1,
            Failure::Unread => 0,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::Usage(error.to_string())
    }
}

/// Does what the arguments say.
///
/// # Errors
/// Why it could not.
pub fn run(arguments: Vec<std::ffi::OsString>) -> Result<(), Failure> {
    let alone = arguments.len() <= 1;
    let Some((cli, matches)) = parse(arguments)? else { return Ok(()) };
    match cli.command {
        None => serve(cli.serve, alone, Role::Both),
        Some(Command::Serve(said)) => serve(said, false, Role::Both),
        Some(Command::Gateway(said)) => serve(said, false, Role::Gateway),
        Some(Command::Ingest(said)) => serve(said, false, Role::Ingest),
        Some(Command::Check(said)) => check::command(said, &matches),
        Some(Command::Init(args)) => init::command(&args),
        Some(Command::Publish(args)) => publish::command(args),
        Some(Command::Watch(args)) => watch::command(args),
        Some(Command::Record(args)) => record::command(args),
        Some(Command::Replay(args)) => replay::command(args),
        Some(Command::Bench(args)) => bench::command(args),
        Some(Command::Feeds(args)) => feeds::command(&args),
        Some(Command::Key(args)) => key::command(&args),
        Some(Command::Completions(args)) => manual::completions(&args, Cli::command()),
        Some(Command::Man(args)) => manual::man(&args, Cli::command()),
    }
}

/// Called with nothing at all, it is the demo, unless the environment says what it is. What flags and environment say is
/// the same whenever the file is read again.
fn serve(mut said: Settings, alone: bool, role: Role) -> Result<(), Failure> {
    if alone && said.config.is_none() {
        said.demo = said.demo.or(Some(true));
    }
    serve::command(move || Ok(Config::load(said.clone())?.with_role(role)?))
}

/// The arguments, typed and as they came; `None` when help or the version was asked for, and printed.
fn parse(arguments: Vec<std::ffi::OsString>) -> Result<Option<(Cli, ArgMatches)>, Failure> {
    let matches = Cli::command().try_get_matches_from(arguments);
    let parsed = matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    match parsed {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            error.print().map_err(out::unsaid)?;
            Ok(None)
        }
        Err(error) => Err(Failure::Usage(one_line(&error.to_string()))),
    }
}

/// The first paragraph of clap's message and its tip, as one line.
fn one_line(message: &str) -> String {
    let mut paragraphs = message.split("\n\n").map(str::trim);
    let first = paragraphs.next().unwrap_or(message);
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: "));
    let said = format!("{} ({})", first.strip_prefix("error: ").unwrap_or(first), tip.unwrap_or(HELP));
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

const HELP: &str = "scoreline --help tells more";

/// A runtime for a command.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::Failed(format!("no threads: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Cli>, Failure> {
        parse(line.split(' ').map(Into::into).collect()).map(|parsed| parsed.map(|(cli, _)| cli))
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for (line, error) in [
            ("scoreline --nope", "unexpected argument '--nope' found"),
            ("scoreline serve --shards many", "invalid value 'many' for '--shards <N>'"),
            ("scoreline publish", "the following required arguments were not provided: <GAME>"),
            ("scoreline fly", "unrecognized subcommand 'fly'"),
            ("scoreline serve --drain soon", "invalid value 'soon' for '--drain <TIME>'"),
            (
                "scoreline serve --listn x",
                "unexpected argument '--listn' found (a similar argument exists: '--listen')",
            ),
        ] {
            let Err(Failure::Usage(said)) = parsed(line) else { panic!("{line:?} was taken") };
            assert!(said.starts_with(error) && !said.contains('\n'), "{line:?} said {said:?}");
        }
    }

    #[test]
    fn flags_without_a_command_are_of_serve() {
        let cli = parsed("scoreline --listen 127.0.0.1:0 --demo").unwrap().unwrap();
        assert!(cli.command.is_none());
        assert_eq!((cli.serve.listen.as_deref(), cli.serve.demo), (Some("127.0.0.1:0"), Some(true)));
        let cli = parsed("scoreline serve --demo=false --allow-origin a --allow-origin b").unwrap().unwrap();
        let Some(Command::Serve(said)) = cli.command else { panic!("{cli:?}") };
        assert_eq!(said.demo, Some(false));
        assert_eq!(said.allow_origin.unwrap(), ["a", "b"]);
    }
}
