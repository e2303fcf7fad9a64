//! `GET /api/metrics/live`: the last hour.

use projections::bucket::{Level, quarter_of, quarter_start};
use projections::family::{Family, Slice};
use projections::money::{self, Money};
use projections::sales::{Basis, Status};
use projections::table::Row;
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::{Parameters, Query};
use crate::query::Error;
use crate::query::memory::ReadContext;
use crate::query::people::People;
use crate::query::period::Clock;
use crate::query::range::Quarters;
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone::{self, Zone};
use crate::store;
use crate::store::read::Span;

const MINUTE_MS: i64 = 60_000;
const MINUTES: i64 = 60;
const MINUTES_PER_DAY: i64 = 24 * 60;

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

/// The present minute.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    minute: i64,
}

impl Parameters for Now {
    fn read(query: &mut Query) -> Self {
        Now { minute: query.now().0.div_euclid(MINUTE_MS) }
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

    async fn read(from: ReadContext<'_>, &Now { minute: last }: &Now) -> Result<Self, Error> {
        let first = last - MINUTES + 1;
        let (sums, visitors) =
            tokio::try_join!(minutes(from, first, last), visitors(from, first, last))?;
        let mut total: Row = [0; 3];
        sums.iter().for_each(|row| zone::add(&mut total, *row));
        let minute = |(minute, [orders, _, net]): (i64, Row)| Minute {
            start: Time(minute * MINUTE_MS).to_rfc3339(),
            orders,
            revenue: Money(net),
        };
        Ok(LiveMetrics {
            orders: total[0],
            revenue: Money(total[2]),
            active_now: visitors.last().map(|it| it.active).unwrap_or_default(),
            minutes: (first..=last).zip(sums).map(minute).collect(),
            visitors,
        })
    }
}

/// Orders, quantity and net sales of each minute.
async fn minutes(from: ReadContext<'_>, first: i64, last: i64) -> Result<Vec<Row>, store::Error> {
    let mut sums = vec![[0_i64; 3]; usize::try_from(last - first + 1).unwrap_or_default()];
    let day = |minute: i64| u32::try_from(minute.div_euclid(MINUTES_PER_DAY)).unwrap_or_default();
    let span = |family, slice| Span {
        last: day(last),
        ..Span::bucket(family, slice, Level::Day, day(first))
    };
    let sold = [Status::Completed, Status::Returned];
    let mut spans: Vec<Span> =
        sold.iter().map(|status| span(Family::Minutes, Slice::from(*status))).collect();
    spans.push(span(Family::ReturnMinutes, Basis::Processed.into()));
    from.rollups(&spans, |part| {
        let Some((family, day)) = part.family().zip(part.bucket()) else { return };
        for (row, values) in part.rows() {
            let at = i64::from(day) * MINUTES_PER_DAY + i64::from(row) - first;
            if let Some(sum) = usize::try_from(at).ok().and_then(|at| sums.get_mut(at)) {
                let is_sold = family == Family::Minutes;
                zone::add(sum, if is_sold { values } else { [0, 0, -values[2]] });
            }
        }
    })
    .await?;
    Ok(sums)
}

/// Active customers of each quarter hour.
async fn visitors(
    from: ReadContext<'_>,
    first: i64,
    last: i64,
) -> Result<Vec<Visitors>, store::Error> {
    let quarter = |minute: i64| quarter_of(Time(minute * MINUTE_MS));
    let people = People { from, family: Family::Actives, slices: &[Slice::WHOLE], code: None };
    let whole = Clock::of(Zone::UTC, None);
    let mut visitors = Vec::new();
    for quarter in quarter(first)..=quarter(last) {
        let quarters = Quarters { from: quarter, to: quarter + 1 };
        let active = people.distinct(Some(quarters), &whole, |[count, ..]| count).await?;
        let start = quarter_start(quarter).to_rfc3339();
        visitors.push(Visitors { start, active: active.into_values().sum() });
    }
    Ok(visitors)
}
