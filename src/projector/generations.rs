//! The parts that commands about other generations share: their errors, their turn, and the
//! progress that they report.

use std::time::{Duration, Instant};

use projections::fold::root::FoldSettings;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::alone::Held;
use super::batch::BatchLimits;
use super::clock::now_ms;
use super::error;
use super::status::{Halt, Status};
use crate::causes::describe;
use crate::store::work::{Ended, Work};
use crate::store::{self, Store};
use crate::stream::{self, Log};

/// A generation has caught up when it is no further from the log's end than this: a batch.
pub(super) const CLOSE: u64 = 20_000;
/// Why a command about other generations failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another command is at work on them.
    #[error("another command is at it: {0}")]
    Busy(String),
    /// There is no live generation yet.
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
    /// The live generation cannot be dropped, since queries read it.
    #[error("the generation is live; switch to another one first")]
    Live,
    /// The command was told to stop.
    #[error("stopped; `project rebuild` goes on, or begins anew where it was still in bulk")]
    Stopped,
    /// Somebody asked the upgrade to stop.
    #[error("stopped on request; it goes on with the next start of the program")]
    Cancelled,
    /// The log is not that generation's, or it was made by another fold.
    #[error("generation {generation} cannot go on: {halt}")]
    Halted {
        /// The generation.
        generation: u32,
        /// Why.
        #[source]
        halt: Halt,
    },
    /// A generation did not stay at the position where it had to stay.
    #[error("a generation moved meanwhile; try again")]
    Moved,
    /// The fold.
    #[error(transparent)]
    Fold(#[from] error::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The log.
    #[error(transparent)]
    Log(#[from] stream::Error),
}

impl Error {
    /// Whether the same attempt fails again for as long as nobody does something about it.
    #[must_use]
    pub fn lasts(&self) -> bool {
        matches!(self, Error::LogBegins { .. } | Error::Halted { .. } | Error::NoSuch(_))
    }
}

/// The commands that work on the generations beside the live one.
#[derive(Debug, Clone)]
pub struct Generations {
    /// The store.
    pub store: Store,
    /// The log.
    pub log: Log,
    /// The settings that new generations are made with.
    pub settings: FoldSettings,
    /// The bounds of the batches of the transactional phase.
    pub limits: BatchLimits,
    /// The channel that it reports its progress on.
    pub work: watch::Sender<Work>,
}

impl Generations {
    /// One that does nothing yet.
    #[must_use]
    pub fn new(store: Store, log: Log, settings: FoldSettings) -> Self {
        let limits = BatchLimits { rest: Duration::ZERO, ..BatchLimits::default() };
        Generations { store, log, settings, limits, work: watch::Sender::default() }
    }

    /// Takes the lease of these commands, so that no other one runs.
    pub(super) async fn begin(&self, doing: &str, stop: &CancellationToken) -> Result<Held, Error> {
        self.say(doing, 0, 0, 0);
        if let Some(held) = Held::alone(&self.store, self.work.subscribe(), stop).await? {
            return Ok(held);
        }
        let work = self.store.works().await?.under_way;
        let work = work.map(|it| format!("{} of generation {}", it.doing, it.generation));
        Err(Error::Busy(work.unwrap_or_else(|| "it has just begun".to_owned())))
    }

    /// Lets other commands begin, and keeps the result for later questions.
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

    pub(super) async fn follow(self, mut status: watch::Receiver<Status>) {
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

/// The rate in events a second, over the last second or more.
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
