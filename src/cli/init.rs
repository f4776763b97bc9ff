//! `scoreline init`: a config file that names every setting.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::{Failure, out};

/// Writes a config.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file; - for stdout
    #[arg(default_value = "scoreline.toml")]
    file: PathBuf,
}

/// Every setting, commented out: `#name = value` with its default or an example, `# text` for people.
const CONFIG: &str = include_str!("init.toml");

pub(super) fn command(args: &Args) -> Result<(), Failure> {
    let file = &args.file;
    if file == Path::new("-") {
        return out::print(CONFIG);
    }
    let written = File::create_new(file).and_then(|mut file| file.write_all(CONFIG.as_bytes()));
    match written {
        Ok(()) => out::line(format_args!(
            "{0} is written; scoreline check --config {0} says what is in force",
            file.display()
        )),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Failed(format!(
            "{} is there already, and is left as it is; give another name, as scoreline init {}",
            file.display(),
            file.with_file_name("new.toml").display()
        ))),
        Err(error) => Err(Failure::Failed(format!("{}: {error}", file.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Limits, Provider, Settings};

    /// The file with every setting in force.
    fn uncommented() -> String {
        let line = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        };
        CONFIG.lines().map(line).collect()
    }

    fn table(path: &str) -> toml::Table {
        let whole: toml::Table = toml::from_str(&uncommented()).unwrap();
        path.split('.')
            .filter(|part| !part.is_empty())
            .fold(whole, |table, part| table[part].as_table().unwrap().clone())
    }

    /// Every name that a table may have, as the error about one that it may not tells.
    fn known(path: &str) -> Vec<String> {
        let header = if path.is_empty() { String::new() } else { format!("[{path}]\n") };
        let error = Config::parse(&format!("{header}qqqqqqqqqqqqqqqqqqq = 1")).unwrap_err().to_string();
        let names = error.split_once("; there are ").unwrap_or_else(|| panic!("{error}")).1;
        names.split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn it_changes_nothing() {
        let (said, default) = (Config::parse(CONFIG).unwrap(), Config::parse("").unwrap());
        assert_eq!(format!("{said:?}"), format!("{default:?}"));
    }

    #[test]
    fn it_names_every_setting() {
        for path in ["", "tls", "limits", "providers.acme", "feeds.epl", "pairing", "tokens"] {
            let table = table(path);
            for name in known(path) {
                assert!(table.contains_key(&name), "[{path}] {name} is not in init.toml");
            }
        }
    }

    #[test]
    fn its_settings_are_the_defaults() {
        let _: Settings = toml::from_str(&uncommented()).unwrap();
        let mut limits: Limits = table("limits").try_into().unwrap();
        assert_eq!(limits.connections.take(), Some(18_000));
        assert_eq!(limits, Limits::default());
        let default = Config::parse("").unwrap();
        let said = table("");
        for (name, value) in [("listen", &default.listen), ("ops_listen", &default.ops_listen), ("log", &default.log)] {
            assert_eq!(said[name].as_str(), Some(value.as_str()));
        }
        assert_eq!(said["broker"].as_str(), Some(default.broker.as_str()));
        assert_eq!(said["drain"].as_str(), Some("10s"));
        for name in ["demo", "test_echo", "proxy_protocol", "reuse_port"] {
            assert_eq!(said[name].as_bool(), Some(false), "{name}");
        }
        let provider: Provider = table("providers.acme").try_into().unwrap();
        assert_eq!((provider.priority, provider.desk), (Provider::default().priority, false));
        assert_eq!(provider.topics, Provider::default().topics);
    }
}
