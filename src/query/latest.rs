//! The newest snapshot, kept at hand: read once after each commit instead of once for each query.
//!
//! A follower reads it again when a commit is announced. Announcements can be lost, so it looks
//! every second as well; whoever needs a position says so and waits for it (see [`super::wait`]).

use std::sync::Arc;
use std::time::Duration;

use projections::topic::Topic;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::wait::READ_WITHIN;
use crate::store::Store;
use crate::store::read::Snapshot;
use crate::stream::announce::Announcement;
use crate::telemetry::traces::Recent;

/// The store is asked at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A commit is announced right after it; who sees it before that waits for the announcement.
const ANNOUNCED_WITHIN: Duration = Duration::from_millis(50);
/// What is older than this is read anew by who needs it: the follower gets no answer, and an error
/// of the store's is better told than hidden.
const FRESH: Duration = Duration::from_secs(3);

/// The newest snapshot that the follower knows.
#[derive(Debug, Clone)]
pub struct Latest {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The position of the newest one in which sales may differ from the one before.
    pub sales_changed_at: u64,
    /// What the commits up to it carried, and some after it.
    pub traces: Recent,
    read: Instant,
}

impl Latest {
    /// Its position.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.snapshot.checkpoint.position
    }

    /// Whether it can be relied on to be the newest but for moments.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.read.elapsed() < FRESH
    }
}

/// Keeps the newest snapshot in `latest` until `stop`, each once `answers` has what is asked for all
/// the time. It is `None` before the first generation was made.
pub async fn follow(
    store: Store,
    answers: Arc<Answers>,
    mut announced: Receiver<Announcement>,
    latest: watch::Sender<Option<Latest>>,
    stop: CancellationToken,
) {
    let mut heard = Heard::of(&answers);
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
                let unchanged = before.filter(|it| heard.no_sales(it, &snapshot));
                let sales_changed_at = unchanged.map_or(position, |it| it.sales_changed_at);
                answers.renew(&snapshot).await;
                let snapshot = Arc::new(snapshot);
                let traces = heard.traces.clone();
                latest.send_replace(Some(Latest { snapshot, sales_changed_at, traces, read }));
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

/// What was announced since the last snapshot was read.
#[derive(Debug)]
struct Heard<'a> {
    answers: &'a Answers,
    /// Commits that follow each other: from where, to where, and whether one changed sales.
    chain: Option<(u64, u64, bool)>,
    missed: bool,
    /// Those before it as well.
    traces: Recent,
}

impl<'a> Heard<'a> {
    fn of(answers: &'a Answers) -> Self {
        Heard { answers, chain: None, missed: false, traces: Recent::default() }
    }

    /// What is announced from here on.
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
        self.answers.heard(announcement);
        self.traces.heard(announcement);
        let (from, to) = (announcement.from, announcement.position);
        let sales = announcement.touched.contains(Topic::Sales);
        match &mut self.chain {
            None => self.chain = Some((from, to, sales)),
            Some((_, end, changed)) if *end == from => (*end, *changed) = (to, *changed || sales),
            Some(_) => self.missed = true,
        }
    }

    /// Whether it is sure that no sale changed from one snapshot to the next.
    fn no_sales(&self, before: &Latest, now: &Snapshot) -> bool {
        let (old, new) = (&before.snapshot.checkpoint, &now.checkpoint);
        if old.generation != new.generation || old.incarnation != new.incarnation {
            return false;
        }
        old.position == new.position
            || !self.missed
                && self.chain.is_some_and(|(from, to, changed)| {
                    from <= old.position && to >= new.position && !changed
                })
    }
}
