//! The words that the processes of a shop send each other.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::causes::describe;
use crate::stream::Log;
use crate::stream::announce::Notice;

/// Words that wait to go out, or to be heard.
const WAITING: usize = 64;
/// The pause before it listens again.
const AGAIN: Duration = Duration::from_secs(1);
/// The kind of an alert to everybody.
const ALERT: &str = "system_alert";

/// The ends of the channels: words to the other processes, and words of theirs.
#[derive(Debug)]
pub struct Notices {
    /// Alerts to the other processes, as JSON.
    pub alerts: mpsc::Sender<String>,
    /// Alerts of theirs.
    pub heard: mpsc::Receiver<String>,
}

/// The other ends.
#[derive(Debug)]
pub(super) struct Ends {
    alerts: mpsc::Receiver<String>,
    heard: mpsc::Sender<String>,
}

pub(super) fn channel() -> (Notices, Ends) {
    let (to, alerts) = mpsc::channel(WAITING);
    let (heard, from) = mpsc::channel(WAITING);
    (Notices { alerts: to, heard: from }, Ends { alerts, heard })
}

/// Sends words and hands on those of other processes, until `stop`. Nobody depends on one: what is
/// sent while the connection is lost is not sent again.
pub(super) async fn exchange(log: Log, mut ends: Ends, stop: CancellationToken) {
    let own = rand::random::<u64>();
    while !stop.is_cancelled() {
        match log.notices().await {
            Ok(mut told) => loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    Some(body) = ends.alerts.recv() => {
                        let notice = Notice { notice: ALERT.to_owned(), sender: own, body };
                        if let Err(error) = log.notify(&notice).await {
                            warn!(error = describe(&error), "an alert reached this process alone");
                        }
                    }
                    notice = told.next() => match notice {
                        Some(notice) if notice.notice == ALERT && notice.sender != own => {
                            if ends.heard.try_send(notice.body).is_err() {
                                warn!("an alert of another process was not passed on");
                            }
                        }
                        Some(_) => {}
                        None => break,
                    }
                }
            },
            Err(error) => warn!(error = describe(&error), "other processes are not heard"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}
