//! One run of the projector, from a checkpoint until something ends it.
//!
//! Batch N+1 is read and folded while N commits. The documents that the fold has at hand are then
//! newer than the store's, so any commit that does not go through ends the session: the fold and
//! the batch folded ahead are dropped, and the next session begins at the checkpoint.

use std::sync::Arc;
use std::time::Duration;

use projections::batch::{Batch, Step};
use projections::event::Kind;
use projections::family::Families;
use projections::fold::root::FoldSettings;
use projections::fold::{Fold, Resolved};
use projections::topic::Topics;
use tokio::sync::watch;
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::batch::{self, BatchLimits, Decided, Gathered};
use super::changes::{Changes, Tracker};
use super::clock::now_ms;
use super::error::Error;
use super::pace::Pace;
use super::renewal::Renewal;
use super::status::{Halt, State, Status};
use super::verify::{accepted, anchor, verify};
use crate::causes::describe;
use crate::failpoint;
use crate::seldom::Seldom;
use crate::store::Store;
use crate::store::commit::{Commit, CommitError, CommitSession};
use crate::store::generation::Checkpoint;
use crate::store::owner::Owner;
use crate::stream::Log;
use crate::stream::announce::{Announcement, Buckets};
use crate::stream::subject;
use crate::stream::{Record, read::Reader};
use crate::telemetry::{self, traces};
use crate::{store, stream};

/// The interval of the checks whether there are quarantined events to warn of, and whether the
/// generation is still live.
const TELLING: Duration = Duration::from_secs(1);

/// A projector and all it needs.
pub struct Projector {
    /// The store.
    pub store: Store,
    /// The log.
    pub log: Log,
    /// The settings that generations are made with.
    pub settings: FoldSettings,
    /// The bounds of batches.
    pub limits: BatchLimits,
    /// Whether it makes the next generation by itself where an older fold made the live one.
    pub rebuild_on_upgrade: bool,
    /// The families that it counts: all, but in measurements of what one costs.
    pub families: Families,
    /// The tracker of what each commit of the live generation changed, if plain models are on.
    pub changes: Option<Arc<Tracker>>,
    /// The channel that it reports its state on.
    pub status: Arc<watch::Sender<Status>>,
}

/// The end of a session that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// On request; everything folded is committed.
    Stopped,
    /// Another process has the lease.
    Standby,
    /// The log is not the checkpoint's.
    Halted(Halt),
    /// Another generation is live now.
    Switched,
    /// The position to fold up to is committed.
    Reached,
}

/// The purpose of a session.
#[derive(Debug, Clone, Copy)]
enum Course<'a> {
    /// To fold the live generation for as long as its owner has the lease, and tell everybody.
    Live(&'a Owner),
    /// To fold any generation up to a position, and tell nobody.
    UpTo(u64),
}

type Committing = JoinHandle<(CommitSession, Duration, Result<(), CommitError>)>;

struct Session<'a> {
    projector: &'a Projector,
    course: Course<'a>,
    fold: Fold,
    checkpoint: Checkpoint,
    idle: Option<CommitSession>,
    committing: Option<(Committing, Folded)>,
    pace: Pace,
    /// Decisions about messages that it has yet to read: of a generation that is made anew.
    decided: Decided,
    /// Events that the log has and the figures leave out.
    quarantined: Seldom,
}

/// A batch on its way to the store.
struct Folded {
    checkpoint: Checkpoint,
    from: u64,
    events: usize,
    changed: Changed,
    trace: traces::BatchTrace,
}

/// The changes of a batch, as they are announced.
struct Changed {
    touched: Topics,
    buckets: Option<Buckets>,
    tracked: Option<Changes>,
    came: telemetry::Came,
}

/// Runs from the live generation's checkpoint until `stop`, a fault, or the loss of the lease.
///
/// # Errors
/// [`Error`]; the next session then begins at the checkpoint.
pub async fn run(
    projector: &Projector,
    owner: &Owner,
    commits: CommitSession,
    limits: BatchLimits,
    stop: &CancellationToken,
) -> Result<End, Error> {
    let incarnation = projector.log.extent().await?.incarnation;
    let checkpoint = projector.store.open_live(&incarnation, &projector.settings).await?;
    // Boxed: the fold is large, and the caller would carry it.
    Box::pin(fold_from(projector, checkpoint, Course::Live(owner), commits, limits, stop)).await
}

