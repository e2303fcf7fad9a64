//! `GET /api/metrics/behaviour`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use projections::customers::Customers;
use projections::entity::Entity;
use projections::family::{Dimension, Family, Slice};
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::Parameter;
use crate::http::parameters::values::Text;
use crate::query::Error;
use crate::query::alone::{Alone, Filtered, value};
use crate::query::by_value::{by_period, by_value};
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::entities::Entities;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::period::Buckets;
use crate::query::range::{Quarters, Used};
use crate::query::view::{Figures, METRICS, View};
use crate::query::{by_quarter, ranking, zone};
use crate::store;

/// Activities by time, type, device, page, country and customer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BehaviourMetrics {
    total_activities: i64,
    trends: Vec<Bar>,
    by_type: Vec<Part>,
    by_device: Vec<Part>,
    by_page: Vec<Part>,
    by_country: Vec<Part>,
    /// Those who did most.
    top_users: Vec<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<BehaviourMetrics>>,
    /// The change from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BarOfActivities)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PartOfActivities)]
struct Part {
    /// The value; `(none)` where none was stated, `(other)` for those past the first of a month.
    #[serde(rename = "_id")]
    name: String,
    count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserWithActivities)]
struct User {
    user_id: String,
    count: i64,
}

/// The dimensions that activities are counted by.
const DIMENSIONS: [(Dimension, Family); 4] = [
    (Dimension::ActivityType, Family::Types),
    (Dimension::Device, Family::Devices),
    (Dimension::Page, Family::Pages),
    (Dimension::ActivityCountry, Family::Countries),
];

impl Filtered for BehaviourMetrics {
    const FILTERS_ALONE: &'static [Parameter<Text>] = &[
        value("activityType", "The activities of one type."),
        value("device", "Those on one device."),
        value("pagePath", "Those on one page."),
        value("country", "Those from one country."),
        value("userId", "Those of one customer."),
    ];
}

impl View for BehaviourMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/behaviour",
        access: METRICS,
        id: "getBehaviour",
        tag: Tag::Figures,
        summary: "The activities of visitors",
        about: "By time, type, device, page, country and customer, of the last 30 days where no range is given. One filter applies to the total and the trend.",
    };
}

impl Ranging for BehaviourMetrics {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 10;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
}

impl Figures for BehaviourMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour]);
    type Parameters = Alone<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for BehaviourMetrics {
    async fn of(
        from: ReadContext<'_>,
        Alone { range, which }: &Self::Parameters,
    ) -> Result<Self, store::Error> {
        let part = async |at: usize| parts(from, DIMENSIONS[at], range).await;
        let (sums, by_type, by_device, by_page, by_country, top_users) = tokio::try_join!(
            counts(from, range, which.as_ref()),
            part(0),
            part(1),
            part(2),
            part(3),
            top_users(from, range),
        )?;
        let clock = range.clock();
        let first = sums.first();
        let periods = range.trend_of(sums);
        let shown = periods.iter().filter(|(_, [count, ..])| range.fill.is_some() || *count != 0);
        let bar =
            |(period, [count, ..]): &(i64, Row)| Bar { label: clock.label(*period), count: *count };
        Ok(BehaviourMetrics {
            total_activities: periods.iter().map(|(_, [count, ..])| count).sum(),
            trends: shown.map(bar).collect(),
            by_type,
            by_device,
            by_page,
            by_country,
            top_users,
            range: range.used(first),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![("totalActivities", self.total_activities.into())]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

/// The number of activities of each period.
async fn counts(
    from: ReadContext<'_>,
    asked: &Selection,
    which: Option<&(usize, String)>,
) -> Result<Buckets<Row>, store::Error> {
    let clock = asked.clock();
    let (at, value) = which.map_or((0, None), |(at, value)| (*at, Some(value.as_str())));
    if let Some((dimension, family)) = DIMENSIONS.get(at) {
        return by_period(from, *family, (*dimension, 0), value, asked.trend, &clock).await;
    }
    // The last filter is that of the customer.
    let mut sums: Buckets<Row> = Buckets::of(clock.clone());
    let user = value.unwrap_or_default();
    let found = from.snapshot.entities::<Customers>(&[user.into()]).await?;
    if let Some(customer) = found.first() {
        let (who, whole) = (customer.document.ordinal, [Slice::WHOLE]);
        let counted = Entities { from, family: Family::Actives, slices: &whole };
        // Nobody is active before the first debut.
        let since = by_quarter::from_first(from, Family::Debuts, asked.trend).await?;
        let add = |period, row| zone::add(sums.of_period(period), row);
        counted.rows_of(who, since, &clock, add).await?;
    }
    Ok(sums)
}

async fn parts(
    from: ReadContext<'_>,
    (dimension, family): (Dimension, Family),
    asked: &Ranged<BehaviourMetrics>,
) -> Result<Vec<Part>, store::Error> {
    let sums: BTreeMap<String, _> =
        by_value(from, (family, &[Slice::WHOLE]), dimension, asked.trend).await?;
    let parts = sums.into_iter().map(|(name, [count, ..])| Part { name, count });
    let mut parts: Vec<Part> = parts.filter(|part| part.count > 0).collect();
    // Stable, so names that tie stay in order.
    parts.sort_by_key(|part| Reverse(part.count));
    parts.truncate(asked.limit);
    Ok(parts)
}

async fn top_users(
    from: ReadContext<'_>,
    asked: &Ranged<BehaviourMetrics>,
) -> Result<Vec<User>, store::Error> {
    let root = &from.snapshot.checkpoint.root;
    let mut counts = vec![0_i64; root.next.of(Entity::Customer) as usize];
    let family = Family::Actives;
    let counted = Entities { from, family, slices: &[Slice::WHOLE] };
    // Nobody is active before the first debut.
    let first = by_quarter::first(from, Family::Debuts, Quarters::ALL.to).await?;
    let last = root.extent(family).map(|(_, last)| last);
    let scope = asked.trend.scope(first.zip(last));
    counted
        .rows(scope, |who, [count, ..]| {
            if let Some(sum) = counts.get_mut(who as usize) {
                *sum += count;
            }
        })
        .await?;
    let cut = ranking::cut(counts.iter().copied(), asked.limit);
    let found =
        from.snapshot.entities::<Customers>(&from.ids(Entity::Customer, cut).await?).await?;
    let count = |ordinal: u32| counts.get(ordinal as usize).copied().unwrap_or_default();
    let user = |customer: store::read::Known<projections::customers::CustomerDocument>| User {
        count: count(customer.document.ordinal),
        user_id: customer.id,
    };
    let mut users: Vec<User> = found.into_iter().map(user).collect();
    users.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.user_id.cmp(&b.user_id)));
    Ok(users)
}
