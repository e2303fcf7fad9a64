//! `GET /api/metrics/sales`, and its part of the summary.

use projections::entity::Entity;
use projections::family::Family;
use projections::family::Slice;
use projections::fold::root::Root;
use projections::money::{self, Money};
use projections::sales::Status;
use projections::sales::sums::Sums;
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Selection, Statuses, WHOLE};
use crate::query::range::{Coverage, Used};
use crate::query::union;
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone::{self, Trend};
use crate::store;

const RETURNED: Slice = Slice::at(Status::Returned as u8);

/// Sales, and each day's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SalesMetrics {
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_revenue: Money,
    total_orders: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    average_order_value: Money,
    unique_customers: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returned_amount: Money,
    sales_trend: Vec<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
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
        about: "Revenue, orders, customers and returns, of all time or of a range; and each day's sales.",
    };
}

impl Figures for SalesMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = Ranged<30, WHOLE>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, store::Error> {
        let (figures, unique_customers) =
            tokio::try_join!(figures(from, asked), buyers(from, asked))?;
        let days = figures.days.into_iter().map(|(label, [orders, _, amount])| Day {
            label,
            daily_revenue: Money(amount),
            daily_orders: orders,
        });
        Ok(SalesMetrics {
            total_revenue: figures.total.amount,
            total_orders: figures.total.orders,
            average_order_value: figures.total.amount.div_half_even(figures.total.orders),
            unique_customers,
            returned_amount: figures.returned,
            sales_trend: newest(days.collect(), asked.limit),
            range: asked.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter)),
        })
    }
}

/// Sales of a range, or of all time, and those of each day of the trend.
#[derive(Debug)]
pub struct Totals {
    /// The sums of the sales of the statuses asked for.
    pub total: Sums,
    /// The amount of the sales that were returned, whatever the statuses.
    pub returned: Money,
    /// By local day.
    pub days: Vec<(String, Row)>,
}

/// Reads them: from the rows of the range; without one, the totals from the checkpoint.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn figures(from: ReadContext<'_>, asked: &Selection) -> Result<Totals, store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let mut trend = Trend::new(asked.zone);
    let (mut total, mut returned): (Row, Row) = ([0; 3], [0; 3]);
    let slices = asked.statuses.slices();
    let mut read = slices.clone();
    if asked.range.is_some() && !slices.contains(&RETURNED) {
        read.push(RETURNED);
    }
    if let Some(quarters) = asked.trend.scope(root.extent(Family::Sales)).quarters() {
        union::by_quarter(from, Family::Sales, &read, quarters, |slice, quarter, row| {
            if slice == RETURNED {
                zone::add(&mut returned, row);
            }
            if slices.contains(&slice) {
                zone::add(&mut total, row);
                trend.add(quarter, row);
            }
        })
        .await?;
    }
    let (total, returned) = match asked.range {
        Some(_) => (total.into(), returned.into()),
        None => (of_all_time(root, asked.statuses), root.sales.of(Status::Returned)),
    };
    Ok(Totals { total, returned: returned.amount, days: trend.finish() })
}

fn of_all_time(root: &Root, statuses: Statuses) -> Sums {
    statuses.one().map_or_else(|| root.sales.all(), |status| root.sales.of(status))
}

/// The number of customers that have a sale of the statuses asked for, in the range or ever.
async fn buyers(from: ReadContext<'_>, asked: &Selection) -> Result<i64, store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let scope = asked.scope(root, Family::Buyers);
    if let Coverage::Everything(_) = scope {
        return Ok(root.buyers.of(asked.statuses.one()));
    }
    let mut orders_of = vec![0_i64; root.next.of(Entity::Customer) as usize];
    let slices = asked.statuses.slices();
    union::by_entity(from, Family::Buyers, &slices, scope, |ordinal, [orders, ..]| {
        if let Some(sum) = orders_of.get_mut(ordinal as usize) {
            *sum = sum.saturating_add(orders);
        }
    })
    .await?;
    Ok(orders_of.iter().map(|orders| i64::from(*orders > 0)).sum())
}

/// The last days of a trend that would be longer than was asked for.
fn newest<T>(mut days: Vec<T>, limit: usize) -> Vec<T> {
    let surplus = days.len().saturating_sub(limit);
    days.drain(..surplus);
    days
}
