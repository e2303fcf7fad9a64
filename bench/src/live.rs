//! Publish to committed, while events come in as fast as the fold keeps up.

use std::collections::VecDeque;
use std::time::Instant;

use adaptive_bi::projector::session::Limits;
use adaptive_bi::projector::status::Status;
use adaptive_bi::stream::Log;
use adaptive_bi::stream::publish::Outgoing;
use projections::time::Time;
use tokio::sync::watch;

use super::cpu::Cpu;
use super::load::Load;
use super::rate::Rate;
use super::stand::Stand;

/// Producers wait while the fold is this far behind, so that what is measured is a rate that can
/// be kept up.
const BEHIND_MAX: u64 = 40_000;
/// Events in flight to the log.
const WINDOW: usize = 4_000;

/// Publishes `events` at the pace of the fold.
///
/// # Errors
/// Where a server does not answer.
pub async fn run(stand: &mut Stand, events: u64) -> anyhow::Result<Rate> {
    stand.fresh("live").await?;
    let mut folding = stand.project(Limits::default());
    let mut load = Load::new("live", 7);
    // The catalogue and the first events warm the servers up and are not counted.
    let warm = Load::catalogue().chain((0..50_000).map(|_| load.next(now())));
    let first = publish(&stand.log, warm, None).await?;
    folding.reach(first).await?;
    let (started, before) = (Instant::now(), Cpu::now());
    let mixed = (0..events).map(|_| load.next(now()));
    let last = publish(&stand.log, mixed, Some(folding.status.clone())).await?;
    folding.reach(last).await?;
    let rate = Rate { events, took: started.elapsed(), cpu: Cpu::now().since(&before) };
    folding.stop().await;
    Ok(rate)
}

fn now() -> Time {
    Time(chrono::Utc::now().timestamp_millis())
}

/// Publishes in order with a window of answers; gives the last position. Waits now and then where
/// there is a fold to keep pace with.
///
/// # Errors
/// Where the log does not take an event.
pub async fn publish(
    log: &Log,
    events: impl Iterator<Item = Outgoing>,
    mut fold: Option<watch::Receiver<Status>>,
) -> anyhow::Result<u64> {
    let mut answers = VecDeque::with_capacity(WINDOW);
    let mut last = 0;
    for (sent, event) in events.enumerate() {
        let answer = log.publish(event).await?;
        answers.push_back(answer);
        if answers.len() >= WINDOW
            && let Some(answer) = answers.pop_front()
        {
            last = last.max(answer.await?.position);
        }
        if let Some(fold) = &mut fold
            && sent % 1_000 == 0
        {
            fold.wait_for(|status| last < status.position + BEHIND_MAX).await?;
        }
    }
    for answer in answers {
        last = last.max(answer.await?.position);
    }
    Ok(last)
}
