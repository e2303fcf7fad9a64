//! The tables that contributions are counted in: one packed [`Table`](crate::table::Table) for each
//! family, slice, bucket of time and chunk. [`crate::family`] declares the families and the shape
//! of their tables.

use std::borrow::Cow;

use serde::Serialize;

use super::Packed;
use super::table::{Row, Table};
use crate::bucket::{self, Level, MINUTES_PER_DAY, QUARTERS_PER_DAY};
use crate::collection::{Collection, Key};
use crate::family::{Family, Shape, Slice};

/// The name of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// The family.
    pub family: Family,
    /// The slice of the family.
    pub slice: Slice,
    /// The length of the bucket.
    pub level: Level,
    /// The bucket of that level.
    pub bucket: u32,
    /// The part of the bucket's keys.
    pub chunk: u32,
}

impl Key for RollupKey {
    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_id())
    }
}

/// The collection of rollups.
#[derive(Debug)]
pub struct Rollups;

impl Collection for Rollups {
    const NAME: &'static str = "rollups";
    const AT_HAND: usize = 50_000;
    type Key = RollupKey;
    type Document = Table;
    type Stored = Packed<Table>;

    fn stored(table: &Table) -> impl Serialize + '_ {
        Packed { t: table }
    }

    fn read(Packed { t }: Packed<Table>) -> Table {
        t
    }
}

impl From<&RollupKey> for RollupKey {
    fn from(key: &RollupKey) -> Self {
        *key
    }
}

impl RollupKey {
    /// The document's id. Ids of one family, slice and level sort by time.
    #[must_use]
    pub fn to_id(&self) -> String {
        let prefix = prefix(self.family, self.slice, self.level);
        format!("{prefix}{}/{:08x}", bucket::label(self.level, self.bucket), self.chunk)
    }
}

/// The prefix of the ids of one family, slice and level.
#[must_use]
pub fn prefix(family: Family, slice: Slice, level: Level) -> String {
    let level = match level {
        Level::Quarter => "quarter",
        Level::Day => "day",
        Level::Month => "month",
        Level::Ever => "ever",
    };
    format!("{}/{}/{level}/", family.as_str(), family.slice_name(slice))
}

/// The chunk that a document's id names, as [`RollupKey::to_id`] wrote it.
#[must_use]
pub fn chunk_of_id(id: &str) -> Option<u32> {
    u32::from_str_radix(id.rsplit('/').next()?, 16).ok()
}

/// The number of low bits of an ordinal within a chunk; entities share a chunk by the high bits.
/// The finer the level, the fewer entities have a row, the wider the chunk; none passes a megabyte
/// (see `tests/reference/bounds.rs`).
#[must_use]
pub fn chunk_bits(level: Level) -> u32 {
    match level {
        Level::Quarter => 15,
        Level::Day => 13,
        Level::Month => 11,
        Level::Ever => 9,
    }
}

/// The number of low bits of an ordinal within a chunk of a family by entity in a value: of each
/// entity a table has a row for each of [`CODES_WIDTH`] values.
#[must_use]
pub fn chunk_bits_in(level: Level) -> u32 {
    match level {
        Level::Quarter => 14,
        level => chunk_bits(level),
    }
}

/// The number of codes that are side by side in a table by entity in a value.
pub const CODES_WIDTH: u32 = 1 << CODES_BITS;
const CODES_BITS: u32 = 3;
/// The codes of a chunk by entity in a value begin at this bit of its number; the bits below it are
/// those of ordinals.
const CODES_SHIFT: u32 = 24;

/// The chunks of a family by entity in a value that have a code.
#[must_use]
pub fn chunks_of_code(code: u16) -> std::ops::RangeInclusive<u32> {
    let first = u32::from(code) >> CODES_BITS << CODES_SHIFT;
    first..=first | ((1 << CODES_SHIFT) - 1)
}

/// The code and the ordinal of a row of a chunk, in a family by entity in a value.
#[must_use]
pub fn entity_in(level: Level, chunk: u32, row: u32) -> (u16, u32) {
    let bits = chunk_bits_in(level);
    let code = chunk >> CODES_SHIFT << CODES_BITS | row >> bits;
    let ordinal = (chunk & ((1 << CODES_SHIFT) - 1)) << bits | row & ((1 << bits) - 1);
    // A code is below 2¹¹ by the caps of vocabularies.
    (u16::try_from(code).unwrap_or(u16::MAX), ordinal)
}

/// One addition to one row of one table.
#[derive(Debug, Clone, Copy)]
pub struct Delta {
    /// The table.
    pub key: RollupKey,
    /// The row.
    pub row: u32,
    /// The values to add.
    pub delta: Row,
}

/// An addition to the row of a quarter hour in its month's table.
#[must_use]
pub fn by_quarter(family: Family, slice: Slice, quarter: u32, delta: Row) -> Delta {
    let bucket = bucket::month_of_quarter(quarter);
    let row = quarter - bucket::first_quarter(Level::Month, bucket);
    Delta { key: RollupKey { family, slice, level: Level::Month, bucket, chunk: 0 }, row, delta }
}

/// An addition to the row of a minute in its day's table.
#[must_use]
pub fn by_minute(family: Family, slice: Slice, minute: u32, delta: Row) -> Delta {
    let (bucket, row) = (minute / MINUTES_PER_DAY, minute % MINUTES_PER_DAY);
    Delta { key: RollupKey { family, slice, level: Level::Day, bucket, chunk: 0 }, row, delta }
}

