//! Whether the log takes any events, as far as this process can know it from the answers.
//!
//! A nats-server whose disk was full answers to every question as before, refuses nothing, and
//! stores nothing until it is started again: it does not answer an event that it cannot write. So
//! the results of the events that were sent decide. Headers that have to be refused
//! (`Nats-Expected-...`) are checked before the store is, and do not reveal its state; nor does the
//! stream's own state.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::{Error, ErrorCode};
use tokio::time::Instant;

use super::acknowledgement::{PATIENCE, Reply};

/// The time for which a refusal counts, since it describes a moment.
const LATELY: Duration = Duration::from_secs(30);
/// A log that stored an event within this time is not asked whether it could.
const IDLE: Duration = Duration::from_secs(10);
const SILENT: &str = "it answers to no event that it should store; a nats-server that could not \
                      write, as its disk was full, stores nothing until it is started again";

/// The state of knowledge.
#[derive(Debug, Default)]
pub(super) struct Writes(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// The time since which the same server has answered questions without a break.
    since: Option<Instant>,
    connection: String,
    leader: Option<String>,
    stored: Option<Instant>,
    /// Whether an event that was sent within that time was not answered, and none was stored since.
    unanswered: bool,
    refused: Option<(Instant, String)>,
    asked: Option<Instant>,
    /// The reason that it gave to the last question.
    pub(super) full: Option<String>,
}

impl Writes {
    /// Notes the answer to an event, or to a batch.
    pub(super) fn answered(&self, reply: &Reply) {
        match reply {
            Reply::Stored { .. } => self.lock().store(Instant::now()),
            Reply::Refused { reason, of_all: true, .. } => {
                self.lock().refused = Some((Instant::now(), reason.clone()));
            }
            Reply::Refused { .. } | Reply::Staged | Reply::Unknown => {}
        }
    }

    /// Notes that an event that had to be answered by `until` was not.
    pub(super) fn unanswered(&self, until: Instant) {
        self.lock().miss(until - PATIENCE);
    }

    /// Notes the leader of the stream, in a cluster.
    pub(super) fn led_by(&self, leader: Option<&str>) {
        let mut state = self.lock();
        if state.leader.as_deref() != leader {
            state.leader = leader.map(str::to_owned);
            state.since = None;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn store(&mut self, now: Instant) {
        self.stored = Some(now);
        (self.unanswered, self.refused, self.full) = (false, None, None);
    }

    /// Notes that an event was not answered. One that was sent before the server answered anything
    /// was lost on the way, and does not count.
    fn miss(&mut self, sent: Instant) {
        let answers = self.since.is_some_and(|since| since <= sent);
        self.unanswered |= answers && self.stored.is_none_or(|stored| stored < sent);
    }

    /// Notes whether the server answers questions at present, over the connection of that name.
    pub(super) fn look(&mut self, now: Instant, answers: bool, connection: &str) {
        if !answers || self.connection != connection {
            self.since = None;
        }
        connection.clone_into(&mut self.connection);
        if self.since.is_none() {
            // It may be another server, or the same one started again.
            (self.unanswered, self.refused, self.full) = (false, None, None);
            self.since = answers.then_some(now);
        }
    }

    /// Whether it is time to ask the server; then it counts as asked.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        let lately = |at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) < IDLE);
        let is_idle = self.since.is_some() && !lately(self.stored) && !lately(self.asked);
        if is_idle {
            self.asked = Some(now);
        }
        is_idle
    }

    pub(super) fn reason(&self, now: Instant) -> Option<String> {
        let lately = |at: &Instant| now.duration_since(*at) < LATELY;
        let refused = self.refused.as_ref().filter(|(at, _)| lately(at));
        let silent = self.unanswered.then(|| SILENT.to_owned());
        silent.or_else(|| refused.map(|(_, reason)| reason.clone())).or_else(|| self.full.clone())
    }
}

/// Whether the log would refuse any event, and not just this one or because of its bound.
pub(super) fn is_of_all(error: &Error) -> bool {
    // Besides these, the store's own error is passed on, such as that it is closed.
    let bounds = ["maximum bytes exceeded", "maximum messages exceeded", "message size exceeds"];
    let is_bound = || bounds.iter().any(|it| error.to_string().contains(it));
    match error.error_code() {
        ErrorCode::STREAM_STORE_FAILED => !is_bound(),
        code => [
            ErrorCode::INSUFFICIENT_RESOURCES,
            ErrorCode::STORAGE_RESOURCES_EXCEEDED,
            ErrorCode::MEMORY_RESOURCES_EXCEEDED,
            ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
            ErrorCode::STREAM_SEALED,
        ]
        .contains(&code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering(began: Instant) -> State {
        let mut state = State::default();
        state.look(began, true, "1");
        state
    }

    #[test]
    fn an_event_that_is_not_answered_while_questions_are_means_that_nothing_is_stored() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let mut state = answering(began);
        state.miss(at(1));
        assert_eq!(state.reason(at(11)).as_deref(), Some(SILENT));
        assert!(state.reason(at(10_000)).is_some(), "that does not pass by itself");
        state.store(at(10_001));
        assert_eq!(state.reason(at(10_001)), None);
        state.miss(at(10_000));
        assert_eq!(state.reason(at(10_010)), None, "one was stored after it was sent");
    }

    #[test]
    fn a_server_that_does_not_answer_or_is_another_has_refused_nothing() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let mut state = answering(began);
        state.look(at(3), false, "1");
        state.look(at(5), true, "1");
        state.miss(at(1));
        assert_eq!(state.reason(at(11)), None, "it was frozen when that was sent");
        state.miss(at(6));
        assert!(state.reason(at(16)).is_some());
        state.look(at(17), true, "2");
        assert_eq!(state.reason(at(17)), None, "it was started again");
    }

    #[test]
    fn what_is_answered_counts_for_a_while_and_the_bound_of_the_log_is_none_of_it() {
        let refusal = |code: u64, text: &str| {
            let error = serde_json::json!({ "code": 503, "err_code": code, "description": text });
            serde_json::from_value::<Error>(error).expect("an error")
        };
        assert!(is_of_all(&refusal(10_047, "insufficient storage resources")));
        assert!(is_of_all(&refusal(10_077, "store is closed")));
        assert!(!is_of_all(&refusal(10_077, "maximum bytes exceeded")));
        assert!(!is_of_all(&refusal(10_071, "wrong last sequence: 7")));

        let began = Instant::now();
        let mut state = answering(began);
        state.refused = Some((began, "no room".to_owned()));
        assert_eq!(state.reason(began + Duration::from_secs(29)).as_deref(), Some("no room"));
        assert_eq!(state.reason(began + LATELY), None);
    }
}
