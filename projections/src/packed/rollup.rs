//! The tables that contributions are counted in: one packed [`Table`](crate::table::Table) for each
//! family, slice, bucket of time and chunk. [`crate::family`] declares the families and the shape
//! of their tables.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use serde::Serialize;

use super::table::{Row, Table};
use super::{Packed, cells};
use crate::bucket::{self, Level, MINUTES_PER_DAY, QUARTERS_PER_DAY};
use crate::collection::{Collection, Key};
use crate::family::{Family, Shape, Slice};

/// The name of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// Two words are hashed, not five.
impl Hash for RollupKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let RollupKey { family, slice, level, bucket, chunk } = *self;
        let slice = slice.index() as u64;
        state.write_u64(
            (family as u64) << 48 | slice << 40 | (level as u64) << 32 | u64::from(bucket),
        );
        state.write_u32(chunk);
    }
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

    /// The key of a document's id.
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let mut parts = id.split('/');
        let family = Family::named(parts.next()?)?;
        let slice = family.slice(parts.next()?)?;
        let word = parts.next()?;
        let (level, _) = LEVELS.into_iter().find(|(_, name)| *name == word)?;
        let bucket = bucket::of_label(level, parts.next()?)?;
        let chunk = chunk_of_id(id)?;
        Some(RollupKey { family, slice, level, bucket, chunk })
    }
}

/// The levels as ids have them.
const LEVELS: [(Level, &str); 4] = [
    (Level::Quarter, "quarter"),
    (Level::Day, "day"),
    (Level::Month, "month"),
    (Level::Ever, "ever"),
];

/// The prefix of the ids of one family, slice and level.
#[must_use]
pub fn prefix(family: Family, slice: Slice, level: Level) -> String {
    let (_, level) = LEVELS[level as usize];
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

/// The first and the last chunk of a family by entity in a value that have rows of a code and of a first to
/// a last entity.
#[must_use]
pub fn chunks_in(level: Level, code: u16, (first, last): (u32, u32)) -> (u32, u32) {
    let of_code = u32::from(code) >> CODES_BITS << CODES_SHIFT;
    let chunk = |ordinal: u32| of_code | ordinal >> chunk_bits_in(level);
    (chunk(first), chunk(last))
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

/// One addition to one row of one table. Events add to tables of the shortest buckets alone; the rows of
/// longer ones are their sums ([`summed_up`]).
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

/// An addition to an entity's row of a quarter hour.
#[must_use]
pub fn by_entity(family: Family, slice: Slice, quarter: u32, ordinal: u32, delta: Row) -> Delta {
    of_entity(family, slice, Level::Quarter, quarter, ordinal, delta)
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

/// An addition to the row of an entity in a value, in a quarter hour.
#[must_use]
pub fn by_entity_in(
    family: Family,
    slice: Slice,
    quarter: u32,
    of: (u16, u32),
    delta: Row,
) -> Delta {
    of_entity_in(family, slice, Level::Quarter, quarter, of, delta)
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

/// The addition of a row to its row of the next longer bucket. `None` if there is none longer.
#[must_use]
pub fn summed_up(key: &RollupKey, row: u32, sums: Row) -> Option<Delta> {
    let shape = key.family.shape();
    let level = *shape.levels().iter().find(|level| **level > key.level)?;
    let quarter = bucket::first_quarter(key.level, key.bucket);
    let RollupKey { family, slice, chunk, .. } = *key;
    Some(match shape {
        Shape::ByEntityIn(..) => {
            let of = entity_in(key.level, chunk, row);
            of_entity_in(family, slice, level, quarter, of, sums)
        }
        Shape::ByEntity(_) => {
            let ordinal = (chunk << chunk_bits(key.level)) | row;
            of_entity(family, slice, level, quarter, ordinal, sums)
        }
        _ => {
            let bucket = bucket::bucket_of(level, quarter);
            let day = key.bucket - bucket::first_day_of_month(bucket);
            let row = row / QUARTERS_STRIDE * DAYS_STRIDE + day;
            Delta { key: RollupKey { level, bucket, ..*key }, row, delta: sums }
        }
    })
}

/// An addition to an entity's present values.
#[must_use]
pub fn now(family: Family, slice: Slice, ordinal: u32, delta: Row) -> Delta {
    of_entity(family, slice, Level::Ever, 0, ordinal, delta)
}

/// An addition to the cell of three values in its day.
#[must_use]
pub fn by_cell(family: Family, slice: Slice, quarter: u32, codes: [u16; 3], delta: Row) -> Delta {
    of_value(family, slice, quarter, cells::place_of(codes), delta)
}

/// An addition to a value's row in its day.
#[must_use]
pub fn by_value(family: Family, slice: Slice, quarter: u32, code: u16, delta: Row) -> Delta {
    of_value(family, slice, quarter, (0, code), delta)
}

fn of_value(
    family: Family,
    slice: Slice,
    quarter: u32,
    (chunk, place): (u32, u16),
    delta: Row,
) -> Delta {
    let (level, bucket) = (Level::Day, bucket::day_of_quarter(quarter));
    let key = RollupKey { family, slice, level, bucket, chunk };
    Delta { key, row: slot_row(place, quarter), delta }
}

/// Row numbers of one value, or of one cell, in a month's table are this far apart.
pub const DAYS_STRIDE: u32 = 32;
/// Row numbers of one value, or of one cell, in a day's table are this far apart.
pub const QUARTERS_STRIDE: u32 = 128;

/// The distance of the rows of one value, or of one cell, in a month's or a day's table.
#[must_use]
pub fn stride(level: Level) -> u32 {
    if level == Level::Month { DAYS_STRIDE } else { QUARTERS_STRIDE }
}

/// The row of a value or a cell, and a quarter hour, in a day's table.
#[must_use]
pub fn slot_row(place: u16, quarter: u32) -> u32 {
    u32::from(place) * QUARTERS_STRIDE + quarter % QUARTERS_PER_DAY
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
            let of = (code, ordinal);
            let mut next = Some(by_entity_in(Family::CategoryBuyers, slice, 7, of, [1, 0, 0]));
            for level in Level::ALL {
                let Delta { key, row, delta } = next.expect("a row at every level");
                prop_assert_eq!((key.level, entity_in(*level, key.chunk, row)), (*level, of));
                prop_assert_eq!(chunks_in(*level, code, (ordinal, ordinal)), (key.chunk, key.chunk));
                let (first, last) = chunks_in(*level, code ^ 8, (0, u32::MAX));
                prop_assert!(!(first..=last).contains(&key.chunk));
                next = summed_up(&key, row, delta);
            }
            prop_assert!(next.is_none());
        }
    }
}
