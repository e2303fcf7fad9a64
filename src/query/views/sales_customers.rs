//! `GET /api/metrics/sales/customers`.

use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::counted::{CustomersOf, Page, Question};
use super::sales::SalesMetrics;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::alone::{Alone, Filtered, value};
use crate::query::memory::ReadContext;
use crate::query::params::Ranging;
use crate::query::range::Quarters;
use crate::query::sales::Sales;
use crate::query::view::{Figures, METRICS, View};

/// The customers who bought: the `uniqueCustomers` of sales. `times` are orders; one that was made of
/// transactions counts with the first of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct SalesCustomers {
    #[serde(flatten)]
    counted: CustomersOf,
}

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    of: Alone<SalesCustomers>,
    page: Page,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        Asked { of: Alone::read(query), page: Page::read(query) }
    }
}

impl Filtered for SalesCustomers {
    const FILTERS_ALONE: &'static [Parameter<Text>] =
        &[value("category", "Those who bought something of one category.")];
}

impl View for SalesCustomers {
    const ROUTE: Get = Get {
        path: "/api/metrics/sales/customers",
        access: METRICS,
        id: "getSalesCustomers",
        tag: Tag::Figures,
        summary: "Who bought",
        about: "The distinct customers as the sales count them under the same parameters, a page at a time, each with its orders.",
    };
}

impl Ranging for SalesCustomers {
    const TREND_DAYS: u64 = SalesMetrics::TREND_DAYS;
    const LIMITS: bool = false;
    const FILTERS: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Figures for SalesCustomers {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Alone { range, which } = &asked.of;
        let category = which.as_ref().map(|(_, category)| category.as_str());
        let counted = Sales::of(from, range).counted_by_customer(category).await?;
        let quarters = range.range.map_or(Quarters::ALL, |range| range.quarters);
        let members = counted.members(from).all(quarters).await?;
        let question =
            Question { from, asked: range, counted: &counted, quarters, page: asked.page };
        Ok(SalesCustomers { counted: question.all(&members).await? })
    }
}
