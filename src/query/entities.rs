//! Rows of a family by entity, over any range and by period; distinct customers among them.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use projections::bucket::Level;
use projections::entity::Entity;
use projections::family::{Family, Shape, Slice};
use projections::rollup;
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
    /// The code of the value that is counted; all of them, where there is none.
    pub code: Option<u16>,
}

/// Numbers of one period: each of an entity, by ordinal; those of one entity add up.
pub type Numbers = Vec<(u32, i64)>;

impl Entities<'_> {
    /// The numbers of each period of a range, by what `number` says of a row; of all time as period 0,
    /// without a range.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn numbers(
        self,
        quarters: Option<Quarters>,
        clock: &Clock,
        number: impl Fn(Row) -> i64 + Send + Sync,
    ) -> Result<HashMap<i64, Numbers>, store::Error> {
        let mut numbers: HashMap<i64, Numbers> = HashMap::new();
        self.parts(quarters, clock, |period, sign, part| {
            let numbers = numbers.entry(period).or_default();
            for (_, who, row) in self.entities_of(part) {
                numbers.push((who, number(row).saturating_mul(sign)));
            }
        })
        .await?;
        Ok(numbers)
    }

    /// Hands every row of the range to `visit`, with its period, its code and its entity's ordinal.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn rows(
        self,
        quarters: Option<Quarters>,
        clock: &Clock,
        mut visit: impl FnMut(i64, Option<u16>, u32, Row) + Send,
    ) -> Result<(), store::Error> {
        self.parts(quarters, clock, |period, sign, part| {
            for (code, who, row) in self.entities_of(part) {
                visit(period, code, who, row.map(|value| value.saturating_mul(sign)));
            }
        })
        .await
    }

    /// Hands every part of the range to `visit`, with its period and whether it is added to it, 1, or
    /// taken off, -1.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn parts(
        self,
        quarters: Option<Quarters>,
        clock: &Clock,
        mut visit: impl FnMut(i64, i64, Part<'_>) + Send,
    ) -> Result<(), store::Error> {
        let mut clock = clock.clone();
        let cover = match quarters.map(|quarters| self.from.within(self.family, quarters)) {
            Some(quarters) => Days::of(quarters, &mut clock).cover(&mut clock),
            None => Cover::of_all_time(),
        };
        let chunks = |_| self.code.map(rollup::chunks_of_code).map(RangeInclusive::into_inner);
        let spans = spans(self.family, self.slices, &cover, chunks);
        self.from
            .rollups(&spans, |part| {
                let (more, less) = cover.counted(part.key.level, part.key.bucket);
                for (period, sign) in [(more, 1), (less, -1)] {
                    if let Some(period) = period {
                        visit(period, sign, part);
                    }
                }
            })
            .await
    }

    /// The number of distinct customers of each period whose numbers add up to more than zero.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn distinct(
        self,
        quarters: Option<Quarters>,
        clock: &Clock,
        number: impl Fn(Row) -> i64 + Send + Sync,
    ) -> Result<BTreeMap<i64, i64>, store::Error> {
        let numbers = self.numbers(quarters, clock, number).await?;
        let mut distinct = Distinct::of(self.from);
        let counted =
            numbers.into_iter().map(|(period, numbers)| (period, distinct.count(numbers)));
        Ok(counted.collect())
    }

    fn entities_of(self, part: Part<'_>) -> impl Iterator<Item = (Option<u16>, u32, Row)> {
        let is_in = matches!(self.family.shape(), Shape::ByEntityIn(..));
        let (first, wanted) = (part.first_ordinal(), self.code);
        part.rows().filter_map(move |(row, values)| {
            if !is_in {
                return Some((None, first.saturating_add(row), values));
            }
            let (code, who) = part.entity_in(row);
            wanted.is_none_or(|wanted| wanted == code).then_some((Some(code), who, values))
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
        self.each(numbers, |_| distinct += 1);
        distinct
    }

    /// Hands each customer whose numbers here add up to more than zero to `visit`.
    pub fn each(&mut self, numbers: Numbers, mut visit: impl FnMut(u32)) {
        for (who, number) in &numbers {
            if let Some(sum) = self.sums.get_mut(*who as usize) {
                *sum = sum.saturating_add(*number);
            }
        }
        for (who, _) in numbers {
            if let Some(sum) = self.sums.get_mut(who as usize)
                && std::mem::take(sum) > 0
            {
                visit(who);
            }
        }
    }
}

/// Buckets as spans, those that follow each other together.
pub fn spans(
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
