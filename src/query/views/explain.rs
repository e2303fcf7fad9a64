//! `GET /api/metrics/explain`: the entries that a figure of sales is made of.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use projections::bucket::{Level, first_quarter, quarter_start};
use projections::ledger::{LedgerRow, Row};
use projections::money::{self, Money};
use projections::orders::{Order, PlacedOrder, RefundedSale};
use projections::quantity::{self, Quantity};
use projections::refunds::Refund;
use projections::sales::{Sale, Status};
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sales;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Own, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::FieldError;
use crate::query::Error;
use crate::query::cursor::{self, Pagination};
use crate::query::filter::Filter;
use crate::query::matching::Matching;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::period::{Clock, Period};
use crate::query::range::{Quarters, Used};
use crate::query::sales::{Sales, Sum};
use crate::query::statuses::Statuses;
use crate::query::view::{Figures, METRICS, View};
use crate::store;
use crate::store::read::Known;

/// The rows that are read for a page at most, about, and those read together.
const ROWS: usize = 1_000;
const ROWS_TOGETHER: u32 = 101;
/// So many products, and so many refunds, are named of an entry.
const NAMED: usize = 10;

const FIGURE: Parameter<OneOf<Explained>> = Parameter::query(
    "figure",
    "The figure: of those that `/api/metrics/sales` has, or `units`. Gross sales and discounts are of \
     whole orders, so of no category, payment method, country, product or customer.",
    OneOf::new(),
);
const CURSOR: Parameter<Own<After>> = cursor::parameter();

/// A figure of sales that adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Explained {
    Net,
    Gross,
    Discounts,
    Returns,
    ReturnedAmount,
    Orders,
    Units,
}

impl Word for Explained {
    const ALL: &'static [Self] = &[
        Explained::Net,
        Explained::Gross,
        Explained::Discounts,
        Explained::Returns,
        Explained::ReturnedAmount,
        Explained::Orders,
        Explained::Units,
    ];

    fn word(self) -> &'static str {
        match self {
            Explained::Net => "netSales",
            Explained::Gross => "grossSales",
            Explained::Discounts => "discounts",
            Explained::Returns => "returns",
            Explained::ReturnedAmount => "returnedAmount",
            Explained::Orders => "totalOrders",
            Explained::Units => "units",
        }
    }
}

/// A number of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Number {
    Money(#[serde(with = "money::as_number")] Money),
    Units(#[serde(with = "quantity::as_number")] Quantity),
    Count(i64),
}

impl Number {
    fn is_zero(self) -> bool {
        matches!(self, Number::Money(Money(0)) | Number::Units(Quantity(0)) | Number::Count(0))
    }
}

impl Explained {
    fn of(self, sum: &Sum, statuses: Statuses) -> Number {
        match self {
            Explained::Net => Number::Money(sum.net(statuses)),
            Explained::Gross => Number::Money(sum.gross()),
            Explained::Discounts => Number::Money(sum.discounts()),
            Explained::Returns => Number::Money(sum.taken_off(statuses)),
            Explained::ReturnedAmount => Number::Money(sum.returned()),
            Explained::Orders => Number::Count(sum.orders()),
            Explained::Units => Number::Units(Quantity(sum.sold[1])),
        }
    }

    /// Whether it is of whole orders alone.
    fn is_of_whole_orders(self) -> bool {
        matches!(self, Explained::Gross | Explained::Discounts)
    }

    /// Whether a day of these sums can have an entry of it.
    fn is_in(self, sum: &Sum) -> bool {
        match self {
            Explained::Returns | Explained::ReturnedAmount => sum.back != [0; 3],
            Explained::Discounts => sum.money != [0; 3],
            _ => true,
        }
    }
}

/// A place among the entries: a day of UTC, and the last row of it that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    day: u32,
    row: String,
}

/// The figure and the page that are asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<Explanation>,
    figure: Explained,
    after: Option<After>,
}

/// A figure of sales, and the entries that it is made of, a page at a time. Those of all pages add up
/// to it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    figure: &'static str,
    /// The figure of the range, or of all time.
    #[schema(value_type = f64)]
    value: Number,
    /// The same of each day that has any; on the first page alone.
    days: Option<Vec<Day>>,
    entries: Vec<Entry>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DayOfFigure)]
