//! The next generation, made from the log while the live one serves and folds.
//!
//! First in bulk, up to about the log's end: every document but the rows of the ledger stays in
//! memory and is written once. That counts for nothing before its checkpoint is written, so what a
//! crash leaves of it is removed by the next rebuild, which begins anew. Then as the live one is
//! folded, in transactions, which go on from their checkpoint after whatever happens.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use projections::fold::{Fold, Message};
use projections::root::{FOLD_VERSION, Root, Settings};
use projections::time::Time;
use tokio::sync::{mpsc, watch};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::alone::Held;
use super::session::{self, End, Limits, now_ms};
use super::status::{Halt, State, Status};
use super::{Projector, batch, describe, rest};
use crate::store::bulk::{Batch, Bulk};
use crate::store::generation::{Anchor, Checkpoint};
use crate::store::generations::{Generation, GenerationState, Work};
use crate::store::lease::Owner;
use crate::store::{self, Store};
use crate::stream::check::Fingerprint;
use crate::stream::read::{Reader, Record};
use crate::stream::{self, Log};

/// Messages that are folded at a time in bulk. The fold keeps 200,000 rows of the ledger at hand,
/// more than may be on their way to the store.
const BULK: Limits = Limits {
    events: 40_000,
    bytes: 64 << 20,
    linger: Duration::from_millis(20),
    rest: Duration::ZERO,
};
/// Batches that are read ahead.
const READ_AHEAD: usize = 1;
/// Documents kept in memory at most, some hundred bytes each; then the bulk ends, wherever it is,
/// and transactions go on from there.
const DOCUMENTS_MAX: usize = 10_000_000;
/// A generation is caught up where it is not further from the log's end than this: a batch.
const CLOSE: u64 = 20_000;
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
    #[error("the log begins at {first}; only one that begins at its first event can be rebuilt from")]
    LogBegins {
        /// Its first position.
        first: u64,
    },
    /// There is no such generation, or it was not finished.
    #[error("there is no {0} with a checkpoint besides the live one; `project rebuild` makes the next")]
    NoSuch(String),
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
    /// Where it says how far it is.
    pub work: watch::Sender<Work>,
}

impl Generations {
    /// One that does nothing yet.
    #[must_use]
    pub fn new(store: Store, log: Log, settings: Settings) -> Self {
        Generations { store, log, settings, work: watch::Sender::default() }
    }

