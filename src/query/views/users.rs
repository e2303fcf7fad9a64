//! `GET /api/metrics/users`.

use projections::money::{self, Money};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::customers;
use super::revenue::DateRange;
use super::sales::buyers;
use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::compare::{Change, Changes, Figure, changes};
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::range::Used;
use crate::query::sales::Sales;
use crate::query::view::{Figures, METRICS, View};
use crate::store;

/// Customers who bought, and new ones.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserMetrics {
    activity: Activity,
    /// Customers who became known, by period.
    new_users: Vec<Bar>,
    date_range: DateRange,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<UserMetrics>>,
    /// The change of `activity` from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActivityOfUsers)]
struct Activity {
    /// Always null.
    #[serde(rename = "_id")]
    id: Option<String>,
    /// Customers who bought.
    total_active_users: i64,
    /// Orders for each of them.
    avg_transactions_per_user: f64,
    /// Net sales for each of them.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    avg_spend_per_user: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BarOfUsers)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    new_users: i64,
}

impl View for UserMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/users",
        access: METRICS,
        id: "getUserMetrics",
        tag: Tag::Figures,
        summary: "Customers who bought, and new ones",
        about: "Of the last 30 days where no range is given. Customers are those of the shop, not accounts of this service.",
    };
}

impl Ranging for UserMetrics {
    const TREND_DAYS: u64 = 30;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
}

impl Figures for UserMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        let mut figures = UserMetrics::of(from, asked).await?;
        if let Some(before) = asked.before() {
            let before = UserMetrics::of(from, &before).await?;
            figures.change = Some(changes(before.compared(), figures.compared()));
            figures.comparison = Some(Box::new(before));
        }
        Ok(figures)
    }
}

impl UserMetrics {
    async fn of(from: ReadContext<'_>, asked: &Selection) -> Result<Self, store::Error> {
        let sales = Sales::of(from, asked);
        let (sum, buyers, newcomers) = tokio::try_join!(
            sales.total(asked.trend),
            buyers(from, asked),
            customers::newcomers(from, asked),
        )?;
        let buyers = buyers.unwrap_or_default();
        let used = asked.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter));
        Ok(UserMetrics {
            activity: Activity {
                id: None,
                total_active_users: buyers,
                avg_transactions_per_user: average(sum.orders(), buyers),
                avg_spend_per_user: sum.net(sales.statuses()).div_half_even(buyers),
            },
            new_users: newcomers
                .periods
                .into_iter()
                .map(|(label, [identified, guests, _])| Bar {
                    label,
                    new_users: identified + guests,
                })
                .collect(),
            date_range: DateRange::of(used.as_ref()),
            range: used,
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> [(&'static str, Figure); 2] {
        [
            ("totalActiveUsers", self.activity.total_active_users.into()),
            ("avgSpendPerUser", self.activity.avg_spend_per_user.into()),
        ]
    }
}

/// So many for each, to four places.
fn average(count: i64, of: i64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss)] // as every number of an answer
    let exact = count as f64 / of as f64;
    (exact * 10_000.0).round() / 10_000.0
}
