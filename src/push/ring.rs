//! The last frames of one topic, with plain values: what the next frame is, what a subscriber that
//! has seen some of them gets next, and whether one that was away can go on where it was.
//!
//! A reading of the figures is of one position. Between readings nobody knows what the figures were, so
//! a state is known for an interval alone: from the topic's last change before the reading to the last
//! position at which no other change was seen. A client that comes back from within an interval has that
//! state; one from between two intervals may have figures that changed there and back, and gets a
//! snapshot.
//!
//! The figures of a range that moves with time (the last 30 days) are other figures at the same position.
//! A reading says the key of its question, which is another when the range has rolled on. A client that
//! comes back from a position got its figures after that position's commit; if the question had the same
//! key then, it has had it since, as ranges move forward only.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use projections::time::Time;
use serde_json::value::RawValue;

use super::frame::{Cursor, Frame, Head, Kind};

/// The deltas of a topic that are kept, in bytes: what a slow subscriber can be behind, and what one
/// that was away can be sent.
pub const RING_BYTES: usize = 256 * 1024;
/// The same in number.
const RING_FRAMES: usize = 1_024;

/// Figures as they were read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The position that they reflect.
    pub cursor: Cursor,
    /// The topic's last change up to there.
    pub changed: u64,
    /// The question that they answer, as it was understood when they were read.
    pub key: Arc<str>,
    /// Whether the question was understood in the same way when that position was committed.
    pub is_settled: bool,
    /// The time at which they were read.
    pub at: Time,
    /// The figures, as JSON.
    pub data: Bytes,
}

/// A state of the topic, and the positions at which it is known to be the state.
#[derive(Debug)]
struct State {
    cursor: Cursor,
    /// From here,
    changed: u64,
    /// to here,
    until: u64,
    /// for clients that got it from here on.
    settled_from: Option<u64>,
    /// The way to it from the state before; `None` for the first.
    delta: Option<Arc<Frame>>,
}

impl State {
    fn bytes(&self) -> usize {
        self.delta.as_ref().map_or(0, |delta| delta.json.len())
    }
}

/// Where a subscriber that was away stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// It has what the frame of this number led to, and gets those after it.
    After(u64),
    /// The way from there is not known: it gets a snapshot.
    Lost,
    /// This process has not come as far.
    Ahead,
}

/// The last frames of a topic.
#[derive(Debug)]
pub struct Ring {
    topic: Box<str>,
    has_deltas: bool,
    states: VecDeque<State>,
    bytes: usize,
    /// The number of the newest frame; 0 before the first.
    last: u64,
    newest: Option<Newest>,
}

/// The newest state as a whole.
#[derive(Debug)]
struct Newest {
    /// The position of the frame before.
    from: u64,
    reading: Reading,
    /// Written when the first subscriber needs it.
    snapshot: Option<Arc<Frame>>,
}

impl Ring {
    /// No frame yet of the topic of that name. Without `has_deltas` every frame is a snapshot.
    #[must_use]
    pub fn new(topic: &str, has_deltas: bool) -> Self {
        let (states, newest) = (VecDeque::new(), None);
        Ring { topic: topic.into(), has_deltas, states, bytes: 0, last: 0, newest }
    }

    /// Whether the figures have to be read anew.
    #[must_use]
    pub fn is_due(&self, at: Cursor, changed: u64, key: &str) -> bool {
        let (Some(newest), Some(state)) = (&self.newest, self.states.back()) else { return true };
        if !at.compares_with(state.cursor) {
            return true;
        }
        at.position >= state.cursor.position
            && (changed > state.changed || *newest.reading.key != *key)
    }

    /// The topic has not changed up to a position.
    pub fn unchanged(&mut self, at: Cursor, is_settled: bool) {
        if let Some(state) = self.states.back_mut().filter(|it| it.cursor.compares_with(at)) {
            state.until = state.until.max(at.position);
            if is_settled {
                state.settled_from.get_or_insert(at.position);
            }
        }
    }

    /// Takes figures that were read, and says whether they make a frame.
    pub fn take(&mut self, reading: Reading) -> bool {
        let Some(newest) = &self.newest else {
            self.replace(0, reading);
            return true;
        };
        let before = newest.reading.cursor;
        let is_same_range = newest.reading.key == reading.key;
        if !before.compares_with(reading.cursor) {
            self.replace(0, reading);
            return true;
        }
        if reading.cursor.position < before.position {
            return false;
        }
        let is_same = is_same_range && newest.reading.data == reading.data;
        if is_same && (reading.cursor == before || !self.has_deltas) {
            self.stays(&reading);
            return false;
        }
        let delta = (is_same_range && self.has_deltas && reading.cursor != before)
            .then(|| delta(&newest.reading.data, &reading.data))
            .flatten();
        match delta {
            Some(delta) => self.append(before.position, reading, &delta),
            None => self.replace(before.position, reading),
        }
        true
    }

    /// The figures are what they were, though something changed.
    fn stays(&mut self, reading: &Reading) {
        if let Some(state) = self.states.back_mut() {
            if reading.changed > state.changed {
                // They may have been others in between.
                let settled_from = reading.is_settled.then_some(reading.cursor.position);
                (state.changed, state.settled_from) = (reading.changed, settled_from);
            }
            state.until = state.until.max(reading.cursor.position);
        }
    }

    /// Begins anew with a snapshot: there is no way to it.
    fn replace(&mut self, from: u64, reading: Reading) {
        self.states.clear();
        self.bytes = 0;
        self.push(from, reading, None);
    }

