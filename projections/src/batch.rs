//! A batch of messages, folded step by step. Nothing here waits: if documents are missing the batch
//! names them, the caller loads them, and the batch goes on.
//!
//! 1. The documents that identify the entities: rows of the ledger, vocabularies, blocks of ids.
//! 2. The rows that those lead to: the order that a transaction is a line of.
//! 3. The entities themselves, those of replaced rows included, and their counts.
//!
//! These are asked for part by part of the messages. Where they take more [`Room`] than there is, the part
//! is left to another batch, and the documents that were loaded for it are dropped.
//!
//! 4. Event by event in log order, entities change, and the additions to rollups are collected.
//! 5. The additions, once the rollups and tallies are at hand.
//!
//! Then the changes are written in one transaction with the new [`Root`](crate::fold::root::Root),
//! and [`Fold::settle`] goes on to the next batch. If the transaction fails the whole fold is
//! thrown away and made anew from the checkpoint.

mod room;

use std::ops::Range;

pub use self::room::Room;
use crate::collections::Needs;
use crate::event::{Event, Reason};
use crate::fold::root::News;
use crate::fold::{Ask, Fold, Named, NotAtHand, Outcome, Resolved, Stamp};
use crate::packed::tally::TallyKey;
use crate::topic::Topics;

/// The messages of the first part that is asked for.
const FIRST: usize = 64;

/// One message of the log.
#[derive(Debug)]
pub struct Message<'a> {
    /// The position and time of the message.
    pub stamp: Stamp,
    /// Its event, or every reason why it is invalid.
    pub event: Result<Event<'a>, Vec<Reason>>,
}

/// A batch on its way through a fold.
#[derive(Debug)]
pub struct Batch<'b, 'e> {
    messages: &'b [Message<'e>],
    /// The messages that documents are asked for.
    part: Range<usize>,
    room: Room,
    next: Next,
    resolved: Resolved,
}

/// The documents or answers that a batch asks for before it goes on.
#[derive(Debug)]
pub enum Step {
    /// These documents, to be handed to [`Fold::sets`], each or the knowledge that there is none.
    Supply(Needs),
    /// Nothing: all that the events name is at hand, and nothing has changed yet.
    Ready,
    /// The first and last purchase of the customers of [`Resolved::recheck`], to be handed to
    /// [`Fold::set_purchases`].
    Purchases,
    /// Nothing: all is folded.
    Done,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Identify,
    Links,
    Names,
    Counts,
    Supplied,
    Ready,
    Resolve,
    Rollups,
    Add,
    Done,
}

