//! `scoreline check`: what is in force and whose word it is, and whether what `serve` would need is there. It only
//! reads.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};
use feeds::game::nearest;
use jiff::Timestamp;

use super::{Failure, out};
use crate::broker;
use crate::config::{self, Config, Origin, Settings};
use crate::gateway::tls::certificate;

pub(super) fn command(said: Settings, matches: &ArgMatches) -> Result<(), Failure> {
    let file = said.config.as_ref().map_or_else(|| "no config file".to_owned(), |file| file.display().to_string());
    let told = |name: &str| told(matches.subcommand_matches("check")?, name);
    let (config, lines) = config::explain(said, told, broker::without_secrets)?;
    out::line(format_args!("config: {file}, {} providers, {} feeds", config.providers.len(), config.feeds.len()))?;
    for line in lines {
        let origin = match line.origin {
            Origin::Default => "default".to_owned(),
            Origin::File => file.clone(),
            Origin::Environment => format!("SCORELINE_{}", line.name.to_uppercase()),
            Origin::Flag => format!("--{}", line.name.replace('_', "-")),
        };
        out::line(format_args!("  {:<32} {:<36} {origin}", line.name, line.value))?;
    }
    for (name, provider) in &config.providers {
        let keyless = provider.key_sha256.is_empty() && provider.signing_secret_env.is_none();
        if keyless && !config.plain_keys.iter().any(|(of, _)| of == name) {
            out::line(format_args!("providers.{name}: it has no key and signs nothing: nobody can push as it"))?;
        }
    }
    let named = secrets(&config);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    strangers(names.filter(|name| !named.contains(&name.as_str())))?;
    super::serve::check_keys(&config)?;
    super::serve::filter(&config.log)?;
    super::serve::find("listen", &config.listen)?;
    super::serve::find("ops_listen", &config.ops_listen)?;
    tls(&config)?;
    let shown = broker::without_secrets(&config.broker);
    let looked = super::runtime()?.block_on(broker::look(&config.broker, super::serve::bounds(&config.limits)));
    let found = looked.map_err(|error| Failure::Failed(format!("broker {shown}: {error}")))?;
    out::line(format_args!("broker: {shown} {found}"))?;
    let files = super::serve::file_limit();
    out::line(format_args!("files: {files}, connections: {}", super::serve::connections(&config.limits, files)))
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

/// The variables in which the config says secrets are.
fn secrets(config: &Config) -> Vec<&str> {
    let tokens = config.tokens.iter().filter_map(|tokens| tokens.secret_env.as_deref());
    let providers = config.providers.values().filter_map(|provider| provider.signing_secret_env.as_deref());
    let feeds = config.feeds.values().filter_map(|feed| feed.secret_env.as_deref());
    tokens.chain(providers).chain(feeds).collect()
}

/// Names in the environment that look like settings and are none. They may be another program's: nothing is refused.
fn strangers(names: impl Iterator<Item = String>) -> Result<(), Failure> {
    let cli = super::Cli::command();
    let commands = std::iter::once(&cli).chain(cli.get_subcommands());
    let known = commands.flat_map(clap::Command::get_arguments).filter_map(|arg| arg.get_env()?.to_str());
    let known: Vec<&str> = known.collect();
    for name in names.filter(|name| name.starts_with("SCORELINE_") && !known.contains(&name.as_str())) {
        let meant = nearest(&name, &known).map_or(String::new(), |known| format!("; did you mean {known}?"));
        out::line(format_args!("environment: {name} is no setting{meant}"))?;
    }
    Ok(())
}

fn tls(config: &Config) -> Result<(), Failure> {
    let Some(files) = &config.tls else { return Ok(()) };
    let failed = |why: String| Failure::Failed(format!("certificate {}: {why}", files.cert.display()));
    let certificate = certificate(&files.cert, &files.key).map_err(|error| Failure::Failed(format!("tls: {error}")))?;
    certificate.is_valid_at(Timestamp::now()).map_err(failed)?;
    out::line(format_args!("certificate: {certificate}"))
}
