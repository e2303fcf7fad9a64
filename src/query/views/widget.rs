//! `GET /api/dashboard/widgets/{id}/data`, of widgets that are made of read models. Its route is the
//! dashboard's, which has other widgets, too.

use projections::money::{self, Money};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::customers;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Text, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::active;
use crate::query::compare::Change;
use crate::query::filter::By;
use crate::query::memory::ReadContext;
use crate::query::minutes::{self, Minutes};
use crate::query::params::{Selection, Zoned};
use crate::query::period::{Clock, Period};
use crate::query::range::{Compare, Quarters};
use crate::query::sales::{Sales, Sum};
use crate::query::statuses::Statuses;
use crate::query::view::{DASHBOARD, Figures, View};
use crate::store;

/// The most categories of a table.
const CATEGORIES: usize = 10;
const MISSING: &str = "There is no such widget.";
/// The label of a widget that is not made yet.
const NOT_YET: &str = "Not yet";

const ID: Parameter<Text> = Parameter::path(
    "id",
    "The widget's id.",
    Text { min: 1, max: 64, allowed: "must be an id of 1 to 64 characters" },
);
const TIME_RANGE: Parameter<OneOf<TimeRange>> = Parameter::query(
    "timeRange",
    "The time that the figures are of: the last 60 minutes, minute by minute; the last 24 hours, hour by hour; \
     or the last 7 or 30 days, today included, day by day.",
    OneOf::new(),
);

/// The time that figures are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeRange {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

/// The widget and the time that are asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The widget's id.
    pub id: String,
    /// The time.
    pub time_range: TimeRange,
    sales: Selection,
    /// Of the last hour.
    minutes: Option<Minutes>,
}

/// A widget with its data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WidgetData)]
pub struct Widget {
    /// Its id.
    pub widget_id: String,
    /// The time that it is of.
    #[schema(value_type = String)]
    pub time_range: &'static str,
    /// Its data.
    pub data: Data,
    /// The time of the newest event that is counted, or that at which it was asked.
    #[schema(format = DateTime)]
    pub last_updated: String,
}

/// The data of a widget.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = DataOfWidget)]
pub enum Data {
    /// A chart.
    Chart(Chart),
    /// A table.
    Table(Table),
    /// The state of something.
    State(State),
    /// A number.
    Value(Value),
}

/// The state of something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StateOfWidget)]
pub struct State {
    /// In a word.
    pub value: &'static str,
    /// Its label.
    pub label: &'static str,
    /// Always `status`.
    pub format: &'static str,
    /// The state of its parts.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

/// A number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ValueOfWidget)]
pub struct Value {
    /// Null where the widget is not made yet.
    #[schema(value_type = Option<f64>)]
    pub value: Option<Number>,
    /// Its label.
    pub label: &'static str,
    /// Its format: `currency` or `number`; absent where the widget is not made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub format: Option<&'static str>,
}

/// Points in order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChartOfWidget)]
pub struct Chart {
    r#type: &'static str,
    data: Vec<Point>,
    label: &'static str,
    /// Null where the widget is not made yet; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    value: Option<()>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TableOfWidget)]
pub struct Table {
    r#type: &'static str,
    headers: Vec<&'static str>,
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Vec<Cell>>,
    /// Null where the widget is not made yet; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    value: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    label: Option<&'static str>,
}

/// A point of a chart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PointOfChart)]
pub struct Point {
    x: String,
    #[schema(value_type = f64)]
    y: Number,
}

/// A number of things, or an amount of money.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// A number of things.
    Count(i64),
    /// An amount of money.
    Money(#[serde(with = "money::as_number")] Money),
}

/// A cell of a table.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A text, where there is one.
    Text(Option<String>),
    /// A number.
    Number(Number),
    /// A change in percent, where there is one.
    Percent(Option<f64>),
}

impl Word for TimeRange {
    const ALL: &'static [Self] =
        &[TimeRange::Hour, TimeRange::Day, TimeRange::Week, TimeRange::Month];

    fn word(self) -> &'static str {
        match self {
            TimeRange::Hour => "1h",
            TimeRange::Day => "24h",
            TimeRange::Week => "7d",
            TimeRange::Month => "30d",
        }
    }
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let id = query.segment_before_last(&ID).unwrap_or_default();
        let time_range = query.take_or(&TIME_RANGE, TimeRange::Day);
        let zone = Zoned::read(query).zone;
        let now = query.now();
        let quarters = match time_range {
            TimeRange::Hour => Quarters::last_hours(1, now),
            TimeRange::Day => Quarters::last_hours(24, now),
            TimeRange::Week => Quarters::last_days(7, zone, now),
            TimeRange::Month => Quarters::last_days(30, zone, now),
        };
        let minutes = (time_range == TimeRange::Hour).then(|| Minutes::last(60, now));
        Asked { id, time_range, sales: Selection::sold(zone, quarters), minutes }
    }
}

