//! A sparse table: sorted `u32` keys to three integers, packed into a few bytes a row.
//!
//! Everything that is counted by time or by entity is one of these: the quarters of a month, the
//! customers of a day, the pages of a morning. A row whose integers are all zero is not there, so a
//! contribution that was put in and taken out again leaves no trace, and two tables of the same
//! content are the same bytes.
//!
//! Packed form: the number of columns, then for each row the key as the difference to the one
//! before (LEB128) and each column as zigzag LEB128. Columns that are zero throughout at the end
//! are left out.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Bytes, put_varint, take_varint, unzigzag, zigzag};

/// The integers of a row; its rollup defines the meaning of each.
pub type Row = [i64; 3];

/// A sparse table in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// In order of their keys; none of zeros.
    rows: Vec<(u32, Row)>,
}

/// A table of more than so many rows for each that is added to is searched for them, not read through.
const SEARCHED: usize = 16;

/// Adds `delta` to a row. A sum that leaves its integer saturates; the fold prevents that by refusing
/// the event (see `Root::admits`).
pub(super) fn add(row: &mut Row, delta: Row) {
    for (cell, change) in row.iter_mut().zip(delta) {
        *cell = cell.saturating_add(change);
    }
}

impl Table {
    /// Adds `delta` to the row at `key`. Returns whether the row is still there.
    pub fn add(&mut self, key: u32, delta: Row) -> bool {
        match self.rows.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => {
                add(&mut self.rows[at].1, delta);
                let is_there = self.rows[at].1 != [0; 3];
                if !is_there {
                    self.rows.remove(at);
                }
                is_there
            }
            Err(at) => {
                let is_there = delta != [0; 3];
                if is_there {
                    self.rows.insert(at, (key, delta));
                }
                is_there
            }
        }
    }

    /// Adds to many rows, in order of their keys, and tells `gone` the keys of those that are not there
    /// then.
    pub(crate) fn add_all(&mut self, additions: &[(u32, Row)], mut gone: impl FnMut(u32)) {
        if additions.len() < self.rows.len() / SEARCHED {
            for (key, delta) in additions {
                if !self.add(*key, *delta) {
                    gone(*key);
                }
            }
            return;
        }
        let mut rows = Vec::with_capacity(self.rows.len() + additions.len());
        let mut before = std::mem::take(&mut self.rows).into_iter().peekable();
        for (key, delta) in additions {
            while let Some(row) = before.next_if(|(before, _)| before < key) {
                rows.push(row);
            }
            let mut sum =
                before.next_if(|(before, _)| before == key).map_or([0; 3], |(_, row)| row);
            add(&mut sum, *delta);
            if sum == [0; 3] {
                gone(*key);
            } else {
                rows.push((*key, sum));
            }
        }
        rows.extend(before);
        rows.shrink_to(rows.len() + rows.len() / 4);
        self.rows = rows;
    }

    /// The number of rows that are not zero.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether every row is zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows in order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Row)> + '_ {
        self.rows.iter().copied()
    }

    /// The packed form.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        let columns = self.columns();
        let mut bytes = Vec::with_capacity(1 + self.rows.len() * (2 + 2 * columns));
        bytes.push(u8::try_from(columns).unwrap_or(3));
        let mut previous = 0;
        for (key, row) in &self.rows {
            put_varint(&mut bytes, u64::from(key - previous));
            previous = *key;
            for value in &row[..columns] {
                put_varint(&mut bytes, zigzag(*value));
            }
        }
        bytes
    }

    fn columns(&self) -> usize {
        let mut columns = 0;
        for (_, row) in &self.rows {
            columns = columns.max(3 - row.iter().rev().take_while(|value| **value == 0).count());
            if columns == 3 {
                break;
            }
        }
        columns
    }
}

impl FromIterator<(u32, Row)> for Table {
    fn from_iter<I: IntoIterator<Item = (u32, Row)>>(rows: I) -> Self {
        let mut rows: Vec<(u32, Row)> = rows.into_iter().collect();
        sum_up(&mut rows);
        rows.retain(|(_, row)| *row != [0; 3]);
        Table { rows }
    }
}

/// Puts rows in order of their keys, and adds those of one key up.
pub(super) fn sum_up(rows: &mut Vec<(u32, Row)>) {
    if !rows.is_sorted_by(|(one, _), (next, _)| one < next) {
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.dedup_by(|(key, row), (kept, sum)| {
            let is_same = key == kept;
            if is_same {
                add(sum, *row);
            }
            is_same
        });
    }
}

/// The rows of a packed table, without building it. Bytes that are no table end the iteration.
#[must_use]
pub fn unpack(bytes: &[u8]) -> Unpack<'_> {
    let (columns, rest) = match bytes.split_first() {
        Some((&columns, rest)) if columns <= 3 => (usize::from(columns), rest),
        _ => (0, &[][..]),
    };
    Unpack { columns, rest, key: 0 }
}

