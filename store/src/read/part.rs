//! Rollups as they stand in the store: the ids that a read asks for, and the parts of an id.

use std::ops::RangeInclusive;

use mongodb::bson::{Document, doc};
use projections::bucket::{self, Level};
use projections::family::{Family, Slice};
use projections::rollup::{self, RollupKey};
use projections::table::{self, Mark, Row, Unpack};

/// Rollups of one family, slice and level, from one bucket to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The figures that are counted.
    pub family: Family,
    /// The slice of the family.
    pub slice: Slice,
    /// The length of the buckets.
    pub level: Level,
    /// The first bucket.
    pub first: u32,
    /// The last bucket.
    pub last: u32,
    /// The first and the last chunk of each, both included; all of them, where none are named.
    pub chunks: Option<(u32, u32)>,
}

/// One rollup as the store has it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Its key.
    pub key: RollupKey,
    /// Its rows, packed.
    pub bytes: &'a [u8],
    /// The marks of its rows; none of a document that has just come from the store.
    pub marks: &'a [Mark],
}

impl Span {
    /// All chunks of one bucket.
    #[must_use]
    pub fn bucket(family: Family, slice: Slice, level: Level, bucket: u32) -> Self {
        Span { family, slice, level, first: bucket, last: bucket, chunks: None }
    }

    /// Ranges of ids. Of all chunks it is one, from the first bucket's first to the last one's last:
    /// after a bucket's name comes a slash, and a zero is the next character.
    pub(super) fn ids(&self) -> Vec<Document> {
        let prefix = rollup::prefix(self.family, self.slice, self.level);
        let label = |bucket| bucket::label(self.level, bucket);
        let Some((low, high)) = self.chunks else {
            let (first, last) = (label(self.first), label(self.last));
            return vec![
                doc! { "$gte": format!("{prefix}{first}/"), "$lt": format!("{prefix}{last}0") },
            ];
        };
        let of_bucket = |bucket| {
            let label = label(bucket);
            let id = |chunk| format!("{prefix}{label}/{chunk:08x}");
            doc! { "$gte": id(low), "$lte": id(high) }
        };
        (self.first..=self.last).map(of_bucket).collect()
    }
}

impl<'a> Part<'a> {
    /// The document of an id; none, where that is no rollup's.
    #[must_use]
    pub fn of_id(id: &str, bytes: &'a [u8]) -> Option<Self> {
        Some(Part { key: RollupKey::of_id(id)?, bytes, marks: &[] })
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> Unpack<'a> {
        table::unpack(self.bytes)
    }

    /// Its rows from one to another, both included.
    pub fn rows_between(
        &self,
        rows: RangeInclusive<u32>,
    ) -> impl Iterator<Item = (u32, Row)> + use<'a> {
        table::unpack_between(self.bytes, self.marks, rows)
    }

    /// The ordinal of its row 0, in a family by entity.
    #[must_use]
    pub fn first_ordinal(&self) -> u32 {
        self.key.chunk << rollup::chunk_bits(self.key.level)
    }

    /// The code and the ordinal of a row, in a family by entity in a value.
    #[must_use]
    pub fn entity_in(&self, row: u32) -> (u16, u32) {
        rollup::entity_in(self.key.level, self.key.chunk, row)
    }
}

#[cfg(test)]
mod tests {
    use projections::sales::Status;

    use super::*;

    #[test]
    fn a_part_knows_from_its_id_where_it_belongs() {
        let quarter = 1_994_705;
        for &level in Level::ALL {
            let slice = Slice::from(Status::Completed);
            let bucket = bucket::bucket_of(level, quarter);
            let key = RollupKey { family: Family::Buyers, slice, level, bucket, chunk: 3 };
            let part = Part::of_id(&key.to_id(), &[]).unwrap();
            assert_eq!(part.key, key);
            assert_eq!(part.first_ordinal(), 3 << rollup::chunk_bits(level));
        }
        assert!(Part::of_id("buyers/completed/day/2026-11-21", &[]).is_none());
    }

    #[test]
    fn a_span_has_all_chunks_of_its_buckets_and_no_others() {
        let key = |bucket, chunk| RollupKey {
            family: Family::Sold,
            slice: Status::Pending.into(),
            level: Level::Day,
            bucket,
            chunk,
        };
        let span = Span {
            family: Family::Sold,
            slice: Status::Pending.into(),
            level: Level::Day,
            first: 100,
            last: 102,
            chunks: None,
        };
        let ids = span.ids().swap_remove(0);
        let has = |id: String| {
            id.as_str() >= ids.get_str("$gte").unwrap() && id.as_str() < ids.get_str("$lt").unwrap()
        };
        assert!(
            has(key(100, 0).to_id()) && has(key(101, 7).to_id()) && has(key(102, u32::MAX).to_id())
        );
        assert!(!has(key(99, u32::MAX).to_id()) && !has(key(103, 0).to_id()));
    }
}
