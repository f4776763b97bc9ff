//! Followers: each is a cursor into the log and a wake-up. A follower that does not receive costs nothing but its cursor.

use std::convert::Infallible;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use redb::{ReadTransaction, ReadableTable};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Shared;
use super::store::unreadable;
use super::tables::{self, State};
use crate::broker::{BrokerError, FORMAT, Followed, Publication, Record};

/// Rows that are read at once.
const PAGE: usize = 128;
/// How long a load waits for its receiver at one message. A view of the tables keeps all that is replaced meanwhile on the
/// disk; so a receiver that stops for longer is told everything anew when it goes on.
const PATIENCE: Duration = Duration::from_secs(10);
const CHECK: Duration = Duration::from_secs(1);

/// Why a follower does not simply go on.
enum Stop {
    /// The receiver was dropped.
    Gone,
    /// What comes next cannot be told without a hole.
    StartOver,
    /// The tables cannot be read.
    Away(BrokerError),
}

impl From<BrokerError> for Stop {
    fn from(error: BrokerError) -> Stop {
        Stop::Away(error)
    }
}

impl<T> From<mpsc::error::SendError<T>> for Stop {
    fn from(_: mpsc::error::SendError<T>) -> Stop {
        Stop::Gone
    }
}

impl<T> From<mpsc::error::SendTimeoutError<T>> for Stop {
    fn from(error: mpsc::error::SendTimeoutError<T>) -> Stop {
        match error {
            mpsc::error::SendTimeoutError::Timeout(_) => Stop::StartOver,
            mpsc::error::SendTimeoutError::Closed(_) => Stop::Gone,
        }
    }
}

/// [`crate::broker::Broker::follow`].
pub(super) async fn follow(shared: &Shared, tell: mpsc::Sender<Followed>) {
    loop {
        match load_and_go_on(shared, &tell).await {
            Stop::Gone => return,
            Stop::StartOver => {}
            Stop::Away(error) => {
                tracing::warn!(%error, "the log cannot be read");
                if tell.send(Followed::Away).await.is_err() {
                    return;
                }
                sleep(CHECK).await;
            }
        }
    }
}

async fn load_and_go_on(shared: &Shared, tell: &mpsc::Sender<Followed>) -> Stop {
    match load(shared, tell).await {
        Ok(head) => go_on(shared, tell, head).await.map_or_else(|stop| stop, |never| match never {}),
        Err(stop) => stop,
    }
}

/// Tells all that is held, from one view of the tables, and gives the head it was told up to.
async fn load(shared: &Shared, tell: &mpsc::Sender<Followed>) -> Result<u64, Stop> {
    tell.send(Followed::Loading { epoch: shared.epoch.clone() }).await?;
    let view = shared.store.begin_read()?;
    let Place { head, horizon } = place(&view)?;
    let mut last = String::new();
    loop {
        let page = records_after(&view, &last)?;
        let Some(record) = page.last() else { break };
        record.game.as_str().clone_into(&mut last);
        for record in page {
            tell.send_timeout(Followed::Record(Box::new(record)), PATIENCE).await?;
        }
    }
    let mut cursor = last_unreadable(&view)?;
    while cursor < head {
        let page = log_after(&view, cursor, &shared.epoch)?;
        let Some(last) = page.last() else { break };
        cursor = last.position.offset;
        for publication in page {
            tell.send_timeout(Followed::Recent(publication), PATIENCE).await?;
        }
    }
    drop(view);
    tell.send(Followed::Loaded { head, now: shared.clock.now(), horizon }).await?;
    Ok(head)
}

/// Tells what comes after `cursor` as it comes, and each second that nothing was missed.
async fn go_on(shared: &Shared, tell: &mpsc::Sender<Followed>, mut cursor: u64) -> Result<Infallible, Stop> {
    let mut head = shared.head.subscribe();
    let mut checks = interval(CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let check = tokio::select! {
            _ = checks.tick() => true,
            // The sender lives as long as what we borrow.
            _ = head.changed() => false,
            () = tell.closed() => return Err(Stop::Gone),
        };
        let newest = *head.borrow_and_update();
        while cursor < newest {
            cursor = tell_after(shared, tell, cursor).await?;
        }
        if check {
            tell.send(Followed::Checked { now: shared.clock.now() }).await?;
        }
    }
}

/// Tells some publications after `cursor`; gives the cursor afterwards.
async fn tell_after(shared: &Shared, tell: &mpsc::Sender<Followed>, cursor: u64) -> Result<u64, Stop> {
    let mut page = shared.tail().after(cursor, PAGE);
    if page.is_empty() {
        page = log_after(&shared.store.begin_read()?, cursor, &shared.epoch)?;
    }
    // Trimmed beneath a follower that fell behind: what is missing cannot be told.
    let Some((first, last)) = page.first().zip(page.last()) else { return Err(Stop::StartOver) };
    let (first, last) = (first.position.offset, last.position.offset);
    if first != cursor + 1 {
        return Err(Stop::StartOver);
    }
    for publication in page {
        tell.send(Followed::Published(publication)).await?;
    }
    Ok(last)
}

/// Where the log stands.
pub(super) struct Place {
    /// The newest offset.
    pub(super) head: u64,
    /// The greatest offset of a tombstone that was dropped.
    horizon: u64,
}

/// Where the log stands in this view.
pub(super) fn place(view: &ReadTransaction) -> Result<Place, BrokerError> {
    let read = || State::read(&view.open_table(tables::STATE)?);
    let state = read().map_err(unreadable)?.ok_or_else(|| BrokerError::Broken("the log has no state".into()))?;
    Ok(Place { head: state.head, horizon: state.horizon })
}

fn records_after(view: &ReadTransaction, last: &str) -> Result<Vec<Record>, BrokerError> {
    let read = || {
        let rows = view.open_table(tables::GAMES)?.range::<&str>((Bound::Excluded(last), Bound::Unbounded))?;
        rows.take(PAGE)
            .map(|row| {
                let (game, row) = row?;
                tables::record(game.value(), row.value())
            })
            .collect::<Result<_, redb::Error>>()
    };
    read().map_err(unreadable)
}

fn log_after(view: &ReadTransaction, cursor: u64, epoch: &Arc<str>) -> Result<Vec<Arc<Publication>>, BrokerError> {
    let read = || {
        let rows = view.open_table(tables::LOG)?.range(cursor + 1..)?;
        rows.take(PAGE)
            .map(|row| {
                let (offset, row) = row?;
                tables::publication(epoch, offset.value(), row.value()).map(Arc::new)
            })
            .collect::<Result<_, redb::Error>>()
    };
    read().map_err(unreadable)
}

/// The last entry that a later build wrote (there was a downgrade); 0 when there is none. The history that is told begins
/// after it, so that it is dense; what comes later this process wrote.
fn last_unreadable(view: &ReadTransaction) -> Result<u64, BrokerError> {
    let read = || {
        for row in view.open_table(tables::LOG)?.iter()?.rev() {
            let (offset, row) = row?;
            if row.value().0 > FORMAT {
                return Ok(offset.value());
            }
        }
        Ok(0)
    };
    read().map_err(unreadable)
}
