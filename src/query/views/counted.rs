//! The customers that a number counts, a page at a time.

use std::collections::BTreeSet;

use projections::bucket::quarter_start;
use projections::customers::{CustomerDocument, Customers};
use projections::entity::Entity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::parameters::values::Own;
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::cursor::{self, LIMIT, Pagination};
use crate::query::memory::ReadContext;
use crate::query::range::{Quarters, Used};
use crate::query::ranking::Cut;
use crate::query::selection::Selection;
use crate::query::times::Counted;
use crate::store;
use crate::store::read::Known;

/// The customers of a page, where nothing else is asked for.
const PAGE: u32 = 20;

const CURSOR: Parameter<Own<After>> = cursor::parameter();

/// A place among customers in the order in which they became known: the ordinal of the last one that was
/// looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    pub(super) who: u32,
}

/// The page that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// Its length.
    pub(super) limit: u32,
    /// The place that it begins behind.
    pub(super) after: Option<After>,
}

impl Parameters for Page {
    fn read(query: &mut Query) -> Self {
        Page { limit: query.take_or(&LIMIT, PAGE), after: query.take(&CURSOR) }
    }
}

impl Page {
    /// Those of some that are behind the place.
    pub(super) fn rest<'a>(&self, members: &'a [u32]) -> &'a [u32] {
        let first = |after: After| members.partition_point(|who| *who <= after.who);
        &members[self.after.map_or(0, first)..]
    }

    /// The page of all of some.
    pub(super) fn of(&self, members: &[u32]) -> Chosen {
        let rest = self.rest(members);
        let page = &rest[..rest.len().min(self.limit as usize)];
        let last = page.last().filter(|_| page.len() < rest.len());
        Chosen { page: page.to_vec(), next: last.map(|who| After { who: *who }) }
    }
}

/// The customers of a page, and the place where the next one goes on, if one does.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) page: Vec<u32>,
    pub(super) next: Option<After>,
}

/// A number of customers, and each of them, a page at a time, in the order in which they became known: all
/// pages have as many.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomersOfFigure)]
pub struct CustomersOf {
    /// The number.
    value: i64,
    customers: Vec<One>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CustomerOfFigure)]
struct One {
    user_id: String,
    #[schema(value_type = Option<String>)]
    username: Option<Box<str>>,
    /// How often: activities, attempts or orders.
    times: i64,
    /// The beginning of the quarter hour of the first time in the range.
    #[schema(format = DateTime)]
    first_at: Option<String>,
    /// That of the last time.
    #[schema(format = DateTime)]
    last_at: Option<String>,
}

/// Customers that are counted, in a part of the range that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) from: ReadContext<'a>,
    pub(super) asked: &'a Selection,
    pub(super) counted: &'a Counted,
    /// The quarter hours in which they are counted.
    pub(super) quarters: Quarters,
    pub(super) page: Page,
}

impl Question<'_> {
    /// A page of all of some.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub(super) async fn all(self, members: &[u32]) -> Result<CustomersOf, store::Error> {
        let value = i64::try_from(members.len()).unwrap_or(i64::MAX);
        self.some(value, self.page.of(members)).await
    }

    /// A page of so many in all.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub(super) async fn some(
        self,
        value: i64,
        Chosen { page, next }: Chosen,
    ) -> Result<CustomersOf, store::Error> {
        let Question { from, asked, counted, quarters, .. } = self;
        let of: BTreeSet<u32> = page.iter().copied().collect();
        let cut = Cut { sure: page, ..Cut::default() };
        let (times, ids) =
            tokio::try_join!(counted.times(from, quarters, &of), from.ids(Entity::Customer, cut),)?;
        let mut known = from.snapshot.entities::<Customers>(&ids).await?;
        known.sort_unstable_by_key(|it| it.document.ordinal);
        let at = |quarter| quarter_start(quarter).to_rfc3339();
        let one = |customer: Known<CustomerDocument>| {
            let times = times.get(&customer.document.ordinal);
            One {
                user_id: customer.id,
                username: customer.document.profile.and_then(|profile| profile.username),
                times: times.map_or(0, |it| it.count),
                first_at: times.map(|it| at(it.first)),
                last_at: times.map(|it| at(it.last)),
            }
        };
        let extent = from.snapshot.checkpoint.root.extent(counted.family);
        Ok(CustomersOf {
            value,
            customers: known.into_iter().map(one).collect(),
            pagination: Pagination::of(self.page.limit, next.as_ref()),
            range: asked.range.map(|range| range.used(extent.map(|(first, _)| first))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_behind_the_last_one_and_end_with_the_last() {
        let members = [2, 3, 7, 9, 12];
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let Chosen { page, next } = Page { limit: 2, after }.of(&members);
            pages.push(page);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(pages, [vec![2, 3], vec![7, 9], vec![12]]);
        let of = |limit, who| Page { limit, after: Some(After { who }) }.of(&members);
        // The one that it goes on behind may have left.
        assert_eq!(of(2, 4).page, [7, 9]);
        assert_eq!((of(3, 3).next, of(9, 12).page), (None, vec![]));
    }
}
