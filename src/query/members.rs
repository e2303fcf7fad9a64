//! Distinct customers: those with a number above zero in each period of a range.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Each under a code, of a family by customer in a value.
    of: Vec<(What, Option<u16>)>,
}

/// A piece of a range, with those who are counted in it and the code that is looked at.
type Counted = (Piece, Option<u16>, Arc<Set>);

impl<'a> Members<'a> {
    /// Those with a number of a family in any of some slices.
    #[must_use]
    pub fn of(from: ReadContext<'a>, family: Family, slices: &[Slice], column: usize) -> Self {
        let what = |&slice| (What { family, slice, column: Some(column) }, None);
        Members { from, of: slices.iter().map(what).collect() }
    }

    /// Those with the number under one code alone.
    #[must_use]
    pub fn under(mut self, code: Option<u16>) -> Self {
        for (_, of) in &mut self.of {
            *of = code;
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
        let (mut seen, mut before) = (Seen::of(self.from), None);
        for (Piece { period, places, .. }, code, set) in self.sets(quarters, clock).await? {
            if before.replace(period) != Some(period) {
                seen.begin();
            }
            for &who in set.members(code, places) {
                if seen.is_new(who) {
                    visit(period, who);
                }
            }
        }
        Ok(())
    }

    /// The sets that make up a range, period by period in order of time.
    async fn sets(&self, quarters: Quarters, clock: &Clock) -> Result<Vec<Counted>, store::Error> {
        let mut all = Vec::new();
        for (what, code) in &self.of {
            let mut clock = clock.clone();
            let within = self.from.within(what.family, quarters);
            let pieces = Days::of(within, &mut clock).pieces(&mut clock);
            let sets = self.from.sets(*what, &pieces).await?;
            all.extend(pieces.into_iter().zip(sets).map(|(piece, set)| (piece, *code, set)));
        }
        all.sort_by_key(|(piece, ..)| piece.period);
        Ok(all)
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

    /// The number of members of a range under each code that has any.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn count_by_code(
        &self,
        quarters: Quarters,
    ) -> Result<BTreeMap<u16, i64>, store::Error> {
        let sets = self.sets(quarters, &Clock::of(super::zone::Zone::UTC, None)).await?;
        let codes: BTreeSet<u16> = sets.iter().flat_map(|(.., set)| set.codes()).collect();
        let mut seen = Seen::of(self.from);
        let mut counts = BTreeMap::new();
        for code in codes {
            seen.begin();
            let members =
                sets.iter().flat_map(|(piece, _, set)| set.members(Some(code), piece.places));
            let count = members.filter(|who| seen.is_new(**who)).count();
            counts.insert(code, i64::try_from(count).unwrap_or(i64::MAX));
        }
        Ok(counts)
    }
}

/// Tells customers that are seen again from those that are seen for the first time.
struct Seen {
    /// The number of the last time that each was seen, from 1.
    last: Vec<u32>,
    number: u32,
}

impl Seen {
    /// None of the customers of a snapshot was seen.
    fn of(from: ReadContext<'_>) -> Self {
        let customers = from.snapshot.checkpoint.root.next.of(Entity::Customer);
        Seen { last: vec![0; customers as usize], number: 0 }
    }

    /// Forgets all.
    fn begin(&mut self) {
        self.number += 1;
    }

    /// Whether a customer was not seen before. One of a later snapshot is not new.
    fn is_new(&mut self, who: u32) -> bool {
        let last = self.last.get_mut(who as usize);
        last.is_some_and(|last| std::mem::replace(last, self.number) != self.number)
    }
}
