//! One command at a time sees to other generations than the live one; and the fold of the live one
//! held for as long as it must rest.

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

/// Who had the lease of the projector notices at its next renewal that it is gone, and a commit that
/// it had begun by then takes less than this. Where it does not, the caller finds out.
const STILL_FOR: Duration = Duration::from_millis(800);

/// A lease that is ours, and renewed until it is left.
pub(super) struct Held {
    store: Store,
    pub(super) owner: Owner,
    /// Cancelled where the lease was lost, its owner is asked to stop, or the caller is to stop.
    pub(super) stop: CancellationToken,
    _renewal: Renewal,
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
        match store.take_lease(&owner, &session).await? {
            Lease::Anothers(_) => Ok(None),
            Lease::Ours => Ok(Some(Held::renewed(store, owner, session, Some(work), stop))),
        }
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

    /// Gives it back.
    pub(super) async fn leave(self) {
        tell(self.store.leave_lease(&self.owner).await);
    }

    /// Gives it back and says how what it was held for ended.
    pub(super) async fn end(self, ended: &Ended) {
        tell(self.store.end_work(&self.owner, ended).await);
    }
}

fn tell(left: Result<(), Error>) {
    if let Err(error) = left {
        warn!(error = describe(&error), "a lease was not given back; it runs out by itself");
    }
}
