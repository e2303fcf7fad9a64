//! Whatever faults are put on: one of each server with lines that can be cut, or a cluster.

use super::fault::{Fault, Struck};
use super::scene::Scene;

/// Servers, two processes of the service and a producer, to put faults on.
#[allow(async_fn_in_trait)] // its futures stay on the thread that asks
pub trait Target {
    /// The producer, and the log and the store.
    fn scene(&mut self) -> &mut Scene;

    /// The address of the store.
    fn mongodb_uri(&self) -> &str;

    /// The reason for which a fault cannot be done here.
    fn why_not(&self, fault: Fault) -> Option<String>;

    /// Ensures that two processes of the service run.
    ///
    /// # Errors
    /// Fails if one does not start.
    async fn staff(&mut self) -> anyhow::Result<()>;

    /// Does the fault while the producer goes on, and ends it.
    ///
    /// # Errors
    /// Fails if it cannot be done, or the fold does not go on after it.
    async fn strike(&mut self, fault: Fault) -> anyhow::Result<Struck>;

    /// Ends all that runs.
    ///
    /// # Errors
    /// Fails if something does not end.
    async fn clear(self) -> anyhow::Result<()>;
}
