//! The rate from publication to commit, while events come in as fast as the fold keeps up.

use std::time::Instant;

use adaptive_bi::projector::batch::BatchLimits;
use projections::time::Time;

use super::cpu::Cpu;
use super::feed::publish;
use super::load::{Load, Mix};
use super::rate::Rate;
use super::stand::Stand;

/// Publishes `events` at the pace of the fold.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn run(stand: &mut Stand, events: u64, mix: Mix) -> anyhow::Result<Rate> {
    stand.fresh("live").await?;
    let mut folding = stand.project(BatchLimits::default());
    let mut load = Load::new("live", 7).of(mix);
    // The catalogue and the first events warm the servers up and are not counted.
    let warm = Load::catalogue().chain((0..50_000).map(|_| load.next(now())));
    let first = publish(&stand.log, warm, None).await?;
    folding.reach(first).await?;
    let (started, before) = (Instant::now(), Cpu::now());
    let mixed = (0..events).map(|_| load.next(now()));
    let last = publish(&stand.log, mixed, Some(folding.status.clone())).await?;
    folding.reach(last).await?;
    let took = started.elapsed();
    folding.written(last).await?;
    let rate = Rate { events, took, cpu: Cpu::now().since(&before) };
    folding.stop().await;
    Ok(rate)
}

fn now() -> Time {
    Time(chrono::Utc::now().timestamp_millis())
}
