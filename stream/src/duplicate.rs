//! A check of the events that the log calls duplicates.
//!
//! `JetStream` judges a message by its `Nats-Msg-Id` alone: another message that used an id first
//! takes the place of the one that was to have it. So a message that the log calls a duplicate is
//! compared with the one at its position.

use async_nats::HeaderMap;
use bytes::Bytes;
use common::seldom::Seldom;
use telemetry::traces::TRACEPARENT;
use tokio::sync::Semaphore;

use super::record::{Record, flatten};

/// Duplicates that are checked at a time; further ones wait for their turn. A server drops all
/// waiting requests if there are too many.
const AT_A_TIME: usize = 64;
/// The beginning of the headers of a batch, which the log keeps.
const OF_BATCHES: &str = "Nats-Batch-";

/// The turns to check duplicates, and the number of messages that were none.
#[derive(Debug)]
pub struct Duplicates {
    /// The turns.
    pub turns: Semaphore,
    /// The number of messages that were none.
    pub none: Seldom,
}

impl Default for Duplicates {
    fn default() -> Self {
        Duplicates { turns: Semaphore::new(AT_A_TIME), none: Seldom::default() }
    }
}

/// A message to send, to be compared and perhaps sent again.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub subject: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Sent {
    /// Its size: of its headers, as they are written, and its body.
    pub fn bytes(&self) -> usize {
        let lines = self.headers.iter().flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values.iter().map(move |value| name.len() + value.as_str().len() + ": \r\n".len())
        });
        let lines: usize = lines.sum();
        let around = if lines == 0 { 0 } else { "NATS/1.0\r\n\r\n".len() };
        around + lines + self.body.len()
    }

    /// Whether the fold makes the same of both: subject, body and headers are equal, but for the
    /// trace and the batch, of which each sending has its own.
    pub fn is(&self, found: &Record) -> bool {
        let of_the_fold = |headers: &[(String, String)]| {
            let is_its_own =
                |name: &str| name.eq_ignore_ascii_case(TRACEPARENT) || name.starts_with(OF_BATCHES);
            headers.iter().filter(|(name, _)| !is_its_own(name)).cloned().collect::<Vec<_>>()
        };
        found.unreadable.is_none()
            && self.subject == found.subject
            && self.body == found.payload
            && of_the_fold(&flatten(&self.headers)) == of_the_fold(&found.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Unreadable;

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
        let in_a_batch = [same[0], ("Nats-Batch-Id", "b"), ("Nats-Batch-Sequence", "1")];
        assert!(sent.is(&found("e.stock.p", &in_a_batch, "{}")));
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
