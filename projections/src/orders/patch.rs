//! Newer statuses of an order: `events.orderstatus`.

use std::borrow::Cow;

use super::event::step;
use super::status::{DeliveryStep, OrderStep, PaymentStep, Step};
use crate::json::Says::{Among, Needed};
use crate::json::values::{date, id};
use crate::json::{Adjusted, Declared, Is, Member, Payload, Reader, members, own};
use crate::time::Time;

/// Statuses of an order as of an instant; those that it does not name stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderStatus<'a> {
    /// The order.
    pub order_id: Cow<'a, str>,
    /// The instant, which is the version of the statuses.
    pub at: Time,
    /// The status of the order.
    pub order_status: Option<OrderStep>,
    /// The status of its payment.
    pub payment_status: Option<PaymentStep>,
    /// The status of its delivery.
    pub delivery_status: Option<DeliveryStep>,
    /// Changes to values that are not taken as they are.
    pub adjusted: Adjusted,
}

members! {
    Members {
        order_id = "orderId" | "order_id" | "order" | "_id": Needed(Is::Id),
        /// The producer's version of the statuses that the event names.
        at = "at" | "updatedAt" | "updated_at": Needed(Is::Date),
        /// At least one of the three is there.
        order_status = "orderStatus" | "order_status": Among(Is::Word(OrderStep::WORDS)),
        payment_status = "paymentStatus" | "payment_status": Among(Is::Word(PaymentStep::WORDS)),
        delivery_status =
            "deliveryStatus" | "delivery_status": Among(Is::Word(DeliveryStep::WORDS)),
    }
}

impl<'a> Payload<'a> for OrderStatus<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str = r#"{
        "orderId":"o-1", "at":"2026-01-03T03:04:05Z", "orderStatus":"shipped",
        "paymentStatus":"paid", "deliveryStatus":"picked"
    }"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let event = OrderStatus {
            order_id: reader.required(found.order_id, id),
            at: reader.required(found.at, date),
            order_status: reader.optional(found.order_status, step),
            payment_status: reader.optional(found.payment_status, step),
            delivery_status: reader.optional(found.delivery_status, step),
            adjusted: reader.adjusted,
        };
        let statuses = [found.order_status, found.payment_status, found.delivery_status];
        if statuses.iter().all(Member::is_blank) {
            let message = "is required, unless paymentStatus or deliveryStatus is there";
            reader.refuse(found.order_status, message.into());
        }
        event
    }

    fn entity(&self) -> &str {
        &self.order_id
    }
}

impl OrderStatus<'_> {
    /// The same statuses with texts of their own.
    #[must_use]
    pub fn into_owned(self) -> OrderStatus<'static> {
        OrderStatus { order_id: own(self.order_id), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind, Limits, parse};

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    #[test]
    fn a_patch_names_one_status_or_more() {
        let body = r#"{"orderId":"o","at":"2026-11-21","payment_status":"paid"}"#;
        let Ok(Event::OrderStatus(it)) = parse(Kind::OrderStatus, body.as_bytes(), &LIMITS) else {
            panic!("not read");
        };
        assert_eq!((it.order_status, it.payment_status), (None, Some(PaymentStep::Paid)));
        let body = r#"{"orderId":"o","at":"2026-11-21","orderStatus":null,"payment_status":""}"#;
        let reasons = parse(Kind::OrderStatus, body.as_bytes(), &LIMITS).unwrap_err();
        assert_eq!((reasons.len(), &*reasons[0].field), (1, "orderStatus"));
        let body = r#"{"orderId":"o","at":"2026-11-21","orderStatus":"lost"}"#;
        let reasons = parse(Kind::OrderStatus, body.as_bytes(), &LIMITS).unwrap_err();
        let allowed = "must be pending, processing, shipped, delivered or cancelled (a text of 4 characters came)";
        assert_eq!(reasons[0].message, allowed);
    }
}
