//! The form of a tally: a row of integers for each of 64 ordinals, and behind them bytes that mean
//! something to the entity alone.
//!
//! Packed form: for each row, in order, its place among the 64 (a byte), the number of bytes that
//! follow (LEB128), and its integers as zigzag LEB128, zeros at the end left out. If there are bytes
//! behind them, the place has the bit 64, and their number and they themselves come next.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Bytes, put_varint, take_varint, unzigzag, zigzag};

/// Rows of integers by ordinal; the entity defines the meaning of each integer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    rows: BTreeMap<u8, Packed>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Packed {
    integers: Box<[u8]>,
    rest: Box<[u8]>,
}

/// The bit of a place that says that bytes follow the integers.
const HAS_REST: u8 = 64;

impl Tally {
    /// The number of ordinals that one tally has a place for.
    pub const WIDTH: u32 = 64;

    /// Replaces the row of an entity.
    pub fn set(&mut self, ordinal: u32, row: &[i64]) {
        self.set_with(ordinal, row, &[]);
    }

    /// Replaces the row of an entity, and the bytes behind it.
    pub fn set_with(&mut self, ordinal: u32, row: &[i64], rest: &[u8]) {
        let len = row.len() - row.iter().rev().take_while(|value| **value == 0).count();
        let mut integers = Vec::with_capacity(len * 2 + 12);
        row[..len].iter().for_each(|value| put_varint(&mut integers, zigzag(*value)));
        self.rows.insert(place(ordinal), Packed { integers: integers.into(), rest: rest.into() });
    }

    /// The row of an entity, zeros if it has none.
    #[must_use]
    pub fn get<const N: usize>(&self, ordinal: u32) -> [i64; N] {
        let mut packed = self.rows.get(&place(ordinal)).map_or(&[][..], |row| &row.integers);
        let mut row = [0; N];
        for value in &mut row {
            match take_varint(&mut packed) {
                Some(packed) => *value = unzigzag(packed),
                None => break,
            }
        }
        row
    }

    /// The bytes behind the row of an entity.
    #[must_use]
    pub fn rest(&self, ordinal: u32) -> &[u8] {
        self.rows.get(&place(ordinal)).map_or(&[][..], |row| &row.rest)
    }

    fn pack(&self) -> Vec<u8> {
        let sizes = self.rows.values().map(|row| row.integers.len() + row.rest.len() + 5);
        let mut bytes = Vec::with_capacity(sizes.sum());
        for (place, Packed { integers, rest }) in &self.rows {
            bytes.push(if rest.is_empty() { *place } else { *place | HAS_REST });
            put_run(&mut bytes, integers);
            if !rest.is_empty() {
                put_run(&mut bytes, rest);
            }
        }
        bytes
    }

    /// Reads rows until the end, or until bytes that are no row.
    fn unpack(mut bytes: &[u8]) -> Self {
        let mut rows = BTreeMap::new();
        while let Some((place, row)) = take_row(&mut bytes) {
            rows.insert(place, row);
        }
        Tally { rows }
    }
}

/// The place of an ordinal in its tally; it is below [`Tally::WIDTH`], which is less than 256.
fn place(ordinal: u32) -> u8 {
    u8::try_from(ordinal % Tally::WIDTH).unwrap_or(u8::MAX)
}

fn put_run(bytes: &mut Vec<u8>, run: &[u8]) {
    put_varint(bytes, run.len() as u64);
    bytes.extend_from_slice(run);
}

fn take_row(bytes: &mut &[u8]) -> Option<(u8, Packed)> {
    let (&place, rest) = bytes.split_first()?;
    *bytes = rest;
    let integers = take_run(bytes)?;
    let rest = if place & HAS_REST == 0 { Box::default() } else { take_run(bytes)? };
    Some((place & !HAS_REST, Packed { integers, rest }))
}

fn take_run(bytes: &mut &[u8]) -> Option<Box<[u8]>> {
    let len = usize::try_from(take_varint(bytes)?).ok()?;
    let (run, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(run.into())
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
        for bytes in
            [&[1][..], &[1, 200], &[1, 2, 3], &[1, 0x80, 0x80], &[65, 1, 2], &[65, 1, 2, 1]]
        {
            assert_eq!(Tally::unpack(bytes), Tally::default(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_tally_reads_back_as_it_was_written(
            rows in proptest::collection::btree_map(
                0_u32..64, (any::<[i64; 5]>(), proptest::collection::vec(any::<u8>(), 0..4)), 0..64,
            )
        ) {
            let mut tally = Tally::default();
            for (ordinal, (row, rest)) in &rows {
                tally.set_with(*ordinal, row, rest);
            }
            let read = Tally::unpack(&tally.pack());
            prop_assert_eq!(&read, &tally);
            for ordinal in 0..64 {
                let (row, rest) = rows.get(&ordinal).cloned().unwrap_or_default();
                prop_assert_eq!((read.get(ordinal), read.rest(ordinal)), (row, &*rest));
            }
        }
    }
}
