//! What is counted of each entity: a row of integers, 64 rows to a document.
//!
//! An entity has a document of its own for what is stated of it, written when something is. What
//! is counted of it changes with every event that names it, and in a batch of thousands so does
//! what is counted of its neighbours: side by side they are one write instead of 64.
//!
//! Packed form: for each row, in order, its place among the 64 (a byte), how many bytes follow
//! (LEB128), and its integers as zigzag LEB128, zeros at the end left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Bytes, Packed, put_varint, take_varint, unzigzag, zigzag};
use crate::collection::{Collection, Key};
use crate::entity::Entity;

/// Ordinals in one document.
const WIDTH: u32 = 64;

/// Names one tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyKey {
    of: Entity,
    chunk: u32,
}

impl TallyKey {
    /// The tally that an entity's row is in.
    #[must_use]
    pub fn new(of: Entity, ordinal: u32) -> Self {
        TallyKey { of, chunk: ordinal / WIDTH }
    }

    /// The first ordinal that it has a place for.
    #[must_use]
    pub fn first(self) -> u32 {
        self.chunk * WIDTH
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

/// Rows of integers by ordinal; what each integer means is its entity's to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    rows: BTreeMap<u8, Box<[u8]>>,
}

impl Tally {
    /// Replaces the row of an entity.
    pub fn set(&mut self, ordinal: u32, row: &[i64]) {
        let len = row.len() - row.iter().rev().take_while(|value| **value == 0).count();
        let mut packed = Vec::with_capacity(len * 2 + 12);
        row[..len].iter().for_each(|value| put_varint(&mut packed, zigzag(*value)));
        self.rows.insert(place(ordinal), packed.into());
    }

    /// The row of an entity, zeros where it has none.
    #[must_use]
    pub fn get<const N: usize>(&self, ordinal: u32) -> [i64; N] {
        let mut packed = self.rows.get(&place(ordinal)).map_or(&[][..], |packed| packed);
        let mut row = [0; N];
        for value in &mut row {
            match take_varint(&mut packed) {
                Some(packed) => *value = unzigzag(packed),
                None => break,
            }
        }
        row
    }

    fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rows.values().map(|packed| packed.len() + 3).sum());
        for (place, packed) in &self.rows {
            bytes.push(*place);
            put_varint(&mut bytes, packed.len() as u64);
            bytes.extend_from_slice(packed);
        }
        bytes
    }

    /// Bytes that are no tally end it.
    fn unpack(mut bytes: &[u8]) -> Self {
        let mut rows = BTreeMap::new();
        while let Some((&place, rest)) = bytes.split_first() {
            bytes = rest;
            let len = take_varint(&mut bytes).and_then(|len| usize::try_from(len).ok());
            let Some((packed, rest)) = len.and_then(|len| bytes.split_at_checked(len)) else {
                break;
            };
            rows.insert(place, packed.into());
            bytes = rest;
        }
        Tally { rows }
    }
}

/// Below [`WIDTH`], which is less than 256.
fn place(ordinal: u32) -> u8 {
    u8::try_from(ordinal % WIDTH).unwrap_or(u8::MAX)
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.pack())
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Tally::unpack(&Bytes::deserialize(deserializer)?.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn who_has_no_row_has_zeros() {
        let mut tally = Tally::default();
        tally.set(1, &[0, 0]);
        assert_eq!(tally.get::<2>(0), [0, 0]);
        assert_eq!(tally.get::<2>(1), [0, 0]);
    }

    #[test]
    fn bytes_that_are_no_tally_end_it() {
        for bytes in [&[1][..], &[1, 200], &[1, 2, 3], &[1, 0x80, 0x80]] {
            assert_eq!(Tally::unpack(bytes), Tally::default(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_tally_reads_back_as_it_was_written(
            rows in proptest::collection::btree_map(0_u32..64, any::<[i64; 5]>(), 0..64)
        ) {
            let mut tally = Tally::default();
            for (ordinal, row) in &rows {
                tally.set(*ordinal, row);
            }
            let read = Tally::unpack(&tally.pack());
            prop_assert_eq!(&read, &tally);
            for ordinal in 0..64 {
                prop_assert_eq!(read.get(ordinal), rows.get(&ordinal).copied().unwrap_or_default());
            }
        }
    }
}
