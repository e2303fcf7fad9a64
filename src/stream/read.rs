//! Events off the log, from a position, in order and without holes.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, Stream};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::{self};
use bytes::Bytes;
use futures_util::StreamExt;

use super::announce::Announcement;
use super::{Error, Log, subject};

/// How much is asked of the server at a time. Less than the client's own buffer, which drops
/// what does not fit.
const PULL_MESSAGES: usize = 20_000;
const PULL_BYTES: usize = 32 << 20;
/// The server says that it is there when it has nothing to say.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// The server forgets a consumer that nobody reads for this long.
const ABANDONED: Duration = Duration::from_secs(30);

/// A message of the log.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its position.
    pub position: u64,
    /// When the log stored it, nanoseconds since 1970.
    pub time: i64,
    /// Its subject.
    pub subject: String,
    /// Its headers, if any.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub payload: Bytes,
}

/// Reads the log in order.
pub struct Reader {
    log: Log,
    messages: Stream,
    delivered: u64,
    position: u64,
}

impl Log {
    /// Reads from the position after `position`.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn read_after(&self, position: u64) -> Result<Reader, Error> {
        const DOING: &str = "subscribing to";
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: position + 1 },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: ABANDONED,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let stream = self.stream(DOING).await?;
        let consumer =
            stream.create_consumer(config).await.map_err(|error| self.failed(DOING, &error))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL_MESSAGES)
            .max_bytes_per_batch(PULL_BYTES)
            .heartbeat(HEARTBEAT)
            .expires(Duration::from_secs(30))
            .messages()
            .await
            .map_err(|error| self.failed(DOING, &error))?;
        Ok(Reader { log: self.clone(), messages, delivered: 0, position })
    }

    /// The commits announced from now on. The stream ends with the connection.
    ///
    /// # Errors
    /// [`Error::Stream`] where the connection is closed.
    pub async fn announcements(
        &self,
    ) -> Result<impl futures_util::Stream<Item = Announcement> + Send + Unpin + use<>, Error> {
        let subject = subject::of_announcements(&self.settings.stream);
        let messages = self
            .client
            .subscribe(subject)
            .await
            .map_err(|error| self.failed("listening to the commits of", &error))?;
        Ok(messages.filter_map(|message| {
            std::future::ready(serde_json::from_slice(&message.payload).ok())
        }))
    }
}

impl Reader {
    /// The next message. `None` where the consumer is gone; a hole in what it delivered is an
    /// error.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn next(&mut self) -> Option<Result<Record, Error>> {
        let message = self.messages.next().await?;
        Some(
            message
                .map_err(|error| self.log.failed("reading", &error))
                .and_then(|message| self.record(message)),
        )
    }

    fn record(&mut self, message: jetstream::Message) -> Result<Record, Error> {
        let hole = |reason: String| Error::Stream {
            doing: "reading",
            stream: self.log.settings.stream.clone(),
            reason,
        };
        let info = message.info().map_err(|error| hole(error.to_string()))?;
        let (position, delivered) = (info.stream_sequence, info.consumer_sequence);
        let time = i64::try_from(info.published.unix_timestamp_nanos()).unwrap_or(i64::MAX);
        if delivered != self.delivered + 1 || position <= self.position {
            return Err(hole(format!(
                "a hole: delivery {delivered} at {position} after {} at {}",
                self.delivered, self.position
            )));
        }
        (self.delivered, self.position) = (delivered, position);
        let message = message.message;
        let headers = message.headers.as_ref().map_or_else(Vec::new, flatten);
        Ok(Record {
            position,
            time,
            subject: message.subject.as_str().to_owned(),
            headers,
            payload: message.payload,
        })
    }
}

pub(super) fn flatten(headers: &async_nats::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .flat_map(|(name, values)| {
            values.iter().map(|value| (name.to_string(), value.as_str().to_owned()))
        })
        .collect()
}
