//! The lease, renewed beside the fold: a batch that takes long must not look like a projector that
//! is gone.

use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use super::describe;
use crate::store::Store;
use crate::store::lease::{Owner, RENEWAL};

/// Renews the lease for as long as this lives.
pub struct Renewal {
    lost: CancellationToken,
    _stop: DropGuard,
}

impl Renewal {
    /// Begins.
    #[must_use]
    pub fn of(owner: &Owner, store: &Store) -> Renewal {
        let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(renew(owner.clone(), store.clone(), lost.clone(), stop.clone()));
        Renewal { lost, _stop: stop.drop_guard() }
    }

    /// Ends when another has the lease.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

async fn renew(owner: Owner, store: Store, lost: CancellationToken, stop: CancellationToken) {
    let mut tick = tokio::time::interval(RENEWAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        match store.renew_lease(&owner).await {
            Ok(true) => {}
            Ok(false) => return lost.cancel(),
            // A commit meets the same fault and says so; while there is none the lease may run out.
            Err(error) => debug!(error = describe(&error), "the lease was not renewed"),
        }
    }
}