impl<'b, 'e> Batch<'b, 'e> {
    /// A batch of these messages, in log order.
    #[must_use]
    pub fn of(messages: &'b [Message<'e>]) -> Self {
        Batch::within(usize::MAX, messages)
    }

    /// A batch of the first of these messages: of as many as can be folded with so many bytes of
    /// documents loaded before anything changes, and of one whatever that takes.
    #[must_use]
    pub fn within(bytes: usize, messages: &'b [Message<'e>]) -> Self {
        Batch {
            messages,
            part: 0..messages.len().min(FIRST),
            room: Room::of(bytes),
            next: Next::Identify,
            resolved: Resolved::default(),
        }
    }

    /// The number of messages that it is of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it is of none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The room for the documents of a [`Step::Supply`]. Where one does not fit, [`Batch::leave_part`]
    /// takes the place of the rest.
    pub fn room(&mut self) -> &mut Room {
        &mut self.room
    }

    /// Leaves the part whose documents do not fit to another batch, and drops those that were supplied.
    pub fn leave_part(&mut self, fold: &mut Fold) {
        fold.sets.drop_supplied();
        let Range { start, end } = self.part;
        if start > 0 {
            self.end_at(start);
            self.next = Next::Ready;
        } else {
            self.part.end = (end / 4).max(1);
            self.room.begin(self.part.end > 1);
            self.next = Next::Identify;
        }
    }

    fn end_at(&mut self, end: usize) {
        self.messages = &self.messages[..end];
        self.room.open();
    }

    /// Goes on to the next part; false where there is none.
    fn next_part(&mut self) -> bool {
        let (end, all) = (self.part.end, self.messages.len());
        let more = self.room.more(end).min(all - end);
        self.part = end..end + more;
        if more == 0 {
            self.end_at(end);
        }
        more > 0
    }

    /// Goes on until something is missing, or all is folded.
    ///
    /// # Errors
    /// [`NotAtHand`] if a document that was asked for was not supplied. The fold is then of no
    /// further use.
    pub fn step(&mut self, fold: &mut Fold) -> Result<Step, NotAtHand> {
        loop {
            let needs = match self.next {
                Next::Identify => {
                    self.next = Next::Links;
                    self.identify(fold)
                }
                Next::Links => {
                    // A complete fold has all documents at hand that the other steps would ask for.
                    self.next = if fold.is_complete() { Next::Supplied } else { Next::Names };
                    self.links(fold)?
                }
                Next::Names => {
                    self.next = Next::Counts;
                    self.names(fold)?
                }
                Next::Counts => {
                    self.next = Next::Supplied;
                    fold.sets.needs_counts()
                }
                Next::Supplied => {
                    fold.sets.take_counts()?;
                    fold.sets.keep_supplied();
                    self.next = if self.next_part() { Next::Identify } else { Next::Ready };
                    continue;
                }
                Next::Ready => {
                    self.next = Next::Resolve;
                    return Ok(Step::Ready);
                }
                Next::Resolve => {
                    self.resolve(fold)?;
                    if fold.is_complete() {
                        self.next = Next::Done;
                        fold.add_parts(&mut self.resolved.deltas)?;
                        if self.resolved.forget_blocks {
                            fold.drop_forgotten_blocks();
                        }
                        continue;
                    }
                    self.next = Next::Rollups;
                    fold.find_changed_rows(&self.resolved);
                    if !self.resolved.recheck.is_empty() {
                        return Ok(Step::Purchases);
                    }
                    continue;
                }
                Next::Rollups => {
                    self.next = Next::Add;
                    self.rollups(fold)
                }
                Next::Add => {
                    self.next = Next::Done;
                    self.add(fold)?;
                    continue;
                }
                Next::Done => return Ok(Step::Done),
            };
            if !needs.is_empty() {
                return Ok(Step::Supply(needs));
            }
        }
    }

    /// The outcomes of the messages, once their events have changed entities (step 4).
    #[must_use]
    pub fn resolved(&self) -> Option<&Resolved> {
        matches!(self.next, Next::Rollups | Next::Add | Next::Done).then_some(&self.resolved)
    }

    /// The outcome of the batch.
    #[must_use]
    pub fn finish(self) -> Resolved {
        self.resolved
    }

    /// The events of the part.
    fn events(&self) -> impl Iterator<Item = &'b Event<'e>> + use<'b, 'e> {
        self.messages[self.part.clone()].iter().filter_map(|message| message.event.as_ref().ok())
    }

    fn identify(&self, fold: &mut Fold) -> Needs {
        let mut ask = Ask::of(fold);
        ask.open_blocks();
        for message in &self.messages[self.part.clone()] {
            if let Ok(event) = &message.event {
                event.identify(&message.stamp, &mut ask);
            }
        }
        ask.finish()
    }

    fn links(&self, fold: &mut Fold) -> Result<Needs, NotAtHand> {
        let mut ask = Ask::of(fold);
        self.events().try_for_each(|event| event.links(&mut ask))?;
        Ok(ask.finish())
    }

    fn names(&self, fold: &mut Fold) -> Result<Needs, NotAtHand> {
        let mut ask = Ask::of(fold);
        self.events().try_for_each(|event| event.names(&mut ask))?;
        Ok(ask.finish())
    }

    fn resolve(&mut self, fold: &mut Fold) -> Result<(), NotAtHand> {
        let resolved = &mut self.resolved;
        resolved.outcomes.reserve(self.messages.len());
        resolved.deltas.count(fold.counted);
        let mut touched = Topics::default();
        for message in self.messages {
            let root = &mut fold.root;
            root.log_time = root.log_time.max(message.stamp.log_time);
            let (place, now) = (&mut root.blocks, root.log_time);
            resolved.forget_blocks |= fold.dedup.forget(&mut fold.sets.blocks, place, now);
            let outcome = match &message.event {
                Ok(event) => event.fold(&message.stamp, fold, resolved)?,
                Err(reasons) => Outcome::Quarantined(reasons.clone()),
            };
            let of_event = std::mem::take(&mut resolved.touched);
            touched = touched.union(of_event);
            fold.root.note(of_event, message.stamp.position);
            let counts = &mut fold.root.counts;
            counts.read += 1;
            match &outcome {
                Outcome::Applied => {
                    let adjusted = message.event.as_ref().map(Event::adjusted).unwrap_or_default();
                    counts.applied += 1;
                    counts.rounded += u64::from(adjusted.rounded);
                    counts.shortened += u64::from(adjusted.shortened);
                    if let Some(news) = news(message) {
                        fold.root.tell(news);
                    }
                }
                Outcome::Repeated => counts.repeated += 1,
                Outcome::Unchanged => counts.unchanged += 1,
                Outcome::Stale => counts.stale += 1,
                Outcome::Quarantined(_) => counts.quarantined += 1,
            }
            resolved.outcomes.push(outcome);
        }
        resolved.touched = touched;
        Ok(())
    }

    /// The rollups and the tallies that the additions change.
    fn rollups(&mut self, fold: &mut Fold) -> Needs {
        let mut needs = fold.sets.needs_changed_counts();
        self.resolved.deltas.extend(fold.completed.drain(..));
        self.resolved.deltas.sum_up();
        for key in self.resolved.deltas.keys() {
            if !fold.sets.rollups.at_hand(key) {
                needs.rollups.insert(*key);
            }
        }
        // If a newcomer is the first in a tally, no entity of that tally was counted before.
        for key in self.resolved.named.iter().filter_map(first_in_tally) {
            if needs.tallies.remove(&key) {
                fold.sets.tallies.supply(key, None);
            }
        }
        needs
    }

    fn add(&mut self, fold: &mut Fold) -> Result<(), NotAtHand> {
        fold.add(&mut self.resolved.deltas)?;
        fold.sets.put_changed_counts()
    }
}

/// The tally that a newcomer is the first in.
/// The event of a message, if its kind is news.
fn news(Message { stamp, event }: &Message<'_>) -> Option<News> {
    let event = event.as_ref().ok().filter(|event| event.kind().is_news())?;
    let Stamp { position, log_time, .. } = *stamp;
    let (kind, id) = (event.kind().as_str().into(), event.entity().into());
    Some(News { kind, id, position, at: log_time })
}

fn first_in_tally(named: &Named) -> Option<TallyKey> {
    let key = TallyKey::new(named.entity, named.ordinal);
    (key.first() == named.ordinal).then_some(key)
}
