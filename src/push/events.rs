//! The topic `events`: each folded event, as it was sent. It is the log up to the live generation's
//! checkpoint, less what is quarantined.
//!
//! Subscribers read the log at their own pace. The newest events are read once for everybody and kept
//! for a while ([`tail`]); who is further behind reads parts of the log, a few subscribers at a time.
//! So a slow subscriber is behind by a position and not by bytes, and nobody waits for it.
//!
//! # Layout
//!
//! - [`kinds`]: the filter; [`source`]: what a log has to give; [`written`]: events as frames;
//! - [`tail`]: the newest events; [`follower`]: where one subscriber stands;
//! - here: the reading, for all of them.

pub mod follower;
pub mod kinds;
pub mod source;
pub mod tail;
pub mod written;

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use metrics::counter;
use projections::time::Time;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::source::{Source, Unread};
use self::tail::Tail;
use self::written::{Entry, entries};
use super::frame::Cursor;
use crate::operator::pulse::Pulse;
use crate::query::{Deps, READ_WITHIN};
use crate::store::read::Snapshot;
use crate::telemetry;

/// The newest events are kept for so long after the last subscriber left.
const LINGER: Duration = Duration::from_mins(1);
/// The pause after a part of the log was not read.
const AGAIN: Duration = Duration::from_secs(1);
/// Subscribers behind the newest events that read a part of the log at a time.
const AT_A_TIME: usize = 4;

/// The events of a shop.
#[derive(Debug, Clone)]
pub struct Events(Arc<Shared>);

struct Shared {
    deps: Deps,
    source: Arc<dyn Source>,
    pulse: Pulse,
    /// Two parts of the newest events are read at least so far apart.
    apart: Duration,
    state: Mutex<State>,
    turns: Semaphore,
    ids: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.lock()).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    /// The newest events, once somebody follows them and there are read models.
    tail: Option<Tail>,
    followers: HashMap<u64, Arc<Notify>>,
    /// Why the newest events are not read, as it is told.
    trouble: Option<Arc<str>>,
    is_read: bool,
}

impl Events {
    /// Nobody follows yet. What reads the newest events ends at `stop`.
    #[must_use]
    pub fn new(
        deps: Deps,
        source: Arc<dyn Source>,
        pulse: Pulse,
        apart: Duration,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (state, turns, ids) = (Mutex::default(), Semaphore::new(AT_A_TIME), AtomicU64::new(0));
        Events(Arc::new(Shared { deps, source, pulse, apart, state, turns, ids, tasks, stop }))
    }

    /// Has `wake` notified of what is new, until the id is given to [`Events::leave`].
    fn join(&self, wake: Arc<Notify>) -> u64 {
        let id = self.0.ids.fetch_add(1, Ordering::Relaxed);
        let mut state = self.0.lock();
        state.followers.insert(id, wake);
        if !std::mem::replace(&mut state.is_read, true) {
            let shared = self.0.clone();
            self.0.tasks.spawn(async move { shared.keep().await });
        }
        id
    }

    fn leave(&self, id: u64) {
        self.0.lock().followers.remove(&id);
    }

    fn now(&self) -> Time {
        (self.0.deps.now)()
    }
}

impl Shared {
    /// Reads what is committed; a panic does not leave the followers without any more.
    async fn keep(&self) {
        let heart = self.pulse.begin();
        loop {
            let reading = AssertUnwindSafe(Box::pin(self.read_the_newest())).catch_unwind();
            if heart.beat_while(reading).await.is_ok() {
                return;
            }
            tracing::error!("reading the newest events panicked; it goes on");
            sleep_until(Instant::now() + AGAIN).await;
        }
    }

