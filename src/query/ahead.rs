//! Reading ahead: what questions about any range need is read before anybody asks, the newest first, as
//! far as there is memory for it. Once for each generation that becomes live; what commits change later
//! is read again by those who ask.
//!
//! It goes in small steps and rests after each as long as that took, so that it leaves the store, and the
//! fold with it, at least half of their time.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use projections::bucket::{self, Level};
use projections::entity::Entity;
use projections::family::{Family, Shape, Slice};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::cache::ResponseCache;
use super::days::Piece;
use super::latest::Latest;
use super::memory::ReadContext;
use super::range::Quarters;
use super::sets::What;
use super::statuses::Statuses;
use super::sums::Over;
use crate::store;
use crate::store::read::Span;
use crate::telemetry;

/// Slices that are read in one step.
const TOGETHER: usize = 16;
/// The time until the store is asked again where figures begin, if it did not answer.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Days of quarter hours that are read in one step.
const DAYS: usize = 8;

/// Reads ahead until `stop`, and tells `done` the generation that it was last done with.
pub async fn read(
    cache: Arc<ResponseCache>,
    mut latest: watch::Receiver<Option<Latest>>,
    done: watch::Sender<Option<u32>>,
    stop: CancellationToken,
) {
    loop {
        let is_new = |latest: &Option<Latest>| {
            let generation = latest.as_ref().map(Latest::generation);
            generation.is_some() && generation != *done.borrow()
        };
        tokio::select! {
            () = stop.cancelled() => return,
            found = latest.wait_for(is_new) => if found.is_err() { return },
        }
        let generation = latest.borrow().as_ref().map(Latest::generation);
        tokio::select! {
            () = stop.cancelled() => return,
            () = all(&cache, &latest, generation) => {
                gauge!(telemetry::READ_AHEAD).set(generation.map_or(0.0, f64::from));
                done.send_replace(generation);
            }
        }
    }
}

/// Reads all of a generation, while it is live.
async fn all(
    cache: &ResponseCache,
    latest: &watch::Receiver<Option<Latest>>,
    generation: Option<u32>,
) {
    let begun = Instant::now();
    // A snapshot does not last, so each step is of the newest.
    let newest = || latest.borrow().as_ref().map(|latest| latest.snapshot.clone());
    let steps = loop {
        let Some(snapshot) = newest() else { return };
        match steps(cache.context(&snapshot)).await {
            Ok(steps) => break steps,
            Err(error) => tracing::debug!(%error, "it is not known yet what to read ahead"),
        }
        sleep(TRY_AGAIN).await;
    };
    for step in &steps {
        let Some(snapshot) = newest() else { return };
        let from = cache.context(&snapshot);
        if Some(snapshot.checkpoint.generation) != generation || from.is_full() {
            return;
        }
        let begun = Instant::now();
        if let Err(error) = step.read(from).await {
            tracing::debug!(%error, "nothing was read ahead");
        }
        sleep(begun.elapsed()).await;
    }
    tracing::debug!(steps = steps.len(), took = ?begun.elapsed(), "read ahead");
}

/// The rollups or sets that are read at once.
#[derive(Debug)]
enum Step {
    /// Rollups, which are remembered.
    Rollups(Vec<Span>),
    /// Months that are added up over their days.
    Sums(Vec<Span>),
    /// Sets.
    Sets(What, Vec<Piece>),
    /// The names and values of all products, or of all customers.
    Known(Entity),
}

impl Step {
    async fn read(&self, from: ReadContext<'_>) -> Result<(), store::Error> {
        match self {
            Step::Rollups(spans) => from.rollups(spans, |_| {}).await,
            Step::Sums(spans) => from.sums(Over::Times, spans, |_, _| {}).await,
            Step::Sets(what, pieces) => from.sets(*what, pieces).await.map(drop),
            Step::Known(entity) => from.known(*entity).await.map(drop),
        }
    }
}

