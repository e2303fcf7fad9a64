//! The history of an entity: its newest changes, and the number of all of them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::packed::{Bytes, put_varint, take_varint};
use crate::time::Time;

/// The most changes that are kept of an entity; older ones are counted alone.
pub const KEPT: usize = 100;

/// The changes of an entity. It is stored as a few bytes a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The number of changes, those that are not kept included.
    pub changes: u64,
    /// The newest, the oldest of them first; at most [`KEPT`].
    pub newest: Vec<Change>,
}

/// An event that changed an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The position of the event in the log; of one that was replayed, that of the replay.
    pub position: u64,
    /// The log's time of the event.
    pub at: Time,
    /// The parts of the entity that it changed.
    pub parts: Parts,
}

/// A part of an entity that an event changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// The lines, amounts, date and other facts of an order.
    Content = 0,
    /// The status of an order.
    OrderStatus = 1,
    /// The status of its payment.
    PaymentStatus = 2,
    /// The status of its delivery.
    DeliveryStatus = 3,
    /// The transactions that name the order.
    Transactions = 4,
    /// The refunds of an order or transaction.
    Refunds = 5,
    /// The sale of a transaction.
    Sale = 6,
    /// The return of a transaction.
    Return = 7,
}

/// A set of parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts(u64);

impl History {
    /// Whether nothing has changed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// Notes a change; several by one event are one. None of no part is noted.
    pub(crate) fn note(&mut self, change: Change) {
        if change.parts == Parts::default() {
            return;
        }
        match self.newest.last_mut() {
            Some(last) if last.position == change.position => {
                last.parts = last.parts.and(change.parts);
            }
            _ => {
                if self.newest.len() == KEPT {
                    self.newest.remove(0);
                }
                self.newest.push(change);
                self.changes += 1;
            }
        }
    }

    fn packed(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(2 + 8 * self.newest.len());
        put_varint(&mut bytes, self.changes);
        let mut before = (0_u64, 0_i64);
        for Change { position, at, parts } in &self.newest {
            // Positions and log times never fall.
            put_varint(&mut bytes, position - before.0);
            put_varint(&mut bytes, (at.0 - before.1).unsigned_abs());
            put_varint(&mut bytes, parts.0);
            before = (*position, at.0);
        }
        Bytes(bytes)
    }

    fn unpacked(mut bytes: &[u8]) -> Option<Self> {
        let mut history = History { changes: take_varint(&mut bytes)?, newest: Vec::new() };
        let mut before = (0_u64, 0_i64);
        while !bytes.is_empty() {
            let position = take_varint(&mut bytes)?.checked_add(before.0)?;
            let at = before.1.checked_add_unsigned(take_varint(&mut bytes)?)?;
            let parts = Parts(take_varint(&mut bytes)?);
            history.newest.push(Change { position, at: Time(at), parts });
            before = (position, at);
        }
        Some(history)
    }
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.packed().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        History::unpacked(&bytes).ok_or_else(|| serde::de::Error::custom("no history"))
    }
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 8] = [
        Part::Content,
        Part::OrderStatus,
        Part::PaymentStatus,
        Part::DeliveryStatus,
        Part::Transactions,
        Part::Refunds,
        Part::Sale,
        Part::Return,
    ];

    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Content => "content",
            Part::OrderStatus => "orderStatus",
            Part::PaymentStatus => "paymentStatus",
            Part::DeliveryStatus => "deliveryStatus",
            Part::Transactions => "transactions",
            Part::Refunds => "refunds",
            Part::Sale => "sale",
            Part::Return => "return",
        }
    }
}

impl Parts {
    /// Those of both sets.
    #[must_use]
    pub fn and(self, other: Parts) -> Self {
        Parts(self.0 | other.0)
    }

    /// The parts, in the order of [`Part::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(move |part| self.0 & 1 << *part as u8 != 0)
    }
}

impl From<Part> for Parts {
    fn from(part: Part) -> Self {
        Parts(1 << part as u8)
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        parts.into_iter().fold(Parts::default(), |set, part| set.and(part.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(position: u64, part: Part) -> Change {
        Change {
            position,
            at: Time(1_700_000_000_000 + 7 * position.cast_signed()),
            parts: part.into(),
        }
    }

    #[test]
    fn the_newest_changes_are_kept_and_all_are_counted() {
        let mut history = History::default();
        (1..=250).for_each(|position| history.note(change(position, Part::OrderStatus)));
        history.note(change(250, Part::Content));
        history.note(Change { parts: Parts::default(), ..change(251, Part::Content) });
        assert_eq!(history.changes, 250);
        let positions: Vec<_> = history.newest.iter().map(|change| change.position).collect();
        assert_eq!(positions, (151..=250).collect::<Vec<_>>());
        let last = history.newest.last().map(|change| change.parts.iter().collect::<Vec<_>>());
        assert_eq!(last, Some(vec![Part::Content, Part::OrderStatus]));
    }

    #[test]
    fn a_history_reads_back_from_its_bytes() {
        let mut history = History::default();
        for (position, part) in [(3, Part::Sale), (900, Part::Return), (70_000, Part::Refunds)] {
            history.note(change(position, part));
            let Bytes(bytes) = history.packed();
            assert_eq!(History::unpacked(&bytes).as_ref(), Some(&history));
        }
        let Bytes(bytes) = history.packed();
        assert!(bytes.len() < 24, "{} bytes", bytes.len());
        assert_eq!(History::unpacked(&bytes[..bytes.len() - 1]), None);
    }
}