/// Folds a generation from its checkpoint up to a position and no further, and tells nobody. The
/// lease of `owner` says which session it commits in, for its successor.
///
/// # Errors
/// [`Error`]; the batches that were committed stay.
pub async fn catch_up(
    projector: &Projector,
    generation: u32,
    to: u64,
    owner: &Owner,
    limits: BatchLimits,
    stop: &CancellationToken,
) -> Result<End, Error> {
    let missing = Error::Store(store::Error::Missing("the generation has no checkpoint"));
    let checkpoint = projector.store.checkpoint(generation).await?.ok_or(missing)?;
    let commits = projector.store.begin_session().await?;
    if !projector.store.commit_in(owner, &commits).await? {
        return Ok(End::Standby);
    }
    Box::pin(fold_from(projector, checkpoint, Course::UpTo(to), commits, limits, stop)).await
}

async fn fold_from(
    projector: &Projector,
    checkpoint: Checkpoint,
    course: Course<'_>,
    commits: CommitSession,
    limits: BatchLimits,
    stop: &CancellationToken,
) -> Result<End, Error> {
    let Projector { store, log, settings, .. } = projector;
    if let Some(halt) = verify(log, store, &checkpoint, settings).await? {
        projector.status.send_modify(|status| status.position = checkpoint.position);
        return Ok(End::Halted(halt));
    }
    if matches!(course, Course::UpTo(to) if to <= checkpoint.position) {
        return Ok(End::Reached);
    }
    // From here on the log is known to answer. A process that is cut off from it keeps nobody from
    // the lease.
    let renewal = match course {
        Course::Live(owner) => Some(Renewal::of(owner, &projector.store)),
        Course::UpTo(_) => None,
    };
    let tracker = projector.changes.as_ref().filter(|_| matches!(course, Course::Live(_)));
    let _folding = tracker.map(|tracker| tracker.begin(&checkpoint));
    let fold = Fold::new(settings.clone(), checkpoint.root.clone());
    let mut fold = fold.counting(projector.families);
    store.restore_blocks(checkpoint.generation, &mut fold).await?;
    let accepted = accepted(store, &checkpoint.incarnation).await?;
    let decided = Decided::load(store, &checkpoint.incarnation, checkpoint.position).await?;
    let mut reader = log.read_after(checkpoint.position, accepted).await?;
    let position = checkpoint.position;
    projector.status.send_replace(Status { state: State::Running, position });
    info!(position, generation = checkpoint.generation, "folding");
    let mut session = Session {
        projector,
        course,
        fold,
        checkpoint,
        idle: Some(commits),
        committing: None,
        pace: Pace::new(),
        decided,
        quarantined: Seldom::default(),
    };
    // Boxed: it has the checkpoint's totals.
    let folding = Box::pin(session.fold_until(&mut reader, renewal.as_ref(), limits, stop));
    let outcome = folding.await;
    // Whatever ended the session, the commit on its way is waited for: a driver future that is
    // dropped half-way leaves its transaction open.
    session.settle().await?;
    match outcome {
        // All before the hole is folded, so it is named as any other halt is.
        Err(Error::Log(stream::Error::Hole { .. })) => {
            let halt = verify(log, store, &session.checkpoint, settings).await?;
            halt.map_or(outcome, |halt| Ok(End::Halted(halt)))
        }
        outcome => outcome,
    }
}

