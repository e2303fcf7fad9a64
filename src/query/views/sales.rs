//! `GET /api/metrics/sales`, and its part of the summary.

use projections::family::{Dimension, Family};
use projections::money::{self, Money};
use projections::sales::Status;
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::by_value::by_value;
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::filter::Filter;
use crate::query::members::Members;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::period::Clock;
use crate::query::range::{Coverage, Quarters, Used};
use crate::query::sales::{Sales, Sum};
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone;
use crate::store;

/// Sales, and each day's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SalesMetrics {
    /// Net sales.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_revenue: Money,
    /// What was sold, at its price.
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    gross_sales: Option<Money>,
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    discounts: Option<Money>,
    /// What is taken off since it came back.
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    returns: Option<Money>,
    /// Gross sales less discounts and returns.
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    net_sales: Option<Money>,
    total_orders: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    average_order_value: Money,
    /// Distinct customers; null under a filter by which they are not counted.
    unique_customers: Option<i64>,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returned_amount: Money,
    /// Those in other currencies than the shop's, before anything came back.
    currencies: Option<Vec<InCurrency>>,
    /// Each period's, by default each day's.
    sales_trend: Vec<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<SalesMetrics>>,
    /// The change from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SalesInCurrency)]
struct InCurrency {
    /// Its three letters; `(other)` for those past the first 64 of a month.
    currency: String,
    orders: i64,
    /// The amount in this currency, less discounts.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    original: Money,
    /// The same in the shop's.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    converted: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DayOfSales)]
struct Day {
    /// The period's name: `2026-11-21`, `2026-11-21 04:00`, `2026-W47`, `2026-11`, `2026-Q4`, `2026`.
    #[serde(rename = "_id")]
    label: String,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    daily_revenue: Money,
    daily_orders: i64,
}

impl View for SalesMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/sales",
        access: METRICS,
        id: "getSales",
        tag: Tag::Figures,
        summary: "Sales and each day's",
        about: "Gross sales, discounts, returns and net sales, orders and customers, of all time or of a range; and each day's sales.",
    };
}

impl Ranging for SalesMetrics {
    const TREND_DAYS: u64 = 30;
}

impl Figures for SalesMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for SalesMetrics {
    async fn of(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, store::Error> {
        let (figures, unique_customers, currencies) =
            tokio::try_join!(figures(from, asked), buyers(from, asked), currencies(from, asked))?;
        let Totals { sum, statuses, periods } = figures;
        let days = periods.into_iter().map(|(label, sum)| Day {
            label,
            daily_revenue: sum.net(statuses),
            daily_orders: sum.orders(),
        });
        // Discounts are known of whole orders alone; and read models of before version 3 of the fold did
        // not tell these apart.
        let is_whole = from.snapshot.has(Family::Returns.since()) && asked.filter == Filter::None;
        let apart = |money| is_whole.then_some(money);
        Ok(SalesMetrics {
            total_revenue: sum.net(statuses),
            gross_sales: apart(sum.gross()),
            discounts: apart(sum.discounts()),
            returns: apart(sum.taken_off(statuses)),
            net_sales: apart(sum.net(statuses)),
            total_orders: sum.orders(),
            average_order_value: sum.average(statuses),
            unique_customers,
            returned_amount: sum.returned(),
            currencies,
            sales_trend: newest(days.collect(), asked.limit),
            range: asked.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter)),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("totalRevenue", self.total_revenue.into()),
            ("totalOrders", self.total_orders.into()),
            ("averageOrderValue", self.average_order_value.into()),
            ("returnedAmount", self.returned_amount.into()),
        ]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

/// Sales of a range, or of all time, and those of each period of the trend.
#[derive(Debug)]
pub struct Totals {
    /// All of them.
    pub sum: Sum,
    /// The statuses that are counted.
    pub statuses: Statuses,
    /// Those of each period.
    pub periods: Vec<(String, Sum)>,
}

/// Reads them: from the rows of the range; without one, the totals from the checkpoint.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn figures(from: ReadContext<'_>, asked: &Selection) -> Result<Totals, store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let (sales, clock) = (Sales::of(from, asked), asked.clock());
    let statuses = sales.statuses();
    let periods = asked.trend_of(sales.by_period(asked.trend, &clock).await?);
    let mut sum = Sum::default();
    match (asked.range, &asked.filter) {
        (Some(_), _) => periods.iter().for_each(|(_, of_period)| sum.add(of_period)),
        (None, Filter::None) => {
            for status in statuses.iter() {
                zone::add(&mut sum.sold, root.sales.of(status).into());
                zone::add(&mut sum.money, root.money.of(status));
            }
            let has_returns = from.snapshot.has(Family::Returns.since());
            let returned = root.sales.of(Status::Returned);
            sum.back = if has_returns { root.returns } else { returned }.into();
        }
        (None, _) => sum = sales.total(Quarters::ALL).await?,
    }
    let named = |(period, sum): (i64, Sum)| (clock.label(period), sum);
    let periods =
        periods.into_iter().filter(|(_, sum)| asked.fill.is_some() || sum.shows(statuses));
    Ok(Totals { sum, statuses, periods: periods.map(named).collect() })
}

/// The number of customers that have a line of the statuses asked for, in the range or ever.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn buyers(from: ReadContext<'_>, asked: &Selection) -> Result<Option<i64>, store::Error> {
    if asked.filter != Filter::None {
        let range = asked.range.map_or(Quarters::ALL, |range| range.quarters);
        let clock = Clock::of(asked.zone, None);
        let customers = Sales::of(from, asked).customers(range, &clock).await?;
        return Ok(customers.map(|customers| customers.into_values().sum()));
    }
    let root = &from.snapshot.checkpoint.root;
    let statuses = asked.statuses.of(from.snapshot);
    let scope = asked.scope(root, Family::Buyers);
    if let Coverage::Everything(_) = scope {
        return Ok(Some(match statuses {
            Statuses::Sold => root.buyers.sold,
            Statuses::One(status) => root.buyers.of(Some(status)),
            Statuses::All => root.buyers.all,
        }));
    }
    let Some(quarters) = scope.quarters() else { return Ok(Some(0)) };
    Members::of(from, Family::Buyers, &statuses.slices(), 1).count(quarters).await.map(Some)
}

/// The sales in each currency but the shop's.
async fn currencies(
    from: ReadContext<'_>,
    asked: &Selection,
) -> Result<Option<Vec<InCurrency>>, store::Error> {
    let family = Family::Currencies;
    if !from.snapshot.has(family.since()) || asked.filter != Filter::None {
        return Ok(None);
    }
    let slices = asked.statuses.of(from.snapshot).slices();
    let scope = asked.scope(&from.snapshot.checkpoint.root, family);
    let Some(quarters) = scope.quarters() else { return Ok(Some(Vec::new())) };
    let sums = by_value(from, (family, &slices), Dimension::Currency, quarters).await?;
    let rows = sums.into_iter().filter(|(_, row)| *row != [0; 3]);
    let in_currency = |(currency, [orders, original, converted]): (String, Row)| InCurrency {
        currency,
        orders,
        original: Money(original),
        converted: Money(converted),
    };
    Ok(Some(rows.map(in_currency).collect()))
}

/// The last periods of a trend that would be longer than was asked for.
fn newest<T>(mut days: Vec<T>, limit: usize) -> Vec<T> {
    let surplus = days.len().saturating_sub(limit);
    days.drain(..surplus);
    days
}
