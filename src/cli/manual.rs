//! `scoreline completions` and `scoreline man`: the command line, told to a shell and to `man`.

use std::path::PathBuf;

use clap_complete::Shell;

use super::{Failure, out};

/// Completions.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// The manual.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// A folder for the pages of all commands [default: the first page, to stdout]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &Completions, mut cli: clap::Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "scoreline", &mut text);
    out::print(String::from_utf8_lossy(&text))
}

pub(super) fn man(args: &Man, cli: clap::Command) -> Result<(), Failure> {
    let Some(dir) = &args.dir else {
        let mut text = Vec::new();
        clap_mangen::Man::new(cli).render(&mut text).map_err(|error| Failure::Failed(error.to_string()))?;
        return out::print(String::from_utf8_lossy(&text));
    };
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(cli, dir).map_err(failed)
}