    fn append(&mut self, from: u64, reading: Reading, delta: &[u8]) {
        let head = Head {
            topic: &self.topic,
            from,
            cursor: reading.cursor,
            at: reading.at,
            kind: Kind::Delta,
        };
        let frame = Arc::new(head.frame(self.last + 1, delta));
        self.push(from, reading, Some(frame));
        while self.states.len() > 1 && (self.bytes > RING_BYTES || self.states.len() > RING_FRAMES)
        {
            self.states.pop_front();
            // The first state has no way to it any more.
            if let Some(first) = self.states.front_mut() {
                self.bytes -= first.bytes();
                first.delta = None;
            }
        }
    }

    fn push(&mut self, from: u64, reading: Reading, delta: Option<Arc<Frame>>) {
        let Reading { cursor, changed, is_settled, .. } = reading;
        let settled_from = is_settled.then_some(cursor.position);
        let state = State { cursor, changed, until: cursor.position, settled_from, delta };
        self.bytes += state.bytes();
        self.states.push_back(state);
        self.last += 1;
        self.newest = Some(Newest { from, reading, snapshot: None });
    }

    /// The frame that a subscriber gets next that has seen the one of that number, 0 for none. It is a
    /// snapshot where the way there is gone, or longer than that.
    pub fn after(&mut self, seen: u64) -> Option<Arc<Frame>> {
        let missed = self.last.checked_sub(seen).filter(|missed| *missed > 0)?;
        let missed = usize::try_from(missed).unwrap_or(usize::MAX);
        if seen == 0 || missed >= self.states.len() {
            return self.snapshot();
        }
        let way = self.states.range(self.states.len() - missed..);
        let bytes: usize = way.clone().map(State::bytes).sum();
        let snapshot = self.newest.as_ref().map_or(0, |newest| newest.reading.data.len());
        match way.clone().next().and_then(|state| state.delta.clone()) {
            Some(delta) if missed == 1 || bytes <= snapshot => Some(delta),
            _ => self.snapshot(),
        }
    }

    /// All figures, for a subscriber that has seen the frame of that number, 0 for none, where there is a
    /// newer one.
    pub fn whole(&mut self, seen: u64) -> Option<Arc<Frame>> {
        if self.last > seen { self.snapshot() } else { None }
    }

    /// The position of the newest figures.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        self.newest.as_ref().map(|newest| newest.reading.cursor.position)
    }

    /// All figures, as one frame, at the last position at which they are known.
    fn snapshot(&mut self) -> Option<Arc<Frame>> {
        let until = self.states.back()?.until;
        let newest = self.newest.as_mut()?;
        if let Some(frame) = newest.snapshot.as_ref().filter(|it| it.cursor.position == until) {
            return Some(frame.clone());
        }
        let Reading { cursor, at, data, .. } = &newest.reading;
        let cursor = Cursor { position: until, ..*cursor };
        let head =
            Head { topic: &self.topic, from: newest.from, cursor, at: *at, kind: Kind::Snapshot };
        let frame = Arc::new(head.frame(self.last, data));
        newest.snapshot = Some(frame.clone());
        Some(frame)
    }

    /// Where a subscriber stands that was away, by the last it has.
    #[must_use]
    pub fn resume(&self, has: Cursor) -> Resumed {
        let Some(newest) = self.states.back() else { return Resumed::Ahead };
        if !has.is_of_log_of(newest.cursor) {
            return Resumed::Lost;
        }
        if has.generation != newest.cursor.generation {
            // Where it is a later one, another process was switched to it before.
            let is_later = has.generation > newest.cursor.generation;
            return if is_later { Resumed::Ahead } else { Resumed::Lost };
        }
        if has.position > newest.until {
            return Resumed::Ahead;
        }
        let mut number = self.last;
        for (index, state) in self.states.iter().enumerate().rev() {
            if (state.changed..=state.until).contains(&has.position) {
                // A client from before the state was read here got it after the one before.
                let before = index.checked_sub(1).map(|before| &self.states[before]);
                let is_settled = |it: &State| it.settled_from.is_some_and(|it| it <= has.position);
                let is_known = is_settled(state) || before.is_some_and(is_settled);
                return if is_known { Resumed::After(number) } else { Resumed::Lost };
            }
            number -= 1;
        }
        Resumed::Lost
    }

    /// The last position at which the state is known that the frame of this number led to.
    #[must_use]
    pub fn known(&self, seen: u64) -> Option<u64> {
        let back = usize::try_from(self.last.checked_sub(seen)?).ok()?;
        let index = self.states.len().checked_sub(back + 1)?;
        self.states.get(index).map(|state| state.until)
    }

    /// The bytes of the deltas that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The members that changed, with their new values; `None` where that does not say it all, since one
/// is gone, or the figures are no object.
fn delta(before: &[u8], after: &[u8]) -> Option<Vec<u8>> {
    let before: Members<'_> = serde_json::from_slice(before).ok()?;
    let after: Members<'_> = serde_json::from_slice(after).ok()?;
    if before.keys().any(|name| !after.contains_key(name)) {
        return None;
    }
    let is_new = |name: &str, value: &RawValue| {
        before.get(name).is_none_or(|before| before.get() != value.get())
    };
    let changed: Members<'_> =
        after.into_iter().filter(|(name, value)| is_new(name, value)).collect();
    serde_json::to_vec(&changed).ok()
}

#[cfg(test)]
mod tests;
