//! Events onto the log in order, an outcome for each.
//!
//! Two events of one entity are never in flight together, so a refused one is never overtaken by a
//! later one. Once an entity's event was refused, its later ones are not sent. Once the log has not
//! answered, no further event is sent: a batch must not wait for each of its events in turn.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use projections::event::{Kind, Reason};
use tokio::time::{Instant, timeout_at};

use crate::stream::Log;
use crate::stream::acknowledgement::{Refusal, Stored};
use crate::stream::publish::Outgoing;

/// The most events in flight.
const WINDOW: usize = 4_000;

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

type Entity = (Kind, String);
type Flight = Pin<Box<dyn Future<Output = (usize, Entity, Result<Stored, Refusal>)> + Send>>;

/// Sends events in the order they are pushed.
pub struct Submitter<'a> {
    log: &'a Log,
    deadline: Instant,
    /// The log did not answer, so nothing more is sent.
    given_up: bool,
    flights: FuturesUnordered<Flight>,
    /// The event of each entity that is in flight.
    in_flight: HashMap<Entity, usize>,
    held_up: HashSet<Entity>,
    outcomes: HashMap<usize, Outcome>,
}

impl<'a> Submitter<'a> {
    /// Sends to `log`, and waits for it no longer than this for all events together.
    #[must_use]
    pub fn new(log: &'a Log, within: Duration) -> Self {
        Submitter {
            log,
            deadline: Instant::now() + within,
            given_up: false,
            flights: FuturesUnordered::new(),
            in_flight: HashMap::new(),
            held_up: HashSet::new(),
            outcomes: HashMap::new(),
        }
    }

    /// Notes that the event at `index` is none.
    pub fn reject(&mut self, index: usize, reasons: Vec<Reason>) {
        self.outcomes.insert(index, Outcome::Rejected(reasons));
    }

    /// Sends the event at `index`; waits while its entity has one in flight, or too many are.
    pub async fn push(&mut self, index: usize, event: Outgoing) {
        let entity = entity_of(&event);
        while !self.given_up
            && (self.in_flight.contains_key(&entity) || self.flights.len() >= WINDOW)
        {
            self.land().await;
        }
        if self.given_up || self.held_up.contains(&entity) {
            self.outcomes.insert(index, Outcome::Unsent);
            return;
        }
        match timeout_at(self.deadline, self.log.publish(event)).await {
            Ok(Ok(answer)) => {
                self.in_flight.insert(entity.clone(), index);
                self.flights.push(Box::pin(async move { (index, entity, answer.await) }));
            }
            Ok(Err(refusal)) => self.conclude(index, entity, Err(refusal)),
            // Whether it got as far as the wire is not known.
            Err(_) => self.conclude(index, entity, Err(Refusal::Unknown)),
        }
    }

    /// The outcomes that are known and were not taken yet.
    pub fn take(&mut self) -> HashMap<usize, Outcome> {
        std::mem::take(&mut self.outcomes)
    }

    /// Waits for every answer, while there is time.
    pub async fn finish(mut self) -> HashMap<usize, Outcome> {
        while !self.flights.is_empty() {
            self.land().await;
        }
        self.outcomes
    }

    /// Waits for one answer. Past the deadline those that are not there are not waited for.
    async fn land(&mut self) {
        match timeout_at(self.deadline, self.flights.next()).await {
            Ok(Some((index, entity, answer))) => {
                self.in_flight.remove(&entity);
                self.conclude(index, entity, answer);
            }
            Ok(None) => {}
            Err(_) => {
                self.given_up = true;
                self.flights.clear();
                for (entity, index) in std::mem::take(&mut self.in_flight) {
                    self.conclude(index, entity, Err(Refusal::Unknown));
                }
            }
        }
    }

    fn conclude(&mut self, index: usize, entity: Entity, answer: Result<Stored, Refusal>) {
        let outcome = match answer {
            Ok(Stored { position, duplicate: false }) => Outcome::Accepted(position),
            Ok(Stored { position, duplicate: true }) => Outcome::Duplicate(position),
            Err(Refusal::TooLarge(limit)) => {
                Outcome::Rejected(vec![Reason::new("", format!("must be at most {limit} bytes"))])
            }
            Err(Refusal::Refused(reason)) => Outcome::Refused(reason),
            Err(Refusal::Unknown) => Outcome::Unknown,
        };
        self.given_up |= outcome == Outcome::Unknown;
        if matches!(outcome, Outcome::Refused(_) | Outcome::Unknown) {
            self.held_up.insert(entity);
        }
        self.outcomes.insert(index, outcome);
    }
}

/// A product and its stock are one entity.
fn entity_of(event: &Outgoing) -> Entity {
    (event.kind.of_entity(), event.entity.clone())
}
