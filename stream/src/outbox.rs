//! The events that wait to be sent to the log, and the room for them.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::acknowledgement::{Refusal, Stored};
use super::duplicate::Sent;
use super::group::{Group, Limits, Shipment};
use super::turn::{Turn, Turns};

/// The room for events of all callers, and that of one caller, in units of a kilobyte. An event
/// takes one unit at least.
const ROOM: usize = 64 << 10;
/// A caller's part of it.
pub(super) const ROOM_OF_ONE: usize = 8 << 10;
const UNIT_BYTES: usize = 1 << 10;

/// The outcome of an event.
pub(super) type Outcome = Result<Stored, Refusal>;

/// An event on its way, and where its outcome goes.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The message.
    pub sent: Sent,
    /// Its number among its caller's.
    pub index: usize,
    /// The room that it takes.
    pub units: usize,
    /// Takes its outcome.
    pub tell: mpsc::UnboundedSender<(usize, usize, Outcome)>,
    /// Its room; given back when it is told.
    pub _room: OwnedSemaphorePermit,
}

/// The events that wait to be sent, and those that are not answered yet.
#[derive(Debug)]
pub(super) struct Outbox {
    group: Mutex<Group<Arc<Parcel>>>,
    turns: Mutex<Turns>,
    /// The room for events.
    pub room: Arc<Semaphore>,
    /// Why events go one by one, where they do.
    singly: Mutex<Option<String>>,
    /// Whether somebody waits for others to run, and sends then what is queued.
    gathering: Arc<AtomicBool>,
    /// The first part of the ids of batches: this process's.
    prefix: String,
    batches: AtomicU64,
}

/// Who gathers; one at a time.
#[derive(Debug)]
pub(super) struct Gathering(Arc<AtomicBool>);

impl Gathering {
    /// `None` if somebody gathers already, and sends what is queued by now.
    pub fn begin(outbox: &Outbox) -> Option<Self> {
        let is_first = !outbox.gathering.swap(true, Ordering::AcqRel);
        is_first.then(|| Gathering(Arc::clone(&outbox.gathering)))
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        // Whoever was told that somebody gathers has queued before this.
        self.0.swap(false, Ordering::AcqRel);
    }
}

impl Default for Outbox {
    fn default() -> Self {
        let random = uuid::Uuid::new_v4().as_u128();
        let mut prefix = String::new();
        push_digits(&mut prefix, u64::try_from(random & 0xffff_ffff_ffff).unwrap_or_default());
        prefix.push('-');
        Outbox {
            group: Mutex::new(Group::new(Limits::SINGLES)),
            turns: Mutex::default(),
            room: Arc::new(Semaphore::new(ROOM)),
            singly: Mutex::default(),
            gathering: Arc::default(),
            prefix,
            batches: AtomicU64::new(0),
        }
    }
}

impl Outbox {
    /// The states of the events that wait.
    pub fn group(&self) -> MutexGuard<'_, Group<Arc<Parcel>>> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shipments that may be sent now, each with its turn.
    pub fn next(&self, group: &mut Group<Arc<Parcel>>) -> Vec<(Shipment<Arc<Parcel>>, Turn)> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| group.next()).map(|shipment| (shipment, turns.take())).collect()
    }

    /// Sends batches from now on, or events one by one for a reason. Returns whether that is news.
    pub fn send(&self, singly: Option<String>) -> bool {
        let limits = if singly.is_some() { Limits::SINGLES } else { Limits::BATCHES };
        self.group().limit(limits);
        let mut now = self.singly.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = now.is_some() != singly.is_some();
        *now = singly;
        is_news
    }

    /// Why events go one by one, where they do.
    pub fn singly(&self) -> Option<String> {
        self.singly.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of another batch. It is stored with each message, so it is short.
    pub fn batch_id(&self) -> String {
        let mut id = self.prefix.clone();
        push_digits(&mut id, self.batches.fetch_add(1, Ordering::Relaxed));
        id
    }
}

/// The units that an event of so many bytes takes.
pub(super) fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT_BYTES).clamp(1, ROOM_OF_ONE)
}

fn push_digits(text: &mut String, number: u64) {
    let _ = write!(text, "{number:x}"); // a string takes everything
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_have_ids_of_their_own_which_are_short() {
        let (one, other) = (Outbox::default(), Outbox::default());
        let ids = [one.batch_id(), one.batch_id(), other.batch_id()];
        assert!(ids[0] != ids[1] && ids[0] != ids[2], "{ids:?}");
        assert!(ids.iter().all(|id| id.len() <= 20), "{ids:?}");
    }

    #[test]
    fn one_gathers_at_a_time() {
        let outbox = Outbox::default();
        let first = Gathering::begin(&outbox).expect("nobody gathers");
        assert!(Gathering::begin(&outbox).is_none());
        drop(first);
        assert!(Gathering::begin(&outbox).is_some());
    }

    #[test]
    fn an_event_takes_room_by_its_size_and_never_more_than_its_caller_has() {
        let bounds = [(0, 1), (1_024, 1), (1_025, 2), (64 << 20, ROOM_OF_ONE)];
        for (bytes, expected) in bounds {
            assert_eq!(units(bytes), expected, "{bytes}");
        }
    }
}
