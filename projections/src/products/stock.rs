//! The stock of a product: `events.stock`.

use std::borrow::Cow;

use super::id::product_id;
use crate::json::Says::{Needed, Optional};
use crate::json::values::{Read, date, quantity};
use crate::json::{Adjusted, Declared, Is, Payload, Reader, members, own};
use crate::quantity::Quantity;
use crate::time::Time;

/// The stock of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock<'a> {
    /// Identity.
    pub product_id: Cow<'a, str>,
    /// Units on hand; below zero where more was sold than was known to be there.
    pub stock: Quantity,
    /// The producer's version of the stock.
    pub updated_at: Option<Time>,
    /// What became of values that are not taken as they are.
    pub adjusted: Adjusted,
}

/// The least units on hand.
pub(super) const STOCK_MIN: Quantity = Quantity::whole(-1_000_000_000);
/// The most units on hand.
pub(super) const STOCK_MAX: Quantity = Quantity::whole(1_000_000_000_000);

/// Units on hand, from -10⁹ to 10¹².
pub(crate) fn stock(json: &str, reader: &mut Reader<'_>) -> Read<Quantity> {
    quantity(STOCK_MIN..=STOCK_MAX)(json, reader)
}

members! {
    Members {
        /// Any but `(none)`.
        product_id = "productId" | "product_id" | "_id": Needed(Is::Id),
        stock = "stock" | "qty": Needed(Is::Units(STOCK_MIN, STOCK_MAX)),
        /// The producer's version: the newest counts.
        updated_at = "updatedAt" | "updated_at": Optional(Is::Date),
    }
}

impl<'a> Payload<'a> for Stock<'a> {
    type Members = Members<'a>;
    const MEMBERS: &'static [Declared] = Members::DECLARED;
    const EXAMPLE: &'static str =
        r#"{"productId":"mug","stock":38,"updatedAt":"2026-01-02T03:04:05Z"}"#;

    fn read(found: &Members<'a>, reader: &mut Reader<'_>) -> Self {
        Stock {
            product_id: reader.required(found.product_id, product_id),
            stock: reader.required(found.stock, stock),
            updated_at: reader.optional(found.updated_at, date),
            adjusted: reader.adjusted,
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
    fn stock_is_a_number_of_units_that_may_be_a_fraction_or_negative() {
        for (json, expected) in [
            ("0", (0, false)),
            ("1e12", (1_000_000_000_000_000, false)),
            ("-1e9", (-1_000_000_000_000, false)),
            ("12.5", (12_500, false)),
            ("-3", (-3_000, false)),
            ("0.0001", (0, true)),
            ("\"12\"", (12_000, false)),
        ] {
            let body = format!(r#"{{"productId":"p","stock":{json}}}"#);
            let Ok(Event::Stock(it)) = parse(Kind::Stock, body.as_bytes(), &LIMITS) else {
                panic!("{json}");
            };
            assert_eq!((it.stock.0, it.adjusted.rounded), expected);
        }
        for json in ["-1000000000.001", "1000000000001", "[1]", "true", "null"] {
            let body = format!(r#"{{"productId":"p","stock":{json}}}"#);
            let reasons = parse(Kind::Stock, body.as_bytes(), &LIMITS).unwrap_err();
            assert_eq!(reasons[0].field, "stock", "{json}");
        }
    }
}
