//! The log's answers to events: a position, or a refusal.
//!
//! One inbox for all events of a connection, read by one task. The client's own way is an inbox
//! entry, a timer and a task for each event, which costs more than sending it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, Message, StatusCode, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::acknowledgement::{Reply, Stored};
use super::writes::{Writes, is_of_all};

/// The most unanswered events of all callers: half of the number that a server keeps for a stream
/// before it refuses more.
const UNANSWERED: usize = 5_000;
/// The time between two checks for events that will not be answered.
const SWEEP: Duration = Duration::from_millis(250);

/// The events that wait for answers.
#[derive(Debug)]
pub struct Answers {
    inbox: String,
    room: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
    ended: CancellationToken,
    _reading: AbortOnDropHandle<()>,
}

/// The events in the order they were sent; those answered stay until all before them are.
#[derive(Debug, Default)]
struct Waiting {
    /// The number of the first one.
    first: u64,
    line: VecDeque<Option<Wait>>,
}

#[derive(Debug)]
struct Wait {
    until: Instant,
    answer: oneshot::Sender<Reply>,
    /// Its room; given back when it stops waiting.
    _room: OwnedSemaphorePermit,
}

/// The answer to one event.
#[derive(Debug)]
pub struct Expected {
    /// The subject that the log is to answer on.
    pub reply: String,
    number: u64,
    waiting: Arc<Mutex<Waiting>>,
    answer: oneshot::Receiver<Reply>,
}

impl Answers {
    /// Begins to listen.
    ///
    /// # Errors
    /// Fails if the connection is closed.
    pub async fn listen(
        client: &Client,
        writes: Arc<Writes>,
    ) -> Result<Self, async_nats::SubscribeError> {
        let inbox = client.new_inbox();
        let messages = client.subscribe(format!("{inbox}.*")).await?;
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let ended = CancellationToken::new();
        let (line, end) = (Arc::clone(&waiting), ended.clone().drop_guard());
        let reading = AbortOnDropHandle::new(tokio::spawn(async move {
            let _end = end;
            read(messages, line, writes).await;
        }));
        let room = Arc::new(Semaphore::new(UNANSWERED));
        Ok(Answers { inbox, room, waiting, ended, _reading: reading })
    }

    /// Cancelled when no answer can come any more, because the connection has ended.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Waits for room, and then for an answer for as long as `patience`.
    ///
    /// # Panics
    /// Never: the room is not closed.
    pub async fn expect(&self, patience: Duration) -> Expected {
        let room = Arc::clone(&self.room).acquire_owned().await.expect("the room is not closed");
        let (sender, answer) = oneshot::channel();
        let wait = Wait { until: Instant::now() + patience, answer: sender, _room: room };
        let number = locked(&self.waiting).push(wait);
        let reply = format!("{}.{number}", self.inbox);
        Expected { reply, number, waiting: Arc::clone(&self.waiting), answer }
    }
}

impl Expected {
    /// Waits for the answer.
    pub async fn get(self) -> Reply {
        self.answer.await.unwrap_or(Reply::Unknown)
    }

    /// Gives up the answer to an event that was not sent.
    pub fn give_up(self) {
        locked(&self.waiting).take(self.number);
    }
}

impl Waiting {
    fn push(&mut self, wait: Wait) -> u64 {
        self.line.push_back(Some(wait));
        self.first + self.line.len() as u64 - 1
    }

    fn take(&mut self, number: u64) -> Option<Wait> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let wait = self.line.get_mut(index)?.take();
        while let Some(None) = self.line.front() {
            self.line.pop_front();
            self.first += 1;
        }
        wait
    }

    /// Takes all of them.
    fn all(&mut self) -> Vec<Wait> {
        self.first += self.line.len() as u64;
        self.line.drain(..).flatten().collect()
    }

    /// Takes the first ones, which have waited too long.
    fn overdue(&mut self, now: Instant) -> Vec<Wait> {
        let mut overdue = Vec::new();
        while let Some(wait) = self.line.front() {
            if wait.as_ref().is_some_and(|wait| wait.until > now) {
                break;
            }
            overdue.extend(self.line.pop_front().flatten());
            self.first += 1;
        }
        overdue
    }
}

