//! `GET /api/orders/{id}`.

use projections::money::{self, Money};
use projections::orders::status::{STEPS, Step};
use projections::orders::{Irregularity, Line, Member, Order, PartialRefund, PlacedOrder};
use projections::quantity::{self, Quantity};
use projections::sales::Status;
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::history::{EntityChange, newest_first};
use crate::http::openapi::{Get, Tag};
use crate::query::Error;
use crate::query::memory::ReadContext;
use crate::query::params::ById;
use crate::query::view::{Figures, METRICS, View};

const MISSING: &str = "There is no such order.";

/// An order: its facts as their newest events state them, what it counts as, and how it came to be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneOrder {
    pub(super) order_id: String,
    /// Absent where it was made of transactions, or only statuses and refunds of it have come.
    pub(super) user_id: Option<String>,
    #[schema(format = DateTime)]
    pub(super) order_date: Option<String>,
    invoice: Option<String>,
    /// What it counts as; of an order made of transactions each counts by itself.
    pub(super) status: Option<&'static str>,
    pub(super) order_status: Option<&'static str>,
    pub(super) payment_status: Option<&'static str>,
    pub(super) delivery_status: Option<&'static str>,
    payment_method: Option<String>,
    country: Option<String>,
    lines: Vec<OrderLine>,
    /// The transactions that it is made of.
    transactions: Vec<OrderTransaction>,
    refunds: Vec<OrderRefund>,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    gross_sales: Money,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    discounts: Money,
    /// What came back of it.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    returns: Money,
    /// Gross sales less discounts and returns.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    pub(super) net_sales: Money,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    delivery_fee: Money,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    tax: Money,
    tax_included: bool,
    /// The stated total, else that of the lines, the fee and the tax.
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    total: Option<Money>,
    /// The first time of each status.
    first_times: Vec<FirstTime>,
    /// What is odd about it.
    pub(super) irregular: Vec<&'static str>,
    /// The number of all changes.
    changes: u64,
    /// The newest 100 changes, the newest first.
    history: Vec<EntityChange>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderLine {
    line_id: String,
    product_id: Option<String>,
    category: Option<String>,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    quantity: Quantity,
    /// Quantity times price.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    gross: Money,
    /// The discount on the line, and its share of the order's.
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    discount: Money,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    net: Money,
    #[serde(with = "money::as_number::option")]
    #[schema(value_type = Option<f64>)]
    cost: Option<Money>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderTransaction {
    transaction_id: String,
    user_id: String,
    product_id: Option<String>,
    category: Option<String>,
    status: &'static str,
    #[schema(format = DateTime)]
    transaction_date: String,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    quantity: Quantity,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    total_price: Money,
}

/// A refund of an order or transaction.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRefund {
    refund_id: String,
    /// The line or the transaction that it is of.
    line_id: Option<String>,
    product_id: Option<String>,
    #[serde(with = "money::as_number")]
    #[schema(value_type = f64)]
    amount: Money,
    #[serde(with = "quantity::as_number")]
    #[schema(value_type = f64)]
    quantity: Quantity,
    #[schema(format = DateTime)]
    at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FirstTime {
    /// As `order pending`, `payment paid`, `delivery picked`.
    status: &'static str,
    #[schema(format = DateTime)]
    at: String,
}

impl View for OneOrder {
    const ROUTE: Get = Get {
        path: "/api/orders/{id}",
        access: METRICS,
        id: "getOrder",
        tag: Tag::Figures,
        summary: "One order, and how it came to be",
        about: "Its lines, statuses and refunds as their newest events state them, its money, and its newest 100 changes.",
    };
    const MISSING: Option<&'static str> = Some(MISSING);
}

impl Figures for OneOrder {
    const TOPICS: Topics = Topics::of(&[Topic::Orders]);
    type Parameters = ById;

    async fn read(from: ReadContext<'_>, asked: &ById) -> Result<Self, Error> {
        let row = from.snapshot.row::<PlacedOrder>(&asked.id).await?;
        let PlacedOrder(order) = row.ok_or(Error::NotFound(MISSING))?;
        Ok(OneOrder::of(asked.id.clone(), &order))
    }
}

impl OneOrder {
    /// An order as it is told.
    pub(super) fn of(order_id: String, order: &Order) -> Self {
        let content = order.content.as_deref();
        let lines = content.map(|content| &content.lines[..]).unwrap_or_default();
        let of_lines = |of: fn(&Line) -> Money| lines.iter().map(|line| of(line).0).sum::<i64>();
        let sold = |member: &&Member| matches!(member.status, Status::Completed | Status::Returned);
        let of_members: i64 = order.members.iter().filter(sold).map(|it| it.amount.0).sum();
        let gross = of_lines(|line| line.gross) + of_members;
        let (discounts, returns) = (of_lines(|line| line.discount), order.returned());
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        OneOrder {
            order_id,
            user_id: text(&order.user),
            order_date: order.at.map(Time::to_rfc3339),
            invoice: content.and_then(|content| text(&content.invoice)),
            status: order.status.map(Status::as_str),
            order_status: order.order_status.map(|it| it.is.as_str()),
            payment_status: order.payment_status.map(|it| it.is.as_str()),
            delivery_status: order.delivery_status.map(|it| it.is.as_str()),
            payment_method: content.and_then(|content| text(&content.payment_method)),
            country: content.and_then(|content| text(&content.country)),
            lines: lines.iter().map(OrderLine::from).collect(),
            transactions: order.members.iter().map(OrderTransaction::from).collect(),
            refunds: order.refunds.iter().map(OrderRefund::from).collect(),
            gross_sales: Money(gross),
            discounts: Money(discounts),
            returns,
            net_sales: Money(gross - discounts - returns.0),
            delivery_fee: content.map(|content| content.delivery_fee).unwrap_or_default(),
            tax: content.map(|content| content.tax).unwrap_or_default(),
            tax_included: content.is_none_or(|content| content.tax_included),
            total: content.map(|it| it.total.unwrap_or_else(|| it.total_of_lines())),
            first_times: first_times(order),
            irregular: order.irregular.iter().map(Irregularity::as_str).collect(),
            changes: order.history.changes,
            history: newest_first(&order.history),
        }
    }
}

fn first_times(order: &Order) -> Vec<FirstTime> {
    let first = |(step, status): (usize, &&'static str)| {
        let at = order.firsts.of(step)?.to_rfc3339();
        Some(FirstTime { status, at })
    };
    STEPS.iter().enumerate().filter_map(first).collect()
}

impl From<&Line> for OrderLine {
    fn from(line: &Line) -> Self {
        OrderLine {
            line_id: line.id.to_string(),
            product_id: line.product.as_deref().map(str::to_owned),
            category: line.category.as_deref().map(str::to_owned),
            quantity: line.quantity,
            gross: line.gross,
            discount: line.discount,
            net: line.net(),
            cost: line.cost,
        }
    }
}

impl From<&Member> for OrderTransaction {
    fn from(member: &Member) -> Self {
        OrderTransaction {
            transaction_id: member.id.to_string(),
            user_id: member.user.to_string(),
            product_id: member.product.as_deref().map(str::to_owned),
            category: member.category.as_deref().map(str::to_owned),
            status: member.status.as_str(),
            transaction_date: member.at.to_rfc3339(),
            quantity: member.quantity,
            total_price: member.amount,
        }
    }
}

impl From<&PartialRefund> for OrderRefund {
    fn from(refund: &PartialRefund) -> Self {
        OrderRefund {
            refund_id: refund.id.to_string(),
            line_id: refund.line.as_deref().map(str::to_owned),
            product_id: refund.product.as_deref().map(str::to_owned),
            amount: refund.amount,
            quantity: refund.quantity,
            at: refund.at.to_rfc3339(),
        }
    }
}
