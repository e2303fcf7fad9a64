//! A lease, renewed beside the work that it is held for: a batch that takes long must not look like
//! a projector that is gone.

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use crate::causes::describe;
use crate::store::lease::Renewed;
use crate::store::owner::{Owner, RENEWAL};
use crate::store::work::Work;
use crate::store::{Error, Store};

/// Renews a lease for as long as this value lives.
pub struct Renewal {
    lost: CancellationToken,
    _stop: DropGuard,
}

impl Renewal {
    /// Begins to renew.
    #[must_use]
    pub fn of(owner: &Owner, store: &Store) -> Renewal {
        Renewal::telling(owner, store, None, CancellationToken::new())
    }

    /// Begins to renew. Reports the progress of the work that the lease is held for, and cancels
    /// `lost` if another process has the lease, or its owner is asked to stop.
    #[must_use]
    pub fn telling(
        owner: &Owner,
        store: &Store,
        work: Option<watch::Receiver<Work>>,
        lost: CancellationToken,
    ) -> Renewal {
        let stop = CancellationToken::new();
        tokio::spawn(renew(owner.clone(), store.clone(), work, lost.clone(), stop.clone()));
        Renewal { lost, _stop: stop.drop_guard() }
    }

    /// Ends when another process has the lease.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

async fn renew(
    owner: Owner,
    store: Store,
    work: Option<watch::Receiver<Work>>,
    lost: CancellationToken,
    stop: CancellationToken,
) {
    let mut tick = tokio::time::interval(RENEWAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        match once(&owner, &store, work.as_ref()).await {
            Ok(Renewed::Ours) => {}
            Ok(Renewed::Lost | Renewed::ToStop) => return lost.cancel(),
            // A commit meets the same fault and reports it; while there is none the lease may run
            // out.
            Err(error) => debug!(error = describe(&error), "the lease was not renewed"),
        }
    }
}

async fn once(
    owner: &Owner,
    store: &Store,
    work: Option<&watch::Receiver<Work>>,
) -> Result<Renewed, Error> {
    let work = work.map(|work| work.borrow().clone());
    store.renew_lease(owner, work.as_ref()).await
}
