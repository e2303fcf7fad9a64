//! Months that are added up: what a table of a month counts under each of its values, for figures that tell
//! no days of it apart. It is made of the rollups and kept while no commit changed one of the month
//! ([`super::freshness`] hears of them); a table has a row for each value and day.

use std::collections::HashMap;
use std::sync::Arc;

use moka::sync::Cache;
use projections::rollup::{DAYS_STRIDE, RollupKey};
use projections::table::Row;

use super::freshness::{Of, Shared};
use super::rollups::{Key, Rollups, put};
use super::zone;
use crate::store;
use crate::store::read::{Part, Snapshot, Span};

/// Memory for months, in bytes.
const BYTES_MAX: u64 = 32 << 20;
/// A month that is kept takes about this much beside its sums.
const OVERHEAD: usize = 100;

/// The sum of a month's days: the chunk that it is of, its place there, and what was counted.
pub type Sum = (u32, u32, Row);

/// A month and its sums.
type AtHand = (u32, Arc<[Sum]>);

/// Months that are added up, by what they are of.
#[derive(Debug)]
pub struct Months {
    kept: Cache<Key, Kept>,
    known: Shared,
}

#[derive(Debug, Clone)]
struct Kept {
    /// The position that it was read at.
    position: u64,
    /// In the order of each chunk's rows.
    sums: Arc<[Sum]>,
}

impl Months {
    /// None yet; `known` is told of every commit.
    #[must_use]
    pub fn new(known: Shared) -> Self {
        let weigh = |_: &Key, kept: &Kept| {
            u32::try_from(size_of_val(&*kept.sums) + OVERHEAD).unwrap_or(u32::MAX)
        };
        Months { kept: Cache::builder().weigher(weigh).max_capacity(BYTES_MAX).build(), known }
    }

    /// Hands the sums of the months of `spans` to `visit`, each with its month; no month and slice of a
    /// family may be there twice.
    ///
    /// # Errors
    /// As [`Snapshot::rollups`].
    pub async fn read(
        &self,
        rollups: &Rollups,
        snapshot: &Snapshot,
        spans: &[Span],
        mut visit: impl FnMut(u32, Sum) + Send,
    ) -> Result<(), store::Error> {
        let (at_hand, lacking) = self.look_up(snapshot, spans);
        for (month, sums) in at_hand {
            for sum in sums.iter() {
                visit(month, *sum);
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let mut found: HashMap<_, Vec<Sum>> = HashMap::new();
        let add = |part: Part<'_>| {
            let RollupKey { family, slice, bucket, chunk, .. } = part.key;
            add_up(found.entry((family, slice, bucket)).or_default(), chunk, part.rows());
        };
        let mut spans = Vec::new();
        for &Key { family, slice, level, group, chunks, .. } in &lacking {
            put(&mut spans, Span { family, slice, level, first: group, last: group, chunks });
        }
        rollups.read(snapshot, &spans, add).await?;
        for key in lacking {
            // One in which nothing was counted is known as well.
            let sums = found.remove(&(key.family, key.slice, key.group)).unwrap_or_default();
            for sum in &sums {
                visit(key.group, *sum);
            }
            let position = snapshot.checkpoint.position;
            self.kept.insert(key, Kept { position, sums: sums.into() });
        }
        Ok(())
    }

    /// The months that are at hand as they are in a snapshot, and the others.
    fn look_up(&self, snapshot: &Snapshot, spans: &[Span]) -> (Vec<AtHand>, Vec<Key>) {
        let (of, position) = (Of::from(&snapshot.checkpoint), snapshot.checkpoint.position);
        let (mut at_hand, mut lacking) = (Vec::new(), Vec::new());
        let mut known = self.known.lock();
        let place = known.place_of(&of);
        for span in spans {
            let Span { family, slice, level, chunks, .. } = *span;
            for month in span.first..=span.last {
                let key = Key { of: place, family, slice, level, group: month, chunks };
                let is_good = |kept: &Kept| {
                    known.is_same(of.generation, level, month, (kept.position, position))
                };
                match self.kept.get(&key).filter(is_good) {
                    Some(kept) => at_hand.push((month, kept.sums)),
                    None => lacking.push(key),
                }
            }
        }
        (at_hand, lacking)
    }
}

/// Adds the rows of a chunk up over the days; they come in order, those of a place together.
fn add_up(sums: &mut Vec<Sum>, chunk: u32, rows: impl Iterator<Item = (u32, Row)>) {
    for (row, values) in rows {
        let place = row / DAYS_STRIDE;
        match sums.last_mut() {
            Some((its, at, sum)) if (*its, *at) == (chunk, place) => zone::add(sum, values),
            _ => sums.push((chunk, place, values)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_of_a_value_are_one_sum_in_each_chunk() {
        let mut sums = Vec::new();
        let row = |place: u32, day: u32, n: i64| (place * DAYS_STRIDE + day, [n, 2 * n, 0]);
        add_up(&mut sums, 7, [row(3, 0, 1), row(3, 30, 2), row(4, 0, 5)].into_iter());
        add_up(&mut sums, 8, [row(4, 1, 6)].into_iter());
        assert_eq!(sums, [(7, 3, [3, 6, 0]), (7, 4, [5, 10, 0]), (8, 4, [6, 12, 0])]);
    }
}
