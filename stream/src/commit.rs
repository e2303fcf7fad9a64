//! Sends the events that wait for the log: as atomic batches ([ADR-50]) where they are many and it takes
//! batches, else one by one. [`super::group`] decides which go when.
//!
//! The first message of a batch and the last are answered. The first answer tells whether the server
//! has room for one more batch, without which the last would be refused as incomplete.
//!
//! [ADR-50]: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-50.md

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_MESSAGE_ID,
};
use async_nats::jetstream::ErrorCode;
use async_nats::{Client, HeaderMap};
use futures_util::future::join_all;
use tokio::time::timeout;
use tracing::warn;

use super::acknowledgement::{PATIENCE, Refusal, Reply, Stored};
use super::answers::Expected;
use super::duplicate::Sent;
use super::group::{Answer, Shipment, Told};
use super::link::Connection;
use super::log::Log;
use super::outbox::{Gathering, Parcel};
use super::turn::Turn;

/// The time that a check of a duplicate may take, its turn included.
const CHECKED_WITHIN: Duration = Duration::from_secs(10);
/// The server has too many batches under way.
const TOO_MANY_BATCHES: u64 = 10_210;
/// The pauses before a batch is sent again that was too many: they double from the first to the
/// last, and after so many tries it is refused, some 10 s after the first.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(320);
const TRIES: u32 = 36;
/// How often others run before a batch that is not full goes; once, if they have nothing for it.
const TURNS: u32 = 3;

impl Log {
    /// Tells the outcomes that are known, and sends what may go: a full batch now, and less than that
    /// when those who are ready to run have run, as they may have more for it.
    pub(super) fn ship(&self) {
        let mut group = self.outbox.group();
        let (told, is_full, may_send) = (group.take_told(), group.is_full(), group.may_send());
        drop(group);
        self.tell_outcomes(told);
        if may_send && is_full {
            self.send_off();
        } else if may_send && let Some(gathering) = Gathering::begin(&self.outbox) {
            tokio::spawn(self.clone().gather(gathering));
        }
    }

    fn tell_outcomes(&self, told: Vec<Told<Arc<Parcel>>>) {
        for (parcel, outcome) in told {
            if let Err(refusal @ (Refusal::Refused(_) | Refusal::Unknown)) = &outcome {
                self.refused.count(1, || refusal.to_string());
            }
            // Its caller may be gone.
            let _ = parcel.tell.send((parcel.index, parcel.units, outcome));
        }
    }

