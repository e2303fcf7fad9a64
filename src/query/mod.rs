//! The query side: `GET` handlers over one snapshot of the read models. No handler reads a
//! transaction; every answer says which position of the log it reflects.
//!
//! # Layout
//!
//! - [`answer`]: what all queries have in common; [`wait`]: waiting for a position; [`latest`]: the
//!   newest snapshot, [`changed`]: what changed when, and [`answers`]: what was asked of it, kept at
//!   hand;
//! - [`params`], [`range`], [`zone`]: what is asked for, as quarter hours and local days;
//! - [`views`]: one file for each endpoint;
//! - what they are made with: [`union`] of rollups, [`ranking`], [`activities`];
//! - what is not read again: [`memory`], of [`ids`] and rollups.

pub mod activities;
pub mod answer;
pub mod answers;
pub mod changed;
mod error;
pub mod ids;
pub mod latest;
pub mod memory;
pub mod params;
pub mod range;
pub mod ranking;
mod rollups;
pub mod union;
pub mod views;
pub mod wait;
pub mod zone;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use projections::time::Time;
use tokio::sync::watch;

use self::answers::Answers;
pub use self::error::Error;
use self::latest::Latest;
use crate::http::Routes;
use crate::projector::status::Status;
use crate::store::Store;

/// Asks the log for its exact end; `None` where it does not answer.
pub type AskLogEnd = Arc<dyn Fn() -> BoxFuture<'static, Option<u64>> + Send + Sync>;

/// What queries are told of the rest of the program.
#[derive(Clone)]
pub struct Deps {
    /// The read models.
    pub store: Store,
    /// The log's last position, while it is known.
    pub log_end: watch::Receiver<Option<u64>>,
    /// Asks for it.
    pub ask_log_end: AskLogEnd,
    /// What the projector is doing.
    pub projector: watch::Receiver<Status>,
    /// The newest snapshot, while there is one.
    pub latest: watch::Receiver<Option<Latest>>,
    /// Answers to what was asked at the newest snapshots.
    pub answers: Arc<Answers>,
    /// The server's clock.
    pub now: Arc<dyn Fn() -> Time + Send + Sync>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

/// The clock of the system.
#[must_use]
pub fn system_clock() -> Time {
    Time(chrono::Utc::now().timestamp_millis())
}

/// The endpoints.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    views::routes().with_state(deps)
}
