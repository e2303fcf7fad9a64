//! The newest snapshot, kept at hand: read once after each commit instead of once for each query.
//!
//! A follower reads it again when a commit is announced. Announcements can be lost, so it looks
//! every second as well; a query that needs a position says so and waits for it (see
//! [`super::wait`]).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::READ_WITHIN;
use super::cache::ResponseCache;
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
    pub snapshot: Arc<Snapshot>,
    /// The traces of the commits up to it, and of some after it.
    pub traces: Recent,
    read: Instant,
}

impl Latest {
    /// Its position.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.snapshot.checkpoint.position
    }

    /// Its generation.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.snapshot.checkpoint.generation
    }

    /// The time since it was read.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.read.elapsed()
    }

    /// Whether it can be relied on to be the newest but for moments.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.read.elapsed() < FRESH
    }
}

/// Keeps the newest snapshot in `latest` until `stop`, each once `cache` has the responses that
/// are asked for all the time. It is `None` before the first generation was made.
pub async fn follow(
    store: Store,
    cache: Arc<ResponseCache>,
    mut announced: Receiver<Announcement>,
    latest: watch::Sender<Option<Latest>>,
    stop: CancellationToken,
) {
    let mut heard = Heard::of(&cache);
    loop {
        match timeout(READ_WITHIN, store.snapshot()).await {
            Ok(Ok(Some(snapshot))) => {
                let read = Instant::now();
                let position = snapshot.checkpoint.position;
                let before = latest.borrow().as_ref().map(Latest::position);
                if before != Some(position) {
                    let reached = heard.reach(position, &mut announced);
                    let _ = timeout(ANNOUNCED_WITHIN, reached).await;
                }
                let snapshot = Arc::new(snapshot);
                cache.renew(&snapshot).await;
                let traces = heard.traces.clone();
                latest.send_replace(Some(Latest { snapshot, traces, read }));
                if heard.to.take().is_some_and(|to| to > position) {
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

/// The announcements that were heard.
#[derive(Debug)]
struct Heard<'a> {
    cache: &'a ResponseCache,
    /// The position of the newest commit that was announced since the last snapshot was read.
    to: Option<u64>,
    traces: Recent,
}

impl<'a> Heard<'a> {
    fn of(cache: &'a ResponseCache) -> Self {
        Heard { cache, to: None, traces: Recent::default() }
    }

    /// Waits until the commit that ends at a position was announced.
    async fn reach(&mut self, position: u64, announced: &mut Receiver<Announcement>) {
        while self.to.is_none_or(|to| to < position) {
            self.one(announced).await;
        }
    }

    /// Waits for an announcement, and takes those that are there by then.
    async fn more(&mut self, announced: &mut Receiver<Announcement>) {
        self.one(announced).await;
        loop {
            match announced.try_recv() {
                Ok(announcement) => self.take(&announcement),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    async fn one(&mut self, announced: &mut Receiver<Announcement>) {
        match announced.recv().await {
            Ok(announcement) => self.take(&announcement),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    fn take(&mut self, announcement: &Announcement) {
        self.cache.heard(announcement);
        let Announcement { touched, position, traceparents, .. } = announcement;
        self.traces.heard(*touched, *position, traceparents);
        self.to = Some(announcement.position);
    }
}
