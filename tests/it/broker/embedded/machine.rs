//! A machine whose disk fills up, whose fsync fails and whose power is cut: in memory, so that all of it can be had.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// A disk with the kernel's page cache before it.
#[derive(Debug, Default)]
pub(super) struct Machine(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What a process reads and writes.
    cache: Vec<u8>,
    /// What is left when the power is cut.
    disk: Vec<u8>,
    /// What an fsync would bring to the disk: offsets and bytes.
    dirty: BTreeMap<u64, usize>,
    /// The disk is full above this length.
    full_above: Option<u64>,
    fsync_fails: bool,
}

impl Machine {
    pub(super) fn new() -> Arc<Machine> {
        Arc::default()
    }

    /// The disk takes nothing that makes the file longer; or again does.
    pub(super) fn fill(&self, full: bool) {
        let mut state = self.0.lock().unwrap();
        state.full_above = full.then_some(state.cache.len() as u64);
    }

    /// Each fsync fails, and as in Linux what it was to write counts as written from then on; or again works.
    pub(super) fn fail_fsync(&self, fails: bool) {
        self.0.lock().unwrap().fsync_fails = fails;
    }

    /// The machine that comes up when this one's power is cut now.
    pub(super) fn after_power_cut(&self) -> Arc<Machine> {
        let disk = self.0.lock().unwrap().disk.clone();
        Arc::new(Machine(Mutex::new(State { cache: disk.clone(), disk, ..State::default() })))
    }
}

fn range(offset: u64, len: usize) -> std::ops::Range<usize> {
    let offset = usize::try_from(offset).unwrap();
    offset..offset + len
}

impl StorageBackend for Machine {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().cache.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let bytes = state.cache.get(range(offset, out.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    /// Sparse, as on most file systems: only writing needs room.
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().cache.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let State { cache, disk, dirty, fsync_fails, .. } = &mut *state;
        let dirty = std::mem::take(dirty);
        if *fsync_fails {
            return Err(io::Error::from_raw_os_error(5));
        }
        disk.resize(cache.len(), 0);
        for (offset, len) in dirty {
            let range = range(offset, len.min(cache.len().saturating_sub(usize::try_from(offset).unwrap())));
            disk[range.clone()].copy_from_slice(&cache[range]);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.full_above.is_some_and(|len| offset + data.len() as u64 > len) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let range = range(offset, data.len());
        if state.cache.len() < range.end {
            state.cache.resize(range.end, 0);
        }
        state.cache[range].copy_from_slice(data);
        let dirty = state.dirty.entry(offset).or_default();
        *dirty = data.len().max(*dirty);
        Ok(())
    }
}
