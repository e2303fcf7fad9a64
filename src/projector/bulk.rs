//! A generation loaded in bulk: every document but the rows of the ledger stays in memory and is
//! written once. It does not count before its checkpoint is written.

use std::collections::BTreeSet;
use std::time::Duration;

use projections::batch::{Batch as Steps, Message, Step};
use projections::fold::Fold;
use projections::fold::root::Root;
use projections::time::Time;
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use super::batch::{self, BatchLimits, Decided, Gathered};
use super::clock::now_ms;
use super::error;
use super::generations::{CLOSE, Error, Generations, Meter};
use super::status::Halt;
use super::verify::{accepted, anchor};
use crate::failpoint;
use crate::store::bulk::{Batch, Bulk};
use crate::store::generation::{Anchor, Checkpoint};
use crate::store::owner::Owner;
use crate::stream;
use crate::stream::hole::{Accepted, Hole};
use crate::stream::{Record, read::Reader};

/// Messages that are folded at a time in bulk: few enough for the memory near a core, and enough to
/// make a command worthwhile. The fold keeps 50,000 rows of the ledger at hand, more than may be on
/// their way to the store.
const BULK: BatchLimits = BatchLimits {
    events: 10_000,
    bytes: 16 << 20,
    loaded: 64 << 20,
    linger: Duration::from_millis(20),
    rest: Duration::ZERO,
};
/// Batches that are read ahead.
const READ_AHEAD: usize = 1;
/// Documents kept in memory at most, some hundred bytes each; then the bulk load ends, wherever it
/// is, and transactions go on from there.
const DOCUMENTS_MAX: usize = 10_000_000;

/// Loads a generation that has no documents yet, up to about the log's end.
///
/// # Errors
/// [`Error`]; nothing of the generation then counts.
pub(super) async fn load(
    of: &Generations,
    generation: u32,
    owner: &Owner,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let extent = of.log.extent().await?;
    let accepted = accepted(&of.store, &extent.incarnation).await?;
    let before = Hole { from: 1, to: extent.first.saturating_sub(1) };
    if accepted.rest_of(before).is_some() {
        return Err(Error::LogBegins { first: extent.first });
    }
    of.say("bulk", generation, 0, extent.last);
    info!(generation, end = extent.last, "loading a generation in bulk");
    let mut loading = Loading {
        of,
        bulk: of.store.begin_bulk(generation).await?,
        generation,
        fold: Fold::new(of.settings.clone(), Root::default()).complete(),
        decided: Decided::load(&of.store, &extent.incarnation, 0).await?,
        recheck: BTreeSet::new(),
        position: 0,
        anchor: None,
    };
    if let Err(error) = loading.load(extent.last, accepted, stop).await {
        loading.bulk.abandon().await;
        return Err(match error {
            Error::Fold(error::Error::Log(stream::Error::Hole {
                hole: Hole { from, to }, ..
            })) => Error::Halted { generation, halt: Halt::LogHole { from, to } },
            other => other,
        });
    }
    let Loading { bulk, mut fold, recheck, position, anchor, .. } = loading;
    of.say("writing", generation, position, position);
    let checkpoint = Checkpoint {
        generation,
        position,
        incarnation: extent.incarnation,
        anchor,
        committed_at: now_ms(),
        settings: of.settings.clone(),
        root: fold.root.clone(),
        left_at: None,
    };
    failpoint::pass("bulk-end");
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Stopped),
        done = bulk.finish(&mut fold, &recheck, &checkpoint, owner) => Ok(done?),
    }
}

/// A bulk load: the fold, and its position.
struct Loading<'a> {
    of: &'a Generations,
    bulk: Bulk,
    generation: u32,
    fold: Fold,
    decided: Decided,
    recheck: BTreeSet<Box<str>>,
    position: u64,
    anchor: Option<Anchor>,
}