/// All steps: what is known of products and customers, then by month, the newest first.
async fn steps(from: ReadContext<'_>) -> Result<Vec<Step>, store::Error> {
    let mut families: Vec<(Family, (u32, u32))> = Vec::new();
    for family in Family::ALL.iter().copied().filter(|family| from.has(*family)) {
        let Quarters { to, .. } = from.within(family, Quarters::ALL);
        if let Some(first) = first_month(from, family).await? {
            families.push((family, (first, bucket::month_of_quarter(to.saturating_sub(1)))));
        }
    }
    let first = families.iter().map(|(_, (first, _))| *first).min().unwrap_or_default();
    let last = families.iter().map(|(_, (_, last))| *last).max();
    let few = Entity::ALL.iter().copied().filter(|entity| from.are_remembered(*entity));
    let mut steps: Vec<Step> = few.map(Step::Known).collect();
    for month in last.into_iter().flat_map(|last| (first..=last).rev()) {
        let has = |(_, (first, last)): &&(Family, (u32, u32))| (*first..=*last).contains(&month);
        let of_month: Vec<Family> =
            families.iter().filter(has).map(|(family, _)| *family).collect();
        let spans: Vec<Span> = of_month.iter().flat_map(|family| spans(*family, month)).collect();
        steps.extend(spans.chunks(TOGETHER).map(|spans| Step::Rollups(spans.to_vec())));
        let added_up = |span: &Span| span.level == Level::Month && is_by_value(span.family);
        steps.push(Step::Sums(spans.into_iter().filter(added_up).collect()));
        for what in counted(from).into_iter().filter(|it| of_month.contains(&it.family)) {
            steps.extend(pieces(month).map(|pieces| Step::Sets(what, pieces)));
        }
        for what in asked_alone(from).into_iter().filter(|it| of_month.contains(&it.family)) {
            steps.extend(quarters(month).into_iter().map(|pieces| Step::Sets(what, pieces)));
        }
    }
    Ok(steps)
}

/// The first month that a family counts anything in.
async fn first_month(from: ReadContext<'_>, family: Family) -> Result<Option<u32>, store::Error> {
    let mut levels = family.shape().levels().iter().rev().copied();
    let Some(level) = levels.find(|level| *level != Level::Ever) else { return Ok(None) };
    let mut first: Option<u32> = None;
    for slice in family.every_slice() {
        let bucket = from.snapshot.first_bucket(family, slice, level).await?;
        let month = bucket.map(|it| bucket::month_of_quarter(bucket::first_quarter(level, it)));
        first = first.into_iter().chain(month).min();
    }
    Ok(first)
}

/// The rollups of a month and of its days.
fn spans(family: Family, month: u32) -> impl Iterator<Item = Span> {
    let levels = family.shape().levels().iter().copied();
    levels
        .filter_map(move |level| match level {
            Level::Month => Some((level, month, month)),
            Level::Day => {
                let first = bucket::first_day_of_month;
                Some((level, first(month), first(month + 1) - 1))
            }
            _ => None,
        })
        .flat_map(move |(level, first, last)| {
            let span = move |slice| Span { family, slice, level, first, last, chunks: None };
            family.every_slice().map(span)
        })
}

/// Whether its months have a row for each value and day.
fn is_by_value(family: Family) -> bool {
    matches!(
        family.shape(),
        Shape::ByCell | Shape::ByShopCell | Shape::ByValue(_) | Shape::ByShopValue(_)
    )
}

/// The customers that are counted over any range.
fn counted(from: ReadContext<'_>) -> Vec<What> {
    let of = |family, slice, column| What { family, slice, column: Some(column) };
    let mut all = vec![of(Family::Actives, Slice::WHOLE, 0)];
    for slice in Statuses::All.of(from.snapshot).slices() {
        all.extend([of(Family::Buyers, slice, 1), of(Family::CategoryBuyers, slice, 0)]);
    }
    for (column, stage) in Family::FunnelCategories.every_slice().enumerate() {
        all.push(of(Family::FunnelUsers, Slice::WHOLE, column));
        all.push(of(Family::FunnelCategories, stage, 0));
        all.push(of(Family::FunnelDevices, stage, 0));
    }
    all
}

/// The products and customers that sales are asked for by, one alone.
fn asked_alone(from: ReadContext<'_>) -> Vec<What> {
    let sold = Statuses::All.of(from.snapshot).slices().into_iter();
    let sold = sold.map(|slice| [Family::Sold, Family::Buyers].map(|family| (family, slice)));
    let back = Family::Returned.every_slice();
    let back =
        back.map(|slice| [Family::Returned, Family::Returners].map(|family| (family, slice)));
    sold.chain(back).flatten().map(|(family, slice)| What::row(family, slice)).collect()
}

/// A month, its days, and the quarter hours of these.
fn pieces(month: u32) -> impl Iterator<Item = Vec<Piece>> {
    let whole = Piece { period: 0, level: Level::Month, bucket: month, places: (0, 0) };
    let first = std::iter::once(whole).chain(Piece::days_of(month)).collect();
    std::iter::once(first).chain(quarters(month))
}

/// The quarter hours of a month's days.
fn quarters(month: u32) -> Vec<Vec<Piece>> {
    let days: Vec<Piece> =
        Piece::days_of(month).map(|day| Piece::quarters_of(day.bucket)).collect();
    days.rchunks(DAYS).map(<[Piece]>::to_vec).collect()
}
