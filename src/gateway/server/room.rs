//! Who is connected: the places of the process and of each address.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Limits;
use super::socket::Busy;
use crate::live::Live;
use crate::metrics::{Bound, Metrics};

/// Those who are told that there is no room, at a time: each has a file descriptor for up to two seconds.
const TURNED_AWAY_AT_ONCE: usize = 64;

/// A place among those that the process takes: a request extension. Whoever goes on after the answer (a WebSocket, an
/// event stream) holds it as long.
#[derive(Clone)]
pub struct Place {
    pub(super) _seat: Seat,
    /// Counted under its address, where that is capped.
    pub(super) _address: Option<Arc<Counted>>,
    /// Meanwhile the connection is not idle.
    pub(super) _busy: Arc<Busy>,
}

/// One of the process's connections, or of the streams beside a connection's first.
pub(super) type Seat = Arc<Seated>;

/// Taken until it is dropped.
pub(super) struct Seated {
    room: Arc<Room>,
    /// The server waits for the last one.
    _open: mpsc::Sender<Infallible>,
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(1, Ordering::Relaxed);
        self.room.metrics.iter().for_each(|metrics| metrics.place_left());
    }
}

/// Who is connected.
pub(super) struct Room {
    limits: Arc<Live<Limits>>,
    /// Seats that are taken: more than there are, where the limit was lowered.
    taken: AtomicUsize,
    open: mpsc::WeakSender<Infallible>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// For those who are told that there is no room.
    door: Arc<Semaphore>,
    /// Where it is counted; nowhere, if that is not asked for.
    metrics: Option<Arc<Metrics>>,
}

/// Held while somebody is told that there is no room.
pub(super) type Turn = OwnedSemaphorePermit;

/// One connection of an address.
pub(super) struct Counted {
    address: IpAddr,
    room: Arc<Room>,
}

impl Room {
    /// `open` has a sender for each seat that is taken.
    pub(super) fn new(
        limits: &Arc<Live<Limits>>,
        open: mpsc::WeakSender<Infallible>,
        metrics: Option<Arc<Metrics>>,
    ) -> Arc<Room> {
        let (limits, taken, addresses) = (Arc::clone(limits), AtomicUsize::new(0), Mutex::default());
        Arc::new(Room { limits, taken, open, addresses, door: Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE)), metrics })
    }

    /// A seat; `None` when all are taken.
    pub(super) fn seat(self: &Arc<Room>) -> Option<Seat> {
        let (open, most) = (self.open.upgrade()?, self.limits.get().connections);
        let next = |taken: usize| (taken < most).then_some(taken + 1);
        if self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_err() {
            self.refuse(Bound::Process);
            return None;
        }
        self.metrics.iter().for_each(|metrics| metrics.place_taken());
        Some(Arc::new(Seated { room: Arc::clone(self), _open: open }))
    }

    /// A turn to be told that there is no room; `None` when too many are being told: then a connection is dropped.
    pub(super) fn turn(&self) -> Option<Turn> {
        Arc::clone(&self.door).try_acquire_owned().ok()
    }

    /// Counts one more of an address; `Err` when it has as many as it may. Those who came while nobody counted are not
    /// among them.
    pub(super) fn count(self: &Arc<Room>, address: IpAddr) -> Result<Option<Arc<Counted>>, ()> {
        let most = self.limits.get().per_address;
        if most == 0 {
            return Ok(None);
        }
        let address = block(address);
        let mut addresses = self.addresses.lock();
        let held = addresses.entry(address).or_default();
        if *held >= most {
            self.refuse(Bound::Address);
            return Err(());
        }
        *held += 1;
        Ok(Some(Arc::new(Counted { address, room: Arc::clone(self) })))
    }

    fn refuse(&self, bound: Bound) {
        self.metrics.iter().for_each(|metrics| metrics.refused(bound));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut addresses = self.room.addresses.lock();
        if let Some(held) = addresses.get_mut(&self.address) {
            *held -= 1;
            if *held == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// Whom an address stands for: whoever has one IPv6 address mostly has its whole /64.
pub(in crate::gateway) fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_host_is_its_network_and_an_ipv4_one_itself() {
        for (address, whom) in [
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"), // as a listener of both has it
        ] {
            assert_eq!(block(address.parse().unwrap()).to_string(), whom);
        }
    }
}
