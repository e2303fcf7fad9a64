//! The first products or customers of a ranking, a page at a time.

use std::sync::Arc;

use super::known::{One, Way};
use super::memory::ReadContext;
use super::ranked::{Of, Rank, Totals};
use super::ranking;
use crate::http::parameters::Parameter;
use crate::http::parameters::values::{OneOf, Word};
use crate::store;

/// The order of a ranking.
pub const SORT: Parameter<OneOf<Order>> = Parameter::query(
    "sort",
    "The sum that the ranking goes by, the most first; or the name, in any case, from the first on or, \
     with a minus, from the last back, those without a name behind all others. Ties are by id. With it, \
     or with `page`, the answer has `pagination`.",
    OneOf::new(),
);

/// The figure or name that a ranking goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// A sum: those that have some of it, the most first.
    Most(Rank),
    /// The name of those of which, or to whom, units were sold.
    Name(Way),
}

impl Word for Order {
    const ALL: &'static [Self] = &[
        Order::Most(Rank::NetSales),
        Order::Most(Rank::Orders),
        Order::Most(Rank::Units),
        Order::Name(Way::Onward),
        Order::Name(Way::Backward),
    ];

    fn word(self) -> &'static str {
        match self {
            Order::Most(rank) => rank.word(),
            Order::Name(way) => way.word(),
        }
    }
}

/// A page of a ranking.
#[derive(Debug, Default)]
pub struct Page {
    /// The ordinals and ids of the page.
    pub found: Vec<(u32, Arc<str>)>,
    /// Whether there are more behind it.
    pub has_more: bool,
}

/// A ranking.
#[derive(Debug)]
pub struct Ranking<'a> {
    /// The products or customers that it is of.
    pub of: Of,
    /// The figure or name that it goes by.
    pub order: Order,
    /// The page, from 1, and the most of one.
    pub page: (usize, usize),
    /// The ids that take no place.
    pub leave: &'a [&'a str],
}

impl Ranking<'_> {
    /// The page of it, by these sums.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn read(&self, from: ReadContext<'_>, totals: &Totals) -> Result<Page, store::Error> {
        match self.order {
            Order::Most(rank) => self.most(from, totals, rank).await,
            Order::Name(way) => self.by_name(from, totals, way).await,
        }
    }

    fn before(&self) -> usize {
        let (page, limit) = self.page;
        page.saturating_sub(1).saturating_mul(limit)
    }

    /// Those with the largest sums above zero, ties by id.
    async fn most(
        &self,
        from: ReadContext<'_>,
        totals: &Totals,
        rank: Rank,
    ) -> Result<Page, store::Error> {
        let (before, (_, limit)) = (self.before(), self.page);
        // One more says whether there are more, and each that is left out may have been among them.
        let most = before.saturating_add(limit).saturating_add(1 + self.leave.len());
        let cut = ranking::cut(totals.of(rank), most);
        let mut named = from.named(self.of.entity(), cut).await?;
        named.retain(|(_, id)| !self.leave.contains(&&**id));
        let value = |who: u32| totals.of_one(who, rank);
        named
            .sort_by(|(a, a_id), (b, b_id)| value(*b).cmp(&value(*a)).then_with(|| a_id.cmp(b_id)));
        let has_more = named.len() > before.saturating_add(limit);
        Ok(Page { found: named.into_iter().skip(before).take(limit).collect(), has_more })
    }

    /// Those with units, by name.
    async fn by_name(
        &self,
        from: ReadContext<'_>,
        totals: &Totals,
        way: Way,
    ) -> Result<Page, store::Error> {
        let all = from.known(self.of.entity()).await?;
        let has_units = |one: &&One| totals.of_one(one.ordinal, Rank::Units) > 0;
        let is_there = |one: &&One| !self.leave.contains(&&*one.id);
        let mut behind = all.by_name(way).filter(has_units).filter(is_there).skip(self.before());
        let found = behind.by_ref().take(self.page.1);
        let found = found.map(|one| (one.ordinal, Arc::from(&*one.id))).collect();
        Ok(Page { found, has_more: behind.next().is_some() })
    }
}