async fn read(mut messages: Subscriber, waiting: Arc<Mutex<Waiting>>, writes: Arc<Writes>) {
    let conclude = |wait: Wait, reply: Reply| {
        let _ = wait.answer.send(reply);
    };
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { break };
                let number = message.subject.rsplit('.').next().and_then(|token| token.parse().ok());
                if let Some(wait) = number.and_then(|number| locked(&waiting).take(number)) {
                    let reply = reply_of(&message);
                    writes.answered(&reply);
                    conclude(wait, reply);
                }
            }
            _ = sweep.tick() => {
                let overdue = locked(&waiting).overdue(Instant::now());
                for wait in overdue {
                    writes.unanswered(wait.until);
                    conclude(wait, Reply::Unknown);
                }
            }
        }
    }
    let unanswered = locked(&waiting).all();
    for wait in unanswered {
        conclude(wait, Reply::Unknown);
    }
}

/// `JetStream`'s acknowledgement, as it stands in
/// <https://docs.nats.io/reference/reference-protocols/nats_api_reference#error-responses>.
#[derive(Deserialize)]
struct Acknowledgement {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    count: Option<u64>,
    error: Option<async_nats::jetstream::Error>,
}

fn reply_of(message: &Message) -> Reply {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        let reason = "no stream takes its subject".to_owned();
        return Reply::Refused { code: 0, reason, of_all: false };
    }
    if message.payload.is_empty() {
        return Reply::Staged;
    }
    match serde_json::from_slice(&message.payload) {
        Ok(Acknowledgement { error: Some(error), .. }) => Reply::Refused {
            code: error.error_code().0,
            reason: error.to_string(),
            of_all: is_of_all(&error),
        },
        Ok(Acknowledgement { seq: position @ 1.., duplicate, count, .. }) => {
            Reply::Stored { stored: Stored { position, duplicate }, count }
        }
        // This answer is malformed and tells nothing about the event.
        Ok(_) | Err(_) => Reply::Unknown,
    }
}

fn locked(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(room: &Arc<Semaphore>, until: Instant) -> Wait {
        let room = Arc::clone(room).try_acquire_owned().expect("room");
        Wait { until, answer: oneshot::channel().0, _room: room }
    }

    #[test]
    fn what_is_answered_leaves_room_at_once_and_the_line_when_it_is_first() {
        let (room, now) = (Arc::new(Semaphore::new(3)), Instant::now());
        let mut waiting = Waiting::default();
        let numbers: Vec<u64> = (0..3).map(|_| waiting.push(wait(&room, now))).collect();
        assert_eq!(numbers, [0, 1, 2]);
        drop(waiting.take(1));
        assert!(waiting.take(1).is_none(), "an answer twice is one");
        assert_eq!((room.available_permits(), waiting.line.len()), (1, 3));
        drop(waiting.take(0));
        assert_eq!((room.available_permits(), waiting.line.len(), waiting.first), (2, 1, 2));
        assert!(waiting.take(0).is_none() && waiting.take(7).is_none());
        assert_eq!(waiting.push(wait(&room, now)), 3);
    }

    #[test]
    fn only_who_waited_too_long_is_overdue() {
        let (room, now) = (Arc::new(Semaphore::new(3)), Instant::now());
        let mut waiting = Waiting::default();
        for seconds in [1, 1, 9] {
            waiting.push(wait(&room, now + Duration::from_secs(seconds)));
        }
        drop(waiting.take(1));
        assert_eq!(waiting.overdue(now).len(), 0);
        assert_eq!(waiting.overdue(now + Duration::from_secs(2)).len(), 1);
        assert_eq!((waiting.first, waiting.line.len()), (2, 1));
    }
}
