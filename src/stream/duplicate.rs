//! A check of the events that the log calls duplicates.
//!
//! `JetStream` judges a message by its `Nats-Msg-Id` alone: another message that used an id first
//! takes the place of the one that was to have it. So a message that the log calls a duplicate is
//! compared with the one at its position.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use super::Log;
use super::publish::{Refusal, Stored};
use super::read::{Record, flatten};
use crate::seldom::Seldom;
use crate::telemetry;
use crate::telemetry::traces::TRACEPARENT;

/// Duplicates that are checked at a time; further ones wait for their turn. A server drops all
/// waiting requests where there are too many.
const AT_A_TIME: usize = 64;
/// The time that a check may take, its turn included.
const WITHIN: Duration = Duration::from_secs(10);

/// Turns to check duplicates, and the number of those that were none.
#[derive(Debug)]
pub struct Duplicates {
    turns: Semaphore,
    none: Seldom,
}

impl Default for Duplicates {
    fn default() -> Self {
        Duplicates { turns: Semaphore::new(AT_A_TIME), none: Seldom::default() }
    }
}

/// A message as it was sent, to be compared and perhaps sent again.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub subject: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Log {
    /// Checks a message that the log says it has: it stays a duplicate where the same message
    /// stands there; otherwise it is sent without its id, and has a position of its own.
    ///
    /// # Errors
    /// [`Refusal`]; [`Refusal::Unknown`] also where the log does not say what it has.
    pub(super) async fn truth_of(&self, sent: Sent, stored: Stored) -> Result<Stored, Refusal> {
        let looked = timeout(WITHIN, self.has(&sent, stored.position)).await;
        if looked.unwrap_or(Err(Refusal::Unknown))? {
            return Ok(stored);
        }
        metrics::counter!(telemetry::NO_DUPLICATES).increment(1);
        self.duplicates.none.count(1, || sent.subject.clone());
        if let Some((events, subject)) = self.duplicates.none.due() {
            warn!(
                events,
                subject,
                "the log has another message under the id of an event; it was sent without one"
            );
        }
        let headers = without_id(&sent.headers);
        self.send(sent.subject, headers, sent.body).await?.get().await
    }

    /// Whether the same message stands at a position.
    async fn has(&self, sent: &Sent, position: u64) -> Result<bool, Refusal> {
        let _turn = self.duplicates.turns.acquire().await.map_err(|_| Refusal::Unknown)?;
        let found = self.message(position).await.map_err(|_| Refusal::Unknown)?;
        Ok(found.is_some_and(|found| sent.is(&found)))
    }
}

impl Sent {
    /// Whether the fold makes the same of both: subject, body and headers are equal, but for the
    /// trace, which each sending has of its own.
    fn is(&self, found: &Record) -> bool {
        let of_the_fold = |headers: &[(String, String)]| {
            let is_trace = |name: &str| name.eq_ignore_ascii_case(TRACEPARENT);
            headers.iter().filter(|(name, _)| !is_trace(name)).cloned().collect::<Vec<_>>()
        };
        found.unreadable.is_none()
            && self.subject == found.subject
            && self.body == found.payload
            && of_the_fold(&flatten(&self.headers)) == of_the_fold(&found.headers)
    }
}

fn without_id(headers: &HeaderMap) -> HeaderMap {
    let mut others = HeaderMap::new();
    for (name, values) in headers.iter().filter(|(name, _)| **name != NATS_MESSAGE_ID) {
        for value in values {
            others.append(name.clone(), value.clone());
        }
    }
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::read::Unreadable;

    fn found(subject: &str, headers: &[(&str, &str)], body: &'static str) -> Record {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Record {
            position: 1,
            time: 0,
            subject: subject.to_owned(),
            headers: headers.collect(),
            payload: body.into(),
            unreadable: None,
        }
    }

    #[test]
    fn a_message_is_the_same_where_the_fold_makes_the_same_of_it() {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "m");
        headers.insert(TRACEPARENT, "00-1-2-01");
        let sent = Sent { subject: "e.stock.p".into(), headers, body: "{}".into() };
        let same = [("Nats-Msg-Id", "m"), ("traceparent", "00-3-4-01")];
        assert!(sent.is(&found("e.stock.p", &same, "{}")));
        assert!(!sent.is(&found("e.stock.q", &same, "{}")));
        assert!(!sent.is(&found("e.stock.p", &same, "{ }")));
        assert!(!sent.is(&found("e.stock.p", &[], "{}")));
        for more in [("Replay-Of", "1"), ("ce-specversion", "1.0"), ("Nats-Msg-Id", "m")] {
            assert!(!sent.is(&found("e.stock.p", &[same[0], more], "{}")), "{more:?}");
        }
        let flaw = Unreadable { field: "headers", reason: String::new(), block: Bytes::new() };
        let unreadable = Some(Box::new(flaw));
        assert!(!sent.is(&Record { unreadable, ..found("e.stock.p", &same, "{}") }));
    }
}
