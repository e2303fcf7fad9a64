//! A refund: `events.refund`.

use std::borrow::Cow;

use crate::json::values::{amount, currency, date, id, open, quantity};
use crate::json::{Payload, Reader, members, own};
use crate::money::Money;
use crate::products::id::product_id;
use crate::time::Time;

/// A refund as its newest event states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refund<'a> {
    /// Identity.
    pub refund_id: Cow<'a, str>,
    /// The amount that was given back, not negative.
    pub amount: Money,
    /// Whether a number with too many decimals was rounded.
    pub rounded: bool,
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
    /// What came back, in 1/1,000 of a unit; zero if nothing did.
    pub quantity: i64,
    /// Trimmed, if stated.
    pub country: Option<Cow<'a, str>>,
    /// Trimmed, if stated.
    pub reason: Option<Cow<'a, str>>,
    /// The producer's version of this entity.
    pub updated_at: Option<Time>,
}

members! {
    Members("") {
        refund_id = "refundId",
        id = "_id",
        amount = "amount",
        at = "at",
        created_at = "createdAt",
        order_id = "orderId",
        order = "order",
        transaction_id = "transactionId",
        line_id = "lineId",
        product_id = "productId",
        user_id = "userId",
        user = "user",
        quantity = "quantity",
        country = "country",
        reason = "reason",
        currency = "currency",
        updated_at = "updatedAt",
    }
}

impl<'a> Payload<'a> for Refund<'a> {
    type Members = Members<'a>;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let limits = reader.limits;
        let refund_id = reader.required(found.refund_id.or(found.id), id);
        let amount = reader.required(found.amount, amount);
        reader.optional(found.currency, currency(limits));
        let quantity = reader.optional(found.quantity, quantity).unwrap_or_default();
        Refund {
            refund_id,
            amount: amount.money,
            rounded: amount.rounded | quantity.rounded,
            at: reader.required(found.at.or(found.created_at), date(limits)),
            order_id: reader.optional(found.order_id.or(found.order), id),
            transaction_id: reader.optional(found.transaction_id, id),
            line_id: reader.optional(found.line_id, id),
            product_id: reader.optional(found.product_id, product_id),
            user_id: reader.optional(found.user_id.or(found.user), id),
            quantity: quantity.thousandths,
            country: reader.optional(found.country, open),
            reason: reader.optional(found.reason, open),
            updated_at: reader.optional(found.updated_at, date(limits)),
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
