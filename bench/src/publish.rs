//! The rate at which the log takes events while nobody folds them.

use std::time::Instant;

use projections::time::Time;

use super::cpu::Cpu;
use super::feed::publish;
use super::load::Load;
use super::rate::Rate;
use super::stand::Stand;

/// Publishes `events`, several thousand in flight at a time.
///
/// # Errors
/// Fails if a server does not answer.
pub async fn run(stand: &mut Stand, events: u64) -> anyhow::Result<Rate> {
    stand.fresh("publish").await?;
    let mut load = Load::new("publish", 17);
    let now = || Time(chrono::Utc::now().timestamp_millis());
    let (started, before) = (Instant::now(), Cpu::now());
    publish(&stand.log, (0..events).map(|_| load.next(now())), None).await?;
    Ok(Rate { events, took: started.elapsed(), cpu: Cpu::now().since(&before) })
}
