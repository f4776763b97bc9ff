//! What the embedded engine promises beside the contract: nothing acknowledged is lost, whatever ends the process or fills
//! the disk.

mod faults;
mod kills;
mod machine;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use redb::backends::FileBackend;
use redb::{Database, ReadableTable, TableDefinition};
use scoreline::broker::embedded::EmbeddedBroker;
use scoreline::broker::{Bounds, Broker, BrokerError, connect};

use super::engine::TempDir;
use super::follower::loaded;
use super::words::*;

/// The engine's tables that these tests write to, as a later or an earlier build would.
const STATE: TableDefinition<(), (&str, u64, i64, u64, u64)> = TableDefinition::new("state");
const LOG: TableDefinition<u64, LogRow> = TableDefinition::new("log");
type LogRow = (u32, i64, Option<&'static str>, u64, u64, u64, u64, &'static [u8]);

fn open(dir: &TempDir) -> EmbeddedBroker {
    EmbeddedBroker::open(dir.path(), Bounds::default()).unwrap()
}

fn database(dir: &TempDir) -> Database {
    let file = std::fs::File::options().read(true).write(true).open(dir.path().join("log.redb")).unwrap();
    Database::builder().create_with_backend(FileBackend::new(file).unwrap()).unwrap()
}

#[tokio::test]
async fn a_new_log_has_an_epoch_of_its_own_and_keeps_it() {
    let (one, two) = (TempDir::new(), TempDir::new());
    let first = publish(&open(&one), goal("a", 0, 0)).await.position.epoch;
    let second = publish(&open(&two), goal("a", 0, 0)).await.position.epoch;
    assert_ne!(first, second);
    assert_eq!(first.len(), 8);
    assert!(first.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()));
    assert_eq!(publish(&open(&one), goal("a", 1, 1)).await.position.epoch, first);
}

#[tokio::test]
async fn a_directory_has_one_process() {
    let dir = TempDir::new();
    let first = open(&dir);
    let second = EmbeddedBroker::open(dir.path(), Bounds::default()).err().unwrap();
    assert!(matches!(second, BrokerError::Broken(_)));
    assert!(second.to_string().contains("another process has it open"), "{second}");
    assert!(second.to_string().contains("log.redb"), "{second}");
    drop(first);
    publish(&open(&dir), goal("a", 0, 0)).await;
}

#[tokio::test]
async fn what_is_no_log_is_refused() {
    let dir = TempDir::new();
    std::fs::write(dir.path().join("log.redb"), "a shopping list, long enough to be read as a header".repeat(200))
        .unwrap();
    let error = EmbeddedBroker::open(dir.path(), Bounds::default()).err().unwrap();
    assert!(matches!(error, BrokerError::Broken(_)), "{error}");
    let below_a_file = dir.path().join("log.redb").join("further");
    assert!(matches!(EmbeddedBroker::open(&below_a_file, Bounds::default()).err(), Some(BrokerError::Broken(_))));
}

#[tokio::test]
async fn a_url_opens_it_and_makes_its_directory() {
    let dir = TempDir::new();
    let url = format!("embedded:{}", dir.path().join("deeper/down").display());
    for offset in 1..=2 {
        let broker = connect(&url, Bounds::default()).await.unwrap();
        broker.ready().await.unwrap();
        assert_eq!(publish(&*broker, goal("a", offset - 1, 0)).await.position.offset, offset);
    }
    assert!(connect("memory:", Bounds::default()).await.unwrap().ready().await.is_ok());
}

#[tokio::test]
async fn what_was_queued_is_done_before_it_closes() {
    let dir = TempDir::new();
    let broker = open(&dir);
    for n in 0..50 {
        let publishing = pin!(broker.publish(goal(&format!("g{n}"), 0, n)));
        poll_once(publishing).await;
    }
    drop(broker);
    let broker = open(&dir);
    for n in 0..50 {
        assert!(read(&broker, &format!("g{n}")).await.record.is_some());
    }
}

/// Begins and lets go: as a request does whose client went away.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) {
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn the_clock_goes_on_from_where_it_was() {
    let dir = TempDir::new();
    let before = publish(&open(&dir), goal("a", 0, 0)).await.position;
    let later = {
        let database = database(&dir);
        let txn = database.begin_write().unwrap();
        let mut state = txn.open_table(STATE).unwrap();
        let (epoch, head, at, bytes, horizon) = {
            let row = state.get(()).unwrap().unwrap();
            let (epoch, head, at, bytes, horizon) = row.value();
            (epoch.to_owned(), head, at, bytes, horizon)
        };
        assert_eq!((head, &*epoch), (before.offset, &*before.epoch));
        let later = at + 3_600_000;
        state.insert((), (&*epoch, head, later, bytes, horizon)).unwrap();
        drop(state);
        txn.commit().unwrap();
        later
    };
    // The wall clock is an hour behind now.
    let broker: Arc<dyn Broker> = Arc::new(open(&dir));
    publish(&*broker, goal("a", 1, 1)).await;
    let at = read(&*broker, "a").await.record.unwrap().at;
    assert!((later..later + 60_000).contains(&at), "{at}, from {later} on");
    // It does not stand still until the wall clock has caught up: delays are measured by it.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let now = loaded(&broker).await.now;
    assert!((at + 40..later + 60_000).contains(&now), "{now}, after {at}");
}

/// After a downgrade: a later build wrote entries that this one cannot read.
#[tokio::test]
async fn history_begins_after_what_a_later_build_wrote() {
    let dir = TempDir::new();
    {
        let broker: Arc<dyn Broker> = Arc::new(open(&dir));
        flood(&broker, &["a"], 5).await;
    }
    {
        let database = database(&dir);
        let txn = database.begin_write().unwrap();
        let mut log = txn.open_table(LOG).unwrap();
        let game = game("a").to_string();
        log.insert(3, (2, 1_795_363_980_000, Some(&*game), 2, 3, 2, 3, br#"{"kind":"merged"}"#.as_slice())).unwrap();
        drop(log);
        txn.commit().unwrap();
    }
    let broker: Arc<dyn Broker> = Arc::new(open(&dir));
    let mut follower = loaded(&broker).await;
    assert_eq!(follower.log.iter().map(|p| p.position.offset).collect::<Vec<_>>(), [4, 5]);
    assert_eq!((follower.head, follower.document("a")), (5, Some(score(5))));
    publish(&*broker, goal("a", 5, 6)).await;
    follower.until(6).await;
}
