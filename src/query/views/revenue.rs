//! `GET /api/metrics/revenue`.

use projections::money::{self, Money};
use projections::quantity::{self, Quantity};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::Word;
use crate::query::Error;
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::filter::{By, Filter};
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::range::Used;
use crate::query::sales::{Sales, Sum};
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::store;

/// Net sales by period, by category, by payment method and by country, and how they come about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevenueMetrics {
    trends: Vec<Bar>,
    by_category: Vec<Part>,
    by_payment_method: Vec<Part>,
    by_country: Vec<Part>,
    /// From gross to net. Discounts, fees and tax are known of whole orders, so under a filter they
    /// are null.
    gross_to_net: GrossToNet,
    period: &'static str,
    date_range: DateRange,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<RevenueMetrics>>,
    /// The change from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BarOfRevenue)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    /// Net sales.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    revenue: Money,
    /// The number of orders.
    transactions: i64,
    /// What was taken off since it came back.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returns: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PartOfRevenue)]
struct Part {
    /// The category, payment method or country; `(none)` where there is none, `(other)` for those
    /// past the first 256 of a month.
    #[serde(rename = "_id")]
    name: String,
    /// Net sales.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    revenue: Money,
    /// The number of orders; one that has several of them counts in each.
    transactions: i64,
    /// Net sales for an order.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    avg_value: Money,
    /// Units.
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    quantity: Quantity,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct GrossToNet {
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    gross_sales: Option<Money>,
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    discounts: Option<Money>,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returns: Money,
    /// Gross sales less discounts and returns.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    net_sales: Money,
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    delivery_fees: Option<Money>,
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    tax: Option<Money>,
}

/// The range that was used, as its clients know it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DateRange {
    #[schema(format = DateTime)]
    start_date: String,
    #[schema(format = DateTime)]
    end_date: String,
}

impl DateRange {
    /// The ends of the range that was used.
    #[must_use]
    pub fn of(used: Option<&Used>) -> Self {
        let (start_date, end_date) = used.map(Used::ends).unwrap_or_default();
        DateRange { start_date, end_date }
    }
}

impl View for RevenueMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/revenue",
        access: METRICS,
        id: "getRevenue",
        tag: Tag::Figures,
        summary: "Net sales by period, category, payment method and country",
        about: "Of the last 30 days where no range is given. The parts of each add up to the whole.",
    };
}

impl Ranging for RevenueMetrics {
    const TREND_DAYS: u64 = 30;
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
}

impl Figures for RevenueMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for RevenueMetrics {
    async fn of(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, store::Error> {
        let (sales, clock) = (Sales::of(from, asked), asked.clock());
        let statuses = sales.statuses();
        let buckets = sales.by_period(asked.trend, &clock).await?;
        let ranked = sales.ranked(By::ALL, asked.trend).await?;
        let [by_category, by_payment_method, by_country] =
            ranked.map(|ranked| parts(ranked, statuses));
        let periods = asked.trend_of(buckets);
        let mut total = Sum::default();
        for (_, sum) in &periods {
            total.add(sum);
        }
        let shown = periods.iter().filter(|(_, sum)| asked.fill.is_some() || sum.shows(statuses));
        let bar = |(period, sum): &(i64, Sum)| Bar {
            label: clock.label(*period),
            revenue: sum.net(statuses),
            transactions: sum.orders(),
            returns: sum.taken_off(statuses),
        };
        let used = asked.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter));
        Ok(RevenueMetrics {
            trends: shown.map(bar).collect(),
            by_category,
            by_payment_method,
            by_country,
            gross_to_net: GrossToNet::of(&total, statuses, asked.filter == Filter::None),
            period: asked.period.word(),
            date_range: DateRange::of(used.as_ref()),
            range: used,
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        let transactions: i64 = self.trends.iter().map(|bar| bar.transactions).sum();
        vec![
            ("revenue", self.gross_to_net.net_sales.into()),
            ("transactions", transactions.into()),
            ("returns", self.gross_to_net.returns.into()),
        ]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

impl GrossToNet {
    fn of(total: &Sum, statuses: Statuses, is_whole: bool) -> Self {
        let [_, fees, tax] = total.money;
        let whole = |money| is_whole.then_some(money);
        GrossToNet {
            gross_sales: whole(total.gross()),
            discounts: whole(total.discounts()),
            returns: total.taken_off(statuses),
            net_sales: total.net(statuses),
            delivery_fees: whole(Money(fees)),
            tax: whole(Money(tax)),
        }
    }
}

fn parts(ranked: Vec<(String, Sum)>, statuses: Statuses) -> Vec<Part> {
    let part = |(name, sum): (String, Sum)| Part {
        name,
        revenue: sum.net(statuses),
        transactions: sum.orders(),
        avg_value: sum.average(statuses),
        quantity: Quantity(sum.sold[1]),
    };
    ranked.into_iter().map(part).collect()
}
