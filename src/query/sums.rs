//! Tables by value and time that are added up: what is counted under each value of a month, for figures that
//! tell no days of it apart, and what is counted at each time, for figures that tell no values apart. The sums
//! are made of the rollups and kept while no commit changed one of these ([`super::freshness`] hears of
//! them).

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use projections::bucket::Level;
use projections::rollup::{self, RollupKey};
use projections::table::Row;

use super::freshness::{Of, Shared};
use super::rollups::{Key, Rollups, put};
use super::zone;
use crate::store;
use crate::store::read::{Part, Snapshot, Span};

/// Memory for sums, in bytes.
const BYTES_MAX: u64 = 32 << 20;
/// The sums of a bucket take about this much beside them.
const OVERHEAD: usize = 100;

/// The dimension of a table that its sums run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Over {
    /// The days of a month, or the quarter hours of a day: a sum is of a chunk and its value's place there.
    Times,
    /// The values, in whatever chunk: a sum is of chunk 0 and its day's or quarter hour's place.
    Values,
}

/// A chunk, a place, and what was counted there.
pub type Sum = (u32, u32, Row);

/// A month or day, and its level.
pub type Bucket = (Level, u32);

/// A bucket and its sums.
type AtHand = (Bucket, Arc<[Sum]>);

/// Sums of tables, by what they are of.
#[derive(Debug)]
pub struct Sums {
    kept: Cache<(Over, Key), Kept>,
    known: Shared,
}

#[derive(Debug, Clone)]
struct Kept {
    /// The position that it was read at.
    position: u64,
    /// In order of their places, in each chunk.
    sums: Arc<[Sum]>,
}

impl Sums {
    /// None yet; `known` is told of every commit.
    #[must_use]
    pub fn new(known: Shared) -> Self {
        let weigh = |_: &(Over, Key), kept: &Kept| {
            u32::try_from(size_of_val(&*kept.sums) + OVERHEAD).unwrap_or(u32::MAX)
        };
        Sums { kept: Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).build(), known }
    }

    /// Hands the sums of the months and days of `spans` to `visit`, each with its bucket; no bucket and slice
    /// of a family may be there twice.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn read(
        &self,
        rollups: &Rollups,
        snapshot: &Snapshot,
        over: Over,
        spans: &[Span],
        mut visit: impl FnMut(Bucket, Sum) + Send,
    ) -> Result<(), store::Error> {
        let (at_hand, lacking) = self.look_up(snapshot, over, spans);
        for (bucket, sums) in at_hand {
            for sum in sums.iter() {
                visit(bucket, *sum);
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let mut found: HashMap<_, Vec<Sum>> = HashMap::new();
        let add = |part: Part<'_>| {
            let RollupKey { family, slice, level, bucket, chunk } = part.key;
            let sums = found.entry((family, slice, level, bucket)).or_default();
            let stride = rollup::stride(level);
            match over {
                Over::Times => over_times(sums, chunk, stride, part.rows()),
                Over::Values => over_values(sums, stride, part.rows()),
            }
        };
        let mut spans = Vec::new();
        for &Key { family, slice, level, group, chunks, .. } in &lacking {
            put(&mut spans, Span { family, slice, level, first: group, last: group, chunks });
        }
        rollups.read(snapshot, &spans, add).await?;
        for key in lacking {
            let of = (key.family, key.slice, key.level, key.group);
            // One in which nothing was counted is known as well.
            let sums = found.remove(&of).unwrap_or_default();
            for sum in &sums {
                visit((key.level, key.group), *sum);
            }
            let position = snapshot.checkpoint.position;
            self.kept.insert((over, key), Kept { position, sums: sums.into() });
        }
        Ok(())
    }

    /// The sums that are at hand as they are in a snapshot, and the other buckets.
    fn look_up(&self, snapshot: &Snapshot, over: Over, spans: &[Span]) -> (Vec<AtHand>, Vec<Key>) {
        let (of, position) = (Of::from(&snapshot.checkpoint), snapshot.checkpoint.position);
        let (mut at_hand, mut lacking) = (Vec::new(), Vec::new());
        let mut known = self.known.lock();
        let place = known.place_of(&of);
        for span in spans {
            let Span { family, slice, level, chunks, .. } = *span;
            for bucket in span.first..=span.last {
                let key = Key { of: place, family, slice, level, group: bucket, chunks };
                let is_good = |kept: &Kept| {
                    known.is_same(of.generation, level, bucket, (kept.position, position))
                };
                match self.kept.get(&(over, key)).filter(is_good) {
                    Some(kept) => at_hand.push(((level, bucket), kept.sums)),
                    None => lacking.push(key),
                }
            }
        }
        (at_hand, lacking)
    }
}

/// Adds the rows of a chunk up over the times; they come in order, those of a value together.
fn over_times(
    sums: &mut Vec<Sum>,
    chunk: u32,
    stride: u32,
    rows: impl Iterator<Item = (u32, Row)>,
) {
    for (row, values) in rows {
        let place = row / stride;
        match sums.last_mut() {
            Some((its, at, sum)) if (*its, *at) == (chunk, place) => zone::add(sum, values),
            _ => sums.push((chunk, place, values)),
        }
    }
}

/// Adds the rows of a chunk up over the values.
fn over_values(sums: &mut Vec<Sum>, stride: u32, rows: impl Iterator<Item = (u32, Row)>) {
    for (row, values) in rows {
        let time = row % stride;
        match sums.binary_search_by_key(&time, |(_, time, _)| *time) {
            Ok(at) => zone::add(&mut sums[at].2, values),
            Err(at) => sums.insert(at, (0, time, values)),
        }
    }
}

#[cfg(test)]
mod tests {
    use projections::rollup::DAYS_STRIDE;

    use super::*;

    #[test]
    fn the_days_of_a_value_are_one_sum_in_each_chunk() {
        let mut sums = Vec::new();
        let rows = [row(3, 0, 1), row(3, 30, 2), row(4, 0, 5)];
        over_times(&mut sums, 7, DAYS_STRIDE, rows.into_iter());
        over_times(&mut sums, 8, DAYS_STRIDE, [row(4, 1, 6)].into_iter());
        assert_eq!(sums, [(7, 3, [3, 6, 0]), (7, 4, [5, 10, 0]), (8, 4, [6, 12, 0])]);
    }

    #[test]
    fn the_values_of_a_day_are_one_sum_over_all_chunks() {
        let mut sums = Vec::new();
        let rows = [row(3, 0, 1), row(3, 30, 2), row(4, 1, 5)];
        over_values(&mut sums, DAYS_STRIDE, rows.into_iter());
        over_values(&mut sums, DAYS_STRIDE, [row(4, 1, 6)].into_iter());
        assert_eq!(sums, [(0, 0, [1, 2, 0]), (0, 1, [11, 22, 0]), (0, 30, [2, 4, 0])]);
    }

    fn row(place: u32, day: u32, n: i64) -> (u32, Row) {
        (place * DAYS_STRIDE + day, [n, 2 * n, 0])
    }
}
