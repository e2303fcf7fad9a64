//! A snapshot of the read models, and the last changes of its figures.

use std::sync::Arc;
use std::time::Duration;

use super::changed::Changed;
use crate::store::read::Snapshot;

/// A database that takes longer for one read is taken to be down.
pub const READ_WITHIN: Duration = Duration::from_secs(5);

/// A snapshot, and the last changes of its figures.
#[derive(Debug, Clone)]
pub struct Current {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The last changes of its figures.
    pub changed: Changed,
}

impl Current {
    /// A snapshot of whose past nothing is known.
    #[must_use]
    pub fn unknown(snapshot: Snapshot) -> Self {
        let changed = Changed::unknown(snapshot.checkpoint.position);
        Current { snapshot: Arc::new(snapshot), changed }
    }
}
