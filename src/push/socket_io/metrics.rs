//! The metrics that clients of the Node services ask for by name: each is a figure of a view, of a time,
//! and beside it the same figure of the time before.

use std::time::Duration;

use axum::http::Uri;
use bytes::Bytes;
use projections::bucket::quarter_start;
use projections::time::Time;
use serde_json::{Value, json};

use crate::http::clock;
use crate::http::parameters::values::Word;
use crate::http::problem::Problem;
use crate::push::channels::Channels;
use crate::query::batch::problem;
use crate::query::question::Question;
use crate::query::range::Quarters;
use crate::query::views;
use crate::query::views::widget::TimeRange;
use crate::query::zone::Zone;
use crate::rights::caller::Caller;

const HOUR: Duration = Duration::from_hours(1);

/// A metric.
#[derive(Debug)]
pub(super) struct Metric {
    name: &'static str,
    at: Place,
    series: (Place, &'static str, Y),
}

/// A place in the answer of a view: by its path and a pointer.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A widget's data.
    Widget(&'static str, &'static str),
    /// Figures of a range, by periods.
    Periods(&'static str, &'static str),
    /// Figures of a range.
    Range(&'static str, &'static str),
}

/// The figure of a point.
#[derive(Debug, Clone, Copy)]
enum Y {
    Member(&'static str),
    /// The share that one has of another.
    Share(&'static str, &'static str),
}

/// Every metric.
const METRICS: &[Metric] = &[
    Metric {
        name: "revenue",
        at: Place::Widget("total-revenue", "/data/value"),
        series: (Place::Widget("revenue-chart", "/data/data"), "x", Y::Member("y")),
    },
    Metric {
        name: "transactions",
        at: Place::Widget("total-transactions", "/data/value"),
        series: (
            Place::Periods("/api/metrics/sales?", "/salesTrend"),
            "_id",
            Y::Member("dailyOrders"),
        ),
    },
    Metric {
        name: "users",
        at: Place::Widget("active-users", "/data/value"),
        series: (Place::Widget("user-activity", "/data/data"), "x", Y::Member("y")),
    },
    Metric {
        name: "products",
        at: Place::Range("/api/metrics/explain?figure=units&limit=1&", "/value"),
        series: (
            Place::Range("/api/metrics/explain?figure=units&limit=1&", "/days"),
            "_id",
            Y::Member("value"),
        ),
    },
    Metric {
        name: "conversion",
        at: Place::Periods("/api/metrics/funnel?", "/conversion"),
        series: (
            Place::Periods("/api/metrics/funnel?", "/trends"),
            "_id",
            Y::Share("purchased", "viewed"),
        ),
    },
];

/// The names of metrics, as they are told.
pub(super) const NAMES: &str = "revenue, transactions, users, products, conversion";
/// The times, as they are told.
pub(super) const TIMES: &str = "1h, 24h, 7d, 30d";

/// The metric of a name.
pub(super) fn named(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// A metric of a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) metric: &'static Metric,
    pub(super) time: TimeRange,
}

impl Wanted {
    /// The metric, the same of the time before, and its points, all of one position.
    pub(super) async fn read(self, channels: &Channels, who: &Caller) -> Result<Value, Problem> {
        let Metric { name, at, series: (points, x, y) } = self.metric;
        let (now, time) = (channels.now(), self.time.word());
        let before = Time(now.0 - i64::try_from(length(self.time).as_millis()).unwrap_or_default());
        let ask = |place: Place, at| place.ask(self.time, who, at, channels.language());
        let questions = [ask(*at, now)?, ask(*at, before)?, ask(*points, now)?];
        let (answers, position) = channels.figures(&questions).await?;
        let found = |index: usize, place: Place| -> Value {
            let answer = answers.get(index).and_then(parsed);
            answer.and_then(|it| it.pointer(place.pointer()).cloned()).unwrap_or_default()
        };
        let (value, previous) = (found(0, *at), found(1, *at));
        let series: Vec<_> = found(2, *points)
            .as_array()
            .into_iter()
            .flatten()
            .map(|point| json!({ "x": point[*x], "y": y.of(point) }))
            .collect();
        let percent = percent(&value, &previous);
        let trend = if number(&value) < number(&previous) { "down" } else { "up" };
        let change = format!("{:.2}", percent.unwrap_or_default());
        let timestamp = clock::now();
        Ok(json!({
            "metricType": name, "timeRange": time, "timestamp": timestamp, "position": position,
            "data": {
                "metricType": name, "timeRange": time,
                "data": { "value": value, "trend": trend, "change": change },
                "value": value, "previous": previous, "trend": trend, "changePercent": percent,
                "series": series,
            },
        }))
    }
}

impl Place {
    fn pointer(self) -> &'static str {
        let (Place::Widget(_, pointer) | Place::Periods(_, pointer) | Place::Range(_, pointer)) =
            self;
        pointer
    }

