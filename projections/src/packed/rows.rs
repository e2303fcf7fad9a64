//! The form of a tally: a row of integers for each of 64 ordinals.
//!
//! Packed form: for each row, in order, its place among the 64 (a byte), the number of bytes that
//! follow (LEB128), and its integers as zigzag LEB128, zeros at the end left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Bytes, put_varint, take_varint, unzigzag, zigzag};

/// Rows of integers by ordinal; the entity defines the meaning of each integer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    rows: BTreeMap<u8, Box<[u8]>>,
}

impl Tally {
    /// The number of ordinals that one tally has a place for.
    pub(super) const WIDTH: u32 = 64;

    /// Replaces the row of an entity.
    pub fn set(&mut self, ordinal: u32, row: &[i64]) {
        let len = row.len() - row.iter().rev().take_while(|value| **value == 0).count();
        let mut packed = Vec::with_capacity(len * 2 + 12);
        row[..len].iter().for_each(|value| put_varint(&mut packed, zigzag(*value)));
        self.rows.insert(place(ordinal), packed.into());
    }

    /// The row of an entity, zeros if it has none.
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

    /// Reads rows until the end, or until bytes that are no row.
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

/// The place of an ordinal in its tally; it is below [`Tally::WIDTH`], which is less than 256.
fn place(ordinal: u32) -> u8 {
    u8::try_from(ordinal % Tally::WIDTH).unwrap_or(u8::MAX)
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