    /// Makes the next generation, or goes on with one that was begun, until it has caught up with
    /// the log. Gives its number.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn rebuild(&self, stop: &CancellationToken) -> Result<u32, Error> {
        let held = self.alone("looking", stop).await?;
        let made = self.make(&held.owner, &held.stop).await;
        held.leave().await;
        made
    }

    /// The only command of its kind from here on.
    pub(super) async fn alone(
        &self,
        doing: &str,
        stop: &CancellationToken,
    ) -> Result<Held, Error> {
        self.say(doing, 0, 0, 0);
        match Held::alone(&self.store, self.work.subscribe(), stop).await? {
            Some(held) => Ok(held),
            None => {
                let work = self.store.work().await?;
                let work = work.map(|it| format!("{} of generation {}", it.doing, it.generation));
                Err(Error::Busy(work.unwrap_or_else(|| "it has just begun".to_owned())))
            }
        }
    }

    async fn make(&self, owner: &Owner, stop: &CancellationToken) -> Result<u32, Error> {
        let live = self.store.live().await?.ok_or(Error::NothingLive)?;
        let incarnation = self.log.extent().await?.incarnation;
        let all = self.store.generations().await?;
        let begun = |it: &&Generation| {
            matches!(it.state, GenerationState::Ready | GenerationState::CatchingUp)
                && it.settings.as_ref() == Some(&self.settings)
                && it.incarnation == incarnation
        };
        if let Some(begun) = all.iter().rev().find(begun) {
            let number = begun.number;
            match self.catch_up(number, stop).await {
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
        self.bulk(next, owner, stop).await?;
        self.catch_up(next, stop).await?;
        Ok(next)
    }

    /// Folds a generation in transactions until it is close to the log's end.
    ///
    /// # Errors
    /// [`Error::Halted`], [`Error::Stopped`], and faults that do not pass.
    pub(super) async fn catch_up(
        &self,
        generation: u32,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        loop {
            let end = self.log.extent().await?.last;
            self.fold_to(generation, end, stop).await?;
            if self.log.extent().await?.last.saturating_sub(end) <= CLOSE {
                return Ok(());
            }
        }
    }

    /// Folds a generation up to a position and no further, with what it was made with.
    ///
    /// # Errors
    /// As [`Generations::catch_up`].
    pub(super) async fn fold_to(
        &self,
        generation: u32,
        to: u64,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
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
            limits: Limits { rest: Duration::ZERO, ..Limits::default() },
            status: Arc::new(status),
        };
        self.say("catching up", generation, position, to);
        let telling = AbortOnDropHandle::new(tokio::spawn(self.clone().follow(seen)));
        let ended = fold_on(&projector, generation, to, stop).await;
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

    async fn bulk(
        &self,
        generation: u32,
        owner: &Owner,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let extent = self.log.extent().await?;
        if extent.first > 1 {
            return Err(Error::LogBegins { first: extent.first });
        }
        self.say("bulk", generation, 0, extent.last);
        info!(generation, end = extent.last, "loading a generation in bulk");
        let mut loading = Loading {
            of: self,
            bulk: self.store.begin_bulk(generation).await?,
            generation,
            fold: Fold::new(self.settings.clone(), Root::default()).complete(),
            recheck: BTreeSet::new(),
            position: 0,
            anchor: None,
        };
        if let Err(error) = loading.load(extent.last, stop).await {
            loading.bulk.abandon().await;
            return Err(error);
        }
        let Loading { bulk, mut fold, recheck, position, anchor, .. } = loading;
        self.say("writing", generation, position, position);
        let checkpoint = Checkpoint {
            generation,
            position,
            incarnation: extent.incarnation,
            anchor,
            committed_at: now_ms(),
            settings: self.settings.clone(),
            root: fold.root.clone(),
        };
        tokio::select! {
            () = stop.cancelled() => Err(Error::Stopped),
            done = bulk.finish(&mut fold, &recheck, &checkpoint, owner) => Ok(done?),
        }
    }

    pub(super) fn say(&self, doing: &str, generation: u32, position: u64, target: u64) {
        let doing = doing.to_owned();
        self.work.send_replace(Work { doing, generation, position, target, rate: 0 });
    }

    fn progress(&self, meter: &mut Meter, position: u64) {
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
    stop: &CancellationToken,
) -> Result<(), Error> {
    let (mut limits, mut faults, mut reached) = (projector.limits, 0, 0);
    loop {
        let error = match session::catch_up(projector, generation, to, limits, stop).await {
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

/// A bulk load: the fold, and how far it is.
struct Loading<'a> {
    of: &'a Generations,
    bulk: Bulk,
    generation: u32,
    fold: Fold,
    recheck: BTreeSet<Box<str>>,
    position: u64,
    anchor: Option<Anchor>,
}

impl Loading<'_> {
    /// Folds up to the log's end: `end`, or what it is once that is reached, where it has become
    /// much more.
    async fn load(&mut self, mut end: u64, stop: &CancellationToken) -> Result<(), Error> {
        let (sender, mut batches) = mpsc::channel(READ_AHEAD);
        let log = &self.of.log;
        let reader = log.read_after(0).await?;
        let _reading = AbortOnDropHandle::new(tokio::spawn(read(log.clone(), reader, sender)));
        let mut meter = Meter::new(0);
        while self.position < end {
            let records = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Error::Stopped),
                records = batches.recv() => records.unwrap_or(Err(super::Error::Silent))?,
            };
            let batch = self.fold(&records).await?;
            self.bulk.write(batch).await?;
            self.of.progress(&mut meter, self.position);
            if self.position >= end {
                let last = log.extent().await?.last;
                if last - self.position.min(last) > 10 * CLOSE {
                    end = last;
                    self.of.work.send_modify(|work| work.target = end);
                }
            }
            if self.fold.customers.len() + self.fold.rollups.len() > DOCUMENTS_MAX {
                info!(position = self.position, "memory is full; going on in transactions");
                break;
            }
        }
        Ok(())
    }

    async fn fold(&mut self, records: &[Record]) -> Result<Batch, Error> {
        let Generations { store, log, settings, .. } = self.of;
        let (prefix, log_time) = (&log.settings.prefix, self.fold.root.log_time);
        let messages = block_in_place(|| parse(records, prefix, &settings.currency, log_time));
        let needs = block_in_place(|| self.fold.needs_rows(&messages));
        store.supply(self.generation, needs, &mut self.fold).await?;
        block_in_place(|| {
            let resolved = self.fold.resolve(&messages).map_err(super::Error::from)?;
            self.fold.add(&resolved).map_err(super::Error::from)?;
            if resolved.forget_blocks {
                self.fold.drop_forgotten_blocks();
            }
            let quarantined: Vec<_> = resolved
                .quarantined
                .iter()
                .map(|(index, reasons)| batch::quarantined(&records[*index], reasons))
                .collect();
            let batch = self.bulk.encode(&self.fold, &quarantined)?;
            self.fold.settle();
            // Its purchases are looked for once the whole ledger is there.
            self.recheck.extend(resolved.recheck);
            if let Some(last) = records.last() {
                self.position = last.position;
                let fingerprint = Fingerprint::of(last.time, &last.subject, &last.payload);
                self.anchor = Some(Anchor::from(fingerprint));
            }
            Ok(batch)
        })
    }
}

/// Two halves of a batch side by side.
fn parse<'a>(
    records: &'a [Record],
    prefix: &str,
    currency: &str,
    log_time: Time,
) -> Vec<Message<'a>> {
    let (head, tail) = records.split_at(records.len() / 2);
    let by_then = head.iter().fold(log_time, |time, it| time.max(Time(it.time / 1_000_000)));
    std::thread::scope(|scope| {
        let tail = scope.spawn(|| batch::parse(tail, prefix, currency, by_then));
        let mut messages = batch::parse(head, prefix, currency, log_time);
        match tail.join() {
            Ok(tail) => messages.extend(tail),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        messages
    })
}

/// Reads ahead of the fold until nobody takes it.
async fn read(
    log: Log,
    mut reader: Reader,
    to: mpsc::Sender<Result<Vec<Record>, super::Error>>,
) {
    let mut after = 0;
    loop {
        let records = batch::gather(&log, &mut reader, after, BULK, tokio::time::Instant::now());
        let records = records.await;
        after = records.as_ref().ok().and_then(|it| it.last()).map_or(after, |it| it.position);
        let is_end = records.is_err();
        if to.send(records).await.is_err() || is_end {
            return;
        }
    }
}

/// Events a second, over the last second or more.
struct Meter {
    since: Instant,
    from: u64,
}

impl Meter {
    fn new(from: u64) -> Self {
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