/// The additions to an entity's rows at all levels.
pub fn by_entity(
    family: Family,
    slice: Slice,
    quarter: u32,
    ordinal: u32,
    delta: Row,
) -> impl Iterator<Item = Delta> {
    let levels = family.shape().levels().iter();
    levels.map(move |level| of_entity(family, slice, *level, quarter, ordinal, delta))
}

fn of_entity(
    family: Family,
    slice: Slice,
    level: Level,
    quarter: u32,
    ordinal: u32,
    delta: Row,
) -> Delta {
    let bits = chunk_bits(level);
    let bucket = bucket::bucket_of(level, quarter);
    let key = RollupKey { family, slice, level, bucket, chunk: ordinal >> bits };
    Delta { key, row: ordinal & ((1 << bits) - 1), delta }
}

/// The additions to the rows of an entity in a value at all levels.
pub fn by_entity_in(
    family: Family,
    slice: Slice,
    quarter: u32,
    (code, ordinal): (u16, u32),
    delta: Row,
) -> impl Iterator<Item = Delta> {
    let levels = family.shape().levels().iter();
    levels.map(move |level| of_entity_in(family, slice, *level, quarter, (code, ordinal), delta))
}

fn of_entity_in(
    family: Family,
    slice: Slice,
    level: Level,
    quarter: u32,
    (code, ordinal): (u16, u32),
    delta: Row,
) -> Delta {
    let (bits, code) = (chunk_bits_in(level), u32::from(code));
    let bucket = bucket::bucket_of(level, quarter);
    let chunk = code >> CODES_BITS << CODES_SHIFT | ordinal >> bits;
    let row = (code % CODES_WIDTH) << bits | ordinal & ((1 << bits) - 1);
    Delta { key: RollupKey { family, slice, level, bucket, chunk }, row, delta }
}

/// The addition of a row to its row of the next longer bucket. `None` if there is none longer, or
/// if both are counted by themselves.
#[must_use]
pub fn summed_up(key: &RollupKey, row: u32, sums: Row) -> Option<Delta> {
    let shape = key.family.shape();
    let longer = shape.levels().iter().skip_while(|level| **level != key.level).nth(1);
    let level = *longer.filter(|_| shape.sums_up())?;
    let quarter = bucket::first_quarter(key.level, key.bucket);
    let RollupKey { family, slice, chunk, .. } = *key;
    if let Shape::ByEntityIn(..) = shape {
        let of = entity_in(key.level, chunk, row);
        return Some(of_entity_in(family, slice, level, quarter, of, sums));
    }
    let ordinal = (chunk << chunk_bits(key.level)) | row;
    Some(of_entity(family, slice, level, quarter, ordinal, sums))
}

/// Whether every row of a table is a sum of rows of a shorter bucket: see [`summed_up`].
#[must_use]
pub fn is_sum(key: &RollupKey) -> bool {
    let shape = key.family.shape();
    shape.sums_up() && shape.levels().first() != Some(&key.level)
}

/// An addition to an entity's present values.
#[must_use]
pub fn now(family: Family, slice: Slice, ordinal: u32, delta: Row) -> Delta {
    of_entity(family, slice, Level::Ever, 0, ordinal, delta)
}

/// An addition to the cell of three values in its day's table.
#[must_use]
pub fn by_cell(
    family: Family,
    slice: Slice,
    quarter: u32,
    [first, second, third]: [u16; 3],
    delta: Row,
) -> Delta {
    let key = RollupKey {
        family,
        slice,
        level: Level::Day,
        bucket: bucket::day_of_quarter(quarter),
        chunk: u32::from(first) << 16 | u32::from(third),
    };
    Delta { key, row: slot_row(second, quarter), delta }
}

/// The additions to a value's rows in its day and its month.
#[must_use]
pub fn by_value(family: Family, slice: Slice, quarter: u32, code: u16, delta: Row) -> [Delta; 2] {
    let day = bucket::day_of_quarter(quarter);
    let month = bucket::month_of_day(day);
    let key = |level, bucket| RollupKey { family, slice, level, bucket, chunk: 0 };
    [
        Delta { key: key(Level::Day, day), row: slot_row(code, quarter), delta },
        Delta {
            key: key(Level::Month, month),
            row: u32::from(code) * DAYS_STRIDE + (day - bucket::first_day_of_month(month)),
            delta,
        },
    ]
}

/// Row numbers of one value in a month's table are this far apart.
pub const DAYS_STRIDE: u32 = 32;
/// Row numbers of one value in a day's table are this far apart.
pub const QUARTERS_STRIDE: u32 = 128;

/// The row of a value and a quarter hour in a day's table.
#[must_use]
pub fn slot_row(code: u16, quarter: u32) -> u32 {
    u32::from(code) * QUARTERS_STRIDE + quarter % QUARTERS_PER_DAY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sales::status::Status;

    proptest! {
        #[test]
        fn an_entity_in_a_value_reads_back_from_its_row(code in 0..2_048_u16, ordinal: u32) {
            let slice = Status::Completed.into();
            for delta in by_entity_in(Family::CategoryBuyers, slice, 7, (code, ordinal), [1, 0, 0]) {
                let RollupKey { level, chunk, .. } = delta.key;
                prop_assert_eq!(entity_in(level, chunk, delta.row), (code, ordinal));
                prop_assert!(chunks_of_code(code).contains(&chunk));
                prop_assert!(!chunks_of_code(code ^ 8).contains(&chunk));
            }
        }
    }
}
