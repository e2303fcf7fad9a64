//! `GET /api/metrics/retention/customers`.

use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::counted::{CustomersOf, Page, Question};
use super::retention::{self, Cohorts, Length, PERIOD, RetentionMetrics};
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{Text, Whole, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::period::Clock;
use crate::query::range::Quarters;
use crate::query::view::{Figures, METRICS, View};

const COHORT: Parameter<Text> = Parameter::query(
    "cohort",
    "The period of the first purchase: the `_id` of a cohort.",
    Text { min: 1, max: 16, allowed: "must be the _id of a cohort, such as 2026-11 or 2026-W47" },
)
.example("2026-11");
const LATER: Parameter<Whole<u16>> = Parameter::query(
    "after",
    "Those who bought so many periods after it: the place in `retained`. Without, all of the cohort.",
    Whole { min: 0, max: 52 },
);

/// The customers of a cohort, or those of them who bought in a later period. `times` are the completed orders
/// of that period, or of the first one.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionCustomers {
    period: &'static str,
    cohort: String,
    /// Periods after the first purchase; null of all of the cohort.
    after: Option<u16>,
    #[serde(flatten)]
    counted: CustomersOf,
}

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<RetentionCustomers>,
    length: Length,
    cohort: String,
    after: Option<u16>,
    page: Page,
    /// The present quarter hour.
    now: u32,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::read(query);
        Asked {
            range,
            length: query.take_or(&PERIOD, Length::Month),
            cohort: query.needed(&COHORT).unwrap_or_default(),
            after: query.take(&LATER),
            page: Page::read(query),
            now: projections::bucket::quarter_of(query.now()),
        }
    }
}

impl View for RetentionCustomers {
    const ROUTE: Get = Get {
        path: "/api/metrics/retention/customers",
        access: METRICS,
        id: "getRetentionCustomers",
        tag: Tag::Figures,
        summary: "Who came back",
        about: "The customers of a cohort, or those of them who bought again, as retention counts them under the same parameters, a page at a time, each with the completed orders of the period.",
    };
}

impl Ranging for RetentionCustomers {
    const TREND_DAYS: u64 = RetentionMetrics::TREND_DAYS;
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Figures for RetentionCustomers {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Asked { range, length, cohort, after, page, now } = asked;
        let period = length.period();
        let mut clock = Clock::of(range.zone, Some(period));
        let cohorts = Cohorts::of(from, range.trend, &mut clock).await?;
        let number = cohorts.customers.keys().find(|number| period.label(**number) == *cohort);
        let counted = retention::purchases();
        let (mut members, mut quarters) = (Vec::new(), Quarters { from: 0, to: 0 });
        if let Some(&number) = number {
            let wanted = number + i64::from(after.unwrap_or_default());
            let until = retention::until(range.trend, *now);
            quarters = clock.between((wanted, wanted), until);
            let is_of = |who: u32| cohorts.of.get(who as usize).copied().flatten() == Some(number);
            let all = match after {
                Some(_) => counted.members(from).all(quarters).await?,
                None => (0..).take(cohorts.of.len()).collect(),
            };
            members = all.into_iter().filter(|who| is_of(*who)).collect();
        }
        let question = Question { from, asked: range, counted: &counted, quarters, page: *page };
        Ok(RetentionCustomers {
            period: period.word(),
            cohort: cohort.clone(),
            after: *after,
            counted: question.all(&members).await?,
        })
    }
}
