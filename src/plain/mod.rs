//! Plain models: documents that people read in `MongoDB` with tools of their own. A task of each
//! process writes them from the read models, a few seconds after commits changed those; only the
//! process that folds does.
//!
//! # Layout
//!
//! - [`sales`]: sales by day and by month; [`entities`]: products and customers;
//! - [`cost`]: when it is time for the next write;
//! - here: what is written, and when all of it is written anew.
//!
//! What a write has to say is known from this process's own commits ([`Tracker`]). Where the
//! documents are not as far as the first of these (the process was killed, another one folded, the
//! setting was off), or of another generation, or lost, everything is written.

pub mod cost;
pub mod entities;
pub mod sales;

use std::sync::Arc;
use std::time::Duration;

use projections::customers::Customers;
use projections::entity::Entity;
use projections::family::Family;
use projections::fold::root::FOLD_VERSION;
use projections::products::Products;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::cost::{Cost, PAUSE};
use self::entities::Shown;
use self::sales::Buyers;
use crate::causes::describe;
use crate::failpoint;
use crate::projector::changes::{Changes, Commits, Ordinals, Tracker};
use crate::query::cache::ResponseCache;
use crate::seldom::Seldom;
use crate::store::plain::{Found, Kept, PlainBatch, PlainModels, PlainOf, PlainSet, Turn};
use crate::store::read::Snapshot;
use crate::store::{self, Store};

/// Whether they are still there is looked at this often.
const LOOK: Duration = Duration::from_secs(10);
/// The time for the last write of a process that stops.
const LAST: Duration = Duration::from_secs(3);
/// The most documents of one transaction, and the customers or products that are read at a time.
const TOGETHER: usize = 1_024;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The fold is about to go on with another one.
    #[error("another generation is live")]
    Switched,
    #[error("the read models are of an older version of the fold")]
    OlderFold,
    #[error("the read models are not as far as the commits")]
    Behind,
    #[error("another process writes them")]
    Taken,
    #[error("the process stops")]
    Stopped,
}

/// Writes the plain models of a shop.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    models: PlainModels,
    tracker: Arc<Tracker>,
    language: String,
    /// This process, unique to its start.
    id: String,
    /// The position up to which everything is written.
    written: watch::Sender<u64>,
    /// The last write, and the position that it reached.
    last: Option<(PlainOf, u64)>,
    /// As counted up to there.
    buyers: Buyers,
    cost: Cost,
    failed: Seldom,
    stop: CancellationToken,
}

impl Writer {
    /// A writer of what `tracker` is told of, in a language, until `stop`. The receiver has the
    /// position up to which everything is written, of the generation that is folded.
    #[must_use]
    pub fn new(
        store: Store,
        tracker: Arc<Tracker>,
        language: &str,
        stop: CancellationToken,
    ) -> (Self, watch::Receiver<u64>) {
        let (written, seen) = watch::channel(0);
        let writer = Writer {
            models: store.plain_models(),
            store,
            tracker,
            language: language.to_owned(),
            id: uuid::Uuid::new_v4().to_string(),
            written,
            last: None,
            buyers: Buyers::default(),
            cost: Cost::default(),
            failed: Seldom::default(),
            stop,
        };
        (writer, seen)
    }

