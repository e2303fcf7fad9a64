//! `GET /api/metrics/customers`, and its part of the summary.

use std::collections::HashMap;
use std::sync::Arc;

use projections::customers::CustomerDocument;
use projections::customers::Customers;
use projections::entity::Entity;
use projections::family::Family;
use projections::family::Slice;
use projections::money::{self, Money};
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::products::Pagination;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::chosen::{Chosen, Wanted};
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::memory::ReadContext;
use crate::query::params::{Earlier, Ranged, Ranging, Selection};
use crate::query::period::Buckets;
use crate::query::range::Used;
use crate::query::ranked::{CUSTOMERS, Rank};
use crate::query::top::{Order, Page, Ranking, SORT};
use crate::query::view::{Figures, METRICS, View};
use crate::query::{by_quarter, zone};
use crate::store;
use crate::store::read::Known;

/// The number of customers, and those who spend most.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerMetrics {
    total_customers: i64,
    identified: i64,
    guests: i64,
    buyers: i64,
    top_spending_customers: Vec<Spender>,
    new_customers_trend: Vec<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pagination: Option<Pagination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<CustomerMetrics>>,
    /// The change from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Spender {
    user_id: String,
    #[schema(value_type = Option<String>)]
    username: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    email: Option<Box<str>>,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_spend: Money,
    order_count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DayOfCustomers)]
struct Day {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    new_customers: i64,
}

impl View for CustomerMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/customers",
        access: METRICS,
        id: "getCustomers",
        tag: Tag::Figures,
        summary: "Customers, and those who spend most",
        about: "Customers with an account and without, those who bought, those who spent most, and the new ones of each day; all of them, or those of a country.",
    };
}

impl Ranging for CustomerMetrics {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 5;
    const FILTERS: bool = false;
    const PAGES: bool = true;
}

const COUNTRY: Parameter<Text> = Parameter::query(
    "country",
    "The customers whose profile has one country; `(none)`, those whose profile has none.",
    Text { min: 1, max: 64, allowed: "must be a text of 1 to 64 characters" },
);
const USER: Parameter<Text> = Parameter::query(
    "userId",
    "One customer.",
    Text { min: 1, max: 128, allowed: "must be an id of 1 to 128 characters" },
);

/// The range, the customers, and the order of the ranking.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<CustomerMetrics>,
    wanted: Wanted,
    sort: Option<Order>,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        Asked {
            range: Ranged::read(query),
            wanted: Wanted { value: query.take(&COUNTRY), id: query.take(&USER) },
            sort: query.take(&SORT),
        }
    }
}

impl Earlier for Asked {
    fn earlier(&self) -> Option<Self> {
        Some(Asked { range: self.range.earlier()?, ..self.clone() })
    }
}

