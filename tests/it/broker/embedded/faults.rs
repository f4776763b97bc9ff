//! Disks that refuse: publishing is refused, readers stay, and when the disk is well again publishing goes on.

use std::process::Command;
use std::sync::Arc;

use scoreline::broker::embedded::EmbeddedBroker;
use scoreline::broker::{Answer, Bounds, Broker, BrokerError, Draft, Outcome};

use super::super::engine::TempDir;
use super::super::follower::{Follower, loaded};
use super::super::words::*;
use super::machine::Machine;

fn on(machine: &Arc<Machine>) -> Arc<dyn Broker> {
    Arc::new(EmbeddedBroker::on(machine.clone(), Bounds::default()).unwrap())
}

/// As a provider does that gets no 2xx: the same again, until it is told what became of it.
async fn insist(broker: &dyn Broker, draft: Draft) -> Answer {
    loop {
        match broker.publish(draft.clone()).await {
            Ok(Outcome::Published(answer) | Outcome::Replayed(answer)) => return answer,
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(!matches!(error, BrokerError::Broken(_)), "{error}"),
        }
        // Without a pause that would keep the one thread of the test busy.
        tokio::task::yield_now().await;
    }
}

fn numbered(n: i64, expected: u64) -> Draft {
    with_id(&format!("evt-{n}"), "h", goal("a", expected, n))
}

/// Publishes until the engine refuses; gives the versions that were answered.
async fn publish_until_refused(broker: &dyn Broker, mut version: u64, mut n: i64) -> (u64, i64) {
    loop {
        match broker.publish(numbered(n, version)).await {
            Ok(Outcome::Published(answer)) => (version, n) = (answer.version, n + 1),
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert!(matches!(error, BrokerError::Refused(_)), "{error}");
                return (version, n);
            }
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_readers_stay() {
    let machine = Machine::new();
    let broker = on(&machine);
    let mut follower = Follower::of(&broker, 64);
    publish(&*broker, goal("other", 0, 0)).await;
    machine.fill(true);
    let (version, n) = publish_until_refused(&*broker, 0, 0).await;
    assert!(matches!(broker.publish(numbered(n, version)).await, Err(BrokerError::Refused(_))));
    follower.until(1 + n.cast_unsigned()).await;
    assert_eq!(read(&*broker, "other").await.record.unwrap().body.document, score(0));
    assert_eq!(read(&*broker, "a").await.record.map_or(0, |record| record.version), version);

    machine.fill(false);
    let answer = insist(&*broker, numbered(n, version)).await;
    assert_eq!(answer.position.offset, 2 + n.cast_unsigned());
    follower.until(answer.position.offset).await;
    assert_eq!((follower.loads, follower.document("a")), (1, Some(score(n))));
    assert_eq!(loaded(&broker).await.records, {
        let records = [read(&*broker, "a").await, read(&*broker, "other").await].map(|reading| reading.record.unwrap());
        records.into_iter().map(|record| (record.game.clone(), record)).collect()
    });
}

/// What was refused is answered later, and then a power cut takes nothing of it: a second fsync that succeeds is no proof
/// that what the first one failed to write was written.
#[tokio::test]
async fn a_failed_fsync_loses_nothing_that_is_answered() {
    let machine = Machine::new();
    let broker = on(&machine);
    let mut follower = Follower::of(&broker, 64);
    let mut version = 0;
    for n in 0..12 {
        if n % 3 == 1 {
            machine.fail_fsync(true);
            for _ in 0..n % 2 + 1 {
                let error = broker.publish(numbered(n, version)).await.unwrap_err();
                assert!(!matches!(error, BrokerError::Broken(_)), "{error}");
            }
            machine.fail_fsync(false);
        }
        let answer = insist(&*broker, numbered(n, version)).await;
        assert_eq!(answer.position.offset, n.cast_unsigned() + 1, "each is in the log once");
        version = answer.version;

        let survivor = on(&machine.after_power_cut());
        let replica = loaded(&survivor).await;
        assert_eq!((replica.head, replica.document("a")), (n.cast_unsigned() + 1, Some(score(n))));
        assert_eq!(super::super::words::answer(&*survivor, &format!("evt-{n}")).await, Some(answer));
    }
    follower.until(12).await;
    assert_eq!((follower.loads, follower.log.len(), follower.document("a")), (1, 12, Some(score(11))));
}

/// The real thing, where the test may mount a small file system.
#[tokio::test]
async fn a_small_file_system_fills_up_and_is_emptied() {
    let dir = TempDir::new();
    let Some(mount) = Mount::tmpfs(dir) else {
        println!("skipped: a tmpfs cannot be mounted here");
        return;
    };
    let ballast = mount.0.path().join("ballast");
    let broker: Arc<dyn Broker> =
        Arc::new(EmbeddedBroker::open(&mount.0.path().join("data"), Bounds::default()).unwrap());
    let mut follower = Follower::of(&broker, 64);
    let first = publish(&*broker, goal("other", 0, 0)).await;
    let fill = std::fs::File::create(&ballast).unwrap();
    let full = std::iter::repeat(()).find_map(|()| std::io::Write::write_all(&mut &fill, &[1; 4096]).err());
    assert_eq!(full.map(|error| error.kind()), Some(std::io::ErrorKind::StorageFull));
    let (version, n) = publish_until_refused(&*broker, 0, 0).await;
    follower.until(first.position.offset + n.cast_unsigned()).await;

    std::fs::remove_file(&ballast).unwrap();
    drop(fill);
    let answer = insist(&*broker, numbered(n, version)).await;
    follower.until(answer.position.offset).await;
    assert_eq!((follower.loads, follower.document("a")), (1, Some(score(n))));
    follower.stop().await;
    drop(broker);
}

struct Mount(TempDir);

impl Mount {
    fn tmpfs(dir: TempDir) -> Option<Mount> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(dir.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Mount(dir))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}
