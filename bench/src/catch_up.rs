//! The fold of a preloaded stream from its beginning; and the yardstick on the same stream.

use std::time::Instant;

use adaptive_bi::projector::batch::BatchLimits;
use adaptive_bi::stream::publish::Outgoing;
use projections::time::Time;

use super::cpu::Cpu;
use super::feed::publish;
use super::load::{Keys, Load, Mix};
use super::naive;
use super::rate::Rate;
use super::stand::Stand;

/// The number of events for the yardstick, which takes as long for a few thousand as the fold for
/// all.
const YARDSTICK_EVENTS: u64 = 5_000;
/// The rate at which the preloaded events would have come in, by their dates.
const EVENTS_PER_SECOND: u64 = 1_000;

/// Folds `events` that are on the log already, then some of them with the yardstick.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn run(stand: &mut Stand, events: u64, mix: Mix) -> anyhow::Result<(Rate, Rate)> {
    let fold = fold(stand, events, Keys::default(), mix).await?;
    let catalogue = Load::catalogue().count() as u64;
    let naive = naive::run(stand, catalogue, YARDSTICK_EVENTS.min(events)).await?;
    Ok((fold, naive))
}

/// Folds `events` that are on the log already, after the catalogue.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn fold(stand: &mut Stand, events: u64, keys: Keys, mix: Mix) -> anyhow::Result<Rate> {
    let mut load = Load::over(keys, "catch-up", 11).of(mix);
    let begin =
        chrono::Utc::now().timestamp_millis() - i64::try_from(events / EVENTS_PER_SECOND * 1_000)?;
    let dated = |n: u64| Time(begin + i64::try_from(n * 1_000 / EVENTS_PER_SECOND).unwrap_or(0));
    let mixed = (0..events).map(|n| load.next(dated(n)));
    fold_after(stand, std::iter::empty(), Load::catalogue_of(keys).chain(mixed)).await
}

/// Folds events that are on the log already, after others that are folded.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn fold_after(
    stand: &mut Stand,
    before: impl Iterator<Item = Outgoing>,
    events: impl Iterator<Item = Outgoing>,
) -> anyhow::Result<Rate> {
    stand.fresh("catch-up").await?;
    let first = publish(&stand.log, before, None).await?;
    if first > 0 {
        let mut folding = stand.project(BatchLimits::default());
        folding.reach(first).await?;
        folding.stop().await;
    }
    let last = publish(&stand.log, events, None).await?;
    let (started, before) = (Instant::now(), Cpu::now());
    let mut folding = stand.project(BatchLimits::default());
    folding.reach(last).await?;
    let took = started.elapsed();
    folding.written(last).await?;
    let cpu = Cpu::now().since(&before);
    folding.stop().await;
    Ok(Rate { events: last - first, took, cpu })
}
