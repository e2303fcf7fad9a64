//! `GET /api/metrics/actives`.

use projections::family::{Family, Slice};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::by_quarter;
use crate::query::compare::{self, Change, Changes, Compared, Figure};
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging, Selection};
use crate::query::period::Buckets;
use crate::query::range::{Quarters, Used};
use crate::query::times::Counted;
use crate::query::view::{Figures, METRICS, View};
use crate::store;

/// Active customers: those with an activity.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveMetrics {
    /// In the last quarter hour of the range.
    now: i64,
    /// On its last day.
    daily: i64,
    /// On its last 7 days.
    weekly: i64,
    /// On its last 30 days.
    monthly: i64,
    /// In all of it.
    active: i64,
    /// Those of them whose first activity is in it.
    new: i64,
    /// The others.
    returning: i64,
    trends: Vec<Bar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<ActiveMetrics>>,
    /// The change from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BarOfActives)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    active: i64,
    new: i64,
    returning: i64,
}

impl View for ActiveMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/actives",
        access: METRICS,
        id: "getActives",
        tag: Tag::Figures,
        summary: "Active customers, new and returning",
        about: "Distinct customers with an activity, of the last 30 days where no range is given. New are those whose first activity is in the period.",
    };
}

impl Ranging for ActiveMetrics {
    const TREND_DAYS: u64 = 30;
    const LIMITS: bool = false;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
}

impl Figures for ActiveMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour]);
    type Parameters = Ranged<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for ActiveMetrics {
    async fn of(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, store::Error> {
        let active = counted().members(from);
        let clock = asked.clock();
        let since = Span::All.of(from, asked).await?;
        let part = async |span: Span| active.count(span.of(from, asked).await?).await;
        let (now, daily, weekly, monthly, active, by_period, debuts) = tokio::try_join!(
            part(Span::Quarter),
            part(Span::Days(1)),
            part(Span::Days(7)),
            part(Span::Days(30)),
            active.count(since),
            active.by_period(since, &clock),
            debuts(from, asked),
        )?;
        let mut both: Buckets<(i64, i64)> = Buckets::of(clock.clone());
        for (period, count) in by_period {
            both.of_period(period).0 = count;
        }
        for (period, count) in debuts.finish() {
            both.of_period(period).1 = count;
        }
        let first = both.first();
        let periods = asked.trend_of(both);
        let new: i64 = periods.iter().map(|(_, (_, new))| new).sum();
        let bar = |&(period, (active, new)): &(i64, (i64, i64))| Bar {
            label: clock.label(period),
            active,
            new,
            returning: active - new,
        };
        let shown = periods.iter().filter(|(_, sums)| asked.fill.is_some() || *sums != (0, 0));
        Ok(ActiveMetrics {
            now,
            daily,
            weekly,
            monthly,
            active,
            new,
            returning: active - new,
            trends: shown.map(bar).collect(),
            range: asked.used(first),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("active", self.active.into()),
            ("new", self.new.into()),
            ("returning", self.returning.into()),
        ]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

/// What active customers are counted by.
pub(super) fn counted() -> Counted {
    let slices = vec![Slice::WHOLE];
    Counted { family: Family::Actives, slices, code: None, column: 0, times: 0 }
}

/// A part of a range, at its end, that active customers are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// The last quarter hour.
    Quarter,
    /// The last so many days.
    Days(u64),
    /// All of it.
    All,
}

impl Span {
    /// Its quarter hours.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub(super) async fn of(
        self,
        from: ReadContext<'_>,
        asked: &Selection,
    ) -> Result<Quarters, store::Error> {
        let to = asked.trend.to;
        match self {
            Span::Quarter => Ok(Quarters { from: to.saturating_sub(1), to }),
            Span::Days(days) => Ok(asked.trend.last_days_of(days, asked.zone)),
            // Nobody is active before the first debut.
            Span::All => by_quarter::from_first(from, Family::Debuts, asked.trend).await,
        }
    }
}

/// Customers by the period of their first activity.
pub(super) async fn debuts(
    from: ReadContext<'_>,
    asked: &Selection,
) -> Result<Buckets<i64>, store::Error> {
    let mut sums: Buckets<i64> = Buckets::of(asked.clock());
    by_quarter::rows(
        from,
        Family::Debuts,
        &[Slice::WHOLE],
        asked.trend,
        |_, quarter, [count, ..]| {
            *sums.at(quarter) += count;
        },
    )
    .await?;
    Ok(sums)
}
