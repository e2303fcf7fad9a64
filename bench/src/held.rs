//! A fold that is held: nobody folds while somebody else has the lease. What comes in is on the log
//! alone, as it is where another process folds on a machine of its own.

use adaptive_bi::store::Store;
use adaptive_bi::store::lease::Lease;
use adaptive_bi::store::owner::{Owner, RENEWAL};
use anyhow::ensure;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// The lease of the fold.
pub struct HeldFold {
    store: Store,
    owner: Owner,
    renewing: JoinHandle<()>,
}

impl HeldFold {
    /// Takes the lease before anybody else does, and keeps it.
    ///
    /// # Errors
    /// Fails if somebody has it, or the store does not answer.
    pub async fn take(store: &Store) -> anyhow::Result<Self> {
        let (owner, session) = (Owner::this_process(), store.begin_session().await?);
        let taken = store.take_lease(&owner, &session).await?;
        ensure!(matches!(taken, Lease::Ours), "somebody folds already");
        let (store, ours) = (store.clone(), owner.clone());
        let renewed = store.clone();
        let renewing = tokio::spawn(async move {
            let _session = session;
            let mut turns = interval(RENEWAL);
            turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                turns.tick().await;
                if let Err(error) = renewed.renew_lease(&ours, None).await {
                    tracing::warn!(%error, "the lease of the fold was not renewed");
                }
            }
        });
        Ok(HeldFold { store, owner, renewing })
    }

    /// Gives it back, for others to fold.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn leave(self) -> anyhow::Result<()> {
        self.renewing.abort();
        Ok(self.store.leave_lease(&self.owner).await?)
    }
}
