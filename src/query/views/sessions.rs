//! `GET /api/metrics/sessions`.

use std::cmp::Reverse;

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
use crate::query::memory::ReadContext;
use crate::query::params::{Ranging, Selection};
use crate::query::period::Buckets;
use crate::query::range::Used;
use crate::query::ratio::ratio;
use crate::query::view::{Figures, METRICS, View};
use crate::query::{by_quarter, zone};
use crate::store;

/// Sessions, by the time that they began.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionMetrics {
    #[serde(flatten)]
    total: Sums,
    /// Those of customers with an account; null under a filter.
    identified: Option<i64>,
    /// Activities of all of them; null under a filter.
    activities: Option<i64>,
    /// Activities in a session; null under a filter.
    activities_per_session: Option<f64>,
    trends: Vec<Bar>,
    by_device: Vec<Part>,
    /// By the page that they began on.
    by_entry_page: Vec<Part>,
    by_country: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
    /// The same figures of the range that was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, no_recursion)]
    comparison: Option<Box<SessionMetrics>>,
    /// The change from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, Change>>)]
    change: Option<Changes>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SumsOfSessions)]
struct Sums {
    sessions: i64,
    /// Those of one activity.
    bounces: i64,
    /// Their share, from 0 to 1.
    bounce_rate: f64,
    /// From the first activity to the last, in seconds.
    average_duration: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BarOfSessions)]
struct Bar {
    /// The period's name.
    #[serde(rename = "_id")]
    label: String,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PartOfSessions)]
struct Part {
    /// The value; `(none)` where none was stated, `(other)` for those past the first of a month.
    #[serde(rename = "_id")]
    name: String,
    #[serde(flatten)]
    sums: Sums,
}

impl From<Row> for Sums {
    fn from([sessions, bounces, milliseconds]: Row) -> Self {
        Sums {
            sessions,
            bounces,
            bounce_rate: ratio(bounces, sessions),
            average_duration: ratio(milliseconds, sessions.saturating_mul(1_000)),
        }
    }
}

/// The dimensions that sessions are counted by.
const DIMENSIONS: [(Dimension, Family); 3] = [
    (Dimension::Device, Family::SessionDevices),
    (Dimension::Page, Family::EntryPages),
    (Dimension::ActivityCountry, Family::SessionCountries),
];

impl Filtered for SessionMetrics {
    const FILTERS_ALONE: &'static [Parameter<Text>] = &[
        value("device", "The sessions on one device."),
        value("pagePath", "Those that began on one page."),
        value("country", "Those from one country."),
    ];
}

impl View for SessionMetrics {
    const ROUTE: Get = Get {
        path: "/api/metrics/sessions",
        access: METRICS,
        id: "getSessions",
        tag: Tag::Figures,
        summary: "Sessions of visitors",
        about: "The activities of a session's id that are at most half an hour apart; of the last 30 days where no range is given. One filter applies to the totals and the trend.",
    };
}

impl Ranging for SessionMetrics {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 10;
    const IS_RECENT: bool = true;
    const FILTERS: bool = false;
    const SALES: bool = false;
}

impl Figures for SessionMetrics {
    const TOPICS: Topics = Topics::of(&[Topic::Behaviour]);
    type Parameters = Alone<Self>;

    async fn read(from: ReadContext<'_>, asked: &Self::Parameters) -> Result<Self, Error> {
        Ok(compare::read(from, asked).await?)
    }
}

impl Compared for SessionMetrics {
    async fn of(
        from: ReadContext<'_>,
        Alone { range: asked, which }: &Self::Parameters,
    ) -> Result<Self, store::Error> {
        let part = async |at: usize| parts(from, DIMENSIONS[at], asked).await;
        let (sums, visits, by_device, by_entry_page, by_country) = tokio::try_join!(
            sums(from, asked, which.as_ref()),
            visits(from, asked),
            part(0),
            part(1),
            part(2),
        )?;
        let (clock, first) = (asked.clock(), sums.first());
        let periods = asked.trend_of(sums);
        let mut total: Row = [0; 3];
        for (_, row) in &periods {
            zone::add(&mut total, *row);
        }
        let [activities, identified, _] = visits;
        let shown = periods.into_iter().filter(|(_, row)| asked.fill.is_some() || row[0] != 0);
        Ok(SessionMetrics {
            activities: which.is_none().then_some(activities),
            activities_per_session: which.is_none().then(|| ratio(activities, total[0])),
            total: total.into(),
            identified: which.is_none().then_some(identified),
            trends: shown
                .map(|(period, row)| Bar { label: clock.label(period), sums: row.into() })
                .collect(),
            by_device,
            by_entry_page,
            by_country,
            range: asked.used(first),
            comparison: None,
            change: None,
        })
    }

    fn compared(&self) -> Vec<(&'static str, Figure)> {
        vec![("sessions", self.total.sessions.into()), ("bounces", self.total.bounces.into())]
    }

    fn beside(&mut self, before: Self, change: Changes) {
        (self.comparison, self.change) = (Some(Box::new(before)), Some(change));
    }
}

/// Sessions by period.
async fn sums(
    from: ReadContext<'_>,
    asked: &Selection,
    which: Option<&(usize, String)>,
) -> Result<Buckets<Row>, store::Error> {
    if let Some((at, value)) = which {
        let (dimension, family) = DIMENSIONS[*at];
        let (value, clock) = (Some(value.as_str()), asked.clock());
        return by_period(from, family, (dimension, 0), value, asked.trend, &clock).await;
    }
    let mut sums: Buckets<Row> = Buckets::of(asked.clock());
    by_quarter::rows(from, Family::Sessions, &[Slice::WHOLE], asked.trend, |_, quarter, row| {
        zone::add(sums.at(quarter), row);
    })
    .await?;
    Ok(sums)
}

/// Activities of sessions, and sessions of customers with an account.
async fn visits(from: ReadContext<'_>, asked: &Selection) -> Result<Row, store::Error> {
    let mut visits: Row = [0; 3];
    by_quarter::rows(from, Family::Visits, &[Slice::WHOLE], asked.trend, |_, _, row| {
        zone::add(&mut visits, row);
    })
    .await?;
    Ok(visits)
}

async fn parts(
    from: ReadContext<'_>,
    (dimension, family): (Dimension, Family),
    asked: &Selection,
) -> Result<Vec<Part>, store::Error> {
    let sums = by_value(from, (family, &[Slice::WHOLE]), dimension, asked.trend).await?;
    let parts = sums.into_iter().filter(|(_, row)| row[0] > 0);
    let mut parts: Vec<Part> = parts.map(|(name, row)| Part { name, sums: row.into() }).collect();
    // Stable, so names that tie stay in order.
    parts.sort_by_key(|part| Reverse(part.sums.sessions));
    parts.truncate(asked.limit);
    Ok(parts)
}