    /// Lets those who are ready run before what is queued is sent. It waits for nobody, so an event that
    /// comes alone goes at once; where many come at a time, a batch has them all, and costs the server
    /// little more than one of them.
    async fn gather(self, gathering: Gathering) {
        let mut queued = self.outbox.group().queued();
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            let now = self.outbox.group().queued();
            if std::mem::replace(&mut queued, now) == now {
                break;
            }
        }
        drop(gathering);
        self.send_off();
    }

    /// Sends what may go now.
    fn send_off(&self) {
        let mut group = self.outbox.group();
        let shipments = self.outbox.next(&mut group);
        let told = group.take_told();
        drop(group);
        self.tell_outcomes(told);
        for (shipment, turn) in shipments {
            tokio::spawn(self.clone().fly(shipment, turn));
        }
    }

    /// Sends a shipment and waits for the answer; then what may go next.
    async fn fly(self, shipment: Shipment<Arc<Parcel>>, turn: Turn) {
        let Shipment { number, events, is_batch, tries } = shipment;
        let answer = if is_batch {
            self.send_batch(&events, turn).await
        } else {
            self.send_each(&events, turn).await
        };
        drop(events);
        let is_busy = answer == Answer::Busy;
        if is_busy && tries >= TRIES {
            let reason = "too many batches of all its producers are under way".to_owned();
            self.outbox.group().answered(number, Answer::Refused { reason, of_all: true });
        } else {
            self.outbox.group().answered(number, answer);
            if is_busy {
                tokio::time::sleep(LAST_PAUSE.min(FIRST_PAUSE * 2_u32.pow(tries.min(6)))).await;
                self.outbox.group().woken(number);
            }
        }
        self.ship();
    }

    /// Sends events as one batch.
    async fn send_batch(&self, batch: &[Arc<Parcel>], mut turn: Turn) -> Answer {
        let connection = self.link.get();
        if !takes_batches(&connection.client) {
            return self.falls_back(OLD_SERVER.to_owned());
        }
        let (id, largest) = (self.outbox.batch_id(), connection.client.max_payload());
        let mut messages = Vec::with_capacity(batch.len());
        for (number, parcel) in (1_usize..).zip(batch) {
            let Sent { subject, mut headers, body } = parcel.sent.clone();
            headers.insert(NATS_BATCH_ID, &*id);
            headers.insert(NATS_BATCH_SEQUENCE, number.to_string());
            if number == batch.len() {
                headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
            }
            let message = Sent { subject, headers, body };
            // The server would keep the rest of a batch for some time. Alone the message may fit.
            if message.bytes() > largest {
                return Answer::TooLarge(largest);
            }
            messages.push(message);
        }
        turn.comes().await;
        let began = connection.answers.expect(PATIENCE).await;
        let ends = connection.answers.expect(PATIENCE).await;
        let put = timeout(PATIENCE, put(&connection, messages, &began, &ends)).await;
        drop(turn);
        if let Ok(Ok(())) = put {
            return self.answer_to_batch(batch.len(), began, ends).await;
        }
        // Some of it may have been sent or all.
        began.give_up();
        ends.give_up();
        Answer::Unknown
    }

    async fn answer_to_batch(&self, events: usize, began: Expected, ends: Expected) -> Answer {
        let (code, reason, of_all) = match ends.get().await {
            Reply::Stored { stored, count } if count == u64::try_from(events).ok() => {
                return Answer::Stored(stored);
            }
            Reply::Refused { code, .. } if code == INCOMPLETE => match began.get().await {
                // Servers before 2.14 say so where there is no room for one more.
                Reply::Refused { code, .. } if code == INCOMPLETE => return Answer::Busy,
                Reply::Refused { code, reason, of_all } => (code, reason, of_all),
                _ => (INCOMPLETE, "the batch was incomplete".to_owned(), false),
            },
            Reply::Refused { code, reason, of_all } => (code, reason, of_all),
            Reply::Stored { .. } | Reply::Staged | Reply::Unknown => return Answer::Unknown,
        };
        match code {
            TOO_MANY_BATCHES => Answer::Busy,
            DISABLED => self.falls_back(format!("the stream takes no batches any more: {reason}")),
            _ => Answer::Refused { reason, of_all },
        }
    }

    /// Events go one by one from now on; those of a batch have not gone.
    fn falls_back(&self, reason: String) -> Answer {
        if self.outbox.send(Some(reason.clone())) {
            warn!(reason, "events go to the log one by one");
        }
        Answer::Refused { reason, of_all: false }
    }

    /// Sends events without a batch, one after the other, and waits for all answers.
    async fn send_each(&self, events: &[Arc<Parcel>], mut turn: Turn) -> Answer {
        turn.comes().await;
        let mut sent = Vec::with_capacity(events.len());
        for parcel in events {
            sent.push(self.put_single(parcel.sent.clone()).await);
        }
        drop(turn);
        let answers = sent.into_iter().zip(events).map(async |(sent, parcel)| {
            self.unless_taken_for_another(&parcel.sent, answer_to_single(sent).await).await
        });
        Answer::Each(join_all(answers).await)
    }

    /// The answer to an event. One that the log calls a duplicate is checked, and sent again without its
    /// id if it is none.
    async fn unless_taken_for_another(&self, sent: &Sent, answer: Answer) -> Answer {
        match answer {
            Answer::Stored(stored) if stored.duplicate => match self.is_at(sent, stored).await {
                None => Answer::Unknown,
                Some(true) => Answer::Stored(stored),
                Some(false) => answer_to_single(self.put_single(self.without_id(sent)).await).await,
            },
            answer => answer,
        }
    }

    /// Puts a message on the line; the answer to expect, or that of one that was not put there.
    async fn put_single(&self, sent: Sent) -> Result<Expected, Answer> {
        let Sent { subject, headers, body } = sent;
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
        let answer = match timeout(PATIENCE, sending).await {
            Ok(Ok(())) => return Ok(expected),
            Ok(Err(error)) => not_sent(&error, &connection.client),
            // It may have been sent or not.
            Err(_) => Answer::Unknown,
        };
        expected.give_up();
        Err(answer)
    }

    /// Whether the same message is at the position of the one that the log has. `None` if the log
    /// does not tell.
    async fn is_at(&self, sent: &Sent, stored: Stored) -> Option<bool> {
        let look = async {
            let _turn = self.duplicates.turns.acquire().await.ok()?;
            let found = self.message(stored.position).await.ok()?;
            Some(found.is_some_and(|found| sent.is(&found)))
        };
        timeout(CHECKED_WITHIN, look).await.ok()?
    }

    /// A message whose id another one on the log has.
    fn without_id(&self, sent: &Sent) -> Sent {
        metrics::counter!(telemetry::NO_DUPLICATES).increment(1);
        self.duplicates.none.count(1, || sent.subject.clone());
        if let Some((events, subject)) = self.duplicates.none.due() {
            warn!(
                events,
                subject,
                "the log has another message under the id of an event; it was sent without one"
            );
        }
        let mut others = HeaderMap::new();
        for (name, values) in sent.headers.iter().filter(|(name, _)| **name != NATS_MESSAGE_ID) {
            for value in values {
                others.append(name.clone(), value.clone());
            }
        }
        Sent { headers: others, ..sent.clone() }
    }
}

