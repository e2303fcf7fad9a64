//! One command at a time sees to other generations than the live one; and the fold of the live one
//! held for as long as it must rest.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{describe, rest};
use crate::store::commit::CommitSession;
use crate::store::generation::Checkpoint;
use crate::store::generations::Work;
use crate::store::lease::{Owner, PROJECTOR, REBUILD, RENEWAL};
use crate::store::{Error, Store};

/// Who had the lease of the projector notices within [`RENEWAL`] that it is gone, and a commit that
/// it had begun by then takes less than this. Where it does not, the caller finds out.
const STILL_FOR: Duration = Duration::from_millis(1_200);

/// A lease that is ours, and renewed until it is left.
pub(super) struct Held {
    store: Store,
    pub(super) owner: Owner,
    /// Cancelled where the lease was lost, or the caller is to stop.
    pub(super) stop: CancellationToken,
    renewing: JoinHandle<()>,
    _session: CommitSession,
}

impl Held {
    /// Takes the lease of rebuilds. `None` where another command has it.
    pub(super) async fn alone(
        store: &Store,
        work: watch::Receiver<Work>,
        stop: &CancellationToken,
    ) -> Result<Option<Held>, Error> {
        let owner = Owner::of(REBUILD);
        let session = store.begin_session().await?;
        if !store.take_lease(&owner, &session).await? {
            return Ok(None);
        }
        Ok(Some(Held::renewed(store, owner, session, Some(work), stop)))
    }

    /// Takes the lease of the projector from whoever has it, and waits until the live generation
    /// stands still.
    pub(super) async fn fold(
        store: &Store,
        generation: u32,
        stop: &CancellationToken,
    ) -> Result<Held, Error> {
        let owner = Owner::of(PROJECTOR);
        let session = store.begin_session().await?;
        store.seize_lease(&owner, &session).await?;
        let held = Held::renewed(store, owner, session, None, stop);
        let mut before = None;
        loop {
            let position = store.checkpoint(generation).await?.map(|it: Checkpoint| it.position);
            if before == Some(position) || stop.is_cancelled() {
                return Ok(held);
            }
            before = Some(position);
            rest(STILL_FOR, stop).await;
        }
    }

    fn renewed(
        store: &Store,
        owner: Owner,
        session: CommitSession,
        work: Option<watch::Receiver<Work>>,
        stop: &CancellationToken,
    ) -> Held {
        let stop = stop.child_token();
        let renewing = tokio::spawn(renew(store.clone(), owner.clone(), work, stop.clone()));
        Held { store: store.clone(), owner, stop, renewing, _session: session }
    }

    /// Gives it back.
    pub(super) async fn leave(self) {
        self.renewing.abort();
        let _ = self.renewing.await;
        if let Err(error) = self.store.leave_lease(&self.owner).await {
            warn!(error = describe(&error), "a lease was not given back; it runs out by itself");
        }
    }
}

async fn renew(
    store: Store,
    owner: Owner,
    work: Option<watch::Receiver<Work>>,
    lost: CancellationToken,
) {
    let mut tick = tokio::time::interval(RENEWAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let renewed = match &work {
            Some(work) => {
                let work = work.borrow().clone();
                store.renew_with(&owner, &work).await
            }
            None => store.renew_lease(&owner).await,
        };
        match renewed {
            Ok(true) => {}
            Ok(false) => {
                warn!(lease = owner.lease, "the lease was lost");
                return lost.cancel();
            }
            // It is ours until its term is over; the next one may get through.
            Err(error) => warn!(error = describe(&error), "a lease was not renewed"),
        }
    }
}
