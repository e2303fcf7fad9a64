//! The figures that are pushed, made once for everybody, and the times at which they go out.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use projections::time::Time;
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::http::parameters::Parameters;
use crate::query::current::READ_WITHIN;
use crate::query::latest::Latest;
use crate::query::view::Figures;
use crate::query::wait::{self, Least};
use crate::query::{self, Deps};
use crate::telemetry::traces::Moment;

/// Updates are at least this far apart.
pub const UPDATE_INTERVAL: Duration = Duration::from_millis(250);

/// Figures, and the position they reflect.
#[derive(Debug, Clone, Serialize)]
pub struct Current<F> {
    #[serde(flatten)]
    figures: F,
    /// The position.
    pub position: u64,
}

/// The time at which the figures at hand began to be made, and the figures.
type Made<F> = (Instant, Arc<Current<F>>);

/// Makes figures, once for all callers that ask at the same time.
#[derive(Debug)]
pub struct Hub<F> {
    deps: Deps,
    latest: Mutex<Option<Made<F>>>,
}

impl<F: Figures> Hub<F> {
    /// A hub that has made none yet.
    #[must_use]
    pub fn new(deps: Deps) -> Self {
        Hub { deps, latest: Mutex::new(None) }
    }

    /// The position of the last commit this process knows of.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.deps.latest.borrow().as_ref().map_or(0, Latest::position)
    }

    /// The figures as they are now: one whose reading began after this was called, so that all who
    /// ask while another is being read share the next.
    ///
    /// # Errors
    /// As a query of them.
    pub async fn current(&self) -> Result<Arc<Current<F>>, query::Error> {
        let asked = Instant::now();
        let mut latest = self.latest.lock().await;
        match &*latest {
            Some((begun, current)) if *begun >= asked => Ok(current.clone()),
            _ => self.make(&mut latest).await,
        }
    }

    async fn make(&self, latest: &mut Option<Made<F>>) -> Result<Arc<Current<F>>, query::Error> {
        let begun = Instant::now();
        let asked = without_parameters::<F>((self.deps.now)())?;
        let snapshot = wait::snapshot(&self.deps, Least::default()).await?.snapshot;
        let from = self.deps.cache.context(&snapshot);
        let figures = timeout(READ_WITHIN, F::read(from, &asked)).await;
        let figures = figures.map_err(|_| query::Error::TimedOut)??;
        let position = snapshot.checkpoint.position;
        let current = Arc::new(Current { figures, position });
        *latest = Some((begun, current.clone()));
        Ok(current)
    }

    /// The figures to send, from now on.
    #[must_use]
    pub fn updates(self: &Arc<Self>) -> Updates<F> {
        Updates {
            hub: self.clone(),
            latest: self.deps.latest.clone(),
            next: Instant::now(),
            last: self.position(),
            sent: self.position(),
            begun: Moment::now(),
        }
    }
}

/// The figures to send: at once when they change after a quiet time, then one every
/// [`UPDATE_INTERVAL`] at most for as long as they do, the last change included.
#[derive(Debug)]
pub struct Updates<F> {
    hub: Arc<Hub<F>>,
    latest: watch::Receiver<Option<Latest>>,
    next: Instant,
    /// The position of the last one.
    last: u64,
    /// That of the last one that was sent, or that nobody wanted.
    sent: u64,
    /// The time at which the last one began to be made.
    begun: Moment,
}

impl<F: Figures> Updates<F> {
    /// The next one, or `None` where the follower of snapshots has ended. While `is_heard` says
    /// that nobody listens, none is made.
    pub async fn next(&mut self, is_heard: impl Fn() -> bool) -> Option<Arc<Current<F>>> {
        loop {
            let last = self.last;
            let changed = |latest: &Option<Latest>| {
                let changed = latest.as_ref().map(|latest| latest.current.changed.of(F::TOPICS));
                changed.is_some_and(|changed| changed > last)
            };
            self.latest.wait_for(changed).await.ok()?;
            sleep_until(self.next).await;
            self.next = Instant::now() + UPDATE_INTERVAL;
            self.last = self.hub.position();
            if !is_heard() {
                self.sent = self.last;
                continue;
            }
            self.begun = Moment::now();
            match self.hub.current().await {
                Ok(current) => {
                    self.last = current.position;
                    return Some(current);
                }
                Err(error) => tracing::warn!(%error, "an update could not be made"),
            }
        }
    }

    /// The last one was sent to all who listen.
    pub fn sent(&mut self) {
        if let Some(latest) = &*self.latest.borrow() {
            latest.traces.pushed(self.sent, self.last, self.begun);
        }
        self.sent = self.last;
    }
}

/// The parameters of a request that names none.
fn without_parameters<F: Figures>(now: Time) -> Result<F::Parameters, query::Error> {
    F::Parameters::parse(&Uri::from_static("/"), now).map_err(query::Error::Invalid)
}
