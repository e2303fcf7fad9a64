//! `GET /api/metrics/live`: the last hour.

use projections::bucket::{quarter_of, quarter_start};
use projections::family::{Family, Slice};
use projections::money::{self, Money};
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::{Parameters, Query};
use crate::query::Error;
use crate::query::entities::Entities;
use crate::query::memory::ReadContext;
use crate::query::minutes::Minutes;
use crate::query::period::Clock;
use crate::query::range::Quarters;
use crate::query::sales::Sum;
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone::Zone;
use crate::store;

const MINUTE_MS: i64 = 60_000;
const MINUTES: u32 = 60;

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
        about: "Sales of the last 60 minutes by minute, the present one included, and active customers by quarter hour.",
    };
}

impl Figures for LiveMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Behaviour]);
    type Parameters = Now;

    async fn read(from: ReadContext<'_>, &Now(minutes): &Now) -> Result<Self, Error> {
        let (sums, visitors) = tokio::try_join!(minutes.sales(from), visitors(from, minutes))?;
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
        })
    }
}

/// Active customers of each quarter hour.
async fn visitors(from: ReadContext<'_>, minutes: Minutes) -> Result<Vec<Visitors>, store::Error> {
    let (first, last) = minutes.ends();
    let quarter = |minute| quarter_of(minute_start(minute));
    let counted = Entities { from, family: Family::Actives, slices: &[Slice::WHOLE], code: None };
    let whole = Clock::of(Zone::UTC, None);
    let mut visitors = Vec::new();
    for quarter in quarter(first)..=quarter(last) {
        let quarters = Quarters { from: quarter, to: quarter + 1 };
        let active = counted.distinct(Some(quarters), &whole, |[count, ..]| count).await?;
        let start = quarter_start(quarter).to_rfc3339();
        visitors.push(Visitors { start, active: active.into_values().sum() });
    }
    Ok(visitors)
}

fn minute_start(minute: u32) -> Time {
    Time(i64::from(minute) * MINUTE_MS)
}
