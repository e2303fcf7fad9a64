//! The counts of each entity: a row of integers, 64 rows to a document.
//!
//! An entity has a document of its own for its statements, written when one of them changes. Its
//! counts change with every event that names it, and in a batch of thousands so do those of its
//! neighbours: side by side they are one write instead of 64.

use std::borrow::Cow;

use serde::Serialize;

use super::Packed;
use crate::collection::{Collection, Key};
use crate::entity::Entity;

pub use super::rows::Tally;

/// The name of one tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyKey {
    of: Entity,
    chunk: u32,
}

impl TallyKey {
    /// The tally that an entity's row is in.
    #[must_use]
    pub fn new(of: Entity, ordinal: u32) -> Self {
        TallyKey { of, chunk: ordinal / Tally::WIDTH }
    }

    /// The first ordinal that it has a place for.
    #[must_use]
    pub fn first(self) -> u32 {
        self.chunk * Tally::WIDTH
    }

    /// The document's id: `customers/0000002a`.
    #[must_use]
    pub fn to_id(&self) -> String {
        format!("{}/{:08x}", self.of.tally(), self.chunk)
    }
}

impl Key for TallyKey {
    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_id())
    }
}

/// The collection of tallies.
#[derive(Debug)]
pub struct Tallies;

impl Collection for Tallies {
    const NAME: &'static str = "tallies";
    const AT_HAND: usize = 10_000;
    type Key = TallyKey;
    type Document = Tally;
    type Stored = Packed<Tally>;

    fn stored(tally: &Tally) -> impl Serialize + '_ {
        Packed { t: tally }
    }

    fn read(Packed { t }: Packed<Tally>) -> Tally {
        t
    }
}

impl From<&TallyKey> for TallyKey {
    fn from(key: &TallyKey) -> Self {
        *key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_document_and_strangers_do_not() {
        let key = |ordinal| TallyKey::new(Entity::Customer, ordinal);
        assert_eq!(key(0), key(63));
        assert_ne!(key(63), key(64));
        assert_ne!(key(0), TallyKey::new(Entity::Product, 0));
        assert_eq!(
            (&*key(64 * 42 + 5).to_id(), key(64 * 42 + 5).first()),
            ("customers/0000002a", 2688)
        );
    }
}
