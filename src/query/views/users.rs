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
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::range::Used;
use crate::query::ratio::ratio;
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
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for UserMetrics {
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
                avg_transactions_per_user: ratio(sum.orders(), buyers),
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

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("totalActiveUsers", self.activity.total_active_users.into()),
            ("avgSpendPerUser", self.activity.avg_spend_per_user.into()),
        ]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}
