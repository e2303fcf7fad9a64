//! `GET /api/metrics/transactions`.

use projections::money::{self, Money};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::sales::buyers;
use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::memory::ReadContext;
use crate::query::params::{LIMIT_MAX, Ranged, Ranging};
use crate::query::range::Used;
use crate::query::sales::{Sales, Sum};
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::store;

/// Orders by period, a page at a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransactionMetrics {
    metrics: Vec<Bar>,
    summary: Summary,
    pagination: Pagination,
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<TransactionMetrics>>,
    /// The change of the summary from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BarOfTransactions)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    /// The number of orders.
    count: i64,
    /// Net sales.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_amount: Money,
    /// Net sales for an order.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    avg_amount: Money,
    /// Distinct customers; null under a filter by which they are not counted.
    unique_user_count: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SummaryOfTransactions)]
struct Summary {
    /// Always null.
    #[serde(rename = "_id")]
    id: Option<String>,
    total_transactions: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_revenue: Money,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    avg_transaction_value: Money,
    unique_user_count: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PageOfBars)]
struct Pagination {
    current: usize,
    limit: usize,
    has_more: bool,
}

impl View for TransactionMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/transactions",
        access: METRICS,
        id: "getTransactionMetrics",
        tag: Tag::Figures,
        summary: "Orders by period",
        about: "Orders, their net sales and customers by hour, day, week, month, quarter or year; of the last 30 days where no range is given.",
    };
}

impl Ranging for TransactionMetrics {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = LIMIT_MAX;
    const IS_RECENT: bool = true;
    const PAGES: bool = true;
}

impl Figures for TransactionMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for TransactionMetrics {
    async fn of(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, store::Error> {
        let (sales, clock) = (Sales::of(from, asked), asked.clock());
        let statuses = sales.statuses();
        let mut periods = asked.trend_of(sales.by_period(asked.trend, &clock).await?);
        periods.retain(|(_, sum)| asked.fill.is_some() || sum.shows(statuses));
        let mut total = Sum::default();
        for (_, sum) in &periods {
            total.add(sum);
        }
        let before = asked.limit.saturating_mul(asked.page - 1).min(periods.len());
        let page = &periods[before..periods.len().min(before.saturating_add(asked.limit))];
        let ends = page.first().zip(page.last()).map(|((first, _), (last, _))| (*first, *last));
        let customers = match ends {
            Some(ends) => sales.customers(clock.between(ends, asked.trend), &clock).await?,
            None => None,
        };
        let bar = |(period, sum): &(i64, Sum)| Bar {
            label: clock.label(*period),
            count: sum.orders(),
            total_amount: sum.net(statuses),
            avg_amount: sum.average(statuses),
            unique_user_count: customers
                .as_ref()
                .map(|customers| customers.get(period).copied().unwrap_or_default()),
        };
        Ok(TransactionMetrics {
            metrics: page.iter().map(bar).collect(),
            summary: Summary::of(&total, statuses, buyers(from, asked).await?),
            pagination: Pagination {
                current: asked.page,
                limit: asked.limit,
                has_more: before + page.len() < periods.len(),
            },
            range: asked.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter)),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("totalTransactions", self.summary.total_transactions.into()),
            ("totalRevenue", self.summary.total_revenue.into()),
            ("avgTransactionValue", self.summary.avg_transaction_value.into()),
        ]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

impl Summary {
    fn of(total: &Sum, statuses: Statuses, customers: Option<i64>) -> Self {
        Summary {
            id: None,
            total_transactions: total.orders(),
            total_revenue: total.net(statuses),
            avg_transaction_value: total.average(statuses),
            unique_user_count: customers,
        }
    }
}
