//! `GET /api/metrics/users`.

use projections::money::{self, Money};
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::customers;
use super::revenue::DateRange;
use super::sales::buyers;
use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::filter::Filter;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
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
    /// Customers who became known, by period; null under a filter.
    new_users: Option<Vec<Bar>>,
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
    /// Customers who bought; they and what each bought are null under a filter by which customers are not
    /// counted.
    total_active_users: Option<i64>,
    /// Orders for each of them.
    avg_transactions_per_user: Option<f64>,
    /// Net sales for each of them.
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    avg_spend_per_user: Option<Money>,
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
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
}

impl Figures for UserMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for UserMetrics {
    async fn of(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, store::Error> {
        let sales = Sales::of(from, asked);
        let (sum, buyers, newcomers) = tokio::try_join!(
            sales.total(asked.trend),
            buyers(from, asked),
            customers::newcomers(from, asked),
        )?;
        let used = asked.range.map(|range| range.used(from.snapshot.checkpoint.root.first_quarter));
        let is_whole = asked.filter == Filter::None;
        let bar = |(label, [identified, guests, _]): (String, Row)| Bar {
            label,
            new_users: identified + guests,
        };
        Ok(UserMetrics {
            activity: Activity {
                id: None,
                total_active_users: buyers,
                avg_transactions_per_user: buyers.map(|buyers| ratio(sum.orders(), buyers)),
                avg_spend_per_user: buyers
                    .map(|buyers| sum.net(sales.statuses()).div_half_even(buyers)),
            },
            new_users: is_whole.then(|| newcomers.periods.into_iter().map(bar).collect()),
            date_range: DateRange::of(used.as_ref()),
            range: used,
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        let Activity { total_active_users, avg_spend_per_user, .. } = &self.activity;
        let users = total_active_users.map(|users| ("totalActiveUsers", users.into()));
        let spend = avg_spend_per_user.map(|spend| ("avgSpendPerUser", spend.into()));
        users.into_iter().chain(spend).collect()
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}
