//! `GET /api/metrics/retention`.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use projections::entity::Entity;
use projections::family::{Family, Slice};
use projections::sales::Status;
use projections::table::Row;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Whole, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::entities::Entities;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::period::{Clock, Period};
use crate::query::range::{Coverage, Quarters, Used};
use crate::query::ratio::ratio;
use crate::query::times::Counted;
use crate::query::view::{Figures, METRICS, View};
use crate::store;

/// Customers by the period of their first purchase, and how many of them bought again in each period
/// after it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionMetrics {
    period: &'static str,
    cohorts: Vec<Cohort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Cohort {
    /// The period of the first purchase.
    #[serde(rename = "_id")]
    label: String,
    /// Its customers.
    customers: i64,
    /// Those who bought in this period, in the next and so on, as far as there was time.
    retained: Vec<i64>,
    /// Their share of the customers, from 0 to 1.
    rates: Vec<f64>,
}

/// The length of the periods of a cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Week,
    Month,
}

impl Word for Length {
    const ALL: &'static [Self] = &[Length::Week, Length::Month];

    fn word(self) -> &'static str {
        self.period().word()
    }
}

impl Length {
    pub(super) fn period(self) -> Period {
        match self {
            Length::Week => Period::Week,
            Length::Month => Period::Month,
        }
    }
}

pub(super) const PERIOD: Parameter<OneOf<Length>> = Parameter::query(
    "period",
    "The length of the periods, in the zone that is asked for. Weeks are those of ISO 8601.",
    OneOf::new(),
);
const PERIODS: Parameter<Whole<u16>> = Parameter::query(
    "periods",
    "The most periods after the first of a cohort.",
    Whole { min: 1, max: 52 },
);

/// The parameters.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<RetentionMetrics>,
    length: Length,
    periods: u16,
    /// The present quarter hour.
    now: u32,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::read(query);
        let length = query.take_or(&PERIOD, Length::Month);
        let periods = query.take_or(&PERIODS, 12);
        Asked { range, length, periods, now: projections::bucket::quarter_of(query.now()) }
    }
}

impl View for RetentionMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/retention",
        access: METRICS,
        id: "getRetention",
        tag: Tag::Figures,
        summary: "How many customers buy again",
        about: "Of the customers whose first completed purchase is in a week or month of the range, the last 365 days where none is given, those with a completed purchase in each period since.",
    };
}

impl Ranging for RetentionMetrics {
    const TREND_DAYS: u64 = 365;
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Figures for RetentionMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let period = asked.length.period();
        let mut clock = Clock::of(asked.range.zone, Some(period));
        let cohorts = Cohorts::of(from, asked.range.trend, &mut clock).await?;
        let numbered = cohorts.customers.keys().next().zip(cohorts.customers.keys().next_back());
        // By the period of the first purchase and that of another.
        let mut bought: HashMap<(i64, i64), i64, RandomState> = HashMap::default();
        if let Some((&first, &last)) = numbered {
            let last = last.saturating_add(asked.periods.into());
            let quarters = clock.between((first, last), until(asked.range.trend, asked.now));
            purchases()
                .members(from)
                .each(quarters, &clock, |period, who| {
                    let cohort = cohorts.of.get(who as usize).copied().flatten();
                    if let Some(cohort) = cohort.filter(|cohort| *cohort <= period) {
                        *bought.entry((cohort, period)).or_default() += 1;
                    }
                })
                .await?;
        }
        let begin = |(first, _): (&i64, _)| clock.between((*first, *first), asked.range.trend).from;
        let begin = numbered.map(begin);
        let now = clock.period_of(asked.now);
        let cohort = |(number, customers): (i64, i64)| {
            let last = number.saturating_add(asked.periods.into()).min(now.max(number));
            let count = |period| bought.get(&(number, period)).copied().unwrap_or_default();
            let retained: Vec<i64> = (number..=last).map(count).collect();
            let rates = retained.iter().map(|count| ratio(*count, customers)).collect();
            Cohort { label: period.label(number), customers, retained, rates }
        };
        Ok(RetentionMetrics {
            period: period.word(),
            cohorts: cohorts.customers.into_iter().map(cohort).collect(),
            range: asked.range.range.map(|range| range.used(begin)),
        })
    }
}

/// The quarter hours of a range's first purchases and of all those since.
pub(super) fn until(trend: Quarters, now: u32) -> Quarters {
    Quarters { from: trend.from, to: now + 1 }
}

/// The counts that say which customers bought.
pub(super) fn purchases() -> Counted {
    let slices = vec![Slice::from(Status::Completed)];
    Counted { family: Family::Buyers, slices, code: None, column: 1, times: 0 }
}

/// The customers whose first purchase is in a range, by its period.
pub(super) struct Cohorts {
    /// The number of customers of each.
    pub(super) customers: BTreeMap<i64, i64>,
    /// The one of each customer, by ordinal.
    pub(super) of: Vec<Option<i64>>,
}

impl Cohorts {
    /// Reads them.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub(super) async fn of(
        from: ReadContext<'_>,
        trend: Quarters,
        clock: &mut Clock,
    ) -> Result<Cohorts, store::Error> {
        let customers = from.snapshot.checkpoint.root.next.of(Entity::Customer);
        let mut cohorts =
            Cohorts { customers: BTreeMap::new(), of: vec![None; customers as usize] };
        let purchases = Entities { from, family: Family::Purchases, slices: &[Slice::WHOLE] };
        let take = |who, [first, _, is_there]: Row| {
            let first = u32::try_from(first).unwrap_or_default();
            if is_there > 0
                && trend.has(first)
                && let Some(cohort) = cohorts.of.get_mut(who as usize)
            {
                let number = clock.period_of(first);
                *cohort = Some(number);
                *cohorts.customers.entry(number).or_default() += 1;
            }
        };
        purchases.rows(Coverage::Everything(Quarters::ALL), take).await?;
        Ok(cohorts)
    }
}