    /// The question to its view, as of that time.
    fn ask(
        self,
        time: TimeRange,
        who: &Caller,
        at: Time,
        language: &str,
    ) -> Result<Question, Problem> {
        let uri = match self {
            Place::Widget(id, _) => {
                format!("/api/dashboard/widgets/{id}/data?timeRange={}", time.word())
            }
            Place::Range(view, _) => format!("{view}{}", range(time, at)),
            Place::Periods(view, _) => {
                let period = if is_hours(time) { "hour" } else { "day" };
                format!("{view}{}&period={period}", range(time, at))
            }
        };
        let uri: Uri = uri.parse().map_err(Problem::internal)?;
        views::ask(&uri, who, at, language).map_err(problem)
    }
}

impl Y {
    fn of(self, point: &Value) -> Value {
        match self {
            Y::Member(name) => point[name].clone(),
            Y::Share(part, whole) => match (number(&point[part]), number(&point[whole])) {
                (Some(part), Some(whole)) if whole > 0.0 => json!(part / whole),
                _ => json!(0.0),
            },
        }
    }
}

fn is_hours(time: TimeRange) -> bool {
    matches!(time, TimeRange::Hour | TimeRange::Day)
}

fn length(time: TimeRange) -> Duration {
    match time {
        TimeRange::Hour => HOUR,
        TimeRange::Day => 24 * HOUR,
        TimeRange::Week => 7 * 24 * HOUR,
        TimeRange::Month => 30 * 24 * HOUR,
    }
}

/// The same range as a widget's.
fn range(time: TimeRange, at: Time) -> String {
    let quarters = match time {
        TimeRange::Hour => Quarters::last_hours(1, at),
        TimeRange::Day => Quarters::last_hours(24, at),
        TimeRange::Week => Quarters::last_days(7, Zone::UTC, at),
        TimeRange::Month => Quarters::last_days(30, Zone::UTC, at),
    };
    let [first, last] =
        [quarters.from, quarters.to - 1].map(|quarter| quarter_start(quarter).to_rfc3339());
    format!("startDate={first}&endDate={last}")
}

fn parsed(answer: &Bytes) -> Option<Value> {
    serde_json::from_slice(answer).ok()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

/// The change in percent of what it was, to two places; `None` where it was nothing.
fn percent(value: &Value, previous: &Value) -> Option<f64> {
    let (value, previous) = (number(value)?, number(previous)?);
    let percent = (value - previous) / previous.abs() * 100.0;
    // No -0.00.
    percent.is_finite().then(|| (percent * 100.0).round() / 100.0 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_in_percent_of_what_it_was() {
        let change = |value: Value, previous: Value| percent(&value, &previous);
        assert_eq!(change(json!(150), json!(200)), Some(-25.0));
        assert_eq!(change(json!(4), json!(3)), Some(33.33));
        assert_eq!(change(json!(7.5), json!(-7.5)), Some(200.0));
        assert_eq!((change(json!(4), json!(0)), change(json!(4), Value::Null)), (None, None));
        assert_eq!(format!("{:.2}", change(json!(3), json!(3)).unwrap()), "0.00");
    }

    #[test]
    fn every_metric_and_time_is_told() {
        let names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        let times: Vec<_> = TimeRange::ALL.iter().map(|time| time.word()).collect();
        assert_eq!((names.join(", "), times.join(", ")), (NAMES.to_owned(), TIMES.to_owned()));
    }

    #[test]
    fn the_time_before_ends_where_the_time_begins() {
        let now = Time(1_800_000_123_456);
        for time in TimeRange::ALL {
            let before = Time(now.0 - i64::try_from(length(*time).as_millis()).unwrap());
            let ends = |at| {
                let range = range(*time, at).replace("startDate=", "");
                let (first, last) = range.split_once("&endDate=").unwrap();
                [first, last].map(|it| Time::parse(it).unwrap().0)
            };
            let quarter = 15 * 60_000;
            assert_eq!(ends(before)[1] + quarter, ends(now)[0], "{time:?}");
        }
    }
}
