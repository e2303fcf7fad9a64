//! Events onto the log.

use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use bytes::Bytes;
use projections::event::Kind;

use super::announce::Announcement;
use super::{Error, Log, REPLAY_OF, subject};
use crate::telemetry::traces::{self, TRACEPARENT};

/// How long an event may wait to be sent, and how long the log may take to acknowledge it.
const PATIENCE: Duration = Duration::from_secs(10);

/// An event on its way to the log.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its kind.
    pub kind: Kind,
    /// The id of its entity, for the subject.
    pub entity: String,
    /// Its payload, plain JSON.
    pub body: Bytes,
    /// For `JetStream`'s duplicate window: one per change, never one per entity.
    pub message_id: Option<String>,
    /// The position of the quarantined event that it replays.
    pub replay_of: Option<u64>,
}

/// A quarantined message on its way to the log again.
#[derive(Debug, Clone)]
pub struct Again {
    /// Its subject, whole.
    pub subject: String,
    /// Its headers, those of the log's own apart.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// For `JetStream`'s duplicate window.
    pub message_id: String,
    /// Where it stood first.
    pub replay_of: u64,
}

/// The log has an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its position; a duplicate's is its first one's.
    pub position: u64,
    /// Whether the log had it already.
    pub duplicate: bool,
}

/// The log did not take an event, or did not say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The log is full or otherwise unable; the event is not in it.
    #[error("the log refused the event: {0}")]
    Refused(String),
    /// There was no answer: the event is in the log, or is not. Sending it again is safe.
    #[error("the log did not answer; the event may or may not be in it")]
    Unknown,
    /// The event is larger than the server takes.
    #[error("the event is larger than the {0} bytes that the log takes")]
    TooLarge(usize),
}

impl Log {
    /// Sends an event. The first future ends when it is on the wire, in the order of the calls;
    /// the second when the log has answered.
    ///
    /// The client bounds how many events of all callers are unanswered, and counts one as answered
    /// when somebody has taken its answer. So the answer is taken here: a caller who waits to send
    /// while it looks at no answers would hold up all others, and itself.
    ///
    /// # Errors
    /// [`Refusal`]; the second future's likewise. Both end within 10 s.
    pub async fn publish(
        &self,
        event: Outgoing,
    ) -> Result<impl Future<Output = Result<Stored, Refusal>> + Send + use<>, Refusal> {
        let limit = self.client.server_info().max_payload;
        let refused = Arc::clone(&self.refused);
        let noted = move |refusal: Refusal| {
            if !matches!(refusal, Refusal::TooLarge(_)) {
                refused.count(1, || refusal.to_string());
            }
            refusal
        };
        let sent = match tokio::time::timeout(PATIENCE, self.send(event)).await {
            Ok(sent) => sent.map_err(|error| refusal(&error, limit)),
            Err(_) => Err(Refusal::Unknown),
        };
        let answer = sent.map_err(&noted)?;
        let answered = tokio::spawn(async move {
            match tokio::time::timeout(PATIENCE, answer.into_future()).await {
                Ok(Ok(ack)) => Ok(Stored { position: ack.sequence, duplicate: ack.duplicate }),
                Ok(Err(error)) => Err(noted(refusal(&error, limit))),
                Err(_) => Err(noted(Refusal::Unknown)),
            }
        });
        Ok(async move { answered.await.unwrap_or(Err(Refusal::Unknown)) })
    }

    /// Sends a quarantined message again, and waits for the log to have it.
    ///
    /// # Errors
    /// [`Refusal`], within 10 s.
    pub async fn publish_again(&self, again: Again) -> Result<Stored, Refusal> {
        let limit = self.client.server_info().max_payload;
        let mut headers = HeaderMap::new();
        for (name, value) in &again.headers {
            headers.append(name.as_str(), value.as_str());
        }
        headers.insert(async_nats::header::NATS_MESSAGE_ID, again.message_id.as_str());
        headers.insert(REPLAY_OF, again.replay_of.to_string().as_str());
        let sending = async {
            let sent = self.context.publish_with_headers(again.subject, headers, again.body);
            sent.await?.into_future().await
        };
        match tokio::time::timeout(PATIENCE, sending).await {
            Ok(Ok(ack)) => Ok(Stored { position: ack.sequence, duplicate: ack.duplicate }),
            Ok(Err(error)) => Err(refusal(&error, limit)),
            Err(_) => Err(Refusal::Unknown),
        }
    }

    async fn send(&self, event: Outgoing) -> Result<PublishAckFuture, PublishError> {
        let subject = subject::of_event(&self.settings.prefix, event.kind, &event.entity);
        let mut headers = HeaderMap::new();
        if let Some(id) = event.message_id {
            headers.insert(async_nats::header::NATS_MESSAGE_ID, id.as_str());
        }
        if let Some(position) = event.replay_of {
            headers.insert(REPLAY_OF, position.to_string().as_str());
        }
        if let Some(traceparent) = traces::carried() {
            headers.insert(TRACEPARENT, &*traceparent);
        }
        if headers.is_empty() {
            self.context.publish(subject, event.body).await
        } else {
            self.context.publish_with_headers(subject, headers, event.body).await
        }
    }

    /// Tells every process of a commit. Nobody needs to hear it: who missed one reads the store.
    ///
    /// # Errors
    /// [`Error::Stream`] where the connection is closed.
    pub async fn announce(&self, announcement: &Announcement) -> Result<(), Error> {
        let subject = subject::of_announcements(&self.settings.stream);
        let body = serde_json::to_vec(announcement)
            .map_err(|error| self.failed("announcing a commit of", &error))?;
        self.client
            .publish(subject, body.into())
            .await
            .map_err(|error| self.failed("announcing a commit of", &error))
    }
}

fn refusal(error: &PublishError, limit: usize) -> Refusal {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Refusal::TooLarge(limit),
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Refusal::Unknown,
        _ => {
            let reason = std::error::Error::source(error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            Refusal::Refused(reason)
        }
    }
}
