//! Group commit: events of many callers, gathered into batches that the log takes as a whole. The
//! states, without I/O, clock or randomness.
//!
//! # States of an event
//!
//! - *queued*: in the lane of its caller. Lanes take turns, an event each, so a caller with a
//!   million events holds nobody up.
//! - *parked*: its turn came while its entity was held. It goes back to the front of its lane, in
//!   order, when the entity is free.
//! - *sent*: in a shipment that is not answered. From here until its batch is done its entity is
//!   held: no other batch has an event of it.
//! - *broken*: its batch was refused as a whole, so the log has nothing of it. The batch is sent
//!   again in halves, one after the other, until each event has an answer of its own.
//! - *told*: its caller has the answer, once.
//!
//! # When something goes
//!
//! With nothing under way whatever is queued goes at once: once those who are ready to run have
//! run, as they may have more for the same batch ([`super::commit`]). Otherwise it gathers until a batch
//! is answered, or until it fills a batch and there is room for one more. There is no timer.
//!
//! # Faults and their outcomes
//!
//! - The server dies between the messages and the commit: it has nothing, and answers the commit
//!   that the batch is incomplete. A refusal like others: halves.
//! - The server dies behind the commit, or its answer is lost: unknown, for each event of the
//!   shipment. Their lanes send nothing more. The events that were left of the batch are unsent, and
//!   so are those of the same entities behind them in its lanes: nothing has to wait for each of its
//!   events in turn.
//! - A message in the middle is refused (a duplicate, too large with the batch's headers, no room):
//!   halves, down to one event, which is sent without a batch and told what the log said. Behind it
//!   its lane's further events of that entity are unsent.
//! - Few events, each of another entity: no batch; each goes by itself and has an answer of its own.
//! - The same entity twice: in one batch, in order; never in two.
//! - Too many batches at the server, of all processes: the shipment waits and goes as it was.
//! - A caller goes away: its queued events are dropped, those that were sent are answered to nobody.
//! - Two processes: batches have ids of their own, and the server orders them. An entity whose
//!   events come through two processes at once has no order between these.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use projections::event::Kind;

use super::acknowledgement::{Refusal, Stored};

mod limits;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub(super) use limits::Limits;

/// The entity that an event is about. A product and its stock are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Entity(pub Kind, pub Arc<str>);

/// A caller's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LaneId(u64);

/// The answer of the log to a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has all of it; the position is that of the last event.
    Stored(Stored),
    /// It took nothing of it.
    Refused {
        /// The reason that it gave.
        reason: String,
        /// Whether it would refuse any event.
        of_all: bool,
    },
    /// An event of it is larger than this many bytes; it has nothing of it.
    TooLarge(usize),
    /// It has too many batches under way, and nothing of this one.
    Busy,
    /// It did not answer: it has all of it or nothing.
    Unknown,
    /// The answer to each event of a shipment that is no batch.
    Each(Vec<Answer>),
}

/// Events to send.
#[derive(Debug)]
pub(super) struct Shipment<T> {
    /// Its number, for the answer.
    pub number: u64,
    /// Its events, in order.
    pub events: Vec<T>,
    /// Whether they go as one batch; else each goes by itself, and no two are about one entity.
    pub is_batch: bool,
    /// How often it was too many for the server.
    pub tries: u32,
}

/// The answer to an event.
pub(super) type Told<T> = (T, Result<Stored, Refusal>);

/// Events that wait to be sent or answered.
#[derive(Debug)]
pub(super) struct Group<T> {
    limits: Limits,
    next: u64,
    lanes: HashMap<LaneId, Lane<T>>,
    /// Lanes that have something queued, in the order of their turns.
    turns: VecDeque<LaneId>,
    queued: usize,
    queued_bytes: usize,
    /// The batch that holds each entity.
    held: HashMap<Entity, u64>,
    parked: HashMap<Entity, Vec<Waiting<T>>>,
    flights: HashMap<u64, Flight<T>>,
    /// Shipments that were too many for the server; they count as in flight.
    paused: HashMap<u64, Batch<T>>,
    /// Batches with pieces to send.
    broken: VecDeque<Batch<T>>,
    /// Whether a broken batch goes before what is queued, by turns.
    broken_first: bool,
    told: Vec<Told<T>>,
}

