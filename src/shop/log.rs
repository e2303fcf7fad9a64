//! The known state of a shop's log: its end, its extent, and whether it takes events.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::stream::{Extent, Log};

/// The pause between two looks at the log's end.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// The log is said to be filling up from here on, in percent of its bytes.
const ALARM_PERCENT: u64 = 80;
/// The log is said to have many subjects from here on: nats-server then takes some 30 MB for them.
pub const MANY_SUBJECTS: u64 = 100_000;

/// The known state of the log, while it answers.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its last position.
    pub end: watch::Receiver<Option<u64>>,
    /// The positions and bytes that it holds.
    pub extent: watch::Receiver<Option<Extent>>,
    /// Whether its server is there.
    pub is_up: watch::Receiver<bool>,
    /// Why it takes no events, where it does not.
    pub refuses: watch::Receiver<Option<String>>,
}

/// The senders of a [`Known`].
#[derive(Debug)]
pub struct Tell {
    end: watch::Sender<Option<u64>>,
    extent: watch::Sender<Option<Extent>>,
    is_up: watch::Sender<bool>,
    refuses: watch::Sender<Option<String>>,
}

/// The two ends of the channels; nothing is known yet.
#[must_use]
pub fn unknown() -> (Tell, Known) {
    let (end, end_seen) = watch::channel(None);
    let (extent, extent_seen) = watch::channel(None);
    let (is_up, is_up_seen) = watch::channel(true);
    let (refuses, refuses_seen) = watch::channel(None);
    let known =
        Known { end: end_seen, extent: extent_seen, is_up: is_up_seen, refuses: refuses_seen };
    (Tell { end, extent, is_up, refuses }, known)
}

impl Tell {
    /// Follows the log until `stop`, and warns when it fills up and of the events it did not take.
    pub async fn follow(self, log: Log, stop: CancellationToken) {
        let (mut filling, mut has_many) = (false, false);
        let mut tick = tokio::time::interval(LOOK_AGAIN);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let extent = tokio::time::timeout(Duration::from_secs(2), log.extent()).await;
            let extent = extent.ok().and_then(Result::ok);
            let up = extent.is_some() && log.is_connected();
            self.is_up.send_if_modified(|was| std::mem::replace(was, up) != up);
            let last = extent.as_ref().map(|extent| extent.last);
            self.end.send_if_modified(|was| std::mem::replace(was, last) != last);
            let percent = extent.as_ref().and_then(Extent::percent).unwrap_or(0);
            if percent >= ALARM_PERCENT && !filling {
                warn!(percent, "the log is filling up; when it is full it refuses events");
            }
            filling = percent >= ALARM_PERCENT || filling && extent.is_none();
            let subjects = extent.as_ref().map_or(0, |extent| extent.subjects);
            if subjects >= MANY_SUBJECTS && !has_many {
                warn!(
                    subjects,
                    "the log has many subjects, each of which nats-server keeps in memory; producers \
                     should publish on 256 of a kind (docs/events.md)"
                );
            }
            has_many |= subjects >= MANY_SUBJECTS;
            self.extent.send_replace(extent);
            let refuses = log.refuses(up).await;
            if let Some(reason) = refuses.as_ref().filter(|_| self.refuses.borrow().is_none()) {
                warn!(reason, "the log takes no events");
            }
            self.refuses.send_if_modified(|was| std::mem::replace(was, refuses.clone()) != refuses);
            if let Some((events, reason)) = log.refused.due() {
                warn!(events, reason, "events were not taken; their senders were told");
            }
        }
    }
}