struct Day {
    /// The day, in the zone that was asked for.
    #[serde(rename = "_id")]
    label: String,
    #[schema(value_type = f64)]
    value: Number,
}

/// What one order, transaction or refund contributes in a day of UTC.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EntryOfFigure)]
struct Entry {
    /// `order`, `transaction`, `refunds` of a transaction, or a `refund` of nothing that is known.
    #[schema(inline)]
    kind: &'static str,
    /// The id of the order, of the transaction, or of the refund.
    id: String,
    /// What it adds to the figure; below zero where it takes off.
    #[schema(value_type = f64)]
    contribution: Number,
    /// The beginning of the first quarter hour that this is counted in.
    #[schema(format = DateTime)]
    counted_at: Option<String>,
    /// The time of the order, sale or refund.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// What it counts as; null of a refund.
    status: Option<&'static str>,
    user_id: Option<String>,
    /// The first 10 products.
    product_ids: Vec<String>,
    /// The first 10 refunds.
    refund_ids: Vec<String>,
    /// How often it was changed since it came; null of a refund of nothing that is known.
    changes: Option<u64>,
    /// The address of its history.
    history: Option<String>,
}

impl View for Explanation {
    const ROUTE: Get = Get {
        path: "/api/metrics/explain",
        access: METRICS,
        id: "explainFigure",
        tag: Tag::Figures,
        summary: "What a figure is made of",
        about: "The figure as the sales have it, by day, and the orders, transactions and refunds that it is made of as they stand, a page at a time: all pages add up to it.",
    };
}

impl Ranging for Explanation {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 20;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::<Explanation>::read(query);
        let figure = query.take_or(&FIGURE, Explained::Net);
        let after = query.take(&CURSOR);
        if figure.is_of_whole_orders() && range.filter != Filter::None {
            let message = "must be netSales, returns, returnedAmount, totalOrders or units, or be without \
                           category, paymentMethod, country and ids: it is of whole orders";
            query.wrong(FieldError::new("figure", message));
        }
        Asked { range, figure, after }
    }
}

impl Figures for Explanation {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Orders]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Asked { range: selection, figure, after } = asked;
        let matching = Matching::of(from, selection).await?;
        let (totals, days, (entries, next)) = tokio::try_join!(
            sales::figures(from, selection),
            days(from, asked, matching.quarters()),
            entries(from, asked, &matching),
        )?;
        let limit = u32::try_from(selection.limit).unwrap_or(u32::MAX);
        let root = &from.snapshot.checkpoint.root;
        Ok(Explanation {
            figure: figure.word(),
            value: figure.of(&totals.sum, totals.statuses),
            days: after.is_none().then_some(days),
            entries,
            pagination: Pagination::of(limit, next.as_ref()),
            range: selection.range.map(|range| range.used(root.first_quarter)),
        })
    }
}

/// The figure of each day of the zone that has any.
async fn days(
    from: ReadContext<'_>,
    asked: &Asked,
    quarters: Quarters,
) -> Result<Vec<Day>, store::Error> {
    if asked.after.is_some() {
        return Ok(Vec::new());
    }
    let sales = Sales::of(from, &asked.range);
    let clock = Clock::of(asked.range.zone, Some(Period::Day));
    let sums = sales.by_period(quarters, &clock).await?.finish();
    let number = |sum: &Sum| asked.figure.of(sum, sales.statuses());
    let day = |(day, sum): (i64, Sum)| Day { label: clock.label(day), value: number(&sum) };
    Ok(sums.into_iter().map(day).filter(|day| !day.value.is_zero()).collect())
}

