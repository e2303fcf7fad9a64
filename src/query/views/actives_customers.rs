//! `GET /api/metrics/actives/customers`.

use projections::bucket::quarter_of;
use projections::customers::{Customer, Customers};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::actives::{self, ActiveMetrics, Span};
use super::counted::{After, Chosen, CustomersOf, Page, Question};
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::view::{Figures, METRICS, View};
use crate::store;

/// The customers that are looked at for a page at most, about, and those looked at together.
const LOOKED: usize = 1_000;
const TOGETHER: usize = 200;

const FIGURE: Parameter<OneOf<Figure>> =
    Parameter::query("figure", "The figure of `/api/metrics/actives`.", OneOf::new());

/// A figure of active customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Active,
    New,
    Returning,
    Now,
    Daily,
    Weekly,
    Monthly,
}

impl Word for Figure {
    const ALL: &'static [Self] = &[
        Figure::Active,
        Figure::New,
        Figure::Returning,
        Figure::Now,
        Figure::Daily,
        Figure::Weekly,
        Figure::Monthly,
    ];

    fn word(self) -> &'static str {
        match self {
            Figure::Active => "active",
            Figure::New => "new",
            Figure::Returning => "returning",
            Figure::Now => "now",
            Figure::Daily => "daily",
            Figure::Weekly => "weekly",
            Figure::Monthly => "monthly",
        }
    }
}

impl Figure {
    /// The part of the range that it is of.
    fn span(self) -> Span {
        match self {
            Figure::Active | Figure::New | Figure::Returning => Span::All,
            Figure::Now => Span::Quarter,
            Figure::Daily => Span::Days(1),
            Figure::Weekly => Span::Days(7),
            Figure::Monthly => Span::Days(30),
        }
    }
}

/// Active customers. `times` are activities.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActiveCustomers {
    figure: &'static str,
    #[serde(flatten)]
    counted: CustomersOf,
}

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<ActiveCustomers>,
    figure: Figure,
    page: Page,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::read(query);
        Asked { range, figure: query.take_or(&FIGURE, Figure::Active), page: Page::read(query) }
    }
}

impl View for ActiveCustomers {
    const ROUTE: Get = Get {
        path: "/api/metrics/actives/customers",
        access: METRICS,
        id: "getActiveCustomers",
        tag: Tag::Figures,
        summary: "Who is active, new or returning",
        about: "The distinct customers of a figure of active ones as it is counted under the same parameters, a page at a time, each with its activities. Those of `active` add up to all activities of the range.",
    };
}

impl Ranging for ActiveCustomers {
    const TREND_DAYS: u64 = ActiveMetrics::TREND_DAYS;
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Figures for ActiveCustomers {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Asked { range, figure, page } = asked;
        let (counted, quarters) = (actives::counted(), figure.span().of(from, range).await?);
        let members = counted.members(from).all(quarters).await?;
        let question = Question { from, asked: range, counted: &counted, quarters, page: *page };
        let is_new = match figure {
            Figure::New => Some(true),
            Figure::Returning => Some(false),
            _ => None,
        };
        let counted = if let Some(is_new) = is_new {
            let debuts = actives::debuts(from, range).await?.finish();
            let new: i64 = debuts.iter().map(|(_, new)| new).sum();
            let all = i64::try_from(members.len()).unwrap_or(i64::MAX);
            let value = if is_new { new } else { all - new };
            question.some(value, chosen(from, range, (&members, is_new), *page).await?).await?
        } else {
            question.all(&members).await?
        };
        Ok(ActiveCustomers { figure: figure.word(), counted })
    }
}

/// The page of the new, or of the others. When somebody was active first is in their counts, which are read
/// for some at a time.
async fn chosen(
    from: ReadContext<'_>,
    asked: &Selection,
    (members, is_new): (&[u32], bool),
    page: Page,
) -> Result<Chosen, store::Error> {
    let has = |customer: &Customer| {
        let first = customer.first_activity.map(quarter_of);
        first.is_some_and(|first| asked.trend.has(first)) == is_new
    };
    let rest = page.rest(members);
    let mut chosen = Chosen { page: Vec::new(), next: None };
    for (at, some) in rest.chunks(TOGETHER).enumerate() {
        let counted = from.snapshot.counted_by_ordinal::<Customers>(some).await?;
        let mut found: Vec<u32> =
            counted.iter().filter(|(_, it)| has(it)).map(|it| it.1.ordinal).collect();
        found.sort_unstable();
        let room = page.limit as usize - chosen.page.len();
        let is_full = found.len() > room;
        found.truncate(room);
        chosen.page.extend(found);
        let looked = (at + 1) * TOGETHER;
        // A page that is full ends with its last one; another with the last that was looked at.
        let last = if is_full { chosen.page.last() } else { some.last() };
        chosen.next =
            last.filter(|_| is_full || looked < rest.len()).map(|who| After { who: *who });
        if is_full || looked >= LOOKED {
            break;
        }
    }
    Ok(chosen)
}
