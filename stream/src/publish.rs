//! Events onto the log.

use std::future::Future;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use projections::event::Kind;
use serde::Serialize;
use telemetry::traces::{self, TRACEPARENT};
use tokio::time::timeout;

use super::acknowledgement::{PATIENCE, Refusal, Stored};
use super::announce::{Announcement, Notice};
use super::duplicate::Sent;
use super::error::Error;
use super::group::Entity;
use super::lane::Lane;
use super::log::Log;
pub use super::outgoing::{Again, Outgoing};
use super::record::REPLAY_OF;
use super::subject;

impl Log {
    /// Sends an event by itself. The first future ends when it is queued, in the order of the calls;
    /// the second when the log has answered. Dropping the second takes back an event that is not
    /// sent yet. [`Log::lane`] is for more than one.
    ///
    /// # Errors
    /// [`Refusal::Unsent`] if there is no room within 10 s; the second future's: [`Refusal`].
    pub async fn publish(
        &self,
        event: Outgoing,
    ) -> Result<impl Future<Output = Result<Stored, Refusal>> + Send + use<>, Refusal> {
        let mut lane = self.lane();
        let queued = timeout(PATIENCE, lane.push(0, event)).await;
        queued.map_err(|_| Refusal::Unsent)?;
        lane.send();
        Ok(outcome_of(lane))
    }

    /// Sends a quarantined message again, which is about an entity, and waits for the log to have
    /// it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn publish_again(
        &self,
        again: Again,
        kind: Kind,
        entity: &str,
    ) -> Result<Stored, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in &again.headers {
            headers.append(name.as_str(), value.as_str());
        }
        headers.insert(NATS_MESSAGE_ID, again.message_id.as_str());
        headers.insert(REPLAY_OF, again.replay_of.to_string().as_str());
        let sent = Sent { subject: again.subject, headers, body: again.body };
        let mut lane = self.lane();
        let queued =
            timeout(PATIENCE, lane.queue(0, Entity(kind.of_entity(), entity.into()), sent));
        queued.await.map_err(|_| Refusal::Unsent)?;
        outcome_of(lane).await
    }

    /// The message of an event, and the entity that it is about.
    pub(super) fn message_of(&self, event: Outgoing) -> (Sent, Entity) {
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
        let entity = Entity(event.kind.of_entity(), event.entity.into());
        (Sent { subject, headers, body: event.body }, entity)
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

/// The outcome of a lane's only event.
async fn outcome_of(mut lane: Lane) -> Result<Stored, Refusal> {
    match lane.next().await {
        Some((_, outcome)) => outcome,
        None => Err(Refusal::Unknown),
    }
}
