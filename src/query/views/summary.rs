//! `GET /api/dashboard/summary`, and its overview of sales alone, which is pushed.

use projections::money::{self, Money};
use projections::products::RESERVED;
use projections::quantity::{self, Quantity};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::products::{self, Sold};
use super::sales::Totals;
use super::{customers, sales};
use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::activities::{self, Activity};
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::range::{Quarters, Used};
use crate::query::ranked::{PRODUCTS, Rank};
use crate::query::sales::Sum;
use crate::query::top::{Order, Ranking};
use crate::query::view::{DASHBOARD, Figures, View};
use crate::store;

/// The figures that a dashboard shows first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DashboardSummary)]
pub struct Summary {
    sales_overview: Overview,
    product_insights: Vec<Insight>,
    user_behavior: Behavior,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

/// Sales in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SalesOverview)]
pub struct Overview {
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_revenue: Money,
    total_transactions: i64,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    average_order_value: Money,
    sales_by_day: Vec<Day>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DayInSummary)]
struct Day {
    #[serde(rename = "_id")]
    #[schema(format = Date)]
    label: String,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    daily_revenue: Money,
    daily_transactions: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Insight {
    product_id: String,
    product_name: Option<String>,
    #[schema(value_type = Option<String>)]
    category: Option<Box<str>>,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    total_quantity_sold: Quantity,
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    price: Option<Money>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Behavior {
    total_users: i64,
    total_activities: i64,
    activity_distribution: Vec<Activity>,
}

impl View for Summary {
    const ROUTE: Get = Get {
        path: "/api/dashboard/summary",
        access: DASHBOARD,
        id: "getSummary",
        tag: Tag::Figures,
        summary: "Sales, best sellers and what visitors do",
        about: "All that a dashboard shows first, of all time or of a range.",
    };
}

impl View for Overview {
    const ROUTE: Get = Get {
        path: "/api/dashboard/overview",
        access: DASHBOARD,
        id: "getOverview",
        tag: Tag::Figures,
        summary: "Sales in short",
        about: "The `salesOverview` of the summary alone, as it is pushed.",
    };
}

impl Ranging for Summary {
    const TREND_DAYS: u64 = 7;
    const LIST: usize = 3;
    const FILTERS: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Figures for Summary {
    const TOPICS: Topics =
        Topics::of(&[Topic::Sales, Topic::Products, Topic::Customers, Topic::Behaviour]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        let (order, page) = (Order::Most(Rank::Units), (1, asked.limit));
        let best = Ranking { of: PRODUCTS, order, page, leave: &[RESERVED] };
        let (sales_overview, sold, (user_behavior, first)) = tokio::try_join!(
            Overview::read(from, asked),
            async { Ok(products::top(from, asked, None, &best).await?.0) },
            async { Ok(behavior(from, asked).await?) },
        )?;
        let first = first.into_iter().chain(from.snapshot.checkpoint.root.first_quarter).min();
        Ok(Summary {
            sales_overview,
            product_insights: sold.into_iter().map(|it| Insight::of(it, from)).collect(),
            user_behavior,
            message: "Dashboard summary",
            range: asked.range.map(|range| range.used(first)),
        })
    }
}

impl Figures for Overview {
    const TOPICS: Topics = Topics::of(&[Topic::Sales]);
    type Parameters = <Summary as Figures>::Parameters;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        let Totals { sum, statuses, periods } = sales::figures(from, asked).await?;
        let day = |(label, sum): (_, Sum)| Day {
            label,
            daily_revenue: sum.net(statuses),
            daily_transactions: sum.orders(),
        };
        Ok(Overview {
            total_revenue: sum.net(statuses),
            total_transactions: sum.orders(),
            average_order_value: sum.average(statuses),
            sales_by_day: periods.into_iter().map(day).collect(),
        })
    }
}

/// The activities of visitors, and the first quarter hour that a customer became known in, if a
/// range was asked for.
async fn behavior(
    from: ReadContext<'_>,
    asked: &Selection,
) -> Result<(Behavior, Option<u32>), store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let Some(range) = asked.range else {
        let behavior = Behavior {
            total_users: root.identified + root.guests,
            total_activities: root.activities,
            activity_distribution: activities::by_type(from, Quarters::ALL).await?,
        };
        return Ok((behavior, None));
    };
    let (newcomers, activity_distribution) = tokio::try_join!(
        customers::newcomers(from, asked),
        activities::by_type(from, range.quarters),
    )?;
    let behavior = Behavior {
        total_users: newcomers.identified + newcomers.guests,
        total_activities: activity_distribution.iter().map(|it| it.count).sum(),
        activity_distribution,
    };
    Ok((behavior, newcomers.first))
}

impl Insight {
    fn of(Sold { product, quantity, .. }: Sold, from: ReadContext<'_>) -> Self {
        let entry = product.document.catalogue;
        let price = entry.as_ref().map(|entry| entry.price);
        let entry = entry.map(|entry| (from.shown(&entry.name), entry.category));
        let (product_name, category) = entry.unzip();
        Insight {
            product_id: product.id,
            product_name,
            category,
            total_quantity_sold: quantity,
            price,
        }
    }
}
