//! Rows of a family by entity, over any range and by period; those of one entity.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use projections::bucket::{self, Level, QUARTERS_PER_DAY};
use projections::family::{Family, Slice};
use projections::rollup::{RollupKey, chunk_bits};
use projections::table::Row;

use super::days::{Cover, Days, Piece};
use super::memory::ReadContext;
use super::period::Clock;
use super::range::{Coverage, Quarters};
use super::sets::{Set, What};
use crate::store;
use crate::store::read::Span;

/// Rows of entities, as they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Entities<'a> {
    /// The snapshot.
    pub from: ReadContext<'a>,
    /// The figures, by entity.
    pub family: Family,
    /// The slices, which are added up.
    pub slices: &'a [Slice],
}

impl Entities<'_> {
    /// Hands rows to `visit`, with the entity's ordinal: those of one entity add up to its sum in the scope.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn rows(
        self,
        scope: Coverage,
        mut visit: impl FnMut(u32, Row) + Send,
    ) -> Result<(), store::Error> {
        let cover = Cover::of(scope);
        let spans = spans(self.family, self.slices, &cover, |_| None);
        self.from
            .rollups(&spans, |part| {
                let first = part.first_ordinal();
                let (more, _) = cover.counted(part.key.level, part.key.bucket);
                for (row, values) in part.rows() {
                    let values =
                        if more.is_some() { values } else { values.map(i64::saturating_neg) };
                    visit(first.saturating_add(row), values);
                }
            })
            .await
    }

    /// Hands every row of one entity in the range to `visit`, with its period. Shorter buckets are read
    /// where a longer one says that it has a row there, and quarter hours where their day's set does.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn rows_of(
        self,
        ordinal: u32,
        quarters: Quarters,
        clock: &Clock,
        mut visit: impl FnMut(i64, Row) + Send,
    ) -> Result<(), store::Error> {
        let mut clock = clock.clone();
        let quarters = self.from.within(self.family, quarters);
        let days = Days::of(quarters, &mut clock);
        for slice in self.slices {
            let of_slice = Entities { slices: std::slice::from_ref(slice), ..self };
            let mut cover = days.cover(&mut clock);
            for level in [Level::Month, Level::Day] {
                let above = cover.above(level);
                if above.number() < cover.number() {
                    let mut there: HashSet<u32> = HashSet::new();
                    let find = |key: RollupKey, _| {
                        there.insert(key.bucket);
                    };
                    of_slice.find(ordinal, &above, find).await?;
                    cover.keep_below(level, &there);
                }
            }
            of_slice.keep_quarters(ordinal, &mut cover, *slice).await?;
            let add = |key: RollupKey, row: Row| {
                let (more, less) = cover.counted(key.level, key.bucket);
                for (period, sign) in [(more, 1), (less, -1)] {
                    if let Some(period) = period {
                        visit(period, row.map(|value| value.saturating_mul(sign)));
                    }
                }
            };
            of_slice.find(ordinal, &cover, add).await?;
        }
        Ok(())
    }

    /// Leaves out the quarter hours of a cover in which one entity has no row of a slice.
    async fn keep_quarters(
        self,
        ordinal: u32,
        cover: &mut Cover,
        slice: Slice,
    ) -> Result<(), store::Error> {
        let pieces: Vec<_> = cover.days_in_parts().into_iter().map(Piece::quarters_of).collect();
        let sets = self.from.sets(What::row(self.family, slice), &pieces).await?;
        let of_day: HashMap<u32, Arc<Set>> =
            pieces.iter().map(|piece| piece.bucket).zip(sets).collect();
        cover.keep_quarters(|quarter| {
            let place = quarter % QUARTERS_PER_DAY;
            let set = of_day.get(&bucket::day_of_quarter(quarter));
            set.is_some_and(|set| set.members(None, (place, place)).binary_search(&ordinal).is_ok())
        });
        Ok(())
    }

    /// Hands every row of one entity in some buckets to `visit`.
    async fn find(
        self,
        ordinal: u32,
        cover: &Cover,
        mut visit: impl FnMut(RollupKey, Row) + Send,
    ) -> Result<(), store::Error> {
        // The quarter hours of a day are read in one go, with all chunks.
        let one = |level| {
            let chunk = ordinal >> chunk_bits(level);
            (level != Level::Quarter).then_some((chunk, chunk))
        };
        let spans = spans(self.family, self.slices, cover, one);
        self.from
            .rollups(&spans, |part| {
                let RollupKey { level, chunk, .. } = part.key;
                let wanted = ordinal & ((1 << chunk_bits(level)) - 1);
                if chunk != ordinal >> chunk_bits(level) {
                    return;
                }
                for (_, values) in part.rows_between(wanted..=wanted) {
                    visit(part.key, values);
                }
            })
            .await
    }
}

/// Buckets as spans, those that follow each other together.
fn spans(
    family: Family,
    slices: &[Slice],
    cover: &Cover,
    chunks: impl Fn(Level) -> Option<(u32, u32)>,
) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for &slice in slices {
        let span = |(level, (first, last))| {
            let chunks = chunks(level);
            Span { family, slice, level, first, last, chunks }
        };
        spans.extend(cover.runs().into_iter().map(span));
    }
    spans
}
