//! Rows of a family by entity, over any range and by period; those of one entity.

use std::collections::HashSet;

use projections::bucket::Level;
use projections::family::{Family, Slice};
use projections::rollup::{RollupKey, chunk_bits};
use projections::table::Row;

use super::days::{Cover, Days};
use super::memory::ReadContext;
use super::period::Clock;
use super::range::Quarters;
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
    /// Hands every row of the range to `visit`, with its period and its entity's ordinal.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn rows(
        self,
        quarters: Quarters,
        clock: &Clock,
        mut visit: impl FnMut(i64, u32, Row) + Send,
    ) -> Result<(), store::Error> {
        let mut clock = clock.clone();
        let quarters = self.from.within(self.family, quarters);
        let cover = Days::of(quarters, &mut clock).cover(&mut clock);
        let spans = spans(self.family, self.slices, &cover, |_| None);
        self.from
            .rollups(&spans, |part| {
                let first = part.first_ordinal();
                let (more, less) = cover.counted(part.key.level, part.key.bucket);
                for (period, sign) in [(more, 1), (less, -1)] {
                    let Some(period) = period else { continue };
                    for (row, values) in part.rows() {
                        let who = first.saturating_add(row);
                        visit(period, who, values.map(|value| value.saturating_mul(sign)));
                    }
                }
            })
            .await
    }

    /// Hands every row of one entity in the range to `visit`, with its period. Shorter buckets are read
    /// where a longer one says that it has a row there.
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
        let mut cover = Days::of(quarters, &mut clock).cover(&mut clock);
        for level in [Level::Month, Level::Day] {
            let above = cover.above(level);
            if above.number() < cover.number() {
                let mut there: HashSet<u32> = HashSet::new();
                self.find(ordinal, &above, |key, _| {
                    there.insert(key.bucket);
                })
                .await?;
                cover.keep_below(level, &there);
            }
        }
        self.find(ordinal, &cover, |key, row| {
            let (more, less) = cover.counted(key.level, key.bucket);
            for (period, sign) in [(more, 1), (less, -1)] {
                if let Some(period) = period {
                    visit(period, row.map(|value| value.saturating_mul(sign)));
                }
            }
        })
        .await
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
