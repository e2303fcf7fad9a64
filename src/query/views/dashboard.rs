//! `GET /api/metrics/dashboard`: the last day, week and month.

use projections::money::{self, Money};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::{Parameters, Query};
use crate::query::Error;
use crate::query::filter::By;
use crate::query::memory::ReadContext;
use crate::query::params::{Selection, Zoned};
use crate::query::period::{Clock, Period};
use crate::query::range::Quarters;
use crate::query::sales::{Sales, Sum};
use crate::query::view::{DASHBOARD, Figures, View};
use crate::query::zone::Zone;
use crate::store;

/// The most categories.
const CATEGORIES: usize = 5;

/// Sales of the last 24 hours, 7 days and 30 days.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DashboardMetrics)]
pub struct Dashboard {
    real_time: RealTime,
    trends: Trends,
    /// Of the last 7 days, by net sales.
    top_categories: Vec<Category>,
    /// The time of the newest event that is counted.
    #[schema(format = DateTime)]
    last_updated: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastDay)]
struct RealTime {
    /// The number of orders.
    #[serde(rename = "transactions24h")]
    orders: i64,
    /// Net sales.
    #[serde(rename = "revenue24h", with = "money::as_number")]
    #[schema(value_type = f64)]
    net: Money,
    /// Distinct customers who bought.
    #[serde(rename = "activeUsers24h")]
    customers: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastWeekAndMonth)]
struct Trends {
    /// The last 7 days, day by day.
    weekly: Vec<Day>,
    /// The last 30 days, month by month.
    monthly: Vec<Month>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DayOfDashboard)]
struct Day {
    #[serde(rename = "_id")]
    #[schema(format = Date)]
    label: String,
    transactions: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    revenue: Money,
    unique_user_count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MonthOfDashboard)]
struct Month {
    #[serde(rename = "_id")]
    label: String,
    transactions: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    revenue: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CategoryOfDashboard)]
struct Category {
    #[serde(rename = "_id")]
    name: String,
    transactions: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    revenue: Money,
}

/// The ranges that it has, as they are now.
#[derive(Debug, Clone)]
pub struct Recent {
    zone: Zone,
    day: Selection,
    week: Selection,
    month: Selection,
}

impl Parameters for Recent {
    fn read(query: &mut Query) -> Self {
        let zone = Zoned::read(query).zone;
        let now = query.now();
        let of = |quarters| Selection::sold(zone, quarters);
        let days = |days| of(Quarters::last_days(days, zone, now));
        Recent { zone, day: of(Quarters::last_hours(24, now)), week: days(7), month: days(30) }
    }
}

impl View for Dashboard {
    const ROUTE: Get = Get {
        path: "/api/metrics/dashboard",
        access: DASHBOARD,
        id: "getDashboardMetrics",
        tag: Tag::Figures,
        summary: "Sales of the last day, week and month",
        about: "The last 24 hours end with the present quarter hour; days are those of the zone, today included.",
    };
}

impl Figures for Dashboard {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = Recent;

    async fn read(from: ReadContext<'_>, asked: &Recent) -> Result<Self, Error> {
        let (real_time, weekly, monthly, top_categories) = tokio::try_join!(
            RealTime::read(from, &asked.day),
            weekly(from, asked),
            monthly(from, asked),
            top_categories(from, asked),
        )?;
        Ok(Dashboard {
            real_time,
            trends: Trends { weekly, monthly },
            top_categories,
            last_updated: from.snapshot.checkpoint.root.log_time.to_rfc3339(),
        })
    }
}

impl RealTime {
    async fn read(from: ReadContext<'_>, asked: &Selection) -> Result<Self, store::Error> {
        let (sales, clock) = (Sales::of(from, asked), Clock::of(asked.zone, None));
        let (sum, customers) =
            tokio::try_join!(sales.total(asked.trend), sales.customers(asked.trend, &clock),)?;
        let customers = customers.unwrap_or_default().into_values().sum();
        Ok(RealTime { orders: sum.orders(), net: sum.net(sales.statuses()), customers })
    }
}

async fn weekly(from: ReadContext<'_>, asked: &Recent) -> Result<Vec<Day>, store::Error> {
    let (sales, week) = (Sales::of(from, &asked.week), asked.week.trend);
    let clock = Clock::of(asked.zone, Some(Period::Day));
    let (sums, customers) =
        tokio::try_join!(sales.by_period(week, &clock), sales.customers(week, &clock))?;
    let customers = customers.unwrap_or_default();
    let sums = sums.finish().into_iter().filter(|(_, sum)| sum.shows(sales.statuses()));
    let day = |(day, sum): (i64, Sum)| Day {
        label: clock.label(day),
        transactions: sum.orders(),
        revenue: sum.net(sales.statuses()),
        unique_user_count: customers.get(&day).copied().unwrap_or_default(),
    };
    Ok(sums.map(day).collect())
}

async fn monthly(from: ReadContext<'_>, asked: &Recent) -> Result<Vec<Month>, store::Error> {
    let sales = Sales::of(from, &asked.month);
    let clock = Clock::of(asked.zone, Some(Period::Month));
    let sums = sales.by_period(asked.month.trend, &clock).await?.finish();
    let month = |(month, sum): (i64, Sum)| Month {
        label: clock.label(month),
        transactions: sum.orders(),
        revenue: sum.net(sales.statuses()),
    };
    Ok(sums.into_iter().filter(|(_, sum)| sum.shows(sales.statuses())).map(month).collect())
}

async fn top_categories(
    from: ReadContext<'_>,
    asked: &Recent,
) -> Result<Vec<Category>, store::Error> {
    let sales = Sales::of(from, &asked.week);
    let category = |(name, sum): (String, Sum)| Category {
        name,
        transactions: sum.orders(),
        revenue: sum.net(sales.statuses()),
    };
    let [ranked] = sales.ranked([By::Category], asked.week.trend).await?;
    Ok(ranked.into_iter().take(CATEGORIES).map(category).collect())
}
