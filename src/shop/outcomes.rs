//! What became of events, for those who sent them: ingest knows no store, and asks here.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use projections::event::Reason;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::ingest::outcome::{AskOutcomes, AskPosition, Kept, Known, There, Unanswered};
use crate::query::latest::Latest;
use crate::store::Store;
use crate::store::commit::QuarantineReason;
use crate::store::generation::Checkpoint;
use crate::store::quarantine::Refused;
use crate::stream::{self, Extent, Log, subject};

/// The store and the log are not waited for any longer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Asks the newest snapshot and the quarantine.
pub(super) fn ask(
    store: Store,
    latest: watch::Receiver<Option<Latest>>,
    of_log: watch::Receiver<Option<Extent>>,
) -> AskOutcomes {
    Arc::new(move |positions, deadline| {
        let (store, latest, of_log) = (store.clone(), latest.clone(), of_log.clone());
        async move {
            let last = positions.iter().max().copied().unwrap_or_default();
            let checkpoint = reached(&store, latest, last, deadline).await?;
            let Some(checkpoint) = checkpoint else { return Ok(Known::default()) };
            // Positions of another log are not those of these figures.
            let is_another =
                of_log.borrow().as_ref().is_some_and(|it| it.incarnation != checkpoint.incarnation);
            if is_another {
                return Ok(Known::default());
            }
            let (generation, log) = (checkpoint.generation, &checkpoint.incarnation);
            let refused = timeout(ANSWERS_WITHIN, store.refused_among(generation, log, &positions));
            let refused = refused.await.map_err(|_| Unanswered)?.map_err(|error| {
                tracing::warn!(error = %error, "what became of events was not read");
                Unanswered
            })?;
            let quarantined = refused.into_iter().map(kept).collect();
            Ok(Known { reached: checkpoint.position, quarantined })
        }
        .boxed()
    })
}

/// The checkpoint, once it has reached a position, or as it is at the deadline.
async fn reached(
    store: &Store,
    mut latest: watch::Receiver<Option<Latest>>,
    last: u64,
    deadline: Instant,
) -> Result<Option<Checkpoint>, Unanswered> {
    let is_there = |it: &Option<Latest>| it.as_ref().is_some_and(|it| it.position() >= last);
    let found = async {
        let found = latest.wait_for(is_there).await.ok()?;
        found.as_ref().map(|it| it.snapshot.checkpoint.clone())
    };
    if let Ok(Some(found)) = timeout_at(deadline, found).await {
        return Ok(Some(found));
    }
    // The follower may be a moment behind.
    let snapshot = timeout(ANSWERS_WITHIN, store.snapshot()).await.map_err(|_| Unanswered)?;
    Ok(snapshot.map_err(|_| Unanswered)?.map(|it| it.checkpoint.clone()))
}

fn kept(Refused { position, reasons, replayed_at }: Refused) -> (u64, Kept) {
    let reason = |QuarantineReason { field, message, code }| Reason {
        code: code.map(Into::into),
        ..Reason::new(field, message)
    };
    (position, Kept { reasons: reasons.into_iter().map(reason).collect(), replayed_at })
}

/// Asks the log.
pub(super) fn ask_position(log: Log) -> AskPosition {
    Arc::new(move |position| {
        let log = log.clone();
        async move {
            let found = async {
                // Positions begin at 1.
                let message = match position {
                    0 => None,
                    _ => log.message(position).await?,
                };
                if let Some(message) = message {
                    let kind = subject::kind_of(&log.settings.prefix, &message.subject);
                    return Ok(There::Event(kind));
                }
                let last = log.extent().await?.last;
                Ok(if position > last { There::Beyond(last) } else { There::Hole })
            };
            let found = timeout(ANSWERS_WITHIN, found).await.map_err(|_| Unanswered)?;
            found.map_err(|error: stream::Error| {
                tracing::debug!(%error, "a position of the log was not read");
                Unanswered
            })
        }
        .boxed()
    })
}
