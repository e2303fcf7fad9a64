//! Rollups as they stand in the store: the ids that a read asks for, and the parts of an id.

use mongodb::bson::{Document, doc};
use projections::bucket::{self, Level};
use projections::family::{Family, Slice};
use projections::rollup;
use projections::table::{self, Unpack};

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
}

/// One rollup as the store has it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    id: &'a str,
    bytes: &'a [u8],
}

impl Span {
    /// The ids from the first bucket's first chunk to the last one's last: after a bucket's name
    /// comes a slash, and a zero is the next character.
    pub(super) fn ids(&self) -> Document {
        let prefix = rollup::prefix(self.family, self.slice, self.level);
        let (first, last) =
            (bucket::label(self.level, self.first), bucket::label(self.level, self.last));
        doc! { "$gte": format!("{prefix}{first}/"), "$lt": format!("{prefix}{last}0") }
    }
}

impl<'a> Part<'a> {
    /// The document of this id, with these rows, packed.
    #[must_use]
    pub fn new(id: &'a str, bytes: &'a [u8]) -> Self {
        Part { id, bytes }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// Its rows, packed.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The family that it counts.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        let name = self.id.split('/').next()?;
        Family::ALL.iter().copied().find(|family| family.as_str() == name)
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> Unpack<'a> {
        table::unpack(self.bytes)
    }

    /// The slice of the family.
    #[must_use]
    pub fn slice(&self) -> Option<Slice> {
        self.family()?.slice(self.id.split('/').nth(1)?)
    }

    /// Its level, from its id.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        match self.id.split('/').nth(2)? {
            "month" => Some(Level::Month),
            "day" => Some(Level::Day),
            "quarter" => Some(Level::Quarter),
            "ever" => Some(Level::Ever),
            _ => None,
        }
    }

    /// The month of its bucket, if its level is finer than all of time.
    #[must_use]
    pub fn month(&self) -> Option<u32> {
        month_of_label(self.id.split('/').nth(3)?)
    }

    /// The day of its bucket, if its level is finer than a month.
    #[must_use]
    pub fn day(&self) -> Option<u32> {
        let label = self.id.split('/').nth(3)?;
        let day: u32 = label.get(8..10)?.parse().ok()?;
        Some(bucket::first_day_of_month(month_of_label(label)?) + day.checked_sub(1)?)
    }

    /// Its bucket, of its level.
    #[must_use]
    pub fn bucket(&self) -> Option<u32> {
        match self.level()? {
            Level::Month => self.month(),
            Level::Day => self.day(),
            Level::Quarter => {
                let time = self.id.split('/').nth(3)?.get(11..)?;
                let (hour, minute) = time.split_once(':')?;
                let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
                Some(bucket::first_quarter(Level::Day, self.day()?) + hour * 4 + minute / 15)
            }
            Level::Ever => Some(0),
        }
    }

    /// The ordinal of its row 0, in a family by entity.
    #[must_use]
    pub fn first_ordinal(&self) -> Option<u32> {
        Some(rollup::chunk_of_id(self.id)? << rollup::chunk_bits(self.level()?))
    }

    /// The code and the ordinal of a row, in a family by entity in a value.
    #[must_use]
    pub fn entity_in(&self, row: u32) -> Option<(u16, u32)> {
        Some(rollup::entity_in(self.level()?, rollup::chunk_of_id(self.id)?, row))
    }
}

/// The month that a label of any level begins with.
pub(super) fn month_of_label(label: &str) -> Option<u32> {
    let year: u32 = label.get(..4)?.parse().ok()?;
    let month: u32 = label.get(5..7)?.parse().ok()?;
    Some(year.checked_sub(1970)? * 12 + month.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use projections::rollup::RollupKey;
    use projections::sales::Status;

    use super::*;

    #[test]
    fn a_part_knows_from_its_id_where_it_belongs() {
        let quarter = 1_994_705;
        for level in [Level::Quarter, Level::Day, Level::Month] {
            let bucket = bucket::bucket_of(level, quarter);
            let slice = Slice::from(Status::Completed);
            let id = RollupKey { family: Family::Buyers, slice, level, bucket, chunk: 3 }.to_id();
            let part = Part { id: &id, bytes: &[] };
            assert_eq!((part.slice(), part.level()), (Some(slice), Some(level)));
            assert_eq!((part.family(), part.bucket()), (Some(Family::Buyers), Some(bucket)));
            assert_eq!(part.month(), Some(bucket::month_of_quarter(quarter)));
            assert_eq!(part.first_ordinal(), Some(3 << rollup::chunk_bits(level)));
            let day = (level != Level::Month).then(|| bucket::day_of_quarter(quarter));
            assert_eq!(part.day(), day);
        }
    }

    #[test]
    fn all_of_time_has_ordinals_and_no_month() {
        let (family, slice, level) = (Family::Stock, Slice::WHOLE, Level::Ever);
        let id = RollupKey { family, slice, level, bucket: 0, chunk: 3 }.to_id();
        let part = Part { id: &id, bytes: &[] };
        assert_eq!(
            (part.slice(), part.level(), part.month()),
            (Some(slice), Some(Level::Ever), None)
        );
        assert_eq!((part.family(), part.bucket()), (Some(family), Some(0)));
        assert_eq!(part.first_ordinal(), Some(3 << rollup::chunk_bits(Level::Ever)));
        let ids = Span { family, slice, level, first: 0, last: 0 }.ids();
        assert!(
            ids.get_str("$gte").unwrap() < id.as_str() && ids.get_str("$lt").unwrap() > id.as_str()
        );
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
        };
        let ids = span.ids();
        let has = |id: String| {
            id.as_str() >= ids.get_str("$gte").unwrap() && id.as_str() < ids.get_str("$lt").unwrap()
        };
        assert!(
            has(key(100, 0).to_id()) && has(key(101, 7).to_id()) && has(key(102, u32::MAX).to_id())
        );
        assert!(!has(key(99, u32::MAX).to_id()) && !has(key(103, 0).to_id()));
    }
}