#[derive(Debug)]
struct Lane<T> {
    queue: VecDeque<Waiting<T>>,
    has_turn: bool,
    /// Entities of which an event was not taken.
    stopped: HashSet<Entity>,
    /// The log did not answer, so nothing more of it is sent.
    given_up: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    lane: LaneId,
    entity: Entity,
    bytes: usize,
    event: T,
}

#[derive(Debug)]
struct Batch<T> {
    /// The pieces that are still to be sent, the next one last.
    pieces: Vec<Vec<Waiting<T>>>,
    entities: Vec<Entity>,
    tries: u32,
    is_whole: bool,
}

#[derive(Debug)]
struct Flight<T> {
    piece: Vec<Waiting<T>>,
    batch: Batch<T>,
}

impl<T: Clone> Group<T> {
    pub fn new(limits: Limits) -> Self {
        Group {
            limits,
            next: 0,
            lanes: HashMap::default(),
            turns: VecDeque::new(),
            queued: 0,
            queued_bytes: 0,
            held: HashMap::default(),
            parked: HashMap::default(),
            flights: HashMap::default(),
            paused: HashMap::default(),
            broken: VecDeque::new(),
            broken_first: false,
            told: Vec::new(),
        }
    }

    /// Changes the bounds of the batches that are sent from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Opens a lane.
    pub fn open(&mut self) -> LaneId {
        let id = LaneId(self.number());
        let lane = Lane {
            queue: VecDeque::new(),
            has_turn: false,
            stopped: HashSet::default(),
            given_up: false,
        };
        self.lanes.insert(id, lane);
        id
    }

