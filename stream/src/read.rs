//! Events off the log, from a position, in order and without holes.
//!
//! A consumer brings them as fast as they can be taken. When it does not go on (its connection was
//! lost, it fell silent, it left one out, or the client cannot read the next one) a few messages
//! are asked for one by one ([`super::raw`]), which reads any message that the log has stored, and
//! another consumer goes on behind them. So a message that no client can read costs some
//! milliseconds.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::pull::{self, Stream};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy};
use futures_util::future::try_join_all;
use futures_util::{FutureExt, StreamExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::timeout;

use super::announce::{Announcement, Notice};
use super::error::Error;
use super::health::ANSWERS_WITHIN;
use super::hole::{Accepted, Hole};
use super::link::connect;
use super::log::{Extent, Log};
use super::record::{Record, flatten};
use super::{raw, subject};

/// The largest pull of a reader that goes through the log as fast as it can: less than the client's
/// own buffer, which drops messages that do not fit.
const LARGE_PULLS: Pull = Pull { messages: 20_000, bytes: 32 << 20 };
/// The time between heartbeats of the server while it has no messages.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// The server forgets a consumer that has not been read for this long.
const ABANDONED: Duration = Duration::from_secs(30);
/// The time that a consumer may be silent before the stream is asked whether it is ahead.
const SILENCE: Duration = Duration::from_secs(3);
/// The time that the server has to forget a consumer that is not read any more.
const FORGETS_WITHIN: Duration = Duration::from_secs(1);
/// The messages that are read one by one before a consumer is tried again: the first number at
/// first, and more each time that a consumer brought nothing, up to the second number.
const ONE_BY_ONE_MIN: u64 = 8;
const ONE_BY_ONE_MAX: u64 = 4_096;
/// The number of them that are asked for at a time; each may be as large as the server allows.
const AT_A_TIME: u64 = 8;

/// The bounds of the messages that a reader has the server send ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pull {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// The next item of a log.
#[derive(Debug)]
pub enum Next {
    /// A message.
    Message(Record),
    /// No message up to this position, the log's end: all of them are accepted to be missing.
    Nothing(u64),
}

/// Reads the log in order.
pub struct Reader {
    log: Log,
    /// The identity of the log; reading ends when it is another one.
    incarnation: String,
    accepted: Accepted,
    pull: Pull,
    consumer: Option<Consumer>,
    fetched: VecDeque<Record>,
    /// The messages to read one by one before a consumer is tried, now and the last time.
    left: u64,
    span: u64,
    position: u64,
    /// The time at which the log stored the message at the position, once one was read.
    time: Option<i64>,
    failed: Option<Error>,
}

/// A consumer that is read, from the position behind which it began.
struct Consumer {
    messages: Stream,
    name: String,
    began: u64,
    delivered: u64,
    lost: watch::Receiver<bool>,
}

impl Log {
    /// Reads from the position after `position`, and passes the holes that were `accepted`.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn read_after(&self, position: u64, accepted: Accepted) -> Result<Reader, Error> {
        self.read_in(position, accepted, LARGE_PULLS).await
    }

    /// The same, in pulls of that size.
    pub(super) async fn read_in(
        &self,
        position: u64,
        accepted: Accepted,
        pull: Pull,
    ) -> Result<Reader, Error> {
        let incarnation = self.extent().await?.incarnation;
        let mut reader = Reader {
            log: self.clone(),
            incarnation,
            accepted,
            pull,
            consumer: None,
            fetched: VecDeque::new(),
            left: 0,
            span: 0,
            position,
            time: None,
            failed: None,
        };
        reader.consumer = Some(reader.consume().await?);
        Ok(reader)
    }

    /// The commits announced from now on. The stream ends with the connection.
    ///
    /// # Errors
    /// [`Error::Stream`] if the connection is closed.
    pub async fn announcements(
        &self,
    ) -> Result<impl futures_util::Stream<Item = Announcement> + Send + Unpin + use<>, Error> {
        self.heard("listening to the commits of").await
    }

    /// The words of processes from now on, this one's among them. The stream ends with the connection.
    ///
    /// # Errors
    /// [`Error::Stream`] if the connection is closed.
    pub async fn notices(
        &self,
    ) -> Result<impl futures_util::Stream<Item = Notice> + Send + Unpin + use<>, Error> {
        self.heard("listening to the processes of").await
    }

    /// The words of one form; those of another are ignored.
    async fn heard<T: DeserializeOwned + Send>(
        &self,
        doing: &'static str,
    ) -> Result<impl futures_util::Stream<Item = T> + Send + Unpin + use<T>, Error> {
        let subject = subject::of_announcements(&self.settings.stream);
        let client = self.link.get().client.clone();
        let subscribed = client.subscribe(subject).await;
        let messages = subscribed.map_err(|error| self.failed(doing, &error))?;
        Ok(messages.filter_map(|message| {
            std::future::ready(serde_json::from_slice(&message.payload).ok())
        }))
    }
}

