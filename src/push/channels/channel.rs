//! One channel, and its followers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::door::shares::Share;
use crate::push::frame::{Cursor, Frame};
use crate::push::offers::Offer;
use crate::push::ring::{Resumed, Ring};

/// One question that is followed.
pub(super) struct Channel {
    pub(super) offer: Offer,
    state: Mutex<State>,
    pub(super) end: CancellationToken,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) ring: Ring,
    /// Why there are no figures, as it is told.
    pub(super) trouble: Option<Arc<str>>,
    pub(super) followers: HashMap<u64, Arc<Notify>>,
    /// The time since which nobody follows it.
    pub(super) idle_since: Option<Instant>,
    /// The time at which the figures were read last.
    pub(super) read_at: Option<Instant>,
    /// The number of alerts that were heard of before that.
    pub(super) heard: u64,
    /// Its place among the questions.
    pub(super) share: Option<Share<String>>,
}

/// A channel that is followed, until this is dropped.
pub struct Following {
    pub(super) channel: Arc<Channel>,
    pub(super) id: u64,
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Following").field(&self.channel.offer.name()).finish()
    }
}

impl Channel {
    pub(super) fn new(offer: Offer, share: Option<Share<String>>, end: CancellationToken) -> Self {
        let ring = Ring::new(offer.name(), offer.has_deltas());
        let (trouble, followers, idle_since) = (None, HashMap::new(), None);
        let (read_at, heard) = (None, 0);
        let state = State { ring, trouble, followers, idle_since, read_at, heard, share };
        let state = Mutex::new(state);
        Channel { offer, state, end }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Following {
    /// The view or topic that is followed.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.channel.offer
    }

    /// The next frame for a follower that has seen the one of that number, 0 for none.
    #[must_use]
    pub fn after(&self, seen: u64) -> Option<Arc<Frame>> {
        self.channel.state().ring.after(seen)
    }

    /// The newest figures as a whole, for a follower that has seen the frame of that number, 0 for none,
    /// and there is a newer one.
    #[must_use]
    pub fn whole(&self, seen: u64) -> Option<Arc<Frame>> {
        self.channel.state().ring.whole(seen)
    }

    /// Where a follower stands that was away.
    #[must_use]
    pub fn resume(&self, has: Cursor) -> Resumed {
        self.channel.state().ring.resume(has)
    }

    /// The last position at which the figures are known to be those of the frame of that number.
    #[must_use]
    pub fn known(&self, seen: u64) -> Option<u64> {
        self.channel.state().ring.known(seen)
    }

    /// Why there are no new figures.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.channel.state().trouble.clone()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut state = self.channel.state();
        state.followers.remove(&self.id);
        if state.followers.is_empty() {
            state.idle_since = Some(Instant::now());
        }
    }
}

/// Every change is one step, so a panic elsewhere leaves it whole.
pub(super) fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