impl Figures for CustomerMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for CustomerMetrics {
    async fn of(
        from: ReadContext<'_>,
        Asked { range: asked, wanted, sort }: &Asked,
    ) -> Result<Self, store::Error> {
        let chosen = wanted.chosen(from, Entity::Customer).await?;
        let order = sort.unwrap_or(Order::Most(Rank::NetSales));
        let (newcomers, spending) = tokio::try_join!(
            async {
                match &chosen {
                    Some(chosen) => Ok(Newcomers::of(chosen, asked)),
                    None => newcomers(from, asked).await,
                }
            },
            spending(from, asked, chosen.as_ref(), order)
        )?;
        let root = &from.snapshot.checkpoint.root;
        let (identified, guests) = match (asked.range, &chosen) {
            (Some(_), _) => (newcomers.identified, newcomers.guests),
            (None, Some(chosen)) => there(chosen),
            (None, None) => (root.identified, root.guests),
        };
        let first = newcomers.first.into_iter().chain(root.first_quarter).min();
        let day = |(label, [identified, guests, _]): (_, Row)| Day {
            label,
            new_customers: identified + guests,
        };
        Ok(CustomerMetrics {
            total_customers: identified + guests,
            identified,
            guests,
            buyers: spending.buyers,
            top_spending_customers: spending.top.into_iter().map(Spender::from).collect(),
            new_customers_trend: newcomers.periods.into_iter().map(day).collect(),
            pagination: Pagination::of(asked, *sort, spending.more),
            range: asked.range.map(|range| range.used(first)),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![("totalCustomers", self.total_customers.into()), ("buyers", self.buyers.into())]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

/// Customers by the time at which they became known.
#[derive(Debug)]
pub struct Newcomers {
    /// Those with an account.
    pub identified: i64,
    /// Those without.
    pub guests: i64,
    /// The first quarter hour that has one.
    pub first: Option<u32>,
    /// Those of each period of the trend.
    pub periods: Vec<(String, Row)>,
}

/// The periods of a trend by their names.
fn named(asked: &Selection, trend: Buckets<Row>) -> Vec<(String, Row)> {
    let clock = asked.clock();
    asked.trend_of(trend).into_iter().map(|(period, row)| (clock.label(period), row)).collect()
}

/// The customers who became known in the range, or else in the days of the trend.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn newcomers(
    from: ReadContext<'_>,
    asked: &Selection,
) -> Result<Newcomers, store::Error> {
    let mut trend: Buckets<Row> = Buckets::of(asked.clock());
    let (mut total, mut first) = ([0; 3], None::<u32>);
    by_quarter::rows(from, Family::Newcomers, &[Slice::WHOLE], asked.trend, |_, quarter, row| {
        zone::add(&mut total, row);
        first = Some(first.map_or(quarter, |first| first.min(quarter)));
        zone::add(trend.at(quarter), row);
    })
    .await?;
    let [identified, guests, _] = total;
    Ok(Newcomers { identified, guests, first, periods: named(asked, trend) })
}

impl Newcomers {
    /// Those that are chosen.
    fn of(chosen: &Chosen, asked: &Selection) -> Self {
        let mut trend: Buckets<Row> = Buckets::of(asked.clock());
        let (mut total, mut first) = ([0; 3], None::<u32>);
        for one in chosen.iter().filter(|one| asked.trend.has(one.since)) {
            let row = [i64::from(!one.is_guest), i64::from(one.is_guest), 0];
            zone::add(&mut total, row);
            first = Some(first.map_or(one.since, |first| first.min(one.since)));
            zone::add(trend.at(one.since), row);
        }
        let [identified, guests, _] = total;
        Newcomers { identified, guests, first, periods: named(asked, trend) }
    }
}

/// The number of those whom the shop has, with an account and without.
fn there(chosen: &Chosen) -> (i64, i64) {
    let there = chosen.iter().filter(|one| !one.is_gone);
    there.fold((0, 0), |(identified, guests), one| {
        (identified + i64::from(!one.is_guest), guests + i64::from(one.is_guest))
    })
}

struct Spending {
    buyers: i64,
    top: Vec<Spent>,
    /// Whether there are more behind the page.
    more: bool,
}

struct Spent {
    customer: Known<CustomerDocument>,
    amount: Money,
    orders: i64,
}

/// The number of buyers, and the customers of a page of the ranking, in the range and statuses asked for;
/// of those who are chosen, if some are.
async fn spending(
    from: ReadContext<'_>,
    asked: &Selection,
    chosen: Option<&Chosen>,
    order: Order,
) -> Result<Spending, store::Error> {
    let totals = CUSTOMERS.totals(from, asked, chosen).await?;
    let page = (asked.page, asked.limit);
    let ranking = Ranking { of: CUSTOMERS, order, page, leave: &[] };
    let Page { found, has_more } = ranking.read(from, &totals).await?;
    let ids: Vec<_> = found.iter().map(|(_, id)| id.clone()).collect();
    let customers = from.snapshot.entities::<Customers>(&ids).await?;
    let mut customers: HashMap<u32, _> =
        customers.into_iter().map(|customer| (customer.document.ordinal, customer)).collect();
    let spent = |(who, _): (u32, Arc<str>)| {
        let customer = customers.remove(&who)?;
        let (amount, orders) =
            (Money(totals.of_one(who, Rank::NetSales)), totals.of_one(who, Rank::Orders));
        Some(Spent { customer, amount, orders })
    };
    let top = found.into_iter().filter_map(spent).collect();
    let buyers = totals.of(Rank::Units).map(|units| i64::from(units > 0)).sum();
    Ok(Spending { buyers, top, more: has_more })
}

impl From<Spent> for Spender {
    fn from(Spent { customer, amount, orders }: Spent) -> Self {
        let profile = customer.document.profile.map(|profile| (profile.username, profile.email));
        let (username, email) = profile.unwrap_or_default();
        Spender { user_id: customer.id, username, email, total_spend: amount, order_count: orders }
    }
}