impl Reader {
    /// The next item; waits until there is one. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Error::Hole`] if the log lacks the next position and nobody accepted that;
    /// [`Error::Stream`].
    pub async fn next(&mut self) -> Result<Next, Error> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        loop {
            if let Some(record) = self.fetched.pop_front() {
                return Ok(self.pass(record));
            }
            if self.left > 0 {
                if let Some(end) = self.fetch().await? {
                    (self.position, self.time) = (end, None);
                    return Ok(Next::Nothing(end));
                }
            } else if let Some(consumer) = &mut self.consumer {
                let came = consumer.next().await;
                match came.map(|message| self.record(message)) {
                    Ok(Some(record)) => return Ok(self.pass(record)),
                    Err(Ended::Silent) if self.extent().await?.last == self.position => {}
                    Ok(None) | Err(_) => self.doubt().await,
                }
            } else {
                self.consumer = Some(self.consume().await?);
            }
        }
    }

    /// Makes the next call of [`Reader::next`] return `error`.
    pub fn fail(&mut self, error: Error) {
        self.failed = Some(error);
    }

    fn pass(&mut self, record: Record) -> Next {
        (self.position, self.time) = (record.position, Some(record.time));
        Next::Message(record)
    }

    /// Ends the consumer: the next messages are read one by one, more of them if the consumer
    /// brought fewer than that.
    async fn doubt(&mut self) {
        let Some(Consumer { messages, name, began, lost, .. }) = self.consumer.take() else {
            return;
        };
        drop(messages);
        let brought = self.position - began;
        self.span = if brought < self.span { self.span * 2 } else { ONE_BY_ONE_MIN };
        self.span = self.span.clamp(ONE_BY_ONE_MIN, ONE_BY_ONE_MAX);
        self.left = self.span;
        tracing::debug!(position = self.position, count = self.left, "reading one by one");
        // The server forgets the consumer by itself later, as it does where it cannot be told.
        if *lost.borrow() {
            return;
        }
        let forget = async {
            self.log
                .stream("reading")
                .await?
                .delete_consumer(&name)
                .await
                .map_err(|error| self.log.failed("reading", &error))
        };
        let _ = timeout(FORGETS_WITHIN, forget).await;
    }

    /// Fetches the next few messages, if there are any. Returns the log's end if all messages up to
    /// there are accepted to be missing.
    async fn fetch(&mut self) -> Result<Option<u64>, Error> {
        let last = self.still_the_same_log().await?;
        if last <= self.position {
            self.left = 0;
            return Ok(None);
        }
        let count = self.left.min(AT_A_TIME).min(last - self.position);
        let positions = self.position + 1..=self.position + count;
        let found = try_join_all(positions.map(|position| self.log.message(position))).await?;
        self.left -= count;
        self.fetched.extend(found.into_iter().map_while(|it| it));
        if self.fetched.is_empty() {
            let next = self.log.message_from(self.position + 1).await?;
            let to = next.as_ref().map_or(last, |next| next.position - 1);
            self.may_lack(self.position + 1, to)?;
            match next {
                Some(next) => self.fetched.push_back(next),
                None => return Ok(Some(last)),
            }
        }
        Ok(None)
    }

    /// # Errors
    /// [`Error::Hole`] if a position between these is not accepted to be missing.
    fn may_lack(&self, from: u64, to: u64) -> Result<(), Error> {
        match self.accepted.rest_of(Hole { from, to }) {
            Some(hole) => Err(Error::Hole { stream: self.log.settings.stream.clone(), hole }),
            None => Ok(()),
        }
    }

    /// The extent of the log. One that does not tell it soon may answer another process, which the
    /// reader of this one must not keep waiting.
    async fn extent(&self) -> Result<Extent, Error> {
        let late = |_| self.log.fault("reading", "it does not answer".to_owned());
        timeout(ANSWERS_WITHIN, self.log.extent()).await.map_err(late)?
    }

    /// The log's last position, if it is still the log that was read up to here.
    async fn still_the_same_log(&self) -> Result<u64, Error> {
        let extent = self.extent().await?;
        let another = || self.log.fault("reading", "it is another log now".to_owned());
        if extent.incarnation != self.incarnation || extent.last < self.position {
            return Err(another());
        }
        if let Some(time) = self.time {
            let message = self.log.message(self.position).await?;
            if message.is_some_and(|message| message.time != time) {
                return Err(another());
            }
        }
        Ok(extent.last)
    }

    async fn consume(&self) -> Result<Consumer, Error> {
        const DOING: &str = "subscribing to";
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.position + 1 },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: ABANDONED,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let failed = |error: &dyn std::error::Error| self.log.failed(DOING, error);
        // The consumer has a connection of its own, so a fault of it ends nothing else.
        let (loses, lost) = watch::channel(false);
        let context = jetstream::new(connect(&self.log.settings, loses).await?);
        let stream = context.get_stream_no_info(&self.log.settings.stream).await;
        let stream = stream.map_err(|error| failed(&error))?;
        let consumer = stream.create_consumer(config).await.map_err(|error| failed(&error))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(self.pull.messages)
            .max_bytes_per_batch(self.pull.bytes)
            .heartbeat(HEARTBEAT)
            .expires(Duration::from_secs(30))
            .messages()
            .await
            .map_err(|error| failed(&error))?;
        let name = consumer.cached_info().name.clone();
        Ok(Consumer { messages, name, began: self.position, delivered: 0, lost })
    }

    /// The message as a record. `None` if it is not the next one, or has to be read byte for byte.
    fn record(&mut self, message: jetstream::Message) -> Option<Record> {
        let info = message.info().ok()?;
        let consumer = self.consumer.as_mut()?;
        if info.consumer_sequence != consumer.delivered + 1
            || info.stream_sequence != self.position + 1
        {
            return None;
        }
        consumer.delivered += 1;
        let (position, published) = (info.stream_sequence, info.published);
        let message = message.message;
        let subject = message.subject.as_str();
        let headers = message.headers.as_ref().map_or_else(Vec::new, flatten);
        if raw::unfit(subject).is_some() {
            return None;
        }
        Some(Record {
            position,
            time: i64::try_from(published.unix_timestamp_nanos()).unwrap_or(i64::MAX),
            subject: subject.to_owned(),
            headers,
            payload: message.payload,
            unreadable: None,
        })
    }
}

/// Why a consumer brings no message.
enum Ended {
    /// It is silent, which is allowed.
    Silent,
    /// It ended, failed, or lost its connection.
    Broken,
}

impl Consumer {
    async fn next(&mut self) -> Result<jetstream::Message, Ended> {
        // A timer for each message would cost more than the message, and most have arrived already.
        let message = if let Some(message) = self.messages.next().now_or_never() {
            message
        } else {
            tokio::select! {
                biased;
                message = self.messages.next() => message,
                _ = self.lost.changed() => return Err(Ended::Broken),
                () = tokio::time::sleep(SILENCE) => return Err(Ended::Silent),
            }
        };
        message.ok_or(Ended::Broken)?.map_err(|error| {
            tracing::debug!(%error, "a consumer failed");
            Ended::Broken
        })
    }
}
