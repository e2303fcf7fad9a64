//! The stock of a product: `events.stock`.

use std::borrow::Cow;

use super::id::product_id;
use crate::json::Says::{Needed, Optional};
use crate::json::values::{Read, date, whole};
use crate::json::{Declared, Is, Payload, Reader, members, own};
use crate::time::Time;

/// The stock of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock<'a> {
    /// Identity.
    pub product_id: Cow<'a, str>,
    /// Items on hand.
    pub stock: i64,
    /// The producer's version of the stock.
    pub updated_at: Option<Time>,
}

/// Most items on hand.
pub(super) const STOCK_MAX: i64 = 1_000_000_000_000;

/// Items on hand: a whole number from 0 to 10¹².
pub(crate) fn stock(json: &str) -> Read<i64> {
    whole(0, STOCK_MAX)(json)
}

members! {
    Members("") {
        /// Any but `(none)`.
        product_id = "productId": Needed(Is::Id),
        stock = "stock": Needed(Is::Whole(0, STOCK_MAX)),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt": Optional(Is::Date),
    }
}

impl<'a> Payload<'a> for Stock<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str =
        r#"{"productId":"mug","stock":38,"updatedAt":"2026-01-02T03:04:05Z"}"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        let limits = reader.limits;
        Stock {
            product_id: reader.required(found.product_id, product_id),
            stock: reader.required(found.stock, stock),
            updated_at: reader.optional(found.updated_at, date(limits)),
        }
    }

    fn entity(&self) -> &str {
        &self.product_id
    }
}

impl Stock<'_> {
    /// The same stock with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Stock<'static> {
        Stock { product_id: own(self.product_id), ..self }
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, Kind, Limits, parse};
    use crate::time::Time;

    const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

    #[test]
    fn stock_is_a_whole_number_from_nothing_to_a_million_million() {
        for (json, expected) in
            [("0", Some(0)), ("1e12", Some(1_000_000_000_000)), ("1.0", Some(1))]
        {
            let body = format!(r#"{{"productId":"p","stock":{json}}}"#);
            let Ok(Event::Stock(it)) = parse(Kind::Stock, body.as_bytes(), &LIMITS) else {
                panic!("{json}");
            };
            assert_eq!(Some(it.stock), expected);
        }
        for json in ["-1", "1000000000001", "0.5", "\"1\"", "null"] {
            let body = format!(r#"{{"productId":"p","stock":{json}}}"#);
            let reasons = parse(Kind::Stock, body.as_bytes(), &LIMITS).unwrap_err();
            assert_eq!(reasons[0].field, "stock", "{json}");
        }
    }
}
