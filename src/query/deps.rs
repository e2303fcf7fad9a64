//! The dependencies of queries.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use projections::time::Time;
use tokio::sync::watch;

use super::cache::ResponseCache;
use super::latest::Latest;
use crate::projector::status::Status;
use crate::store::Store;

/// Asks the log for its exact end; `None` where it does not answer.
pub type AskLogEnd = Arc<dyn Fn() -> BoxFuture<'static, Option<u64>> + Send + Sync>;

/// The dependencies of queries.
#[derive(Clone)]
pub struct Deps {
    /// The read models.
    pub store: Store,
    /// The log's last position, while it is known.
    pub log_end: watch::Receiver<Option<u64>>,
    /// Asks for it.
    pub ask_log_end: AskLogEnd,
    /// The status of the projector.
    pub projector: watch::Receiver<Status>,
    /// The newest snapshot, while there is one.
    pub latest: watch::Receiver<Option<Latest>>,
    /// The generation of which all was [read ahead](super::ahead), as far as there is memory for it.
    pub ahead: watch::Receiver<Option<u32>>,
    /// The responses of the newest snapshots.
    pub cache: Arc<ResponseCache>,
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
