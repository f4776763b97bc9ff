//! The writer's thread: group commit. It takes all that waits, does it in one transaction, and tells nobody anything
//! before that is committed.

use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::batch::{Announced, Batch, Done, Noted, Written};
use super::store::refused;
use crate::broker::{BrokerError, Outcome};
use crate::wire::Position;

/// Jobs that wait for the writer; whoever comes when it is full waits to be let in.
pub(super) const WAITING: usize = 1_024;
/// The most that are done by one commit: bounds the time to the first answer.
const TOGETHER: usize = 256;
/// Rows of each kind that a transaction may trim, for each job and on top: more than a job adds, so that it catches up.
const TRIM: usize = 2;

/// What the writer is asked.
pub(super) enum Ask {
    Publish(Box<Written>),
    Announce(Announced),
    Heard(Noted),
}

/// What it answers, each to its [`Ask`].
pub(super) enum Reply {
    Published(Outcome),
    Announced(Position),
    Heard,
}

/// A question and where its answer goes.
pub(super) struct Job {
    pub(super) ask: Ask,
    pub(super) answer: oneshot::Sender<Result<Reply, BrokerError>>,
}

/// Works until every asker is gone and all is done.
pub(super) fn run(shared: &Shared, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    while jobs.blocking_recv_many(&mut waiting, TOGETHER) > 0 {
        let (asks, answers): (Vec<_>, Vec<_>) = waiting.drain(..).map(|job| (job.ask, job.answer)).unzip();
        let replies = commit(shared, asks);
        if let Err(error) = &replies {
            tracing::warn!(%error, waiting = answers.len(), "the log took nothing");
        }
        let mut replies = replies.map(Vec::into_iter);
        for answer in answers {
            let reply = match &mut replies {
                Ok(replies) => Ok(replies.next().expect("a job has a reply")),
                Err(error) => Err(error.clone()),
            };
            // An asker that went away meanwhile changes nothing: what it asked is done.
            let _ = answer.send(reply);
        }
    }
}

/// Does all of them, or none.
fn commit(shared: &Shared, asks: Vec<Ask>) -> Result<Vec<Reply>, BrokerError> {
    let txn = match shared.store.begin_write() {
        Err(_) if shared.store.reopen_due() => {
            shared.reopen()?;
            shared.store.begin_write()?
        }
        begun => begun?,
    };
    let (replies, done) = match work(shared, &txn, asks) {
        Ok(worked) => worked,
        Err(error) => {
            drop(txn);
            let _ = shared.reopen();
            return Err(refused(&error));
        }
    };
    if !done.written {
        // Rejected or known: nothing to sync, and every answer is from what was committed before.
        return txn.abort().map(|()| replies).map_err(|error| refused(&error));
    }
    if let Err(error) = txn.commit() {
        // Only the medium knows whether it was done. Where it cannot be asked, neither do we.
        let found = shared.reopen().map_err(|_| BrokerError::Away(error.to_string()))?;
        if found != done.head || done.published.is_empty() {
            return Err(refused(&error));
        }
    }
    shared.ids.write().apply(done.ids);
    shared.tell(done.published);
    Ok(replies)
}

fn work(shared: &Shared, txn: &redb::WriteTransaction, asks: Vec<Ask>) -> Result<(Vec<Reply>, Done), redb::Error> {
    let trim = TRIM * (asks.len() + 1);
    let index = shared.ids.read();
    let mut batch = Batch::open(txn, &index, &shared.bounds, shared.clock.now())?;
    let mut replies = Vec::with_capacity(asks.len());
    for ask in asks {
        replies.push(match ask {
            Ask::Publish(draft) => Reply::Published(batch.publish(*draft)?),
            Ask::Announce(announced) => Reply::Announced(batch.announce(announced)?),
            Ask::Heard(noted) => batch.heard(&noted).map(|()| Reply::Heard)?,
        });
    }
    Ok((replies, batch.finish(trim)?))
}
