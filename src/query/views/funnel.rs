//! `GET /api/metrics/funnel`.

use std::collections::BTreeMap;

use projections::family::{Dimension, Family, Slice};
use projections::table::Row;
use projections::topic::{Topic, Topics};
use projections::vocabulary::{self, OTHER_NAME, OVERLAP};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::Parameter;
use crate::http::parameters::values::{Text, Word};
use crate::query::Error;
use crate::query::alone::{Alone, Filtered, value};
use crate::query::by_value::{Names, by_period};
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::members::Members;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranging, Selection};
use crate::query::range::Used;
use crate::query::ratio::ratio;
use crate::query::times::Counted;
use crate::query::view::{Figures, METRICS, View};
use crate::query::zone;
use crate::store;

/// A stage of the funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Viewed,
    Added,
    Purchased,
}

impl Word for Step {
    const ALL: &'static [Self] = &[Step::Viewed, Step::Added, Step::Purchased];

    fn word(self) -> &'static str {
        match self {
            Step::Viewed => "viewed",
            Step::Added => "added",
            Step::Purchased => "purchased",
        }
    }
}

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
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<FunnelMetrics>>,
    /// The change of the customers of each stage, and of the conversion, from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
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

/// The dimensions that attempts are counted by, in the order of a cell's codes.
const DIMENSIONS: [(Dimension, Family); 2] =
    [(Dimension::Category, Family::FunnelCategories), (Dimension::Device, Family::FunnelDevices)];

impl Filtered for FunnelMetrics {
    const FILTERS_ALONE: &'static [Parameter<Text>] = &[
        value("category", "The attempts that began with a view of a product of one category."),
        value("device", "Those that began on one device."),
    ];
}

impl View for FunnelMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/funnel",
        access: METRICS,
        id: "getFunnel",
        tag: Tag::Figures,
        summary: "From a view to a purchase",
        about: "Distinct customers who viewed a product, then added one to the cart, then purchased, in this order and within 7 days of the view; of the last 30 days where no range is given. One filter applies to the stages and the trend.",
    };
}

impl Ranging for FunnelMetrics {
    const TREND_DAYS: u64 = 30;
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
}

impl Figures for FunnelMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour]);
    type Parameters = Alone<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for FunnelMetrics {
    async fn of(
        from: ReadContext<'_>,
        Alone { range: asked, which }: &Self::Parameters,
    ) -> Result<Self, store::Error> {
        let (clock, which) = (asked.clock(), which.as_ref());
        let (at, value) = which.map_or((0, None), |(at, value)| (*at, Some(value.as_str())));
        let by = (DIMENSIONS[at].0, at);
        let part = async |at: usize| parts(from, DIMENSIONS[at], asked).await;
        let (attempts, users, by_category, by_device) = tokio::try_join!(
            by_period(from, Family::Funnel, by, value, asked.trend, &clock),
            users(from, asked, which),
            part(0),
            part(1),
        )?;
        let first = attempts.first();
        let periods = asked.trend_of(attempts);
        let mut total: Row = [0; 3];
        for (_, row) in &periods {
            zone::add(&mut total, *row);
        }
        let before = |at: usize| if at == 0 { users[0] } else { users[at - 1] };
        let stage = |(at, step): (usize, &Step)| Stage {
            name: step.word(),
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
            stages: Step::ALL.iter().enumerate().map(stage).collect(),
            conversion: ratio(users[2], users[0]),
            trends: shown.map(bar).collect(),
            by_category,
            by_device,
            range: asked.used(first),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        let users = self.stages.iter().map(|stage| (stage.name, stage.users.into()));
        users.chain([("conversion", self.conversion.into())]).collect()
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

/// Distinct customers of each stage.
async fn users(
    from: ReadContext<'_>,
    asked: &Selection,
    which: Option<&(usize, String)>,
) -> Result<[i64; 3], store::Error> {
    let mut users = [0; 3];
    for (step, count) in Step::ALL.iter().zip(&mut users) {
        let counted = counted(from, *step, which).await?;
        *count = counted.members(from).count(asked.trend).await?;
    }
    Ok(users)
}

/// What the customers of a stage are counted by, under one of the filters or none.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub(super) async fn counted(
    from: ReadContext<'_>,
    step: Step,
    which: Option<&(usize, String)>,
) -> Result<Counted, store::Error> {
    let Some((at, value)) = which else {
        let stage = step as usize;
        let (family, slices) = (Family::FunnelUsers, vec![Slice::WHOLE]);
        return Ok(Counted { family, slices, code: None, column: stage, times: stage });
    };
    let (dimension, family) = DIMENSIONS[*at];
    let values = from.shop_vocabulary(dimension).await?;
    // One that is not known has the code of no attempt.
    let code = Some(vocabulary::code_of(&values, value).unwrap_or(OVERLAP));
    let slices = vec![Slice::at(step as u8)];
    Ok(Counted { family, slices, code, column: 0, times: 0 })
}

/// Distinct customers of each stage by the values of a dimension, most viewers first, ties by name.
async fn parts(
    from: ReadContext<'_>,
    (dimension, family): (Dimension, Family),
    asked: &Selection,
) -> Result<Vec<Part>, store::Error> {
    let mut counts: BTreeMap<u16, Row> = BTreeMap::new();
    for (at, stage) in family.every_slice().enumerate() {
        let members = Members::of(from, family, &[stage], 0);
        for (code, count) in members.count_by_code(asked.trend).await? {
            counts.entry(code).or_default()[at] = count;
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
