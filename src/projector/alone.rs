//! One command at a time works on generations other than the live one, and holds the fold of the
//! live one for as long as it must rest.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::renewal::Renewal;

use super::clock::rest;
use crate::causes::describe;
use crate::store::commit::CommitSession;
use crate::store::lease::Lease;
use crate::store::owner::{Owner, PROJECTOR, REBUILD};
use crate::store::work::{Ended, Work};
use crate::store::{Error, Store};

/// The previous owner of the projector's lease notices at its next renewal that the lease is gone,
/// and a commit that it had begun by then takes less than this. If it takes longer, the caller
/// finds out.
const STILL_FOR: Duration = Duration::from_millis(800);

/// A lease that this process owns, and renews until it gives it back.
pub(super) struct Held {
    store: Store,
    pub(super) owner: Owner,
    /// Cancelled when the lease is lost, its owner is asked to stop, or the caller has to stop.
    pub(super) stop: CancellationToken,
    _renewal: Renewal,
    _session: CommitSession,
}

impl Held {
    /// Takes the lease of rebuilds. `None` if another command has it.
    pub(super) async fn alone(
        store: &Store,
        work: watch::Receiver<Work>,
        stop: &CancellationToken,
    ) -> Result<Option<Held>, Error> {
        let owner = Owner::of(REBUILD);
        let session = store.begin_session().await?;
        match store.take_lease(&owner, &session).await? {
            Lease::Anothers(_) => Ok(None),
            Lease::Ours => Ok(Some(Held::renewed(store, owner, session, Some(work), stop))),
        }
    }

    /// Takes the lease of the projector from its owner, and waits until the live generation stands
    /// still.
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
            let position = store.checkpoint(generation).await?.map(|it| it.position);
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
        let renewal = Renewal::telling(&owner, store, work, stop.clone());
        Held { store: store.clone(), owner, stop, _renewal: renewal, _session: session }
    }

    /// Gives the lease back.
    pub(super) async fn leave(self) {
        tell(self.store.leave_lease(&self.owner).await);
    }

    /// Gives the lease back and stores the result of the work that it was held for.
    pub(super) async fn end(self, ended: &Ended) {
        tell(self.store.end_work(&self.owner, ended).await);
    }
}

fn tell(left: Result<(), Error>) {
    if let Err(error) = left {
        warn!(error = describe(&error), "a lease was not given back; it runs out by itself");
    }
}
