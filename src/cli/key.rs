//! `scoreline key NAME`: a provider's key, once, and what the config keeps of it.

use std::fmt::Write as _;

use super::{Failure, out};
use crate::auth;

/// Makes a key.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The provider's name in the config
    name: String,
}

pub(super) fn command(args: &Args) -> Result<(), Failure> {
    if !feeds::topic::is_segment(&args.name) {
        return Err(Failure::Usage(format!("{:?}: a name is [a-z0-9][a-z0-9._-]*", args.name)));
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Failure::Failed(format!("no random bytes: {error}")))?;
    let key = format!("sl_{}", hex::encode(secret));
    let mut text = String::new();
    let _ = writeln!(text, "# The provider's key, told once: {key}");
    let _ = writeln!(text, "[providers.{}]", args.name);
    let _ = writeln!(text, "key_sha256 = [\"{}\"]", hex::encode(auth::hash(key.as_bytes())));
    out::print(text)
}
