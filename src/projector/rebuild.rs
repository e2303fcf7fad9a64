//! The next generation, made from the log while the live one serves and folds.
//!
//! First in bulk ([`super::bulk`]), up to about the log's end. That counts for nothing before its
//! checkpoint is written, so what a crash leaves of it is removed by the next rebuild, which begins
//! anew. Then as the live one is folded, in transactions, which go on from their checkpoint after
//! whatever happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use projections::fold::root::{FOLD_VERSION, Settings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::alone::Held;
use super::session::{self, End, Limits, now_ms};
use super::status::{Halt, State, Status};
use super::{Projector, bulk, rest};
use crate::causes::describe;
use crate::store::generations::{Generation, GenerationState};
use crate::store::work::{Ended, Work};
use crate::store::{self, Store};
use crate::stream::{self, Log};

/// A generation is caught up where it is not further from the log's end than this: a batch.
pub(super) const CLOSE: u64 = 20_000;
/// Faults without progress between them that are borne.
const FAULTS_MAX: u32 = 5;

/// Why other generations could not be seen to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another command does already.
    #[error("another command is at it: {0}")]
    Busy(String),
    /// There is nothing to be next to.
    #[error("nothing has been folded yet; `serve` makes the first generation")]
    NothingLive,
    /// The log lacks its first events.
    #[error(
        "the log begins at {first}; only one that begins at its first event can be rebuilt from"
    )]
    LogBegins {
        /// Its first position.
        first: u64,
    },
    /// There is no such generation, or it was not finished.
    #[error(
        "there is no {0} with a checkpoint besides the live one; `project rebuild` makes the next"
    )]
    NoSuch(String),
    /// What is read cannot be dropped.
    #[error("the generation is live; switch to another one first")]
    Live,
    /// It was to stop.
    #[error("stopped; `project rebuild` goes on, or begins anew where it was still in bulk")]
    Stopped,
    /// The log is not that generation's, or it was made by another fold.
    #[error("generation {generation} cannot go on: {halt}")]
    Halted {
        /// The generation.
        generation: u32,
        /// Why.
        #[source]
        halt: Halt,
    },
    /// A generation did not stay where it was to stay.
    #[error("a generation moved meanwhile; try again")]
    Moved,
    /// Folding.
    #[error(transparent)]
    Fold(#[from] super::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The log.
    #[error(transparent)]
    Log(#[from] stream::Error),
}

/// Sees to the generations beside the live one.
#[derive(Debug, Clone)]
pub struct Generations {
    /// The store.
    pub store: Store,
    /// The log.
    pub log: Log,
    /// What new generations are made with.
    pub settings: Settings,
    /// How large the batches of the transactional phase may be.
    pub limits: Limits,
    /// Where it says how far it is.
    pub work: watch::Sender<Work>,
}

impl Generations {
    /// One that does nothing yet.
    #[must_use]
    pub fn new(store: Store, log: Log, settings: Settings) -> Self {
        let limits = Limits { rest: Duration::ZERO, ..Limits::default() };
        Generations { store, log, settings, limits, work: watch::Sender::default() }
    }

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

    /// The only command of its kind from here on.
    pub(super) async fn begin(&self, doing: &str, stop: &CancellationToken) -> Result<Held, Error> {
        self.say(doing, 0, 0, 0);
        if let Some(held) = Held::alone(&self.store, self.work.subscribe(), stop).await? {
            return Ok(held);
        }
        let work = self.store.works().await?.under_way;
        let work = work.map(|it| format!("{} of generation {}", it.doing, it.generation));
        Err(Error::Busy(work.unwrap_or_else(|| "it has just begun".to_owned())))
    }

    /// Lets others; how it ended is kept for who asks.
    pub(super) async fn end<T>(
        &self,
        held: Held,
        command: &str,
        result: &Result<T, Error>,
        said: impl FnOnce(&T) -> String,
    ) {
        let message = match result {
            Ok(done) => said(done),
            Err(error) => describe(error),
        };
        let command = command.to_owned();
        held.end(&Ended { command, done: result.is_ok(), message, at: now_ms() }).await;
    }

    async fn make(&self, held: &Held) -> Result<u32, Error> {
        let live = self.store.live().await?.ok_or(Error::NothingLive)?;
        let incarnation = self.log.extent().await?.incarnation;
        let all = self.store.generations().await?;
        let begun = |it: &&Generation| {
            matches!(it.state, GenerationState::Ready | GenerationState::CatchingUp)
                && it
                    .checkpoint
                    .as_ref()
                    .is_some_and(|it| it.settings == self.settings && it.incarnation == incarnation)
        };
        if let Some(begun) = all.iter().rev().find(begun) {
            let number = begun.number;
            match self.catch_up(number, held).await {
                Err(Error::Halted { halt, .. }) => {
                    warn!(generation = number, %halt, "it cannot go on; making another one");
                }
                other => return other.map(|()| number),
            }
        }
        // A number that was never used: what a dead process still has on its way goes elsewhere.
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
    /// [`Error::Halted`], [`Error::Stopped`], and faults that do not pass.
    pub(super) async fn catch_up(&self, generation: u32, held: &Held) -> Result<(), Error> {
        loop {
            let end = self.log.extent().await?.last;
            self.fold_to(generation, end, held).await?;
            if self.log.extent().await?.last.saturating_sub(end) <= CLOSE {
                return Ok(());
            }
        }
    }

    /// Folds a generation up to a position and no further, with what it was made with.
    ///
    /// # Errors
    /// As [`Generations::catch_up`].
    pub(super) async fn fold_to(&self, generation: u32, to: u64, held: &Held) -> Result<(), Error> {
        let at = self.store.checkpoint(generation).await?;
        let at = at.ok_or_else(|| Error::NoSuch(format!("generation {generation}")))?;
        if at.position >= to {
            return Ok(());
        }
        if at.settings.fold_version != FOLD_VERSION {
            return Err(Error::Halted { generation, halt: Halt::AnotherFold });
        }
        let position = at.position;
        let (status, seen) = watch::channel(Status { state: State::Starting, position });
        let projector = Projector {
            store: self.store.clone(),
            log: self.log.clone(),
            settings: at.settings,
            limits: self.limits,
            status: Arc::new(status),
        };
        self.say("catching up", generation, position, to);
        let telling = AbortOnDropHandle::new(tokio::spawn(self.clone().follow(seen)));
        let ended = fold_on(&projector, generation, to, held).await;
        drop(telling);
        ended
    }

    async fn follow(self, mut status: watch::Receiver<Status>) {
        let mut meter = Meter::new(status.borrow().position);
        while status.changed().await.is_ok() {
            let position = status.borrow_and_update().position;
            self.progress(&mut meter, position);
        }
    }

    pub(super) fn say(&self, doing: &str, generation: u32, position: u64, target: u64) {
        let doing = doing.to_owned();
        self.work.send_replace(Work { doing, generation, position, target, rate: 0 });
    }

    pub(super) fn progress(&self, meter: &mut Meter, position: u64) {
        let rate = meter.rate(position);
        self.work.send_modify(|work| {
            work.position = position;
            work.rate = rate.unwrap_or(work.rate);
        });
    }
}

/// Sessions up to a position. One that failed is followed by another at the checkpoint.
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
        if let super::Error::Refused { events, .. } = error {
            limits.events = (events / 2).max(1);
        }
        warn!(error = describe(&error), "beginning again at the checkpoint");
        rest(Duration::from_millis(200) * faults, stop).await;
    }
}

/// Events a second, over the last second or more.
pub(super) struct Meter {
    since: Instant,
    from: u64,
}

impl Meter {
    pub(super) fn new(from: u64) -> Self {
        Meter { since: Instant::now(), from }
    }

    fn rate(&mut self, position: u64) -> Option<u64> {
        let took = self.since.elapsed();
        if took < Duration::from_secs(1) {
            return None;
        }
        let events = u128::from(position.saturating_sub(self.from));
        *self = Meter::new(position);
        u64::try_from(events * 1_000 / took.as_millis()).ok()
    }
}