impl Loading<'_> {
    /// Folds up to `end`, the log's end; if the log has grown much by then, up to its new end.
    async fn load(
        &mut self,
        mut end: u64,
        accepted: Accepted,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let (sender, mut batches) = mpsc::channel(READ_AHEAD);
        let log = &self.of.log;
        let reader = log.read_after(0, accepted).await?;
        let _reading = AbortOnDropHandle::new(tokio::spawn(read(reader, sender)));
        let mut meter = Meter::new(0);
        while self.position < end {
            let gathered = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Error::Stopped),
                gathered = batches.recv() => gathered.unwrap_or(Err(error::Error::NoReader))?,
            };
            let mut left = Some(gathered);
            while let Some(mut gathered) = left {
                let batch;
                (batch, left) = self.fold(&mut gathered).await?;
                self.bulk.write(batch).await?;
            }
            failpoint::pass("bulk-batch");
            self.of.progress(&mut meter, self.position);
            if self.position >= end {
                let last = log.extent().await?.last;
                if last - self.position.min(last) > 10 * CLOSE {
                    end = last;
                    self.of.work.send_modify(|work| work.target = end);
                }
            }
            if self.fold.sets.len() > DOCUMENTS_MAX {
                info!(position = self.position, "memory is full; going on in transactions");
                break;
            }
        }
        Ok(())
    }

    /// Folds the first messages of a batch; returns those that are left.
    async fn fold(&mut self, gathered: &mut Gathered) -> Result<(Batch, Option<Gathered>), Error> {
        let records = &gathered.records;
        let Generations { store, log, settings, .. } = self.of;
        let (prefix, log_time) = (&log.settings.prefix, self.fold.root.log_time);
        let (currency, decided) = (settings.currency.as_str(), &self.decided);
        let messages = block_in_place(|| parse(records, prefix, currency, log_time, decided));
        let mut steps = Steps::within(BULK.loaded, &messages);
        loop {
            let step = block_in_place(|| steps.step(&mut self.fold)).map_err(error::Error::from)?;
            match step {
                Step::Supply(needs) => {
                    store.supply(self.generation, needs, &mut steps, &mut self.fold).await?;
                }
                Step::Ready | Step::Purchases => {}
                Step::Done => break,
            }
        }
        let (folded, resolved) = (steps.len(), steps.finish());
        let rest = gathered.split_off(folded);
        block_in_place(|| {
            let Gathered { records, to, .. } = &*gathered;
            let quarantined: Vec<_> = resolved
                .quarantined()
                .map(|(index, reasons)| batch::quarantined(&records[index], reasons))
                .collect();
            let batch = self.bulk.encode(&self.fold, &quarantined)?;
            self.fold.settle();
            // The ledger is searched for first and last purchases once it is complete.
            self.recheck.extend(resolved.recheck);
            self.position = *to;
            let last = records.last().filter(|last| last.position == *to);
            self.anchor = last.map(anchor);
            Ok((batch, rest))
        })
    }
}

/// Parses the two halves of a batch side by side.
fn parse<'a>(
    records: &'a [Record],
    prefix: &str,
    currency: &str,
    log_time: Time,
    decided: &Decided,
) -> Vec<Message<'a>> {
    let (head, tail) = records.split_at(records.len() / 2);
    let by_then = head.iter().fold(log_time, |time, it| time.max(Time(it.time / 1_000_000)));
    std::thread::scope(|scope| {
        let tail = scope.spawn(|| batch::parse(tail, prefix, currency, by_then, decided));
        let mut messages = batch::parse(head, prefix, currency, log_time, decided);
        match tail.join() {
            Ok(tail) => messages.extend(tail),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        messages
    })
}

/// Reads ahead of the fold until the receiver is gone.
async fn read(mut reader: Reader, to: mpsc::Sender<Result<Gathered, super::Error>>) {
    loop {
        let gathered = batch::gather(&mut reader, BULK, tokio::time::Instant::now()).await;
        let is_end = gathered.is_err();
        if to.send(gathered).await.is_err() || is_end {
            return;
        }
    }
}
