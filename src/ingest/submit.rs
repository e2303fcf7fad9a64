//! Events onto the log in order, an outcome for each.
//!
//! The log's batches keep an entity's events in order, and hold back those behind one that was not
//! taken ([`crate::stream::lane`]). Once the log has not answered, no further event is sent: a
//! request must not wait for each of its events in turn.

use std::time::Duration;

use foldhash::{HashMap, HashSet};
use projections::event::Reason;
use tokio::time::{Instant, timeout_at};

use crate::stream::Log;
use crate::stream::acknowledgement::{Refusal, Stored};
use crate::stream::lane::Lane;
use crate::stream::publish::Outgoing;

/// The outcome of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The log has it at this position.
    Accepted(u64),
    /// The log had it already, at this position.
    Duplicate(u64),
    /// It is not an event; every reason.
    Rejected(Vec<Reason>),
    /// The log did not take it; it is not in the log.
    Refused(String),
    /// The log did not answer; it may be in the log. Sending it again is safe.
    Unknown,
    /// An earlier event of its entity was not taken, or the log did not answer, so it was not sent.
    Unsent,
}

/// Sends events in the order they are pushed.
pub struct Submitter {
    lane: Lane,
    deadline: Instant,
    /// The log did not answer, so nothing more is sent.
    given_up: bool,
    /// Events that are queued or sent, and not answered.
    under_way: HashSet<usize>,
    outcomes: HashMap<usize, Outcome>,
}

impl Submitter {
    /// Sends to `log`, and waits for it no longer than this for all events together.
    #[must_use]
    pub fn new(log: &Log, within: Duration) -> Self {
        Submitter {
            lane: log.lane(),
            deadline: Instant::now() + within,
            given_up: false,
            under_way: HashSet::default(),
            outcomes: HashMap::default(),
        }
    }

    /// Notes that the event at `index` is none.
    pub fn reject(&mut self, index: usize, reasons: Vec<Reason>) {
        self.outcomes.insert(index, Outcome::Rejected(reasons));
    }

    /// Queues the event at `index`; waits while too many are. It goes with others once they fill a
    /// batch, or at the next [`Submitter::send`] or [`Submitter::finish`].
    pub async fn push(&mut self, index: usize, event: Outgoing) {
        if !self.given_up {
            if timeout_at(self.deadline, self.lane.push(index, event)).await.is_ok() {
                self.under_way.insert(index);
                self.hear();
                return;
            }
            self.give_up();
        }
        self.outcomes.insert(index, Outcome::Unsent);
    }

    /// Sends what is queued as soon as may be.
    pub fn send(&self) {
        self.lane.send();
    }

    /// The outcomes that are known and were not taken yet.
    pub fn take(&mut self) -> HashMap<usize, Outcome> {
        self.hear();
        std::mem::take(&mut self.outcomes)
    }

    /// Waits for every answer, while there is time.
    pub async fn finish(mut self) -> HashMap<usize, Outcome> {
        while !self.under_way.is_empty() {
            match timeout_at(self.deadline, self.lane.next()).await {
                Ok(Some((index, answer))) => self.conclude(index, answer),
                Ok(None) | Err(_) => self.give_up(),
            }
        }
        self.outcomes
    }

    /// Takes the answers that are there.
    fn hear(&mut self) {
        while let Some((index, answer)) = self.lane.try_next() {
            self.conclude(index, answer);
        }
    }

    /// Past the deadline nothing is waited for: what is not sent is taken back, and the rest is
    /// unknown.
    fn give_up(&mut self) {
        self.given_up = true;
        self.hear();
        for index in self.lane.withdraw() {
            self.conclude(index, Err(Refusal::Unsent));
        }
        for index in std::mem::take(&mut self.under_way) {
            self.outcomes.insert(index, Outcome::Unknown);
        }
    }

    fn conclude(&mut self, index: usize, answer: Result<Stored, Refusal>) {
        let outcome = match answer {
            Ok(Stored { position, duplicate: false }) => Outcome::Accepted(position),
            Ok(Stored { position, duplicate: true }) => Outcome::Duplicate(position),
            Err(Refusal::TooLarge(limit)) => {
                Outcome::Rejected(vec![Reason::new("", format!("must be at most {limit} bytes"))])
            }
            Err(Refusal::Refused(reason)) => Outcome::Refused(reason),
            Err(Refusal::Unknown) => Outcome::Unknown,
            Err(Refusal::Unsent) => Outcome::Unsent,
        };
        self.given_up |= outcome == Outcome::Unknown;
        self.under_way.remove(&index);
        self.outcomes.insert(index, outcome);
    }
}
