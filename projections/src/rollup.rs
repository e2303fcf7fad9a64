//! Where a contribution is counted: one packed [`Table`](crate::table::Table) for each family,
//! slice, bucket of time and chunk.
//!
//! | family | level | chunk | row | columns |
//! |---|---|---|---|---|
//! | sales | month | | quarter of the month | orders, quantity, amount |
//! | cells | day | category, country | payment method, quarter of the day | orders, quantity, amount |
//! | buyers | quarter, day, month, ever | customer's ordinal, high bits | low bits | orders, quantity, amount |
//! | sold | quarter, day, month, ever | product's ordinal, high bits | low bits | orders, quantity, amount |
//! | stock | ever | product's ordinal, high bits | low bits | items on hand, 1 where known |
//! | newcomers | month | | quarter of the month | identified, guests |
//! | feedback | month | | quarter of the month | count, sum of ratings |
//! | types, devices, pages, countries | day, month | | value, quarter of the day or day of the month | activities |
//!
//! The slice of sales, cells, buyers and sold is the status. Every table is bounded: by the quarters of its
//! bucket, by the cap on a vocabulary, or by the width of a chunk.

use crate::bucket::{self, Level, QUARTERS_PER_DAY};
use crate::event::Status;
use crate::table::Row;

/// What a table counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Sales by time.
    Sales,
    /// Sales by category, country and payment method.
    Cells,
    /// Sales by customer: distinct customers, and their ranking, over any range.
    Buyers,
    /// Sales by product.
    Sold,
    /// Items on hand by product.
    Stock,
    /// Customers by the time they became known.
    Newcomers,
    /// Ratings by time.
    Feedback,
    /// Activities by type.
    Types,
    /// Activities by device.
    Devices,
    /// Activities by page.
    Pages,
    /// Activities by country.
    Countries,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 11] = [
        Family::Sales,
        Family::Cells,
        Family::Buyers,
        Family::Sold,
        Family::Stock,
        Family::Newcomers,
        Family::Feedback,
        Family::Types,
        Family::Devices,
        Family::Pages,
        Family::Countries,
    ];

    /// The first part of a document's id.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Sales => "sales",
            Family::Cells => "cells",
            Family::Buyers => "buyers",
            Family::Sold => "sold",
            Family::Stock => "stock",
            Family::Newcomers => "newcomers",
            Family::Feedback => "feedback",
            Family::Types => "types",
            Family::Devices => "devices",
            Family::Pages => "pages",
            Family::Countries => "countries",
        }
    }
}

/// Names one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    /// What is counted.
    pub family: Family,
    /// The status, for families that have one.
    pub slice: Option<Status>,
    /// How long the bucket is.
    pub level: Level,
    /// Which bucket of that level.
    pub bucket: u32,
    /// Which part of the bucket's keys.
    pub chunk: u32,
}

impl From<&RollupKey> for RollupKey {
    fn from(key: &RollupKey) -> Self {
        *key
    }
}

impl RollupKey {
    /// The document's id. Ids of one family, slice and level sort by time.
    #[must_use]
    pub fn id(&self) -> String {
        let prefix = prefix(self.family, self.slice, self.level);
        format!("{prefix}{}/{:08x}", bucket::label(self.level, self.bucket), self.chunk)
    }
}

/// What the ids of one family, slice and level begin with.
#[must_use]
pub fn prefix(family: Family, slice: Option<Status>, level: Level) -> String {
    let level = match level {
        Level::Quarter => "quarter",
        Level::Day => "day",
        Level::Month => "month",
        Level::Ever => "ever",
    };
    format!("{}/{}/{level}/", family.as_str(), slice.map_or("-", Status::as_str))
}

/// The chunk a document's id names, as [`RollupKey::id`] wrote it.
#[must_use]
pub fn chunk_of_id(id: &str) -> Option<u32> {
    u32::from_str_radix(id.rsplit('/').next()?, 16).ok()
}

/// Entities share a chunk by the high bits of their ordinal. The finer the level, the fewer
/// entities have a row, the wider the chunk; none passes
/// a megabyte (see `tests/reference/bounds.rs`).
#[must_use]
pub fn chunk_bits(level: Level) -> u32 {
    match level {
        Level::Quarter => 15,
        Level::Day => 13,
        Level::Month => 11,
        Level::Ever => 9,
    }
}

/// One addition to one row of one table.
#[derive(Debug, Clone, Copy)]
pub struct Delta {
    /// The table.
    pub key: RollupKey,
    /// The row.
    pub row: u32,
    /// What is added.
    pub delta: Row,
}

/// An addition to the row of a quarter hour in its month's table.
#[must_use]
pub fn by_quarter(family: Family, slice: Option<Status>, quarter: u32, delta: Row) -> Delta {
    let bucket = bucket::month_of_quarter(quarter);
    let row = quarter - bucket::first_quarter(Level::Month, bucket);
    Delta { key: RollupKey { family, slice, level: Level::Month, bucket, chunk: 0 }, row, delta }
}

/// The additions to an entity's rows at all levels.
pub fn by_entity(
    family: Family,
    status: Status,
    quarter: u32,
    ordinal: u32,
    delta: Row,
) -> impl Iterator<Item = Delta> {
    [Level::Quarter, Level::Day, Level::Month, Level::Ever]
        .into_iter()
        .map(move |level| of_entity(family, Some(status), level, quarter, ordinal, delta))
}

fn of_entity(
    family: Family,
    slice: Option<Status>,
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

/// A row that sums up, with others, to one of the next longer bucket: that addition. `None` where
/// there is none longer, or where both are counted by themselves.
#[must_use]
pub fn summed_up(key: &RollupKey, row: u32, sums: Row) -> Option<Delta> {
    let level = match (key.family, key.level) {
        (Family::Buyers | Family::Sold, Level::Quarter) => Level::Day,
        (Family::Buyers | Family::Sold, Level::Day) => Level::Month,
        (Family::Buyers | Family::Sold, Level::Month) => Level::Ever,
        _ => return None,
    };
    let quarter = bucket::first_quarter(key.level, key.bucket);
    let ordinal = (key.chunk << chunk_bits(key.level)) | row;
    Some(of_entity(key.family, key.slice, level, quarter, ordinal, sums))
}

/// Whether every row of it is a sum of rows of a shorter bucket: see [`summed_up`].
#[must_use]
pub fn is_sum(key: &RollupKey) -> bool {
    matches!(key.family, Family::Buyers | Family::Sold) && key.level != Level::Quarter
}

/// A change of a product's stock from what was known to what is.
#[must_use]
pub fn of_stock(ordinal: u32, before: Option<i64>, after: Option<i64>) -> Delta {
    let delta = [
        after.unwrap_or(0) - before.unwrap_or(0),
        i64::from(after.is_some()) - i64::from(before.is_some()),
        0,
    ];
    of_entity(Family::Stock, None, Level::Ever, 0, ordinal, delta)
}

/// The additions to a value's rows in its day and its month.
#[must_use]
pub fn by_value(family: Family, quarter: u32, code: u16, delta: Row) -> [Delta; 2] {
    let day = bucket::day_of_quarter(quarter);
    let month = bucket::month_of_day(day);
    let key = |level, bucket| RollupKey { family, slice: None, level, bucket, chunk: 0 };
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
