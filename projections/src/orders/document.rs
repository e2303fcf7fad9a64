//! The stored form of an order.

use serde::{Deserialize, Serialize};

use super::status::{DeliveryStep, OrderStep, PaymentStep, STEPS, Step};
use crate::days::Days;
use crate::fold::version::{self, Version};
use crate::history::History;
use crate::money::Money;
use crate::quantity::Quantity;
use crate::rates::foreign::Foreign;
use crate::sales::document::Sale;
use crate::sales::status::Status;
use crate::time::Time;

/// An order as it is known: its content and statuses as their newest events state them, the
/// transactions that name it, and the refunds of it. Each part has a version of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Order {
    /// The customer; absent while no order event has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<str>>,
    /// The status that it counts as; absent while no order event has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The order's date; absent while no order event has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The statements of its newest order event, its statuses apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<Content>>,
    /// The newest status of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_status: Option<Current<OrderStep>>,
    /// The newest status of its payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_status: Option<Current<PaymentStep>>,
    /// The newest status of its delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_status: Option<Current<DeliveryStep>>,
    /// The earliest time of each status that was ever stated, by its place among
    /// [`STEPS`](super::status::STEPS).
    #[serde(skip_serializing_if = "Firsts::is_empty")]
    pub firsts: Firsts,
    /// The transactions that name it, by `transactionId`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// Its refunds, by `refundId`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<PartialRefund>,
    /// Its contradictions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub irregular: Vec<Irregularity>,
    /// The days in which it contributes to a figure.
    #[serde(skip_serializing_if = "Days::is_empty")]
    pub days: Days,
    /// Its changes.
    #[serde(skip_serializing_if = "History::is_empty")]
    pub history: History,
}

/// A contradiction in an order; the order is counted all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Irregularity {
    /// The stated total is not that of the lines.
    Total,
    /// A discount is more than the price that it is on.
    Discount,
    /// A status went back, or on from an end.
    Step,
    /// More was refunded than was paid.
    Refund,
    /// A refund of something that was never sold; it is not counted.
    Unsold,
    /// A refund in a currency for which there was no rate; it is not counted.
    Rate,
}

/// The row of an order, by `orderId`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlacedOrder(pub Box<Order>);

/// The row of a transaction that is no line of an order and that a refund names, by `transactionId`:
/// an order of that one transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefundedSale(pub Box<Order>);

/// The statements of an order event, its statuses apart, and the codes that it is counted under.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The customer's ordinal.
    pub buyer: u32,
    /// As stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<Box<str>>,
    /// As stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// As stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Box<str>>,
    /// The codes of payment method and country in the vocabularies of the order's month.
    pub codes: [u16; 2],
    /// The same in the vocabularies of the shop.
    #[serde(default)]
    pub shop_codes: [u16; 2],
    /// The lines, in the order in which they were stated.
    pub lines: Vec<Line>,
    /// The price of the lines less all discounts as stated, in another currency than the shop's.
    /// All other amounts are in the shop's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// The other amounts that were stated in that currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// The discount on the whole order, which the lines share.
    pub discount: Money,
    /// The fee for the delivery.
    pub delivery_fee: Money,
    /// The tax, if stated.
    pub tax: Money,
    /// Whether the lines' prices include the tax.
    pub tax_included: bool,
    /// The total, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}

/// Amounts of an order as they were stated in another currency than the shop's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stated {
    /// The price of the lines.
    pub gross: Money,
    /// All discounts: those of the lines, and that of the whole order.
    pub discounts: Money,
    /// The total, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}

/// A line of an order event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its id, else its place among the lines from 1.
    pub id: Box<str>,
    /// The product, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<str>>,
    /// The product's ordinal, or the reserved one's.
    pub sold: u32,
    /// The category that the line states, else the one that the line of the same id and product had,
    /// else the catalogue's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Box<str>>,
    /// The category's code in the vocabulary of the order's month.
    pub code: u16,
    /// The same in the vocabulary of the shop.
    #[serde(default)]
    pub shop_code: u16,
    /// Units of the product.
    pub quantity: Quantity,
    /// Quantity times price.
    pub gross: Money,
    /// The discount on the line and its share of the order's.
    pub discount: Money,
    /// The cost of the units sold: as stated; else that which the line of the same id, product and
    /// quantity had, if none was stated for that; else by the catalogue's cost of a unit. Absent if not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether that is by the catalogue's cost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cost_of_catalogue: bool,
}

/// A status, and the version of the event that stated it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Current<S> {
    /// The status.
    pub is: S,
    /// The version of the event that stated it.
    #[serde(flatten)]
    pub version: Version,
}

/// The earliest time of each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Firsts([Option<Time>; STEPS.len()]);

/// A transaction of an order, as far as the order counts it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its `transactionId`.
    pub id: Box<str>,
    /// The customer.
    pub user: Box<str>,
    /// The customer's ordinal.
    pub buyer: u32,
    /// The product, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<str>>,
    /// The product's ordinal, or the reserved one's.
    pub sold: u32,
    /// The category that it is counted under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Box<str>>,
    /// The codes that it is counted under.
    pub cell: [u16; 3],
    /// The same in the vocabularies of the shop.
    #[serde(default)]
    pub shop_cell: [u16; 3],
    /// The status that it counts as.
    pub status: Status,
    /// The time of the sale.
    pub at: Time,
    /// Units of the product.
    pub quantity: Quantity,
    /// Its total price.
    pub amount: Money,
    /// The same as stated, in another currency than the shop's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// The time at which it came back, if it counts as returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned_at: Option<Time>,
}

