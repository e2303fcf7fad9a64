//! Events onto the log.

use std::future::Future;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use futures_util::FutureExt;
use projections::event::Kind;
use serde::Serialize;
use telemetry::traces::{self, TRACEPARENT};
use tokio::time::timeout;
use tracing::warn;

use super::acknowledgement::{PATIENCE, Refusal, Stored};
use super::announce::{Announcement, Notice};
use super::answers::Expected;
use super::duplicate::Sent;
use super::error::Error;
use super::log::Log;
use super::record::REPLAY_OF;
use super::subject;

/// The time that a check of a duplicate may take, its turn included.
const CHECKED_WITHIN: Duration = Duration::from_secs(10);

/// An event on its way to the log.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its kind.
    pub kind: Kind,
    /// The id of its entity, for the subject.
    pub entity: String,
    /// Its payload, plain JSON.
    pub body: Bytes,
    /// The key for `JetStream`'s duplicate window: one per change, never one per entity.
    pub message_id: Option<String>,
    /// The position of the quarantined event that it replays.
    pub replay_of: Option<u64>,
}

/// A quarantined message on its way to the log again.
#[derive(Debug, Clone)]
pub struct Again {
    /// Its subject, whole.
    pub subject: String,
    /// Its headers, without those of the log's own.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// The key for `JetStream`'s duplicate window.
    pub message_id: String,
    /// The position that it had at first.
    pub replay_of: u64,
}

impl Log {
    /// Sends an event. The first future ends when it is on its way, in the order of the calls; the
    /// second when the log has answered, whether or not it is polled meanwhile. A message that the
    /// log calls a duplicate is checked then, and sent again if it is none.
    ///
    /// # Errors
    /// [`Refusal`]; the second future's likewise. The first ends within 20 s and the second within
    /// 10 s, or within 50 s if a duplicate is checked.
    pub async fn publish(
        &self,
        event: Outgoing,
    ) -> Result<impl Future<Output = Result<Stored, Refusal>> + Send + use<>, Refusal> {
        let subject = subject::of_event(&self.settings.prefix, event.kind, &event.entity);
        let mut headers = HeaderMap::new();
        if let Some(id) = event.message_id {
            headers.insert(NATS_MESSAGE_ID, id.as_str());
        }
        if let Some(position) = event.replay_of {
            headers.insert(REPLAY_OF, position.to_string().as_str());
        }
        if let Some(traceparent) = traces::carried() {
            headers.insert(TRACEPARENT, &*traceparent);
        }
        let has_id = headers.get(NATS_MESSAGE_ID).is_some();
        let sent = has_id.then(|| {
            let (headers, body) = (headers.clone(), event.body.clone());
            (self.clone(), Sent { subject: subject.clone(), headers, body })
        });
        let expected = self.send(subject, headers, event.body).await?;
        Ok(match sent {
            None => expected.get().left_future(),
            // Boxed: most events have none, and must not carry the room for it.
            Some((log, sent)) => log.told(expected, sent).boxed().right_future(),
        })
    }

    /// Sends a quarantined message again, and waits for the log to have it.
    ///
    /// # Errors
    /// [`Refusal`], within 70 s.
    pub async fn publish_again(&self, again: Again) -> Result<Stored, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in &again.headers {
            headers.append(name.as_str(), value.as_str());
        }
        headers.insert(NATS_MESSAGE_ID, again.message_id.as_str());
        headers.insert(REPLAY_OF, again.replay_of.to_string().as_str());
        let (subject, body) = (again.subject.clone(), again.body.clone());
        let sent = Sent { subject, headers: headers.clone(), body };
        let expected = self.send(again.subject, headers, again.body).await?;
        self.clone().told(expected, sent).await
    }

    /// The log's answer to a message that has an id.
    async fn told(self, expected: Expected, sent: Sent) -> Result<Stored, Refusal> {
        match expected.get().await? {
            stored if stored.duplicate => self.truth_of(sent, stored).await,
            stored => Ok(stored),
        }
    }

    /// Checks a message that the log calls a duplicate: it stays one if the same message is at that
    /// position; otherwise it is sent without its id, and has a position of its own.
    ///
    /// # Errors
    /// [`Refusal`]; [`Refusal::Unknown`] also if the log does not tell which message it has.
    async fn truth_of(&self, sent: Sent, stored: Stored) -> Result<Stored, Refusal> {
        let looked = timeout(CHECKED_WITHIN, self.has(&sent, stored.position)).await;
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

    /// Whether the same message is at a position.
    async fn has(&self, sent: &Sent, position: u64) -> Result<bool, Refusal> {
        let _turn = self.duplicates.turns.acquire().await.map_err(|_| Refusal::Unknown)?;
        let found = self.message(position).await.map_err(|_| Refusal::Unknown)?;
        Ok(found.is_some_and(|found| sent.is(&found)))
    }

    async fn send(
        &self,
        subject: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Expected, Refusal> {
        let connection = self.link.get();
        let expected = connection.answers.expect(PATIENCE).await;
        let reply = expected.reply.clone();
        let sending = async {
            let client = &connection.client;
            if headers.is_empty() {
                client.publish_with_reply(subject, reply, body).await
            } else {
                client.publish_with_reply_and_headers(subject, reply, headers, body).await
            }
        };
        let refusal = match timeout(PATIENCE, sending).await {
            Ok(Ok(())) => return Ok(expected),
            Ok(Err(error)) => self.refusal(&error),
            // It may have been sent or not.
            Err(_) => Refusal::Unknown,
        };
        expected.give_up();
        if !matches!(refusal, Refusal::TooLarge(_)) {
            self.refused.count(1, || refusal.to_string());
        }
        Err(refusal)
    }

    fn refusal(&self, error: &PublishError) -> Refusal {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => {
                Refusal::TooLarge(self.link.get().client.server_info().max_payload)
            }
            PublishErrorKind::InvalidSubject => Refusal::Refused(error.to_string()),
            PublishErrorKind::Send => Refusal::Unknown,
        }
    }

    /// Announces a commit to every process. Nobody depends on it: a process that misses one reads
    /// the store.
    ///
    /// # Errors
    /// [`Error::Stream`] if the connection is closed.
    pub async fn announce(&self, announcement: &Announcement) -> Result<(), Error> {
        self.tell(announcement, "announcing a commit of").await
    }

    /// Sends a word to every process.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn notify(&self, notice: &Notice) -> Result<(), Error> {
        self.tell(notice, "sending a word to the processes of").await
    }

    async fn tell(&self, what: &impl Serialize, doing: &'static str) -> Result<(), Error> {
        let subject = subject::of_announcements(&self.settings.stream);
        let body = serde_json::to_vec(what).map_err(|error| self.failed(doing, &error))?;
        let client = self.link.get().client.clone();
        client.publish(subject, body.into()).await.map_err(|error| self.failed(doing, &error))
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
