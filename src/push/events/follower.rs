//! Where one subscriber stands with the events: a position, and at most one part of the log that is
//! being read for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use projections::time::Time;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::kinds::Kinds;
use super::source::Unread;
use super::written::{Asked, Entry, Written};
use super::{AGAIN, Events};
use crate::push::frame::{Cursor, Frame};

/// One subscriber of the events.
pub struct Follower {
    events: Events,
    id: u64,
    wake: Arc<Notify>,
    stands: Stands,
    asked: Asked,
    reading: Option<Reading>,
    /// Why the part that it needs is not read.
    trouble: Option<Arc<str>>,
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// Where it stands.
#[derive(Debug, Clone, Copy)]
enum Stands {
    /// It begins at the end.
    Begins,
    /// It was away, and is back; this is how long the process may take to come where it was.
    Back(Cursor, Instant),
    /// It goes on.
    GoesOn,
}

/// How a subscriber began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Whether it goes on where it was; `None` where it was nowhere.
    pub recovered: Option<bool>,
    /// The position behind which it goes on.
    pub position: u64,
}

/// What is read of the log.
enum Found {
    /// The first position that it has.
    First(u64),
    /// A part, and how far it goes.
    Part(Vec<Entry>, Cursor),
}

/// Something that is being read of the log; it is given up when this is dropped.
struct Reading {
    found: Arc<Mutex<Option<Result<Found, Unread>>>>,
    _task: AbortOnDropHandle<()>,
}

impl Follower {
    /// Follows some kinds of events as that topic, from behind a cursor, where one is given with the
    /// time by which the process has to have come there; `wake` is notified when there is something new.
    #[must_use]
    pub fn new(
        events: Events,
        topic: Arc<str>,
        kinds: Kinds,
        since: Option<(Cursor, Instant)>,
        wake: Arc<Notify>,
    ) -> Self {
        let id = events.join(wake.clone());
        let stands = since.map_or(Stands::Begins, |(since, by)| Stands::Back(since, by));
        let asked = Asked { topic, kinds, from: 0, after: 0 };
        Follower { events, id, wake, stands, asked, reading: None, trouble: None }
    }

    /// The name of the topic, as it was asked for.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.asked.topic
    }

    /// The time at which it has to be looked at again.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.stands {
            Stands::Back(_, by) if by > Instant::now() => Some(by),
            _ => None,
        }
    }

    /// Finds out where it begins; says so once.
    pub fn settle(&mut self) -> Option<Begun> {
        let end = self.end();
        match self.stands {
            Stands::GoesOn => None,
            Stands::Begins => Some(self.begin(None, end?.position)),
            Stands::Back(since, by) => {
                let end = end?;
                if !since.is_of_log_of(end) {
                    return Some(self.begin(Some(false), end.position));
                }
                // A process may be behind the one where the client was.
                if since.generation > end.generation || since.position > end.position {
                    let is_late = Instant::now() >= by;
                    return is_late.then(|| self.begin(Some(false), end.position));
                }
                if self.is_kept(since.position) {
                    return Some(self.begin(Some(true), since.position));
                }
                let Some(Found::First(first)) = self.read(Wanted::First) else { return None };
                let has_all = since.position + 1 >= first;
                let behind = if has_all { since.position } else { first - 1 };
                Some(self.begin(Some(has_all), behind))
            }
        }
    }

    fn begin(&mut self, recovered: Option<bool>, position: u64) -> Begun {
        (self.stands, self.reading) = (Stands::GoesOn, None);
        (self.asked.from, self.asked.after) = (position, position);
        Begun { recovered, position }
    }

    /// The next frame, if it is there; else it is on its way, or there is nothing new.
    pub fn take(&mut self) -> Option<Arc<Frame>> {
        if !matches!(self.stands, Stands::GoesOn) {
            return None;
        }
        self.end()?;
        loop {
            let written = match self.of_the_newest() {
                Some(written) => written,
                None => match self.read(Wanted::Part(self.asked.after))? {
                    Found::Part(entries, end) => self.asked.frame(&entries, end, self.now()),
                    Found::First(_) => continue,
                },
            };
            let is_further = written.reached > self.asked.after;
            self.asked.after = written.reached;
            if let Some(frame) = written.frame {
                self.asked.from = frame.cursor.position;
                return Some(frame);
            }
            if !is_further {
                return None;
            }
        }
    }

    /// What is at hand for it; `None` where it is further behind.
    fn of_the_newest(&self) -> Option<Written> {
        let mut state = self.events.0.lock();
        let tail = state.tail.as_mut()?;
        // One that was sent more than this generation has folded waits until it has come there.
        let is_at_hand = tail.covers(self.asked.after) || self.asked.after > tail.end().position;
        is_at_hand.then(|| tail.frame(&self.asked, self.now()))
    }

    fn is_kept(&self, position: u64) -> bool {
        self.events.0.lock().tail.as_ref().is_some_and(|tail| tail.covers(position))
    }

    fn end(&self) -> Option<Cursor> {
        self.events.0.lock().tail.as_ref().map(super::tail::Tail::end)
    }

    fn now(&self) -> Time {
        self.events.now()
    }

    /// How far the client has it.
    #[must_use]
    pub fn has(&self) -> Option<Cursor> {
        let end = self.end()?;
        let goes_on = matches!(self.stands, Stands::GoesOn);
        goes_on.then_some(Cursor { position: self.asked.after, ..end })
    }

    /// Why it gets no events.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.clone().or_else(|| self.events.0.lock().trouble.clone())
    }

    /// What was read of the log, once it was; it is read again where that failed.
    fn read(&mut self, wanted: Wanted) -> Option<Found> {
        if let Some(reading) = &self.reading {
            let found = reading.found.lock().unwrap_or_else(PoisonError::into_inner).take();
            let found = found?;
            self.reading = None;
            match found {
                Ok(found) => {
                    self.trouble = None;
                    return Some(found);
                }
                Err(error) => {
                    tracing::debug!(%error, "a part of the log was not read");
                    self.trouble = Some(Unread::TOLD.into());
                }
            }
        }
        self.reading = Some(self.begin_reading(wanted));
        None
    }

    fn begin_reading(&self, wanted: Wanted) -> Reading {
        let found = Arc::<Mutex<_>>::default();
        let (shared, wake, put) = (self.events.0.clone(), self.wake.clone(), found.clone());
        let pause = self.trouble.is_some().then_some(AGAIN);
        let task = tokio::spawn(async move {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            let read = match wanted {
                Wanted::First => shared.first().await.map(Found::First),
                Wanted::Part(after) => {
                    let part = shared.part_for_one(after).await;
                    part.map(|(entries, end)| Found::Part(entries, end))
                }
            };
            *put.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
            wake.notify_one();
        });
        Reading { found, _task: AbortOnDropHandle::new(task) }
    }
}

/// What is to be read of the log.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    First,
    /// The part behind a position.
    Part(u64),
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.events.leave(self.id);
    }
}
