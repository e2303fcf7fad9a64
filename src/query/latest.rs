//! The newest snapshot, kept at hand: read once after each commit instead of once for each query.
//!
//! A follower reads it again when a commit is announced. Announcements can be lost, so it looks
//! every second as well; a query that needs a position says so and waits for it (see
//! [`super::wait`]).

use std::sync::Arc;
use std::time::Duration;

use projections::topic::Topics;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::cache::ResponseCache;
use super::current::{Current, READ_WITHIN};
use crate::store::Store;
use crate::store::read::Snapshot;
use crate::stream::announce::Announcement;
use crate::telemetry::traces::Recent;

/// The store is asked at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A commit is announced right after it; the follower waits for the announcement if it sees it
/// before.
const ANNOUNCED_WITHIN: Duration = Duration::from_millis(50);
/// A snapshot that is older than this is read anew by the query that needs it: the follower gets no
/// answer, and an error of the store's is better told than hidden.
const FRESH: Duration = Duration::from_secs(3);

/// The newest snapshot that the follower knows.
#[derive(Debug, Clone)]
pub struct Latest {
    /// The snapshot.
    pub current: Current,
    /// The traces of the commits up to it, and of some after it.
    pub traces: Recent,
    read: Instant,
}

impl Latest {
    /// Its position.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.current.snapshot.checkpoint.position
    }

    /// Whether it can be relied on to be the newest but for moments.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.read.elapsed() < FRESH
    }
}

/// Keeps the newest snapshot in `latest` until `stop`, each once `cache` has the responses that
/// are asked for all the time. The traces of commits are kept that touched any of `pushed`. It is
/// `None` before the first generation was made.
pub async fn follow(
    store: Store,
    cache: Arc<ResponseCache>,
    mut announced: Receiver<Announcement>,
    pushed: Topics,
    latest: watch::Sender<Option<Latest>>,
    stop: CancellationToken,
) {
    let mut heard = Heard::of(&cache, pushed);
    loop {
        match timeout(READ_WITHIN, store.snapshot()).await {
            Ok(Ok(Some(snapshot))) => {
                let read = Instant::now();
                let before = latest.borrow().clone();
                let position = snapshot.checkpoint.position;
                if before.as_ref().is_none_or(|before| before.position() != position) {
                    let reached = heard.reach(position, &mut announced);
                    let _ = timeout(ANNOUNCED_WITHIN, reached).await;
                }
                let mut current = Current::unknown(snapshot);
                if let Some(Latest { current: before, .. }) = &before
                    && let Some(touched) = heard.touched(&before.snapshot, &current.snapshot)
                {
                    current.changed = before.changed.and(touched, position);
                }
                cache.renew(&current).await;
                let traces = heard.traces.clone();
                latest.send_replace(Some(Latest { current, traces, read }));
                let is_behind = heard.is_beyond(position);
                heard = heard.anew();
                if is_behind {
                    continue;
                }
            }
            Ok(Ok(None)) => {
                latest.send_replace(None);
            }
            Ok(Err(error)) => tracing::debug!(%error, "the newest snapshot was not read"),
            Err(_) => tracing::debug!("the newest snapshot was not read in time"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = heard.more(&mut announced) => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// The announcements since the last snapshot was read.
#[derive(Debug)]
struct Heard<'a> {
    cache: &'a ResponseCache,
    /// The topics of which a change is pushed.
    pushed: Topics,
    /// Commits that follow each other: the position before them, that of the last, and the topics
    /// that they touched.
    chain: Option<(u64, u64, Topics)>,
    missed: bool,
    /// Those before it as well.
    traces: Recent,
}

impl<'a> Heard<'a> {
    fn of(cache: &'a ResponseCache, pushed: Topics) -> Self {
        Heard { cache, pushed, chain: None, missed: false, traces: Recent::default() }
    }

    /// The announcements from here on.
    fn anew(self) -> Self {
        Heard { chain: None, missed: false, ..self }
    }

    /// Waits until the commit that ends at a position was announced.
    async fn reach(&mut self, position: u64, announced: &mut Receiver<Announcement>) {
        while self.chain.is_none_or(|(_, to, _)| to < position) {
            self.one(announced).await;
        }
    }

    /// Whether a commit after a position was announced.
    fn is_beyond(&self, position: u64) -> bool {
        self.chain.is_some_and(|(_, to, _)| to > position)
    }

    /// Waits for an announcement, and takes those that are there by then.
    async fn more(&mut self, announced: &mut Receiver<Announcement>) {
        self.one(announced).await;
        loop {
            match announced.try_recv() {
                Ok(announcement) => self.take(&announcement),
                Err(TryRecvError::Lagged(_)) => self.missed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    async fn one(&mut self, announced: &mut Receiver<Announcement>) {
        match announced.recv().await {
            Ok(announcement) => self.take(&announcement),
            Err(RecvError::Lagged(_)) => self.missed = true,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    fn take(&mut self, announcement: &Announcement) {
        self.cache.heard(announcement);
        let touched = announcement.touched;
        if touched.intersects(self.pushed) {
            self.traces.heard(touched, announcement.position, &announcement.traceparents);
        }
        let (from, to) = (announcement.from, announcement.position);
        match &mut self.chain {
            None => self.chain = Some((from, to, announcement.touched)),
            Some((_, end, touched)) if *end == from => {
                (*end, *touched) = (to, touched.union(announcement.touched));
            }
            Some(_) => self.missed = true,
        }
    }

    /// The topics that may have changed from one snapshot to the next; `None` if all may have.
    fn touched(&self, before: &Snapshot, now: &Snapshot) -> Option<Topics> {
        let (old, new) = (&before.checkpoint, &now.checkpoint);
        if old.generation != new.generation || old.incarnation != new.incarnation {
            return None;
        }
        if old.position == new.position {
            return Some(Topics::default());
        }
        let (from, to, touched) = self.chain.filter(|_| !self.missed)?;
        (from <= old.position && to >= new.position).then_some(touched)
    }
}
