//! The stock of a product: `events.stock`.

use super::Stock;
use super::fields::members;
use super::reader::{Reader, own};
use super::values::{date, product_id, stock};

members! {
    Members("") {
        product_id = "productId",
        stock = "stock",
        updated_at = "updatedAt",
    }
}

pub(super) fn read<'a>(found: &Members<'a>, reader: &mut Reader<'_>) -> Stock<'a> {
    let limits = reader.limits;
    Stock {
        product_id: reader.required(found.product_id, product_id),
        stock: reader.required(found.stock, stock),
        updated_at: reader.optional(found.updated_at, date(limits)),
    }
}

impl Stock<'_> {
    /// The same with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Stock<'static> {
        Stock { product_id: own(self.product_id), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Kind, Limits, parse};
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
