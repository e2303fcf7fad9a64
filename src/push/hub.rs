//! The figures that are pushed, made once for everybody, and the times at which they go out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until};

use super::topics::{self, PushTopic};
use crate::query::latest::Latest;
use crate::query::wait::{self, Least};
use crate::query::{self, Deps};
use crate::telemetry::traces::Moment;

/// Updates of one topic are at least this far apart.
pub const UPDATE_INTERVAL: Duration = Duration::from_millis(250);

/// Figures as they are sent, and the position they reflect.
#[derive(Debug)]
pub struct Current {
    /// The figures, and the position beside them.
    pub json: Box<RawValue>,
    /// The position.
    pub position: u64,
}

/// The time at which the figures at hand began to be made, and the figures.
type Made = (Instant, Arc<Current>);

/// Makes the figures of a topic, once for all callers that ask at the same time.
#[derive(Debug)]
pub struct Hub {
    /// The topic.
    pub topic: &'static PushTopic,
    deps: Deps,
    latest: Mutex<Option<Made>>,
}

/// A hub for each topic of the list.
#[must_use]
pub fn hubs(deps: &Deps) -> Vec<Arc<Hub>> {
    topics::ALL.iter().map(|topic| Arc::new(Hub::new(topic, deps.clone()))).collect()
}

impl Hub {
    /// A hub that has made none yet.
    #[must_use]
    pub fn new(topic: &'static PushTopic, deps: Deps) -> Self {
        Hub { topic, deps, latest: Mutex::new(None) }
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
    pub async fn current(&self) -> Result<Arc<Current>, query::Error> {
        let asked = Instant::now();
        let mut latest = self.latest.lock().await;
        match &*latest {
            Some((begun, current)) if *begun >= asked => Ok(current.clone()),
            _ => self.make(&mut latest).await,
        }
    }

    async fn make(&self, latest: &mut Option<Made>) -> Result<Arc<Current>, query::Error> {
        let begun = Instant::now();
        let snapshot = wait::snapshot(&self.deps, Least::default()).await?.snapshot;
        let from = self.deps.cache.context(&snapshot);
        let json = (self.topic.read)(from, (self.deps.now)()).await?;
        let current = Arc::new(Current { json, position: snapshot.checkpoint.position });
        *latest = Some((begun, current.clone()));
        Ok(current)
    }

    /// The figures to send, from now on.
    #[must_use]
    pub fn updates(self: &Arc<Self>) -> Updates {
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
pub struct Updates {
    hub: Arc<Hub>,
    latest: watch::Receiver<Option<Latest>>,
    next: Instant,
    /// The position of the last one.
    last: u64,
    /// That of the last one that was sent, or that nobody wanted.
    sent: u64,
    /// The time at which the last one began to be made.
    begun: Moment,
}

impl Updates {
    /// The next one, or `None` where the follower of snapshots has ended. While `is_heard` says
    /// that nobody listens, none is made.
    pub async fn next(&mut self, is_heard: impl Fn() -> bool) -> Option<Arc<Current>> {
        loop {
            let (last, made_of) = (self.last, self.hub.topic.made_of);
            let changed = |latest: &Option<Latest>| {
                let changed = latest.as_ref().map(|latest| latest.current.changed.of(made_of));
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
            latest.traces.pushed(self.hub.topic.made_of, self.sent, self.last, self.begun);
        }
        self.sent = self.last;
    }
}