impl View for Widget {
    const ROUTE: Get = Get {
        path: "/api/dashboard/widgets/{id}/data",
        access: DASHBOARD,
        id: "getWidgetData",
        tag: Tag::Dashboards,
        summary: "The data of one widget",
        about: "Of every widget of the default dashboards, whatever its type there. Periods without figures are left \
                out. Accounts, sessions, health and log are told to those who may see them, and are as they are now: \
                they have no position and no `ETag`.",
    };
    const MISSING: Option<&'static str> = Some(MISSING);
}

impl Figures for Widget {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers, Topic::Behaviour]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let data = data(from, asked).await?.ok_or(Error::NotFound(MISSING))?;
        let last_updated = from.snapshot.checkpoint.root.log_time.to_rfc3339();
        Ok(Widget::of(asked, data, last_updated))
    }
}

impl Widget {
    /// A widget with its data.
    #[must_use]
    pub fn of(asked: &Asked, data: Data, last_updated: String) -> Self {
        let (widget_id, time_range) = (asked.id.clone(), asked.time_range.word());
        Widget { widget_id, time_range, data, last_updated }
    }
}

impl Data {
    /// A number.
    #[must_use]
    pub fn value(value: Number, label: &'static str, format: &'static str) -> Self {
        Data::Value(Value { value: Some(value), label, format: Some(format) })
    }