    /// Reads what is committed, at most as often as frames are sent, for as long as anybody follows and
    /// a while longer.
    async fn read_the_newest(&self) {
        let mut latest = self.deps.latest.clone();
        let mut left_since = None;
        loop {
            let again = Instant::now() + self.apart;
            let snapshot = latest.borrow_and_update().as_ref().map(|it| it.snapshot.clone());
            let read = match &snapshot {
                Some(snapshot) => self.advance(snapshot).await,
                None => Ok(()),
            };
            let again = self.note(read).map_or(again, |()| Instant::now() + AGAIN);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep_until(again) => {}
            }
            if self.is_left(&mut left_since) {
                self.source.rest();
                return;
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep_until(Instant::now() + AGAIN) => {}
                changed = latest.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Tells the followers of a trouble, and of its end; returns whether there is one.
    fn note(&self, read: Result<(), Unread>) -> Option<()> {
        let mut state = self.lock();
        let trouble: Option<Arc<str>> = read.err().map(|error| {
            tracing::debug!(%error, "the newest events were not read");
            Unread::TOLD.into()
        });
        if state.trouble != trouble {
            state.trouble.clone_from(&trouble);
            state.wake();
        }
        trouble.map(|_| ())
    }

    /// Whether nobody has followed for a while; what was kept is then forgotten.
    fn is_left(&self, since: &mut Option<Instant>) -> bool {
        let mut state = self.lock();
        if !state.followers.is_empty() {
            *since = None;
            return false;
        }
        let is_left = since.get_or_insert_with(Instant::now).elapsed() >= LINGER;
        if is_left {
            (state.is_read, state.tail, state.trouble) = (false, None, None);
        }
        is_left
    }

    /// Reads up to a snapshot's position. Where nothing was read before, it begins there.
    async fn advance(&self, snapshot: &Snapshot) -> Result<(), Unread> {
        let to = Cursor::of(&snapshot.checkpoint);
        let mut after = {
            let mut state = self.lock();
            let had = state.tail.as_ref().map(Tail::end);
            // A generation that was made live can be behind the one before.
            let tail = state.tail.get_or_insert_with(|| Tail::at(to));
            tail.is_of(to);
            let end = tail.end();
            if had != Some(end) {
                state.wake();
            }
            end.position
        };
        while after < to.position {
            let (entries, reached) = self.part(snapshot, after, to.position).await?;
            let mut state = self.lock();
            if let Some(tail) = &mut state.tail {
                tail.take(entries, reached);
            }
            state.wake();
            after = reached;
        }
        Ok(())
    }

    /// The next part of the log between two positions, and how far it goes.
    async fn part(
        &self,
        snapshot: &Snapshot,
        after: u64,
        to: u64,
    ) -> Result<(Vec<Entry>, u64), Unread> {
        let part = timeout(READ_WITHIN, self.source.part(after, to));
        let part = part.await.map_err(|_| Unread::late())??;
        let left_out = timeout(READ_WITHIN, snapshot.quarantined_between(after, part.to));
        let left_out = left_out.await.map_err(|_| Unread::late())?.map_err(Unread::of)?;
        Ok((entries(&part, after, &left_out), part.to))
    }

    /// The next part of the log behind a position, for one who is behind the newest events.
    async fn part_for_one(&self, after: u64) -> Result<(Vec<Entry>, Cursor), Unread> {
        let _turn = self.turns.acquire().await.map_err(Unread::of)?;
        let latest = self.deps.latest.borrow().as_ref().map(|it| it.snapshot.clone());
        let Some(snapshot) = latest else { return Err(Unread::late()) };
        let to = Cursor::of(&snapshot.checkpoint);
        counter!(telemetry::PUSH_PARTS).increment(1);
        let (entries, reached) = self.part(&snapshot, after, to.position).await?;
        Ok((entries, Cursor { position: reached.max(after), ..to }))
    }

    /// The first position that the log still has.
    async fn first(&self) -> Result<u64, Unread> {
        let _turn = self.turns.acquire().await.map_err(Unread::of)?;
        timeout(READ_WITHIN, self.source.first()).await.map_err(|_| Unread::late())?
    }

    /// Every change is one step, so a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&self) {
        self.followers.values().for_each(|wake| wake.notify_one());
    }
}