/// The entries of a page, by day and within it by id in the ledger, and the place where the next one
/// goes on. A row that contributes in several days is an entry of each.
async fn entries(
    from: ReadContext<'_>,
    asked: &Asked,
    matching: &Matching,
) -> Result<(Vec<Entry>, Option<After>), store::Error> {
    let Asked { range, figure, after } = asked;
    let statuses = range.statuses.of(from.snapshot);
    let (mut entries, mut looked) = (Vec::new(), 0);
    let mut place = after.clone();
    let is_ahead = |day: u32| after.as_ref().is_none_or(|after| day >= after.day);
    let days = matching.days(from, range).await?.into_iter();
    for (day, _) in days.filter(|(day, sum)| is_ahead(*day) && figure.is_in(sum)) {
        let quarters = |day| first_quarter(Level::Day, day);
        let of_day = Quarters { from: quarters(day), to: quarters(day + 1) };
        loop {
            let last = place.as_ref().filter(|place| place.day == day).map(|place| &*place.row);
            let rows = from.snapshot.rows_of_day(day, last, ROWS_TOGETHER).await?;
            let is_last = rows.len() < ROWS_TOGETHER as usize;
            for Known { id, document } in rows {
                looked += 1;
                let (sum, first) = matching.sum(&id, &document, of_day);
                let contribution = figure.of(&sum, statuses);
                if !contribution.is_zero() {
                    if entries.len() == range.limit {
                        return Ok((entries, place));
                    }
                    entries.extend(Entry::of(&id, &document, contribution, first));
                }
                place = Some(After { day, row: id });
            }
            if looked >= ROWS {
                return Ok((entries, place));
            }
            if is_last {
                break;
            }
        }
    }
    Ok((entries, None))
}

impl Entry {
    fn of(id: &str, row: &LedgerRow, contribution: Number, first: Option<u32>) -> Option<Self> {
        let entry = |kind, id: &str, at: Option<Time>| Entry {
            kind,
            id: id.to_owned(),
            contribution,
            counted_at: first.map(|quarter| quarter_start(quarter).to_rfc3339()),
            at: at.map(Time::to_rfc3339),
            status: None,
            user_id: None,
            product_ids: Vec::new(),
            refund_ids: Vec::new(),
            changes: None,
            history: None,
        };
        let address = |of: &str, id: &str| {
            Some(format!("/api/{of}/{}", utf8_percent_encode(id, NON_ALPHANUMERIC)))
        };
        Some(match row {
            LedgerRow::Order(PlacedOrder(order)) => {
                let id = id.strip_prefix(PlacedOrder::PREFIX)?;
                let entry = entry("order", id, order.at.or_else(|| first_of_members(order)));
                Entry { history: address("orders", id), ..entry.with_order(order) }
            }
            LedgerRow::Refunded(RefundedSale(order)) => {
                let id = id.strip_prefix(RefundedSale::PREFIX)?;
                let entry = entry("refunds", id, first_of_members(order));
                Entry {
                    history: address("transactions", id),
                    status: None,
                    ..entry.with_order(order)
                }
            }
            LedgerRow::Transaction(sale) => {
                let id = id.strip_prefix(Sale::PREFIX)?;
                Entry {
                    status: Some(sale.status.as_str()),
                    user_id: Some(sale.user.to_string()),
                    product_ids: sale.product.iter().map(ToString::to_string).collect(),
                    changes: Some(sale.history.changes),
                    history: address("transactions", id),
                    ..entry("transaction", id, Some(sale.at))
                }
            }
            LedgerRow::Refund(refund) => Entry {
                user_id: refund.customer.as_ref().map(ToString::to_string),
                product_ids: refund.product.iter().map(ToString::to_string).collect(),
                ..entry("refund", id.strip_prefix(Refund::PREFIX)?, Some(refund.at))
            },
            _ => return None,
        })
    }

    fn with_order(self, order: &Order) -> Self {
        let lines = order.content.iter().flat_map(|content| &content.lines);
        let lines = lines.filter_map(|line| line.product.as_deref());
        let members = order.members.iter().filter_map(|member| member.product.as_deref());
        let mut products: Vec<String> = Vec::new();
        for product in lines.chain(members) {
            if products.len() < NAMED && !products.iter().any(|it| it == product) {
                products.push(product.to_owned());
            }
        }
        let of_members = order.members.first().map(|member| &member.user);
        Entry {
            status: order.status.map(Status::as_str),
            user_id: order.user.as_ref().or(of_members).map(ToString::to_string),
            product_ids: products,
            refund_ids: order.refunds.iter().take(NAMED).map(|it| it.id.to_string()).collect(),
            changes: Some(order.history.changes),
            ..self
        }
    }
}

fn first_of_members(order: &Order) -> Option<Time> {
    order.members.iter().map(|member| member.at).min()
}