/// The iterator of [`unpack`].
pub struct Unpack<'a> {
    columns: usize,
    rest: &'a [u8],
    key: u32,
}

impl Iterator for Unpack<'_> {
    type Item = (u32, Row);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let step = take_varint(&mut self.rest)?;
        self.key = self.key.wrapping_add(u32::try_from(step).ok()?);
        let mut row = [0; 3];
        for cell in &mut row[..self.columns] {
            *cell = unzigzag(take_varint(&mut self.rest)?);
        }
        Some((self.key, row))
    }
}

/// A row of a packed table; [`unpack_between`] can begin behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The key of the row.
    key: u32,
    /// The place where the next one begins.
    end: u32,
}

/// Marks are so many bytes apart.
const APART: usize = 256;

/// Marks of a packed table: a sparse index, which [`unpack_between`] finds rows by.
#[must_use]
pub fn marks(bytes: &[u8]) -> Vec<Mark> {
    let (mut marks, mut last) = (Vec::new(), 0);
    let mut rows = unpack(bytes);
    while let Some((key, _)) = rows.next() {
        let end = bytes.len() - rows.rest.len();
        if end >= last + APART && !rows.rest.is_empty() {
            marks.extend(u32::try_from(end).ok().map(|end| Mark { key, end }));
            last = end;
        }
    }
    marks
}

/// The rows of a packed table from one key to another, both included. It begins at the last mark before the
/// first key; without marks, at the first row.
pub fn unpack_between<'a>(
    bytes: &'a [u8],
    marks: &[Mark],
    keys: RangeInclusive<u32>,
) -> impl Iterator<Item = (u32, Row)> + use<'a> {
    let (first, last) = keys.into_inner();
    let mut rows = unpack(bytes);
    let before = marks.partition_point(|mark| mark.key < first);
    if let Some(Mark { key, end }) = before.checked_sub(1).map(|at| marks[at]) {
        (rows.key, rows.rest) = (key, bytes.get(end as usize..).unwrap_or_default());
    }
    rows.skip_while(move |(key, _)| *key < first).take_while(move |(key, _)| *key <= last)
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.pack())
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(unpack(&Bytes::deserialize(deserializer)?.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_taken_out_leaves_no_trace() {
        let mut table = Table::default();
        table.add(7, [1, 2, 3]);
        table.add(9, [1, 0, 0]);
        table.add(7, [-1, -2, -3]);
        assert_eq!(table, [(9, [1, 0, 0])].into_iter().collect());
        assert_eq!(table.pack(), [1, 9, 2]);
    }

    proptest! {
        #[test]
        fn many_additions_make_what_they_make_one_by_one(
            before in proptest::collection::btree_map(0..200_u32, -2..3_i64, 0..100),
            additions in proptest::collection::btree_map(0..200_u32, -2..3_i64, 0..50),
        ) {
            let mut one_by_one: Table = before.iter().map(|(key, n)| (*key, [*n, 0, 0])).collect();
            let mut at_once = one_by_one.clone();
            let additions: Vec<_> = additions.iter().map(|(key, n)| (*key, [*n, 0, 0])).collect();
            let (mut gone, mut gone_at_once) = (vec![], vec![]);
            for (key, delta) in &additions {
                if !one_by_one.add(*key, *delta) {
                    gone.push(*key);
                }
            }
            at_once.add_all(&additions, |key| gone_at_once.push(key));
            prop_assert_eq!((at_once, gone_at_once), (one_by_one, gone));
        }

        #[test]
        fn packing_keeps_every_row(rows in proptest::collection::btree_map(any::<u32>(), any::<[i64; 3]>(), 0..50)) {
            let table: Table = rows.into_iter().collect();
            let again: Table = unpack(&table.pack()).collect();
            prop_assert_eq!(again, table);
        }

        #[test]
        fn rows_are_found_by_marks_as_without(
            rows in proptest::collection::btree_map(0..2_000_u32, -300..300_i64, 0..600),
            first in 0..2_100_u32,
            more in 0..600_u32,
        ) {
            let table: Table = rows.iter().map(|(key, n)| (*key, [*n, 0, 1])).collect();
            let (bytes, keys) = (table.pack(), first..=first + more);
            let marks = marks(&bytes);
            prop_assert!(bytes.len() < 2 * APART || !marks.is_empty());
            let expected: Vec<_> = table.iter().filter(|(key, _)| keys.contains(key)).collect();
            let found: Vec<_> = unpack_between(&bytes, &marks, keys.clone()).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(unpack_between(&bytes, &[], keys).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn any_bytes_unpack_to_something_finite(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(unpack(&bytes).count() <= bytes.len());
        }
    }
}
