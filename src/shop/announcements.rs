//! The announcements of a shop's commits, handed on within the process.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::causes::describe;
use crate::stream::Log;
use crate::stream::announce::Announcement;

/// Commits that a slow listener may be behind.
const HELD: usize = 1_024;
/// The pause before it listens again.
const AGAIN: Duration = Duration::from_secs(1);

/// The channel that hands announcements on.
#[must_use]
pub fn channel() -> (broadcast::Sender<Announcement>, broadcast::Receiver<Announcement>) {
    broadcast::channel(HELD)
}

/// Hands on the announcements of projectors, this process's among them, until `stop`.
pub async fn hear(log: Log, to: broadcast::Sender<Announcement>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match log.announcements().await {
            Ok(mut heard) => loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    announcement = heard.next() => match announcement {
                        // Nobody listening is no fault.
                        Some(announcement) => { let _ = to.send(announcement); }
                        None => break,
                    }
                }
            },
            Err(error) => warn!(error = describe(&error), "commits are not heard of"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
