//! What the log says it has already, looked at.
//!
//! `JetStream` judges a message by its `Nats-Msg-Id` alone: whoever puts another message under an id
//! first takes the place of the one that was to have it. So what is told to be a duplicate is
//! compared with what stands at its position.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::ErrorCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::warn;

use super::Log;
use super::publish::{Refusal, Stored};
use crate::seldom::Seldom;
use crate::telemetry;
use crate::telemetry::traces::TRACEPARENT;

/// Duplicates that are looked at at a time: a server drops every request that waits where too many
/// do. Further ones wait for their turn.
const AT_A_TIME: usize = 64;
/// How long one may take, its turn included.
const WITHIN: Duration = Duration::from_secs(10);

/// Turns to look at duplicates, and how many were none.
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

/// A message as the log has it, every part undecoded: it may be anybody's.
#[derive(Debug, Default, Deserialize)]
struct Found {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Answer {
    message: Option<Found>,
    error: Option<async_nats::jetstream::Error>,
}

impl Log {
    /// What is true of a message that the log says it has: it stays a duplicate where the same
    /// message stands there; else it is sent without its id, and has a position of its own.
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

    /// Whether that message stands at a position. The stream's leader is asked: a replica may be
    /// behind.
    async fn has(&self, sent: &Sent, position: u64) -> Result<bool, Refusal> {
        let _turn = self.duplicates.turns.acquire().await.map_err(|_| Refusal::Unknown)?;
        let subject = format!("STREAM.MSG.GET.{}", self.settings.stream);
        let answer = self.context.request(subject, &json!({ "seq": position })).await;
        match answer {
            Ok(Answer { message: Some(found), .. }) => Ok(found.is(sent)),
            Ok(Answer { error: Some(error), .. })
                if error.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
            {
                Ok(false)
            }
            Ok(_) | Err(_) => Err(Refusal::Unknown),
        }
    }
}

impl Found {
    /// Whether the fold makes the same of both: subject, body and headers are equal, but for the
    /// trace, which each sending has of its own.
    fn is(&self, sent: &Sent) -> bool {
        let decoded = |text: &str| STANDARD.decode(text).unwrap_or_default();
        let ours = sent.headers.iter().flat_map(|(name, values)| {
            let name = AsRef::<[u8]>::as_ref(name).to_vec();
            values.iter().map(move |it| (name.clone(), it.as_str().into()))
        });
        let theirs = decoded(&self.hdrs);
        self.subject == sent.subject
            && decoded(&self.data) == sent.body
            && compared(ours) == compared(lines(&theirs))
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

type Header = (Vec<u8>, Vec<u8>);

fn compared(headers: impl Iterator<Item = Header>) -> Vec<Header> {
    let mut all: Vec<Header> = headers
        .map(|(name, value)| (name, value.trim_ascii().to_vec()))
        .filter(|(name, _)| !name.eq_ignore_ascii_case(TRACEPARENT.as_bytes()))
        .collect();
    all.sort_unstable();
    all
}

/// The headers of a block as they stand there. Whatever is no header is one without a value, which
/// no message of ours has.
fn lines(block: &[u8]) -> impl Iterator<Item = Header> {
    let lines = block.split(|byte| *byte == b'\n').skip(1);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|it| !it.is_empty()).map(
        |line| match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (line[..colon].to_vec(), line[colon + 1..].to_vec()),
            None => (line.to_vec(), Vec::new()),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(subject: &str, block: &[u8], body: &str) -> Found {
        let (hdrs, data) = (STANDARD.encode(block), STANDARD.encode(body));
        Found { subject: subject.to_owned(), hdrs, data }
    }

    #[test]
    fn a_message_is_the_same_where_the_fold_makes_the_same_of_it() {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "m");
        headers.insert(TRACEPARENT, "00-1-2-01");
        let sent = Sent { subject: "e.stock.p".into(), headers, body: "{}".into() };
        let block: &[u8] = b"NATS/1.0\r\nNats-Msg-Id: m\r\ntraceparent: 00-3-4-01\r\n\r\n";
        assert!(found("e.stock.p", block, "{}").is(&sent));
        assert!(!found("e.stock.q", block, "{}").is(&sent));
        assert!(!found("e.stock.p", block, "{ }").is(&sent));
        for more in ["Replay-Of: 1", "ce-specversion: 1.0", "Nats-TTL: 1s", "Nats-Msg-Id: m", "x"] {
            let block = format!("NATS/1.0\r\nNats-Msg-Id: m\r\n{more}\r\n\r\n");
            assert!(!found("e.stock.p", block.as_bytes(), "{}").is(&sent), "{more}");
        }
        for block in [&b""[..], b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nNats-Msg-Id: m\xff\r\n\r\n"] {
            assert!(!found("e.stock.p", block, "{}").is(&sent), "{block:?}");
        }
    }
}
