//! `scoreline check`: what is in force and whose word it is, and whether what `serve` would need is there.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};
use feeds::game::nearest;
use jiff::Timestamp;

use super::Failure;
use crate::broker;
use crate::config::{self, Config, Origin, Settings};
use crate::gateway::tls::certificate;

pub(super) fn command(said: Settings, matches: &ArgMatches) -> Result<(), Failure> {
    let file = said.config.as_ref().map_or_else(|| "no config file".to_owned(), |file| file.display().to_string());
    let told = |name: &str| told(matches.subcommand_matches("check")?, name);
    let (config, lines) = config::explain(said, told, broker::without_secrets)?;
    println!("config: {file}, {} providers, {} feeds", config.providers.len(), config.feeds.len());
    for line in lines {
        let origin = match line.origin {
            Origin::Default => "default".to_owned(),
            Origin::File => file.clone(),
            Origin::Environment => format!("SCORELINE_{}", line.name.to_uppercase()),
            Origin::Flag => format!("--{}", line.name.replace('_', "-")),
        };
        println!("  {:<32} {:<36} {origin}", line.name, line.value);
    }
    strangers(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
    tls(&config)?;
    let bounds = super::serve::bounds(&config.limits);
    let opened = super::runtime()?.block_on(async {
        let broker = broker::connect(&config.broker, bounds).await?;
        broker.ready().await
    });
    opened.map_err(|error| Failure::Failed(format!("broker {}: {error}", broker::without_secrets(&config.broker))))?;
    println!("broker: {} answers", broker::without_secrets(&config.broker));
    let files = super::serve::file_limit();
    println!("files: {files}, connections: {}", super::serve::connections(&config.limits, files));
    Ok(())
}

/// Whether it was told by flag or environment.
fn told(matches: &ArgMatches, name: &str) -> Option<Origin> {
    matches.ids().find(|id| id.as_str() == name)?;
    match matches.value_source(name)? {
        ValueSource::CommandLine => Some(Origin::Flag),
        ValueSource::EnvVariable => Some(Origin::Environment),
        _ => None,
    }
}

/// Names in the environment that look like settings and are none. They may be another program's: nothing is refused.
fn strangers(names: impl Iterator<Item = String>) {
    let cli = super::Cli::command();
    let commands = std::iter::once(&cli).chain(cli.get_subcommands());
    let known = commands.flat_map(clap::Command::get_arguments).filter_map(|arg| arg.get_env()?.to_str());
    let known: Vec<&str> = known.collect();
    for name in names.filter(|name| name.starts_with("SCORELINE_") && !known.contains(&name.as_str())) {
        let meant = nearest(&name, &known).map_or(String::new(), |known| format!("; did you mean {known}?"));
        println!("environment: {name} is no setting{meant}");
    }
}

fn tls(config: &Config) -> Result<(), Failure> {
    let Some(files) = &config.tls else { return Ok(()) };
    let failed = |why: String| Failure::Failed(format!("certificate {}: {why}", files.cert.display()));
    let certificate = certificate(&files.cert, &files.key).map_err(|error| Failure::Failed(format!("tls: {error}")))?;
    certificate.is_valid_at(Timestamp::now()).map_err(failed)?;
    println!("certificate: {certificate}");
    Ok(())
}
