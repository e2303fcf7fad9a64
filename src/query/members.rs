//! Distinct customers: those with a number above zero in each period of a range.

use std::collections::BTreeMap;
use std::sync::Arc;

use projections::entity::Entity;
use projections::family::{Family, Slice};

use super::days::{Days, Piece};
use super::memory::ReadContext;
use super::period::Clock;
use super::range::Quarters;
use super::sets::{Set, What};
use crate::store;

/// Customers, as they are asked for: those with any of some numbers.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    from: ReadContext<'a>,
    of: Vec<What>,
}

impl<'a> Members<'a> {
    /// Those with a number of a family in any of some slices.
    #[must_use]
    pub fn of(from: ReadContext<'a>, family: Family, slices: &[Slice], column: usize) -> Self {
        let what = |&slice| What { family, slice, code: None, column };
        Members { from, of: slices.iter().map(what).collect() }
    }

    /// Those with the number under one code alone.
    #[must_use]
    pub fn under(mut self, code: Option<u16>) -> Self {
        for what in &mut self.of {
            what.code = code;
        }
        self
    }

    /// Those as well that others are.
    #[must_use]
    pub fn or(mut self, others: Members<'a>) -> Self {
        self.of.extend(others.of);
        self
    }

    /// Hands the members of each period of a range to `visit`, each once, period by period in order of
    /// time.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn each(
        &self,
        quarters: Quarters,
        clock: &Clock,
        mut visit: impl FnMut(i64, u32) + Send,
    ) -> Result<(), store::Error> {
        let mut all: Vec<(Piece, Arc<Set>)> = Vec::new();
        for what in &self.of {
            let mut clock = clock.clone();
            let within = self.from.within(what.family, quarters);
            let pieces = Days::of(within, &mut clock).pieces(&mut clock);
            let sets = self.from.sets(*what, &pieces).await?;
            all.extend(pieces.into_iter().zip(sets));
        }
        all.sort_by_key(|(piece, _)| piece.period);
        let customers = self.from.snapshot.checkpoint.root.next.of(Entity::Customer);
        // The number of the last period that each was seen in, from 1.
        let (mut seen, mut number, mut before) = (vec![0_u32; customers as usize], 0, None);
        for (Piece { period, places, .. }, set) in all {
            if before.replace(period) != Some(period) {
                number += 1;
            }
            for &who in set.members(places) {
                if let Some(seen) = seen.get_mut(who as usize)
                    && std::mem::replace(seen, number) != number
                {
                    visit(period, who);
                }
            }
        }
        Ok(())
    }

    /// The number of members of each period of a range that has any.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn by_period(
        &self,
        quarters: Quarters,
        clock: &Clock,
    ) -> Result<BTreeMap<i64, i64>, store::Error> {
        let mut counts: Vec<(i64, i64)> = Vec::new();
        self.each(quarters, clock, |period, _| match counts.last_mut() {
            Some((last, count)) if *last == period => *count += 1,
            _ => counts.push((period, 1)),
        })
        .await?;
        Ok(counts.into_iter().collect())
    }

    /// The members of a range, in order.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn all(&self, quarters: Quarters) -> Result<Vec<u32>, store::Error> {
        let whole = Clock::of(super::zone::Zone::UTC, None);
        let mut members = Vec::new();
        self.each(quarters, &whole, |_, who| members.push(who)).await?;
        members.sort_unstable();
        Ok(members)
    }

    /// The number of members of a range.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn count(&self, quarters: Quarters) -> Result<i64, store::Error> {
        let whole = Clock::of(super::zone::Zone::UTC, None);
        Ok(self.by_period(quarters, &whole).await?.into_values().sum())
    }
}
