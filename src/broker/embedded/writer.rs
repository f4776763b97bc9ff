//! Who writes, with group commit: all that waits is done in one transaction, and nobody is told anything before that is
//! committed. On a disk it is a thread of its own, because a commit waits. In memory it does not: one of the askers commits
//! for all, which spares two threads the waking of each other.

use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::batch::{Announced, Batch, Done, Noted, Written};
use super::store::refused;
use crate::broker::{BrokerError, Outcome};
use crate::wire::Position;

/// Jobs that wait for the writer; whoever comes when it is full waits to be let in.
const WAITING: usize = 1_024;
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
    ask: Ask,
    answer: oneshot::Sender<Result<Reply, BrokerError>>,
}

/// The one that writes. Dropping it finishes what is queued.
pub(super) enum Writer {
    /// `None` once it is being dropped.
    Thread(Option<(mpsc::Sender<Job>, JoinHandle<()>)>),
    Askers(Askers),
}

impl Writer {
    /// A thread of its own.
    pub(super) fn thread(shared: Arc<Shared>) -> std::io::Result<Writer> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("log-writer".into()).spawn(move || run(&shared, waiting))?;
        Ok(Writer::Thread(Some((jobs, thread))))
    }

    /// Those who ask.
    pub(super) fn askers() -> Writer {
        Writer::Askers(Askers::default())
    }

    pub(super) async fn ask(&self, shared: &Shared, ask: Ask) -> Result<Reply, BrokerError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { ask, answer };
        match self {
            Writer::Thread(held) => {
                let (jobs, _) = held.as_ref().ok_or_else(gone)?;
                jobs.send(job).await.map_err(|_| gone())?;
            }
            Writer::Askers(askers) => askers.take_part(shared, job).await,
        }
        answered.await.map_err(|_| gone())?
    }

    pub(super) fn ready(&self) -> Result<(), BrokerError> {
        match self {
            Writer::Thread(Some((jobs, _))) if !jobs.is_closed() => Ok(()),
            Writer::Thread(_) => Err(gone()),
            Writer::Askers(_) => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Writer::Thread(held) = self
            && let Some((jobs, thread)) = held.take()
        {
            drop(jobs);
            // Ended by a panic, it has said so on stderr.
            let _ = thread.join();
        }
    }
}

/// Those who ask, each with one job at most: so many jobs as reports are under way.
#[derive(Default)]
pub(super) struct Askers {
    waiting: Mutex<Vec<Job>>,
    committing: Mutex<()>,
}

impl Askers {
    /// Adds a job, and sees that it is done: by this asker, with all that waits by then, or by another.
    async fn take_part(&self, shared: &Shared, job: Job) {
        self.waiting.lock().push(job);
        // Whoever is under way beside it, in a batch of reports say, adds its own first.
        tokio::task::yield_now().await;
        let _turn = self.committing.lock();
        let mut waiting = std::mem::take(&mut *self.waiting.lock());
        // Who went away before its job was begun would have it done when the next one comes, whenever that is.
        waiting.retain(|job| !job.answer.is_closed());
        while !waiting.is_empty() {
            let most = waiting.len().min(TOGETHER);
            settle(shared, waiting.drain(..most));
        }
    }
}

fn gone() -> BrokerError {
    BrokerError::Away("the log's writer is gone".into())
}

/// Works until every asker is gone and all is done.
fn run(shared: &Shared, mut jobs: mpsc::Receiver<Job>) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    while jobs.blocking_recv_many(&mut waiting, TOGETHER) > 0 {
        settle(shared, waiting.drain(..));
    }
}

/// Does jobs in one transaction and answers them.
fn settle(shared: &Shared, jobs: impl Iterator<Item = Job>) {
    let (asks, answers): (Vec<_>, Vec<_>) = jobs.map(|job| (job.ask, job.answer)).unzip();
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
