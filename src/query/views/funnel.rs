//! `GET /api/metrics/funnel`.

use std::collections::BTreeMap;

use projections::family::{Dimension, Family, Slice};
use projections::table::Row;
use projections::topic::{Topic, Topics};
use projections::vocabulary::{NONE, OTHER_NAME};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::by_value::{Chunks, Names, Place, Tables};
use crate::query::days::Days;
use crate::query::entities::{Distinct, Entities, Numbers};
use crate::query::members::Members;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::period::{Buckets, Clock};
use crate::query::range::Used;
use crate::query::ratio::ratio;
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone;
use crate::store;

/// The names of the stages, in order.
const STAGES: [&str; 3] = ["viewed", "added", "purchased"];

/// The way from a view to a purchase. An attempt is counted at its view.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunnelMetrics {
    stages: Vec<Stage>,
    /// Customers who purchased of those who viewed, from 0 to 1.
    conversion: f64,
    /// Attempts by period.
    trends: Vec<Bar>,
    /// By the category of the product that was viewed.
    by_category: Vec<Part>,
    /// By the device of the view.
    by_device: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StageOfFunnel)]
struct Stage {
    /// `viewed`, `added` or `purchased`.
    #[serde(rename = "stage")]
    name: &'static str,
    /// Distinct customers who got so far.
    users: i64,
    /// Attempts that got so far.
    attempts: i64,
    /// Customers of those of the stage before, from 0 to 1.
    rate: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BarOfFunnel)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    viewed: i64,
    added: i64,
    purchased: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PartOfFunnel)]
struct Part {
    /// The value; `(none)` where there was none, `(other)` for those past the first 256.
    #[serde(rename = "_id")]
    name: String,
    /// Distinct customers who viewed, added and purchased.
    viewed: i64,
    added: i64,
    purchased: i64,
    /// Customers who purchased of those who viewed, from 0 to 1.
    conversion: f64,
}

impl View for FunnelMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/funnel",
        access: METRICS,
        id: "getFunnel",
        tag: Tag::Figures,
        summary: "From a view to a purchase",
        about: "Distinct customers who viewed a product, then added one to the cart, then purchased, in this order and within 7 days of the view; of the last 30 days where no range is given.",
    };
}

impl Ranging for FunnelMetrics {
    const TREND_DAYS: u64 = 30;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
    const COMPARES: bool = false;
}

impl Figures for FunnelMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        let parts = async |family, dimension| parts(from, family, dimension, asked).await;
        let (attempts, users, by_category, by_device) = tokio::try_join!(
            attempts(from, asked),
            users(from, asked),
            parts(Family::FunnelCategories, Dimension::Category),
            parts(Family::FunnelDevices, Dimension::Device),
        )?;
        let (clock, periods) = (asked.clock(), asked.trend_of(attempts));
        let mut total: Row = [0; 3];
        for (_, row) in &periods {
            zone::add(&mut total, *row);
        }
        let before = |at: usize| if at == 0 { users[0] } else { users[at - 1] };
        let stage = |at: usize| Stage {
            name: STAGES[at],
            users: users[at],
            attempts: total[at],
            rate: ratio(users[at], before(at)),
        };
        let bar = |(period, [viewed, added, purchased]): (i64, Row)| Bar {
            label: clock.label(period),
            viewed,
            added,
            purchased,
        };
        let shown = periods.into_iter().filter(|(_, row)| asked.fill.is_some() || row[0] != 0);
        Ok(FunnelMetrics {
            stages: (0..STAGES.len()).map(stage).collect(),
            conversion: ratio(users[2], users[0]),
            trends: shown.map(bar).collect(),
            by_category,
            by_device,
            range: asked.range.map(|range| range.used(None)),
        })
    }
}

/// The attempts of each period: viewed, added, purchased.
async fn attempts(from: ReadContext<'_>, asked: &Selection) -> Result<Buckets<Row>, store::Error> {
    let mut clock = asked.clock();
    let mut sums: Buckets<Row> = Buckets::of(clock.clone());
    let days = Days::of(from.within(Family::Funnel, asked.trend), &mut clock);
    let tables = Tables { family: Family::Funnel, slices: &[Slice::WHOLE], days: &days };
    tables
        .read(
            from,
            &mut clock,
            |_| Chunks::All,
            |Place { period, .. }, row| {
                zone::add(sums.of_period(period), row);
            },
        )
        .await?;
    Ok(sums)
}

/// Distinct customers of each stage.
async fn users(from: ReadContext<'_>, asked: &Selection) -> Result<[i64; 3], store::Error> {
    let mut users = [0; 3];
    for (stage, count) in users.iter_mut().enumerate() {
        let got_there = Members::of(from, Family::FunnelUsers, &[Slice::WHOLE], stage);
        *count = got_there.count(asked.trend).await?;
    }
    Ok(users)
}

/// Distinct customers of each stage by the values of a dimension, most viewers first, ties by name.
async fn parts(
    from: ReadContext<'_>,
    family: Family,
    dimension: Dimension,
    asked: &Selection,
) -> Result<Vec<Part>, store::Error> {
    let (clock, mut distinct) = (Clock::of(asked.zone, None), Distinct::of(from));
    let mut counts: BTreeMap<u16, Row> = BTreeMap::new();
    for (at, stage) in family.every_slice().enumerate() {
        let counted = Entities { from, family, slices: &[stage] };
        let mut numbers: BTreeMap<u16, Numbers> = BTreeMap::new();
        counted
            .rows(asked.trend, &clock, |_, code, who, [count, ..]| {
                numbers.entry(code.unwrap_or(NONE)).or_default().push((who, count));
            })
            .await?;
        for (code, numbers) in numbers {
            counts.entry(code).or_default()[at] += distinct.count(numbers);
        }
    }
    let values = Names::of(from, family, dimension, asked.trend).await?;
    let part = |(code, [viewed, added, purchased]): (u16, Row)| Part {
        name: values.name(0, code).unwrap_or(OTHER_NAME).to_owned(),
        viewed,
        added,
        purchased,
        conversion: ratio(purchased, viewed),
    };
    let mut parts: Vec<Part> =
        counts.into_iter().map(part).filter(|part| part.viewed > 0).collect();
    parts.sort_by(|a, b| b.viewed.cmp(&a.viewed).then_with(|| a.name.cmp(&b.name)));
    Ok(parts)
}