    /// Writes until it is asked to stop, and then what the last commits changed.
    pub async fn run(mut self) {
        let stop = self.stop.clone();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.tracker.more() => {}
                () = sleep(LOOK) => {}
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.is_time() => {}
            }
            self.write_what_changed().await;
        }
        let last = async {
            while self.tracker.folds() {
                self.tracker.more().await;
            }
            self.write_what_changed().await;
        };
        if timeout(LAST, last).await.is_err() {
            debug!("plain models are written anew at the next start");
        }
    }

    /// Waits until it is time for what changed, which may become more meanwhile.
    async fn is_time(&self) {
        loop {
            let rest = self.cost.rest(self.tracker.entities());
            if rest.is_zero() {
                return;
            }
            sleep(rest.min(PAUSE)).await;
        }
    }

    async fn write_what_changed(&mut self) {
        let Some(commits) = self.tracker.take() else { return };
        let began = Instant::now();
        let wrote = Box::pin(self.write(&commits)).await;
        self.cost.end();
        match wrote {
            Ok(Wrote::Changes) => self.wrote(&commits),
            Ok(Wrote::Everything) => {
                let (position, took) = (commits.until, began.elapsed());
                self.wrote(&commits);
                info!(position, ?took, "plain models were written anew");
            }
            Ok(Wrote::Nothing) => self.tracker.give_back(&commits),
            Err(error) => {
                self.tracker.give_back(&commits);
                match error {
                    Error::Store(error) => self.failed.count(1, || describe(&error)),
                    other => debug!(reason = %other, "plain models are not written"),
                }
            }
        }
        if let Some((times, reason)) = self.failed.due() {
            warn!(times, reason, "plain models could not be written; they stay as they are");
        }
    }

    fn wrote(&mut self, commits: &Commits) {
        self.last = Some((of(commits), commits.until));
        self.written.send_replace(commits.until);
    }

    async fn write(&mut self, commits: &Commits) -> Result<Wrote, Error> {
        let of = of(commits);
        match self.found().await? {
            Found::Kept(kept)
                if kept.of == of && (commits.since..=commits.until).contains(&kept.position) =>
            {
                if kept.position < commits.until {
                    // Another process may have written since.
                    if self.last != Some((of.clone(), kept.position)) {
                        self.buyers.clear();
                    }
                    let (build, writes) = (kept.build, kept.writes);
                    let turn = Turn { writer: self.id.clone(), of, build, writes };
                    self.write_changes(turn, commits.until, &commits.changes).await?;
                }
                Ok(Wrote::Changes)
            }
            Found::Nothing(writes) | Found::Kept(Kept { writes, .. }) if self.tracker.folds() => {
                self.write_everything(of, writes, commits.until).await?;
                Ok(Wrote::Everything)
            }
            _ => Ok(Wrote::Nothing),
        }
    }

    /// What there is. A process that folds takes the place of one that does no more.
    async fn found(&self) -> Result<Found, store::Error> {
        let found = self.models.look(&self.id).await?;
        if found != Found::Anothers || !self.tracker.folds() {
            return Ok(found);
        }
        self.models.claim(&self.id).await?;
        self.models.look(&self.id).await
    }

    async fn write_everything(
        &mut self,
        of: PlainOf,
        writes: i64,
        until: u64,
    ) -> Result<(), Error> {
        let snapshot = self.snapshot(&of, until).await?;
        let build = uuid::Uuid::new_v4().simple().to_string()[..12].to_owned();
        let mut turn = Turn { writer: self.id.clone(), of, build, writes };
        untaken(self.models.begin(&mut turn).await?)?;
        failpoint::pass("plain-begun");
        let next = &snapshot.checkpoint.root.next;
        let everything = Changes {
            all_sales: true,
            customers: Ordinals::below(next.of(Entity::Customer)),
            products: Ordinals::below(next.of(Entity::Product)),
            ..Changes::default()
        };
        let mut writing = Writing::of(self, turn, until, true);
        writing.run(&everything, None).await?;
        failpoint::pass("plain-written");
        let mut turn = writing.turn;
        untaken(self.models.remove_others(&mut turn).await?)?;
        untaken(self.models.write(&mut turn, PlainBatch::default(), Some(until)).await?)
    }

    async fn write_changes(
        &mut self,
        turn: Turn,
        until: u64,
        changes: &Changes,
    ) -> Result<(), Error> {
        Writing::of(self, turn, until, false).run(changes, Some(until)).await
    }

    /// The read models as they are now, at a position or further.
    async fn snapshot(&self, of: &PlainOf, until: u64) -> Result<Snapshot, Error> {
        let snapshot = self.store.snapshot().await?.ok_or(Error::Switched)?;
        let checkpoint = &snapshot.checkpoint;
        if checkpoint.generation != of.generation || checkpoint.incarnation != of.incarnation {
            return Err(Error::Switched);
        }
        if checkpoint.settings.fold_version < FOLD_VERSION {
            return Err(Error::OlderFold);
        }
        if checkpoint.position < until { Err(Error::Behind) } else { Ok(snapshot) }
    }
}

