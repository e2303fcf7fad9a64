//! Events onto the log in order, an outcome for each.
//!
//! Two events of one entity are never in flight together, so that a refused one is never overtaken
//! by a later one; once an entity's event was refused, its later ones are not sent.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use projections::event::{Kind, Reason};

use crate::stream::Log;
use crate::stream::publish::{Outgoing, Refusal, Stored};

/// How many events may be in flight.
const WINDOW: usize = 4_000;

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The log has it at this position.
    Accepted(u64),
    /// The log had it already, at this position.
    Duplicate(u64),
    /// It is no event; every reason.
    Rejected(Vec<Reason>),
    /// The log did not take it; it is not in the log.
    Refused(String),
    /// The log did not answer; it may be in the log. Sending it again is safe.
    Unknown,
    /// An earlier event of its entity was not taken, so it was not sent.
    Unsent,
}

type Entity = (Kind, String);
type Flight = Pin<Box<dyn Future<Output = (usize, Entity, Result<Stored, Refusal>)> + Send>>;

/// Sends events in the order they are pushed.
pub struct Submitter<'a> {
    log: &'a Log,
    flights: FuturesUnordered<Flight>,
    in_flight: HashSet<Entity>,
    held_up: HashSet<Entity>,
    outcomes: HashMap<usize, Outcome>,
}

impl<'a> Submitter<'a> {
    /// Sends to `log`.
    #[must_use]
    pub fn new(log: &'a Log) -> Self {
        Submitter {
            log,
            flights: FuturesUnordered::new(),
            in_flight: HashSet::new(),
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
        while self.in_flight.contains(&entity) || self.flights.len() >= WINDOW {
            self.land().await;
        }
        if self.held_up.contains(&entity) {
            self.outcomes.insert(index, Outcome::Unsent);
            return;
        }
        match self.log.publish(event).await {
            Ok(answer) => {
                self.in_flight.insert(entity.clone());
                self.flights.push(Box::pin(async move { (index, entity, answer.await) }));
            }
            Err(refusal) => self.conclude(index, entity, Err(refusal)),
        }
    }

    /// The outcomes known so far, and how many events are still in flight.
    pub fn take(&mut self) -> HashMap<usize, Outcome> {
        std::mem::take(&mut self.outcomes)
    }

    /// Waits for every answer.
    pub async fn finish(mut self) -> HashMap<usize, Outcome> {
        while !self.flights.is_empty() {
            self.land().await;
        }
        self.outcomes
    }

    async fn land(&mut self) {
        if let Some((index, entity, answer)) = self.flights.next().await {
            self.in_flight.remove(&entity);
            self.conclude(index, entity, answer);
        }
    }

    fn conclude(&mut self, index: usize, entity: Entity, answer: Result<Stored, Refusal>) {
        let outcome = match answer {
            Ok(Stored { position, duplicate: false }) => Outcome::Accepted(position),
            Ok(Stored { position, duplicate: true }) => Outcome::Duplicate(position),
            Err(Refusal::TooLarge(limit)) => Outcome::Rejected(vec![Reason {
                field: "".into(),
                message: format!("must be at most {limit} bytes"),
            }]),
            Err(Refusal::Refused(reason)) => Outcome::Refused(reason),
            Err(Refusal::Unknown) => Outcome::Unknown,
        };
        if matches!(outcome, Outcome::Refused(_) | Outcome::Unknown) {
            self.held_up.insert(entity);
        }
        self.outcomes.insert(index, outcome);
    }
}

/// A product and its stock are one entity.
fn entity_of(event: &Outgoing) -> Entity {
    let kind = if event.kind == Kind::Stock { Kind::Product } else { event.kind };
    (kind, event.entity.clone())
}