    /// Queues an event of a lane that is open.
    pub fn push(&mut self, id: LaneId, entity: Entity, bytes: usize, event: T) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        if lane.refuses(&entity) {
            self.told.push((event, Err(Refusal::Unsent)));
            return;
        }
        lane.queue.push_back(Waiting { lane: id, entity, bytes, event });
        (self.queued, self.queued_bytes) = (self.queued + 1, self.queued_bytes + bytes);
        if !std::mem::replace(&mut lane.has_turn, true) {
            self.turns.push_back(id);
        }
    }

    /// Whether what is queued fills a batch.
    pub fn is_full(&self) -> bool {
        self.queued >= self.limits.messages || self.queued_bytes >= self.limits.bytes
    }

    /// The number of events that are queued.
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// Whether there may be something to send now; [`Group::next`] has nothing where this is false.
    pub fn may_send(&self) -> bool {
        let has_room = self.flights.len() + self.paused.len() < self.limits.in_flight;
        has_room && (!self.broken.is_empty() || (self.queued > 0 && self.gathered()))
    }

    /// Ends a lane of which every event is told.
    pub fn end(&mut self, id: LaneId) {
        self.lanes.remove(&id);
    }

    /// Closes a lane. Returns its events that the log has not got; those that are sent are answered
    /// to nobody.
    pub fn close(&mut self, id: LaneId) -> Vec<T> {
        let Some(lane) = self.lanes.remove(&id) else { return Vec::new() };
        let mut unsent = Vec::new();
        for waiting in lane.queue {
            (self.queued, self.queued_bytes) = (self.queued - 1, self.queued_bytes - waiting.bytes);
            unsent.push(waiting.event);
        }
        let pieces = self.paused.values_mut().chain(&mut self.broken);
        let pieces = pieces.chain(self.flights.values_mut().map(|flight| &mut flight.batch));
        let others = pieces.flat_map(|batch| &mut batch.pieces).chain(self.parked.values_mut());
        for waiting in others {
            unsent.extend(waiting.extract_if(.., |it| it.lane == id).map(|it| it.event));
        }
        self.parked.retain(|_, waiting| !waiting.is_empty());
        unsent
    }

    /// The next events to send now, if any.
    pub fn next(&mut self) -> Option<Shipment<T>> {
        if self.flights.len() + self.paused.len() >= self.limits.in_flight {
            return None;
        }
        let shipment = if self.broken_first {
            self.go_on().or_else(|| self.gather())
        } else {
            // A batch of which nothing is left to send may have held up what is queued.
            self.gather().or_else(|| self.go_on()).or_else(|| self.gather())
        };
        self.broken_first = !self.broken_first;
        shipment
    }

    /// Takes the answer to a shipment.
    pub fn answered(&mut self, number: u64, answer: Answer) {
        let Some(Flight { piece, mut batch }) = self.flights.remove(&number) else { return };
        match answer {
            Answer::Busy => {
                batch.pieces.push(piece);
                batch.tries += 1;
                self.paused.insert(number, batch);
                return;
            }
            Answer::Each(answers) => {
                for (it, answer) in piece.into_iter().zip(answers) {
                    self.conclude(vec![it], answer, &mut batch);
                }
            }
            answer => self.conclude(piece, answer, &mut batch),
        }
        (batch.is_whole, batch.tries) = (false, 0);
        if batch.pieces.is_empty() {
            self.free(batch);
        } else {
            self.broken.push_back(batch);
        }
    }

    /// Takes the answer to a piece of a batch as a whole.
    fn conclude(&mut self, mut piece: Vec<Waiting<T>>, answer: Answer, batch: &mut Batch<T>) {
        match answer {
            Answer::Stored(last) => {
                let before = piece.len() as u64 - 1;
                for (index, it) in (0..).zip(piece) {
                    let position = last.position.saturating_sub(before - index);
                    self.told.push((it.event, Ok(Stored { position, ..last })));
                }
            }
            Answer::Refused { of_all: false, .. } | Answer::TooLarge(_) if piece.len() > 1 => {
                let second = piece.split_off(piece.len() / 2);
                batch.pieces.extend([second, piece]);
            }
            Answer::Refused { reason, .. } => self.refuse(piece, &Refusal::Refused(reason)),
            Answer::TooLarge(limit) => {
                let told = piece.into_iter().map(|it| (it.event, Err(Refusal::TooLarge(limit))));
                self.told.extend(told);
            }
            // An event by itself is never too many or several.
            Answer::Unknown | Answer::Busy | Answer::Each(_) => {
                for it in piece {
                    self.give_up(it.lane);
                    self.told.push((it.event, Err(Refusal::Unknown)));
                }
                for it in batch.pieces.drain(..).rev().flatten() {
                    if let Some(lane) = self.lanes.get_mut(&it.lane) {
                        lane.stopped.insert(it.entity);
                    }
                    self.told.push((it.event, Err(Refusal::Unsent)));
                }
            }
        }
    }

    /// Lets a shipment go again that was too many for the server.
    pub fn woken(&mut self, number: u64) {
        if let Some(batch) = self.paused.remove(&number) {
            self.broken.push_front(batch);
        }
    }

    /// The answers that were not taken yet.
    pub fn take_told(&mut self) -> Vec<Told<T>> {
        std::mem::take(&mut self.told)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The next piece of a broken batch, without what is not to be sent any more.
    fn go_on(&mut self) -> Option<Shipment<T>> {
        while let Some(mut batch) = self.broken.pop_front() {
            while let Some(piece) = batch.pieces.pop() {
                let piece: Vec<_> =
                    piece.into_iter().filter_map(|it| self.unless_stopped(it)).collect();
                if !piece.is_empty() {
                    return Some(self.send(piece, batch));
                }
            }
            self.free(batch);
        }
        None
    }

    /// A batch of queued events, an event of each lane by turns.
    fn gather(&mut self) -> Option<Shipment<T>> {
        if !self.gathered() {
            return None;
        }
        let number = self.number();
        let (mut piece, mut entities, mut bytes) = (Vec::new(), Vec::new(), 0);
        while piece.len() < self.limits.messages {
            let Some(waiting) = self.next_turn(piece.is_empty(), self.limits.bytes - bytes) else {
                break;
            };
            let Some(waiting) = self.unless_stopped(waiting) else { continue };
            match self.held.get(&waiting.entity) {
                Some(by) if *by != number => {
                    self.parked.entry(waiting.entity.clone()).or_default().push(waiting);
                    continue;
                }
                Some(_) => {}
                None => {
                    self.held.insert(waiting.entity.clone(), number);
                    entities.push(waiting.entity.clone());
                }
            }
            bytes = (bytes + waiting.bytes).min(self.limits.bytes);
            piece.push(waiting);
        }
        let batch = Batch { pieces: Vec::new(), entities, tries: 0, is_whole: true };
        (!piece.is_empty()).then(|| self.send(piece, batch))
    }

    /// Whether what is queued has gathered for long enough.
    fn gathered(&self) -> bool {
        self.is_full() || !self.is_under_way()
    }

    /// Whether a batch is under way that was not refused.
    fn is_under_way(&self) -> bool {
        let waiting = self.paused.values().chain(&self.broken);
        self.flights.values().map(|it| &it.batch).chain(waiting).any(|batch| batch.is_whole)
    }

    /// The next event in turn. `None` if there is none, or it is larger than the room that is left
    /// and not the first.
    fn next_turn(&mut self, is_first: bool, room: usize) -> Option<Waiting<T>> {
        while let Some(id) = self.turns.pop_front() {
            let Some(lane) = self.lanes.get_mut(&id) else { continue };
            lane.has_turn = false;
            let Some(waiting) = lane.queue.front() else { continue };
            let fits = is_first || waiting.bytes <= room;
            let waiting = if fits { lane.queue.pop_front() } else { None };
            lane.has_turn = !lane.queue.is_empty();
            match (lane.has_turn, fits) {
                (true, true) => self.turns.push_back(id),
                (true, false) => self.turns.push_front(id),
                (false, _) => {}
            }
            if let Some(it) = &waiting {
                (self.queued, self.queued_bytes) = (self.queued - 1, self.queued_bytes - it.bytes);
            }
            return waiting;
        }
        None
    }

    /// An event, unless its lane is closed or has stopped its entity.
    fn unless_stopped(&mut self, waiting: Waiting<T>) -> Option<Waiting<T>> {
        match self.lanes.get(&waiting.lane) {
            None => None,
            Some(lane) if lane.refuses(&waiting.entity) => {
                self.told.push((waiting.event, Err(Refusal::Unsent)));
                None
            }
            Some(_) => Some(waiting),
        }
    }

    fn send(&mut self, piece: Vec<Waiting<T>>, batch: Batch<T>) -> Shipment<T> {
        let number = self.number();
        let is_batch = piece.len() > self.limits.few || !are_different(&piece);
        let events = piece.iter().map(|it| it.event.clone()).collect();
        let shipment = Shipment { number, events, is_batch, tries: batch.tries };
        self.flights.insert(number, Flight { piece, batch });
        shipment
    }

    /// The first event of each lane and entity was refused, and those behind it are unsent.
    fn refuse(&mut self, piece: Vec<Waiting<T>>, refusal: &Refusal) {
        for it in piece {
            let lane = self.lanes.get_mut(&it.lane);
            let is_first = lane.is_none_or(|lane| lane.stopped.insert(it.entity));
            let refusal = if is_first { refusal.clone() } else { Refusal::Unsent };
            self.told.push((it.event, Err(refusal)));
        }
    }

    /// Ends a lane: no more of its events are sent.
    fn give_up(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get_mut(&id).filter(|lane| !lane.given_up) else { return };
        lane.given_up = true;
        for it in lane.queue.drain(..) {
            (self.queued, self.queued_bytes) = (self.queued - 1, self.queued_bytes - it.bytes);
            self.told.push((it.event, Err(Refusal::Unsent)));
        }
        for waiting in self.parked.values_mut() {
            let unsent = waiting.extract_if(.., |it| it.lane == id);
            self.told.extend(unsent.map(|it| (it.event, Err(Refusal::Unsent))));
        }
        self.parked.retain(|_, waiting| !waiting.is_empty());
    }

    /// The batch is done: its entities are free, and the events that waited for them go first.
    fn free(&mut self, batch: Batch<T>) {
        for entity in batch.entities {
            self.held.remove(&entity);
            for waiting in self.parked.remove(&entity).into_iter().flatten().rev() {
                let Some(lane) = self.lanes.get_mut(&waiting.lane) else { continue };
                (self.queued, self.queued_bytes) =
                    (self.queued + 1, self.queued_bytes + waiting.bytes);
                let id = waiting.lane;
                lane.queue.push_front(waiting);
                if !std::mem::replace(&mut lane.has_turn, true) {
                    self.turns.push_front(id);
                }
            }
        }
    }
}

/// Whether no two of a few events are about one entity.
fn are_different<T>(few: &[Waiting<T>]) -> bool {
    (1..few.len()).all(|at| few[..at].iter().all(|it| it.entity != few[at].entity))
}

impl<T> Lane<T> {
    fn refuses(&self, entity: &Entity) -> bool {
        self.given_up || self.stopped.contains(entity)
    }
}
