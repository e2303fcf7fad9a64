//! A refund: `events.refund`.

use std::borrow::Cow;

use crate::json::Says::{Needed, Optional};
use crate::json::values::{OPEN_CHARS_MAX, amount, currency, date, id, open, rate};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::money::Money;
use crate::products::id::product_id;
use crate::quantity::Quantity;
use crate::rates::foreign::Foreign;
use crate::sales::event::{QUANTITY_MAX, QUANTITY_MIN, units};
use crate::time::Time;

/// A refund as its newest event states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refund<'a> {
    /// Identity.
    pub refund_id: Cow<'a, str>,
    /// The amount that was given back, not negative; once it is converted, in the shop's currency.
    pub amount: Money,
    /// The same as stated, in another currency than the shop's.
    pub foreign: Option<Foreign>,
    /// The time at which the shop processed it.
    pub at: Time,
    /// The order, if named.
    pub order_id: Option<Cow<'a, str>>,
    /// The transaction, if named.
    pub transaction_id: Option<Cow<'a, str>>,
    /// The line of the order, if named.
    pub line_id: Option<Cow<'a, str>>,
    /// The product, if named.
    pub product_id: Option<Cow<'a, str>>,
    /// The customer, if named.
    pub user_id: Option<Cow<'a, str>>,
    /// Units that came back; none if nothing did.
    pub quantity: Quantity,
    /// Trimmed, if stated.
    pub country: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub reason: Option<Cow<'a, str>>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        refund_id = "refundId" | "refund_id" | "_id": Needed(Is::Id),
        amount = "amount": Needed(Is::Amount),
        /// When the shop gave it back.
        at = "at" | "createdAt" | "created_at": Needed(Is::Date),
        /// Without an order or a transaction it is counted by itself.
        order_id = "orderId" | "order_id" | "order": Optional(Is::Id),
        transaction_id = "transactionId" | "transaction_id": Optional(Is::Id),
        /// A line of the order; without a line or a product its lines share the refund.
        line_id = "lineId" | "line_id": Optional(Is::Id),
        /// Any but `(none)`.
        product_id = "productId" | "product_id": Optional(Is::Id),
        user_id = "userId" | "user_id" | "user": Optional(Is::Id),
        /// Units that came back; none if absent.
        quantity = "quantity" | "qty": Optional(Is::Units(QUANTITY_MIN, QUANTITY_MAX)),
        country = "country": Optional(Is::Text(OPEN_CHARS_MAX)),
        reason = "reason": Optional(Is::Text(OPEN_CHARS_MAX)),
        /// The shop's if absent.
        currency = "currency": Optional(Is::Currency),
        /// The amount of the shop's currency for one unit of `currency`; that of what it is of if absent.
        exchange_rate = "exchangeRate" | "exchange_rate": Optional(Is::Rate),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

impl<'a> Payload<'a> for Refund<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "refundId":"r-1", "amount":6.25, "at":"2026-01-05T03:04:05Z", "orderId":"o-1",
        "transactionId":"t-1", "lineId":"1", "productId":"mug", "userId":"ann", "quantity":1,
        "country":"IE", "reason":"broken", "updatedAt":"2026-01-05T03:04:05Z"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let refund_id = reader.required(found.refund_id, id);
        let amount = reader.required(found.amount, amount);
        let currency = reader.optional(found.currency, currency).flatten();
        let rate = reader.optional(found.exchange_rate, rate).flatten();
        Refund {
            refund_id,
            amount,
            foreign: currency.map(|it| Foreign::stated(it, amount, rate)),
            at: reader.required(found.at, date),
            order_id: reader.optional(found.order_id, id),
            transaction_id: reader.optional(found.transaction_id, id),
            line_id: reader.optional(found.line_id, id),
            product_id: reader.optional(found.product_id, product_id),
            user_id: reader.optional(found.user_id, id),
            quantity: reader.optional(found.quantity, units).unwrap_or_default(),
            country: reader.optional(found.country, open),
            reason: reader.optional(found.reason, open),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
        }
    }

    fn entity(&self) -> &str {
        &self.refund_id
    }
}

impl Refund<'_> {
    /// The same refund with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Refund<'static> {
        Refund {
            refund_id: own(self.refund_id),
            order_id: self.order_id.map(own),
            transaction_id: self.transaction_id.map(own),
            line_id: self.line_id.map(own),
            product_id: self.product_id.map(own),
            user_id: self.user_id.map(own),
            country: self.country.map(own),
            reason: self.reason.map(own),
            ..self
        }
    }
}
