//! Rows of a family by entity, over any range and by period; those of one entity; the number of distinct
//! customers among some.

use std::collections::HashSet;

use projections::bucket::Level;
use projections::entity::Entity;
use projections::family::{Family, Shape, Slice};
use projections::rollup::{RollupKey, chunk_bits};
use projections::table::Row;

use super::days::{Cover, Days};
use super::memory::ReadContext;
use super::period::Clock;
use super::range::Quarters;
use crate::store;
use crate::store::read::{Part, Span};

/// Rows of entities, as they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Entities<'a> {
    /// The snapshot.
    pub from: ReadContext<'a>,
    /// The figures, by entity or by entity in a value.
    pub family: Family,
    /// The slices, which are added up.
    pub slices: &'a [Slice],
}

/// Numbers of one period: each of an entity, by ordinal; those of one entity add up.
pub type Numbers = Vec<(u32, i64)>;

impl Entities<'_> {
    /// Hands every row of the range to `visit`, with its period, its code and its entity's ordinal.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn rows(
        self,
        quarters: Quarters,
        clock: &Clock,
        mut visit: impl FnMut(i64, Option<u16>, u32, Row) + Send,
    ) -> Result<(), store::Error> {
        let mut clock = clock.clone();
        let quarters = self.from.within(self.family, quarters);
        let cover = Days::of(quarters, &mut clock).cover(&mut clock);
        let spans = spans(self.family, self.slices, &cover, |_| None);
        self.from
            .rollups(&spans, |part| {
                let (more, less) = cover.counted(part.key.level, part.key.bucket);
                for (period, sign) in [(more, 1), (less, -1)] {
                    let Some(period) = period else { continue };
                    for (code, who, row) in self.entities_of(part) {
                        visit(period, code, who, row.map(|value| value.saturating_mul(sign)));
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
                // Rows are in order.
                let found = part.rows().find(|(row, _)| *row >= wanted);
                if let Some((_, values)) = found.filter(|(row, _)| *row == wanted) {
                    visit(part.key, values);
                }
            })
            .await
    }

    fn entities_of(self, part: Part<'_>) -> impl Iterator<Item = (Option<u16>, u32, Row)> {
        let is_in = matches!(self.family.shape(), Shape::ByEntityIn(..));
        let first = part.first_ordinal();
        part.rows().map(move |(row, values)| {
            if !is_in {
                return (None, first.saturating_add(row), values);
            }
            let (code, who) = part.entity_in(row);
            (Some(code), who, values)
        })
    }
}

/// Counts those of many customers whose numbers add up to more than zero.
#[derive(Debug)]
pub struct Distinct {
    sums: Vec<i64>,
}

impl Distinct {
    /// Of the customers of a snapshot.
    #[must_use]
    pub fn of(from: ReadContext<'_>) -> Self {
        let customers = from.snapshot.checkpoint.root.next.of(Entity::Customer);
        Distinct { sums: vec![0; customers as usize] }
    }

    /// The number of customers whose numbers here add up to more than zero.
    pub fn count(&mut self, numbers: Numbers) -> i64 {
        let mut distinct = 0;
        for (who, number) in &numbers {
            if let Some(sum) = self.sums.get_mut(*who as usize) {
                *sum = sum.saturating_add(*number);
            }
        }
        for (who, _) in numbers {
            if let Some(sum) = self.sums.get_mut(who as usize)
                && std::mem::take(sum) > 0
            {
                distinct += 1;
            }
        }
        distinct
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
