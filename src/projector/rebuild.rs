//! The next generation, made from the log while the live one serves and folds.
//!
//! First in bulk ([`super::bulk`]), up to about the log's end. That does not count before its
//! checkpoint is written, so the next rebuild removes the remains of a crash and begins anew. Then
//! in transactions, as the live one is folded; after any crash these go on from their checkpoint.

use std::sync::Arc;
use std::time::Duration;

use projections::family::Families;
use projections::fold::root::{FOLD_VERSION, FoldSettings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::alone::Held;
use super::clock::rest;
use super::generations::{CLOSE, Error, Generations};
use super::session::{self, End, Projector};
use super::status::{State, Status};
use super::verify::is_made_with;
use super::{bulk, error};
use crate::causes::describe;
use crate::store::generation::Checkpoint;
use crate::store::generations::{Generation, GenerationState};

/// Faults that are borne if there is no progress between them.
const FAULTS_MAX: u32 = 5;

impl Generations {
    /// Makes the next generation, or goes on with one that was begun, until it has caught up with
    /// the log. Gives its number.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn rebuild(&self, stop: &CancellationToken) -> Result<u32, Error> {
        let held = self.begin("looking", stop).await?;
        let made = self.make(&held).await;
        let said = |number: &u32| format!("generation {number} has caught up");
        self.end(held, "rebuild", &made, said).await;
        made
    }

    pub(super) async fn make(&self, held: &Held) -> Result<u32, Error> {
        let live = self.store.live().await?.ok_or(Error::NothingLive)?;
        let incarnation = self.log.extent().await?.incarnation;
        let all = self.store.generations().await?;
        let begun = |it: &&Generation| {
            matches!(it.state, GenerationState::Ready | GenerationState::CatchingUp)
        };
        let of_this =
            |it: &&Checkpoint| it.settings == self.settings && it.incarnation == incarnation;
        let mut begun = all.iter().rev().filter(begun).filter_map(|it| it.checkpoint.as_ref());
        if let Some(begun) = begun.find(of_this) {
            let number = begun.generation;
            if self.store.counts_decided(begun).await? {
                warn!(
                    generation = number,
                    "it counts what was decided about since; making another"
                );
                self.store.drop_generation(number).await?;
            } else {
                match self.catch_up(number, held).await {
                    Err(Error::Halted { halt, .. }) => {
                        warn!(generation = number, %halt, "it cannot go on; making another one");
                    }
                    other => return other.map(|()| number),
                }
            }
        }
        // A number that was never used: the writes that a dead process still has on their way go
        // elsewhere.
        let next = all.last().map_or(live, |it| it.number.max(live)) + 1;
        for left in all.iter().filter(|it| it.state == GenerationState::Unfinished) {
            self.store.drop_generation(left.number).await?;
        }
        bulk::load(self, next, &held.owner, &held.stop).await?;
        self.catch_up(next, held).await?;
        Ok(next)
    }

    /// Folds a generation in transactions until it is close to the log's end.
    ///
    /// # Errors
    /// [`Error::Halted`], [`Error::Stopped`], and lasting faults.
    pub(super) async fn catch_up(&self, generation: u32, held: &Held) -> Result<(), Error> {
        loop {
            let end = self.log.extent().await?.last;
            self.fold_to(generation, end, held).await?;
            if self.log.extent().await?.last.saturating_sub(end) <= CLOSE {
                return Ok(());
            }
        }
    }

    /// Folds a generation up to a position and no further, with the settings that it was made with.
    ///
    /// # Errors
    /// As [`Generations::catch_up`].
    pub(super) async fn fold_to(&self, generation: u32, to: u64, held: &Held) -> Result<(), Error> {
        let at = self.store.checkpoint(generation).await?;
        let at = at.ok_or_else(|| Error::NoSuch(format!("generation {generation}")))?;
        if at.position >= to {
            return Ok(());
        }
        let ours = FoldSettings { fold_version: FOLD_VERSION, ..at.settings.clone() };
        if let Some(halt) = is_made_with(&at.settings, &ours) {
            return Err(Error::Halted { generation, halt });
        }
        let position = at.position;
        let (status, seen) = watch::channel(Status { state: State::Starting, position });
        let projector = Projector {
            store: self.store.clone(),
            log: self.log.clone(),
            settings: at.settings,
            limits: self.limits,
            rebuild_on_upgrade: false,
            families: Families::ALL,
            changes: None,
            status: Arc::new(status),
        };
        self.say("catching up", generation, position, to);
        let telling = AbortOnDropHandle::new(tokio::spawn(self.clone().follow(seen)));
        let ended = fold_on(&projector, generation, to, held).await;
        drop(telling);
        ended
    }
}

/// Runs sessions up to a position. One that failed is followed by another at the checkpoint.
async fn fold_on(
    projector: &Projector,
    generation: u32,
    to: u64,
    held: &Held,
) -> Result<(), Error> {
    let (owner, stop) = (&held.owner, &held.stop);
    let (mut limits, mut faults, mut reached) = (projector.limits, 0, 0);
    loop {
        let error = match session::catch_up(projector, generation, to, owner, limits, stop).await {
            Ok(End::Reached) => return Ok(()),
            Ok(End::Halted(halt)) => return Err(Error::Halted { generation, halt }),
            Ok(End::Stopped | End::Standby | End::Switched) => return Err(Error::Stopped),
            Err(error) => error,
        };
        let position = projector.status.borrow().position;
        faults = if position > reached { 1 } else { faults + 1 };
        reached = position;
        if faults > FAULTS_MAX {
            return Err(error.into());
        }
        if let error::Error::Refused { events, .. } = error {
            limits.events = (events / 2).max(1);
        }
        warn!(error = describe(&error), "beginning again at the checkpoint");
        rest(Duration::from_millis(200) * faults, stop).await;
    }
}
