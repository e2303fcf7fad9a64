//! `GET /api/metrics/behaviour`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use projections::customers::Customers;
use projections::entity::Entity;
use projections::family::{Dimension, Family, Slice};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::FieldError;
use crate::query::Error;
use crate::query::by_value::{Chunks, Names, Place, Tables, by_value};
use crate::query::days::Days;
use crate::query::entities::Entities;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::period::{Buckets, Clock};
use crate::query::range::Used;
use crate::query::ranking;
use crate::query::view::{Figures, METRICS, View};
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

const PARAMETERS: [Parameter<Text>; 4] = [
    value("activityType", "The activities of one type."),
    value("device", "Those on one device."),
    value("pagePath", "Those on one page."),
    value("country", "Those from one country."),
];
const USER: Parameter<Text> = value("userId", "Those of one customer.");

const fn value(name: &'static str, about: &'static str) -> Parameter<Text> {
    let allowed = "must be a text of 1 to 256 characters";
    Parameter::query(name, about, Text { min: 1, max: 256, allowed })
}

/// Which activities are asked for.
#[derive(Debug, Clone, Default)]
enum Which {
    #[default]
    All,
    /// Those of one value of a dimension, by its place among [`DIMENSIONS`].
    Of(usize, String),
    /// Those of one customer.
    By(String),
}

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<BehaviourMetrics>,
    which: Which,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::read(query);
        let values = PARAMETERS.map(|parameter| query.take(&parameter));
        let user = query.take(&USER);
        let of = |(at, value): (usize, Option<String>)| value.map(|value| Which::Of(at, value));
        let mut given: Vec<Which> = values.into_iter().enumerate().filter_map(of).collect();
        given.extend(user.map(Which::By));
        if given.len() > 1 {
            let message = "must be given alone: activities are counted by one of activityType, device, \
                           pagePath, country and userId at a time";
            let field = match given.pop() {
                Some(Which::Of(at, _)) => ["activityType", "device", "pagePath", "country"][at],
                _ => "userId",
            };
            query.wrong(FieldError::new(field, message));
        }
        Asked { range, which: given.pop().unwrap_or_default() }
    }
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
    const COMPARES: bool = false;
}

impl Figures for BehaviourMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, Asked { range, which }: &Asked) -> Result<Self, Error> {
        let part = async |at: usize| parts(from, DIMENSIONS[at], range).await;
        let (sums, by_type, by_device, by_page, by_country, top_users) = tokio::try_join!(
            counts(from, range, which),
            part(0),
            part(1),
            part(2),
            part(3),
            top_users(from, range),
        )?;
        let clock = range.clock();
        let periods = range.trend_of(sums);
        let shown = periods.iter().filter(|(_, count)| range.fill.is_some() || *count != 0);
        Ok(BehaviourMetrics {
            total_activities: periods.iter().map(|(_, count)| count).sum(),
            trends: shown
                .map(|(period, count)| Bar { label: clock.label(*period), count: *count })
                .collect(),
            by_type,
            by_device,
            by_page,
            by_country,
            top_users,
            range: range.range.map(|range| range.used(None)),
        })
    }
}

/// The number of activities of each period.
async fn counts(
    from: ReadContext<'_>,
    asked: &Ranged<BehaviourMetrics>,
    which: &Which,
) -> Result<Buckets<i64>, store::Error> {
    let mut clock = asked.clock();
    let mut sums: Buckets<i64> = Buckets::of(clock.clone());
    let (at, value) = match which {
        Which::All => (0, None),
        Which::Of(at, value) => (*at, Some(value.as_str())),
        Which::By(user) => {
            let found = from.snapshot.entities::<Customers>(&[user.as_str().into()]).await?;
            if let Some(customer) = found.first() {
                let (who, whole) = (customer.document.ordinal, [Slice::WHOLE]);
                let counted = Entities { from, family: Family::Actives, slices: &whole };
                counted
                    .rows_of(who, asked.trend, &clock, |period, [count, ..]| {
                        *sums.of_period(period) += count;
                    })
                    .await?;
            }
            return Ok(sums);
        }
    };
    let (dimension, family) = DIMENSIONS[at];
    let quarters = from.within(family, asked.trend);
    let days = Days::of(quarters, &mut clock);
    let names = match value {
        Some(_) => Names::of(from, family, dimension, quarters).await?,
        None => Names::default(),
    };
    let tables = Tables { family, slices: &[Slice::WHOLE], days: &days };
    // Rows of a month come together.
    let mut known: Option<(u32, Option<u16>)> = None;
    let mut code_in = |month, value| match known {
        Some((it, code)) if it == month => code,
        _ => {
            let code = names.code(month, value);
            known = Some((month, code));
            code
        }
    };
    tables
        .read(
            from,
            &mut clock,
            |_| Chunks::All,
            |place, [count, ..]| {
                let Place { period, month, codes: [code, ..] } = place;
                if value.is_none_or(|value| code_in(month, value) == Some(code)) {
                    *sums.of_period(period) += count;
                }
            },
        )
        .await?;
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
    let customers = from.snapshot.checkpoint.root.next.of(Entity::Customer);
    let mut counts = vec![0_i64; customers as usize];
    let counted = Entities { from, family: Family::Actives, slices: &[Slice::WHOLE] };
    counted
        .rows(asked.trend, &Clock::of(asked.zone, None), |_, _, who, [count, ..]| {
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
