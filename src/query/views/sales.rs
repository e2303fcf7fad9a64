//! `GET /api/metrics/sales`, and its part of the summary.

use projections::entity::Entity;
use projections::family::{Dimension, Family, Slice};
use projections::fold::root::Root;
use projections::money::{self, Money};
use projections::sales::Status;
use projections::sales::sums::Sums;
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::by_value::by_value;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Selection, Statuses, WHOLE};
use crate::query::range::{Coverage, Used};
use crate::query::union;
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone::{self, Trend};
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
    unique_customers: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returned_amount: Money,
    /// Those in other currencies than the shop's, before anything came back.
    currencies: Option<Vec<InCurrency>>,
    sales_trend: Vec<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
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
    #[serde(rename = "_id")]
    #[schema(format = Date)]
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

impl Figures for SalesMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = Ranged<30, WHOLE>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        let (figures, unique_customers, currencies) =
            tokio::try_join!(figures(from, asked), buyers(from, asked), currencies(from, asked))?;
        let days = figures.days.iter().map(|(label, [orders, _, amount])| Day {
            label: label.clone(),
            daily_revenue: Money(*amount),
            daily_orders: *orders,
        });
        // Read models of before version 3 of the fold did not tell these apart.
        let apart = |money| from.snapshot.has(Family::Returns.since()).then_some(money);
        Ok(SalesMetrics {
            total_revenue: figures.net(),
            gross_sales: apart(figures.gross()),
            discounts: apart(figures.discounts),
            returns: apart(figures.taken_off),
            net_sales: apart(figures.net()),
            total_orders: figures.orders,
            average_order_value: figures.average(),
            unique_customers,
            returned_amount: figures.returned,
            currencies,
            sales_trend: newest(days.collect(), asked.limit),
            range: asked.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter)),
        })
    }
}

/// Sales of a range, or of all time, and those of each day of the trend.
#[derive(Debug)]
pub struct Totals {
    /// The number of orders of the statuses asked for.
    pub orders: i64,
    /// The amount of those orders, less discounts.
    amount: Money,
    /// Their discounts.
    discounts: Money,
    /// The amount of what came back, whatever the statuses.
    returned: Money,
    /// The part of it that is taken off the amount.
    taken_off: Money,
    /// By local day: orders, and net sales.
    pub days: Vec<(String, Row)>,
}

impl Totals {
    fn gross(&self) -> Money {
        Money(self.amount.0.saturating_add(self.discounts.0))
    }

    /// Net sales.
    #[must_use]
    pub fn net(&self) -> Money {
        Money(self.amount.0.saturating_sub(self.taken_off.0))
    }

    /// Net sales for an order.
    #[must_use]
    pub fn average(&self) -> Money {
        self.net().div_half_even(self.orders)
    }
}

/// Reads them: from the rows of the range; without one, the totals from the checkpoint.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn figures(from: ReadContext<'_>, asked: &Selection) -> Result<Totals, store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let statuses = asked.statuses.of(from.snapshot);
    let has_returns = from.snapshot.has(Family::Returns.since());
    let is_less = statuses == Statuses::Sold;
    let mut trend = Trend::new(asked.zone);
    let (mut sold, mut money, mut back): (Row, Row, Row) = ([0; 3], [0; 3], [0; 3]);
    let slices = statuses.slices();
    if let Some(quarters) = asked.trend.scope(root.extent(Family::Sales)).quarters() {
        union::by_quarter(from, Family::Sales, &slices, quarters, |_, quarter, row| {
            zone::add(&mut sold, row);
            trend.add(quarter, row);
        })
        .await?;
        if has_returns {
            union::by_quarter(from, Family::Money, &slices, quarters, |_, _, row| {
                zone::add(&mut money, row);
            })
            .await?;
            let basis = [asked.basis.into()];
            union::by_quarter(from, Family::Returns, &basis, quarters, |_, quarter, row| {
                zone::add(&mut back, row);
                if is_less {
                    trend.add(quarter, [0, 0, row[2].saturating_neg()]);
                }
            })
            .await?;
        } else {
            let returned = [Slice::from(Status::Returned)];
            union::by_quarter(from, Family::Sales, &returned, quarters, |_, _, row| {
                zone::add(&mut back, row);
            })
            .await?;
        }
    }
    if asked.range.is_none() {
        (sold, money) = of_all_time(root, statuses);
        let returned = root.sales.of(Status::Returned);
        back = if has_returns { root.returns } else { returned }.into();
    }
    Ok(Totals {
        orders: sold[0],
        amount: Money(sold[2]),
        discounts: Money(money[0]),
        returned: Money(back[2]),
        taken_off: if is_less { Money(back[2]) } else { Money::ZERO },
        days: trend.finish(),
    })
}

/// The sums of the statuses, and their money beside the lines.
fn of_all_time(root: &Root, statuses: Statuses) -> (Row, Row) {
    let (mut sold, mut money) = ([0; 3], [0; 3]);
    for status in statuses.iter() {
        zone::add(&mut sold, root.sales.of(status).into());
        zone::add(&mut money, root.money.of(status));
    }
    (sold, money)
}

/// The number of customers that have a line of the statuses asked for, in the range or ever.
async fn buyers(from: ReadContext<'_>, asked: &Selection) -> Result<i64, store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let statuses = asked.statuses.of(from.snapshot);
    let scope = asked.scope(root, Family::Buyers);
    if let Coverage::Everything(_) = scope {
        return Ok(match statuses {
            Statuses::Sold => root.buyers.sold,
            Statuses::One(status) => root.buyers.of(Some(status)),
            Statuses::All => root.buyers.all,
        });
    }
    let mut quantities = vec![0_i64; root.next.of(Entity::Customer) as usize];
    union::by_entity(from, Family::Buyers, &statuses.slices(), scope, |ordinal, row| {
        if let Some(sum) = quantities.get_mut(ordinal as usize) {
            *sum = sum.saturating_add(Sums::from(row).quantity.0);
        }
    })
    .await?;
    Ok(quantities.iter().map(|quantity| i64::from(*quantity > 0)).sum())
}

/// The sales in each currency but the shop's.
async fn currencies(
    from: ReadContext<'_>,
    asked: &Selection,
) -> Result<Option<Vec<InCurrency>>, store::Error> {
    let family = Family::Currencies;
    if !from.snapshot.has(family.since()) {
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

/// The last days of a trend that would be longer than was asked for.
fn newest<T>(mut days: Vec<T>, limit: usize) -> Vec<T> {
    let surplus = days.len().saturating_sub(limit);
    days.drain(..surplus);
    days
}