impl Session<'_> {
    async fn fold_until(
        &mut self,
        reader: &mut Reader,
        renewal: Option<&Renewal>,
        limits: BatchLimits,
        stop: &CancellationToken,
    ) -> Result<End, Error> {
        let mut telling = tokio::time::interval(TELLING);
        telling.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut rest = None;
        loop {
            let after = self.checkpoint.position;
            if matches!(self.course, Course::UpTo(to) if to <= after) {
                return Ok(End::Reached);
            }
            let mut gathered = {
                let gather =
                    batch::next(rest.take(), reader, limits, self.pace.gather_until(limits.rest));
                tokio::pin!(gather);
                loop {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return Ok(End::Stopped),
                        () = lost(renewal) => return Ok(End::Standby),
                        _ = telling.tick(), if renewal.is_some() => {
                            self.tell_quarantined();
                            if !self.is_still_read().await? {
                                return Ok(End::Switched);
                            }
                        }
                        committed = finished(&mut self.committing) => {
                            let folded = self.committing.take().map(|(_, folded)| folded);
                            self.committed(committed, folded).await?;
                        }
                        gathered = &mut gather => break gathered?,
                    }
                }
            };
            if let Course::UpTo(to) = self.course {
                gathered.end_at(to);
            }
            let gathered_at = Instant::now();
            let folded = self.fold(&mut gathered, &mut rest, limits.loaded).await;
            self.pace.folding = gathered_at.elapsed();
            let mut trace = match self.course {
                Course::Live(_) => traces::BatchTrace::of(
                    gathered.records.iter().map(Record::traced),
                    gathered.since,
                ),
                Course::UpTo(_) => traces::BatchTrace::default(),
            };
            let folded = folded?;
            trace.folded();
            self.settle().await?;
            self.pace.begin(limits.rest);
            self.begin_commit(folded, gathered.records.len(), trace);
        }
    }

    /// Whether the generation that is folded as the live one still is.
    async fn is_still_read(&self) -> Result<bool, Error> {
        Ok(self.projector.store.live().await? == Some(self.checkpoint.generation))
    }

    /// Folds a batch, of which what would load more than `bytes` is left as the rest; the fold is then
    /// ahead of the store.
    async fn fold(
        &mut self,
        gathered: &mut Gathered,
        rest: &mut Option<Gathered>,
        bytes: usize,
    ) -> Result<(Commit, Changed), Error> {
        let records = &gathered.records;
        let store = &self.projector.store;
        let generation = self.checkpoint.generation;
        let prefix = &self.projector.log.settings.prefix;
        let (currency, log_time) =
            (self.projector.settings.currency.as_str(), self.fold.root.log_time);
        let messages =
            block_in_place(|| batch::parse(records, prefix, currency, log_time, &self.decided));
        let mut batch = Batch::within(bytes, &messages);
        loop {
            match block_in_place(|| batch.step(&mut self.fold))? {
                Step::Supply(needs) => {
                    store.supply(generation, needs, &mut batch, &mut self.fold).await?;
                }
                Step::Ready => {}
                Step::Purchases => {
                    if let Some(resolved) = batch.resolved() {
                        self.recheck(resolved).await?;
                    }
                }
                Step::Done => break,
            }
        }
        let (folded, resolved) = (batch.len(), batch.finish());
        *rest = gathered.split_off(folded);
        block_in_place(|| self.encode(gathered, &resolved))
    }

    /// Finds the first and last purchase of customers who lost one of them.
    async fn recheck(&mut self, resolved: &Resolved) -> Result<(), Error> {
        // The ledger is asked by an index, past the documents at hand: it must have all that is
        // folded.
        self.settle().await?;
        let (store, generation) = (&self.projector.store, self.checkpoint.generation);
        let stored = store.purchases(generation, &self.fold, &resolved.recheck).await?;
        for user in &resolved.recheck {
            self.fold.set_purchases(user, stored.get(user).copied())?;
        }
        Ok(())
    }

    fn encode(
        &mut self,
        Gathered { records, to, .. }: &Gathered,
        resolved: &Resolved,
    ) -> Result<(Commit, Changed), Error> {
        let previous = self.checkpoint.position;
        self.checkpoint.position = *to;
        let last = records.last().filter(|last| last.position == *to);
        self.checkpoint.anchor = last.map(anchor);
        self.checkpoint.committed_at = now_ms();
        self.checkpoint.root = self.fold.root.clone();
        let came = self.came(records, resolved);
        let quarantined: Vec<_> = resolved
            .quarantined()
            .map(|(index, reasons)| batch::quarantined(&records[index], reasons))
            .collect();
        for row in &quarantined {
            debug!(position = row.position, subject = row.subject, "quarantined");
            self.quarantined.count(1, || batch::in_words(row));
        }
        let (fold, checkpoint) = (&self.fold, self.checkpoint.clone());
        let commit = Commit::encode(fold, previous, checkpoint, &quarantined, resolved)?;
        let buckets = Buckets::of(fold.sets.rollups.changes().map(|change| change.key));
        let touched = resolved.touched;
        let tracked = self.tracker().map(|_| Changes::of(fold, touched, buckets.as_ref()));
        self.fold.settle();
        Ok((commit, Changed { touched, buckets, tracked, came }))
    }

    /// Who is told what commits changed.
    fn tracker(&self) -> Option<&Tracker> {
        match self.course {
            Course::Live(_) => self.projector.changes.as_deref(),
            Course::UpTo(_) => None,
        }
    }

    /// The outcomes of a batch's events by kind; a message of no known kind counts as `unknown`.
    fn came(&self, records: &[Record], resolved: &Resolved) -> telemetry::Came {
        let prefix = &self.projector.log.settings.prefix;
        let mut came = telemetry::Came::new();
        for (record, outcome) in records.iter().zip(&resolved.outcomes) {
            let kind = subject::kind_of(prefix, &record.subject).map_or("unknown", Kind::as_str);
            *came.entry((kind, outcome.as_str())).or_default() += 1;
        }
        came
    }

    fn begin_commit(
        &mut self,
        (commit, changed): (Commit, Changed),
        events: usize,
        trace: traces::BatchTrace,
    ) {
        let Some(mut session) = self.idle.take() else { return };
        let checkpoint = commit.checkpoint().clone();
        let folded = Folded { checkpoint, from: commit.previous(), events, changed, trace };
        let store = self.projector.store.clone();
        let counts = matches!(self.course, Course::Live(_));
        let task = tokio::spawn(async move {
            let (position, writes) = (commit.checkpoint().position, commit.writes);
            debug!(position, events, writes, "commit begins");
            let begun = Instant::now();
            let result = commit.run(&store, &mut session).await;
            let took = begun.elapsed();
            debug!(position, done = result.is_ok(), "commit answered");
            if counts {
                telemetry::commit(events, writes, took, result.is_ok());
            }
            (session, took, result)
        });
        self.committing = Some((task, folded));
    }

    fn tell_quarantined(&self) {
        if let Some((events, first)) = self.quarantined.due() {
            warn!(events, first, "events were quarantined; the figures leave them out");
        }
    }

    /// Waits for the batch on its way, if there is one.
    async fn settle(&mut self) -> Result<(), Error> {
        match self.committing.take() {
            Some((task, folded)) => {
                let committed = task.await;
                self.committed(Some(committed), Some(folded)).await
            }
            None => Ok(()),
        }
    }

    async fn committed(
        &mut self,
        committed: Option<Joined>,
        folded: Option<Folded>,
    ) -> Result<(), Error> {
        let (Some(Ok((session, took, result))), Some(folded)) = (committed, folded) else {
            return Err(Error::Overtaken);
        };
        self.idle = Some(session);
        self.pace.took = took;
        match result {
            Ok(()) => {
                let position = folded.checkpoint.position;
                self.projector.status.send_modify(|status| status.position = position);
                if matches!(self.course, Course::UpTo(_)) {
                    return Ok(());
                }
                self.tell_quarantined();
                telemetry::committed(&folded.changed.came);
                if let (Some(tracker), Some(changes)) = (self.tracker(), &folded.changed.tracked) {
                    tracker.committed(folded.from, &folded.checkpoint, changes);
                }
                let announcement = Announcement {
                    generation: folded.checkpoint.generation,
                    from: folded.from,
                    position,
                    at: folded.checkpoint.committed_at,
                    touched: folded.changed.touched,
                    buckets: folded.changed.buckets,
                    traceparents: folded.trace.committed(position),
                };
                failpoint::pass("commit-not-announced");
                if let Err(error) = self.projector.log.announce(&announcement).await {
                    warn!(error = describe(&error), "a commit was not announced");
                }
                failpoint::pass("commit-announced");
                Ok(())
            }
            Err(CommitError::Overtaken) => Err(Error::Overtaken),
            Err(CommitError::Passing(error)) => Err(error.into()),
            Err(CommitError::Refused(source)) => {
                Err(Error::Refused { events: folded.events, source })
            }
        }
    }
}

type Joined = Result<(CommitSession, Duration, Result<(), CommitError>), tokio::task::JoinError>;

/// Ends when another process has the lease; never if none is needed.
async fn lost(renewal: Option<&Renewal>) {
    match renewal {
        Some(renewal) => renewal.lost().await,
        None => std::future::pending().await,
    }
}

/// Ends when the commit does; never if there is none.
async fn finished(committing: &mut Option<(Committing, Folded)>) -> Option<Joined> {
    match committing {
        Some((task, _)) => Some(task.await),
        None => std::future::pending().await,
    }
}
