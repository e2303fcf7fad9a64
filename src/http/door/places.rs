//! The places for connections: so many in all, so many for an address, and a few in which clients
//! that find none are told.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use metrics::{counter, gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::warn;

use super::shares::{Full, Share, Shares, network};
use crate::telemetry;

/// So many at a time are told that there is no place; more are closed without a word.
const TOLD: usize = 64;

/// Is told of the bytes that a `WebSocket`'s network took.
pub trait Taken: fmt::Debug + Send + Sync {
    /// So many more.
    fn took(&self, bytes: usize);
}

/// A connection, as far as it concerns the layers further in; an extension of its requests. It is
/// of no use once the connection has ended.
#[derive(Debug, Clone)]
pub struct ConnectionHandle {
    over: CancellationToken,
    /// Its share of its address's places, while nobody is known to be at its other end.
    share: Arc<Mutex<Option<Share<IpAddr>>>>,
    is_web_socket: Arc<AtomicBool>,
    taken: Arc<OnceLock<Arc<dyn Taken>>>,
}

impl ConnectionHandle {
    /// One that counts for nobody.
    #[must_use]
    pub fn alone() -> Self {
        ConnectionHandle::with(None)
    }

    fn with(share: Option<Share<IpAddr>>) -> Self {
        let (over, is_web_socket, taken) =
            (CancellationToken::new(), Arc::default(), Arc::default());
        ConnectionHandle { over, share: Arc::new(Mutex::new(share)), is_web_socket, taken }
    }

    /// Ends the connection, WebSocket or not.
    pub fn hang_up(&self) {
        self.over.cancel();
    }

    /// Whether the connection has ended, or is about to.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Somebody is signed in at its other end: it does not count as one of its address's strangers
    /// any more.
    pub fn is_known(&self) {
        self.share.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// It becomes a `WebSocket`, which is read at leisure.
    pub fn becomes_web_socket(&self) {
        self.is_web_socket.store(true, Ordering::Relaxed);
    }

    /// Tells of the bytes that its network takes, once it is a `WebSocket`.
    pub fn tells(&self, taken: Arc<dyn Taken>) {
        // It is one `WebSocket` for good, so the first stays.
        let _ = self.taken.set(taken);
    }

    pub(super) fn is_web_socket(&self) -> bool {
        self.is_web_socket.load(Ordering::Relaxed)
    }

    pub(super) fn took(&self, bytes: usize) {
        if let Some(taken) = self.taken.get() {
            taken.took(bytes);
        }
    }

    pub(super) fn is_hung_up(&self) -> WaitForCancellationFutureOwned {
        self.over.clone().cancelled_owned()
    }
}

/// The place of a connection, until it ends.
#[derive(Debug)]
pub(super) struct Place {
    handle: ConnectionHandle,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(permit: OwnedSemaphorePermit, share: Option<Share<IpAddr>>) -> Self {
        gauge!(telemetry::CONNECTIONS).increment(1.0);
        Place { handle: ConnectionHandle::with(share), _permit: permit }
    }

    #[cfg(test)]
    pub(super) fn alone() -> Self {
        Place::new(Arc::new(Semaphore::new(1)).try_acquire_owned().expect("one"), None)
    }

    pub(super) fn handle(&self) -> &ConnectionHandle {
        &self.handle
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        gauge!(telemetry::CONNECTIONS).decrement(1.0);
        // A session that was begun on it may still have the handle, and keeps neither.
        self.handle.is_known();
        self.handle.hang_up();
    }
}

/// The result of asking for a place.
pub(super) enum Given {
    /// It is served.
    Served(Place),
    /// It is told why it is not.
    Told(Place, Full),
    /// There are too many of those as well.
    Nothing,
}

/// All places.
pub(super) struct Places {
    served: Arc<Semaphore>,
    told: Arc<Semaphore>,
    /// The shares of addresses; `None` if each may have all.
    strangers: Option<Shares<IpAddr>>,
    is_full: bool,
    is_one_full: bool,
}

impl Places {
    /// That many places, and so many of them for an address; 0 is as many as there are.
    pub(super) fn new(served: usize, of_an_address: usize) -> Self {
        let strangers = (of_an_address > 0).then(|| Shares::new(of_an_address, usize::MAX));
        let (served, told) = (Semaphore::new(served), Semaphore::new(TOLD));
        let (served, told) = (Arc::new(served), Arc::new(told));
        Places { served, told, strangers, is_full: false, is_one_full: false }
    }

    /// A place for a connection, which counts for its address unless `is_trusted`.
    pub(super) fn take(&mut self, peer: IpAddr, is_trusted: bool) -> Given {
        let strangers = self.strangers.as_ref().filter(|_| !is_trusted);
        let share = strangers.map(|shares| shares.take(network(peer))).transpose();
        let full = match (share, self.served.clone().try_acquire_owned()) {
            (Ok(share), Ok(permit)) => {
                self.is_full = false;
                return Given::Served(Place::new(permit, share));
            }
            (Err(_), _) => Full::OfOne,
            (Ok(_), Err(_)) => Full::InAll,
        };
        self.warn(full, peer);
        counter!(telemetry::CONNECTIONS_REFUSED, "bound" => full.name()).increment(1);
        let told = self.told.clone().try_acquire_owned();
        told.map_or(Given::Nothing, |permit| Given::Told(Place::new(permit, None), full))
    }

    fn warn(&mut self, full: Full, peer: IpAddr) {
        match full {
            Full::InAll if !self.is_full => {
                warn!("MAX_CONNECTIONS is reached; further connections are told to come back");
                self.is_full = true;
            }
            Full::OfOne if !self.is_one_full => {
                warn!(
                    %peer,
                    "an address has MAX_ADDRESS_CONNECTIONS; further ones of it are told to come \
                     back. If it is a proxy, name it in TRUSTED_PROXIES. This is said once"
                );
                self.is_one_full = true;
            }
            Full::InAll | Full::OfOne => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_has_so_many_places_until_somebody_is_known_there_and_a_proxy_has_all() {
        let mut places = Places::new(4, 1);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|it| it.parse::<IpAddr>().unwrap());
        let Given::Served(first) = places.take(one, false) else { panic!("a place") };
        assert!(matches!(places.take(one, false), Given::Told(_, Full::OfOne)));
        let Given::Served(_second) = places.take(other, false) else { panic!("a place") };
        first.handle().is_known();
        let Given::Served(third) = places.take(one, false) else { panic!("a place") };
        let Given::Served(_fourth) = places.take(one, true) else { panic!("a place") };
        assert!(matches!(places.take(one, true), Given::Told(_, Full::InAll)));
        let handle = third.handle().clone();
        drop(third);
        assert!(handle.is_over());
        assert!(matches!(places.take(one, false), Given::Served(_)), "what ended counts no more");
    }
}