    /// A table.
    #[must_use]
    pub fn table(headers: &[&'static str], rows: Vec<Vec<Cell>>) -> Self {
        let headers = headers.to_vec();
        Data::Table(Table { r#type: "table", headers, rows, value: None, label: None })
    }

    fn line(data: Vec<Point>, label: &'static str) -> Self {
        Data::Chart(Chart { r#type: "line", data, label, value: None })
    }
}

/// The data of a widget that is known.
async fn data(from: ReadContext<'_>, asked: &Asked) -> Result<Option<Data>, store::Error> {
    let is_hour = asked.minutes.is_some();
    Ok(Some(match &*asked.id {
        "total-revenue" => {
            Data::value(Number::Money(asked.total(from).await?.1), "Total Revenue", "currency")
        }
        "total-transactions" => {
            Data::value(Number::Count(asked.total(from).await?.0), "Total Transactions", "number")
        }
        "active-users" => {
            let active = active::customers(from).count(asked.sales.trend).await?;
            Data::value(Number::Count(active), "Active Users", "number")
        }
        "revenue-chart" => Data::line(revenue(from, asked).await?, "Revenue Over Time"),
        "user-activity" if is_hour => {
            Data::line(quarter_hours(from, asked).await?, "Active Users Over Time, by quarter hour")
        }
        "user-activity" => Data::line(activity(from, asked).await?, "Active Users Over Time"),
        "user-trends" => Data::line(newcomers(from, asked).await?, "New Users Over Time"),
        "top-categories" => {
            let mut rows = Vec::new();
            for category in categories(from, &asked.sales).await?.into_iter().take(CATEGORIES) {
                let [name, revenue, orders, ..] = category.cells();
                rows.push(vec![name, revenue, orders]);
            }
            Data::table(&["Category", "Revenue", "Transactions"], rows)
        }
        "category-performance" => performance(from, asked).await?,
        "category-breakdown" => {
            let point = |it: Category| Point { x: it.name, y: Number::Money(it.revenue) };
            let data = categories(from, &asked.sales).await?.into_iter().map(point).collect();
            Data::Chart(Chart { r#type: "pie", data, label: "Revenue by Category", value: None })
        }
        id => return Ok(not_yet(id)),
    }))
}

/// The analyst's widgets, whose data are not made yet, in the shape that each will have.
fn not_yet(id: &str) -> Option<Data> {
    Some(match id {
        "ai-insights" | "anomalies" | "forecast-accuracy" | "trends" => {
            Data::Value(Value { value: None, label: NOT_YET, format: None })
        }
        "forecast-chart" | "anomaly-detection" => {
            Data::Chart(Chart { r#type: "line", data: Vec::new(), label: NOT_YET, value: Some(()) })
        }
        "model-performance" | "ai-recommendations" => Data::Table(Table {
            r#type: "table",
            headers: Vec::new(),
            rows: Vec::new(),
            value: Some(()),
            label: Some(NOT_YET),
        }),
        _ => return None,
    })
}

impl Asked {
    /// A clock of the points of a chart.
    fn clock(&self) -> Clock {
        let period = match self.time_range {
            TimeRange::Hour | TimeRange::Day => Period::Hour,
            TimeRange::Week | TimeRange::Month => Period::Day,
        };
        Clock::of(self.sales.zone, Some(period))
    }

    /// Orders and net sales of all of the time.
    async fn total(&self, from: ReadContext<'_>) -> Result<(i64, Money), store::Error> {
        let sales = Sales::of(from, &self.sales);
        let sum = match self.minutes {
            None => sales.total(self.sales.trend).await?,
            Some(minutes) => {
                let mut total = Sum::default();
                for sum in minutes.sales(from).await?.values() {
                    total.add(sum);
                }
                total
            }
        };
        Ok((sum.orders(), sum.net(sales.statuses())))
    }
}

async fn revenue(from: ReadContext<'_>, asked: &Asked) -> Result<Vec<Point>, store::Error> {
    let (sales, clock) = (Sales::of(from, &asked.sales), asked.clock());
    let point = |x, sum: &Sum| Point { x, y: Number::Money(sum.net(sales.statuses())) };
    if let Some(minutes) = asked.minutes {
        let sums = minutes.sales(from).await?;
        let label = |minute| minutes::label(minute, asked.sales.zone);
        return Ok(sums.iter().map(|(minute, sum)| point(label(*minute), sum)).collect());
    }
    let sums = sales.by_period(asked.sales.trend, &clock).await?.finish();
    let sums = sums.iter().filter(|(_, sum)| sum.shows(Statuses::Sold));
    Ok(sums.map(|(period, sum)| point(clock.label(*period), sum)).collect())
}

async fn activity(from: ReadContext<'_>, asked: &Asked) -> Result<Vec<Point>, store::Error> {
    let clock = asked.clock();
    let active = active::customers(from).by_period(asked.sales.trend, &clock).await?;
    let point = |(period, count)| Point { x: clock.label(period), y: Number::Count(count) };
    Ok(active.into_iter().map(point).collect())
}

/// Distinct customers are known by the quarter hour at the finest.
async fn quarter_hours(from: ReadContext<'_>, asked: &Asked) -> Result<Vec<Point>, store::Error> {
    let (zone, customers) = (asked.sales.zone, active::customers(from));
    let mut points = Vec::new();
    for quarter in asked.sales.trend.from..asked.sales.trend.to {
        let one = Quarters { from: quarter, to: quarter + 1 };
        let active = customers.count(one).await?;
        if active > 0 {
            points.push(Point { x: minutes::of_quarter(quarter, zone), y: Number::Count(active) });
        }
    }
    Ok(points)
}

async fn newcomers(from: ReadContext<'_>, asked: &Asked) -> Result<Vec<Point>, store::Error> {
    let period = match asked.time_range {
        TimeRange::Hour | TimeRange::Day => Period::Hour,
        TimeRange::Week | TimeRange::Month => Period::Day,
    };
    let selection = Selection { period, ..asked.sales.clone() };
    let newcomers = customers::newcomers(from, &selection).await?;
    let point = |(x, [identified, guests, _]): (String, projections::table::Row)| Point {
        x,
        y: Number::Count(identified + guests),
    };
    Ok(newcomers.periods.into_iter().map(point).collect())
}

#[derive(Debug)]
struct Category {
    name: String,
    revenue: Money,
    orders: i64,
    average: Money,
}

impl Category {
    fn cells(self) -> [Cell; 4] {
        [
            Cell::Text(Some(self.name)),
            Cell::Number(Number::Money(self.revenue)),
            Cell::Number(Number::Count(self.orders)),
            Cell::Number(Number::Money(self.average)),
        ]
    }
}

/// Categories by net sales, ties by name.
async fn categories(
    from: ReadContext<'_>,
    asked: &Selection,
) -> Result<Vec<Category>, store::Error> {
    let sales = Sales::of(from, asked);
    let category = |(name, sum): (String, Sum)| Category {
        name,
        revenue: sum.net(sales.statuses()),
        orders: sum.orders(),
        average: sum.average(sales.statuses()),
    };
    let [categories] = sales.ranked([By::Category], asked.trend).await?;
    Ok(categories.into_iter().map(category).collect())
}

/// Categories beside the time before of the same length.
async fn performance(from: ReadContext<'_>, asked: &Asked) -> Result<Data, store::Error> {
    let compared = Selection { compare: Some(Compare::Previous), ..asked.sales.clone() };
    let before = match compared.before() {
        Some(before) => categories(from, &before).await?,
        None => Vec::new(),
    };
    let mut rows = Vec::new();
    for category in categories(from, &asked.sales).await?.into_iter().take(CATEGORIES) {
        let had = before.iter().find(|it| it.name == category.name).map(|it| it.revenue);
        let change = Change::of(had.unwrap_or_default().into(), category.revenue.into());
        let [name, revenue, orders, average] = category.cells();
        rows.push(vec![name, revenue, orders, average, Cell::Percent(change.percent())]);
    }
    let headers = ["Category", "Revenue", "Transactions", "Average Order", "Change %"];
    Ok(Data::table(&headers, rows))
}