/// The documents of a write.
enum Wrote {
    /// What changed.
    Changes,
    Everything,
    /// It is not this process that writes.
    Nothing,
}

fn of(Commits { generation, incarnation, .. }: &Commits) -> PlainOf {
    PlainOf { generation: *generation, incarnation: incarnation.clone() }
}

fn untaken(written: bool) -> Result<(), Error> {
    if written { Ok(()) } else { Err(Error::Taken) }
}

/// One time of writing. Documents of it are of several positions, each as of the one that it states.
struct Writing<'a> {
    writer: &'a mut Writer,
    turn: Turn,
    until: u64,
    /// Whether everything is written, which a process that stops does not wait for.
    everything: bool,
    batch: PlainBatch,
}

impl<'a> Writing<'a> {
    fn of(writer: &'a mut Writer, turn: Turn, until: u64, everything: bool) -> Self {
        Writing { writer, turn, until, everything, batch: PlainBatch::default() }
    }

    /// Writes what changed, and where it is given, that everything up to a position is written.
    async fn run(&mut self, changes: &Changes, reached: Option<u64>) -> Result<(), Error> {
        let began = Instant::now();
        self.sales(changes).await?;
        let sold = Instant::now();
        self.entities::<Products>(&changes.products).await?;
        self.entities::<Customers>(&changes.customers).await?;
        failpoint::pass("plain-read");
        self.flush(reached).await?;
        if !self.everything {
            self.writer.cost.of_sales(sold - began);
        }
        let entities = changes.products.len() + changes.customers.len();
        self.writer.cost.of_entities(entities, sold.elapsed());
        Ok(())
    }

    async fn flush(&mut self, reached: Option<u64>) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        untaken(self.writer.models.write(&mut self.turn, batch, reached).await?)
    }

    async fn room(&mut self) -> Result<(), Error> {
        if self.everything && self.writer.stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        if self.batch.len() >= TOGETHER { self.flush(None).await } else { Ok(()) }
    }

    async fn snapshot(&self) -> Result<Snapshot, Error> {
        self.writer.snapshot(&self.turn.of, self.until).await
    }

    async fn sales(&mut self, changes: &Changes) -> Result<(), Error> {
        if !changes.all_sales && changes.months.is_empty() {
            return Ok(());
        }
        let first = self.snapshot().await?;
        let Some(extent) = first.checkpoint.root.extent(Family::Sales) else { return Ok(()) };
        if changes.all_sales {
            self.writer.buyers.clear();
        }
        let is_meant = |month: &u32| changes.all_sales || changes.months.contains(month);
        for month in sales::months(extent).filter(is_meant) {
            let snapshot = self.snapshot().await?;
            let position = snapshot.checkpoint.position;
            let memory = ResponseCache::speaking(&self.writer.language);
            let from = memory.context(&snapshot);
            // The snapshot may be ahead of what is being written.
            let buyers = &mut self.writer.buyers;
            let mut days = changes.days.clone();
            match self.writer.tracker.days_until(position) {
                Some(more) => days.extend(more),
                None => buyers.clear(),
            }
            let read = sales::of_month(from, month, &days, buyers).await?;
            for (set, documents) in
                [(PlainSet::SalesDaily, read.days), (PlainSet::SalesMonthly, vec![read.month])]
            {
                for (id, document) in documents {
                    self.batch.push(&self.turn, position, (set, &id), &document)?;
                }
            }
            self.room().await?;
        }
        Ok(())
    }

    async fn entities<C: Shown>(&mut self, ordinals: &Ordinals) -> Result<(), Error> {
        let ordinals: Vec<u32> = ordinals.iter().collect();
        for some in ordinals.chunks(TOGETHER) {
            let snapshot = self.snapshot().await?;
            let position = snapshot.checkpoint.position;
            let memory = ResponseCache::speaking(&self.writer.language);
            let read = entities::of::<C>(memory.context(&snapshot), some).await?;
            for (id, document) in read {
                self.batch.push(&self.turn, position, (C::SET, &id), &document)?;
            }
            self.room().await?;
        }
        Ok(())
    }
}
