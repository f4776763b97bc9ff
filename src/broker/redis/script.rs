//! Scripts: called by their hash, sent whole when the server does not know it (any more).

use ::redis::aio::ConnectionLike;
use ::redis::{ErrorKind, RedisResult, ServerErrorKind, Value, cmd};
use sha1::{Digest, Sha1};

/// A script and its hash.
pub(super) struct Script {
    text: String,
    hash: String,
}

/// All of them.
pub(super) struct Scripts {
    pub(super) open: Script,
    pub(super) publish: Script,
    pub(super) heard: Script,
    pub(super) lease: Script,
}

impl Scripts {
    pub(super) fn new() -> Scripts {
        Scripts {
            open: Script::new(concat!(include_str!("../place.lua"), "\n", include_str!("../open.lua"))),
            publish: Script::new(concat!(include_str!("../place.lua"), "\n", include_str!("../publish.lua"))),
            heard: Script::new(include_str!("../heard.lua")),
            lease: Script::new(include_str!("../lease.lua")),
        }
    }
}

impl Script {
    fn new(text: &str) -> Script {
        Script { text: text.to_owned(), hash: hex::encode(Sha1::digest(text)) }
    }

    /// Runs it.
    pub(super) async fn run(
        &self,
        connection: &mut impl ConnectionLike,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> RedisResult<Value> {
        let call = async |connection: &mut _, how: &str, script: &str| {
            let mut call = cmd(how);
            call.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            call.query_async(connection).await
        };
        match call(connection, "EVALSHA", &self.hash).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                call(connection, "EVAL", &self.text).await
            }
            answered => answered,
        }
    }
}
