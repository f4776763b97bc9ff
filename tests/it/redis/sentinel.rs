//! A primary, its replica, and the sentinels that watch them.

use super::server::Server;
use crate::broker::engine::TempDir;

/// The service's name.
pub(crate) const SERVICE: &str = "scores";

/// Two servers and three sentinels; which of the servers is the primary changes.
pub(crate) struct Watched {
    pub(crate) servers: [Server; 2],
    pub(crate) sentinels: Vec<Server>,
}

impl Watched {
    /// The first server is the primary.
    pub(crate) fn start() -> Watched {
        let settings = ["--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        let first = Server::start(&settings);
        let second = Server::start(&settings);
        let _: String = second.ask(&format!("REPLICAOF 127.0.0.1 {}", first.port));
        let watched = Watched { sentinels: (0..3).map(|_| sentinel(first.port)).collect(), servers: [first, second] };
        watched.agreed();
        watched
    }

    /// The broker's URL.
    pub(crate) fn url(&self) -> String {
        let sentinels: Vec<String> = self.sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port)).collect();
        format!("redis+sentinel://{}/{SERVICE}", sentinels.join(","))
    }

    /// Waits until the replica follows and every sentinel knows it and the others.
    fn agreed(&self) {
        let known = |sentinel: &Server| {
            let master: std::collections::HashMap<String, String> = sentinel.ask(&format!("SENTINEL MASTER {SERVICE}"));
            (master["num-slaves"].as_str(), master["num-other-sentinels"].as_str()) == ("1", "2")
        };
        until("the replica follows", || self.servers[0].info("connected_slaves") == 1);
        until("the sentinels know each other", || self.sentinels.iter().all(known));
    }

    /// Whether every sentinel names this server as the primary.
    pub(crate) fn is_primary(&self, server: &Server) -> bool {
        let named = |sentinel: &Server| {
            let (_, port): (String, u16) = sentinel.ask(&format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}"));
            port
        };
        self.sentinels.iter().all(|sentinel| named(sentinel) == server.port)
    }

    /// From now on nobody is voted out for a pause. On a busy machine the new primary may pause for longer than the half
    /// second that ends the first; voted out while its replica loads from it, it would leave the log to a server that is empty.
    pub(crate) fn be_patient(&self) {
        for sentinel in &self.sentinels {
            let _: String = sentinel.ask(&format!("SENTINEL SET {SERVICE} down-after-milliseconds 60000"));
        }
    }
}

/// Asks again until it is so: what other processes do has no event to be awaited.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed().as_secs() < 60, "not in a minute: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn sentinel(primary: u16) -> Server {
    let dir = TempDir::new();
    let file = dir.path().join("sentinel.conf");
    let text = format!(
        "sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\nsentinel down-after-milliseconds {SERVICE} 500\n\
         sentinel failover-timeout {SERVICE} 4000\n"
    );
    std::fs::write(&file, text).unwrap();
    Server::run("redis-sentinel", vec![file.to_str().unwrap().to_owned()], dir)
}
