//! Session after session, for as long as this process has the lease.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use rand::Rng;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::batch::BatchLimits;
use super::clock::rest;
use super::error::Error;
use super::fault;
use super::session::{self, End, Projector};
use super::status::{Halt, State};
use super::upgrade::Attempts;
use crate::causes::describe;
use crate::store::lease::Lease;
use crate::store::owner::{self, Holder, Owner};

/// Waits between sessions that failed double from the first to the last of these.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// The interval at which a process that stands by looks whether the owner's process, on the same
/// machine, is still there.
const LOOK: Duration = Duration::from_millis(25);

impl Projector {
    /// Folds until `stop`. Faults end a session, not the projector.
    pub async fn run(self, stop: CancellationToken) {
        let owner = Owner::this_process();
        let mut pause = FIRST_PAUSE;
        let mut limits = self.limits;
        let mut attempts = Attempts::default();
        while !stop.is_cancelled() {
            let started = tokio::time::Instant::now();
            let turn = self.turn(&owner, limits, &mut attempts, &stop);
            let turn = AssertUnwindSafe(turn).catch_unwind().await;
            match turn.unwrap_or_else(|panic| Err(Error::Panicked(said(&*panic)))) {
                Ok(End::Stopped) => break,
                Ok(End::Standby) => continue,
                Ok(End::Halted(halt)) => {
                    self.halts(&owner, halt).await;
                    rest(Duration::from_secs(1), &stop).await;
                    continue;
                }
                Ok(End::Switched | End::Reached) => {
                    info!("another generation is live; folding that one");
                    // Where this program cannot, a process that can must not wait for it.
                    self.give_back(&owner).await;
                    continue;
                }
                Err(error) => {
                    fault::tell(&self, &error);
                    if let Error::Refused { events, .. } = error {
                        limits.events = (events / 2).max(1);
                    }
                    if matches!(error, Error::Log(_)) {
                        // Another process may be able to read it.
                        self.give_back(&owner).await;
                        pause = pause.max(owner::RENEWAL * 2);
                    }
                }
            }
            if started.elapsed() > LAST_PAUSE {
                pause = FIRST_PAUSE;
            }
            let jitter = rand::rng().random_range(0.5..1.5);
            rest(pause.mul_f64(jitter), &stop).await;
            pause = (pause * 2).min(LAST_PAUSE);
            if started.elapsed() > Duration::from_mins(1) {
                limits = self.limits;
            }
        }
        self.give_back(&owner).await;
        self.tell(State::Stopped);
        info!(position = self.status.borrow().position, "the projector stopped");
    }

    async fn turn(
        &self,
        owner: &Owner,
        limits: BatchLimits,
        attempts: &mut Attempts,
        stop: &CancellationToken,
    ) -> Result<End, Error> {
        match Box::pin(self.turn_of(owner, limits, attempts, stop)).await {
            // A log that is not there any more is no fault that passes by itself.
            Err(Error::Log(_)) if self.log.is_gone().await => Ok(End::Halted(Halt::LogGone)),
            ended => ended,
        }
    }

    async fn turn_of(
        &self,
        owner: &Owner,
        limits: BatchLimits,
        attempts: &mut Attempts,
        stop: &CancellationToken,
    ) -> Result<End, Error> {
        if let Some(end) = self.other_recipe(attempts, stop).await? {
            return Ok(end);
        }
        let session = self.store.begin_session().await?;
        if let Lease::Anothers(holder) = self.store.take_lease(owner, &session).await? {
            self.tell(if holder.holds { State::Held } else { State::Standby });
            stand_by(holder, stop).await;
            return Ok(End::Standby);
        }
        session::run(self, owner, session, limits, stop).await
    }

    /// Tells a halt, once for each; `run` looks again until somebody ends it.
    async fn halts(&self, owner: &Owner, halt: Halt) {
        // Processes that stand by learn it from the store, for as long as it is said again.
        let said = match serde_json::to_string(&halt) {
            Ok(halt) => self.store.say_halted(owner, &halt).await.map_err(|it| describe(&it)),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = said {
            debug!(error, "others are not told of the halt");
        }
        let state = State::Halted(halt.clone());
        if self.status.borrow().state != state {
            error!(reason = %halt, "the projector halts; queries go on");
        }
        self.tell(state);
    }

    async fn give_back(&self, owner: &Owner) {
        if let Err(error) = self.store.leave_lease(owner).await {
            warn!(error = describe(&error), "the lease was not given back; it runs out by itself");
        }
    }

    fn tell(&self, state: State) {
        self.status.send_if_modified(|status| {
            let changed = status.state != state;
            status.state = state;
            changed
        });
    }
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Waits until it is time to ask for the lease again: at once if its holder is seen to be gone.
async fn stand_by(holder: Holder, stop: &CancellationToken) {
    let until = tokio::time::Instant::now() + owner::RENEWAL;
    while tokio::time::Instant::now() < until && !holder.is_gone() && !stop.is_cancelled() {
        rest(LOOK, stop).await;
    }
}
