//! `GET /api/metrics/funnel/customers`.

use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::counted::{CustomersOf, Page, Question};
use super::funnel::{self, FunnelMetrics, Step};
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Text, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::alone::{Alone, Filtered};
use crate::query::memory::ReadContext;
use crate::query::params::Ranging;
use crate::query::view::{Figures, METRICS, View};

const STAGE: Parameter<OneOf<Step>> =
    Parameter::query("stage", "The stage that they got to.", OneOf::new());

/// The customers of a stage of the funnel. `times` are attempts that got so far, each at its view.
#[derive(Debug, Serialize, ToSchema)]
pub struct FunnelCustomers {
    stage: &'static str,
    #[serde(flatten)]
    counted: CustomersOf,
}

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    of: Alone<FunnelCustomers>,
    stage: Step,
    page: Page,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let of = Alone::read(query);
        Asked { of, stage: query.take_or(&STAGE, Step::Viewed), page: Page::read(query) }
    }
}

impl Filtered for FunnelCustomers {
    const FILTERS_ALONE: &'static [Parameter<Text>] = FunnelMetrics::FILTERS_ALONE;
}

impl View for FunnelCustomers {
    const ROUTE: Get = Get {
        path: "/api/metrics/funnel/customers",
        access: METRICS,
        id: "getFunnelCustomers",
        tag: Tag::Figures,
        summary: "Who got to a stage of the funnel",
        about: "The distinct customers of a stage as the funnel counts them under the same parameters, a page at a time, each with its attempts.",
    };
}

impl Ranging for FunnelCustomers {
    const TREND_DAYS: u64 = FunnelMetrics::TREND_DAYS;
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Figures for FunnelCustomers {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Alone { range, which } = &asked.of;
        let counted = funnel::counted(from, asked.stage, which.as_ref()).await?;
        let members = counted.members(from).all(range.trend).await?;
        let (quarters, page) = (range.trend, asked.page);
        let question = Question { from, asked: range, counted: &counted, quarters, page };
        let counted = question.all(&members).await?;
        Ok(FunnelCustomers { stage: asked.stage.word(), counted })
    }
}
