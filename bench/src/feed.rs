//! Load on the log: as fast as the log or the fold goes, or at a steady rate; and a thread apart
//! for load that comes in during a measurement.

use std::time::Duration;

use adaptive_bi::projector::status::Status;
use adaptive_bi::stream::publish::Outgoing;
use adaptive_bi::stream::{self, Log};
use anyhow::Context;
use projections::time::Time;
use tokio::sync::watch;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use super::load::Load;

/// Producers wait while the fold is this far behind, so that the measured rate is one that can be
/// kept up.
const BEHIND_MAX: u64 = 40_000;

/// Publishes in order, as a file is; returns the last position. Waits now and then if there is a fold
/// to keep pace with.
///
/// # Errors
/// Fails if the log does not take an event.
pub async fn publish(
    log: &Log,
    events: impl Iterator<Item = Outgoing>,
    mut fold: Option<watch::Receiver<Status>>,
) -> anyhow::Result<u64> {
    let mut lane = log.lane();
    let mut last = 0;
    for (sent, event) in events.enumerate() {
        lane.push(sent, event).await;
        while let Some((_, answer)) = lane.try_next() {
            last = last.max(answer?.position);
        }
        if let Some(fold) = &mut fold
            && sent % 1_000 == 0
        {
            lane.send();
            fold.wait_for(|status| last < status.position + BEHIND_MAX).await?;
        }
    }
    while let Some((_, answer)) = lane.next().await {
        last = last.max(answer?.position);
    }
    Ok(last)
}

/// Publishes the mixed load at a steady rate until `stop`; returns the rate that was reached.
///
/// # Errors
/// Fails if the log does not take an event.
pub async fn feed(
    settings: stream::LogSettings,
    rate: u64,
    stop: CancellationToken,
) -> anyhow::Result<f64> {
    feed_of(Load::next, settings, rate, stop).await
}

/// Publishes events of one kind of the load at a steady rate until `stop`; returns the rate that was
/// reached.
///
/// # Errors
/// Fails if the log does not take an event.
pub async fn feed_of(
    next: fn(&mut Load, Time) -> Outgoing,
    settings: stream::LogSettings,
    rate: u64,
    stop: CancellationToken,
) -> anyhow::Result<f64> {
    const STEPS: u64 = 50;
    let log = Log::connect(settings).await?;
    let mut load = Load::new("now", 5);
    let mut pace = interval(Duration::from_secs(1) / u32::try_from(STEPS)?);
    let (started, mut sent) = (Instant::now(), 0);
    while !stop.is_cancelled() {
        pace.tick().await;
        let at = Time(chrono::Utc::now().timestamp_millis());
        let events = (0..rate / STEPS).map(|_| next(&mut load, at));
        publish(&log, events, None).await?;
        sent += rate / STEPS;
    }
    #[allow(clippy::cast_precision_loss)] // a rate for the eye
    Ok(sent as f64 / started.elapsed().as_secs_f64())
}

/// Starts a part of the load on a thread of its own, as a client runs apart.
///
/// # Errors
/// Fails as the part does.
pub fn apart<T: Send + 'static>(
    load: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> impl Future<Output = anyhow::Result<T>> {
    let run =
        move || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(load);
    let (sender, done) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(run()));
    async { done.await.context("a thread of the load ended early")? }
}