/// A refund of an order or of a part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartialRefund {
    /// Its `refundId`.
    pub id: Box<str>,
    /// The line that it is of, if named: of an order's event the line's id, of transactions theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Box<str>>,
    /// The product that it is of, if named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<str>>,
    /// The amount that was given back; in another currency, by the rate that it has by itself.
    pub amount: Money,
    /// The same as stated, in another currency than the shop's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// Units that came back with it.
    pub quantity: Quantity,
    /// The time at which the shop processed it.
    pub at: Time,
    /// Whether it named the transaction alone, and so follows it to another order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
}

impl Irregularity {
    /// All of them.
    pub const ALL: [Irregularity; 6] = [
        Irregularity::Total,
        Irregularity::Discount,
        Irregularity::Step,
        Irregularity::Refund,
        Irregularity::Unsold,
        Irregularity::Rate,
    ];

    /// Its name, as stored and in answers.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Irregularity::Total => "total",
            Irregularity::Discount => "discount",
            Irregularity::Step => "step",
            Irregularity::Refund => "refund",
            Irregularity::Unsold => "unsold",
            Irregularity::Rate => "rate",
        }
    }
}

impl FromIterator<(usize, Time)> for Firsts {
    fn from_iter<I: IntoIterator<Item = (usize, Time)>>(times: I) -> Self {
        let mut firsts = Firsts::default();
        times.into_iter().for_each(|(step, at)| firsts.note(step, at));
        firsts
    }
}

impl Firsts {
    /// Whether no status was ever stated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The earliest time of a status.
    #[must_use]
    pub fn of(&self, step: usize) -> Option<Time> {
        self.0[step]
    }

    fn note(&mut self, step: usize, at: Time) {
        self.0[step] = Some(self.0[step].map_or(at, |first| first.min(at)));
    }
}

impl Member {
    /// The transaction as its order counts it.
    #[must_use]
    pub fn of(id: &str, sale: &Sale) -> Self {
        Member {
            id: id.into(),
            user: sale.user.clone(),
            buyer: sale.buyer,
            product: sale.product.clone(),
            sold: sale.sold,
            category: sale.category.clone(),
            cell: sale.cell,
            shop_cell: sale.shop_cell,
            status: sale.status,
            at: sale.at,
            quantity: sale.quantity,
            amount: sale.amount,
            foreign: sale.foreign,
            returned_at: sale.returned_at(),
        }
    }
}

impl Line {
    /// Whether no cost was stated.
    pub(super) fn is_uncosted(&self) -> bool {
        self.cost.is_none() || self.cost_of_catalogue
    }

    /// Whether it was stated with this cost, or without one.
    pub(super) fn says_cost(&self, stated: Option<Money>) -> bool {
        match stated {
            None => self.is_uncosted(),
            stated => self.cost == stated && !self.cost_of_catalogue,
        }
    }

    /// The amount paid for it.
    #[must_use]
    pub fn net(&self) -> Money {
        Money(self.gross.0 - self.discount.0)
    }
}

impl Order {
    /// Whether nothing that counts is known of it: its statuses and refunds wait for an order event
    /// or a transaction.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.content.is_none() && self.members.is_empty()
    }

    /// States one of its statuses. Returns the effect on that part.
    pub(crate) fn state<S: Step>(
        current: &mut Option<Current<S>>,
        firsts: &mut Firsts,
        is: S,
        at: Time,
        version: Version,
    ) -> version::Stated {
        let before = firsts.of(is.step());
        firsts.note(is.step(), at);
        let same = current.as_ref().is_some_and(|known| known.is == is);
        let (stated, version) = version.weigh(current.map(|known| known.version), same);
        match (stated, &mut *current) {
            (version::Stated::Stale, _) => {}
            (version::Stated::Unchanged, Some(known)) => known.version = version,
            _ => *current = Some(Current { is, version }),
        }
        let is_earlier = before.is_none_or(|before| at < before);
        if stated != version::Stated::Applied && is_earlier {
            version::Stated::Applied
        } else {
            stated
        }
    }

    /// The time at which it came back as a whole, if it counts as returned.
    #[must_use]
    pub fn returned_at(&self) -> Option<Time> {
        let at = self.at.filter(|_| self.status == Some(Status::Returned))?;
        // It is returned by being cancelled once it was paid, whichever came last.
        let steps = [OrderStep::Cancelled.step(), PaymentStep::Paid.step()];
        Some(steps.into_iter().filter_map(|step| self.firsts.of(step)).fold(at, Time::max))
    }

    /// The most that can be in the store: well below a megabyte, whatever the texts are.
    pub(crate) const BYTES_MAX: usize = 640 * 1024;

    /// About the bytes of its stored form.
    pub(crate) fn bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        let lines = self.content.iter().flat_map(|content| &content.lines);
        let lines = lines.map(|it| 150 + it.id.len() + text(&it.product) + text(&it.category));
        let members = self.members.iter();
        let members = members
            .map(|it| 300 + it.id.len() + it.user.len() + text(&it.product) + text(&it.category));
        let refunds = self.refunds.iter();
        let refunds = refunds.map(|it| 200 + it.id.len() + text(&it.line) + text(&it.product));
        lines.chain(members).chain(refunds).sum()
    }
}
