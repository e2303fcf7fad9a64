//! The current overview of sales, made once for everybody, and when it goes out.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use projections::time::Time;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

use crate::query::params::Asked;
use crate::query::summary::{Overview, Summary};
use crate::query::wait::{self, Least, READ_WITHIN};
use crate::query::{self, Deps, answer::View};
use crate::stream::announce::Announcement;

/// Updates are at least this far apart.
pub const UPDATE_INTERVAL: Duration = Duration::from_millis(250);
/// Announcements can be lost: after so long without one the store is asked how far it is.
const SILENCE: Duration = Duration::from_secs(2);

/// Sales in short, and the position they reflect.
#[derive(Debug, Clone, Serialize)]
pub struct Current {
    #[serde(flatten)]
    overview: Overview,
    /// The position.
    pub position: u64,
}

/// Makes the overview of sales, once for however many ask at the same time.
#[derive(Debug)]
pub struct Hub {
    deps: Deps,
    latest: Mutex<Option<(Instant, Arc<Current>)>>,
}

impl Hub {
    /// A hub that has made none yet.
    #[must_use]
    pub fn new(deps: Deps) -> Self {
        Hub { deps, latest: Mutex::new(None) }
    }

    /// The position of the last commit this process knows of.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.deps.projector.borrow().position
    }

    /// The overview as it is now: one whose reading began after this was called, so that all who
    /// ask while another is being read share the next.
    ///
    /// # Errors
    /// As a query of the summary.
    pub async fn current(&self) -> Result<Arc<Current>, query::Error> {
        let asked = Instant::now();
        let mut latest = self.latest.lock().await;
        match &*latest {
            Some((begun, current)) if *begun >= asked => Ok(current.clone()),
            _ => self.make(&mut latest).await,
        }
    }

    async fn make(
        &self,
        latest: &mut Option<(Instant, Arc<Current>)>,
    ) -> Result<Arc<Current>, query::Error> {
        let begun = Instant::now();
        let asked = overview_at((self.deps.now)())?;
        let snapshot = wait::snapshot(&self.deps, Least::default()).await?;
        let overview = timeout(READ_WITHIN, Overview::read(&snapshot, &asked)).await;
        let overview = overview.map_err(|_| query::Error::TimedOut)??;
        let position = snapshot.checkpoint.position;
        let current = Arc::new(Current { overview, position });
        *latest = Some((begun, current.clone()));
        Ok(current)
    }

    /// How far the read models are, as the store has it; `None` where it does not say.
    async fn stored(&self) -> Option<u64> {
        let snapshot = wait::snapshot(&self.deps, Least::default()).await;
        snapshot.ok().map(|snapshot| snapshot.checkpoint.position)
    }

    /// The overviews to send, from now on.
    #[must_use]
    pub fn updates(self: &Arc<Self>) -> Updates {
        Updates {
            hub: self.clone(),
            announced: self.deps.announcements.subscribe(),
            next: Instant::now(),
            heard: 0,
            last: None,
        }
    }
}

/// The overviews to send: one at once when sales change after a quiet time, then one every
/// [`UPDATE_INTERVAL`] at most for as long as they do, the last change included. A commit whose
/// announcement was lost is found by the next one, which does not begin where the last one ended, or
/// in the store once it has been quiet for [`SILENCE`].
#[derive(Debug)]
pub struct Updates {
    hub: Arc<Hub>,
    announced: Receiver<Announcement>,
    next: Instant,
    /// The newest commit that was announced, or found.
    heard: u64,
    /// The position of the last update.
    last: Option<u64>,
}

impl Updates {
    /// The next one, or `None` where no more announcements can come. While `is_heard` says that
    /// nobody listens, none is made.
    pub async fn next(&mut self, is_heard: impl Fn() -> bool) -> Option<Arc<Current>> {
        loop {
            if !self.change(&is_heard).await {
                return None;
            }
            sleep_until(self.next).await;
            self.next = Instant::now() + UPDATE_INTERVAL;
            // What was announced until here is in what is read from here on.
            self.announced = self.announced.resubscribe();
            if !is_heard() {
                continue;
            }
            match self.hub.current().await {
                // A commit that was announced while the last overview was read is in it already.
                Ok(current) if self.last == Some(current.position) => {}
                Ok(current) => {
                    self.hear(current.position);
                    self.last = Some(current.position);
                    return Some(current);
                }
                Err(error) => tracing::warn!(%error, "an update could not be made"),
            }
        }
    }

    /// Waits for the next commit that changed sales. One that was not heard of may have. False
    /// where no more can come.
    async fn change(&mut self, is_heard: impl Fn() -> bool) -> bool {
        loop {
            match timeout(SILENCE, self.announced.recv()).await {
                Ok(Ok(Announcement { from, position, touched, .. })) => {
                    if from > self.hear(position) || touched.sales {
                        return true;
                    }
                }
                Ok(Err(RecvError::Lagged(_))) => return true,
                Ok(Err(RecvError::Closed)) => return false,
                Err(_) if !is_heard() => {}
                Err(_) => {
                    let stored = self.hub.stored().await.unwrap_or(0);
                    if stored > self.hear(stored) {
                        return true;
                    }
                }
            }
        }
    }

    /// Takes note of a commit; gives the newest one that was known before.
    fn hear(&mut self, position: u64) -> u64 {
        let before = self.heard;
        self.heard = before.max(position);
        before
    }
}

/// What a request for the summary without parameters asks for.
fn overview_at(now: Time) -> Result<Asked, query::Error> {
    Asked::parse(&Uri::from_static(Summary::PATH), now, Summary::TREND_DAYS)
        .map_err(query::Error::Invalid)
}
