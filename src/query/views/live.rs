//! `GET /api/metrics/live`: the last hour.

use std::collections::HashMap;
use std::sync::Arc;

use projections::bucket::{quarter_of, quarter_start};
use projections::event::Kind;
use projections::family::{Family, Slice};
use projections::fold::root::News;
use projections::ledger::{Ledger, LedgerKey, LedgerRow};
use projections::money::{self, Money};
use projections::orders::PlacedOrder;
use projections::sales::Sale;
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::order::OneOrder;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::{Parameters, Query};
use crate::query::Error;
use crate::query::members::Members;
use crate::query::memory::ReadContext;
use crate::query::minutes::Minutes;
use crate::query::range::Quarters;
use crate::query::sales::Sum;
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::store;

const MINUTE_MS: i64 = 60_000;
const MINUTES: u32 = 60;
/// The version of the fold that began to keep news.
const NEWS_SINCE: u32 = 6;

/// Sales of the last hour by minute, and active customers by quarter hour.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveMetrics {
    orders: i64,
    /// Net sales.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    revenue: Money,
    /// Customers with an activity in the last of the quarter hours.
    active_now: i64,
    /// The last 60 minutes, each with what was sold in it and less what came back in it.
    minutes: Vec<Minute>,
    /// The quarter hours that these lie in.
    visitors: Vec<Visitors>,
    /// The latest orders, transactions, refunds and ratings as they came in, the last one first, at most
    /// 20; null in read models of a fold that does not keep them.
    newest: Option<Vec<Event>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewestEvent)]
struct Event {
    /// The kind of event: `order`, `transaction`, `refund`, `feedback`.
    kind: String,
    /// The id of its entity.
    id: String,
    /// Its position in the log.
    position: u64,
    /// The time at which it came in.
    #[schema(format = DateTime)]
    at: String,
    /// Net sales of an order as it is now, or the total price of a transaction.
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    amount: Option<Money>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MinuteOfSales)]
struct Minute {
    #[serde(rename = "_id")]
    #[schema(format = DateTime)]
    start: String,
    orders: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    revenue: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VisitorsOfQuarterHour)]
struct Visitors {
    #[serde(rename = "_id")]
    #[schema(format = DateTime)]
    start: String,
    /// Distinct customers with an activity.
    active: i64,
}

/// The last minutes.
#[derive(Debug, Clone, Copy)]
pub struct Now(Minutes);

impl Parameters for Now {
    fn read(query: &mut Query) -> Self {
        Now(Minutes::last(MINUTES, query.now()))
    }
}

impl View for LiveMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/live",
        access: METRICS,
        id: "getLive",
        tag: Tag::Figures,
        summary: "The last hour",
        about: "Sales of the last 60 minutes by minute, the present one included, active customers by quarter hour, and the latest events.",
    };
}

impl Figures for LiveMetrics {
    const TOPICS: Topics =
        Topics::of(&[Topic::Sales, Topic::Orders, Topic::Behaviour, Topic::Feedback]);
    type Parameters = Now;

    async fn read(from: ReadContext<'_>, &Now(minutes): &Now) -> Result<Self, Error> {
        let (sums, visitors, newest) =
            tokio::try_join!(minutes.sales(from), visitors(from, minutes), newest(from))?;
        let mut total = Sum::default();
        for sum in sums.values() {
            total.add(sum);
        }
        let (first, last) = minutes.ends();
        let minute = |minute: u32| {
            let sum = sums.get(&minute).copied().unwrap_or_default();
            Minute {
                start: minute_start(minute).to_rfc3339(),
                orders: sum.orders(),
                revenue: sum.net(Statuses::Sold),
            }
        };
        Ok(LiveMetrics {
            orders: total.orders(),
            revenue: total.net(Statuses::Sold),
            active_now: visitors.last().map(|it| it.active).unwrap_or_default(),
            minutes: (first..=last).map(minute).collect(),
            visitors,
            newest,
        })
    }
}

/// The latest events of the shop.
async fn newest(from: ReadContext<'_>) -> Result<Option<Vec<Event>>, store::Error> {
    let checkpoint = &from.snapshot.checkpoint;
    if checkpoint.settings.fold_version < NEWS_SINCE {
        return Ok(None);
    }
    let key = |news: &News| match Kind::parse(&news.kind)? {
        Kind::Order => Some(LedgerKey::of::<PlacedOrder>(&news.id)),
        Kind::Transaction => Some(LedgerKey::of::<Sale>(&news.id)),
        _ => None,
    };
    let news = &checkpoint.root.news;
    let mut keys: Vec<Arc<str>> =
        news.iter().filter_map(key).map(|key| key.as_str().into()).collect();
    keys.sort_unstable();
    keys.dedup();
    let rows = from.snapshot.entities::<Ledger>(&keys).await?;
    let amounts: HashMap<String, Money> = rows
        .into_iter()
        .filter_map(|row| {
            let amount = match &row.document {
                LedgerRow::Order(PlacedOrder(order)) => {
                    OneOrder::of(String::new(), order).net_sales
                }
                LedgerRow::Transaction(sale) => sale.amount,
                _ => return None,
            };
            Some((row.id, amount))
        })
        .collect();
    let event = |news: &News| Event {
        kind: news.kind.to_string(),
        id: news.id.to_string(),
        position: news.position,
        at: news.at.to_rfc3339(),
        amount: key(news).and_then(|key| amounts.get(key.as_str()).copied()),
    };
    Ok(Some(news.iter().rev().map(event).collect()))
}

/// Active customers of each quarter hour.
async fn visitors(from: ReadContext<'_>, minutes: Minutes) -> Result<Vec<Visitors>, store::Error> {
    let (first, last) = minutes.ends();
    let quarter = |minute| quarter_of(minute_start(minute));
    let active = Members::of(from, Family::Actives, &[Slice::WHOLE], 0);
    let mut visitors = Vec::new();
    for quarter in quarter(first)..=quarter(last) {
        let quarters = Quarters { from: quarter, to: quarter + 1 };
        let start = quarter_start(quarter).to_rfc3339();
        visitors.push(Visitors { start, active: active.count(quarters).await? });
    }
    Ok(visitors)
}

fn minute_start(minute: u32) -> Time {
    Time(i64::from(minute) * MINUTE_MS)
}