/// Part of the batch is missing.
const INCOMPLETE: u64 = ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH.0;
/// The stream takes no batches.
const DISABLED: u64 = 10_174;
/// Why a log of an old server takes no batches.
pub(super) const OLD_SERVER: &str =
    "nats-server is older than 2.12.1, which does not look for duplicates in batches";

/// Whether the server takes batches, and looks for duplicates in them.
pub(super) fn takes_batches(client: &Client) -> bool {
    client.is_server_compatible(2, 12, 1)
}

async fn put(
    connection: &Connection,
    messages: Vec<Sent>,
    began: &Expected,
    ends: &Expected,
) -> Result<(), PublishError> {
    let (client, last) = (&connection.client, messages.len() - 1);
    for (index, Sent { subject, headers, body }) in messages.into_iter().enumerate() {
        let reply = match index {
            0 => &began.reply,
            _ if index == last => &ends.reply,
            _ => {
                client.publish_with_headers(subject, headers, body).await?;
                continue;
            }
        };
        client.publish_with_reply_and_headers(subject, reply.clone(), headers, body).await?;
    }
    Ok(())
}

async fn answer_to_single(sent: Result<Expected, Answer>) -> Answer {
    match sent {
        Ok(expected) => match expected.get().await {
            Reply::Stored { stored, .. } => Answer::Stored(stored),
            Reply::Refused { reason, of_all, .. } => Answer::Refused { reason, of_all },
            Reply::Staged | Reply::Unknown => Answer::Unknown,
        },
        Err(answer) => answer,
    }
}

fn not_sent(error: &PublishError, client: &Client) -> Answer {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Answer::TooLarge(client.max_payload()),
        PublishErrorKind::InvalidSubject => {
            Answer::Refused { reason: error.to_string(), of_all: false }
        }
        PublishErrorKind::Send => Answer::Unknown,
    }
}
