//! Where the tables are kept, and how the engine goes on after the disk refused.
//!
//! redb gives up its handle for good after the first error of the disk. So the engine opens the database again, on the same
//! medium and under the same lock; what was committed before is there.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction};

use crate::broker::BrokerError;

/// redb's page cache. Behind it stands the kernel's (or the memory itself), so it need not be big.
const CACHE_BYTES: usize = 64 << 20;
/// How often a database that could not be opened again is tried.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// A medium, shared by the databases that are opened on it one after the other.
#[derive(Debug, Clone)]
struct Medium {
    backend: Arc<dyn StorageBackend>,
    unsynced: Arc<Mutex<Unsynced>>,
}

/// What the disk may not have: after a failed fsync the kernel takes the pages for clean, and a second fsync would succeed
/// without having written them. So they are written again first.
#[derive(Debug, Default)]
struct Unsynced {
    /// Where and how much was written since the last fsync that succeeded.
    ranges: BTreeMap<u64, usize>,
    failed: bool,
}

impl Medium {
    fn write_again(&self, ranges: &BTreeMap<u64, usize>) -> io::Result<()> {
        ranges.iter().try_for_each(|(offset, len)| {
            let mut bytes = vec![0; *len];
            self.backend.read(*offset, &mut bytes)?;
            self.backend.write(*offset, &bytes)
        })
    }
}

/// Locks and `close` are left out: the medium, and the lock on it, outlives each opening.
impl StorageBackend for Medium {
    fn len(&self) -> io::Result<u64> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.unsynced.lock().ranges.retain(|offset, bytes| offset + *bytes as u64 <= len);
        self.backend.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut unsynced = self.unsynced.lock();
        if unsynced.failed {
            self.write_again(&unsynced.ranges)?;
        }
        unsynced.failed = true;
        self.backend.sync_data()?;
        *unsynced = Unsynced::default();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut unsynced = self.unsynced.lock();
        let bytes = unsynced.ranges.entry(offset).or_default();
        *bytes = data.len().max(*bytes);
        drop(unsynced);
        self.backend.write(offset, data)
    }
}

/// The database on its medium.
pub(super) struct Store {
    medium: Medium,
    /// `None` while it cannot be opened again.
    database: RwLock<Option<Database>>,
    reopened: Mutex<Instant>,
}

impl Store {
    pub(super) fn open(backend: Arc<dyn StorageBackend>) -> Result<Store, DatabaseError> {
        let medium = Medium { backend, unsynced: Arc::default() };
        let database = RwLock::new(Some(database(&medium)?));
        Ok(Store { medium, database, reopened: Mutex::new(Instant::now()) })
    }

    /// A view of what is committed now; waits for no writer.
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, BrokerError> {
        let held = self.database.read();
        let database = held.as_ref().ok_or_else(closed)?;
        database.begin_read().map_err(|error| unreadable(error.into()))
    }

    /// The one writer's transaction.
    pub(super) fn begin_write(&self) -> Result<WriteTransaction, BrokerError> {
        let held = self.database.read();
        held.as_ref().ok_or_else(closed)?.begin_write().map_err(|error| refused(&error))
    }

    /// Whether another try to open it again is due.
    pub(super) fn reopen_due(&self) -> bool {
        self.reopened.lock().elapsed() >= REOPEN_AFTER
    }

    /// Opens the database again after an error of the medium. Views of the old one end in errors, and readers are
    /// turned away meanwhile rather than held up.
    pub(super) fn reopen(&self) {
        let hold = |database| *self.database.write() = database;
        hold(None);
        // What the database reads on opening must be what the medium holds, also after a power cut: so sync first.
        let opened = self.medium.sync_data().map_err(DatabaseError::from).and_then(|()| database(&self.medium));
        hold(opened.inspect_err(|error| tracing::warn!(%error, "the log cannot be opened again")).ok());
        *self.reopened.lock() = Instant::now();
    }
}

fn database(medium: &Medium) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(medium.clone())
}

fn closed() -> BrokerError {
    BrokerError::Refused("the log could not be opened again after an error of the disk".into())
}

/// A write that was not done.
pub(super) fn refused(error: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Refused(error.to_string())
}

/// A read that failed: for good where the content is at fault, else until the disk is back.
pub(super) fn unreadable(error: redb::Error) -> BrokerError {
    match error {
        redb::Error::Corrupted(_) => BrokerError::Broken(error.to_string()),
        error => BrokerError::Away(error.to_string()),
    }
}

/// Opens or creates a file and locks it for this process, as long as the backend lives.
///
/// # Errors
/// When it cannot be read and written, or another process holds it.
pub(super) fn file(path: &Path) -> Result<FileBackend, BrokerError> {
    let broken = |error: io::Error| BrokerError::Broken(format!("{}: {error}", path.display()));
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(broken)?;
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(broken)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => BrokerError::Broken(format!("{}: another process has it open", path.display())),
        TryLockError::Error(error) => broken(error),
    })?;
    // A file whose name is not on the disk is lost with all it holds.
    let dir = dir.canonicalize().map_err(broken)?;
    dir.ancestors().take(2).try_for_each(|dir| File::open(dir)?.sync_all()).map_err(broken)?;
    FileBackend::new(file).map_err(|error| BrokerError::Broken(format!("{}: {error}", path.display())))
}
