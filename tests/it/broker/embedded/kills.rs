//! SIGKILL in the middle of publishing, group commits and all: what was acknowledged is there afterwards.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use scoreline::broker::embedded::EmbeddedBroker;
use scoreline::broker::{Bounds, Broker, Outcome};

use super::super::engine::TempDir;
use super::super::follower::loaded;
use super::super::words::*;

const DIR: &str = "SCORELINE_TEST_BROKER_DIR";
const PUBLISHERS: usize = 16;
const ROUNDS: usize = 3;

/// The process that is killed: this test binary again, as [`it_publishes_until_it_is_killed`].
struct Victim(Child);

impl Victim {
    fn start(dir: &Path) -> Victim {
        let test = "broker::embedded::kills::it_publishes_until_it_is_killed";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", test])
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .spawn();
        Victim(child.unwrap())
    }

    /// Kills it after `count` acknowledgements; gives all that it wrote: ids and offsets.
    fn kill_after(mut self, count: usize) -> BTreeMap<String, u64> {
        let mut acknowledged = BTreeMap::new();
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        for line in lines {
            // A last line that was cut is no acknowledgement.
            let line = line.unwrap_or_default();
            let Some((id, offset)) = line.strip_prefix("ack ").and_then(|ack| ack.strip_suffix(" .")?.split_once(' '))
            else {
                continue;
            };
            acknowledged.insert(id.to_owned(), offset.parse().unwrap());
            if acknowledged.len() == count {
                self.0.kill().unwrap();
            }
        }
        assert!(!self.0.wait().unwrap().success());
        assert!(acknowledged.len() >= count);
        acknowledged
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_sigkill() {
    let dir = TempDir::new();
    let mut acknowledged = BTreeMap::new();
    let mut epoch = None;
    for round in 1..=ROUNDS {
        let victim = Victim::start(dir.path());
        acknowledged.extend(tokio::task::spawn_blocking(move || victim.kill_after(150 * round)).await.unwrap());

        let broker: Arc<dyn Broker> = Arc::new(EmbeddedBroker::open(dir.path(), Bounds::default()).unwrap());
        let replica = loaded(&broker).await;
        assert_eq!(replica.log.first().map(|first| first.position.offset), Some(1), "the history is whole");
        for (id, offset) in &acknowledged {
            let answer = answer(&*broker, id).await.unwrap_or_else(|| panic!("{id} was acknowledged"));
            assert_eq!(answer.position.offset, *offset);
            assert!(replica.head >= *offset);
        }
        // The chains of the log end where the games stand.
        for publication in &replica.log {
            let record = &replica.records[publication.game.as_ref().unwrap()];
            assert!(record.version >= publication.version);
            assert_eq!(record.version == publication.version, record.offset == publication.position.offset);
        }
        assert_eq!(*epoch.get_or_insert(replica.epoch.clone()), replica.epoch);
        replica.stop().await;
    }
}

/// Not a test: publishes, and says so, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by what_was_acknowledged_survives_sigkill"]
async fn it_publishes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let broker = Arc::new(EmbeddedBroker::open(Path::new(&dir), Bounds::default()).unwrap());
    let publishers = (0..PUBLISHERS).map(|number| tokio::spawn(publish_for_ever(broker.clone(), number)));
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
}

async fn publish_for_ever(broker: Arc<EmbeddedBroker>, number: usize) {
    let name = format!("g{number}");
    let held = read(&*broker, &name).await.record;
    let mut version = held.map_or(0, |held| held.version);
    for n in 1.. {
        let id = format!("evt-{number}-{}-{n}", std::process::id());
        match broker.publish(with_id(&id, "h", goal(&name, version, n))).await.unwrap() {
            Outcome::Published(answer) => {
                println!("ack {id} {} .", answer.position.offset);
                version = answer.version;
            }
            other => panic!("{other:?}"),
        }
    }
}
